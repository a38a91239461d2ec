"""From the bytes of a file to tables of text. What a file is, says its content, not its extension."""

from __future__ import annotations

from pathlib import Path

from ingestion.contract import Contract
from ingestion.outcome import FileRefused
from ingestion.readers import attlog, bps, delimited, workbook
from ingestion.readers.table import Table

_ZIP = b"PK\x03\x04"
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_FOREIGN = {b"%PDF": "PDF", b"\x89PNG": "gambar", b"\xff\xd8\xff": "gambar", b"Rar!": "arsip RAR"}


def open_tables(path: Path, contract: Contract, file_name: str) -> list[Table]:
    """The tables of a file as the contract describes them; raises FileRefused."""
    with path.open("rb") as file:
        start = file.read(4096)
    if not start.strip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n") and path.stat().st_size <= len(start):
        raise FileRefused(
            "empty", f"Berkas {file_name} kosong. Ekspor ulang dari aplikasi asal lalu kirim lagi."
        )
    for mark, name in _FOREIGN.items():
        if start.startswith(mark):
            raise FileRefused(
                "wrong_format",
                f"Berkas {file_name} adalah {name}, bukan tabel. Kirim sebagai .xlsx atau .csv.",
            )
    if start.startswith((_ZIP, _OLE)):
        if contract.ingest.layout != "table":
            raise FileRefused(
                "wrong_format",
                f"Berkas {file_name} adalah buku kerja, padahal {contract.title} dikirim sebagai teks: "
                f"{contract.ingest.file_example}.",
            )
        return workbook.open_tables(path, contract, file_name)
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        raise FileRefused(
            "wrong_format",
            f"Berkas {file_name} adalah halaman HTML/XML yang diberi nama lain. Buka dengan Excel, simpan "
            "sebagai .xlsx, lalu kirim lagi.",
        )
    reader = {"table": delimited, "bps": bps, "attlog": attlog}[contract.ingest.layout]
    return [reader.open_table(path, contract, file_name)]
