"""Plausible values of a contract's columns: right in type, range, list and pattern, never a living person."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from ingestion.contract import Column, Contract
from ingestion.sample import people
from ingestion.sample.matching import NoMatch, text_matching
from ingestion.sample.scene import month_end, months_before

Value = str | int | Decimal | datetime.date | None
_FEW = 12
_LARGEST = 900_000


@dataclass(frozen=True)
class Period:
    """What the rows of a sample speak of: a month that was over on the day of the export."""

    month: datetime.date
    last_day: datetime.date

    @classmethod
    def of(cls, contract: Contract, as_of: datetime.date) -> Period:
        """The last month, end of quarter, or fixed month of a year that was complete on that day."""
        where, month = contract.ingest.data_date, months_before(as_of, 1)
        if isinstance(where.month, int):
            while month.month != where.month:
                month = months_before(month, 1)
        elif where.quarter or contract.frequency == "quarterly":
            while month.month % 3:
                month = months_before(month, 1)
        return cls(month, month_end(month))

    @property
    def quarter(self) -> int:
        return (self.month.month + 2) // 3


class Values:
    """Draws the values of one contract."""

    def __init__(self, contract: Contract, period: Period, rng: np.random.Generator) -> None:
        self.contract, self.period, self.rng = contract, period, rng
        ingest = contract.ingest
        self.fixed: dict[str, Value] = {}
        for where in (ingest.data_date, ingest.file_period):
            for part, value in (
                ("year", period.month.year),
                ("month", period.month.month),
                ("quarter", period.quarter),
                ("period", f"{period.month:%Y-%m}"),
            ):
                name = getattr(where, part, None)
                if isinstance(name, str):
                    self.fixed[name] = value
        self.never_empty = {*self.fixed, *ingest.slice}
        self.never_empty |= {
            where.column for where in (ingest.data_date, ingest.file_period) if where and where.column
        }

    def draw(self, column: Column, number: int) -> Value:
        """A value for row ``number``; None (an empty cell) now and then where the contract allows it."""
        if column.name in self.fixed:
            return self.fixed[column.name]
        may_be_empty = not column.required and column.name not in self.never_empty
        if may_be_empty and self.rng.random() < 0.08:
            return None
        unusable = {text.casefold() for text in self.contract.ingest.missing_values}
        unusable |= {text.casefold() for text in self.contract.ingest.sentinels.get(column.name, ())}
        for _ in range(50):
            value = getattr(self, f"_{column.logical_type}")(column, number)
            if str(value).casefold() not in unusable:
                return value  # type: ignore[no-any-return]
        return None

    def _string(self, column: Column, number: int) -> str:
        if column.allowed:
            return str(self.rng.choice(column.allowed))
        if column.pattern:
            return self._matching(column)
        if code := self.contract.ingest.codes.get(column.name):
            widths = code.widths or (4,)
            return ".".join(f"{int(self.rng.integers(1, 10 ** min(width, 4))):0{width}d}" for width in widths)
        words = set(re.findall(r"[a-z]+", column.title.casefold()))
        if words & {"telp", "telepon", "hp", "phone", "tlp"}:
            return people.phones(self.rng, 1)[0]
        if words & {"nik", "ktp"}:
            return people.niks(self.rng, 1)[0]
        if column.is_protected and words & {"nama", "name", "pelapor", "pemilik"}:
            return people.names(self.rng, 1)[0]
        # Identifiers differ row by row, other words come again.
        is_name = column.primary_key or column.unique
        count = number + 1 if is_name else int(self.rng.integers(1, _FEW))
        text = f"{column.title.split(' / ')[-1]} {count}"
        if column.name in self.contract.ingest.compact:
            text = re.sub(r"[\s'.]", "", text)
        return text[-column.max_length :].strip() if column.max_length else text

    def _matching(self, column: Column) -> str:
        """A text of the column's pattern; numbers of persons begin so that nobody can have them."""
        pattern = str(column.pattern)
        for safe in (people.niks(self.rng, 1)[0], people.nips(self.rng, [False])[0]):
            if column.is_protected and re.fullmatch(pattern, safe):
                return safe
        return text_matching(pattern, self.rng)

    def _integer(self, column: Column, number: int) -> int:
        low = int(float(column.minimum)) if column.minimum is not None else 1
        high = int(float(column.maximum)) if column.maximum is not None else max(low, 0) + 5000
        words = set(re.findall(r"[a-z]+", f"{column.title} {column.name}".casefold()))
        if words & {"tahun", "year", "thang"} and low <= self.period.month.year <= high:
            return self.period.month.year - (int(self.rng.integers(0, 3)) if column.primary_key else 0)
        if (column.primary_key or column.unique) and column.maximum is None:
            return low + number
        return int(self.rng.integers(low, high, endpoint=True))

    def _number(self, column: Column, number: int) -> Decimal:
        del number
        low = Decimal(str(column.minimum)) if column.minimum is not None else Decimal(0)
        digits = int(re.findall(r"\d+", column.postgres_type)[0]) - column.scale
        largest = min(Decimal(_LARGEST), Decimal(10) ** digits - 1)
        high = Decimal(str(column.maximum)) if column.maximum is not None else max(low, Decimal(0)) + largest
        share = Decimal(int(self.rng.integers(1, 1000))) / 1000
        return (low + (high - low) * share).quantize(Decimal(1).scaleb(-min(column.scale, 2)))

    def _date(self, column: Column, number: int) -> datetime.date:
        del number
        first, last = self.period.month, self.period.last_day
        if column.minimum is not None:
            first = max(first, datetime.date.fromisoformat(str(column.minimum)[:10]))
        if column.maximum is not None:
            last = min(last, datetime.date.fromisoformat(str(column.maximum)[:10]))
        days = max((last - first).days, 0)
        return first + datetime.timedelta(days=int(self.rng.integers(0, days, endpoint=True)))

    def _timestamp(self, column: Column, number: int) -> datetime.datetime:
        day = self._date(column, number)
        minutes = int(self.rng.integers(7 * 60, 17 * 60))
        return datetime.datetime(day.year, day.month, day.day) + datetime.timedelta(minutes=minutes)


__all__ = ["NoMatch", "Period", "Value", "Values"]
