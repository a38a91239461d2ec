"""Small exports as agencies send them, written to the test's own folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from ingestion import ledger
from ingestion.contract import load_contracts

HEADER = "thang;bulan;tgl_cutoff;nama_pemda;pendapatan;belanja;pembiayaan;SILPA"


@pytest.fixture
def budget_csv(tmp_path: Path) -> Callable[..., Path]:
    """Writes a DJPb export: the given lines under the usual header."""

    def write(
        *lines: str,
        name: str = "djpb_apbd.csv",
        header: str = HEADER,
        encoding: str = "utf-8",
        end: str = "\n",
    ) -> Path:
        file = tmp_path / name
        file.write_bytes((end.join([header, *lines]) + end).encode(encoding))
        return file

    return write


def budget_row(name: str = "Kabupaten Tuban", month: int = 1, revenue: str = "1000") -> str:
    return f"2026;{month};2026-{month:02d}-28;{name};{revenue};5;0;995"


BUDGET_HEADER = (
    "Tahun;Bulan;Perangkat Daerah;Kode Rekening;Uraian;Versi Anggaran;Anggaran;Realisasi s.d. Bulan Ini"
)


def account_row(month: int = 10, year: int = 2026, account: int = 1) -> str:
    return f"{year};{month};Dinas Contoh;5.1.{account:02d};Belanja;murni;1.000.000,00;500.000,00"


@pytest.fixture
def workbook(tmp_path: Path) -> Callable[..., Path]:
    """Writes a workbook with the given rows on one sheet."""

    def write(rows: Sequence[Sequence[Any]], name: str, title: str = "Data") -> Path:
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.title = title
        for row in rows:
            sheet.append(list(row))
        file = tmp_path / name
        book.save(file)
        return file

    return write


EMPLOYEE_HEADER = [
    "NIP",
    "Nama",
    "Unit Kerja",
    "Jenis Jabatan",
    "Status",
    "No Mesin",
    "PIN",
    "Berlaku Mulai",
    "Berlaku Sampai",
]


def employee(nip: Any = "197001011990011001", pin: Any = "126", **changes: Any) -> list[Any]:
    row = {
        "nip": nip,
        "name": "Contoh",
        "opd": "Dinas Contoh",
        "class": "Pelaksana",
        "status": "PNS",
        "device": 1,
        "pin": pin,
        "from": "01/01/2024",
        "to": None,
    } | changes
    return list(row.values())


@pytest.fixture
def database(warehouse: Any) -> Iterator[Any]:
    """An empty ledger and empty raw tables; the superuser's cursor reads the results."""
    ledger.register_contracts()
    connection = warehouse.connect("admin")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            "truncate ops.delivery, ops.load, ops.load_slice, ops.slice, ops.rejected_row, ops.run_domain,"
            " ops.published_load"
        )
        cursor.execute("delete from ops.setting")
        for source in load_contracts():
            cursor.execute(f"truncate raw.{source}")
        yield cursor
    connection.close()


def query(cursor: Any, text: str) -> list[Any]:
    cursor.execute(text)
    return list(cursor.fetchall())
