"""Findings about a whole file that refuse nothing: sums that do not add up, totals that fall, wrong order.

Only accepted rows are looked at. Nobody can say from one file which of two contradicting numbers is wrong, so
the rows are loaded and the office is told.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from ingestion.arrow import pa, pc
from ingestion.contract import Contract
from ingestion.ingest_property import NeverFalls, NotBefore, SumOfChildren
from ingestion.report import number

# Rows that sums and series may hold in memory (some 100 MB with their codes).
LIMIT = 200_000
_SHOWN = 5
_GROUPS_SHOWN = 6


class Plausibility:
    """Collects what the contract's plausibility rules need, batch by batch; ``warnings`` tells at the end."""

    def __init__(self, contract: Contract, limit: int = LIMIT) -> None:
        watch: dict[type, type[_Sums | _Series | _Order]] = {
            SumOfChildren: _Sums,
            NeverFalls: _Series,
            NotBefore: _Order,
        }
        self.rules = [watch[type(rule)](rule, contract, limit) for rule in contract.ingest.plausibility]

    def note(self, good: Any) -> None:
        """Look at the accepted rows of a batch (columns of the raw table except ``_load_id``)."""
        for rule in self.rules:
            rule.note(good)

    def warnings(self) -> list[str]:
        """Indonesian sentences for the outcome's messages."""
        return [f"Perlu diperiksa: {text}" for rule in self.rules for text in rule.warnings()]


@dataclass
class _Rows:
    """Row numbers to show: the first few, and how many there are."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, row_no: int, sheet: str | None) -> None:
        self.count += 1
        if len(self.first) < _SHOWN:
            self.first.append(f"{row_no} lembar {sheet}" if sheet else str(row_no))

    def text(self) -> str:
        more = self.count - len(self.first)
        return f"baris {', '.join(self.first)}" + (f" dan {more} lagi" if more else "")


class _Order:
    """Rows in which the end lies before the start. Needs no memory."""

    def __init__(self, rule: Any, contract: Contract, limit: int) -> None:
        self.rule = rule
        self.column, self.start = contract.column(rule.column), contract.column(rule.start)
        self.rows = _Rows()

    def note(self, good: Any) -> None:
        ends, starts = good.column(self.rule.column), good.column(self.rule.start)
        if ends.type != starts.type:
            # A date and a moment are compared by day: closed on the day it was created is in order.
            ends, starts = ends.cast(pa.date32(), safe=False), starts.cast(pa.date32(), safe=False)
        early = pc.fill_null(pc.less(ends, starts), False).to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(early):
            self.rows.add(good.column("_row_no")[int(row)].as_py(), good.column("_sheet")[int(row)].as_py())

    def warnings(self) -> list[str]:
        if not self.rows.count:
            return []
        return [
            f"pada {number(self.rows.count)} baris, {self.column.title} lebih awal daripada "
            f"{self.start.title} ({self.rows.text()}). Perbaiki salah satunya di aplikasi asal."
        ]


class _Collected:
    """Rules that need all rows at once: the columns they name, up to ``limit`` rows."""

    def __init__(self, rule: Any, contract: Contract, limit: int) -> None:
        self.rule, self.contract, self.limit = rule, contract, limit
        self.names = [name for name in self._names() if name]
        self.batches: list[Any] = []
        self.count = 0
        self.is_cut = False

    def _names(self) -> tuple[str, ...]:
        raise NotImplementedError

    def note(self, good: Any) -> None:
        room = self.limit - self.count
        if good.num_rows > room:
            self.is_cut = True
        if room > 0 and good.num_rows:
            # A copy: a slice would keep the whole batch alive.
            part = good.select([*self.names, "_row_no", "_sheet"]).slice(0, room)
            self.batches.append(part.take(pa.array(np.arange(part.num_rows))))
            self.count += part.num_rows

    def columns(self) -> dict[str, list[Any]]:
        table = pa.Table.from_batches(self.batches)
        return {name: table.column(name).to_pylist() for name in table.column_names}

    def titles(self, names: tuple[str, ...]) -> str:
        return " + ".join(self.contract.column(name).title for name in names)


class _Sums(_Collected):
    """Parents that differ from the sum of their children.

    A child belongs to its nearest ancestor in the file, so a level that an export leaves out does no harm.
    """

    rule: SumOfChildren

    def _names(self) -> tuple[str, ...]:
        return (self.rule.code, self.rule.value, *self.rule.by)

    def note(self, good: Any) -> None:
        super().note(good)
        if self.is_cut:
            # A tree of which a part is missing cannot be added up.
            self.batches.clear()

    def warnings(self) -> list[str]:
        value = self.contract.column(self.rule.value).title
        if self.is_cut:
            return [
                f"{value} tidak dicocokkan dengan jumlah rinciannya, karena berkas ini lebih dari "
                f"{number(self.limit)} baris."
            ]
        if not self.batches:
            return []
        columns = self.columns()
        groups: defaultdict[tuple[Any, ...], dict[str, list[int]]] = defaultdict(dict)
        for row, code in enumerate(columns[self.rule.code]):
            if code is not None:
                group = tuple(columns[name][row] for name in self.rule.by)
                groups[group].setdefault(code, []).append(row)
        found, rows, example, parents = [], _Rows(), "", 0
        for group, codes in groups.items():
            sums = self._sums(codes, columns[self.rule.value])
            wrong = [code for code, (own, children) in sums.items() if own != children]
            parents += len(sums)
            if wrong:
                shown = ", ".join(str(part) for part in group)
                found.append(f"{shown}: {number(len(wrong))} dari {number(len(sums))}")
            for code in sorted(wrong, key=lambda code: codes[code][0]):
                first = codes[code][0]
                rows.add(columns["_row_no"][first], columns["_sheet"][first])
                own, children = sums[code]
                example = example or f"misalnya {code}: {_amount(own)}, jumlah rinciannya {_amount(children)}"
        if not rows.count:
            return []
        by = f" ({self.titles(self.rule.by)} {'; '.join(found)})" if self.rule.by else ""
        return [
            f"{value} pada {number(rows.count)} dari {number(parents)} induk "
            f"{self.contract.column(self.rule.code).title} tidak sama dengan jumlah rinciannya"
            f"{by if len(found) <= _GROUPS_SHOWN else ''}: {rows.text()}; {example}. Cocokkan induk dengan "
            "rinciannya di aplikasi asal."
        ]

    @staticmethod
    def _sums(codes: dict[str, list[int]], values: list[Any]) -> dict[str, tuple[Any, Any]]:
        """Own value and sum of the children of every code that has children and a value."""
        own = {code: [values[row] for row in rows if values[row] is not None] for code, rows in codes.items()}
        children: dict[str, Any] = {}
        for code in codes:
            parent = code.rpartition(".")[0]
            while parent and parent not in codes:
                parent = parent.rpartition(".")[0]
            if parent:
                children[parent] = children.get(parent, Decimal(0)) + sum(own[code], Decimal(0))
        return {code: (sum(own[code], Decimal(0)), total) for code, total in children.items() if own[code]}


class _Series(_Collected):
    """Running totals that are lower than those of the period before."""

    rule: NeverFalls

    def _names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.rule.value, *self.rule.order, *self.rule.by)))

    def warnings(self) -> list[str]:
        value = self.contract.column(self.rule.value).title
        cut = (
            [f"{value} hanya diperiksa pada {number(self.limit)} baris pertama berkas ini."]
            if self.is_cut
            else []
        )
        if not self.batches:
            return cut
        columns = self.columns()
        series: defaultdict[tuple[Any, ...], list[tuple[tuple[Any, ...], int]]] = defaultdict(list)
        for row, amount in enumerate(columns[self.rule.value]):
            moment = tuple(columns[name][row] for name in self.rule.order)
            if amount is not None and None not in moment:
                series[tuple(columns[name][row] for name in self.rule.by)].append((moment, row))
        rows, example = _Rows(), ""
        falls = sorted(fall for points in series.values() for fall in self._falls(points, columns))
        for row, before in falls:
            rows.add(columns["_row_no"][row], columns["_sheet"][row])
            numbers = columns[self.rule.value]
            example = example or f"misalnya dari {_amount(numbers[before])} menjadi {_amount(numbers[row])}"
        if not rows.count:
            return cut
        return [
            f"{value} adalah angka kumulatif, tetapi turun menurut {self.titles(self.rule.order)} pada "
            f"{number(rows.count)} baris ({rows.text()}; {example}). Periksa angkanya di aplikasi asal.",
            *cut,
        ]

    def _falls(
        self, points: list[tuple[tuple[Any, ...], int]], columns: dict[str, list[Any]]
    ) -> list[tuple[int, int]]:
        """Rows that are lower than the point before, with that point's row."""
        numbers = columns[self.rule.value]
        ordered = sorted(points)
        return [
            (row, before)
            for (_, before), (_, row) in itertools.pairwise(ordered)
            if numbers[row] < numbers[before]
        ]


def _amount(value: Any) -> str:
    """A number as Indonesian readers expect it, without decimals that say nothing."""
    text = f"{Decimal(value):,f}"
    whole, _, decimals = text.partition(".")
    decimals = decimals.rstrip("0")
    return whole.replace(",", ".") + (f",{decimals}" if decimals else "")
