"""Native cells of spreadsheets and JSON as the text a clerk would type, in the contract's own notation.

Whole columns of one type, the usual case, are written at once; a column in which numbers stand beside texts
goes cell by cell.
"""

from __future__ import annotations

import datetime
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
_MOMENTS = ("date", "timestamp")
_STRFTIME = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}


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
        lost = damaged(values) if self.is_identifier and types & {int, float} else []
        if types == {float} and self.kind not in _MOMENTS:
            return self._floats(values), lost
        if types in ({datetime.datetime}, {datetime.date}):
            return self._moments(values), lost
        return _strings([self.text(value) for value in values]), lost

    def text(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        if value is None:
            return ""
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, (int, float)):
            if self.kind in _MOMENTS and int(value) in _SERIALS:
                return self._moment(_EPOCH + datetime.timedelta(seconds=round(value * 86_400)))
            return str(value) if isinstance(value, int) else self._number(value)
        if isinstance(value, Decimal):
            return f"{value:f}".replace(".", self.decimal_char) if self.kind == "number" else str(value)
        if isinstance(value, datetime.date):
            return self._moment(value)
        return str(value)

    def _floats(self, values: Sequence[float]) -> Array:
        numbers = pa.array(values, pa.float64())
        whole = pc.and_(pc.equal(numbers, pc.floor(numbers)), pc.less(pc.abs(numbers), 10**_DIGITS_KEPT))
        if pc.all(whole).as_py():
            return pc.cast(pc.cast(numbers, pa.int64()), pa.string())
        return _strings([self._number(value) for value in values])

    def _number(self, value: float) -> str:
        """Plain notation with the 15 digits a spreadsheet keeps; the rest is binary noise."""
        if value != value or value in (float("inf"), float("-inf")):
            return str(value)
        if value == int(value) and abs(value) < 10**_DIGITS_KEPT:
            return str(int(value))
        if self.kind != "number":
            return f"{value:.{_DIGITS_KEPT}g}"
        # A calculated cell holds more decimals than anybody sees; the contract's scale says how many count.
        text = f"{float(f'{value:.{_DIGITS_KEPT}g}'):.{self.scale}f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text).replace(".", self.decimal_char)

    def _moments(self, values: Sequence[Any]) -> Array:
        form = self.formats.get(self.kind)
        if form and set(re.findall("[A-Za-z]+", form)) <= set(_STRFTIME):
            directives = re.sub("[A-Za-z]+", lambda match: _STRFTIME[match[0]], form)
            return pc.strftime(pa.array(values, pa.timestamp("s")), format=directives)
        return _strings([self._moment(value) for value in values])

    def _moment(self, value: datetime.date) -> str:
        moment = value if isinstance(value, datetime.datetime) else datetime.datetime(*value.timetuple()[:3])
        if form := self.formats.get(self.kind):
            return dates.write(moment, form)
        return value.isoformat(" ") if isinstance(value, datetime.datetime) else value.isoformat()


def _strings(values: Sequence[str]) -> Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        # JSON can spell half of a character (a lone surrogate), which is no text.
        return pa.array([value.encode("utf-8", "replace").decode() for value in values], pa.string())
