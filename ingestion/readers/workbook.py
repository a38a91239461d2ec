"""XLSX, BIFF .xls, XLSB and ODS through calamine.

Cells keep their native type in calamine, so a number in an identifier column that is longer than the 15
digits a spreadsheet keeps is seen and reported instead of becoming a plausible wrong identifier.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from functools import partial
from typing import Any

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from ingestion.outcome import FileRefused
from ingestion.readers import kinds
from ingestion.readers.error_cells import ErrorCells, ErrorTexts
from ingestion.readers.grid import Grid, GridDocument
from ingestion.readers.source import Source

# Unpacked, a workbook of ordinary cells is some ten times as large; this much more is no workbook of people.
_UNPACKED = 20


def open_document(source: Source, limit_mb: int) -> GridDocument:
    """The visible sheets of a workbook; raises FileRefused, also when it is larger than ``limit_mb``."""
    refuse_large(source, limit_mb)
    errors = ErrorCells(source)
    try:
        with source.open() as file:
            workbook = CalamineWorkbook.from_filelike(file)
        grids, hidden = [], []
        for about in workbook.sheets_metadata:
            sheet = workbook.get_sheet_by_name(about.name)
            if about.visible == SheetVisibleEnum.Visible:
                grids.append(_grid(sheet, errors))
            elif sheet.start is not None:
                hidden.append(about.name)
    except CalamineError as error:
        raise kinds.broken_workbook(source.name) from error
    return GridDocument(source.name, grids, hidden=hidden)


def refuse_large(source: Source, limit_mb: int) -> None:
    """A workbook is read whole, so its size is bounded, packed and unpacked; raises FileRefused."""
    if source.size > limit_mb << 20:
        raise _too_large(source.name, f"{source.size >> 20} MB, paling besar {limit_mb} MB")
    with source.open() as file:
        if not zipfile.is_zipfile(file):
            return
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > _UNPACKED * limit_mb << 20:
        raise _too_large(
            source.name, f"{unpacked >> 20} MB setelah dibuka, paling besar {_UNPACKED * limit_mb} MB"
        )


def _too_large(name: str, size: str) -> FileRefused:
    return FileRefused(
        "too_large",
        f"Buku kerja {name} berukuran {size}. Hapus lembar dan sel yang tidak perlu, pecah menjadi beberapa "
        "berkas, atau simpan sebagai .csv lalu kirim lagi.",
    )


def _grid(sheet: CalamineSheet, errors: ErrorCells) -> Grid:
    if sheet.start is None:
        return Grid(sheet.name, 0, lambda: iter(()))
    # calamine keeps empty rows above the table but not empty columns left of it.
    left = sheet.start[1]
    merges = [
        (top, first - left, bottom, last - left)
        for (top, first), (bottom, last) in sheet.merged_cell_ranges or ()
        if first >= left
    ]
    lost = errors.of(sheet.name)
    rows = partial(_with_errors, sheet, lost, left) if lost else sheet.iter_rows
    return Grid(sheet.name, sheet.width, rows, merges, left, errors.warnings(sheet.name))


def _with_errors(sheet: CalamineSheet, lost: ErrorTexts, left: int) -> Iterator[list[Any]]:
    for number, row in enumerate(sheet.iter_rows()):
        for column, text in lost.get(number, {}).items():
            row[column - left] = text
        yield row
