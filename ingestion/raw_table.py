"""The raw table of a contract: created from it, extended when it grows, closed where it is personal.

Run by the loader, who owns the schema ``raw``. The transformer may select everything except the plain values
of personal and specific columns; of these it sees the keyed hash only.
"""

from __future__ import annotations

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from ingestion import settings
from ingestion.contract import Contract

_LINEAGE = {
    "_load_id": ("bigint", "Muatan di ops.load."),
    "_sheet": ("text", "Nama lembar kerja; kosong untuk berkas teks."),
    "_row_no": ("bigint", "Nomor baris di berkas seperti ditunjukkan Excel."),
    "_row_hash": ("uuid", "xxh3-128 atas isi baris (dipangkas, urutan kontrak, dipisah U+001F)."),
    "_slice": ("text", "Bagian yang diganti oleh berkas yang lebih baru."),
}
_NEVER_NULL = ("_load_id", "_row_no", "_row_hash")
_CATALOGUE_NAME = {"timestamp": "timestamp without time zone"}


class RawTableError(settings.PendopoError):
    """The table in the database cannot follow the contract; the message says what to do."""


def ensure(cursor: Cursor, contract: Contract) -> None:
    """Create or extend the table and its rights; does nothing when all is as it must be.

    Raises RawTableError when a column changed its type. The caller holds the lock of the source.
    """
    wanted = columns(contract)
    existing = _existing(cursor, contract.source_id)
    table = sql.Identifier("raw", contract.source_id)
    if not existing:
        _create(cursor, contract, table, wanted)
    for name, (kind, description) in wanted.items():
        if existing and name not in existing:
            statement = "alter table {} add column {} " + kind
            cursor.execute(sql.SQL(statement).format(table, sql.Identifier(name)))
            _describe(cursor, table, name, description)
        elif existing and existing[name][0] != _CATALOGUE_NAME.get(kind, kind):
            raise RawTableError(
                f"Kolom raw.{contract.source_id}.{name} bertipe {existing[name][0]}, kontrak meminta {kind}. "
                "Tipe kolom tidak diubah sendiri: beri nama baru di kontrak, atau ubah tipenya lebih dulu."
            )
    _grant(cursor, contract, table, wanted)


def columns(contract: Contract) -> dict[str, tuple[str, str]]:
    """Column → type and description, in the order of the table."""
    wanted: dict[str, tuple[str, str]] = {}
    for column in contract.columns:
        wanted[column.name] = (column.postgres_type, f"{column.title}. {column.description}")
        if column.is_protected:
            wanted[column.key_name] = ("text", f"Kunci teracak (HMAC-SHA256) dari {column.title}.")
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
    # Rows arrive load after load, so block ranges find a load in 32 kB where a tree needs 30 bytes a row.
    ranges = ["_load_id"]
    if contract.ingest.data_date.column:
        ranges.append(contract.ingest.data_date.column)
    for name in ranges:
        cursor.execute(sql.SQL("create index on {} using brin ({})").format(table, sql.Identifier(name)))
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
