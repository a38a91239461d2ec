"""Regional tables as BPS offers them for download: two columns under three header rows.

Row 1 names the first column (``Kab/Kota`` or ``Kabupaten/Kota Se Jawa Timur``), row 2 holds the title in the
second column, row 3 the year; then one region a row, and sometimes a footer that names the publication.
"""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

from ingestion.contract import Contract
from ingestion.outcome import FileRefused
from ingestion.readers import delimited
from ingestion.readers.encoding import TextForm, detect
from ingestion.readers.table import Table

_YEAR = re.compile(r"(?:19|20)\d{2}")
_HEADER_ROWS = 10
_FOOTER_LINES = 10
_TAIL_BYTES = 16 << 10


def open_table(path: Path, contract: Contract, file_name: str) -> Table:
    """The regions' values, with title, year and footer beside them; raises FileRefused."""
    form = detect(path, contract.ingest.encodings, file_name)
    text = delimited.head(path, form)
    for delimiter in contract.ingest.delimiters:
        title = first = ""
        rows = islice(delimited.read_records(text, delimiter), _HEADER_ROWS)
        for index, (cells, end) in enumerate(rows):
            filled = [cell.strip() for cell in cells if cell.strip()]
            if index == 0 and filled:
                first = filled[0]
            if title and len(cells) == 2 and len(filled) == 1 and _YEAR.fullmatch(filled[0]):
                names = tuple(column.name for column in contract.table_columns)
                return Table(
                    names=names,
                    headers=dict(zip(names, (first, filled[0]), strict=True)),
                    batches=delimited.stream(
                        path,
                        form,
                        skip_bytes=len(text[:end].encode(form.encoding)),
                        delimiter=delimiter,
                        columns=2,
                        rows_before=index + 1,
                        file_name=file_name,
                    ),
                    delimiter=delimiter,
                    found={"title": [title], "year": filled, "footer": _footer(path, form, delimiter)},
                )
            if index and len(filled) == 1:
                title = filled[0]
    raise FileRefused(
        "header_not_found",
        f"Berkas {file_name} tidak berbentuk tabel BPS: baris 1 berisi judul kolom wilayah, baris 2 judul "
        "tabel, baris 3 tahun. Unduh ulang sebagai CSV dari situs BPS lalu kirim lagi.",
    )


def _footer(path: Path, form: TextForm, delimiter: str) -> list[str]:
    """Text of the last lines, without separators: candidates for the name of the publication."""
    with path.open("rb") as file:
        file.seek(max(form.start, path.stat().st_size - _TAIL_BYTES) // 2 * 2)
        tail = file.read().decode(form.encoding, errors="ignore")
    return [line.strip().strip(delimiter).strip(' "') for line in tail.splitlines()[-_FOOTER_LINES:]]
