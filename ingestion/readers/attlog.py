"""Punches of a ZKTeco terminal: TAB-separated lines without a header, fields in the order of the contract.

The field order differs between firmware versions, so it stands in the contract (``ingest.fields``).
"""

from __future__ import annotations

from pathlib import Path

from ingestion.contract import Contract
from ingestion.readers import delimited
from ingestion.readers.encoding import detect
from ingestion.readers.table import Table


def open_table(path: Path, contract: Contract, file_name: str) -> Table:
    """The punches as one table; raises FileRefused."""
    form = detect(path, contract.ingest.encodings, file_name)
    fields = contract.ingest.fields
    return Table(
        names=fields,
        headers={name: contract.column(name).title for name in fields},
        batches=delimited.stream(
            path,
            form,
            skip_bytes=0,
            delimiter="\t",
            columns=len(fields),
            rows_before=0,
            file_name=file_name,
            quotes=False,
        ),
        delimiter="\t",
    )
