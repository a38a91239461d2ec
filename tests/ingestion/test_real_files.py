"""The real public files load with the facts stated about them."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion import readers
from ingestion.contract import load_contracts
from ingestion.load import check_file
from ingestion.screening import Screen

BPS = "{} Menurut Kabupaten_Kota di Jawa Timur, {}.csv"


def rows_of(file: Path, source: str) -> list[dict[str, Any]]:
    contract = load_contracts()[source]
    screen = Screen(contract, file.name, b"test", datetime.date(2026, 11, 22))
    tables = readers.open_tables(file, contract, file.name)
    return [row for table in tables for batch in screen.sort(table) for row in batch.good.to_pylist()]


@pytest.mark.parametrize(
    ("indicator", "year", "code", "facts"),
    [
        (
            "Persentase Penduduk Miskin",
            2022,
            "p0",
            {"Tuban": "15.02", "Trenggalek": "10.96", "Pasuruan": "8.96"},
        ),
        ("Persentase Penduduk Miskin", 2023, "p0", {"Tuban": "14.91"}),
        ("Garis Kemiskinan", 2022, "poverty_line", {"Kabupaten Trenggalek": "381448"}),
        ("Garis Kemiskinan", 2023, "poverty_line", {"Kabupaten Trenggalek": "411527"}),
    ],
)
def test_bps_tables_hold_38_regencies_and_the_province(
    shared_real: Path, indicator: str, year: int, code: str, facts: dict[str, str]
) -> None:
    rows = rows_of(shared_real / "poverty" / BPS.format(indicator, year), "bps__kemiskinan")
    assert len(rows) == 39
    assert {(row["indicator_code"], row["year"]) for row in rows} == {(code, year)}
    values = {row["area_name"]: row["value"] for row in rows}
    assert {name: values[name] for name in facts} == {name: Decimal(value) for name, value in facts.items()}


def test_the_terminal_log_holds_24162_punches(shared_real: Path) -> None:
    rows = rows_of(shared_real / "attendance" / "1_attlog.dat", "bkpsdm__absensi_mesin")
    assert len(rows) == 24_162
    # Trimmed; counting the empty text behind the last line break would make 24.
    assert len({row["pin"] for row in rows}) == len({row["pin_key"] for row in rows}) == 23
    assert {row["device_no"] for row in rows} == {1}


def test_the_treasurys_budget_file_holds_12_governments_in_7_months(shared_real: Path) -> None:
    outcome = check_file(shared_real / "budget" / "djpb_apbd.csv")
    assert (outcome.source, outcome.loaded, outcome.rejected) == ("djpb__apbd", 84, 0)
    assert len(outcome.slices) == 84
