"""What spreadsheets and habits do to a value before it is read: damaged codes, bare Excel days, sentinels.

Everything works on the distinct texts of a batch at once; only texts that are not yet as they should be are
looked at one by one.
"""

from __future__ import annotations

import datetime
import functools
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from ingestion import dates, numbers
from ingestion.arrow import Array, pa, pc
from ingestion.contract import Column
from ingestion.ingest_property import Code, Ingest

# Excel counts days from here; its 29 February 1900, which never was, lies before all days read below.
_EXCEL_DAY_ZERO = datetime.datetime(1899, 12, 30)
# Five digits are 1927-05-18 to 2173-10-13. Fewer would make a day of 1905 out of the year 2024.
_SERIAL = r"^\d{5}(?:[.,]\d+)?$"
_NOTHING = pa.scalar(None, pa.string())


def tidy(cells: Array, column: Column, ingest: Ingest) -> Array:
    """The trimmed texts of a column (null where missing) as the readers of numbers and dates expect them.

    Codes get their width and lose a float's ``.0``; in columns of ``serialDates`` a bare number becomes the
    day that Excel means, written in the contract's format; "Rp -" is missing; a sentinel that no column type
    can hold (``0001-01-01``) is missing too.
    """
    if (code := ingest.codes.get(column.name)) is not None:
        cells = _codes(cells, code)
    if column.logical_type in ("number", "integer"):
        cells = _without_empty_amounts(cells, ingest)
    if column.name in ingest.serial_dates:
        cells = _serials(cells, _whole_format(column, ingest))
    if sentinels := ingest.sentinels.get(column.name):
        known = pa.array(_spellings(sentinels, _formats(column, ingest)), pa.string())
        cells = pc.if_else(pc.is_in(cells, known), _NOTHING, cells)
    return cells


def drop_sentinels(typed: Array, column: Column, ingest: Ingest) -> Array:
    """Which typed values stand for "unknown": 0 and 0,00 are one where the column is a number."""
    values = [
        value
        for text in ingest.sentinels.get(column.name, ())
        if (value := _typed(text, column.logical_type)) is not None
    ]
    if not values:
        return pa.array([False]).take(pa.array([0] * len(typed), pa.int64()))
    mask = None
    for value in values:
        equal = pc.equal(typed, pa.scalar(value))
        mask = equal if mask is None else pc.or_(mask, equal)
    return pc.fill_null(mask, False)


def _codes(cells: Array, code: Code) -> Array:
    text = pc.replace_substring_regex(cells, r"^'|\s+", "")
    text = pc.replace_substring_regex(text, r"^(\d+)\.0$", r"\1")
    if not code.widths:
        return text
    is_whole = pc.fill_null(pc.match_substring_regex(text, _full_width(code.widths)), True)
    if pc.all(is_whole).as_py():
        return text
    short = pc.if_else(is_whole, _NOTHING, text).to_pylist()
    filled = pa.array([None if value is None else _fill(value, code.widths) for value in short], pa.string())
    return pc.coalesce(filled, text)


@functools.cache
def _full_width(widths: tuple[int, ...]) -> str:
    """Codes of which every part has its width: ``^\\d{1,}(?:\\.\\d{2,}(?:\\.\\d{4,})*)?$`` for 1, 2, 4."""
    shape = rf"(?:\.\d{{{widths[-1]},}})*"
    for width in reversed(widths[1:-1]):
        shape = rf"(?:\.\d{{{width},}}{shape})?"
    if len(widths) > 1:
        first = rf"\d{{{widths[0]},}}"
        return f"^{first}{shape}$"
    return rf"^\d{{{widths[0]},}}{shape}$"


def _fill(value: str, widths: tuple[int, ...]) -> str:
    """Every part of digits filled with zeros on the left; other parts stay."""
    parts = value.split(".")
    wanted = (*widths, *[widths[-1]] * len(parts))
    return ".".join(
        part.zfill(width) if part.isdigit() else part for part, width in zip(parts, wanted, strict=False)
    )


def _without_empty_amounts(cells: Array, ingest: Ingest) -> Array:
    """A currency without an amount ("Rp -", as Excel shows a zero, or "Rp." in its own cell) is missing."""
    amounts = pc.match_substring_regex(cells, r"^(?i:rp|idr)[\s.]*[^\d]*$")
    if not pc.any(amounts).as_py():
        return cells
    bare = pc.utf8_trim_whitespace(numbers.undressed(cells))
    empty = pc.is_in(bare, pa.array(sorted({value.strip() for value in ingest.missing_values} | {""})))
    return pc.if_else(pc.and_(pc.fill_null(amounts, False), empty), _NOTHING, cells)


def _formats(column: Column, ingest: Ingest) -> tuple[str, ...]:
    return {"date": ingest.date_formats, "timestamp": ingest.timestamp_formats}.get(column.logical_type, ())


def _whole_format(column: Column, ingest: Ingest) -> str:
    """The first format that loses neither century nor seconds, or else the first one."""
    formats = _formats(column, ingest)
    whole = [form for form in formats if "yyyy" in form and ("ss" in form or column.logical_type == "date")]
    return (whole or formats)[0]


def _serials(cells: Array, form: str) -> Array:
    is_serial = pc.fill_null(pc.match_substring_regex(cells, _SERIAL), False)
    if not pc.any(is_serial).as_py():
        return cells
    bare = pc.if_else(is_serial, cells, _NOTHING).to_pylist()
    written = [None if value is None else _write_serial(value, form) for value in bare]
    return pc.coalesce(pa.array(written, pa.string()), cells)


def _write_serial(text: str, form: str) -> str | None:
    """The moment of an Excel number; None where a time of day would be lost in a date."""
    days = Decimal(text.replace(",", "."))
    # Half a second of error is what fifteen digits leave of a time of day.
    moment = _EXCEL_DAY_ZERO + datetime.timedelta(seconds=round(days * 86_400))
    has_time = (moment.hour, moment.minute, moment.second) != (0, 0, 0)
    return None if has_time and not re.search("[Hh]", form) else dates.write(moment, form)


@functools.cache
def _spellings(sentinels: tuple[str, ...], formats: tuple[str, ...]) -> tuple[str, ...]:
    """Sentinels as they stand and, where they are moments, in every format of the column."""
    found = dict.fromkeys(sentinels)
    for text in sentinels:
        moment = _typed(text, "timestamp")
        if isinstance(moment, datetime.datetime):
            found |= dict.fromkeys(dates.write(moment, form) for form in formats)
    return tuple(found)


def _typed(text: str, logical_type: str) -> Any:
    """A sentinel as a value of the column; None where the type cannot hold it."""
    try:
        match logical_type:
            case "number":
                return Decimal(text)
            case "integer":
                return int(text)
            case "date":
                return datetime.date.fromisoformat(text)
            case "timestamp":
                return datetime.datetime.fromisoformat(text)
            case _:
                return text
    except (ValueError, InvalidOperation):
        return None
