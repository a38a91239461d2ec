"""What a file is, told by its first bytes and never by its extension."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, Protocol

from ingestion.outcome import FileRefused
from ingestion.readers.encoding import wide_encoding
from ingestion.readers.source import Source

if TYPE_CHECKING:
    from ingestion.readers.grid import Grid
    from ingestion.readers.reading import Reading
    from ingestion.readers.table import Table

_HEAD_BYTES = 4096
_MARKS = b"\xef\xbb\xbf\xff\xfe"
_BLANK = b"\0 \t\r\n"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_FOREIGN = {
    b"%PDF": "PDF",
    b"\x89PNG": "gambar",
    b"\xff\xd8\xff": "gambar",
    b"Rar!": "arsip RAR",
    b"7z\xbc\xaf": "arsip 7-Zip",
    b"\x1f\x8b": "arsip GZIP",
    b"BZh": "arsip BZIP2",
    b"\xfd7zXZ": "arsip XZ",
    b"{\\rtf": "dokumen RTF",
    b"SQLite format 3": "basis data SQLite",
    b"PAR1": "Parquet",
}
_JSON = re.compile(rb"""\{\s*["}]|\[\s*(?:[{\["\]\d-]|true|false|null)""")


def kind_of(source: Source) -> str:
    """``text``, ``workbook``, ``page``, ``json`` or ``archive``; raises FileRefused for anything else."""
    start = source.start(_HEAD_BYTES)
    if not start.strip(_MARKS + _BLANK) and source.size <= len(start):
        raise FileRefused(
            "empty", f"Berkas {source.name} kosong. Ekspor ulang dari aplikasi asal lalu kirim lagi."
        )
    for mark, name in _FOREIGN.items():
        if start.startswith(mark):
            raise FileRefused(
                "wrong_format",
                f"Berkas {source.name} adalah {name}, bukan tabel. Kirim sebagai .xlsx atau .csv.",
            )
    if start.startswith(_ZIP):
        return _kind_of_zip(source)
    if start.startswith(_OLE):
        return "workbook"
    if wide := wide_encoding(start):
        start = start.decode(wide, "ignore").removeprefix("\ufeff").encode()
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        return "page"
    return "json" if _JSON.match(text) else "text"


def _kind_of_zip(source: Source) -> str:
    try:
        with source.open() as file, zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise broken_workbook(source.name) from error
    if "word/document.xml" in names or "ppt/presentation.xml" in names:
        raise FileRefused(
            "wrong_format",
            f"Berkas {source.name} adalah dokumen atau presentasi, bukan tabel. Kirim sebagai .xlsx "
            "atau .csv.",
        )
    is_workbook = "[Content_Types].xml" in names or {"mimetype", "content.xml"} <= names
    return "workbook" if is_workbook else "archive"


def broken_workbook(name: str) -> FileRefused:
    return FileRefused(
        "unreadable",
        f"Berkas {name} tidak dapat dibuka sebagai buku kerja: rusak, terpotong atau dikunci kata "
        "sandi. Buka dan simpan ulang tanpa kata sandi sebagai .xlsx lalu kirim lagi.",
    )


class Document(Protocol):
    """An opened file that can be looked at with the eyes of several contracts."""

    def tables(self, reading: Reading) -> list[Table]:
        """The tables that the contract wants, streaming; raises FileRefused."""

    def grids(self) -> list[Grid]:
        """The sheets as they stand, for somebody who has no contract yet."""
