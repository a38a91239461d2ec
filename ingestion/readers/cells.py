"""Native cells of spreadsheets and JSON as the text a clerk would type, in the contract's own notation.

Whole columns of one type, the usual case, are written at once; a column in which numbers stand beside texts
goes cell by cell.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from ingestion import dates
from ingestion.arrow import Array, pa, pc
from ingestion.readers.reading import Field, Reading

_DIGITS_KEPT = 15
# Serial day numbers of 1954 to 2119: a date that lost its cell format.
_SERIALS = range(20_000, 80_000)
_EPOCH = datetime.datetime(1899, 12, 30)
# Days are counted in binary fractions: 08:00:00 can come out as 07:59:59.999999.
_HALF_A_SECOND = datetime.timedelta(milliseconds=500)
_DAYS = {datetime.date, datetime.datetime}
_MOMENTS = ("date", "timestamp")
_IN_ISO = {"yyyy": (0, 4), "MM": (5, 7), "dd": (8, 10), "HH": (11, 13), "mm": (14, 16), "ss": (17, 19)}


def damaged(values: Sequence[Any]) -> list[int]:
    """Number cells longer than the 15 digits a spreadsheet keeps: as an identifier they are wrong."""
    return [
        index
        for index, value in enumerate(values)
        if isinstance(value, (int, float)) and abs(value) >= 10**_DIGITS_KEPT
    ]


class CellWriter:
    """Writes the native cells of one column."""

    def __init__(self, column: Field | None, reading: Reading) -> None:
        self.kind = column.logical_type if column else "string"
        self.scale = column.scale if column else 0
        self.is_identifier = bool(column and column.is_identifier)
        self.decimal_char = reading.decimal_char
        self.formats = {"date": reading.date_format, "timestamp": reading.timestamp_format}

    def column(self, values: Sequence[Any]) -> tuple[Array, list[int]]:
        """The texts of a column, and the rows that ``damaged`` finds if it holds identifiers."""
        types = set(map(type, values))
        if types == {str}:
            return _strings(values), []
        if types == {float}:
            is_long = self.is_identifier and max(map(abs, values)) >= 10**_DIGITS_KEPT
            return self._floats(values), damaged(values) if is_long else []
        lost = damaged(values) if self.is_identifier and types & {int, float} else []
        if types <= _DAYS:
            return self._moments(values), lost
        texts = list(values)
        for kind, write in ((float, self._floats), (datetime.datetime, self._moments), (None, self._others)):
            rows = [
                row
                for row, value in enumerate(texts)
                if type(value) is not str and kind in (type(value), None)
            ]
            if rows:
                for row, text in zip(rows, write([texts[row] for row in rows]).to_pylist(), strict=True):
                    texts[row] = text
        return _strings(texts), lost

    def _others(self, values: Sequence[Any]) -> Array:
        return _strings([self._text(value) for value in values])

    def _text(self, value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, Decimal):
            return f"{value:f}".replace(".", self.decimal_char) if self.kind == "number" else str(value)
        if isinstance(value, datetime.date):
            return str(self._moments([value])[0])
        if isinstance(value, int) and self.kind in _MOMENTS and value in _SERIALS:
            return str(self._floats([float(value)])[0])
        return str(value)

    def _floats(self, values: Sequence[float]) -> Array:
        """Plain notation with the 15 digits a spreadsheet keeps; the rest is binary noise."""
        numbers = pa.array(values, pa.float64())
        if self.kind in _MOMENTS:
            return self._days(values)
        if self.kind == "number":
            # A calculated cell holds more decimals than anybody sees; the contract's scale says what counts.
            numbers = pc.round(numbers, self.scale, "half_towards_infinity")
        whole = pc.and_(pc.equal(numbers, pc.floor(numbers)), pc.less(pc.abs(numbers), 10**_DIGITS_KEPT))
        if pc.all(whole).as_py():
            return pc.cast(pc.cast(numbers, pa.int64()), pa.string())
        texts = pc.replace_substring_regex(pc.cast(numbers, pa.string()), r"\.0$", "")
        # Exponents, and more digits than a spreadsheet keeps.
        odd = pc.or_(pc.match_substring(texts, "e"), pc.greater(pc.binary_length(texts), _DIGITS_KEPT + 1))
        if pc.any(odd).as_py():
            texts = texts.to_pylist()
            for row in pc.indices_nonzero(odd).to_pylist():
                texts[row] = self._plain(numbers[row].as_py())
            texts = pa.array(texts, pa.string())
        return pc.replace_substring(texts, ".", self.decimal_char) if self.kind == "number" else texts

    def _plain(self, value: float) -> str:
        if not math.isfinite(value):
            return str(value)
        text = f"{value:.{_DIGITS_KEPT}g}"
        return f"{Decimal(text):f}" if self.kind == "number" else text

    def _days(self, values: Sequence[float]) -> Array:
        """A number in a column of dates is the day as Excel counts, or what it is."""
        texts = []
        for value in values:
            if math.isfinite(value) and int(value) in _SERIALS:
                moment = _EPOCH + datetime.timedelta(seconds=round(value * 86_400))
                texts.append(dates.write(moment, self.formats[self.kind]))
            else:
                texts.append(str(int(value)) if math.isfinite(value) and value == int(value) else str(value))
        return pa.array(texts, pa.string())

    def _moments(self, values: Sequence[datetime.date]) -> Array:
        form = self.formats.get(self.kind)
        if not form:
            return pa.array([_iso(value) for value in values], pa.string())
        # Whole days come as dates, even in a column of moments.
        whole = datetime.datetime
        moments = pa.array(
            [
                value if type(value) is whole else whole(value.year, value.month, value.day)
                for value in values
            ],
            pa.timestamp("us"),
        )
        seconds = pc.floor_temporal(pc.add(moments, _HALF_A_SECOND), unit="second")
        if not set(re.findall("[A-Za-z]+", form)) <= set(_IN_ISO):
            return pa.array([dates.write(moment, form) for moment in seconds.to_pylist()], pa.string())
        # "2025-02-28 14:30:00", cut into its parts: five times as fast as strftime.
        iso = pc.cast(pc.cast(seconds, pa.timestamp("s")), pa.string())
        parts = [
            pc.utf8_slice_codeunits(iso, *_IN_ISO[token]) if token in _IN_ISO else token
            for token in re.findall("[A-Za-z]+|[^A-Za-z]+", form)
        ]
        return pc.binary_join_element_wise(*parts, "")


def _iso(value: datetime.date) -> str:
    return value.isoformat(" ") if isinstance(value, datetime.datetime) else value.isoformat()


def _strings(values: Sequence[str]) -> Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        # JSON can spell half of a character (a lone surrogate), which is no text.
        return pa.array([value.encode("utf-8", "replace").decode() for value in values], pa.string())
