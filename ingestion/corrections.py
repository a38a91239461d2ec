"""The correction form of a load: its refused rows in one sheet, to be put right and delivered again.

Column ``_pendopo`` says which row of which load a row corrects (``<load id>:<row>``, with ``:<sheet>`` behind
it where the file had sheets), so the loader takes it as a supplement of that load and the ledger links them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from openpyxl import Workbook  # type: ignore[import-untyped]

from ingestion import ledger, marked, marking, past_load, readers, report, settings
from ingestion.contract import Contract
from ingestion.outcome import Reject
from ingestion.readers.header import REFERENCE
from ingestion.readers.table import Table

SHEET = "Perbaikan"
# What a workbook of this kind still opens with quickly; the next form holds the rows that are open then.
MOST_ROWS = 50_000


class NothingToCorrect(settings.PendopoError):
    """A load without open refused rows, or one that was refused as a whole."""


@dataclass(frozen=True)
class Form:
    """What was written: rows in the form, and open rows that did not fit."""

    contract: Contract
    file_name: str
    rows: int
    left: int


def write(load_id: int, target: Path) -> Form:
    """Write the form (mode 0600); raises NothingToCorrect or past_load.UnknownLoad."""
    with ledger.connect() as connection:
        load = past_load.read(connection, load_id)
        outcome = load.outcome
        if load.supplements is not None:
            raise NothingToCorrect(
                f"Muatan {load_id} sendiri adalah perbaikan atas muatan {load.supplements}. Baris yang masih "
                f"salah ada pada formulir muatan itu: pendopo corrections {load.supplements}"
            )
        if outcome.status != "loaded":
            raise NothingToCorrect(
                f"Muatan {load_id} ditolak seluruhnya, jadi tidak ada yang dapat ditambahkan padanya. "
                f"Perbaiki berkas aslinya dan kirim lagi; 'pendopo report {load_id}' menunjukkan sel yang "
                "salah."
            )
        if not load.open_rejects:
            raise NothingToCorrect(f"Muatan {load_id} tidak punya baris yang masih perlu diperbaiki.")
        tables = {
            table.sheet: table
            for table in readers.open_tables(load.original, load.contract, outcome.file_name)
        }
        try:
            refused = past_load.open_rejects(connection, load_id)
            with marked.written(target) as temporary:
                rows = _fill(temporary, load.contract, tables, islice(refused, MOST_ROWS))
        finally:
            marked.close(tables.values())
    return Form(load.contract, outcome.file_name, rows, load.open_rejects - rows)


def _fill(
    target: Path, contract: Contract, tables: dict[str, Table], refused: Iterator[tuple[str, Reject]]
) -> int:
    """Write header and rows; cells beyond the header of a row with too many fields follow ``_pendopo``."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = SHEET
    columns = contract.table_columns
    for position, title in enumerate((*(column.title for column in columns), REFERENCE), 1):
        marking.heading(sheet, 1, position, title)
    sheet.freeze_panes = "A2"
    findings: list[marking.Finding] = []
    row = 1
    for reference, reject in refused:
        table = tables.get(reject.sheet)
        if table is None:
            continue
        row += 1
        cells = marked.split(reject.raw_text, table)
        for position, column in enumerate(columns, 1):
            values = [cell for name, cell in zip(table.names, cells, strict=False) if name == column.name]
            marking.text_cell(sheet, row, position, next(filter(None, values), ""))
        marking.text_cell(sheet, row, len(columns) + 1, reference)
        marking.text_row(sheet, row, cells[len(table.names) :], len(columns) + 2)
        for reason, sentence in zip(reject.reasons, report.sentences(reject), strict=True):
            places = tuple(
                position for position, column in enumerate(columns, 1) if column.name == reason.column
            )
            findings.append(
                marking.Finding(SHEET, reject.row_no, row, places, "", reason.value or "", sentence)
            )
    marking.mark(book, findings)
    book.save(target)
    return row - 1
