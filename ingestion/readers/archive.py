"""ZIP archives: every member read as a file of its own, in memory, never unpacked to disk.

A member's name is only a label, never a path, so ``../`` and absolute names reach nothing.
"""

from __future__ import annotations

import contextlib
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import IO

from ingestion.outcome import FileRefused
from ingestion.readers import header as headers
from ingestion.readers import kinds
from ingestion.readers.grid import Grid, Part, not_named, tables_that_fit
from ingestion.readers.reading import Reading
from ingestion.readers.source import Source
from ingestion.readers.table import Batch, Table

_MOST_MEMBERS = 1000
# A table packs to a tenth or, of much repetition, to a hundredth; a bomb to a thousandth.
_RATIO = 250
_HARMLESS_BYTES = 10 << 20


class ArchiveDocument:
    """The files in an archive. ``open_member`` opens one of them as a document."""

    def __init__(self, source: Source, open_member: Callable[[Source], kinds.Document]) -> None:
        self.source, self.open_member = source, open_member
        with _damage_told(source.name), source.open() as file, zipfile.ZipFile(file) as archive:
            members = [member for member in archive.infolist() if not _is_hidden(member)]
        if len(members) > _MOST_MEMBERS:
            raise FileRefused(
                "too_large",
                f"Arsip {source.name} memuat {len(members)} berkas, paling banyak {_MOST_MEMBERS}. Pecah "
                "lalu kirim lagi.",
            )
        if any(member.flag_bits & 1 for member in members):
            raise FileRefused(
                "unreadable",
                f"Arsip {source.name} dikunci kata sandi. Buat ulang tanpa kata sandi lalu kirim lagi.",
            )
        self.members = {_label(member.filename): member for member in members}
        self._documents: dict[str, kinds.Document] = {}

    def tables(self, reading: Reading) -> list[Table]:
        """The tables of all members that have the contract's header; raises FileRefused."""
        self._refuse_bombs(reading)
        if not self.members:
            raise FileRefused(
                "empty", f"Arsip {self.source.name} kosong. Isi dengan berkas data lalu kirim lagi."
            )
        if reading.sheets is None:
            parts = [Part(f"Berkas {label}", partial(self._tables, label, reading)) for label in self.members]
            return tables_that_fit(parts, reading, self.source.name)
        # The pattern names members; the sheets inside a named member are found by their header.
        chosen = headers.names_that_match(reading, list(self.members), self.source.name, "berkas")
        inside = replace(reading, sheets=None)
        tables = [table for label in self.members if label in chosen for table in self._tables(label, inside)]
        tables[0].warnings += [not_named("Berkas", label) for label in self.members if label not in chosen]
        return tables

    def grids(self) -> list[Grid]:
        """The sheets of all members."""
        grids = []
        for label in self.members:
            for grid in self._document(label).grids():
                grids.append(replace(grid, name=f"{label}/{grid.name}" if grid.name else label))
        return grids

    def _document(self, label: str) -> kinds.Document:
        if label not in self._documents:
            member = self.members[label]
            source = Source(f"{self.source.name} ({label})", member.file_size, lambda: self._open(member))
            self._documents[label] = self.open_member(source)
        return self._documents[label]

    def _tables(self, label: str, reading: Reading) -> list[Table]:
        with _damage_told(self.source.name):
            tables = self._document(label).tables(reading)
        for table in tables:
            table.batches = self._guarded(table.batches)
            table.sheet = f"{label}/{table.sheet}" if table.sheet else label
            table.found["sheet"] = [table.sheet]
            if len(self.members) > 1:
                table.warnings = [f"Berkas {label}: {text}" for text in table.warnings]
        return tables

    def _guarded(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        with _damage_told(self.source.name):
            yield from batches

    def _open(self, member: zipfile.ZipInfo) -> IO[bytes]:
        return zipfile.ZipFile(self.source.open()).open(member)

    def _refuse_bombs(self, reading: Reading) -> None:
        unpacked = sum(member.file_size for member in self.members.values())
        packed = max(1, sum(member.compress_size for member in self.members.values()))
        too_dense = unpacked > _HARMLESS_BYTES and unpacked > _RATIO * packed
        if too_dense or unpacked > reading.max_file_mb << 20:
            raise FileRefused(
                "too_large",
                f"Isi arsip {self.source.name} menjadi {unpacked >> 20} MB setelah dibuka, "
                + (
                    f"lebih dari {_RATIO} kali ukuran arsipnya; arsip seperti ini tidak wajar. "
                    if too_dense
                    else f"paling besar {reading.max_file_mb} MB. "
                )
                + "Kirim berkasnya tanpa ZIP.",
            )


@contextlib.contextmanager
def _damage_told(name: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise FileRefused(
            "unreadable", f"Arsip {name} rusak atau terpotong. Buat ulang arsipnya lalu kirim lagi."
        ) from error


def _is_hidden(member: zipfile.ZipInfo) -> bool:
    """Folders, links, and what file managers add."""
    parts = [part for part in _label(member.filename).split("/") if part not in ("", ".", "..")]
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    return member.is_dir() or is_link or not parts or any(_is_clutter(part) for part in parts)


def _is_clutter(part: str) -> bool:
    return part.startswith((".", "~$", "__MACOSX")) or part.casefold() in ("thumbs.db", "desktop.ini")


def _label(name: str) -> str:
    shown = "".join(sign if sign.isprintable() else "�" for sign in name)
    return shown.replace("\\", "/").encode("utf-8", "replace").decode()
