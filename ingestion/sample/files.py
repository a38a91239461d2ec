"""Writes sample files so that the same content gives the same bytes, and no reader sees half a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook  # type: ignore[import-untyped]
from openpyxl.writer.excel import ExcelWriter  # type: ignore[import-untyped]

Row = Sequence[Any]
_MOMENT = datetime(2023, 5, 23)


def write_bytes(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(content)
    return unfinished.replace(path)


def write_csv(
    path: Path,
    rows: Iterable[Row],
    *,
    delimiter: str = ";",
    encoding: str = "utf-8",
    line_end: str = "\r\n",
) -> Path:
    """Write rows as text, None as nothing."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=line_end).writerows(rows)
    return write_bytes(path, text.getvalue().encode(encoding))


def write_workbook(path: Path, sheet: str, rows: Iterable[Row]) -> Path:
    """Write one sheet; dates become date cells, numbers number cells."""
    book = Workbook(write_only=True)
    book.properties.created = book.properties.modified = _MOMENT
    page = book.create_sheet(sheet)
    for row in rows:
        page.append(row)
    content = io.BytesIO()
    # Not Workbook.save: it stamps the present moment into the file.
    with _TimelessZip(content, "w", ZIP_DEFLATED) as archive:
        ExcelWriter(book, archive).save()
    return write_bytes(path, content.getvalue())


class _TimelessZip(ZipFile):
    """A ZIP archive whose members all carry the same date."""

    def write(self, filename: Any, arcname: Any = None, *_: Any, **__: Any) -> None:
        self.writestr(str(arcname), Path(filename).read_bytes())

    def writestr(self, zinfo_or_arcname: Any, data: Any, *_: Any, **__: Any) -> None:
        member = ZipInfo(str(zinfo_or_arcname), _MOMENT.timetuple()[:6])
        member.compress_type = ZIP_DEFLATED
        super().writestr(member, data)
