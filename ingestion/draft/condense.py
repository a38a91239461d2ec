"""The rows of a long sample that say something new: its beginning whole, then what is unlike all before."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime

Cell = str | float | date
Row = list[Cell]

# Of these every row is kept.
HEAD = 20_000
# A column of this many distinct texts may be a list of allowed values: every further text of it is news.
_LIST = 50
# So many odd rows a column do not change its share of values that are no number (a half per cent).
_NEWS = 50
_BEYOND_TWELVE = re.compile(r"(?<!\d)(?:1[3-9]|2\d|3[01])(?!\d)")
_DIGITS = str.maketrans("012345678", "999999999")
_WORD = re.compile(r"[^\W\d_]{2,}")


def unlike(rows: Iterable[Row]) -> Iterator[Row]:
    """The first HEAD rows, then each row with a cell of a form that its column did not have before.

    A form is the text with one digit for all digits and one letter for a word: ``0.51`` after whole numbers,
    an empty cell in a full column, a day beyond the twelfth. So a long file is seen whole at the cost of a
    short one.
    """
    columns: list[_Column] = []
    for number, row in enumerate(rows):
        while len(columns) < len(row):
            columns.append(_Column())
        if number < HEAD:
            for column, cell in zip(columns, row, strict=False):
                column.seen.add(cell)
            yield row
            continue
        is_news = False
        for column, cell in zip(columns, row, strict=False):
            if cell not in column.seen:
                is_news |= column.is_news(cell)
        if is_news:
            yield row


class _Column:
    def __init__(self) -> None:
        self.seen: set[Cell] = set()
        self._forms: set[str] = set()
        self._is_list: bool | None = None
        self._news = 0

    def is_news(self, cell: Cell) -> bool:
        """Whether a cell that did not stand in the head is of a form that no cell before it had."""
        if self._is_list is None:
            self._is_list = len(self.seen) <= _LIST
            self._forms = {self._form(known) for known in self.seen}
        if self._news >= _NEWS or (form := self._form(cell)) in self._forms:
            return False
        self._forms.add(form)
        self._news += 1
        return True

    def _form(self, cell: Cell) -> str:
        text = cell if isinstance(cell, str) else text_of(cell)
        if self._is_list and len(text) <= 60:
            return text
        if "/" in text or "-" in text:
            text = _BEYOND_TWELVE.sub("d", text)
        text = text.translate(_DIGITS)
        # Without letters there is no word to look for.
        return text if text.upper() == text.lower() else _WORD.sub("w", text)


def text_of(cell: Cell) -> str:
    """A cell as trimmed text; numbers in plain notation."""
    if isinstance(cell, str):
        return " ".join(cell.split())
    if isinstance(cell, float) and cell == int(cell) and abs(cell) < 1e15:
        return str(int(cell))
    return cell.isoformat(" ") if isinstance(cell, datetime) else str(cell)
