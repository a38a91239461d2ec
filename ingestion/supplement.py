"""Refused rows that come after all: corrected by hand, or read again from the original.

A file of corrections (``pendopo corrections``) is a plain table with the contract's titles and a column
``_pendopo`` that names the refused row each of its rows replaces, as ``load:row`` or ``load:row:sheet``.
Where columns became rows one row of a file may be several refused ones; the second is ``load:row.2``, in the
order of their texts. What stands around a table (title, file name) is taken from the file that is corrected.
"""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values

from ingestion import readers, settings, versions
from ingestion.arrow import pa
from ingestion.contract import Column, Contract
from ingestion.outcome import FileRefused, Reason, Reject
from ingestion.readers.table import Batch, Table
from ingestion.screening import Screen

# A row of a file: sheet ('' where there is none), number, and which of its refused rows (from 1).
Row = tuple[str, int, int]
# All refused rows of some loads, each with its part of the row in its file.
_NOWHERE: Row = ("", 0, 0)
# All refused rows of some loads, each with its part of the row in its file.
PLACED = """
    select
        ctid as place, load_id, reasons, coalesce(sheet, '') as sheet, row_no, raw_text, resolved_by_load_id,
        row_number() over (partition by load_id, sheet, row_no order by raw_text collate "C") as part
    from ops.rejected_row
"""


@dataclass
class Base:
    """The load that is supplemented, and its refused rows that nothing has brought yet."""

    load_id: int
    file_name: str
    original: Path
    received_on: datetime.date | None
    sha256: str
    revision: str
    modified_at: datetime.datetime
    open: set[Row]
    # Where columns became rows: sheet, row number and text of a refused row → which one it is; else empty.
    texts: dict[tuple[str, int, str], Row]

    def row(self, sheet: str, row_no: int, text: str) -> Row | None:
        """The refused row with this place and text; None when it is none."""
        return self.texts.get((sheet, row_no, text)) if self.texts else (sheet, row_no, 1)


@dataclass
class Supplement:
    """Rows to be added to a base.

    ``names``: ids under which a file of corrections may name the base; ``moved``: row under another id → row
    of the base, where columns became rows. ``taken``: row of the file that is read → row of the base it
    stands for; ``twice``: the same of rows that name what an earlier one of the file names. ``refused``: rows
    that name no refused row of the base, or one twice. ``resolved``: how many rows came too late.
    """

    base: Base
    is_correction: bool
    names: set[int]
    moved: dict[tuple[int, Row], Row] = field(default_factory=dict)
    twice: dict[Row, Row] = field(default_factory=dict)
    taken: dict[Row, Row] = field(default_factory=dict)
    refused: list[Reject] = field(default_factory=list)
    resolved: int = 0
    # Row of the base → row number in the file of corrections that stands for it.
    first: dict[Row, int] = field(default_factory=dict)

    def tables(self, path: Path, screen: Screen) -> Iterator[Table]:
        """The tables of the file, reduced to the rows that are wanted."""
        if not self.is_correction:
            for table in readers.open_tables(path, screen.contract, self.base.file_name):
                yield replace(table, batches=self._refused_before(table))
            return
        around = self._around(screen.contract)
        for table in readers.open_tables(path, plain(screen.contract), path.name):
            table.found.update(around.get(table.sheet, around.get("", {})))
            yield replace(table, batches=self._named(table))

    def _around(self, contract: Contract) -> dict[str, dict[str, list[str]]]:
        """Sheet of the base's file → the texts around its table; '' is the first one."""
        if not contract.ingest.attributes:
            return {}
        if not self.base.original.exists():
            raise FileRefused(
                "purged",
                f"Berkas {self.base.file_name} yang diperbaiki sudah dihapus karena masa simpannya habis. "
                "Kirim berkas lengkapnya.",
            )
        found: dict[str, dict[str, list[str]]] = {}
        for table in readers.open_tables(self.base.original, contract, self.base.file_name):
            # Footers are known once the table was read.
            for _ in table.batches:
                pass
            found[table.sheet] = table.found
            found.setdefault("", table.found)
        return found

    def _refused_before(self, table: Table) -> Iterator[Batch]:
        rows_of = {row[:2] for row in self.base.open}
        for batch in table.batches:
            keep, broken = [], []
            for position, row_no in enumerate(batch.row_no.to_pylist()):
                if (table.sheet, row_no) in rows_of:
                    text = _line([cell[position].as_py() for cell in batch.cells], table.delimiter)
                    if self._take(table.sheet, row_no, text):
                        keep.append(position)
            for row in batch.broken:
                if (table.sheet, row.row_no) in rows_of and self._take(
                    table.sheet, row.row_no, _visible(row.text)
                ):
                    broken.append(row)
            yield _some_of(replace(batch, broken=broken, without_value=0), keep)

    def _take(self, sheet: str, row_no: int, text: str) -> bool:
        row = self.base.row(sheet, row_no, text)
        if row not in self.base.open:
            return False
        self.taken[row] = row
        return True

    def _named(self, table: Table) -> Iterator[Batch]:
        first = self.first
        for batch in table.batches:
            if batch.reference is None:
                yield batch
                continue
            keep = []
            numbers, references = batch.row_no.to_pylist(), batch.reference.to_pylist()
            for position, (row, text) in enumerate(zip(numbers, references, strict=True)):
                cells = [cell[position].as_py() for cell in batch.cells]
                if not any(cell.strip() for cell in cells):
                    keep.append(position)
                    continue
                load_id, wanted = parse(text or "")
                if load_id not in self.names:
                    self.refused.append(_nameless(table.sheet, row, text or "", cells))
                    continue
                if self.base.texts and load_id != self.base.load_id:
                    wanted = self.moved.get((load_id, wanted), _NOWHERE)
                if wanted not in self.base.open:
                    self.resolved += 1
                elif wanted in first:
                    self.twice[table.sheet, row, 1] = wanted
                    self.refused.append(_repeated(table.sheet, row, text or "", first[wanted], cells))
                else:
                    first[wanted] = row
                    self.taken[table.sheet, row, 1] = wanted
                    keep.append(position)
            yield _some_of(batch, keep)


def plain(contract: Contract) -> Contract:
    """The contract of a file of corrections: one header row with the titles, however the source writes."""
    changes = {
        "layout": "table",
        "header_rows": 1,
        "positions": {},
        "unpivot": None,
        "fields": (),
        "sheets": None,
        "records": "",
        "skip": (),
    }
    return replace(contract, ingest=contract.ingest.model_copy(update=changes))


def first_reference(path: Path, contract: Contract, name: str) -> str | None:
    """The first reference of a file of corrections; None when the file is something else."""
    try:
        for table in readers.open_tables(path, plain(contract), name):
            for batch in table.batches:
                if batch.reference is None:
                    break
                for text in batch.reference.to_pylist():
                    if text:
                        return str(text)
    except FileRefused:
        pass
    return None


def parse(text: str) -> tuple[int | None, Row]:
    """Load id and row of a reference; no id when it cannot be read."""
    found = re.fullmatch(r"([0-9]+):([0-9]+)(?:\.([0-9]+))?(?::(.*))?", text.strip(), re.DOTALL)
    if not found:
        return None, _NOWHERE
    load_id, row_no, part, sheet = found.groups()
    return int(load_id), (sheet or "", int(row_no), int(part or 1))


def reference(load_id: int, row: Row) -> str:
    """How a file of corrections names a refused row."""
    sheet, row_no, part = row
    return f"{load_id}:{row_no}" + (f".{part}" if part > 1 else "") + (f":{sheet}" if sheet else "")


def correction(cursor: Cursor, contract: Contract, reference: str) -> Supplement:
    """What a file of corrections brings; raises FileRefused when nothing can be added to its base."""
    load_id, _ = parse(reference)
    base_id = versions.base_of(cursor, load_id) if load_id is not None else None
    base = read_base(cursor, contract, base_id) if base_id is not None else None
    if base is None:
        raise FileRefused(
            "unknown_reference",
            f"Kolom _pendopo menyebut muatan {load_id}, yang tidak ada untuk {contract.title}. Pakai berkas "
            "perbaikan terbaru dari 'pendopo corrections' dan jangan ubah kolom _pendopo. Berkas yang "
            "ditolak seluruhnya diperbaiki pada berkas aslinya.",
        )
    names = versions.names_of(cursor, base.load_id)
    moved = _moved(cursor, base, names) if base.texts else {}
    return Supplement(base, is_correction=True, names=names, moved=moved)


def _moved(cursor: Cursor, base: Base, names: set[int]) -> dict[tuple[int, Row], Row]:
    cursor.execute(
        f"select load_id, sheet, row_no, part, raw_text from ({PLACED} where load_id = any(%s)) as placed",
        (list(names - {base.load_id}),),
    )
    found = {}
    for load_id, sheet, row_no, part, text in cursor.fetchall():
        if row := base.texts.get((sheet, row_no, text)):
            found[load_id, (sheet, row_no, part)] = row
    return found


def read_base(cursor: Cursor, contract: Contract, load_id: int) -> Base | None:
    """A load with its open rows; None when it is of another source or nothing of it was loaded."""
    cursor.execute(
        """
        select
            load.file_name, kept.original_path, load.received_on, load.sha256, load.revision,
            load.modified_at
        from ops.load as load
        left join lateral (
            select original_path from ops.delivery
            where sha256 = load.sha256 and purged_at is null order by delivery_id limit 1
        ) as kept on true
        where load.load_id = %s and load.source_id = %s and load.status = 'loaded'
        """,
        (load_id, contract.source_id),
    )
    row = cursor.fetchone()
    if row is None:
        return None
    cursor.execute(
        f"""
        select sheet, row_no, part, case when %s then raw_text end, resolved_by_load_id is null
        from ({PLACED} where load_id = %s) as placed
        """,
        (contract.ingest.unpivot is not None, load_id),
    )
    name, path, received_on, sha256, revision, modified_at = row
    original = settings.home() / path if path else settings.home() / "originals" / "purged"
    base = Base(load_id, name, original, received_on, sha256, revision, modified_at, set(), {})
    for sheet, row_no, part, text, is_open in cursor.fetchall():
        if text is not None:
            base.texts[sheet, row_no, text] = (sheet, row_no, part)
        if is_open:
            base.open.add((sheet, row_no, part))
    return base


def form_of(cursor: Cursor, load_id: int) -> int | None:
    """The load itself while refused rows of it are open."""
    cursor.execute(
        "select from ops.rejected_row where load_id = %s and resolved_by_load_id is null limit 1", (load_id,)
    )
    return load_id if cursor.rowcount else None


def take_out_known_keys(
    cursor: Cursor, contract: Contract, load_id: int, base: Base
) -> tuple[int, list[Reject]]:
    """Remove the rows of a supplement whose key the base holds already.

    Returns how many were the same row again, and the others as refused rows.
    """
    repeated, rejects = 0, []
    for columns in keys_of(contract):
        for sheet, row_no, is_same, cells, first in _taken_out(
            cursor, contract, load_id, base.load_id, columns
        ):
            if is_same:
                repeated += 1
                continue
            titles = ", ".join(column.title for column in columns)
            why = Reason(
                "duplicate_key",
                None,
                None,
                f"{titles} sama dengan baris {first} yang sudah dimuat. Perbaiki atau hapus baris ini.",
            )
            rejects.append(Reject(sheet or "", row_no, (why,), _line(cells)))
    return repeated, rejects


def keys_of(contract: Contract) -> list[list[Column]]:
    """Columns of which no two rows of a file may hold the same values."""
    keys = [[column] for column in contract.columns if column.unique]
    if contract.key_columns:
        keys.append(list(contract.key_columns))
    return keys


def _taken_out(
    cursor: Cursor, contract: Contract, load_id: int, base_id: int, columns: list[Column]
) -> list[tuple[str | None, int, bool, list[str | None], int]]:
    names = [sql.Identifier(column.name) for column in columns]
    table = sql.Identifier("raw", contract.source_id)
    cursor.execute(
        sql.SQL(
            """
            with known as (
                select distinct on ({names}) {names}, _row_hash, _row_no from {table}
                where _load_id in (
                    select load_id from ops.load
                    where
                        (load_id = %(base)s or supplements_load_id = %(base)s) and load_id <> %(load)s
                        and superseded_by_load_id is null
                )
                order by {names}, _row_no
            )

            delete from {table} as landed using known
            where landed._load_id = %(load)s and {same}
            returning
                landed._sheet, landed._row_no, landed._row_hash = known._row_hash,
                array[{cells}]::text[], known._row_no
            """
        ).format(
            names=sql.SQL(", ").join(names),
            table=table,
            same=sql.SQL(" and ").join(sql.SQL("landed.{0} = known.{0}").format(name) for name in names),
            cells=sql.SQL(", ").join(
                sql.SQL("landed.{}::text").format(sql.Identifier(column.name)) for column in contract.columns
            ),
        ),
        {"base": base_id, "load": load_id},
    )
    return list(cursor.fetchall())


def link(cursor: Cursor, load_id: int, supplement: Supplement, refused: Iterable[Reject]) -> None:
    """Write which refused rows a supplement brought, and which of its own refused rows stand for which.

    ``refused``: what the supplement refused itself.
    """
    base = supplement.base
    still = _still(supplement, refused)
    if supplement.is_correction:
        note_references(cursor, load_id, supplement, still)
    wrong = {supplement.taken[row] for row in still if row in supplement.taken}
    settled = sorted({wanted for row, wanted in supplement.taken.items() if row not in still} - wrong)
    cursor.execute(
        f"""
        with settled as (
            select * from unnest(
                %(sheets)s::text[], %(rows)s::bigint[], %(parts)s::bigint[], %(references)s::text[]
            ) as settled (sheet, row_no, part, reference)
        ),

        open as (
            select placed.place from ({PLACED} where load_id = %(base)s) as placed
            inner join settled using (sheet, row_no, part)
            union all
            -- Earlier attempts to correct them.
            select attempt.ctid from ops.rejected_row as attempt
            inner join settled using (reference)
            inner join ops.load as load on load.load_id = attempt.load_id
            where
                load.supplements_load_id = %(base)s
                or (
                    load.status = 'refused'
                    and load.source_id = (select source_id from ops.load where load_id = %(base)s)
                )
        )

        update ops.rejected_row as refused set resolved_by_load_id = %(load)s
        from open where refused.ctid = open.place and refused.resolved_by_load_id is null
        """,
        {
            "sheets": [sheet for sheet, _, _ in settled],
            "rows": [row_no for _, row_no, _ in settled],
            "parts": [part for _, _, part in settled],
            "references": [reference(base.load_id, row) for row in settled],
            "base": base.load_id,
            "load": load_id,
        },
    )


def _still(supplement: Supplement, refused: Iterable[Reject]) -> set[Row]:
    """Rows of the file that are refused again."""
    if supplement.is_correction:
        return {(reject.sheet, reject.row_no, 1) for reject in refused}
    still: set[Row] = set()
    for reject in refused:
        row = supplement.base.row(reject.sheet, reject.row_no, reject.raw_text)
        if row:
            still.add(row)
        else:
            # Refused by the database's knowledge, whose text is another: any row of that number.
            still |= {row for row in supplement.taken if row[:2] == (reject.sheet, reject.row_no)}
    return still


def note_references(
    cursor: Cursor, load_id: int, supplement: Supplement, still: Iterable[Row] | None = None
) -> None:
    """Write which rows of the base the refused rows of a correction stand for; None: all that name one."""
    named = supplement.taken | supplement.twice
    rows = named if still is None else [row for row in still if row in named]
    execute_values(
        cursor,
        """
        update ops.rejected_row as refused set reference = taken.reference
        from (values %s) as taken (load_id, sheet, row_no, reference)
        where
            refused.load_id = taken.load_id and refused.row_no = taken.row_no
            and coalesce(refused.sheet, '') = taken.sheet
        """,
        [(load_id, row[0], row[1], reference(supplement.base.load_id, named[row])) for row in rows],
        page_size=1000,
    )


def _some_of(batch: Batch, keep: list[int]) -> Batch:
    """A batch with some of its rows."""
    if len(keep) == len(batch.row_no):
        return batch
    rows = pa.array(keep, pa.int64())
    moved = {old: new for new, old in enumerate(keep)}
    return replace(
        batch,
        row_no=batch.row_no.take(rows),
        cells=[cell.take(rows) for cell in batch.cells],
        damaged={
            position: [moved[row] for row in np.asarray(damaged).tolist() if row in moved]
            for position, damaged in batch.damaged.items()
        },
        origin=batch.origin.take(rows) if batch.origin is not None else None,
        reference=batch.reference.take(rows) if batch.reference is not None else None,
    )


def _nameless(sheet: str, row_no: int, text: str, cells: list[str]) -> Reject:
    why = Reason(
        "reference",
        None,
        text or None,
        f"kolom _pendopo berisi {text!r}, bukan baris yang ditolak pada berkas ini. Baris baru dikirim "
        "dengan berkas biasa; kolom _pendopo jangan diubah.",
    )
    return Reject(sheet, row_no, (why,), _line(cells))


def _repeated(sheet: str, row_no: int, text: str, first: int, cells: list[str]) -> Reject:
    why = Reason(
        "reference",
        None,
        text or None,
        f"kolom _pendopo berisi {text!r}, sama dengan baris {first} berkas ini. Satu baris yang ditolak "
        "hanya diganti satu baris; hapus salah satunya.",
    )
    return Reject(sheet, row_no, (why,), _line(cells))


def _line(cells: Sequence[str | None], delimiter: str = ";") -> str:
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="").writerow(cells)
    return _visible(line.getvalue())


def _visible(text: str) -> str:
    return text.replace("\0", "␀")
