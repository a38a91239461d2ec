"""What a marked workbook looks like: a first sheet that says what to do, and the bad cells in the data.

Nothing here decides what is wrong; see ``marked.py`` for where the rows come from. Run as a module it marks a
copy of an XLSX original in a process of its own with limits, because the original may be hostile.
"""

from __future__ import annotations

import ctypes
import json
import re
import resource
import signal
import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook  # type: ignore[import-untyped]
from openpyxl.cell import Cell, MergedCell  # type: ignore[import-untyped]
from openpyxl.comments import Comment  # type: ignore[import-untyped]
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side  # type: ignore[import-untyped]
from openpyxl.utils import get_column_letter  # type: ignore[import-untyped]
from openpyxl.worksheet.hyperlink import Hyperlink  # type: ignore[import-untyped]
from openpyxl.worksheet.properties import PageSetupProperties  # type: ignore[import-untyped]
from openpyxl.worksheet.worksheet import Worksheet  # type: ignore[import-untyped]

# Amber turns a clear grey on a black-and-white printer; the thick frame stays in any case.
_BAD = PatternFill("solid", fgColor="FFD966")
_FRAME = Border(*[Side(style="medium", color="C00000")] * 4)
_HEAD = PatternFill("solid", fgColor="D9E1F2")
_LINE = Border(bottom=Side(style="hair", color="808080"))
_LONGEST_TEXT = 32_767
_LAST_COLUMN = 16_384
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_WIDTHS = (8, 16, 8, 24, 28, 90)
_HEADINGS = ("Sel", "Lembar", "Baris", "Kolom", "Isi", "Sebab dan cara memperbaiki")
_PR_SET_PDEATHSIG = 1
_MEMORY_BYTES = 3 << 30
_CPU_SECONDS = 120
_FILE_BYTES = 256 << 20


@dataclass(frozen=True)
class Finding:
    """One reason and where it stands.

    ``row``: row of the file; ``at``: row of the workbook's sheet, the same one unless only refused rows are
    shown. ``columns``: 1-based columns of the sheet that hold the value, () for the row as a whole.
    """

    sheet: str
    row: int
    at: int
    columns: tuple[int, ...]
    header: str
    value: str
    sentence: str


@dataclass(frozen=True)
class Summary:
    """Contents of the first sheet: facts as label and text, then steps, then the findings."""

    facts: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]
    findings: tuple[Finding, ...]


def text_cell(sheet: Worksheet, row: int, column: int, text: str) -> Cell:
    """Write a text that stays text: never a formula, never a number, leading zeros and all digits intact.

    An empty cell takes what is typed into it as text.
    """
    cell = sheet.cell(row, column)
    if text:
        cell.value = visible(text)
        cell.data_type = "s"
    cell.number_format = "@"
    return cell


def text_row(sheet: Worksheet, row: int, texts: Iterable[str], first: int = 1) -> None:
    """Write filled texts side by side from column ``first`` on, as far as a sheet is wide."""
    for column, text in zip(range(first, _LAST_COLUMN + 1), texts, strict=False):
        if text:
            text_cell(sheet, row, column, text)


def heading(sheet: Worksheet, row: int, column: int, text: str) -> None:
    """A text cell of a header row, wide enough to be read."""
    text_cell(sheet, row, column, text).font = Font(bold=True)
    sheet.column_dimensions[get_column_letter(column)].width = min(max(12, len(text) + 3), 40)


def visible(text: str) -> str:
    """The text as a workbook can hold it: control characters shown, cut at the longest text of a cell."""
    shown = _UNPRINTABLE.sub(lambda sign: chr(0x2400 + ord(sign[0])) if sign[0] < " " else "�", text)
    return shown if len(shown) <= _LONGEST_TEXT else shown[: _LONGEST_TEXT - 1] + "…"


def finish(book: Workbook, summary: Summary) -> None:
    """Mark the findings in the sheets of a workbook and put the summary before them."""
    targets = mark(book, summary.findings)
    _write_summary(book, summary, targets)


def mark(book: Workbook, findings: Iterable[Finding]) -> list[str]:
    """Colour the cells of the findings and attach their sentences; returns the cell of every finding.

    The cell is "" when the sheet does not exist.
    """
    cells: list[str] = []
    said: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        if finding.sheet not in book.sheetnames:
            cells.append("")
            continue
        sheet = book[finding.sheet]
        bad = [_owner(sheet, finding.at, column) for column in _columns(sheet, finding)]
        for cell in bad:
            cell.fill, cell.border = _BAD, _FRAME
        cells.append(bad[0].coordinate)
        sentences = said.setdefault((finding.sheet, bad[0].coordinate), [])
        if finding.sentence not in sentences:
            sentences.append(finding.sentence)
    for (title, coordinate), sentences in said.items():
        _comment(book[title][coordinate], sentences)
    return cells


def _columns(sheet: Worksheet, finding: Finding) -> Sequence[int]:
    if not finding.columns:
        filled = [cell.column for cell in sheet[finding.at] if cell.value not in (None, "")]
        return filled or [1]
    # A column of the contract may stand in several columns of the sheet: what is filled was read.
    filled = [column for column in finding.columns if sheet.cell(finding.at, column).value not in (None, "")]
    return filled[:1] or finding.columns[:1]


def _owner(sheet: Worksheet, row: int, column: int) -> Cell:
    """The cell itself, or the one that holds the value of the merged cells it belongs to."""
    cell = sheet.cell(row, column)
    if isinstance(cell, MergedCell):
        merged = next(area for area in sheet.merged_cells.ranges if cell.coordinate in area)
        cell = sheet.cell(merged.min_row, merged.min_col)
    return cell


def _comment(cell: Cell, sentences: list[str]) -> None:
    text = "\n\n".join(sentences)
    if cell.comment:
        text = f"{text}\n\n{cell.comment.text}"
    # Pixels: about 55 letters a line.
    height = 30 + 18 * sum(1 + len(line) // 55 for line in text.splitlines())
    cell.comment = Comment(visible(text), "Pendopo", height=min(height, 600), width=400)


def _write_summary(book: Workbook, summary: Summary, targets: list[str]) -> None:
    sheet = book.create_sheet("Ringkasan", 0)
    for letter, width in zip("ABCDEF", _WIDTHS, strict=True):
        sheet.column_dimensions[letter].width = width
    wrapped = Alignment(wrap_text=True, vertical="top")
    row = 1
    text_cell(sheet, row, 1, "Laporan pemeriksaan berkas").font = Font(bold=True, size=14)
    for label, text in summary.facts:
        row += 1
        name = text_cell(sheet, row, 1, label)
        name.font, name.alignment = Font(bold=True), wrapped
        text_cell(sheet, row, 3, text).alignment = wrapped
        sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=2)
        sheet.merge_cells(start_row=row, end_row=row, start_column=3, end_column=6)
        sheet.row_dimensions[row].height = 15 * (1 + len(text) // 130)
    row += 2
    text_cell(sheet, row, 1, "Yang perlu dilakukan").font = Font(bold=True)
    for number, step in enumerate(summary.steps, 1):
        row += 1
        text_cell(sheet, row, 1, f"{number}.").alignment = Alignment(horizontal="right", vertical="top")
        text_cell(sheet, row, 2, step).alignment = wrapped
        sheet.merge_cells(start_row=row, end_row=row, start_column=2, end_column=6)
        sheet.row_dimensions[row].height = 15 * (1 + len(step) // 140)
    if summary.findings:
        row += 2
        for column, heading in enumerate(_HEADINGS, 1):
            title = text_cell(sheet, row, column, heading)
            title.font, title.fill = Font(bold=True), _HEAD
        first = row
        for finding, target in zip(summary.findings, targets, strict=True):
            row += 1
            _write_finding(sheet, row, finding, target)
        sheet.auto_filter.ref = f"A{first}:{get_column_letter(len(_HEADINGS))}{row}"
    sheet.page_setup.orientation = "landscape"
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.fitToHeight = 0
    book.active = 0
    for other in book.worksheets:
        other.sheet_view.tabSelected = other is sheet


def _write_finding(sheet: Worksheet, row: int, finding: Finding, target: str) -> None:
    values = (target, finding.sheet, str(finding.row), finding.header, finding.value, finding.sentence)
    for column, value in enumerate(values, 1):
        cell = text_cell(sheet, row, column, value)
        cell.alignment, cell.border = Alignment(wrap_text=True, vertical="top"), _LINE
    # Spreadsheet programs grow a row to its wrapped text only when somebody edits it.
    lines = max(1 + len(value) // width for value, width in zip(values, _WIDTHS, strict=True))
    sheet.row_dimensions[row].height = 15 * min(lines, 8)
    if target:
        link = sheet.cell(row, 1)
        quoted = finding.sheet.replace("'", "''")
        link.hyperlink = Hyperlink(ref=link.coordinate, location=f"'{quoted}'!{target}")
        link.font = Font(underline="single", color="0563C1")


def mark_copy(original: Path, target: Path, summary: Summary) -> None:
    """Write a marked copy of an XLSX file, formats kept, formulas replaced by the values that were read.

    Formulas are left out because the copy goes back to people: one that reaches for other files or programs
    must not travel under our name.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # As an open file: by its name openpyxl would ask for an ending, which kept originals do not have.
        with original.open("rb") as file:
            book = load_workbook(file, data_only=True, keep_links=False)
        finish(book, summary)
        book.save(target)


def as_job(original: Path, target: Path, summary: Summary) -> bytes:
    """What the process of its own is to do, for its standard input."""
    job = {"original": str(original), "target": str(target), "summary": asdict(summary)}
    return json.dumps(job, ensure_ascii=False).encode("utf-8", "replace")


def _summary(document: dict[str, Any]) -> Summary:
    return Summary(
        facts=tuple((label, text) for label, text in document["facts"]),
        steps=tuple(document["steps"]),
        findings=tuple(
            Finding(**(item | {"columns": tuple(item["columns"])})) for item in document["findings"]
        ),
    )


def main() -> None:
    """Mark a copy under limits of memory, time and size; the job comes from standard input.

    Dies with the process that started it.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    job = json.load(sys.stdin.buffer)
    mark_copy(Path(job["original"]), Path(job["target"]), _summary(job["summary"]))


if __name__ == "__main__":
    main()
