"""A sample of a source for which nobody wrote a scene: what its contract promises, in its own notation.

The file has the name, layout, header and notation that the contract describes and holds no row that the
loader would refuse. It tells nothing about the world; a source that feeds marts deserves a scene of its own.
"""

from __future__ import annotations

import csv
import datetime
import importlib.util
import io
import json
import re
import zipfile
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Any

from ingestion import dates, settings
from ingestion.contract import Column, Contract
from ingestion.sample import files
from ingestion.sample.matching import NoMatch, text_matching
from ingestion.sample.scene import Scene
from ingestion.sample.values import Period, Value, Values

ROWS = 60
_TITLE = "DATA CONTOH"
_RECORDS = {".json", ".jsonl", ".geojson"}
_WORKBOOKS = {".xlsx", ".xls", ".ods", ".xlsm"}
_PERIODS = 6

Cells = list[list[Any]]


class SampleError(settings.PendopoError):
    """A contract for which no sample can be made; the message says what to add."""


def write(landing: Path, contract: Contract, scene: Scene) -> list[Path]:
    """Write one file of the last complete period; raises SampleError."""
    return [_Sample(contract, scene).write(landing / contract.opd / contract.dataset)]


class _Sample:
    def __init__(self, contract: Contract, scene: Scene) -> None:
        self.contract, self.ingest = contract, contract.ingest
        self.rng = scene.rng("contract", contract.source_id)
        self.period = Period.of(contract, scene.as_of)
        self.values = Values(contract, self.period, self.rng)
        self.name = self._file_name()
        self.count = max(5, round(ROWS * min(scene.scale, 1)))
        named = contract.matches_file_name(self.name)
        # What the name says is the same in every row.
        self.given: dict[str, str] = {k: v for k, v in named.groupdict().items() if v} if named else {}
        self.columns = [column for column in contract.table_columns if column.name not in self._unpivoted]

    def write(self, folder: Path) -> Path:
        path, layout = folder / self.name, self.ingest.layout
        if layout == "python":
            return self._by_module(path)
        if layout == "bps":
            return self._text(path, self._bps())
        rows = self._rows()
        if layout == "attlog":
            order = list(self.ingest.fields)
            return self._text(path, [[row.get(name, 0) for name in order] for row in rows])
        if self._suffix in _RECORDS:
            return self._json(path, rows)
        cells = self._table(rows)
        if self._suffix in _WORKBOOKS:
            return files.write_workbook(
                path, self._sheet(), [[_native(cell) for cell in row] for row in cells]
            )
        if self._suffix in (".html", ".htm"):
            return files.write_bytes(path, self._html(cells))
        if self._suffix == ".zip":
            return files.write_bytes(path, self._archive(cells))
        return self._text(path, cells)

    @property
    def _suffix(self) -> str:
        return PurePath(self.ingest.file_example).suffix.casefold()

    @property
    def _unpivoted(self) -> set[str]:
        unpivot = self.ingest.unpivot
        return {unpivot.value, *unpivot.groups} if unpivot else set()

    def _file_name(self) -> str:
        """The example's name with the sample's own period in it, where the pattern allows it."""
        name = self.ingest.file_example
        match = self.contract.matches_file_name(name)
        month, where = self.period.month, self.ingest.data_date
        texts = {"period": [f"{month:%Y-%m}", f"{month:%Y_%m}"]}
        for part, group in (("period", where.period), ("year", where.year), ("month", where.month)):
            if isinstance(group, str):
                told = {
                    "period": texts["period"],
                    "year": [f"{month:%Y}"],
                    "month": [f"{month:%m}", str(month.month)],
                }
                texts[group] = told[part]
        if where.quarter:
            texts[where.quarter] = [str(self.period.quarter)]
        if not match:
            return name
        found = [group for group in texts if match.groupdict().get(group) is not None]
        for group in sorted(found, key=match.start, reverse=True):
            for text in texts[group]:
                changed = name[: match.start(group)] + text + name[match.end(group) :]
                if self.contract.matches_file_name(changed):
                    name = changed
                    break
        return name

    def _rows(self) -> list[dict[str, Any]]:
        """Records with different keys; a value that is None is an empty cell."""
        drawn, rows = [*self.columns], []
        keys = [[column.name] for column in self.contract.columns if column.unique]
        key = [column.name for column in self.contract.key_columns if column in drawn]
        keys += [key] if key else []
        # Where the whole key stands in the name or in the headers, the file can hold one record.
        most = self.count if key or not self.contract.key_columns else 1
        seen: set[tuple[Any, ...]] = set()
        for number in range(self.count * 5):
            row: dict[str, Any] = {column.name: self.values.draw(column, number) for column in drawn}
            marks = [(index, *(row.get(name) for name in names)) for index, names in enumerate(keys)]
            if not seen & set(marks):
                seen |= set(marks)
                rows.append(row)
            if len(rows) == most:
                break
        return rows

    def _table(self, rows: list[dict[str, Any]]) -> Cells:
        """Title, header and records as cells; with ``fields`` and no header, records only."""
        periods = self._period_headers()
        order = self._order()
        # A field that nobody needs is not an empty one: spreadsheets lose empty columns at the edge.
        body = []
        for number, row in enumerate(rows, 1):
            unnamed = number if self.ingest.fields else None
            cells = [row[name] if name else unnamed for name in order]
            body.append([*cells, *(self._value() for _ in periods)])
        if self.ingest.fields:
            return body
        titles = {column.name: column.title for column in self.columns}
        header = [titles.get(name, "") for name in order] + periods
        levels = [self._levels(text) for text in header]
        above = [[text] for text in self._around("title")]
        if not above and self.ingest.header_search_rows > self.ingest.header_rows:
            above = [[f"{_TITLE} - {self.contract.title}"]]
        width = len(header)
        below = [[text] for text in self._around("footer")]
        rows_of_header = [[level[row] for level in levels] for row in range(self.ingest.header_rows)]
        filled = [[*row, *[""] * (width - len(row))] for row in (*above, *rows_of_header)]
        return [*filled, *body, *([*row, *[""] * (width - len(row))] for row in below)]

    def _order(self) -> list[str]:
        """Columns from left to right, those with a letter of their own in its place; '' is an empty one."""
        if self.ingest.fields:
            return list(self.ingest.fields)
        placed = {_place(letters[0]): name for name, letters in self.ingest.positions.items()}
        free = [column.name for column in self.columns if column.name not in self.ingest.positions]
        order = [placed.get(place, "") for place in range(max(placed, default=-1) + 1)]
        for place, name in enumerate(order):
            if not name and free:
                order[place] = free.pop(0)
        return [*order, *free]

    def _levels(self, text: str) -> list[str]:
        """The rows of a header cell: its levels from the top, empty ones below."""
        levels = text.split(" / ", self.ingest.header_rows - 1) if self.ingest.header_rows > 1 else [text]
        return levels + [""] * (self.ingest.header_rows - len(levels))

    def _period_headers(self) -> list[str]:
        """Headers that the pattern of ``unpivot`` takes, each with other groups, none in the future."""
        unpivot = self.ingest.unpivot
        if unpivot is None:
            return []
        found: dict[tuple[str, ...], str] = {}
        for number in range(_PERIODS * 4):
            year = str(self.period.month.year - number % 2)
            groups: dict[str | int, str] = {"year": year} if "year" in unpivot.groups else {}
            for name in unpivot.groups:
                if name in self.values.fixed and name == self.ingest.data_date.year:
                    groups[name] = year
            try:
                text = text_matching(unpivot.pattern, self.rng, groups)
            except NoMatch:
                text = text_matching(unpivot.pattern, self.rng)
            match = re.fullmatch(unpivot.pattern, text, re.IGNORECASE)
            told = tuple(self._as_number(part or "") for part in match.groups()) if match else (text,)
            found.setdefault(told, text)
        return list(found.values())[:_PERIODS]

    @staticmethod
    def _as_number(text: str) -> str:
        return str(dates.MONTH_NUMBER.get(text.strip().rstrip(".").casefold(), text.casefold()))

    def _value(self) -> Value:
        assert self.ingest.unpivot is not None
        return self.values.draw(self.contract.column(self.ingest.unpivot.value), 0)

    def _around(self, place: str) -> list[str]:
        """Texts above or below the table from which attributes take their values."""
        texts, done = [], set()
        for attribute in self.ingest.attributes:
            if attribute.of == place and attribute.column not in done:
                done.add(attribute.column)
                texts.append(self._attribute_text(attribute.pattern, attribute.column, attribute.value))
        return texts

    def _attribute_text(self, pattern: str, name: str, value: str | None) -> str:
        if value is not None:
            return text_matching(pattern, self.rng)
        column = self.contract.column(name)
        wanted = self._written(self.values.draw(column, 0), column)
        try:
            return text_matching(pattern, self.rng, {1: wanted})
        except NoMatch:
            return text_matching(pattern, self.rng)

    def _bps(self) -> Cells:
        first, second = self.columns
        # The title holds every word that an attribute looks for; a pattern for any text takes what is there.
        title = " ".join(
            dict.fromkeys(text for text in self._around("title") if not text.startswith(tuple("0123456789")))
        )
        years = self._around("year") or [str(self.period.month.year)]
        rows = [[row[first.name], row[second.name]] for row in self._rows()]
        return [
            [first.title, ""],
            ["", title or _TITLE],
            ["", years[0]],
            *rows,
            *([t, ""] for t in self._around("footer")),
        ]

    def _sheet(self) -> str:
        names = self._around("sheet")
        if names:
            return names[0]
        return text_matching(self.ingest.sheets, self.rng) if self.ingest.sheets else "Data"

    def _text(self, path: Path, cells: Cells) -> Path:
        return files.write_bytes(path, self._separated(cells))

    def _separated(self, cells: Cells) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self.ingest.delimiters[0], lineterminator="\r\n")
        by_name = {column.name: column for column in self.contract.columns}
        order = list(self.ingest.fields) if self.ingest.fields else []
        columns = [by_name.get(name) for name in (order or self._order())]
        for row in cells:
            writer.writerow(
                [
                    self._written(cell, columns[place] if place < len(columns) else None)
                    for place, cell in enumerate(row)
                ]
            )
        return text.getvalue().encode(self.ingest.encodings[0])

    def _written(self, value: Value, column: Column | None) -> str:
        """A value as the contract's files write it."""
        if value is None:
            return ""
        if isinstance(value, datetime.datetime):
            return dates.write(value, self.ingest.timestamp_formats[0])
        if isinstance(value, datetime.date):
            is_moment = column is not None and column.logical_type == "timestamp"
            return dates.write(
                value, (self.ingest.timestamp_formats if is_moment else self.ingest.date_formats)[0]
            )
        if isinstance(value, Decimal):
            whole, _, fraction = f"{value:,f}".partition(".")
            whole = whole.replace(",", self.ingest.group_char)
            return whole + (self.ingest.decimal_char + fraction if fraction else "")
        return str(value)

    def _json(self, path: Path, rows: list[dict[str, Any]]) -> Path:
        titles = {column.name: column.title for column in self.columns}
        periods = self._period_headers()
        records = [
            {titles[name]: _jsonable(value, self) for name, value in row.items()}
            | {text: _jsonable(self._value(), self) for text in periods}
            for row in rows
        ]
        if self._suffix == ".jsonl":
            lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
            return files.write_bytes(path, lines.encode())
        document: Any = records
        for key in reversed(self.ingest.records.split(".") if self.ingest.records else []):
            document = {key: document}
        return files.write_bytes(path, json.dumps(document, ensure_ascii=False, indent=1).encode())

    def _html(self, cells: Cells) -> bytes:
        from html import escape

        by_name = {column.name: column for column in self.contract.columns}
        columns = [by_name.get(name) for name in self._order()]
        rows = "".join(
            "<tr>"
            + "".join(
                f"<td>{escape(self._written(cell, columns[place] if place < len(columns) else None))}</td>"
                for place, cell in enumerate(row)
            )
            + "</tr>\n"
            for row in cells
        )
        return (
            f'<html><head><meta charset="utf-8"></head><body><table>\n{rows}</table></body></html>\n'.encode()
        )

    def _archive(self, cells: Cells) -> bytes:
        name = text_matching(self.ingest.sheets, self.rng) if self.ingest.sheets else "data.csv"
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(name, (2023, 5, 23, 0, 0, 0)), self._separated(cells))
        return content.getvalue()

    def _by_module(self, path: Path) -> Path:
        """The module that reads the format writes its sample too: ``write_sample(path, rows of texts)``."""
        module_file = settings.contracts_folder() / f"{self.contract.source_id}.py"
        specification = importlib.util.spec_from_file_location(module_file.stem, module_file)
        assert specification is not None and specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        if not hasattr(module, "write_sample"):
            raise SampleError(
                f"{module_file.name} membaca format sendiri, jadi contohnya juga: tambahkan fungsi "
                "write_sample(path, rows) yang menulis satu berkas."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        by_name = {column.name: column for column in self.contract.columns}
        rows = self._rows()
        module.write_sample(path, [{k: self._written(v, by_name[k]) for k, v in row.items()} for row in rows])
        return path


def _native(cell: Any) -> Any:
    return float(cell) if isinstance(cell, Decimal) else cell


def _jsonable(value: Value, sample: _Sample) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return sample._written(value, None) if isinstance(value, datetime.date) else value


def _place(letters: str) -> int:
    number = 0
    for sign in letters:
        number = number * 26 + ord(sign) - ord("A") + 1
    return number - 1
