"""Cells of an XLSX that show an error (``#REF!``, ``#DIV/0!``), and formulas whose result was not saved.

calamine 0.9 gives both as empty text, so that a broken formula would load as "unknown" without a word. They
are looked up in the sheets' XML, by a thread of its own while calamine parses. Other workbook formats keep
that gap.
"""

from __future__ import annotations

import posixpath
import re
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO
from xml.etree import ElementTree

from ingestion.readers.source import Source

ErrorTexts = dict[int, dict[int, str]]
"""Row → column → text, both counted from 0."""

_CHUNK = 1 << 20
# The longest formula fits twice.
_OVERLAP = 32 << 10
_MARK = b't="e"'
_CELL = re.compile(rb'<c\s([^>]*\bt="e"[^>]*)>(?:(?!</c>).)*?<v>([^<]*)</v>', re.DOTALL)
# What a program writes that does not calculate; Excel saves an empty text as a result of type "str".
_FORMULA = re.compile(
    rb'<c\s((?:(?!\bt="str")[^>])*)>\s*<f(?:\s[^>]*)?(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>'
)
_FORMULAS = (b"<f>", b"<f ")
_PLACE = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')


@dataclass
class _Found:
    """What stands in the XML of a sheet."""

    errors: ErrorTexts = field(default_factory=dict)
    without_result: int = 0
    first_without_result: str = ""


class ErrorCells:
    """The error cells of every sheet; looking for them begins at once, the answers wait for the end."""

    def __init__(self, source: Source) -> None:
        self._found: dict[str, _Found] = {}
        self._thread = threading.Thread(target=self._look, args=(source,), daemon=True)
        self._thread.start()

    def of(self, sheet: str) -> ErrorTexts:
        self._thread.join()
        return self._found.get(sheet, _Found()).errors

    def warnings(self, sheet: str) -> list[str]:
        """What a clerk should know of the formulas of a sheet."""
        self._thread.join()
        found = self._found.get(sheet, _Found())
        if not found.without_result:
            return []
        return [
            f"{found.without_result} rumus tanpa hasil tersimpan dibaca kosong, yang pertama di sel "
            f"{found.first_without_result}. Buka berkas dengan Excel, simpan, lalu kirim lagi."
        ]

    def _look(self, source: Source) -> None:
        # What is broken here, calamine says better.
        try:
            with source.open() as file, zipfile.ZipFile(file) as archive:
                for sheet, member in _sheets(archive):
                    with archive.open(member) as xml:
                        self._found[sheet] = _look_through(xml)
        except Exception:
            return


def _sheets(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Name of each sheet and the member of the archive that holds it."""
    names = set(archive.namelist())
    if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= names:
        return
    links = {
        link.get("Id"): posixpath.normpath(posixpath.join("/xl", link.get("Target", ""))).lstrip("/")
        for link in ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    }
    for element in ElementTree.fromstring(archive.read("xl/workbook.xml")).iter():
        if element.tag.rpartition("}")[2] == "sheet":
            link = next((value for key, value in element.items() if key.endswith("}id")), None)
            if (member := links.get(link)) in names:
                yield element.get("name", ""), member


def _look_through(xml: IO[bytes]) -> _Found:
    found = _Found()
    tail = b""
    while chunk := xml.read(_CHUNK):
        text = tail + chunk
        if _MARK in text:
            for cell in _CELL.finditer(text):
                if place := _PLACE.search(cell[1]):
                    column = 0
                    for letter in place[1]:
                        column = column * 26 + letter - 64
                    row = found.errors.setdefault(int(place[2]) - 1, {})
                    row[column - 1] = cell[2].decode("utf-8", "replace")
        if any(mark in text for mark in _FORMULAS):
            for cell in _FORMULA.finditer(text):
                # What ends in the tail was seen with the chunk before.
                if cell.end() > len(tail) and (place := _PLACE.search(cell[1])):
                    found.without_result += 1
                    found.first_without_result = found.first_without_result or (place[1] + place[2]).decode()
        tail = text[-_OVERLAP:]
    return found
