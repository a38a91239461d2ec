"""The shape every reader delivers: tables of text, in batches, with the row numbers of the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ingestion.arrow import Array

# Number of fields of a line that is no JSON object.
NO_JSON = 0


@dataclass(frozen=True)
class BrokenRow:
    """A record whose number of fields differs from the header's; ``text`` is the record as it stands.

    ``fields`` is ``NO_JSON`` for a line that should be a JSON object and is none.
    """

    row_no: int
    text: str
    fields: int


@dataclass
class Batch:
    """Some rows of a table.

    ``cells``: a string array, maybe chunked, for every column of the table, untrimmed, '' for an empty cell.
    ``damaged``: column position → row positions whose number cell held more digits than a spreadsheet keeps.
    """

    row_no: Array
    cells: list[Array]
    broken: list[BrokenRow] = field(default_factory=list)
    # Header under which each row's value stood, where columns became rows (``unpivot``); for messages.
    origin: Array | None = None
    damaged: dict[int, list[int]] = field(default_factory=dict)
    # Texts of the column ``_pendopo`` (load id and row number) of a file with corrected rows.
    reference: Array | None = None
    # Filled rows of the file that held no value in any of the columns that became rows.
    without_value: int = 0


@dataclass
class Table:
    """One table of a file.

    ``names``: the contract's column for every column of the batches, None for one it does not know.
    ``headers``: contract column → header as the file spells it, for messages.
    ``found``: texts around the table (``title``, ``year``, ``footer``, ``sheet``).
    ``places``: header as spelled, and contract column → columns of the spreadsheet (0 is A) with its cells.
    ``fields``: number of columns in the file, which differs from ``names`` where columns became rows.
    """

    names: tuple[str | None, ...]
    headers: dict[str, str]
    batches: Iterator[Batch]
    sheet: str = ""
    delimiter: str = ";"
    found: dict[str, list[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    places: dict[str, tuple[int, ...]] = field(default_factory=dict)
    fields: int = 0

    def __post_init__(self) -> None:
        self.fields = self.fields or len(self.names)
