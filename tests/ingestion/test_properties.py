"""Whatever arrives: rows read = loaded + rejected + skipped, and nothing but a clear refusal is raised."""

from __future__ import annotations

import datetime
import tempfile
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.arrow import pa
from ingestion.load import check_file
from ingestion.readers.table import Batch, Table
from ingestion.screening import Screen

from . import own_source
from .conftest import HEADER, budget_row

lines = st.one_of(
    st.builds(budget_row, st.sampled_from(["Tuban", "Rembang", "Total"]), st.integers(0, 13)),
    st.sampled_from(
        ["", ";;;;;;;", HEADER, "JUMLAH;;;;1;1;1;1", "Sumber: DJPb", "Jumlah", '"', ';"', '"a\nb"']
    ),
    st.text("0123456789;\"',.-/ abJumlah\n\r\0\xa0é", max_size=40),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(lines, max_size=30), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_every_row_of_any_mess_is_accounted_for(mess: list[str], end: str, has_header: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "djpb_apbd.csv"
        file.write_bytes(end.join([HEADER, *mess] if has_header else mess).encode())
        outcome = check_file(file)
    assert outcome.read == outcome.loaded + outcome.rejected + outcome.skipped
    assert outcome.skipped == sum(outcome.skipped_by_kind.values())
    assert outcome.status in ("accepted", "refused")
    assert outcome.status == "accepted" or (outcome.loaded == 0 and outcome.messages)
    numbers = [reject.row_no for reject in outcome.rejects]
    assert numbers == sorted(set(numbers))


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=300), st.sampled_from(["djpb_apbd.csv", "1_attlog.dat", "pegawai_2024-01.xlsx", "x"])
)
def test_no_bytes_break_the_readers(contents: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(contents)
        outcome = check_file(file)
    assert outcome.read == outcome.loaded + outcome.rejected + outcome.skipped


CELLS = {
    "kode": own_source.KEY,
    "nilai": own_source.NUMBER,
    "jumlah": own_source.INTEGER,
    "tanggal": own_source.DATE,
    "nomor": own_source.TEXT | {"unique": True},
}


def read_number(text: str) -> Decimal | None:
    """The rule of the documentation in plain Python: groups of three or none, a comma before decimals."""
    whole, comma, decimals = text.removeprefix("-").partition(",")
    groups = whole.split(".")
    is_grouped = len(groups) == 1 or (1 <= len(groups[0]) <= 3 and all(len(part) == 3 for part in groups[1:]))
    digits = "".join(groups)
    if not (is_grouped and digits.isdigit() and (decimals.isdigit() if comma else True)):
        return None
    return Decimal(("-" if text.startswith("-") else "") + digits + "." + (decimals or "0"))


def read_date(text: str) -> datetime.date | None:
    try:
        return datetime.datetime.strptime(text, "%d/%m/%Y").date()
    except ValueError:
        return None


INDONESIAN = str.maketrans(",.", ".,")
numbers = st.one_of(
    st.decimals(-(10**15), 10**15, places=2).map(
        lambda value: f"{value:,}".translate(str.maketrans(",.", ".,"))
    ),
    st.integers(-(10**9), 10**9).map(str),
    st.sampled_from(["1.23.456", "1,234.5", "abc", "12,5,5", "1.234,567", "--1", "0,10", "1" * 19, "-0"]),
)
dates = st.one_of(
    st.dates(datetime.date(1900, 1, 1), datetime.date(2026, 11, 20)).map(lambda day: f"{day:%d/%m/%Y}"),
    st.sampled_from(["31/02/2025", "29/02/2023", "29/02/2024", "00/01/2024", "1/1/2024", "01-01-2024", "x"]),
)
records = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", " A ", "C", "D", "E", ""]),
        st.sampled_from(["1", "2", "1,00", "salah"]),
        st.sampled_from(["5", "05", "x"]),
        dates,
        st.sampled_from(["", *"abcdefgh"]),
    ),
    max_size=40,
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(numbers, dates), min_size=1, max_size=60))
def test_typed_values_are_what_plain_python_reads(cells: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        contract = own_source.declare(
            Path(folder), {"n": own_source.NUMBER, "t": own_source.DATE}, dateFormats=["dd/MM/yyyy"]
        )
        file = Path(folder) / "data.csv"
        file.write_text("n;t\n" + "".join(f"{number};{day}\n" for number, day in cells))
        found = own_source.sift(file, contract)
    expected = {}
    for row_no, (number, day) in enumerate(cells, 2):
        value, moment = read_number(number), read_date(day) if len(day) == 10 else None
        is_exact = value is not None and value == round(value, 2) and abs(value) < 10**18
        if is_exact and moment:
            expected[row_no] = (value, moment)
    assert {row["_row_no"]: (row["n"], row["t"]) for row in found.rows} == expected


@settings(max_examples=60, deadline=None)
@given(records, st.integers(1, 7))
def test_keys_are_unique_as_a_loop_over_the_rows_would_make_them(
    rows: list[tuple[str, ...]], batch_rows: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        contract = own_source.declare(Path(folder), CELLS, dateFormats=["dd/MM/yyyy"])
    screen = Screen(contract, "data.csv", b"key", own_source.RECEIVED_ON)
    parts = [rows[start : start + batch_rows] for start in range(0, len(rows), batch_rows)]
    batches = [
        Batch(
            pa.array(range(2 + number * batch_rows, 2 + number * batch_rows + len(part)), pa.int64()),
            [pa.array([row[column] for row in part], pa.string()) for column in range(len(CELLS))],
        )
        for number, part in enumerate(parts)
    ]
    table = Table(tuple(CELLS), {name: name for name in CELLS}, iter(batches))
    loaded: set[int] = set()
    refused: dict[int, set[str]] = {}
    for result in [*screen.sort(table), *screen.finish()]:
        loaded |= set(result.good.column("_row_no").to_pylist())
        for reject in result.rejects:
            refused[reject.row_no] = {reason.code for reason in reject.reasons}

    good, conflicts, repeated, first = set(), set(), 0, dict[tuple[str, str], tuple[int, tuple[str, ...]]]()
    for row_no, row in enumerate(rows, 2):
        code, value, count, day, number = (cell.strip() for cell in row)
        if not code or read_number(value) is None or count == "x" or len(day) != 10 or not read_date(day):
            continue
        contents = (code, value, count, day, number)
        verdicts = set()
        for key in [("nomor", number)] * bool(number) + [("kode", code)]:
            seen = first.setdefault(key, (row_no, contents))
            if seen[0] != row_no:
                verdicts.add(seen[1] == contents)
        if False in verdicts:
            conflicts.add(row_no)
        elif True in verdicts:
            repeated += 1
        else:
            good.add(row_no)
    assert loaded == good
    assert {row_no for row_no, codes in refused.items() if "duplicate_key" in codes} == conflicts
    assert screen.totals.skipped["duplicate"] == repeated
    totals = screen.totals
    assert totals.read == len(rows) == totals.loaded + totals.rejected + totals.skipped.total()
