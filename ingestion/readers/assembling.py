"""From a header and raw batches to a table: cells brought to their column, columns of periods made rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from ingestion import dates
from ingestion.arrow import Array, pa, pc
from ingestion.readers import header as headers
from ingestion.readers.header import Header
from ingestion.readers.reading import Reading
from ingestion.readers.table import Batch, Table

Cell = TypeVar("Cell")


def assemble(
    header: Header,
    reading: Reading,
    batches: Iterator[Batch],
    *,
    found: dict[str, list[str]],
    sheet: str = "",
    delimiter: str = ";",
) -> Table:
    """The table under a header whose completeness was checked (``headers.require``)."""
    fields, places = len(header.names), header.places
    if headers.REFERENCE in header.texts:
        position = header.texts.index(headers.REFERENCE)
        batches = _with_reference(batches, position)
        header = replace(header, names=_cut(header.names, position), texts=_cut(header.texts, position))
        reading = headers.plain(reading)
    if header.fallbacks:
        batches = _first_filled(batches, header.fallbacks)
    names = header.names
    if header.periods:
        unpivot = _Unpivot(header, reading)
        names, batches = unpivot.names, unpivot.run(batches)
    return Table(
        names=names,
        headers={name: text for name, text in header.spelled.items() if name in header.names},
        batches=batches,
        sheet=sheet,
        delimiter=delimiter,
        found=found,
        warnings=headers.warnings(header, reading) if header.row >= 0 else [],
        places=places,
        fields=fields,
    )


def _cut(values: tuple[Cell, ...], position: int) -> tuple[Cell, ...]:
    return (*values[:position], *values[position + 1 :])


def _with_reference(batches: Iterator[Batch], position: int) -> Iterator[Batch]:
    """The column with the references stands beside the cells, not among them."""
    for batch in batches:
        yield replace(
            batch,
            cells=[*batch.cells[:position], *batch.cells[position + 1 :]],
            damaged={place - (place > position): rows for place, rows in batch.damaged.items()},
            reference=batch.cells[position],
        )


def _first_filled(batches: Iterator[Batch], fallbacks: dict[int, tuple[int, ...]]) -> Iterator[Batch]:
    """The first filled cell of several columns stands in the first of them."""
    for batch in batches:
        cells = list(batch.cells)
        for target, positions in fallbacks.items():
            text = batch.cells[positions[0]]
            for position in positions[1:]:
                is_blank = pc.equal(pc.utf8_trim_whitespace(text), "")
                text = pc.if_else(is_blank, batch.cells[position], text)
            cells[target] = text
        yield replace(batch, cells=cells)


class _Unpivot:
    """Makes a row of every filled cell under a header that names a period (or an area type …)."""

    def __init__(self, header: Header, reading: Reading) -> None:
        self.values = sorted(header.periods)
        self.kept = [position for position in range(len(header.names)) if position not in header.periods]
        self.groups = {
            name: pa.array(
                [_written(header.periods[position][name], name, reading) for position in self.values]
            )
            for name in header.periods[self.values[0]]
        }
        self.origins = pa.array([header.texts[position] for position in self.values], pa.string())
        self.missing = pa.array(reading.missing_values, pa.string())
        self.names = (
            *(header.names[position] for position in self.kept),
            *self.groups,
            reading.unpivot_value,
        )

    def run(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        for batch in batches:
            yield self._turned(batch)

    def _turned(self, batch: Batch) -> Batch:
        count = len(batch.row_no)
        if not count:
            nothing = pa.array([], pa.string())
            return replace(batch, cells=[nothing] * len(self.names), origin=nothing)
        # Cells without a value are no records; what is left goes row by row, as a reader would.
        filled = np.column_stack([self._is_filled(batch.cells[position]) for position in self.values])
        rows, periods = np.nonzero(filled)
        take_row, take_period = pa.array(rows), pa.array(periods)
        values = pa.concat_arrays([batch.cells[position] for position in self.values])
        cells = [batch.cells[position].take(take_row) for position in self.kept]
        cells += [texts.take(take_period) for texts in self.groups.values()]
        cells.append(values.take(pa.array(periods * count + rows)))
        return Batch(
            row_no=batch.row_no.take(take_row),
            cells=cells,
            broken=batch.broken,
            origin=self.origins.take(take_period),
            damaged={
                self.kept.index(position): np.flatnonzero(np.isin(rows, lost)).tolist()
                for position, lost in batch.damaged.items()
                if position in self.kept
            },
            reference=batch.reference.take(take_row) if batch.reference is not None else None,
            without_value=int((~filled.any(axis=1)).sum()),
        )

    def _is_filled(self, texts: Array) -> Any:
        trimmed = pc.utf8_trim_whitespace(texts)
        is_empty = pc.or_(pc.equal(trimmed, ""), pc.is_in(trimmed, self.missing))
        return ~is_empty.to_numpy(zero_copy_only=False)


def _written(text: str, name: str, reading: Reading) -> str:
    """A group's text as its column wants it: a month's name becomes its number in a column of integers."""
    text = text.strip()
    if reading.column(name).logical_type == "integer":
        return str(dates.MONTH_NUMBER.get(text.rstrip(".").casefold(), text))
    return text
