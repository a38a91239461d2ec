"""Sources that a test declares for itself, and what the checks make of a file."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ingestion import readers
from ingestion.contract import Contract, read_contract
from ingestion.outcome import Reject
from ingestion.plausibility import Plausibility
from ingestion.screening import Screen, Sorted

RECEIVED_ON = datetime.date(2026, 11, 22)
TEXT: dict[str, Any] = {"logicalType": "string"}
KEY = TEXT | {"primaryKey": True, "primaryKeyPosition": 1}
INTEGER: dict[str, Any] = {"logicalType": "integer"}
NUMBER: dict[str, Any] = {"logicalType": "number", "physicalType": "numeric(20,2)"}
DATE: dict[str, Any] = {"logicalType": "date"}
TIMESTAMP: dict[str, Any] = {"logicalType": "timestamp"}


def limits(minimum: float, maximum: float) -> dict[str, Any]:
    return {"logicalTypeOptions": {"minimum": minimum, "maximum": maximum}}


def declare(
    folder: Path,
    columns: dict[str, dict[str, Any]],
    source: str = "dinas__data",
    version: str = "1.0.0",
    **ingest: Any,
) -> Contract:
    """Write a contract whose column titles are the columns' names, unless said otherwise, and read it."""
    document = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": source,
        "name": "Data contoh",
        "version": version,
        "status": "active",
        "domain": "sectoral",
        "description": {"purpose": "Menguji cacat berkas."},
        "team": {"name": "Dinas Contoh"},
        "slaProperties": [
            {"property": "frequency", "value": 1, "unit": "m"},
            {"property": "latency", "value": 5, "unit": "d"},
            {"property": "retention", "value": 1, "unit": "y"},
        ],
        "schema": [
            {
                "name": source,
                "physicalType": "file",
                "properties": [
                    {"name": name, "businessName": name, "description": "Kolom contoh."}
                    | {"classification": "publik"}
                    | column
                    for name, column in columns.items()
                ],
            }
        ],
        "customProperties": [
            {
                "property": "ingest",
                "value": {
                    "schedule": "*/15 * * * *",
                    "filePattern": r".*",
                    "fileExample": "data.csv",
                    "delivery": "increment",
                    "dataDate": {},
                }
                | ingest,
            }
        ],
    }
    file = folder / f"{source}.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return read_contract(file)


@dataclass
class Sifted:
    """Rows of a file as they would be copied, refused rows, skipped ones by kind, and warnings."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    data_to: datetime.date | None = None

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.rows]

    @property
    def messages(self) -> list[str]:
        """Every reason as a clerk reads it, with the row's number."""
        return [
            f"Baris {reject.row_no}, {reason.message}" for reject in self.rejects for reason in reject.reasons
        ]

    @property
    def reasons(self) -> list[tuple[int, str, str | None]]:
        return [
            (reject.row_no, reason.code, reason.column)
            for reject in self.rejects
            for reason in reject.reasons
        ]


def sift(file: Path, contract: Contract) -> Sifted:
    """Read and check a file; raises FileRefused. No row may be lost between the counts."""
    screen = Screen(contract, file.name, b"test", RECEIVED_ON)
    plausibility = Plausibility(contract)
    result = Sifted()

    def sorted_batches() -> Iterator[Sorted]:
        for table in readers.open_tables(file, contract, file.name):
            yield from screen.sort(table)
            result.warnings.extend(table.warnings)
        yield from screen.finish()

    for batch in sorted_batches():
        plausibility.note(batch.good)
        result.rows += batch.good.to_pylist()
        result.rejects += batch.rejects
        result.skipped += batch.skipped
    result.rows.sort(key=lambda row: (row["_sheet"] or "", row["_row_no"]))
    result.rejects.sort(key=lambda reject: (reject.sheet, reject.row_no))
    result.warnings += plausibility.warnings()
    result.data_to = screen.totals.data_to
    assert screen.totals.read == len(result.rows) + len(result.rejects) + result.skipped.total()
    return result
