"""Refused rows of a load until it is known what becomes of the file: any number of them in bounded memory.

They are kept in the form that the database takes, as lines of COPY text in a temporary file that has no name
(mode 0600, gone with the process); only the first ones stay at hand for the outcome.
"""

from __future__ import annotations

import bisect
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO

from psycopg2.extensions import cursor as Cursor

from ingestion import settings
from ingestion.outcome import Reason, Reject

# Below this the file lives in memory.
_IN_MEMORY = 4 << 20
_KEPT = 100
_CHUNK = 1 << 20
_JSON = json.JSONEncoder(ensure_ascii=False).encode


# Sheet, row number, reasons, row as it stands in the file.
RefusedRow = tuple[str, int, Sequence[Reason], str]


@dataclass(frozen=True)
class RejectBlock:
    """Refused rows of one batch: ``lines`` of COPY text, and the first rows of the file among them."""

    lines: bytes
    count: int
    first: list[Reject]

    @classmethod
    def of(cls, rows: Sequence[RefusedRow]) -> RejectBlock:
        """``rows`` stand in the order of the file."""
        first = [Reject(sheet, row_no, tuple(why), text) for sheet, row_no, why, text in rows[:_KEPT]]
        # Many rows are refused for the same reason, which is one object then.
        texts = {id(reason): reason for row in rows for reason in row[2]}
        written = {key: _escape(_JSON(reason.as_json())) for key, reason in texts.items()}
        lines = "".join([_line(row, [written[id(reason)] for reason in row[2]]) for row in rows])
        return cls(lines.encode(), len(rows), first)

    def __iter__(self) -> Iterator[Reject]:
        return map(_reject, self.lines.split(b"\n")[:-1])


class RejectSpool:
    """Refused rows in any order; a context manager, because personal data must not outlive the load."""

    def __init__(self) -> None:
        self.count = 0
        self._lines: IO[bytes] = nameless_file()
        # The first rows as a reader of the file would meet them: (sheet, row, row as appended).
        self._first: list[tuple[int, int, int, Reject]] = []
        self._sheets: dict[str, int] = {}

    def __enter__(self) -> RejectSpool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()

    def append(self, reject: Reject) -> None:
        self.extend([reject])

    def extend(self, rejects: RejectBlock | Iterable[Reject]) -> None:
        if not isinstance(rejects, RejectBlock):
            rejects = RejectBlock.of([(row.sheet, row.row_no, row.reasons, row.raw_text) for row in rejects])
        for reject in rejects.first:
            sheet = self._sheets.setdefault(reject.sheet, len(self._sheets))
            place = (sheet, reject.row_no, self.count)
            if len(self._first) == _KEPT and place >= self._first[-1][:3]:
                break
            bisect.insort(self._first, (*place, reject), key=lambda entry: entry[:3])
            del self._first[_KEPT:]
        self._lines.write(rejects.lines)
        self.count += rejects.count

    def first(self, count: int) -> list[Reject]:
        """The first refused rows (at most 100) in the order of the file."""
        return [reject for *_, reject in self._first[:count]]

    def __iter__(self) -> Iterator[Reject]:
        """All refused rows as they were appended."""
        self._lines.seek(0)
        yield from map(_reject, self._lines)

    def copy_into(self, cursor: Cursor, load_id: int, contract_version: str) -> int:
        """Send all rows to ``ops.rejected_row``; returns how many the database took."""
        self._lines.seek(0)
        cursor.copy_expert(
            "copy ops.rejected_row (load_id, contract_version, sheet, row_no, reasons, raw_text) from stdin",
            _Prefixed(self._lines, f"{load_id}\t{_escape(contract_version)}\t".encode()),
            _CHUNK,
        )
        return int(cursor.rowcount)


def nameless_file() -> IO[bytes]:
    """A temporary file (mode 0600) in the installation's own folder: /tmp may be memory."""
    run = settings.home() / "run"
    return tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(run) if run.is_dir() else None)


class _Prefixed:
    """A file of lines with the same beginning put before each of them."""

    def __init__(self, lines: IO[bytes], prefix: bytes) -> None:
        self._lines, self._prefix = lines, prefix
        self._rest = b""
        self._at_start = True

    def readline(self, size: int = _CHUNK, /) -> bytes:
        """Never called for COPY, but asked for by the type of a file."""
        return self.read(size)

    def read(self, size: int = _CHUNK, /) -> bytes:
        if not self._rest and (chunk := self._lines.read(size)):
            # A line break inside a value is escaped: each one that stands here ends a line.
            ends_line = chunk.endswith(b"\n")
            chunk = (chunk[:-1] if ends_line else chunk).replace(b"\n", b"\n" + self._prefix)
            self._rest = (self._prefix if self._at_start else b"") + chunk + (b"\n" if ends_line else b"")
            self._at_start = ends_line
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def _line(row: RefusedRow, reasons: list[str]) -> str:
    sheet, row_no, _, raw_text = row
    why = ", ".join(reasons)
    return f"{_escape(sheet) if sheet else _NULL}\t{row_no}\t[{why}]\t{_escape(raw_text)}\n"


def _reject(line: bytes) -> Reject:
    sheet, row_no, reasons, raw_text = map(_plain, line.decode().rstrip("\n").split("\t"))
    found = tuple(map(Reason.from_json, json.loads(reasons or "[]")))
    return Reject(sheet or "", int(row_no or 0), found, raw_text or "")


_NULL = r"\N"
_ESCAPES = (("\\", r"\\"), ("\n", r"\n"), ("\r", r"\r"), ("\t", r"\t"))


def _escape(value: str) -> str:
    """A value in COPY's text form."""
    if value.isprintable() and "\\" not in value:
        return value
    for sign, escaped in _ESCAPES:
        value = value.replace(sign, escaped)
    return value


def _plain(value: str) -> str | None:
    """The value that ``_escape`` made this of."""
    if value == _NULL:
        return None
    # The backslash itself stands as NUL meanwhile, which no value holds.
    value = value.replace(r"\\", "\0")
    for sign, escaped in _ESCAPES[1:]:
        value = value.replace(escaped, sign)
    return value.replace("\0", "\\")
