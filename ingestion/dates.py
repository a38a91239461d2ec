"""Dates as Indonesian offices write them, read strictly: 31/02/2025 is no date, whatever a library says.

Formats are JDK patterns as in the Open Data Contract Standard: ``yyyy`` ``yy`` ``MM`` ``M`` ``MMMM`` (month
name, Indonesian or English, short or long) ``dd`` ``d`` ``HH`` ``H`` ``hh`` ``h`` (12-hour clock) ``mm``
``ss`` ``a`` (AM or PM); letters that stand for themselves in apostrophes: ``yyyy-MM-dd'T'HH:mm:ss``.
"""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ingestion.arrow import Array, pa, pc

_MONTHS = (
    ("januari", "january", "jan"),
    ("februari", "pebruari", "february", "feb", "peb"),
    ("maret", "march", "mar"),
    ("april", "apr"),
    ("mei", "may"),
    ("juni", "june", "jun"),
    ("juli", "july", "jul"),
    ("agustus", "august", "agu", "agt", "ags", "aug"),
    ("september", "sept", "sep"),
    ("oktober", "october", "okt", "oct"),
    ("november", "nopember", "nov", "nop"),
    ("desember", "december", "des", "dec"),
)
MONTH_NUMBER = {name: number for number, names in enumerate(_MONTHS, 1) for name in names}
FIRST_YEAR, LAST_YEAR = 1900, 2100
# Two digits: up to this many years ahead of 2000 belong to this century.
_CENTURY_SPLIT = 70
_TOKEN = re.compile(r"'[^']*'|yyyy|yy|MMMM|MM|M|dd|d|HH|H|hh|h|mm|ss|a")
# Characters of the tokens that always have the same number of them.
_FIXED = {"yyyy": 4, "yy": 2, "MM": 2, "dd": 2, "HH": 2, "hh": 2, "mm": 2, "ss": 2, "a": 2}
_PART = {
    "y": "year",
    "M": "month",
    "d": "day",
    "H": "hour",
    "h": "half_day_hour",
    "m": "minute",
    "s": "second",
    "a": "half",
}
_WORDS = {
    "y": "tahun",
    "M": "bulan",
    "d": "hari",
    "H": "jam",
    "h": "jam",
    "m": "menit",
    "s": "detik",
    "a": "AM/PM",
}
_EXAMPLE = datetime.datetime(2025, 2, 28, 14, 30, 0)

Moments = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


def parse(values: Array, formats: Sequence[str]) -> tuple[Moments, Flags]:
    """Seconds since 1970 of each text (a date counts as its midnight), and which texts are real moments.

    ``values`` holds no nulls. Formats of fixed width are read for all rows at once from their bytes; the
    others, and what is left over, text by text.
    """
    count = len(values)
    seconds = np.zeros(count, np.int64)
    valid = np.zeros(count, np.bool_)
    lengths = pc.binary_length(values).to_numpy(zero_copy_only=False)
    for form in formats:
        if not _is_fixed(form):
            continue
        rows = np.flatnonzero(~valid & (lengths == _width(form)))
        if len(rows):
            found, real = _parse_fixed(values.take(pa.array(rows)), form)
            seconds[rows[real]], valid[rows[real]] = found[real], True
    flexible = [form for form in formats if not _is_fixed(form)]
    for form in flexible:
        rows = np.flatnonzero(~valid)
        left = values.take(pa.array(rows))
        # Text by text only what has the shape of this form.
        shaped = pc.match_substring_regex(left, f"^(?:{_pattern(form).pattern})$").to_numpy(
            zero_copy_only=False
        )
        for row, text in zip(rows[shaped], left.filter(pa.array(shaped)).to_pylist(), strict=True):
            moment = _one(text, form)
            if moment is not None:
                seconds[row], valid[row] = moment, True
    return seconds, valid


def write(moment: datetime.date, form: str) -> str:
    """A moment in a JDK pattern, the inverse of ``parse``."""

    def part(match: re.Match[str]) -> str:
        token = match[0]
        if token[0] == "'":
            return token[1:-1]
        hour = getattr(moment, "hour", 0)
        if token == "a":
            return "AM" if hour < 12 else "PM"
        value = (hour + 11) % 12 + 1 if token[0] == "h" else getattr(moment, _PART[token[0]], 0)
        if token == "MMMM":
            return _MONTHS[value - 1][0].capitalize()
        return f"{value % 100 if token == 'yy' else value:0{len(token)}d}"

    return _TOKEN.sub(part, form)


def advice(form: str) -> str:
    """How to write it, for a clerk: 'Tulis hari/bulan/tahun, misalnya 28/02/2025.'"""
    words = _TOKEN.sub(lambda match: _WORDS.get(match[0][0], match[0].strip("'")), form)
    return f"Tulis {words}, misalnya {write(_EXAMPLE, form)}."


def _is_fixed(form: str) -> bool:
    return all(token in _FIXED or token[0] == "'" for token in _TOKEN.findall(form))


def _width(form: str) -> int:
    """Bytes of a text in a form of fixed width."""
    return len(form) + sum(_token_width(token) - len(token) for token in _TOKEN.findall(form))


def _token_width(token: str) -> int:
    return _FIXED.get(token) or len(token) - 2


def _parse_fixed(values: Array, form: str) -> tuple[Moments, Flags]:
    width, count = _width(form), len(values)
    # All texts have the same length in bytes, so the value buffer is a matrix of characters.
    start = values.offset
    offsets = np.frombuffer(values.buffers()[1], np.int32)[start : start + 1]
    text = np.frombuffer(values.buffers()[2], np.uint8)[offsets[0] : offsets[0] + count * width]
    signs = text.reshape(count, width)
    parts = {"year": np.full(count, 1970), "month": np.ones(count, int), "day": np.ones(count, int)}
    valid = np.ones(count, np.bool_)
    in_form, in_text = 0, 0
    while in_form < len(form):
        token = _TOKEN.match(form, in_form)
        if token is None:
            valid &= signs[:, in_text] == ord(form[in_form])
            in_form, in_text = in_form + 1, in_text + 1
            continue
        shown = signs[:, in_text : in_text + _token_width(token[0])]
        in_form, in_text = token.end(), in_text + _token_width(token[0])
        if token[0][0] == "'":
            valid &= (shown == np.frombuffer(token[0][1:-1].encode(), np.uint8)).all(axis=1)
            continue
        if token[0] == "a":
            letters = shown & ~np.uint8(0x20)
            valid &= np.isin(letters[:, 0], (ord("A"), ord("P"))) & (letters[:, 1] == ord("M"))
            parts["half"] = (letters[:, 0] == ord("P")).astype(np.int64)
            continue
        digits = shown.astype(np.int64) - ord("0")
        valid &= ((digits >= 0) & (digits <= 9)).all(axis=1)
        number = digits @ (10 ** np.arange(digits.shape[1] - 1, -1, -1))
        if token[0] == "yy":
            number = np.where(number < _CENTURY_SPLIT, number + 2000, number + 1900)
        parts[_PART[token[0][0]]] = number
    if "half_day_hour" in parts:
        valid &= (parts["half_day_hour"] >= 1) & (parts["half_day_hour"] <= 12)
        parts["hour"] = parts["half_day_hour"] % 12 + 12 * parts.get("half", 0)
    return _to_seconds(parts, valid)


def _to_seconds(parts: dict[str, Any], valid: Flags) -> tuple[Moments, Flags]:
    year, month, day = parts["year"], parts["month"], parts["day"]
    zero = np.zeros(len(year), np.int64)
    hour, minute, second = parts.get("hour", zero), parts.get("minute", zero), parts.get("second", zero)
    valid = valid & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31) & (year >= FIRST_YEAR)
    valid &= (year <= LAST_YEAR) & (hour <= 23) & (minute <= 59) & (second <= 59)
    months = np.where(valid, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + np.where(valid, day - 1, 0)
    # A day beyond the month's last one lands in the next month.
    valid &= days.astype("datetime64[M]") == months
    seconds = days.astype("datetime64[s]").astype(np.int64) + hour * 3600 + minute * 60 + second
    return seconds, valid


@functools.lru_cache(maxsize=64)
def _pattern(form: str) -> re.Pattern[str]:
    """The flexible form as a regular expression: one or two digits, month names, any run of blanks."""
    shapes = {"yyyy": r"\d{4}", "yy": r"\d{2}", "MMMM": r"[A-Za-z]{3,9}\.?", "a": "[AaPp][Mm]"}
    pieces, position = [], 0
    for token in _TOKEN.finditer(form):
        pieces.append(_literal(form[position : token.start()]))
        position = token.end()
        if token[0][0] == "'":
            pieces.append(_literal(token[0][1:-1]))
            continue
        shape = shapes.get(token[0]) or (r"\d{1,2}" if len(token[0]) == 1 else r"\d{2}")
        pieces.append(f"(?P<{_PART[token[0][0]]}>{shape})")
    pieces.append(_literal(form[position:]))
    return re.compile("".join(pieces))


def _literal(text: str) -> str:
    """Any run of blanks, also those that break no line, for a blank; the same text for Python and RE2."""
    return re.escape(text).replace(r"\ ", "[\\s\u00a0]+")


@functools.lru_cache(maxsize=65_536)
def _one(text: str, form: str) -> int | None:
    match = _pattern(form).fullmatch(text)
    if not match:
        return None
    parts = match.groupdict()
    month = parts["month"]
    number = int(month) if month.isdigit() else MONTH_NUMBER.get(month.rstrip(".").casefold(), 0)
    year = int(parts["year"])
    if len(parts["year"]) == 2:
        year += 2000 if year < _CENTURY_SPLIT else 1900
    hour, minute, second = (int(parts.get(name) or 0) for name in ("hour", "minute", "second"))
    if half_day_hour := parts.get("half_day_hour"):
        if not 1 <= int(half_day_hour) <= 12:
            return None
        hour = int(half_day_hour) % 12 + 12 * (parts.get("half", "a")[0] in "Pp")
    try:
        moment = datetime.datetime(year, number, int(parts["day"]), hour, minute, second, tzinfo=datetime.UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) if FIRST_YEAR <= year <= LAST_YEAR else None
