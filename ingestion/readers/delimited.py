"""CSV and other separated text, streamed through pyarrow with the row numbers a spreadsheet would show."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pyarrow import csv as arrow_csv

from ingestion.arrow import Array, pa, pc
from ingestion.contract import Contract
from ingestion.outcome import FileRefused
from ingestion.readers import header as headers
from ingestion.readers.encoding import TextForm, detect
from ingestion.readers.table import Batch, BrokenRow, Table

_HEAD_BYTES = 512 << 10
_BLOCK_BYTES = 4 << 20


def open_table(path: Path, contract: Contract, file_name: str) -> Table:
    """A table with a header row somewhere among the first lines; raises FileRefused."""
    form = detect(path, contract.ingest.encodings, file_name)
    text = head(path, form)
    candidates: list[tuple[int, int, str, headers.Header, list[tuple[list[str], int]]]] = []
    for delimiter in contract.ingest.delimiters:
        records = list(islice(read_records(text, delimiter), contract.ingest.header_search_rows))
        found = headers.find([cells for cells, _ in records], contract)
        if found:
            candidates.append((len(found.spelled), -len(candidates), delimiter, found, records))
    best = max(candidates, default=None, key=lambda item: item[:2])
    header = headers.require(best[3] if best else None, contract, file_name)
    assert best is not None
    mark, end = best[2], best[4][header.row][1]
    return Table(
        names=header.names,
        headers=header.spelled,
        batches=stream(
            path,
            form,
            skip_bytes=len(text[:end].encode(form.encoding)),
            delimiter=mark,
            columns=len(header.names),
            rows_before=header.row + 1,
            file_name=file_name,
        ),
        delimiter=mark,
        warnings=headers.warnings(header, contract),
    )


def head(path: Path, form: TextForm) -> str:
    """The first part of the text, cut at a whole character."""
    with path.open("rb") as file:
        file.seek(form.start)
        return file.read(_HEAD_BYTES).decode(form.encoding, errors="ignore")


def read_records(text: str, delimiter: str) -> Iterator[tuple[list[str], int]]:
    """Records of a text with the offset in characters behind each of them."""
    lines = io.StringIO(text, newline="")
    offset = 0

    def counted() -> Iterator[str]:
        nonlocal offset
        for line in lines:
            offset += len(line)
            yield line

    try:
        for record in csv.reader(counted(), delimiter=delimiter):
            yield record, offset
    except csv.Error:
        # A field beyond csv's limit among the first lines: what was read so far must do.
        return


def stream(
    path: Path,
    form: TextForm,
    *,
    skip_bytes: int,
    delimiter: str,
    columns: int,
    rows_before: int,
    file_name: str,
    quotes: bool = True,
) -> Iterator[Batch]:
    """Batches of the records behind ``skip_bytes``; raises FileRefused on an open quote or an endless line.

    ``rows_before``: records in the skipped part, so that ``row_no`` counts from the top of the file.
    """
    quotes = quotes and form.has_quotes
    broken: list[BrokenRow] = []
    swallowed: list[int] = []

    def keep(row: Any) -> Literal["skip", "error"]:
        number = rows_before + row.number
        if quotes and _is_swallowed(row.text, delimiter, columns):
            swallowed.append(number)
            return "error"
        broken.append(BrokenRow(number, row.text, row.actual_columns))
        return "skip"

    with path.open("rb") as file:
        file.seek(form.start + skip_bytes)
        if not file.read(1):
            return
        file.seek(form.start + skip_bytes)
        names = [str(position) for position in range(columns)]
        try:
            reader = arrow_csv.open_csv(
                file,
                # Row numbers are known only without threads (pyarrow documents it so).
                read_options=arrow_csv.ReadOptions(
                    use_threads=False, column_names=names, block_size=_BLOCK_BYTES, encoding=form.encoding
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=delimiter,
                    quote_char='"' if quotes else False,
                    newlines_in_values=quotes,
                    ignore_empty_lines=False,
                    invalid_row_handler=keep,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types={name: pa.string() for name in names}, strings_can_be_null=False
                ),
            )
            last, taken = rows_before, 0
            for record_batch in reader:
                # The parser runs ahead by a block: rows it refused further down wait for a later batch.
                numbers = _number_rows(last, record_batch.num_rows, [row.row_no for row in broken[taken:]])
                last = int(numbers[-1]) if len(numbers) else last
                upto = taken
                while upto < len(broken) and broken[upto].row_no <= last:
                    upto += 1
                cells = record_batch.columns
                if quotes:
                    _refuse_swallowed(cells, numbers, delimiter, columns, file_name)
                yield Batch(pa.array(numbers), cells, broken[taken:upto])
                taken = upto
        except pa.ArrowInvalid as error:
            if swallowed:
                raise _open_quote(swallowed[0], file_name) from error
            if "Empty CSV file" not in str(error):
                raise FileRefused(
                    "unreadable",
                    f"Berkas {file_name} tidak dapat dibaca sebagai tabel: satu baris lebih panjang dari "
                    f"{_BLOCK_BYTES >> 20} MB, atau tanda kutip tidak ditutup. Perbaiki lalu kirim lagi.",
                ) from error
            last, taken = rows_before, 0
    if rest := broken[taken:]:
        nothing = pa.array([], pa.string())
        yield Batch(pa.array([], pa.int64()), [nothing] * columns, rest)


def _number_rows(last: int, count: int, refused: Sequence[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The next ``count`` row numbers after ``last`` that the parser did not refuse."""
    numbers = np.arange(last + 1, last + 1 + count + len(refused), dtype=np.int64)
    if refused:
        numbers = numbers[~np.isin(numbers, np.asarray(refused, dtype=np.int64))]
    return numbers[:count]


def _is_swallowed(text: str, delimiter: str, columns: int) -> bool:
    """Whether a refused record holds several lines of the table: an open quote runs on to the next quote.

    An odd number of quotes ran to the end of the file; otherwise most lines carry a row's separators.
    """
    breaks = text.count("\n") or text.count("\r")
    if not breaks:
        return False
    return text.count('"') % 2 == 1 or 5 * text.count(delimiter) >= 4 * (breaks + 1) * (columns - 1)


def _refuse_swallowed(
    cells: list[Array],
    numbers: np.ndarray[Any, np.dtype[np.int64]],
    delimiter: str,
    columns: int,
    file_name: str,
) -> None:
    """An open quote that a later quote closes makes a well-formed record out of several rows: find it.

    Such a value holds as many separators as the rows that it swallowed; text of several lines holds fewer.
    """
    for cell in cells:
        several_lines = pc.match_substring(cell, "\n")
        if not pc.any(several_lines).as_py():
            continue
        for position in pc.indices_nonzero(several_lines).to_pylist():
            value = cell[position].as_py()
            if value.count(delimiter) >= value.count("\n") * (columns - 1):
                raise _open_quote(int(numbers[position]), file_name)


def _open_quote(row_no: int, file_name: str) -> FileRefused:
    return FileRefused(
        "unbalanced_quote",
        f'Berkas {file_name}, mulai baris {row_no}: tanda kutip (") dibuka tetapi tidak ditutup, sehingga '
        "baris-baris sesudahnya ikut tertelan. Tutup atau hapus tanda kutip itu lalu kirim lagi.",
    )
