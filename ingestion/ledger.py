"""The ledger of supply in schema ``ops``: contracts, deliveries, loads, refused rows, current slices."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import Json

from ingestion import raw_table, settings, versions
from ingestion.contract import Contract, load_contracts
from ingestion.store import Original

# First key of the advisory locks; the second is the hash of what is locked.
_LOCK_CLASS = 7_020_010


class DatabaseUnreachable(settings.PendopoError):
    """No connection to the warehouse."""


@dataclass(frozen=True)
class Delivery:
    """A file that arrived, as the ledger knows it.

    ``received_on``: UTC day on which the content arrived; ``modified_at``: when the file was last changed.
    """

    # None: refused rows that are read again without any delivery.
    delivery_id: int | None
    source_id: str | None
    file_name: str
    sha256: str
    original_path: str
    status: str
    load_id: int | None
    message: str | None
    received_on: date
    modified_at: datetime
    replays_load_id: int | None = None


@contextlib.contextmanager
def connect(role: str = "loader") -> Iterator[Connection]:
    """A connection of a role, closed at the end (which also frees its locks)."""
    try:
        connection = psycopg2.connect(settings.dsn(role), application_name=f"pendopo-{role}")
    except psycopg2.OperationalError as error:
        raise DatabaseUnreachable(
            f"Basis data tidak dapat dihubungi. Nyalakan dengan 'make up', lalu ulangi. ({error})"
        ) from error
    try:
        yield connection
    finally:
        connection.close()


def lock(cursor: Cursor, name: str) -> None:
    """Wait for the session's lock on a name; held across transactions until the connection closes."""
    cursor.execute("select pg_advisory_lock(%s, %s)", (_LOCK_CLASS, _key(name)))


def unlock(cursor: Cursor, name: str) -> None:
    """Give a lock back before the connection closes."""
    cursor.execute("select pg_advisory_unlock(%s, %s)", (_LOCK_CLASS, _key(name)))


def _key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big", signed=True)


def register_contracts() -> None:
    """Bring ``ops.source`` and the raw tables in line with the contracts of this version."""
    with connect() as connection, connection.cursor() as cursor:
        for contract in load_contracts().values():
            lock(cursor, f"load:{contract.source_id}")
            register(cursor, contract)
            connection.commit()


def register(cursor: Cursor, contract: Contract) -> None:
    """Bring one source and its raw table in line; the caller holds its lock (``load:``) and commits.

    When columns had to be filled anew the current contents are queued to be loaded again.
    """
    register_source(cursor, contract)
    if raw_table.ensure(cursor, contract):
        versions.queue_replay(cursor, contract)


def register_source(cursor: Cursor, contract: Contract) -> None:
    """Write what deliveries refer to; one statement, so it needs no lock and never waits for a load."""
    cursor.execute(
        """
        insert into ops.source as source (
            source_id, title, domain, opd_code, frequency, due_working_days, contract_version, contract
        )
        values (%s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (source_id) do update set
            title = excluded.title, domain = excluded.domain, opd_code = excluded.opd_code,
            frequency = excluded.frequency, due_working_days = excluded.due_working_days,
            contract_version = excluded.contract_version, contract = excluded.contract, changed_at = now()
        where source.contract is distinct from excluded.contract
        """,
        (
            contract.source_id,
            contract.title,
            contract.domain,
            contract.opd,
            contract.frequency,
            contract.due_working_days,
            contract.version,
            Json(contract.document),
        ),
    )


def record_setting(name: str, value: Any) -> None:
    """Write a fact about this installation; ``value`` is anything JSON holds."""
    with connect() as connection, connection.cursor() as cursor:
        write_setting(cursor, name, value)
        connection.commit()


def write_setting(cursor: Cursor, name: str, value: Any) -> None:
    """Like ``record_setting``, within the caller's transaction."""
    cursor.execute(
        """
        insert into ops.setting (name, value) values (%s, %s)
        on conflict (name) do update set value = excluded.value, changed_at = now()
        where ops.setting.value is distinct from excluded.value
        """,
        (name, Json(value)),
    )


def record_sample_files(files: Iterable[Path]) -> None:
    """Remember the contents of generated exports, so that their loads are marked as sample data."""
    hashes = {hashlib.sha256(file.read_bytes()).hexdigest(): file.name for file in files}
    with connect() as connection, connection.cursor() as cursor:
        lock(cursor, "setting:sample_files")
        cursor.execute("select value from ops.setting where name = 'sample_files'")
        row = cursor.fetchone()
        write_setting(cursor, "sample_files", (row[0] if row else {}) | hashes)
        connection.commit()


def is_sample(cursor: Cursor, sha256: str) -> bool:
    """Whether a content was generated by ``pendopo sample`` for this installation."""
    cursor.execute(
        "select exists (select from ops.setting where name = 'sample_files' and value ? %s)", (sha256,)
    )
    return bool(_one(cursor)[0])


def domains_behind() -> set[str]:
    """Domains whose published marts were made of other loads than those that count now.

    Sets are compared, not ids: a load takes its id when it begins, and one with a higher id may be finished
    before.
    """
    # What was published is the transformer's to know; the loader may not read it.
    with connect("transformer") as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            select distinct source.domain
            from ops.load as load
            inner join ops.source as source on source.source_id = load.source_id
            left join ops.published_load as published
                on published.domain = source.domain and published.load_id = load.load_id
            where
                load.status = 'loaded'
                and (
                    published.load_id is null
                    or (load.change_id, load.superseded_by_load_id)
                    is distinct from (published.change_id, published.superseded_by_load_id)
                )
            """
        )
        return {domain for (domain,) in cursor.fetchall()}


def record_delivery(
    cursor: Cursor,
    source_id: str | None,
    file_name: str,
    landing_path: str,
    original: Original,
    message: str | None = None,
    *,
    modified_at: datetime | None = None,
    lying_since: datetime | None = None,
) -> int:
    """Write that a file arrived and return its delivery id; without a source its status is ``unknown``.

    ``modified_at``: when the file was last changed; None, or a clock that runs ahead: now. A file that waits
    already is not written twice. Nor is one that was written after its last change (``lying_since``),
    whatever became of it: the drop folder could not be emptied and it lies there still.
    """
    cursor.execute(
        """
        update ops.delivery
        set modified_at = greatest(modified_at, least(coalesce(%s, modified_at), clock_timestamp()))
        where delivery_id = (
            select delivery_id from ops.delivery
            where
                source_id is not distinct from %s and sha256 = %s and file_name = %s and landing_path = %s
                and (status = 'received' or received_at > %s)
            order by delivery_id desc
            limit 1
        )
        returning delivery_id
        """,
        (modified_at, source_id, original.sha256, file_name, landing_path, lying_since),
    )
    if row := cursor.fetchone():
        return int(row[0])
    status = "received" if source_id else "unknown"
    cursor.execute(
        """
        insert into ops.delivery (
            source_id, file_name, landing_path, sha256, size_bytes, original_path, status, message,
            modified_at, finished_at
        )
        values (
            %s, %s, %s, %s, %s, %s, %s, %s, least(%s, clock_timestamp()),
            case when %s = 'unknown' then clock_timestamp() end
        )
        returning delivery_id
        """,
        (
            source_id,
            file_name,
            landing_path,
            original.sha256,
            original.size,
            original.path,
            status,
            _text(message),
            modified_at,
            status,
        ),
    )
    return int(_one(cursor)[0])


def read_delivery(cursor: Cursor, delivery_id: int) -> Delivery:
    """One delivery; raises LookupError when there is none."""
    cursor.execute(
        """
        select
            delivery.delivery_id, delivery.source_id, delivery.file_name, delivery.sha256,
            delivery.original_path, delivery.status, delivery.load_id, delivery.message,
            -- What is loaded again must not say more than it could say when it came.
            coalesce(replayed.received_on, (delivery.received_at at time zone 'UTC')::date),
            delivery.modified_at, delivery.replays_load_id
        from ops.delivery as delivery
        left join ops.load as replayed on replayed.load_id = delivery.replays_load_id
        where delivery.delivery_id = %s
        """,
        (delivery_id,),
    )
    row = cursor.fetchone()
    if row is None:
        raise LookupError(f"delivery {delivery_id} does not exist")
    return Delivery(*row)


def waiting(cursor: Cursor, source_id: str) -> list[int]:
    """Deliveries of a source that no load has finished, oldest first."""
    cursor.execute(
        """
        select delivery_id from ops.delivery
        where source_id = %s and status = 'received'
        order by delivery_id
        """,
        (source_id,),
    )
    return [row[0] for row in cursor.fetchall()]


def finish_delivery(
    cursor: Cursor, delivery_id: int, status: str, load_id: int | None, message: str | None
) -> None:
    cursor.execute(
        """
        update ops.delivery set status = %s, load_id = %s, message = %s, finished_at = clock_timestamp()
        where delivery_id = %s
        """,
        (status, load_id, _text(message), delivery_id),
    )


@dataclass(frozen=True)
class LoadRecord:
    """One attempt to load a file, as ``ops.load`` keeps it."""

    load_id: int
    source_id: str
    sha256: str
    file_name: str
    revision: str
    contract_version: str
    loader_version: str
    status: str
    rows_read: int
    rows_loaded: int
    rows_rejected: int
    rows_skipped: int
    skipped_by_kind: dict[str, int]
    data_from: date | None
    data_to: date | None
    started_at: datetime
    message: str | None
    is_sample: bool
    modified_at: datetime
    received_on: date | None
    supplements_load_id: int | None = None


def reserve_load_id(cursor: Cursor) -> int:
    """The id that the ledger row of this load will have: rows carry it before their counts are known."""
    cursor.execute("select nextval('ops.load_load_id_seq')")
    return int(_one(cursor)[0])


def record_load(cursor: Cursor, record: LoadRecord) -> None:
    """Write the ledger row; the database refuses one whose counts do not add up."""
    cursor.execute(
        """
        insert into ops.load (
            load_id, source_id, sha256, file_name, revision, contract_version, loader_version, status,
            rows_read, rows_loaded, rows_rejected, rows_skipped, skipped_by_kind, data_from, data_to,
            started_at, message, is_sample, modified_at, received_on, supplements_load_id
        )
        overriding system value
        values (
            %(load_id)s, %(source_id)s, %(sha256)s, %(file_name)s, %(revision)s, %(contract_version)s,
            %(loader_version)s, %(status)s, %(rows_read)s, %(rows_loaded)s, %(rows_rejected)s,
            %(rows_skipped)s, %(kinds)s, %(data_from)s, %(data_to)s, %(started_at)s, %(message)s,
            %(is_sample)s, %(modified_at)s, %(received_on)s, %(supplements_load_id)s
        )
        """,
        vars(record) | {"kinds": Json(record.skipped_by_kind), "message": _text(record.message)},
    )


def complete_load(
    cursor: Cursor, load_id: int, changes: versions.Changes | None, message: str | None
) -> None:
    """Add to the ledger row what is known only when the load stands in its place among the versions."""
    counts = (changes.added, changes.changed, changes.closed) if changes else (None, None, None)
    cursor.execute(
        """
        update ops.load set rows_added = %s, rows_changed = %s, rows_closed = %s, message = %s
        where load_id = %s
        """,
        (*counts, _text(message), load_id),
    )


def _one(cursor: Cursor) -> tuple[Any, ...]:
    row = cursor.fetchone()
    assert row is not None
    return row


def _text(value: str | None) -> str | None:
    """PostgreSQL text holds no NUL."""
    return value.replace("\0", "␀") if value else value
