"""The raw table of a contract: created from it, extended when it grows, closed where it is personal.

Run by the loader, who owns the schema ``raw``. The transformer may select everything except the plain values
of personal and specific columns; of these it sees the keyed hash only.
"""

from __future__ import annotations

import hashlib
import re

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from ingestion import settings
from ingestion.contract import Contract

_LINEAGE = {
    "_load_id": ("bigint", "Muatan di ops.load."),
    "_sheet": ("text", "Nama lembar kerja; kosong untuk berkas teks."),
    "_row_no": ("bigint", "Nomor baris di berkas seperti ditunjukkan Excel."),
    "_row_hash": ("uuid", "xor dari xxh3-128 setiap kolom (teks dipangkas, seed = nomornya di kontrak)."),
    "_slice": ("text", "Bagian yang diganti oleh berkas yang lebih baru."),
}
_NEVER_NULL = ("_load_id", "_row_no", "_row_hash")
_MOMENTS = ("date", "timestamp")
_CATALOGUE_NAME = {"timestamp": "timestamp without time zone"}


class RawTableError(settings.PendopoError):
    """The table in the database cannot follow the contract; the message says what to do."""


def ensure(cursor: Cursor, contract: Contract) -> bool:
    """Create or extend the table and its rights; does nothing when all is as it must be.

    A column whose type changed is kept as ``<name>__v<old version>`` beside one of the new type, which takes
    over the values that lose nothing by it until the originals are loaded again. Returns whether a column
    must be filled anew from them. Raises RawTableError when that is so but the contract's version is the old
    one: what was loaded under it would not be loaded again. The caller holds the lock of the source.
    """
    wanted = columns(contract)
    existing = _existing(cursor, contract.source_id)
    table = sql.Identifier("raw", contract.source_id)
    required = {column.name for column in contract.columns if column.required}
    must_refill = False
    if not existing:
        _create(cursor, contract, table, wanted)
    for name, (kind, description) in wanted.items() if existing else ():
        aside = None
        # Hashes of a column that became personal, and what no row may lack, can only come from the originals.
        became_personal = name.endswith("_key") and name.removesuffix("_key") in existing
        if name in existing and existing[name][0] != _CATALOGUE_NAME.get(kind, kind):
            before = _version_before(cursor, contract, f"Tipe kolom {name} berubah")
            aside = _set_aside(cursor, table, name, before, set(existing))
            must_refill = True
        elif name in existing:
            continue
        elif became_personal:
            _version_before(cursor, contract, f"Kolom {name.removesuffix('_key')} menjadi data pribadi")
            must_refill = True
        elif name in required:
            _version_before(cursor, contract, f"Kolom wajib {name} ditambahkan")
            must_refill = True
        statement = "alter table {} add column {} " + kind
        cursor.execute(sql.SQL(statement).format(table, sql.Identifier(name)))
        _describe(cursor, table, name, description)
        if aside:
            _take_over(cursor, contract, table, name, kind, aside, existing[name][0])
    _grant(cursor, contract, table, wanted)
    _closed_view(cursor, contract, table)
    return must_refill


def _version_before(cursor: Cursor, contract: Contract, change: str) -> str:
    """The contract version of the newest load; refuses a change that came without another version."""
    cursor.execute(
        """
        select contract_version from ops.load where source_id = %s and status = 'loaded'
        order by load_id desc limit 1
        """,
        (contract.source_id,),
    )
    row = cursor.fetchone()
    before = row[0] if row else "0"
    if before == contract.version:
        raise RawTableError(
            f"{change} pada kontrak {contract.source_id}, tetapi versinya tetap {contract.version}. Naikkan "
            "'version' di kontrak itu: berkas yang tersimpan lalu dimuat ulang."
        )
    return str(before)


def _set_aside(cursor: Cursor, table: sql.Identifier, name: str, before: str, taken: set[str]) -> str:
    """Rename a column whose type changed; what it holds stays for audit. Returns its new name."""
    aside = f"{name}__v{re.sub('[^a-z0-9]', '_', before.lower())}"
    while aside in taken:
        aside += "_"
    cursor.execute(
        sql.SQL("alter table {} rename column {} to {}").format(
            table, sql.Identifier(name), sql.Identifier(aside)
        )
    )
    return aside


def _take_over(
    cursor: Cursor,
    contract: Contract,
    table: sql.Identifier,
    name: str,
    kind: str,
    aside: str,
    kind_before: str,
) -> None:
    """Fill a column from the one of another type; null where a value is none of the new type.

    So nothing is missing from the rows before they are loaded again, nor from those that cannot be: whose
    original was purged, or whose file the new contract refuses.
    """
    old = sql.Identifier(aside)
    text: sql.Composable = sql.SQL("{}::text").format(old)
    is_number = kind in ("integer", "bigint") or kind.startswith("numeric")
    if kind_before.startswith("numeric"):
        text = sql.SQL("trim_scale({})::text").format(old)
    elif kind_before == "text" and is_number:
        text = _plain_number(old, contract)
    elif kind_before == "text" and kind in _MOMENTS:
        # Other forms mean what the setting of the server says.
        text = sql.SQL("case when {0} ~ '^\\d{{4}}-\\d{{2}}-\\d{{2}}' then {0} end").format(old)
    value: sql.Composable = sql.SQL("cast(readable as " + kind + ")")
    if is_number:
        # Nor may a value be rounded.
        value = sql.SQL("case when {0} = cast(readable as numeric) then {0} end").format(value)
    cursor.execute(
        sql.SQL(
            """
            update {table} as landed set {name} = {value}
            from (
                select before.ctid as place, plain.text as readable from {table} as before
                cross join lateral (select {text} as text) as plain
                where {old} is not null and pg_input_is_valid(plain.text, {kind})
            ) as kept
            where landed.ctid = kept.place
            """
        ).format(
            table=table, name=sql.Identifier(name), value=value, text=text, old=old, kind=sql.Literal(kind)
        )
    )


def _plain_number(old: sql.Identifier, contract: Contract) -> sql.Composable:
    """A text that is a number in the contract's notation, with a decimal point; else null."""
    group, decimal = contract.ingest.group_char, contract.ingest.decimal_char
    whole = r"\d+"
    if group:
        whole = rf"(\d{{1,3}}({re.escape(group)}\d{{3}})+|\d+)"
    return sql.SQL(
        "case when {old} ~ {shape} then replace(replace({old}, {group}, ''), {decimal}, '.') end"
    ).format(
        old=old,
        shape=sql.Literal(rf"^-?{whole}({re.escape(decimal)}\d+)?$"),
        group=sql.Literal(group),
        decimal=sql.Literal(decimal),
    )


def columns(contract: Contract) -> dict[str, tuple[str, str]]:
    """Column → type and description, in the order of the table."""
    wanted: dict[str, tuple[str, str]] = {}
    for column in contract.columns:
        wanted[column.name] = (column.postgres_type, f"{column.title}. {column.description}")
        if column.is_protected:
            wanted[column.key_name] = ("uuid", f"Kunci teracak (HMAC-SHA256) dari {column.title}.")
    return wanted | _LINEAGE


def protected(contract: Contract) -> set[str]:
    """Columns that only the loader may read."""
    return {column.name for column in contract.columns if column.is_protected}


def _existing(cursor: Cursor, table: str) -> dict[str, tuple[str, bool]]:
    """Column → type and whether the transformer may select it."""
    cursor.execute(
        """
        select
            attname,
            format_type(atttypid, atttypmod),
            has_column_privilege('transformer', attrelid, attnum, 'select')
        from pg_attribute
        where attrelid = to_regclass(format('raw.%%I', %s::text)) and attnum > 0 and not attisdropped
        """,
        (table,),
    )
    return {name: (kind, is_open) for name, kind, is_open in cursor.fetchall()}


def _create(
    cursor: Cursor, contract: Contract, table: sql.Identifier, wanted: dict[str, tuple[str, str]]
) -> None:
    lines = [
        sql.SQL("{} " + kind + (" not null" if name in _NEVER_NULL else "")).format(sql.Identifier(name))
        for name, (kind, _) in wanted.items()
    ]
    cursor.execute(sql.SQL("create table {} ({})").format(table, sql.SQL(", ").join(lines)))
    # Default privileges of the schema opened the whole table; rights go column by column below.
    cursor.execute(sql.SQL("revoke all on {} from transformer").format(table))
    cursor.execute(sql.SQL("comment on table {} is %s").format(table), (contract.title,))
    for name, (_, description) in wanted.items():
        _describe(cursor, table, name, description)
    # Rows arrive load after load, so block ranges find a load, or some days, in 32 kB where a tree needs 30
    # bytes a row. One index serves all columns alike, and every row costs an insertion for each index.
    days = (contract.ingest.data_date, contract.ingest.file_period)
    ranges = ["_load_id", *dict.fromkeys(where.column for where in days if where and where.column)]
    names = sql.SQL(", ").join(map(sql.Identifier, ranges))
    cursor.execute(sql.SQL("create index on {} using brin ({})").format(table, names))
    if contract.ingest.slice:
        cursor.execute(sql.SQL("create index on {} (_slice, _load_id)").format(table))


def _describe(cursor: Cursor, table: sql.Identifier, name: str, description: str) -> None:
    statement = sql.SQL("comment on column {}.{} is %s").format(table, sql.Identifier(name))
    cursor.execute(statement, (description,))


def _grant(
    cursor: Cursor, contract: Contract, table: sql.Identifier, wanted: dict[str, tuple[str, str]]
) -> None:
    closed = protected(contract)
    for name, (_, is_open) in _existing(cursor, contract.source_id).items():
        column = sql.Identifier(name)
        if name in wanted and name not in closed and not is_open:
            cursor.execute(sql.SQL("grant select ({}) on {} to transformer").format(column, table))
        elif (name in closed or name not in wanted) and is_open:
            cursor.execute(sql.SQL("revoke select ({}) on {} from transformer").format(column, table))


def _closed_view(cursor: Cursor, contract: Contract, table: sql.Identifier) -> None:
    """``raw.<source>__closed``: rows of a snapshot that a newer version no longer held.

    Without personal data. A row appears once, as it stood last, with the load that no longer held it; one
    that came back is not among them.
    """
    keys = [column.name for column in contract.key_columns]
    if contract.ingest.delivery != "snapshot" or not contract.ingest.slice or not keys:
        return
    shown = [name for name in columns(contract) if name not in protected(contract)]
    view = sql.Identifier("raw", f"{contract.source_id}__closed")
    statement = sql.SQL(
        """
        with version as (
            select
                held.slice_key, held.load_id,
                lead(held.load_id) over history as next_id,
                row_number() over history as version_no
            from ops.load_slice as held
            inner join ops.load as load using (load_id)
            where held.source_id = {source} and load.superseded_by_load_id is null
            window history as (
                partition by held.slice_key
                order by
                    load.is_sample desc, load.revision collate "C", load.modified_at,
                    load.sha256 collate "C", load.load_id
            )
        ),

        landed as (
            select kept.*, version.slice_key as _held_slice, version.version_no as _version_no,
                version.next_id as _closed_by_load_id
            from version
            inner join ops.load as load
                on coalesce(load.supplements_load_id, load.load_id) = version.load_id
                and load.superseded_by_load_id is null
            inner join {table} as kept on kept._load_id = load.load_id and kept._slice = version.slice_key
        ),

        last_seen as (
            select distinct on (_held_slice, {keys}) * from landed
            order by _held_slice, {keys}, _version_no desc
        )

        select {shown}, _closed_by_load_id from last_seen where _closed_by_load_id is not null
        """
    ).format(
        source=sql.Literal(contract.source_id),
        table=table,
        keys=sql.SQL(", ").join(map(sql.Identifier, keys)),
        shown=sql.SQL(", ").join(map(sql.Identifier, shown)),
    )
    text = statement.as_string(cursor)
    mark = hashlib.sha256(text.encode()).hexdigest()[:16]
    cursor.execute(
        "select obj_description(to_regclass(format('raw.%%I', %s::text)), 'pg_class')",
        (f"{contract.source_id}__closed",),
    )
    row = cursor.fetchone()
    remark = f"Baris yang tidak ada lagi pada versi terbaru: {contract.title}. ({mark})"
    if row and row[0] == remark:
        return
    cursor.execute(sql.SQL("drop view if exists {}").format(view))
    cursor.execute(sql.SQL("create view {} as ").format(view) + statement)
    cursor.execute(sql.SQL("comment on view {} is %s").format(view), (remark,))
    cursor.execute(sql.SQL("grant select on {} to transformer").format(view))
