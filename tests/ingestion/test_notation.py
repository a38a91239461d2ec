"""Numbers and dates as Indonesian offices write them."""

from __future__ import annotations

import calendar
import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion import dates, numbers

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
