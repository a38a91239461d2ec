"""Warnings about a whole file: they refuse nothing and hold a bounded number of rows."""

from __future__ import annotations

import datetime
import itertools
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ingestion.contract import Contract
from ingestion.plausibility import Plausibility

from .own_source import DATE, INTEGER, NUMBER, TEXT, TIMESTAMP, declare

SUMS = {"kind": "sumOfChildren", "code": "kode", "value": "nilai", "by": ["versi"]}
FALLS = {"kind": "neverFalls", "value": "nilai", "order": ["tahun", "bulan"], "by": ["kode"]}


def accounts(folder: Path, *rules: dict[str, Any]) -> Contract:
    columns = {"kode": TEXT, "versi": TEXT, "tahun": INTEGER, "bulan": INTEGER, "nilai": NUMBER}
    return declare(folder, columns, plausibility=list(rules))


def batch(*rows: tuple[Any, ...], names: str = "kode versi tahun bulan nilai", first: int = 2) -> Any:
    columns = dict(zip(names.split(), zip(*rows, strict=True), strict=True))
    columns |= {
        "_sheet": [None] * len(rows),
        "_row_no": range(first, first + len(rows)),
    }
    return pa.RecordBatch.from_pydict({name: list(values) for name, values in columns.items()})


def node(code: str, value: int | None, version: str = "murni") -> tuple[Any, ...]:
    return (code, version, 2025, 1, None if value is None else Decimal(value))


def warnings(contract: Contract, *batches: Any, limit: int = 200_000) -> list[str]:
    watch = Plausibility(contract, limit)
    for rows in batches:
        watch.note(rows)
    return watch.warnings()


def test_a_tree_that_adds_up_says_nothing(tmp_path: Path) -> None:
    contract = accounts(tmp_path, SUMS)
    assert warnings(contract, batch(node("5", 30), node("5.1", 10)), batch(node("5.2", 20))) == []


def test_a_level_that_an_export_leaves_out_does_no_harm(tmp_path: Path) -> None:
    contract = accounts(tmp_path, SUMS)
    assert (
        warnings(contract, batch(node("5", 30), node("5.1", 10), node("5.2.01", 15), node("5.2.02", 5))) == []
    )


def test_versions_are_added_up_apart_and_children_may_come_first(tmp_path: Path) -> None:
    contract = accounts(tmp_path, SUMS)
    rows = [node("5.1", 10), node("5", 10), node("5.1", 7, "perubahan"), node("5", 10, "perubahan")]
    [warning] = warnings(contract, batch(*rows))
    assert "pada 1 dari 2 induk" in warning
    assert "baris 5; misalnya 5: 10, jumlah rinciannya 7" in warning


def test_a_parent_without_an_amount_is_not_compared(tmp_path: Path) -> None:
    assert warnings(accounts(tmp_path, SUMS), batch(node("5", None), node("5.1", 10))) == []


def test_only_the_first_rows_are_named(tmp_path: Path) -> None:
    rows = [row for number in range(9) for row in (node(f"{number}", 5), node(f"{number}.1", 4))]
    [warning] = warnings(accounts(tmp_path, SUMS), batch(*rows))
    assert "baris 2, 4, 6, 8, 10 dan 4 lagi" in warning


def test_beyond_the_limit_sums_are_not_judged_and_series_only_as_far_as_they_were_seen(
    tmp_path: Path,
) -> None:
    contract = accounts(tmp_path, SUMS, FALLS)
    falling = [("5", "murni", 2025, month, Decimal(10 - month)) for month in (1, 2, 3, 4)]
    sums, falls, cut = warnings(contract, batch(*falling[:3]), batch(*falling[3:], first=5), limit=2)
    assert sums == (
        "Perlu diperiksa: nilai tidak dicocokkan dengan jumlah rinciannya, karena berkas ini lebih dari 2 "
        "baris."
    )
    assert "pada 1 baris (baris 3; misalnya dari 9 menjadi 8)" in falls
    assert cut == "Perlu diperiksa: nilai hanya diperiksa pada 2 baris pertama berkas ini."


def test_memory_holds_no_more_rows_than_the_limit(tmp_path: Path) -> None:
    watch = Plausibility(accounts(tmp_path, FALLS, SUMS), limit=1_000)
    for first in range(0, 100_000, 500):
        watch.note(batch(*[node("5", 1)] * 500, first=first))
    series, sums = watch.rules
    assert sum(rows.num_rows for rows in series.batches) == 1_000
    assert sums.batches == []


def test_a_series_is_ordered_by_its_period_not_by_its_rows(tmp_path: Path) -> None:
    rows = [
        ("5", "", 2025, 1, Decimal(70)),
        ("5", "", 2024, 12, Decimal(50)),
        ("5", "", 2025, 2, Decimal(70)),
    ]
    assert warnings(accounts(tmp_path, FALLS), batch(*rows)) == []


@given(
    st.lists(st.tuples(st.integers(1, 12), st.integers(0, 5)), unique_by=lambda point: point[0], min_size=1)
)
def test_falls_are_counted_as_a_plain_loop_counts_them(points: list[tuple[int, int]]) -> None:
    with TemporaryDirectory() as folder:
        contract = accounts(Path(folder), FALLS)
    ordered = [value for _, value in sorted(points)]
    falls = sum(later < earlier for earlier, later in itertools.pairwise(ordered))
    found = warnings(contract, batch(*[("5", "", 2025, month, Decimal(value)) for month, value in points]))
    assert [f"pada {falls} baris" in warning for warning in found] == ([True] if falls else [])


def test_a_date_and_a_moment_are_compared_by_day(tmp_path: Path) -> None:
    contract = declare(
        tmp_path,
        {"mulai": TIMESTAMP, "selesai": DATE},
        plausibility=[{"kind": "notBefore", "column": "selesai", "start": "mulai"}],
    )
    start = datetime.datetime(2025, 3, 2, 15, 0)
    rows = [
        (start, datetime.date(2025, 3, 2)),
        (start, datetime.date(2025, 3, 1)),
        (start, None),
        (None, datetime.date(2025, 3, 1)),
    ]
    [warning] = warnings(contract, batch(*rows, names="mulai selesai"))
    assert "pada 1 baris, selesai lebih awal daripada mulai (baris 3)" in warning
