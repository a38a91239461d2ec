"""The marked workbook of a file, for the clerk who sent it: the file itself with the bad cells marked.

An XLSX original is copied with its formats; of every other format a workbook of text cells is made in which
each row has the number it has in the file. Of a big file only the refused rows are shown.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path

from openpyxl import Workbook  # type: ignore[import-untyped]
from openpyxl.worksheet.worksheet import Worksheet  # type: ignore[import-untyped]

from ingestion import ledger, marking, past_load, readers, report, settings, supplement
from ingestion.contract import Contract
from ingestion.marking import Finding, Summary
from ingestion.outcome import FileRefused, Outcome, Reason, Reject
from ingestion.readers.encoding import detect
from ingestion.readers.table import Table

# Above any of these only refused rows are shown, and of those the first ones.
WHOLE_ROWS = 20_000
WHOLE_BYTES = 5 << 20
WHOLE_CELLS = 600_000
SHOWN_ROWS = 10_000
_LAST_ROW = 1_048_576
_COPY_SECONDS = 180
_LONGEST_FIELD = 4 << 20
_SHEET = "Data"
# Which columns of a sheet (from 1) a reason speaks of; () is the row as a whole.
_Columns = Callable[[Table, Reason], tuple[int, ...]]


class NotMarked(settings.PendopoError):
    """A workbook that cannot be written where it was asked for."""


def write(load_id: int, target: Path | None = None) -> Path:
    """Write the marked workbook of a load and return its path, by default below ``home()/reports``.

    Raises past_load.UnknownLoad when the load or its original does not exist (any more).
    """
    with ledger.connect() as connection:
        load = past_load.read(connection, load_id)
        target = target or _report_file(load_id, load.outcome.file_name)
        refused = past_load.rejects(connection, load_id)
        mark_file(target, load.original, load.contract, load.outcome, refused, load.finished_at)
    return target


def report_files(load_id: int) -> list[Path]:
    """The marked workbooks that exist of a load, for the purge."""
    return sorted(_folder().glob(f"{load_id}-*.xlsx"))


def mark_file(
    target: Path,
    original: Path,
    contract: Contract,
    outcome: Outcome,
    rejects: Iterable[Reject],
    when: datetime,
) -> None:
    """Write the marked workbook of a file (mode 0600).

    ``outcome`` gives the counts and messages, ``rejects`` the refused rows, ``when`` the moment of the check.
    """
    tables = _open(original, contract, outcome.file_name)
    order = {table.sheet: position for position, table in enumerate(tables)}
    shown = sorted(
        islice(rejects, SHOWN_ROWS), key=lambda reject: (order.get(reject.sheet, 0), reject.row_no)
    )
    if target.exists() and target.samefile(original):
        raise NotMarked(f"{target} adalah berkas yang diperiksa sendiri. Beri nama lain untuk laporannya.")
    try:
        with written(target) as temporary:
            _Marking(temporary, original, contract, outcome, tables, shown, when).write()
    finally:
        close(tables)


def _open(original: Path, contract: Contract, file_name: str) -> list[Table]:
    """The tables of a file, or of a correction form of its source; none when it is neither."""
    for known in (contract, supplement.plain(contract)):
        # What is wrong with the file as a whole stands among the messages.
        with contextlib.suppress(FileRefused):
            return readers.open_tables(original, known, file_name)
    return []


class _Marking:
    """The making of one workbook; the kinds of it from the most faithful to the plainest."""

    def __init__(
        self,
        target: Path,
        original: Path,
        contract: Contract,
        outcome: Outcome,
        tables: list[Table],
        rejects: list[Reject],
        when: datetime,
    ) -> None:
        self.target, self.original, self.contract = target, original, contract
        self.outcome, self.rejects, self.when = outcome, rejects, when
        self.tables = {table.sheet: table for table in tables}

    def write(self) -> None:
        if self._is_big() or not self.tables:
            self._refused_rows()
        elif zipfile.is_zipfile(self.original):
            if not self._copy():
                self._rebuilt()
        elif self._is_text():
            self._text()
        else:
            self._rebuilt()

    def _is_big(self) -> bool:
        columns = max((len(table.names) for table in self.tables.values()), default=0)
        return (
            self.outcome.read > WHOLE_ROWS
            or self.outcome.read * columns > WHOLE_CELLS
            or self.original.stat().st_size > WHOLE_BYTES
        )

    def _is_text(self) -> bool:
        """Whether the file is separated text, whose rows above the header can be shown as well."""
        if self.contract.ingest.layout == "python":
            return False
        with self.original.open("rb") as file:
            start = file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n")
        return not start.startswith((b"<", b"{", b"[", b"\xd0\xcf\x11\xe0"))

    def _copy(self) -> bool:
        """Mark a copy of an XLSX original; False when it is none or cannot be copied."""
        findings = self._findings(self._physical_columns)
        steps = (*self._steps(), "Rumus pada salinan ini sudah diganti dengan nilainya.")
        summary = Summary(self._facts(), steps, tuple(findings))
        try:
            done = subprocess.run(
                [sys.executable, "-S", "-P", "-m", "ingestion.marking"],
                input=marking.as_job(self.original.absolute(), self.target.absolute(), summary),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_COPY_SECONDS,
                # Where the code is, and nothing else of this process: no addresses, no passwords.
                env={"PYTHONPATH": os.pathsep.join([str(settings.ROOT), *sys.path]), "LC_ALL": "C.UTF-8"},
                cwd="/",
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def _text(self) -> None:
        """Separated text: every record becomes the row of its number."""
        (table,) = self.tables.values()
        book = Workbook()
        sheet = _first_sheet(book, _SHEET)
        form = detect(self.original, self.contract.ingest.encodings, self.outcome.file_name)
        csv.field_size_limit(_LONGEST_FIELD)
        with self.original.open("rb") as raw:
            raw.seek(form.start)
            lines = io.TextIOWrapper(raw, form.encoding, newline="")
            records = (
                csv.reader(lines, delimiter=table.delimiter, quoting=csv.QUOTE_NONE)
                if self.contract.ingest.layout == "attlog"
                else csv.reader(lines, delimiter=table.delimiter)
            )
            with contextlib.suppress(csv.Error):
                for row, record in enumerate(islice(records, _LAST_ROW), 1):
                    marking.text_row(sheet, row, record)
        found = self._findings(self._physical_columns)
        self._finish(book, [replace(finding, sheet=_SHEET) for finding in found], self._steps())

    def _rebuilt(self) -> None:
        """Formats without cells of their own to copy: rows as they were read, the header above the first."""
        if self.contract.ingest.unpivot:
            # One row of the file is several rows of the table.
            self._refused_rows()
            return
        book = Workbook()
        titles = _sheet_titles(self.tables)
        book.remove(book.worksheets[0])
        for table in self.tables.values():
            sheet = book.create_sheet(titles[table.sheet])
            with contextlib.suppress(FileRefused):
                for count, (row_no, cells) in enumerate(islice(_rows(table), WHOLE_ROWS)):
                    if not count and row_no > 1:
                        titles_above = table.found.get("title", [])[: row_no - 2]
                        for row, title in enumerate(titles_above, 1):
                            marking.text_cell(sheet, row, 1, title)
                        marking.text_row(sheet, row_no - 1, _header(table))
                    marking.text_row(sheet, row_no, cells)
        found = self._findings(self._table_columns)
        moved = [replace(finding, sheet=titles.get(finding.sheet, finding.sheet)) for finding in found]
        self._finish(book, moved, self._steps())

    def _refused_rows(self) -> None:
        """Only the refused rows, below each other, with their number in the first column."""
        book = Workbook()
        titles = _sheet_titles(self.tables)
        book.remove(book.worksheets[0])
        next_row: dict[str, int] = {}
        findings: list[Finding] = []
        for reject in self.rejects:
            table = self.tables.get(reject.sheet)
            if table is None:
                continue
            title = titles[table.sheet]
            if title not in next_row:
                sheet = book.create_sheet(title)
                marking.text_row(sheet, 1, ("Baris", *_header(table)))
                sheet.freeze_panes = "B2"
                next_row[title] = 2
            at = next_row[title]
            marking.text_row(book[title], at, (str(reject.row_no), *split(reject.raw_text, table)))
            next_row[title] += 1
            for finding in self._found(reject, self._table_columns):
                columns = tuple(column + 1 for column in finding.columns)
                findings.append(replace(finding, sheet=title, at=at, columns=columns))
        steps = self._steps()
        if findings:
            steps = (
                "Berkas ini besar atau bentuknya tidak dapat disalin: di sini hanya ada baris yang ditolak "
                f"(paling banyak {report.number(SHOWN_ROWS)}), dengan nomor barisnya pada kolom pertama.",
                *steps,
            )
        self._finish(book, findings, steps)

    def _finish(self, book: Workbook, findings: list[Finding], steps: tuple[str, ...]) -> None:
        marking.finish(book, Summary(self._facts(), steps, tuple(findings)))
        book.save(self.target)

    def _findings(self, columns: _Columns) -> list[Finding]:
        return [finding for reject in self.rejects for finding in self._found(reject, columns)]

    def _found(self, reject: Reject, columns: _Columns) -> Iterator[Finding]:
        table = self.tables.get(reject.sheet)
        for reason, sentence in zip(reject.reasons, report.sentences(reject), strict=True):
            header = reason.header or (table.headers.get(reason.column or "", "") if table else "")
            yield Finding(
                sheet=reject.sheet,
                row=reject.row_no,
                at=reject.row_no,
                columns=columns(table, reason) if table else (),
                header=header,
                value=reason.value or "",
                sentence=sentence,
            )

    @staticmethod
    def _physical_columns(table: Table, reason: Reason) -> tuple[int, ...]:
        """Columns of the sheet in which the value of a reason may stand."""
        for name in (reason.header, reason.column):
            if name is not None and name in table.places:
                return tuple(place + 1 for place in table.places[name])
        # Better the whole row than a wrong cell.
        return () if table.places else _Marking._table_columns(table, reason)

    @staticmethod
    def _table_columns(table: Table, reason: Reason) -> tuple[int, ...]:
        """Columns of the table as it was read."""
        return tuple(
            position
            for position, name in enumerate(table.names, 1)
            if name is not None and name == reason.column
        )

    def _facts(self) -> tuple[tuple[str, str], ...]:
        outcome = self.outcome
        counts = f"{report.number(outcome.skipped)}{report.kinds(outcome)}"
        facts = [
            ("Berkas", outcome.file_name),
            ("Sumber", f"{self.contract.title}, {self.contract.opd_name}"),
            ("Diperiksa", f"{self.when.astimezone():%d/%m/%Y %H:%M}"),
            ("Hasil", report.STATUS[outcome.status]),
            ("Dibaca", f"{report.number(outcome.read)} baris"),
            ("Dapat dimuat" if outcome.status == "accepted" else "Dimuat", report.number(outcome.loaded)),
            ("Ditolak", report.number(outcome.rejected)),
            ("Dilewati", counts),
        ]
        if outcome.load_id is not None:
            facts.insert(1, ("Muatan", str(outcome.load_id)))
        return (*facts, *(("Pesan", message) for message in outcome.messages))

    def _steps(self) -> tuple[str, ...]:
        outcome, ingest = self.outcome, self.contract.ingest
        if not outcome.rejected:
            return ("Baca pesan di atas.",) if outcome.messages else ("Tidak ada; semua baris baik.",)
        look = (
            "Sel yang salah berlatar kuning tua dan berbingkai tebal. Sebabnya ada pada catatan sel dan pada "
            "daftar di bawah; klik alamat sel untuk membukanya."
        )
        folder = f"{self.contract.opd}/{self.contract.dataset}"
        if outcome.status == "loaded":
            form = (
                "Baris lain sudah dimuat. Untuk mengirim perbaikannya saja, minta formulir perbaikan muatan "
                f"{outcome.load_id} kepada pengelola data, perbaiki isinya, lalu kirim ke folder {folder}."
            )
            if not ingest.slice:
                return (look, form)
            return (
                look,
                form,
                f"Atau perbaiki berkas aslinya dan kirim seluruhnya ke folder {folder}: isi lamanya diganti.",
            )
        return (
            look,
            f"Perbaiki sel-sel itu pada berkas asli, lalu kirim seluruh berkas ke folder {folder}, dengan "
            f"nama seperti {ingest.file_example}.",
        )


def _header(table: Table) -> list[str]:
    return [table.headers.get(name or "", "") for name in table.names]


def _rows(table: Table) -> Iterator[tuple[int, list[str]]]:
    """Row number and texts of every row, records with a wrong number of fields included."""
    for batch in table.batches:
        numbers = batch.row_no.to_pylist()
        for row_no, *cells in zip(numbers, *(cell.to_pylist() for cell in batch.cells), strict=True):
            yield row_no, cells
        for broken in batch.broken:
            yield broken.row_no, split(broken.text, table)


def close(tables: Iterable[Table]) -> None:
    """End the readers of tables whose rows nobody takes any more: one may be a process that still reads."""
    for table in tables:
        if isinstance(table.batches, Generator):
            table.batches.close()


def split(raw_text: str, table: Table) -> list[str]:
    """The cells of a refused row."""
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        return next(csv.reader([raw_text], delimiter=table.delimiter), [])
    except csv.Error:
        return [raw_text]


def _first_sheet(book: Workbook, title: str) -> Worksheet:
    sheet: Worksheet = book.worksheets[0]
    sheet.title = title
    return sheet


def _sheet_titles(tables: Iterable[str]) -> dict[str, str]:
    """A title that a workbook allows for every sheet, each one once."""
    titles: dict[str, str] = {}
    taken = {"ringkasan"}
    for name in tables:
        plain = re.sub(r"[\\/*?:\[\]]", "_", marking.visible(name)).strip("' ")[:31] or _SHEET
        title, number = plain, 1
        while title.casefold() in taken:
            number += 1
            title = f"{plain[:27]} {number}"
        taken.add(title.casefold())
        titles[name] = title
    return titles


def _folder() -> Path:
    return settings.home() / "reports"


def _report_file(load_id: int, file_name: str) -> Path:
    stem = re.sub(r"[^\w.-]+", "_", Path(file_name).stem)[:80]
    return _folder() / f"{load_id}-{stem}.xlsx"


@contextlib.contextmanager
def written(target: Path) -> Iterator[Path]:
    """A file beside the target that takes its place when everything is written; mode 0600 throughout."""
    if target.parent == _folder():
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".laporan-", suffix=".xlsx", dir=target.parent)
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
