"""Text files in the layouts a contract can name; streamed in the process that wants them."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator
from itertools import islice
from statistics import median_low

from ingestion.outcome import FileRefused
from ingestion.readers import attlog, bps, delimited
from ingestion.readers.encoding import TextForm, form_of
from ingestion.readers.grid import Grid
from ingestion.readers.reading import Reading
from ingestion.readers.source import Source
from ingestion.readers.table import Table

_GLANCE_BYTES = 512 << 10
_SEPARATORS = (";", ",", "\t", "|")
_ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1")
_LINES = 50


class TextDocument:
    """A text file. ``is_glance``: only the first part is decoded, enough to see whether a contract fits."""

    def __init__(self, source: Source, is_glance: bool = False) -> None:
        self.source, self.is_glance = source, is_glance
        self._forms: dict[tuple[str, ...], TextForm] = {}

    def tables(self, reading: Reading) -> list[Table]:
        """The one table of the file; raises FileRefused."""
        if self.source.size > reading.max_file_mb << 20:
            raise too_large(self.source, reading.max_file_mb)
        form = self._forms.get(reading.encodings)
        if form is None:
            form = form_of(self.source, reading.encodings, _GLANCE_BYTES if self.is_glance else None)
            self._forms[reading.encodings] = form
        reader = {"table": delimited, "bps": bps, "attlog": attlog}[reading.layout]
        return [reader.open_table(self.source, form, reading)]

    def grids(self) -> list[Grid]:
        """The records under the separator that makes most columns of the first lines."""
        form = form_of(self.source, _ENCODINGS)
        text = delimited.head(self.source, form)
        columns = {
            mark: median_low(
                [len(cells) for cells, _ in islice(delimited.read_records(text, mark), _LINES)] or [0]
            )
            for mark in _SEPARATORS
        }
        mark = max(columns, key=lambda mark: columns[mark])

        def rows() -> Iterator[list[str]]:
            with self.source.open() as file:
                file.seek(form.start)
                lines = io.TextIOWrapper(file, form.encoding, newline="")
                with contextlib.suppress(csv.Error):
                    yield from csv.reader(lines, delimiter=mark)

        return [Grid("", columns[mark], rows)]


def too_large(source: Source, limit_mb: int) -> FileRefused:
    return FileRefused(
        "too_large",
        f"Berkas {source.name} berukuran {source.size >> 20} MB, paling besar {limit_mb} MB. Pecah menjadi "
        "beberapa berkas, misalnya satu berkas sebulan, lalu kirim lagi.",
    )
