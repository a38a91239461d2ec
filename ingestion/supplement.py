"""Refused rows that come after all: corrected by hand, or read again from the original.

A file of corrections (``pendopo corrections``) is a plain table with the contract's titles and a column
``_pendopo`` that names the refused row each of its rows replaces, as ``load:row`` or ``load:row:sheet``. What
stands around a table (title, file name) is taken from the file that is corrected.
"""

from __future__ import annotations

import csv
import datetime
import io
from collections import Counter
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

# A row of a file: sheet ('' where there is none) and number.
Row = tuple[str, int]


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
    # Row → how many refused rows it is: several where columns became rows.
    open: Counter[Row]


@dataclass
class Supplement:
    """Rows to be added to a base.

    ``names``: ids under which a file of corrections may name the base. ``taken``: row of the file that is
    read → row of the base it stands for. ``refused``: rows that name no refused row of the base.
    ``resolved``: how many rows came too late.
    """

    base: Base
    is_correction: bool
    names: set[int]
    taken: dict[Row, Row] = field(default_factory=dict)
    refused: list[Reject] = field(default_factory=list)
    resolved: int = 0

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
        for batch in table.batches:
            numbers = batch.row_no.to_pylist()
            keep = [position for position, row in enumerate(numbers) if (table.sheet, row) in self.base.open]
            broken = [row for row in batch.broken if (table.sheet, row.row_no) in self.base.open]
            rows = [*(numbers[position] for position in keep), *(row.row_no for row in broken)]
            self.taken |= {(table.sheet, row): (table.sheet, row) for row in rows}
            yield _some_of(replace(batch, broken=broken), keep)

    def _named(self, table: Table) -> Iterator[Batch]:
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
                elif wanted not in self.base.open:
                    self.resolved += 1
                else:
                    self.taken[table.sheet, row] = wanted
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
    load, _, rest = text.strip().partition(":")
    row, _, sheet = rest.partition(":")
    if not (load.isascii() and load.isdigit() and row.isascii() and row.isdigit()):
        return None, ("", 0)
    return int(load), (sheet, int(row))


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
    return Supplement(base, is_correction=True, names=versions.names_of(cursor, base.load_id))


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
        """
        select coalesce(sheet, ''), row_no from ops.rejected_row
        where load_id = %s and resolved_by_load_id is null
        """,
        (load_id,),
    )
    name, path, received_on, sha256, revision, modified_at = row
    original = settings.home() / path if path else settings.home() / "originals" / "purged"
    return Base(
        load_id, name, original, received_on, sha256, revision, modified_at, Counter(cursor.fetchall())
    )


def take_out_known_keys(
    cursor: Cursor, contract: Contract, load_id: int, base: Base
) -> tuple[int, list[Reject]]:
    """Remove the rows of a supplement whose key the base holds already.

    Returns how many were the same row again, and the others as refused rows.
    """
    repeated, rejects = 0, []
    for columns in _keys(contract):
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


def _keys(contract: Contract) -> list[list[Column]]:
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

    ``refused``: what the supplement refused itself. One row of a file may be several refused rows (where
    columns became rows): it is settled when all of them are right.
    """
    base = supplement.base
    still = {(reject.sheet, reject.row_no) for reject in refused}
    if supplement.is_correction:
        again = [
            (load_id, *row, _reference(base.load_id, supplement.taken[row]))
            for row in still
            if row in supplement.taken
        ]
        execute_values(
            cursor,
            """
            update ops.rejected_row as refused set reference = taken.reference
            from (values %s) as taken (load_id, sheet, row_no, reference)
            where
                refused.load_id = taken.load_id and refused.row_no = taken.row_no
                and coalesce(refused.sheet, '') = taken.sheet
            """,
            again,
        )
    right = Counter(wanted for row, wanted in supplement.taken.items() if row not in still)
    wrong = {wanted for row, wanted in supplement.taken.items() if row in still}
    settled = [
        row
        for row, count in right.items()
        if row not in wrong and (count >= base.open[row] or not supplement.is_correction)
    ]
    execute_values(
        cursor,
        """
        update ops.rejected_row as refused set resolved_by_load_id = settled.by_load_id
        from (values %s) as settled (by_load_id, base_load_id, sheet, row_no, reference)
        where
            refused.resolved_by_load_id is null
            and (
                (
                    refused.load_id = settled.base_load_id and refused.row_no = settled.row_no
                    and coalesce(refused.sheet, '') = settled.sheet
                )
                or (
                    refused.reference = settled.reference
                    and refused.load_id in (
                        select load_id from ops.load where supplements_load_id = settled.base_load_id
                    )
                )
            )
        """,
        [(load_id, base.load_id, *row, _reference(base.load_id, row)) for row in settled],
    )


def _reference(load_id: int, row: Row) -> str:
    sheet, row_no = row
    return f"{load_id}:{row_no}:{sheet}" if sheet else f"{load_id}:{row_no}"


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


def _line(cells: Sequence[str | None]) -> str:
    line = io.StringIO()
    csv.writer(line, delimiter=";", lineterminator="").writerow(cells)
    return line.getvalue().replace("\0", "␀")
