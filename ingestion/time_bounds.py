"""When rows may lie: in the month that the file's name states, and not after the day the file arrived.

Both guard what a single wrong cell would spoil: a row of another month would replace that whole month
(slices), and one clock that runs ahead would move the data date of its source for everybody.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ingestion import dates
from ingestion.arrow import Array, pa, pc
from ingestion.checks import Checked
from ingestion.coherence import MONTH
from ingestion.contract import Column, Contract
from ingestion.outcome import FileRefused

Flags = np.ndarray[Any, np.dtype[np.bool_]]
Broken = tuple[Column, str, Flags]
# Received days are UTC days; clocks in Indonesia run up to nine hours ahead of them.
_TOLERANCE = datetime.timedelta(days=1)


class TimeBounds:
    """The bounds of one file; ``expected`` says for each code what a cell should have held."""

    def __init__(
        self, contract: Contract, file_name: str, groups: dict[str, str], received_on: datetime.date | None
    ) -> None:
        """``groups``: parts of the file name; ``received_on``: UTC day of arrival, None sets no upper bound.

        Raises FileRefused when the name itself states no month, or one that has not begun.
        """
        self.contract, self.received_on = contract, received_on
        self.last_day = received_on + _TOLERANCE if received_on else datetime.date.max
        named = {
            text for group, text in groups.items() if group in ("period", contract.ingest.data_date.period)
        }
        for text in named:
            if not re.fullmatch(MONTH, text):
                raise FileRefused(
                    "file_name",
                    f"Berkas {file_name} ditolak: {text} pada namanya bukan bulan. Tulis tahun dan bulan "
                    "seperti 2025-01 (bulan 01 sampai 12), misalnya "
                    f"{contract.ingest.file_example}, lalu kirim lagi.",
                )
        self.month = _first_day(groups["period"]) if "period" in groups else None
        self.expected = {"in_future": dates.write(received_on, "dd/MM/yyyy") if received_on else ""}
        if self.month:
            self.expected["outside_period"] = dates.write(self.month, "MMMM yyyy")
        for month in named:
            if _first_day(month) > self.last_day:
                raise FileRefused(
                    "in_future",
                    f"Berkas {file_name} ditolak: bulan {month} pada namanya masih di masa depan; "
                    f"berkas diterima {self.expected['in_future']}. Perbaiki nama berkas lalu kirim lagi.",
                )

    def broken(self, checked: dict[str, Checked]) -> list[Broken]:
        """Cells out of bounds, column by column; a cell that is wrong already gets no second reason."""
        result: list[Broken] = []
        told: dict[str, Flags] = {}
        for name, code, outside in (*self._outside_period(checked), *self._in_future(checked)):
            if not outside.any():
                continue
            mask = outside.copy()
            for failure in checked[name].failures:
                mask &= ~checked[name].of_rows(failure.mask)
            if name in told:
                mask &= ~told[name]
            told[name] = told.get(name, mask) | mask
            if mask.any():
                result.append((self.contract.column(name), code, mask))
        return result

    def _outside_period(self, checked: dict[str, Checked]) -> Iterator[tuple[str, str, Flags]]:
        where = self.contract.ingest.file_period
        if where is None or self.month is None:
            return
        if where.column:
            moments = checked[where.column].typed
            following = (self.month + datetime.timedelta(days=31)).replace(day=1)
            before = pc.less(moments, _at(self.month, moments))
            after = pc.greater_equal(moments, _at(following, moments))
            yield where.column, "outside_period", _rows(checked[where.column], pc.or_(before, after))
        for name, part in ((where.year, self.month.year), (where.month, self.month.month)):
            if name:
                yield name, "outside_period", _rows(checked[name], pc.not_equal(checked[name].typed, part))

    def _in_future(self, checked: dict[str, Checked]) -> Iterator[tuple[str, str, Flags]]:
        where, last = self.contract.ingest.data_date, self.last_day
        if self.received_on is None:
            return
        if where.column:
            moments = checked[where.column].typed
            late = pc.greater_equal(moments, _at(last + datetime.timedelta(days=1), moments))
            yield where.column, "in_future", _rows(checked[where.column], late)
        if where.period in checked:
            late = pc.greater(checked[where.period].typed, f"{last:%Y-%m}")
            yield where.period, "in_future", _rows(checked[where.period], late)
        if where.year:
            years = checked[where.year]
            yield where.year, "in_future", _rows(years, pc.greater(years.typed, last.year))
            this_year = _rows(years, pc.equal(years.typed, last.year))
            for part, now in ((where.month, last.month), (where.quarter, (last.month + 2) // 3)):
                if isinstance(part, str):
                    later = _rows(checked[part], pc.greater(checked[part].typed, now))
                    yield part, "in_future", this_year & later
            if isinstance(where.month, int) and where.month > last.month:
                yield where.year, "in_future", this_year


def _first_day(period: str) -> datetime.date:
    return datetime.date(int(period[:4]), int(period[5:7]), 1)


def _at(day: datetime.date, moments: Array) -> Any:
    """Midnight of a day in the type of a date or timestamp column."""
    return pa.scalar(day).cast(moments.type)


def _rows(column: Checked, outside: Array) -> Flags:
    """Flags of the entries of a column as flags of its rows; null counts as inside."""
    flags: Flags = pc.fill_null(outside, False).to_numpy(zero_copy_only=False)
    return column.of_rows(flags)
