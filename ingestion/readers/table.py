"""The shape every reader delivers: tables of text, in batches, with the row numbers of the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ingestion.arrow import Array


@dataclass(frozen=True)
class BrokenRow:
    """A record whose number of fields differs from the header's; ``text`` is the record as it stands."""

    row_no: int
    text: str
    fields: int


@dataclass
class Batch:
    """Some rows of a table.

    ``cells``: one string array for every column of the file, untrimmed, '' for an empty cell.
    ``damaged``: column position → row positions whose number cell held more digits than a spreadsheet keeps.
    """

    row_no: Array
    cells: list[Array]
    broken: list[BrokenRow] = field(default_factory=list)
    # Header under which each row's value stood, where columns became rows (``unpivot``); for messages.
    origin: Array | None = None
    damaged: dict[int, list[int]] = field(default_factory=dict)


@dataclass
class Table:
    """One table of a file.

    ``names``: the contract's column for every column of the file, None for one it does not know.
    ``headers``: contract column → header as the file spells it, for messages.
    ``found``: texts around the table (``title``, ``year``, ``footer``, ``sheet``).
    """

    names: tuple[str | None, ...]
    headers: dict[str, str]
    batches: Iterator[Batch]
    sheet: str = ""
    delimiter: str = ";"
    found: dict[str, list[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
