"""From the bytes of a file to tables of text. What a file is, says its content, not its extension.

Plain text is read here, streaming; everything else in a process of its own (``sandbox``). Nothing heavy is
imported on top: that process imports this package too.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion import settings
from ingestion.outcome import FileRefused
from ingestion.readers.reading import Reading
from ingestion.readers.source import Source

if TYPE_CHECKING:
    from ingestion.contract import Contract
    from ingestion.readers.grid import Sheet
    from ingestion.readers.request import Request
    from ingestion.readers.table import Table


def open_tables(path: Path, contract: Contract, file_name: str) -> list[Table]:
    """The tables of a file as the contract describes them, their rows streaming; raises FileRefused."""
    from ingestion.readers import kinds, sandbox, text

    reading = Reading.of(contract)
    source = Source.of(path, file_name)
    if source.size > reading.max_file_mb << 20:
        raise text.too_large(source, reading.max_file_mb)
    if reading.layout == "python":
        module = settings.contracts_folder() / f"{contract.source_id}.py"
        return sandbox.tables(
            _request("read", path, file_name, [reading], module=str(module), contract=contract)
        )
    kind = kinds.kind_of(source)
    _refuse_other_layout(kind, reading, file_name)
    if kind == "text":
        return text.TextDocument(source).tables(reading)
    return sandbox.tables(_request("read", path, file_name, [reading]))


def fitting(path: Path, contracts: Iterable[Contract], file_name: str) -> list[Contract]:
    """The contracts whose header stands in the file, which is opened once; raises FileRefused if none can.

    Layout attlog fits nothing: without a header any text with tabs would do. Nor does layout python.
    """
    from ingestion.readers import kinds, sandbox, text

    source = Source.of(path, file_name)
    kind = kinds.kind_of(source)
    wanted = [
        contract
        for contract in contracts
        if contract.ingest.layout in (("table", "bps") if kind == "text" else ("table",))
    ]
    if not wanted:
        return []
    readings = [Reading.of(contract) for contract in wanted]
    if kind != "text":
        answer = sandbox.ask(_request("fit", path, file_name, readings))
        return [wanted[position] for position in answer["fitting"]]
    document = text.TextDocument(source, is_glance=True)
    return [contract for contract, reading in zip(wanted, readings, strict=True) if _fits(document, reading)]


def peek(path: Path, file_name: str, rows: int = 100_000) -> list[Sheet]:
    """The first rows of every sheet of any file, for drafting a contract; raises FileRefused.

    Rows are physical, cells native (text, number, datetime); the keys of JSON records are row 1.
    """
    from ingestion.readers import sandbox
    from ingestion.readers.grid import Sheet

    answer = sandbox.ask(_request("peek", path, file_name, [Reading.of_anything()], rows=rows))
    return [
        Sheet(
            sheet["name"],
            [[_native(cell) for cell in row] for row in sheet["rows"]],
            [tuple(merge) for merge in sheet["merges"]],
        )
        for sheet in answer["sheets"]
    ]


def _native(cell: Any) -> Any:
    return datetime.datetime.fromisoformat(cell[0]) if isinstance(cell, list) else cell


def _fits(document: Any, reading: Reading) -> bool:
    try:
        document.tables(reading)
    except FileRefused:
        return False
    return True


def _refuse_other_layout(kind: str, reading: Reading, file_name: str) -> None:
    if reading.layout in ("bps", "attlog") and kind in ("workbook", "page", "json"):
        word = {"workbook": "buku kerja", "page": "halaman HTML", "json": "JSON"}[kind]
        raise FileRefused(
            "wrong_format",
            f"Berkas {file_name} adalah {word}, padahal {reading.title} dikirim sebagai teks: "
            f"{reading.file_example}.",
        )


def _request(task: Any, path: Path, file_name: str, readings: list[Reading], **more: Any) -> Request:
    from ingestion.readers import sandbox
    from ingestion.readers.request import Request

    return Request(
        task=task,
        path=str(path.absolute()),
        file_name=file_name,
        readings=tuple(readings),
        parent=os.getpid(),
        memory_mb=sandbox.LIMITS.memory_mb,
        cpu_seconds=sandbox.LIMITS.cpu_seconds,
        **more,
    )
