"""Find the header row of a messy table by the spellings the contract knows."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ingestion.contract import Contract
from ingestion.outcome import FileRefused


@dataclass(frozen=True)
class Header:
    """A header row: its index among the searched rows and the contract's column of every cell."""

    row: int
    names: tuple[str | None, ...]
    texts: tuple[str, ...]

    @property
    def spelled(self) -> dict[str, str]:
        """Contract column → header as the file spells it."""
        return {name: text for name, text in zip(self.names, self.texts, strict=True) if name}

    @property
    def unknown(self) -> list[str]:
        return [text for name, text in zip(self.names, self.texts, strict=True) if not name and text]


def normalise(text: str) -> str:
    """Letters and digits only, case folded: 'No. Tiket' and 'NO_TIKET ' are the same header."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).casefold() if sign.isalnum())


def find(rows: Sequence[Sequence[str]], contract: Contract) -> Header | None:
    """The row that names most of the contract's columns; None when no row names at least two of them."""
    spellings = {
        normalise(header): column.name for column in contract.table_columns for header in column.headers
    }
    best: Header | None = None
    for index, row in enumerate(rows):
        names = tuple(spellings.get(normalise(cell)) for cell in row)
        if best is None or _score(names) > _score(best.names):
            best = Header(index, names, tuple(" ".join(cell.split()) for cell in row))
    enough = min(2, len(contract.table_columns))
    return best if best and _score(best.names) >= enough else None


def _score(names: Sequence[str | None]) -> int:
    return len({name for name in names if name})


def is_complete(header: Header, contract: Contract) -> bool:
    return all(column.name in header.names for column in contract.table_columns if column.required)


def require(header: Header | None, contract: Contract, file_name: str) -> Header:
    """Return the header when it is usable, otherwise raise FileRefused that says what is missing."""
    if header is None:
        wanted = ", ".join(column.title for column in contract.table_columns)
        raise FileRefused(
            "header_not_found",
            f"Judul kolom tidak ditemukan pada berkas {file_name}. Berkas {contract.title} harus memuat satu "
            f"baris judul dengan kolom: {wanted}.",
        )
    missing = [
        column.title
        for column in contract.table_columns
        if column.required and column.name not in header.names
    ]
    if missing:
        raise FileRefused(
            "missing_column",
            f"Berkas {file_name} tidak memuat kolom wajib: {', '.join(missing)}. Tambahkan kolom itu, dengan "
            f"judul persis seperti tertulis di sini, lalu kirim lagi.",
        )
    for name in header.spelled:
        if header.names.count(name) > 1:
            raise FileRefused(
                "column_twice",
                f"Berkas {file_name} memuat kolom {contract.column(name).title} lebih dari sekali. Hapus "
                "atau ganti judul salah satunya lalu kirim lagi.",
            )
    return header


def warnings(header: Header, contract: Contract) -> list[str]:
    """What a clerk should know although the file loads: unknown columns and absent optional ones."""
    said = []
    if header.unknown:
        said.append(f"Kolom yang tidak dikenal dan dilewati: {', '.join(header.unknown)}.")
    absent = [column.title for column in contract.table_columns if column.name not in header.names]
    if absent:
        said.append(f"Kolom yang tidak ada, isinya dianggap kosong: {', '.join(absent)}.")
    return said
