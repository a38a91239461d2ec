"""Numbers and dates as Indonesian offices write them."""

from __future__ import annotations

import calendar
import datetime
import time
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion import dates, notation, numbers
from ingestion.contract import Column, Contract
from ingestion.ingest_property import Code

from .own_source import DATE, INTEGER, NUMBER, TEXT, TIMESTAMP, declare

with TemporaryDirectory() as _folder:
    EVERYTHING_SAID = declare(
        Path(_folder),
        {"angka": NUMBER, "bulat": INTEGER, "tanggal": DATE, "waktu": TIMESTAMP, "kode": TEXT},
        serialDates=["tanggal", "waktu"],
        codes={"kode": {"widths": [1, 2, 4]}},
        mixedNumbers=["angka"],
        sentinels={"angka": ["0"], "tanggal": ["0001-01-01"], "waktu": ["1900-01-01"]},
    )
EVERYTHING = {column.name: column for column in EVERYTHING_SAID.columns}
FORMATS = ("dd/MM/yyyy", "yyyy-MM-dd", "d MMMM yyyy", "d/M/yy")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("1.234.567,89", "1234567.89"),
        ("9.367.341.840", "9367341840"),
        ("'199.850.000", "199850000"),
        ("Rp. 12.000", "12000"),
        ("80%", "80"),
        ("0,03", "0.03"),
        ("-16852263071", "-16852263071"),
        ("100,00", "100"),
        ("1,234.5", None),
        ("1.23.456", None),
        ("12.5", None),
        ("dua belas", None),
        ("1,2,3", None),
        ("Rp1.000,-", "1000"),
        ("Rp. 1.000,00", "1000"),
        ("-Rp 5.000", "-5000"),
        ("Rp -5.000", "-5000"),
        ("(16.852.263.071)", "-16852263071"),
        ("(Rp 7)", "-7"),
        ("(-7)", None),
        ("(7", None),
        ("\u22125", "-5"),
        ('"0,03"', "0.03"),
        ("80 %", "80"),
        ("--5", None),
        ("Rp", None),
    ],
)
def test_indonesian_numbers_are_read_and_foreign_ones_are_not_guessed(text: str, plain: str | None) -> None:
    assert numbers.canonical(pa.array([text]), ",", ".").to_pylist() == [plain]


def test_a_decimal_point_is_read_where_the_contract_says_so() -> None:
    assert numbers.canonical(pa.array(["13.8", "327758"]), ".", "").to_pylist() == ["13.8", "327758"]


def read_date(text: str) -> datetime.date | None:
    seconds, valid = dates.parse(pa.array([text]), FORMATS)
    return datetime.date(1970, 1, 1) + datetime.timedelta(seconds=int(seconds[0])) if valid[0] else None


@pytest.mark.parametrize(
    "text", ["31/02/2025", "29/02/2023", "00/01/2024", "01/13/2024", "31/04/2024", "0001-01-01"]
)
def test_a_day_that_the_calendar_does_not_have_is_no_date(text: str) -> None:
    assert read_date(text) is None


@pytest.mark.parametrize(
    "text", ["17/08/2024", "2024-08-17", "17 Agustus 2024", "17 agt 2024", "17 AUG. 2024", "17/8/24"]
)
def test_month_names_and_short_years_mean_the_same_day(text: str) -> None:
    assert read_date(text) == datetime.date(2024, 8, 17)


@given(st.integers(1900, 2100), st.integers(0, 13), st.integers(0, 32))
def test_exactly_the_days_of_the_calendar_are_dates(year: int, month: int, day: int) -> None:
    exists = 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, max(1, min(month, 12)))[1]
    expected = datetime.date(year, month, day) if exists else None
    assert read_date(f"{day:02d}/{month:02d}/{year}") == expected


@given(st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 12, 31)))
def test_what_is_written_reads_back(moment: datetime.datetime) -> None:
    form = "dd/MM/yyyy HH:mm:ss"
    seconds, valid = dates.parse(pa.array([dates.write(moment, form)]), [form])
    assert valid[0]
    assert datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=int(seconds[0])) == moment.replace(
        microsecond=0
    )


def test_a_clerk_is_told_how_to_write_a_date() -> None:
    assert dates.advice("dd/MM/yyyy") == "Tulis hari/bulan/tahun, misalnya 28/02/2025."


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("1,234.5", "1234.5"),
        ("1,234,567", "1234567"),
        ("12.5", "12.5"),
        # What both notations can read is read as the contract writes numbers.
        ("1.234", "1234"),
        ("1,234", "1.234"),
        ("1.234,5", "1234.5"),
        ("1,23,456", None),
        ("1.234.56", None),
    ],
)
def test_the_other_notation_is_read_only_where_the_contracts_own_cannot(text: str, plain: str | None) -> None:
    assert numbers.canonical(pa.array([text]), ",", ".", other=True).to_pylist() == [plain]


@given(st.decimals(-(10**12), 10**12, places=2))
def test_an_amount_reads_back_in_both_notations(amount: Decimal) -> None:
    american = f"{amount:,.2f}"
    indonesian = american.translate(str.maketrans(",.", ".,"))
    read = numbers.canonical(pa.array([american, indonesian, f"Rp {indonesian}"]), ",", ".", other=True)
    assert [Decimal(value) for value in read.to_pylist()] == [amount] * 3


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("06/26/2018 10:58:54 AM", "2018-06-26 10:58:54"),
        ("06/26/2018 12:00:00 AM", "2018-06-26 00:00:00"),
        ("06/26/2018 12:00:00 PM", "2018-06-26 12:00:00"),
        ("06/26/2018 11:59:59 pm", "2018-06-26 23:59:59"),
        ("06/26/2018 13:00:00 PM", None),
        ("06/26/2018 00:30:00 AM", None),
        ("06/26/2018 10:58:54 XM", None),
        ("06/26/2018 10:58:54", None),
        ("02/30/2018 10:58:54 AM", None),
    ],
)
@pytest.mark.parametrize("form", ["MM/dd/yyyy hh:mm:ss a", "M/d/yyyy h:mm:ss a"])
def test_the_twelve_hour_clock_is_read_strictly(form: str, text: str, moment: str | None) -> None:
    seconds, valid = dates.parse(pa.array([text]), [form])
    expected = moment and datetime.datetime.fromisoformat(f"{moment}+00:00").timestamp()
    assert (seconds[0] if valid[0] else None) == expected


@given(st.datetimes(datetime.datetime(1970, 1, 1), datetime.datetime(2069, 12, 31)))
@pytest.mark.parametrize("form", ["dd/MM/yy hh:mm:ss a", "d MMMM yyyy h:mm:ss a"])
def test_what_is_written_by_the_twelve_hour_clock_reads_back(form: str, moment: datetime.datetime) -> None:
    seconds, valid = dates.parse(pa.array([dates.write(moment, form)]), [form])
    assert valid[0]
    assert datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=int(seconds[0])) == moment.replace(
        microsecond=0
    )


@pytest.mark.parametrize(
    ("form", "text", "moment"),
    [
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "2024-05-06T07:08:09Z", "2024-05-06 07:08:09"),
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "2024-05-06 07:08:09Z", None),
        ("d MMMM yyyy 'pukul' HH.mm", "6 Mei 2024 pukul 07.08", "2024-05-06 07:08:00"),
        ("d MMMM yyyy 'pukul' HH.mm", "6\u00a0Mei  2024 pukul 07.08", "2024-05-06 07:08:00"),
        ("d MMMM yyyy 'pukul' HH.mm", "6 Mei 2024 jam 07.08", None),
    ],
)
def test_letters_between_apostrophes_stand_for_themselves(form: str, text: str, moment: str | None) -> None:
    seconds, valid = dates.parse(pa.array([text]), [form])
    expected = moment and datetime.datetime.fromisoformat(f"{moment}+00:00").timestamp()
    assert (seconds[0] if valid[0] else None) == expected
    assert "'" not in dates.write(datetime.datetime(2024, 5, 6), form)
    assert "'" not in dates.advice(form)


@pytest.mark.parametrize(
    ("widths", "text", "code"),
    [
        ((), "3523.0", "3523"),
        ((), "'00123", "00123"),
        ((4,), "3523.0", "3523"),
        ((2,), "2", "02"),
        ((2,), "2.0", "02"),
        ((13,), "101249085740", "0101249085740"),
        ((1, 1, 2, 2, 2, 4), "4.1.2.2.1.3", "4.1.02.02.01.0003"),
        ((1, 1, 2, 2, 2, 4), "4.1.02.02.01.0003", "4.1.02.02.01.0003"),
        # The last width holds for all further parts.
        ((1, 2), "4.1.2.3", "4.01.02.03"),
        # Longer parts, letters and real decimals stay: nothing is cut and nothing is guessed.
        ((2, 2), "35.234", "35.234"),
        ((2, 2), "3.A", "03.A"),
        ((4,), "3523.5", "3523.0005"),
        ((4,), "-", "-"),
    ],
)
def test_codes_get_their_width_and_lose_the_end_of_a_float(
    widths: tuple[int, ...], text: str, code: str
) -> None:
    assert notation._codes(pa.array([text, None]), Code(widths=widths)).to_pylist() == [code, None]


def column_of(folder: Path, spec: dict[str, Any], **ingest: Any) -> tuple[Column, Contract]:
    contract = declare(folder, {"kolom": spec}, **ingest)
    return contract.column("kolom"), contract


@pytest.mark.parametrize(
    ("spec", "text", "tidied"),
    [
        (DATE, "45658", "01/01/2025"),
        (DATE, "45658.0", "01/01/2025"),
        (TIMESTAMP, "45658.5", "01/01/2025 12:00:00"),
        (TIMESTAMP, "45658,520833333336", "01/01/2025 12:30:00"),
        # A time of day would be lost in a date; a year or a day of the month is no day of Excel's.
        (DATE, "45658.5", "45658.5"),
        (DATE, "2025", "2025"),
        (DATE, "20250101", "20250101"),
        (DATE, "01/01/2025", "01/01/2025"),
    ],
)
def test_a_bare_number_is_excels_day_in_columns_that_say_so(
    tmp_path: Path, spec: dict[str, Any], text: str, tidied: str
) -> None:
    column, contract = column_of(tmp_path, spec, serialDates=["kolom"])
    assert notation.tidy(pa.array([text, None]), column, contract.ingest).to_pylist() == [tidied, None]
    column, contract = column_of(tmp_path, spec)
    assert notation.tidy(pa.array([text]), column, contract.ingest).to_pylist() == [text]


@pytest.mark.parametrize(
    ("spec", "sentinel", "typed", "unknown"),
    [
        (NUMBER, "0", pa.array([Decimal("0.00"), Decimal("0.10"), None], pa.decimal128(38, 2)), [1, 0, 0]),
        (INTEGER, "999", pa.array([999, 0, None], pa.int32()), [1, 0, 0]),
        (DATE, "1900-01-01", pa.array([datetime.date(1900, 1, 1), None], pa.date32()), [1, 0]),
        (
            TIMESTAMP,
            "1900-01-01",
            pa.array([datetime.datetime(1900, 1, 1), datetime.datetime(1900, 1, 1, 1)], pa.timestamp("us")),
            [1, 0],
        ),
        (TEXT, "Belum diisi", pa.array(["Belum diisi", "belum", None]), [1, 0, 0]),
    ],
)
def test_sentinels_are_compared_as_values(
    tmp_path: Path, spec: dict[str, Any], sentinel: str, typed: pa.Array, unknown: list[int]
) -> None:
    column, contract = column_of(tmp_path, spec, sentinels={"kolom": [sentinel]})
    assert notation.drop_sentinels(typed, column, contract.ingest).to_pylist() == [bool(v) for v in unknown]
    column, contract = column_of(tmp_path, spec)
    assert not any(notation.drop_sentinels(typed, column, contract.ingest).to_pylist())


def test_a_day_that_no_column_can_hold_is_unknown_in_every_format_of_the_contract(tmp_path: Path) -> None:
    column, contract = column_of(tmp_path, DATE, sentinels={"kolom": ["0001-01-01", "0000-00-00"]})
    cells = pa.array(["0001-01-01", "01/01/0001", "1 Januari 0001", "0000-00-00", "02/01/2024"])
    assert notation.tidy(cells, column, contract.ingest).to_pylist() == [None, None, None, None, "02/01/2024"]


def test_a_currency_without_an_amount_is_missing(tmp_path: Path) -> None:
    column, contract = column_of(tmp_path, NUMBER)
    cells = pa.array(["Rp -", "Rp.", "Rp0", "Rp x", None])
    assert notation.tidy(cells, column, contract.ingest).to_pylist() == [None, None, "Rp0", "Rp x", None]


@given(
    st.lists(
        st.none()
        | st.text(max_size=20)
        | st.from_regex(r"[-+'\"(Rp.]{0,4}[\d.,/: ]{1,12}[)%,-]?", fullmatch=True)
    )
)
def test_no_text_breaks_the_notation(texts: list[str | None]) -> None:
    cells = pa.array(texts, pa.string())
    for spec, column in EVERYTHING.items():
        tidied = notation.tidy(cells, column, EVERYTHING_SAID.ingest)
        assert len(tidied) == len(cells), spec
        # What is missing stays missing.
        assert all(
            after is None for before, after in zip(texts, tidied.to_pylist(), strict=True) if before is None
        )
        if spec == "angka":
            plain = numbers.canonical(tidied, ",", ".", other=True).to_pylist()
            assert all(value is None or Decimal(value).is_finite() for value in plain)


def test_a_million_codes_and_amounts_are_tidied_in_seconds(tmp_path: Path) -> None:
    column, contract = column_of(tmp_path, TEXT, codes={"kolom": {"widths": [1, 1, 2, 2, 2, 4]}})
    codes = pa.array([f"5.1.02.01.{number % 90 + 10}.{number:07d}" for number in range(1_000_000)])
    amounts = pa.array([f"{number:,}".replace(",", ".") for number in range(1_000_000)])
    before = time.perf_counter()
    notation.tidy(codes, column, contract.ingest)
    numbers.canonical(amounts, ",", ".")
    assert time.perf_counter() - before < 10
