"""Punches of a ZKTeco terminal: TAB-separated lines without a header, fields in the order of the contract.

The field order differs between firmware versions, so it stands in the contract (``ingest.fields``).
"""

from __future__ import annotations

from ingestion.readers import delimited
from ingestion.readers.encoding import TextForm
from ingestion.readers.reading import Reading
from ingestion.readers.source import Source
from ingestion.readers.table import Table


def open_table(source: Source, form: TextForm, reading: Reading) -> Table:
    """The punches as one table; raises FileRefused."""
    fields = reading.fields
    return Table(
        names=tuple(name or None for name in fields),
        headers={name: reading.column(name).title for name in fields if name},
        batches=delimited.stream(
            source,
            form,
            skip_bytes=0,
            delimiter="\t",
            columns=len(fields),
            rows_before=0,
            quotes=False,
        ),
        delimiter="\t",
    )
