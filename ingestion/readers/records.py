"""JSON documents and JSON lines: every record a row, every key a column, the keys as the header in row 1."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from typing import IO, Any

from ingestion.outcome import FileRefused
from ingestion.readers.encoding import TextForm, form_of
from ingestion.readers.grid import Grid, GridDocument
from ingestion.readers.reading import Reading
from ingestion.readers.source import Source
from ingestion.readers.table import NO_JSON, BrokenRow, Table
from ingestion.readers.text import too_large

_LONGEST_LINE = 4 << 20
_DEEPEST = 5
_MOST_KEYS = 16_384
_NUMBERS: dict[str, Any] = {"parse_float": Decimal, "parse_constant": str}


class RecordsDocument:
    """A JSON file; which records count is the contract's to say (``ingest.records``)."""

    def __init__(self, source: Source, encodings: tuple[str, ...], limit_mb: int) -> None:
        self.source = source
        self.form = form_of(source, encodings)
        self.is_lines = _is_lines(source, self.form)
        if not self.is_lines:
            if source.size > limit_mb << 20:
                raise too_large(source, limit_mb)
            self.contents = self._parse()

    def tables(self, reading: Reading) -> list[Table]:
        """The records as one table; raises FileRefused."""
        grid = self._line_grid() if self.is_lines else self._grid(self._records(reading.records))
        return GridDocument(self.source.name, [grid], is_named=False).tables(reading)

    def grids(self) -> list[Grid]:
        """The records of the first list of objects in the document; the grid's name is its place in it."""
        if self.is_lines:
            return [self._line_grid()]
        path = _first_list(self.contents)
        return [replace(self._grid(self._records(path)), name=path)]

    def _parse(self) -> Any:
        with self.source.open() as file:
            file.seek(self.form.start)
            try:
                return json.loads(file.read().decode(self.form.encoding), **_NUMBERS)
            except (ValueError, ArithmeticError, RecursionError) as error:
                place = f" (baris {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
                raise FileRefused(
                    "unreadable",
                    f"Berkas {self.source.name} bukan JSON yang utuh{place}. Ekspor ulang dari aplikasi asal "
                    "lalu kirim lagi.",
                ) from error

    def _records(self, path: str) -> list[Any]:
        found = self.contents
        for key in filter(None, path.split(".")):
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, dict) and not path:
            found = [found]
        if not isinstance(found, list):
            where = f"di bawah '{path}'" if path else "di tingkat teratas"
            raise FileRefused(
                "header_not_found",
                f"Berkas {self.source.name} tidak memuat daftar catatan {where}. Ekspor ulang dari aplikasi "
                "asal lalu kirim lagi.",
            )
        return found

    def _grid(self, records: list[Any]) -> Grid:
        if records and all(isinstance(record, list) for record in records):
            width = max(map(len, records))
            rows = [[_cell(value) for value in row] + [None] * (width - len(row)) for row in records]
            return Grid("", width, lambda: iter(rows))
        flat = [_flat(record) for record in records]
        keys = list(dict.fromkeys(key for record in flat for key in record))[:_MOST_KEYS]
        return Grid(
            "", len(keys), lambda: iter([keys, *([record.get(key) for key in keys] for record in flat)])
        )

    def _line_grid(self) -> Grid:
        """Two passes, so that a file of any length needs no more memory than its longest line."""
        keys: dict[str, None] = {}
        for record in self._lines():
            if isinstance(record, dict):
                keys.update(dict.fromkeys(record))
            if len(keys) > _MOST_KEYS:
                break

        def rows() -> Iterator[Any]:
            yield list(keys)
            for record in self._lines():
                yield [record.get(key) for key in keys] if isinstance(record, dict) else record

        return Grid("", len(keys), rows)

    def _lines(self) -> Iterator[dict[str, Any] | BrokenRow]:
        with self.source.open() as file:
            for line in _filled(file, self.form):
                yield _record(line)


def _first_list(contents: Any) -> str:
    """Dotted keys of the list that is nearest to the top."""
    level = {"": contents}
    while level:
        below: dict[str, Any] = {}
        for path, value in level.items():
            if isinstance(value, list):
                return path
            if isinstance(value, dict):
                below |= {f"{path}.{key}".lstrip("."): inner for key, inner in value.items()}
        level = below
    return ""


def _record(text: str) -> dict[str, Any] | BrokenRow:
    try:
        record = json.loads(text, **_NUMBERS)
    except (ValueError, ArithmeticError, RecursionError):
        record = None
    return _flat(record) if isinstance(record, dict) else BrokenRow(0, text, NO_JSON)


def _is_lines(source: Source, form: TextForm) -> bool:
    """Whether the first two filled lines are objects of their own."""
    with source.open() as file:
        lines = list(islice(_filled(file, form), 2))
    try:
        return len(lines) == 2 and isinstance(json.loads(lines[0]), dict) and lines[1].startswith("{")
    except (ValueError, RecursionError):
        return False


def _filled(file: IO[bytes], form: TextForm) -> Iterator[str]:
    file.seek(form.start)
    lines = io.TextIOWrapper(file, form.encoding, errors="replace", newline="\n")
    while line := lines.readline(_LONGEST_LINE):
        if text := line.strip():
            yield text


def _flat(record: Any, prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """A record with the keys of inner objects joined by dots; a value that is no object is ``value``."""
    if not isinstance(record, dict):
        return {"value": _cell(record)}
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict) and depth < _DEEPEST:
            flat |= _flat(value, f"{prefix}{key}.", depth + 1)
        else:
            flat[f"{prefix}{key}"] = _cell(value)
    return flat


def _cell(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value
