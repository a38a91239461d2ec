"""Regional tables as BPS offers them for download: two columns under three header rows.

Row 1 names the first column (``Kab/Kota`` or ``Kabupaten/Kota Se Jawa Timur``), row 2 holds the title in the
second column, row 3 the year; then one region a row, and sometimes a footer that names the publication.
"""

from __future__ import annotations

import re
from itertools import islice

from ingestion.outcome import FileRefused
from ingestion.readers import delimited
from ingestion.readers.encoding import TextForm
from ingestion.readers.reading import Reading
from ingestion.readers.source import Source
from ingestion.readers.table import Table

_YEAR = re.compile(r"(?:19|20)\d{2}")
_HEADER_ROWS = 10


def open_table(source: Source, form: TextForm, reading: Reading) -> Table:
    """The regions' values, with title, year and footer beside them; raises FileRefused."""
    text = delimited.head(source, form)
    for delimiter in reading.delimiters:
        title = first = ""
        rows = islice(delimited.read_records(text, delimiter), _HEADER_ROWS)
        for index, (cells, end) in enumerate(rows):
            filled = [cell.strip() for cell in cells if cell.strip()]
            if index == 0 and filled:
                first = filled[0]
            if title and len(cells) == 2 and len(filled) == 1 and _YEAR.fullmatch(filled[0]):
                names = tuple(column.name for column in reading.columns)
                return Table(
                    names=names,
                    headers=dict(zip(names, (first, filled[0]), strict=True)),
                    batches=delimited.stream(
                        source,
                        form,
                        skip_bytes=len(text[:end].encode(form.encoding)),
                        delimiter=delimiter,
                        columns=2,
                        rows_before=index + 1,
                    ),
                    delimiter=delimiter,
                    found={
                        "title": [title],
                        "year": filled,
                        "footer": delimited.footer(source, form, delimiter),
                    },
                )
            if index and len(filled) == 1:
                title = filled[0]
    raise FileRefused(
        "header_not_found",
        f"Berkas {source.name} tidak berbentuk tabel BPS: baris 1 berisi judul kolom wilayah, baris 2 judul "
        "tabel, baris 3 tahun. Unduh ulang sebagai CSV dari situs BPS lalu kirim lagi.",
    )
