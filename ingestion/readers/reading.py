"""What a reader must know of a contract: plain values, quick to hand to another process."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingestion.contract import Contract


@dataclass(frozen=True)
class Field:
    """One column that stands in the table. ``headers``: every spelling of its header, the title first."""

    name: str
    headers: tuple[str, ...]
    logical_type: str
    scale: int
    required: bool

    @property
    def title(self) -> str:
        return self.headers[0]

    @property
    def is_identifier(self) -> bool:
        """Whether a number cell with more than 15 digits in it is damaged (spreadsheets keep 15)."""
        return self.logical_type == "string"


@dataclass(frozen=True)
class Reading:
    """How to read the files of a source; what each value means stands in ``ingestion.ingest_property``."""

    source_id: str
    title: str
    layout: str
    file_example: str
    columns: tuple[Field, ...]
    encodings: tuple[str, ...]
    delimiters: tuple[str, ...]
    header_search_rows: int
    header_rows: int
    positions: dict[str, tuple[str, ...]]
    sheets: str | None
    records: str
    unpivot_pattern: str | None
    unpivot_value: str
    fields: tuple[str, ...]
    wants_footer: bool
    decimal_char: str
    date_format: str
    timestamp_format: str
    missing_values: tuple[str, ...]
    max_columns: int
    max_file_mb: int
    max_workbook_mb: int

    @classmethod
    def of(cls, contract: Contract) -> Reading:
        ingest = contract.ingest
        return cls(
            source_id=contract.source_id,
            title=contract.title,
            layout=ingest.layout,
            file_example=ingest.file_example,
            columns=tuple(
                Field(column.name, column.headers, column.logical_type, column.scale, column.required)
                for column in contract.table_columns
            ),
            encodings=ingest.encodings,
            delimiters=ingest.delimiters,
            header_search_rows=ingest.header_search_rows,
            header_rows=ingest.header_rows,
            positions=dict(ingest.positions),
            sheets=ingest.sheets,
            records=ingest.records,
            unpivot_pattern=ingest.unpivot.pattern if ingest.unpivot else None,
            unpivot_value=ingest.unpivot.value if ingest.unpivot else "",
            fields=ingest.fields,
            wants_footer=any(attribute.of == "footer" for attribute in ingest.attributes),
            decimal_char=ingest.decimal_char,
            date_format=ingest.date_formats[0],
            timestamp_format=ingest.timestamp_formats[0],
            missing_values=ingest.missing_values,
            max_columns=ingest.max_columns,
            max_file_mb=ingest.max_file_mb,
            max_workbook_mb=ingest.max_workbook_mb,
        )

    @classmethod
    def of_anything(cls) -> Reading:
        """For a file without a contract: the widest encodings, the usual limits, no columns."""
        return cls(
            source_id="",
            title="",
            layout="table",
            file_example="",
            columns=(),
            encodings=("utf-8", "utf-16", "cp1252", "latin-1"),
            delimiters=(";", ",", "\t", "|"),
            header_search_rows=30,
            header_rows=1,
            positions={},
            sheets=None,
            records="",
            unpivot_pattern=None,
            unpivot_value="",
            fields=(),
            wants_footer=False,
            decimal_char=",",
            date_format="dd/MM/yyyy",
            timestamp_format="dd/MM/yyyy HH:mm:ss",
            missing_values=("",),
            max_columns=16_384,
            max_file_mb=10_240,
            max_workbook_mb=50,
        )

    @property
    def unpivoted(self) -> set[str]:
        """Columns that come into being when columns of the file become rows."""
        if self.unpivot_pattern is None:
            return set()
        return {self.unpivot_value, *re.compile(self.unpivot_pattern).groupindex}

    @property
    def standing(self) -> tuple[Field, ...]:
        """Columns with a header of their own in the file."""
        unpivoted = self.unpivoted
        return tuple(column for column in self.columns if column.name not in unpivoted)

    def column(self, name: str) -> Field:
        return next(column for column in self.columns if column.name == name)
