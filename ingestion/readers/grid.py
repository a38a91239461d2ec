"""Find the table on a sheet of native cells and read it in batches."""

from __future__ import annotations

import datetime
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from operator import itemgetter
from typing import Any

from ingestion.arrow import pa
from ingestion.outcome import FileRefused
from ingestion.readers import header as headers
from ingestion.readers.assembling import assemble
from ingestion.readers.cells import CellWriter
from ingestion.readers.reading import Reading
from ingestion.readers.table import Batch, BrokenRow, Table

_SLICE_ROWS = 2000
_SLICES = 10
_FOOTER_ROWS = 10
# What excuses a sheet or a member of an archive from holding the contract's table.
_NO_TABLE = ("header_not_found", "empty", "wrong_format")
# What does not: such a part is meant to be a table of the contract, and its rows would be lost.
_NEARLY = ("missing_column", "header_misspelt")


@dataclass(frozen=True)
class Grid:
    """A sheet: rows of equal length from its first row on, started anew by every call of ``rows``.

    A record that cannot be read stands as a BrokenRow among the rows. ``merges`` count rows and columns of
    the grid; ``first_column`` is the spreadsheet column (0 is A) of its first cell. ``warnings``: what a
    clerk should know of its cells.
    """

    name: str
    width: int
    rows: Callable[[], Iterator[Any]]
    merges: Sequence[headers.Merge] = ()
    first_column: int = 0
    warnings: Sequence[str] = ()

    def is_blank(self) -> bool:
        return not any("".join(_shown(row)).strip() for row in self.rows())


@dataclass(frozen=True)
class Sheet:
    """The first rows of a sheet as they stand; ``merges`` as ``header.joined`` takes them."""

    name: str
    rows: list[list[Any]]
    merges: list[headers.Merge]


class GridDocument:
    """A file that holds sheets of native cells."""

    def __init__(
        self, file_name: str, grids: Sequence[Grid], is_named: bool = True, hidden: Sequence[str] = ()
    ) -> None:
        """``is_named``: whether the sheets have names that mean something to the clerk.

        ``hidden``: names of the filled sheets that the file hides and that are never read.
        """
        self.file_name, self._grids, self.is_named, self._hidden = file_name, grids, is_named, hidden

    def tables(self, reading: Reading) -> list[Table]:
        """One table for every sheet that has the contract's header; raises FileRefused."""
        if reading.sheets is not None and self.is_named:
            names = [grid.name for grid in self._grids]
            chosen = headers.names_that_match(reading, names, self.file_name, "lembar")
            tables = [self._table(grid, reading) for grid in self._grids if grid.name in chosen]
            others = [grid for grid in self._grids if grid.name not in chosen and not grid.is_blank()]
            tables[0].warnings += [not_named("Lembar", grid.name) for grid in others]
        else:
            tables = tables_that_fit(
                [
                    Part(f"Lembar {grid.name}", partial(self._tables, grid, reading))
                    for grid in self._grids
                    if not grid.is_blank()
                ],
                reading,
                self.file_name,
            )
        tables[0].warnings += [
            f"Lembar {name} tersembunyi dan tidak dibaca. Bila isinya harus dimuat, tampilkan lembar itu "
            "lalu kirim lagi."
            for name in self._hidden
            if reading.sheets is None or re.fullmatch(reading.sheets, name, re.IGNORECASE)
        ]
        return tables

    def _tables(self, grid: Grid, reading: Reading) -> list[Table]:
        return [self._table(grid, reading)]

    def grids(self) -> list[Grid]:
        return list(self._grids)

    def _table(self, grid: Grid, reading: Reading) -> Table:
        is_one_of_several = self.is_named and len(self._grids) > 1
        place = f"{self.file_name} (lembar {grid.name})" if is_one_of_several else self.file_name
        headers.refuse_too_many_columns(grid.width, reading, place)
        searched = reading.header_search_rows + reading.header_rows - 1
        rows = [_shown(row) for row in islice(grid.rows(), searched)]
        found = headers.find(rows, reading, grid.merges, grid.first_column)
        header = headers.require(found or headers.without(reading, rows), reading, place, rows)
        texts = {"title": headers.title_of(rows[: header.first_row])}
        if reading.wants_footer:
            texts["footer"] = headers.title_of([_shown(row) for row in deque(grid.rows(), _FOOTER_ROWS)])
        if self.is_named:
            texts["sheet"] = [grid.name]
        table = assemble(
            header,
            reading,
            _batches(grid, header, reading),
            found=texts,
            sheet=grid.name if self.is_named else "",
        )
        table.warnings += grid.warnings
        if is_one_of_several:
            table.warnings = [f"Lembar {grid.name}: {text}" for text in table.warnings]
        return table


@dataclass(frozen=True)
class Part:
    """A sheet or a member of an archive, as messages call it, and what opens its tables."""

    name: str
    tables: Callable[[], list[Table]]


def tables_that_fit(parts: Sequence[Part], reading: Reading, file_name: str) -> list[Table]:
    """The tables of all parts that have the contract's header; raises FileRefused when none has it.

    Beside a part that fits, one whose header nearly fits refuses the file, and any other is named in the
    warnings of the first table: no rows are left out without a word. Where nothing fits, the refusal that
    gets nearest to a table is told: a header that lacks a column before no header at all.
    """
    tables: list[Table] = []
    left: list[tuple[Part, FileRefused]] = []
    for part in parts:
        try:
            tables += part.tables()
        except FileRefused as error:
            if error.code not in _NO_TABLE + _NEARLY:
                raise
            left.append((part, error))
    left.sort(key=lambda refused: refused[1].code not in _NEARLY)
    if not tables:
        raise left[0][1] if left else headers.not_found(reading, file_name)
    for part, refusal in left:
        if refusal.code in _NEARLY:
            raise FileRefused(
                refusal.code, f"{refusal} Bila {part.name} bukan bagian dari data, hapus dari berkas ini."
            )
        if refusal.code == "header_not_found":
            why = f"tidak memuat judul kolom {reading.title}"
            advice = "beri baris judul yang sama lalu kirim lagi"
        elif refusal.code == "wrong_format":
            why, advice = "bukan tabel", "simpan sebagai .xlsx atau .csv lalu kirim lagi"
        else:
            continue
        tables[0].warnings.append(
            f"{part.name} tidak dibaca karena {why}. Bila isinya harus dimuat, {advice}."
        )
    return tables


def not_named(kind: str, name: str) -> str:
    return (
        f"{kind} {name} tidak dibaca karena namanya bukan nama yang diminta kontrak. Bila isinya harus "
        "dimuat, perbaiki namanya lalu kirim lagi."
    )


def _shown(row: Any) -> list[str]:
    if isinstance(row, BrokenRow):
        return [row.text]
    return ["" if cell is None else str(cell) for cell in row]


def _batches(grid: Grid, header: headers.Header, reading: Reading) -> Iterator[Batch]:
    """Batches of the rows below the header, joined from slices that fit the processor's cache."""
    fills = [reading.unpivot_value if at in header.periods else name for at, name in enumerate(header.names)]
    writers = [CellWriter(reading.column(name) if name else None, reading) for name in fills]
    rows = islice(grid.rows(), header.row + 1, None)
    slices = _slices(rows, header.row + 2, writers)
    while some := list(islice(slices, _SLICES)):
        damaged: dict[int, list[int]] = {}
        start = 0
        for part in some:
            for position, lost in part.damaged.items():
                damaged.setdefault(position, []).extend(start + row for row in lost)
            start += len(part.row_no)
        yield Batch(
            pa.concat_arrays([part.row_no for part in some]),
            [pa.concat_arrays([part.cells[position] for part in some]) for position in range(len(writers))],
            [row for part in some for row in part.broken],
            damaged=damaged,
        )


def _slices(rows: Iterator[Any], row_no: int, writers: Sequence[CellWriter]) -> Iterator[Batch]:
    while chunk := list(islice(rows, _SLICE_ROWS)):
        numbers = range(row_no, row_no + len(chunk))
        row_no += len(chunk)
        broken = []
        good: Sequence[int] = numbers
        if BrokenRow in set(map(type, chunk)):
            both = list(zip(numbers, chunk, strict=True))
            broken = [BrokenRow(no, row.text, row.fields) for no, row in both if isinstance(row, BrokenRow)]
            good = [no for no, row in both if not isinstance(row, BrokenRow)]
            chunk = [row for row in chunk if not isinstance(row, BrokenRow)]
        cells, damaged = [], {}
        for position, writer in enumerate(writers):
            texts, lost = writer.column(list(map(itemgetter(position), chunk)))
            cells.append(texts)
            if lost:
                damaged[position] = lost
        yield Batch(pa.array(good, pa.int64()), cells, broken, damaged=damaged)


def peek(grid: Grid, count: int) -> Sheet:
    """The first rows of a sheet with their native cells; moments as ISO text in a list of one, for JSON."""
    rows = (row for row in grid.rows() if not isinstance(row, BrokenRow))
    cells = [[_plain(cell) for cell in row] for row in islice(rows, count)]
    left = [""] * grid.first_column
    merges = [(a, b + len(left), c, d + len(left)) for a, b, c, d in grid.merges]
    return Sheet(grid.name, [left + row for row in cells], merges)


def _plain(cell: Any) -> Any:
    if cell is None:
        return ""
    if isinstance(cell, (int, float, str)) and not isinstance(cell, bool):
        return cell
    if isinstance(cell, datetime.datetime):
        return [cell.isoformat()]
    if isinstance(cell, datetime.date):
        return [datetime.datetime(cell.year, cell.month, cell.day).isoformat()]
    return str(cell)
