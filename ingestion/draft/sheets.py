"""The cells of a sample file before anybody has said what they mean."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from ingestion import readers, settings
from ingestion.draft.condense import Row, text_of, unlike
from ingestion.readers.header import REFERENCE
from ingestion.readers.kinds import kind_of
from ingestion.readers.source import Source

# A larger file is drafted from its beginning.
MAX_ROWS = 200_000
# Of workbooks, pages and JSON every cell is held at once before rows are left out.
_MAX_ROWS_AT_ONCE = 100_000
_MAX_BYTES = 256 << 20
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DELIMITERS = (";", ",", "\t", "|")


class DraftError(settings.PendopoError):
    """A sample file that no contract can be drafted from; the message says what to do."""


@dataclass(frozen=True)
class Sheet:
    """One table-like page: physical rows from the first one, ``""`` for an empty cell.

    ``merges``: first row, first column, last row, last column of merged cells, from 0. ``left_out``: rows
    far down that are like others.
    """

    name: str
    rows: list[Row]
    merges: tuple[tuple[int, int, int, int], ...] = ()
    left_out: int = 0

    @classmethod
    def of(cls, name: str, rows: Sequence[Row], merges: Sequence[tuple[int, int, int, int]] = ()) -> Sheet:
        """A page without what need not be seen of it; raises DraftError for a form of corrections."""
        kept = list(unlike(rows))
        return cls(name, _without_reference(kept), tuple(merges), len(rows) - len(kept))


@dataclass(frozen=True)
class Sample:
    """A file as it was found. ``kind`` as the readers name it; ``records``: where a JSON's records stand."""

    kind: str
    sheets: tuple[Sheet, ...]
    encoding: str = ""
    delimiter: str = ""
    records: str = ""


def read(path: Path) -> Sample:
    """Open a sample file by its content; raises DraftError."""
    with path.open("rb") as file:
        content = file.read(_MAX_BYTES)
    if not content.strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"):
        raise DraftError(f"Berkas {path.name} kosong. Minta contoh yang berisi data.")
    kind = kind_of(Source.of(path, path.name))
    if kind == "text":
        return _text(path.name, content)
    found = [
        Sheet.of(sheet.name, sheet.rows, sheet.merges)
        for sheet in readers.peek(path, path.name, _MAX_ROWS_AT_ONCE)
    ]
    if kind == "json":
        flat = replace(found[0], name="", rows=_flat(found[0].rows))
        return Sample(kind, (flat,), records=found[0].name)
    return Sample(kind, tuple(found))


def _without_reference(rows: list[Row]) -> list[Row]:
    """Rows without the column that ties a corrected row to a refused one; it is no data of the sender."""
    found = ((number, row.index(REFERENCE)) for number, row in enumerate(rows[:40]) if REFERENCE in row)
    number, place = next(found, (0, None))
    if place is None:
        return rows
    if any(text_of(cell) for row in rows[number + 1 :] for cell in row[place : place + 1]):
        raise DraftError(
            "Berkas ini formulir perbaikan: kolom _pendopo menyebut baris yang ditolak. Rancang kontrak dari "
            "berkas asli perangkat daerah."
        )
    return [row[:place] + row[place + 1 :] for row in rows]


def _flat(rows: list[Row]) -> list[Row]:
    """Records without the keys that hold lists or mappings, which have no place in a table."""
    nested = {place for row in rows[1:] for place, cell in enumerate(row) if str(cell)[:1] in ("[", "{")}
    return [[cell for place, cell in enumerate(row) if place not in nested] for row in rows]


def _text(name: str, content: bytes) -> Sample:
    encoding, text = _decoded(content)
    delimiter = _delimiter(text)
    try:
        records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        rows: list[Row] = [list(record) for record in islice(records, MAX_ROWS)]
    except csv.Error as error:
        raise DraftError(
            f"Berkas {name} tidak dapat dibaca sebagai tabel: {error}. Periksa tanda kutipnya."
        ) from error
    return Sample("text", (Sheet.of("", rows),), encoding=encoding, delimiter=delimiter)


def _decoded(content: bytes) -> tuple[str, str]:
    """Encoding as the contract names it, and the text."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding.removesuffix("-sig"), content.decode(encoding, errors="replace")
    for encoding in ("utf-8", "cp1252"):
        try:
            return encoding, content.decode(encoding)
        except UnicodeDecodeError as error:
            # The part that was read may end within a character.
            if len(content) == _MAX_BYTES and error.start > len(content) - 4:
                return encoding, content[: error.start].decode(encoding)
    return "latin-1", content.decode("latin-1")


def _delimiter(text: str) -> str:
    """The sign that cuts most of the first lines into the same number of fields, at least two."""

    def score(delimiter: str) -> tuple[float, int]:
        try:
            widths = [
                len(row) for row in islice(csv.reader(io.StringIO(text), delimiter=delimiter), 300) if row
            ]
        except csv.Error:
            return 0.0, 0
        width, count = Counter(widths).most_common(1)[0] if widths else (0, 0)
        return (round(count / len(widths), 1), width) if width > 1 else (0.0, 0)

    return max(_DELIMITERS, key=score)
