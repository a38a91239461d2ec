"""CSV and other separated text, streamed through pyarrow with the row numbers a spreadsheet would show."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import IO, Any, Literal, cast

import numpy as np
from pyarrow import csv as arrow_csv

from ingestion.arrow import Array, pa, pc
from ingestion.outcome import FileRefused
from ingestion.readers import header as headers
from ingestion.readers.assembling import assemble
from ingestion.readers.encoding import TextForm
from ingestion.readers.paced import Paced
from ingestion.readers.reading import Reading
from ingestion.readers.source import Source
from ingestion.readers.table import Batch, BrokenRow, Table

_HEAD_BYTES = 512 << 10
_BLOCK_BYTES = 4 << 20
_BLOCKS_TOGETHER = 2
_ROWS_TOGETHER = 100_000
_TAIL_BYTES = 16 << 10
_FOOTER_LINES = 10


def open_table(source: Source, form: TextForm, reading: Reading) -> Table:
    """A table with a header somewhere among the first lines, or in the contract; raises FileRefused."""
    text = head(source, form)
    best: tuple[headers.Header, str, list[tuple[list[str], int]]] | None = None
    searched = []
    for delimiter in reading.delimiters:
        records = list(
            islice(read_records(text, delimiter), reading.header_search_rows + reading.header_rows - 1)
        )
        searched.append((delimiter, records))
        found = headers.find([cells for cells, _ in records], reading)
        if found and (best is None or found.score > best[0].score):
            best = found, delimiter, records
    if best is None:
        for delimiter, records in searched:
            if header := headers.without(reading, [cells for cells, _ in records]):
                best = header, delimiter, records
                break
    rows = [cells for _, records in searched for cells, _ in records]
    header = headers.require(best[0] if best else None, reading, source.name, rows)
    assert best is not None
    _, mark, records = best
    end = records[header.row][1] if header.row >= 0 else 0
    found_texts = {"title": headers.title_of([cells for cells, _ in records[: header.first_row]])}
    if reading.wants_footer:
        found_texts["footer"] = footer(source, form, mark)
    table = assemble(
        header,
        reading,
        stream(
            source,
            form,
            skip_bytes=len(text[:end].encode(form.encoding)),
            delimiter=mark,
            columns=len(header.names),
            rows_before=header.row + 1,
            spare=_spare([cells for cells, _ in records[header.row + 1 :]], len(header.names)),
        ),
        delimiter=mark,
        found=found_texts,
    )
    return replace(table, batches=_together(table.batches))


def _together(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Batches of several blocks: the more rows are checked at once, the fewer distinct texts a row.

    The first block comes alone, so that the database has something to do.
    """
    waiting: list[Batch] = []
    wanted = 1
    for batch in batches:
        waiting.append(batch)
        if len(waiting) >= wanted or sum(len(one.row_no) for one in waiting) >= _ROWS_TOGETHER:
            yield _joined(waiting)
            wanted = _BLOCKS_TOGETHER
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[Batch]) -> Batch:
    """One batch of several of a table; its columns are chunked, nothing is copied; empties the list."""
    if len(batches) == 1:
        return batches.pop()
    first, *_ = batches

    def chunked(arrays: Iterable[Array]) -> Array:
        return pa.chunked_array(list(arrays), pa.string())

    joined = Batch(
        pa.concat_arrays([batch.row_no for batch in batches]),
        [chunked(columns) for columns in zip(*(batch.cells for batch in batches), strict=True)],
        [row for batch in batches for row in batch.broken],
        origin=None if first.origin is None else chunked(batch.origin for batch in batches),
        reference=None if first.reference is None else chunked(batch.reference for batch in batches),
        without_value=sum(batch.without_value for batch in batches),
    )
    # Whoever waits for the database must not hold the texts meanwhile.
    batches.clear()
    return joined


def head(source: Source, form: TextForm) -> str:
    """The first part of the text, cut at a whole character."""
    with source.open() as file:
        file.seek(form.start)
        return file.read(_HEAD_BYTES).decode(form.encoding, errors="ignore")


def footer(source: Source, form: TextForm, delimiter: str) -> list[str]:
    """Text of the last lines, without separators: candidates for notes and the name of the publication."""
    with source.open() as file:
        file.seek(max(form.start, source.size - _TAIL_BYTES) // 2 * 2)
        tail = file.read().decode(form.encoding, errors="ignore")
    return [line.strip().strip(delimiter).strip(' "') for line in tail.splitlines()[-_FOOTER_LINES:]]


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
    source: Source,
    form: TextForm,
    *,
    skip_bytes: int,
    delimiter: str,
    columns: int,
    rows_before: int,
    quotes: bool = True,
    spare: int = 0,
) -> Iterator[Batch]:
    """Batches of the records behind ``skip_bytes``; raises FileRefused on an open quote or an endless line.

    ``rows_before``: records in the skipped part, so that ``row_no`` counts from the top of the file.
    ``spare``: empty fields that the records usually have behind the ``columns``.
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

    file_name = source.name
    with source.open() as file:
        file.seek(form.start + skip_bytes)
        if not file.read(1):
            return
        file.seek(form.start + skip_bytes)
        names = [str(position) for position in range(columns + spare)]
        paced = Paced(file)
        try:
            reader = arrow_csv.open_csv(
                cast(IO[bytes], paced),
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
                    column_types={name: pa.string() for name in names},
                    strings_can_be_null=False,
                    # The whole file was decoded before (encoding.form_of).
                    check_utf8=False,
                ),
            )
            last, taken = rows_before, 0
            for record_batch in reader:
                paced.used()
                # The parser runs ahead by a block: rows it refused further down wait for a later batch.
                numbers = _number_rows(last, record_batch.num_rows, [row.row_no for row in broken[taken:]])
                last = int(numbers[-1]) if len(numbers) else last
                upto = taken
                while upto < len(broken) and broken[upto].row_no <= last:
                    upto += 1
                cells = record_batch.columns
                if quotes:
                    _refuse_swallowed(cells, numbers, delimiter, columns, file_name)
                batch = Batch(pa.array(numbers), cells, broken[taken:upto])
                yield _of_width(batch, delimiter, columns, quotes)
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
        batch = Batch(pa.array([], pa.int64()), [nothing] * (columns + spare), rest)
        yield _of_width(batch, delimiter, columns, quotes)


def _spare(records: Sequence[Sequence[str]], columns: int) -> int:
    """How many fields more than the header all of the first records have, when those are empty (``a;b;``)."""
    filled = [cells for cells in records if any(cells)]
    widths = {len(cells) for cells in filled}
    if len(widths) == 1 and not any(any(cells[columns:]) for cells in filled):
        return max(0, widths.pop() - columns)
    return 0


def _of_width(batch: Batch, delimiter: str, columns: int, quotes: bool) -> Batch:
    """The batch without fields behind ``columns``: a record with something in them is broken."""
    row_no, cells, extra, broken = batch.row_no, batch.cells[:columns], batch.cells[columns:], batch.broken
    if extra and pc.any(pc.not_equal(beyond := pc.binary_join_element_wise(*extra, ""), "")).as_py():
        is_good = pc.equal(beyond, "")
        for position in pc.indices_nonzero(pc.invert(is_good)).to_pylist():
            text = delimiter.join(field[position].as_py() for field in batch.cells)
            broken = [*broken, BrokenRow(row_no[position].as_py(), text, len(batch.cells))]
        row_no, cells = row_no.filter(is_good), [texts.filter(is_good) for texts in cells]
    mended = {}
    for row in broken:
        if row.fields >= columns:
            fields = _fields(row.text, delimiter, quotes)
            if len(fields) >= columns and not any(fields[columns:]):
                mended[row.row_no] = fields[:columns]
    if mended:
        row_no = pa.concat_arrays([row_no, pa.array(list(mended), pa.int64())])
        order = pc.sort_indices(row_no)
        more = [pa.array(texts, pa.string()) for texts in zip(*mended.values(), strict=True)]
        row_no = row_no.take(order)
        cells = [pa.concat_arrays(both).take(order) for both in zip(cells, more, strict=True)]
    broken = [row for row in broken if row.row_no not in mended]
    return Batch(row_no, cells, sorted(broken, key=lambda row: row.row_no))


def _fields(text: str, delimiter: str, quotes: bool) -> list[str]:
    text = text.rstrip("\r\n")
    if not quotes:
        return text.split(delimiter)
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


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
            # The last of the swallowed lines may bring its line end along.
            breaks = value.strip("\r\n").count("\n")
            if breaks and value.count(delimiter) >= breaks * (columns - 1):
                raise _open_quote(int(numbers[position]), file_name)


def _open_quote(row_no: int, file_name: str) -> FileRefused:
    return FileRefused(
        "unbalanced_quote",
        f'Berkas {file_name}, mulai baris {row_no}: tanda kutip (") dibuka tetapi tidak ditutup, sehingga '
        "baris-baris sesudahnya ikut tertelan. Tutup atau hapus tanda kutip itu lalu kirim lagi.",
    )
