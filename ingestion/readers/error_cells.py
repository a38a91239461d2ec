"""Cells of an XLSX that show an error: ``#REF!``, ``#DIV/0!``.

calamine 0.9 gives them as empty text, so that a broken formula would load as "unknown" without a word. They
are looked up in the sheets' XML, by a thread of its own while calamine parses. Other workbook formats keep
that gap.
"""

from __future__ import annotations

import posixpath
import re
import threading
import zipfile
from collections.abc import Iterator
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
_PLACE = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')


class ErrorCells:
    """The error cells of every sheet; looking for them begins at once, ``of`` waits for the end."""

    def __init__(self, source: Source) -> None:
        self._found: dict[str, ErrorTexts] = {}
        self._thread = threading.Thread(target=self._look, args=(source,), daemon=True)
        self._thread.start()

    def of(self, sheet: str) -> ErrorTexts:
        self._thread.join()
        return self._found.get(sheet, {})

    def _look(self, source: Source) -> None:
        # What is broken here, calamine says better.
        try:
            with source.open() as file, zipfile.ZipFile(file) as archive:
                for sheet, member in _sheets(archive):
                    with archive.open(member) as xml:
                        self._found[sheet] = _errors(xml)
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


def _errors(xml: IO[bytes]) -> ErrorTexts:
    errors: ErrorTexts = {}
    tail = b""
    while chunk := xml.read(_CHUNK):
        text = tail + chunk
        if _MARK in text:
            for cell in _CELL.finditer(text):
                if place := _PLACE.search(cell[1]):
                    column = 0
                    for letter in place[1]:
                        column = column * 26 + letter - 64
                    errors.setdefault(int(place[2]) - 1, {})[column - 1] = cell[2].decode("utf-8", "replace")
        tail = text[-_OVERLAP:]
    return errors
