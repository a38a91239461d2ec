"""XLSX, BIFF .xls and ODS through calamine, every cell as the text a clerk would type.

Cells keep their native type in calamine, so a number in an identifier column that is longer than the 15
digits a spreadsheet keeps is seen and reported instead of becoming a plausible wrong identifier.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from ingestion import dates
from ingestion.arrow import pa
from ingestion.contract import Column, Contract
from ingestion.outcome import FileRefused
from ingestion.readers import header as headers
from ingestion.readers.table import Batch, Table

_ROWS = 20_000
_DIGITS_KEPT = 15
# Serial day numbers of 1954 to 2119: a date that lost its cell format.
_SERIALS = range(20_000, 80_000)
_EPOCH = datetime.datetime(1899, 12, 30)


def open_tables(path: Path, contract: Contract, file_name: str) -> list[Table]:
    """One table for every visible sheet that has the contract's header; raises FileRefused."""
    try:
        workbook = CalamineWorkbook.from_path(path)
        visible = [
            sheet.name for sheet in workbook.sheets_metadata if sheet.visible == SheetVisibleEnum.Visible
        ]
        sheets = [(name, workbook.get_sheet_by_name(name)) for name in visible]
    except CalamineError as error:
        raise FileRefused(
            "unreadable",
            f"Berkas {file_name} tidak dapat dibuka sebagai buku kerja: rusak, terpotong atau dikunci kata "
            "sandi. Buka dan simpan ulang tanpa kata sandi sebagai .xlsx lalu kirim lagi.",
        ) from error
    best: headers.Header | None = None
    tables = []
    for name, sheet in sheets:
        found = headers.find(_first_rows(sheet, contract.ingest.header_search_rows), contract)
        if found and headers.is_complete(found, contract):
            tables.append(_table(name, sheet, headers.require(found, contract, file_name), contract))
        if found and (best is None or len(found.spelled) > len(best.spelled)):
            best = found
    if not tables:
        headers.require(best, contract, file_name)
    return tables


def _first_rows(sheet: CalamineSheet, count: int) -> list[list[str]]:
    if sheet.start is None:
        return []
    return [["" if cell is None else str(cell) for cell in row] for row in islice(sheet.iter_rows(), count)]


def _table(name: str, sheet: CalamineSheet, header: headers.Header, contract: Contract) -> Table:
    return Table(
        names=header.names,
        headers=header.spelled,
        batches=_batches(sheet, header, contract),
        sheet=name,
        warnings=headers.warnings(header, contract),
    )


def _batches(sheet: CalamineSheet, header: headers.Header, contract: Contract) -> Iterator[Batch]:
    columns = [contract.column(name) if name else None for name in header.names]
    rows = islice(sheet.iter_rows(), header.row + 1, None)
    row_no = header.row + 2
    while first := next(rows, None):
        chunk = list(chain([first], islice(rows, _ROWS - 1)))
        cells, damaged = [], {}
        for position, (column, values) in enumerate(zip(columns, zip(*chunk, strict=True), strict=True)):
            writer = _Writer(column, contract)
            cells.append(pa.array([writer.text(value) for value in values], pa.string()))
            if column and column.is_identifier and (lost := _damaged(values)):
                damaged[position] = lost
        numbers = pa.array(range(row_no, row_no + len(chunk)), pa.int64())
        row_no += len(chunk)
        yield Batch(numbers, cells, damaged=damaged)


def _damaged(values: tuple[Any, ...]) -> list[int]:
    return [
        index
        for index, value in enumerate(values)
        if isinstance(value, (int, float)) and abs(value) >= 10**_DIGITS_KEPT
    ]


class _Writer:
    """Writes native cells of one column in the contract's own notation."""

    def __init__(self, column: Column | None, contract: Contract) -> None:
        self.kind = column.logical_type if column else "string"
        self.scale = column.scale if column else 0
        self.decimal_char = contract.ingest.decimal_char
        self.date_format = contract.ingest.date_formats[0]
        self.timestamp_format = contract.ingest.timestamp_formats[0]

    def text(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        if value is None:
            return ""
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, (int, float)):
            if self.kind in ("date", "timestamp") and int(value) in _SERIALS:
                return self.moment(_EPOCH + datetime.timedelta(seconds=round(value * 86_400)))
            return self.number(float(value))
        if isinstance(value, (datetime.datetime, datetime.date)):
            return self.moment(value)
        return str(value)

    def number(self, value: float) -> str:
        """Plain notation with the 15 digits a spreadsheet keeps; the rest is binary noise."""
        if value == int(value) and abs(value) < 10**_DIGITS_KEPT:
            return str(int(value))
        if self.kind != "number":
            return f"{value:.{_DIGITS_KEPT}g}"
        text = f"{float(f'{value:.{_DIGITS_KEPT}g}'):.{self.scale}f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text).replace(".", self.decimal_char)

    def moment(self, value: datetime.date) -> str:
        if self.kind == "timestamp":
            moment = (
                value if isinstance(value, datetime.datetime) else datetime.datetime(*value.timetuple()[:3])
            )
            return dates.write(moment, self.timestamp_format)
        if self.kind == "date":
            return dates.write(value, self.date_format)
        return value.isoformat(" ") if isinstance(value, datetime.datetime) else value.isoformat()
