"""Which load is current: the order of versions, what supersedes what, and what a new version changed.

The current load of a slice is the highest (revision in the name, time of the file's last change, content
hash, load id) among the loads that hold rows of it; whatever an agency delivered is above all samples.
Nothing here asks when a file arrived, so any order of arrival gives the same tables. ``ops.slice`` is derived
from ``ops.load_slice`` and can be derived anew.

Every function works inside the caller's transaction, who holds the lock of the source.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from ingestion.contract import Contract

# Place of a delivery that the machine queued itself.
REPLAY = "replay"


@dataclass(frozen=True)
class Switch:
    """A slice that another load holds now; None: no load held it, or none does any more."""

    slice_key: str
    old: int | None
    new: int | None


@dataclass(frozen=True)
class Changes:
    """Rows of a snapshot compared by key with the versions that it replaced."""

    added: int
    changed: int
    closed: int


def revision_of(contract: Contract, file_name: str) -> str:
    """What orders two files of one slice: digits padded, so that revision 10 follows revision 9."""
    match = contract.matches_file_name(file_name)
    revision = match.groupdict().get("revision") if match else None
    return (revision.zfill(6) if revision.isdigit() else revision) if revision else ""


def meaning_of(contract: Contract, file_name: str) -> tuple[tuple[str, str | None], ...]:
    """What a name says about the rows: one content under the names of two months is two things."""
    match = contract.matches_file_name(file_name)
    groups = match.groupdict() if match else {}
    return tuple(sorted((name, value) for name, value in groups.items() if name != "revision"))


def find_load(cursor: Cursor, contract: Contract, sha256: str, file_name: str) -> tuple[int, datetime] | None:
    """Load id and time of an earlier load of the same content under the same contract version."""
    for load_id, name, supplements, finished_at in _of_content(
        cursor, contract, sha256, is_same_version=True
    ):
        # Corrections say themselves what they belong to; their names say nothing.
        if supplements or meaning_of(contract, name) == meaning_of(contract, file_name):
            return load_id, finished_at
    return None


def _of_content(
    cursor: Cursor, contract: Contract, sha256: str, *, is_same_version: bool
) -> list[tuple[int, str, int | None, datetime]]:
    """Loads of a content; refused rows that were read again from their original are none."""
    cursor.execute(
        """
        select load.load_id, load.file_name, load.supplements_load_id, load.finished_at
        from ops.load as load
        left join ops.load as base on base.load_id = load.supplements_load_id
        where
            load.source_id = %s and load.sha256 = %s and load.status = 'loaded'
            and (load.contract_version = %s) = %s
            and load.superseded_by_load_id is null and base.sha256 is distinct from load.sha256
        order by load.load_id
        """,
        (contract.source_id, sha256, contract.version, is_same_version),
    )
    return list(cursor.fetchall())


def supersede(cursor: Cursor, contract: Contract, load_id: int, sha256: str, file_name: str) -> set[str]:
    """Let a load take the place of those of the same content under other contract versions.

    It inherits their place in the order. Returns the slices that they held rows of.
    """
    older = [
        other
        for other, name, supplements, _ in _of_content(cursor, contract, sha256, is_same_version=False)
        if supplements or meaning_of(contract, name) == meaning_of(contract, file_name)
    ]
    for other in older:
        cursor.execute(
            """
            update ops.load as load set revision = older.revision, modified_at = older.modified_at
            from ops.load as older
            where
                load.load_id = %s and older.load_id = %s
                and (load.revision collate "C", load.modified_at)
                    < (older.revision collate "C", older.modified_at)
            """,
            (load_id, other),
        )
    cursor.execute("update ops.load set superseded_by_load_id = %s where load_id = any(%s)", (load_id, older))
    # Corrections to the older ones must come again too.
    cursor.execute(
        """
        select load.load_id from ops.load as load
        inner join ops.load as base on base.load_id = load.supplements_load_id
        where
            load.supplements_load_id = any(%s) and load.status = 'loaded'
            and load.superseded_by_load_id is null and load.sha256 <> base.sha256
        """,
        (older,),
    )
    _queue(cursor, [row[0] for row in cursor.fetchall()])
    return _slices_of(cursor, older)


def bring_forward(
    cursor: Cursor, source_id: str, load_id: int, revision: str, modified_at: datetime
) -> list[Switch]:
    """Note that a content came again, perhaps as a newer version; returns what that switched."""
    cursor.execute(
        """
        update ops.load set revision = %s, modified_at = %s
        where
            (load_id = %s or supplements_load_id = %s)
            and (revision collate "C", modified_at) < (%s collate "C", %s)
        """,
        (revision, modified_at, load_id, load_id, revision, modified_at),
    )
    if not cursor.rowcount:
        return []
    slices = _slices_of(cursor, [load_id])
    switches = derive_slices(cursor, source_id, slices)
    if switches or not slices:
        # By this a build sees that the load came back, though it has its place as before.
        cursor.execute(
            "update ops.load set change_id = nextval('ops.load_load_id_seq') where load_id = %s", (load_id,)
        )
    return switches


def note_slices(cursor: Cursor, source_id: str, load_id: int, holder: int) -> set[str]:
    """Count a load's rows by slice into those of its holder: itself, or the load that it supplements."""
    cursor.execute(
        sql.SQL(
            """
            insert into ops.load_slice as known (load_id, source_id, slice_key, rows)
            select %s, %s, _slice, count(*) from {} where _load_id = %s and _slice is not null group by _slice
            on conflict (load_id, slice_key) do update set rows = known.rows + excluded.rows
            returning slice_key
            """
        ).format(sql.Identifier("raw", source_id)),
        (holder, source_id, load_id),
    )
    return {row[0] for row in cursor.fetchall()}


def derive_slices(cursor: Cursor, source_id: str, slices: Collection[str]) -> list[Switch]:
    """Make the newest version of each slice its current one; returns those where that changed something."""
    if not slices:
        return []
    cursor.execute(
        """
        with winner as (
            select distinct on (held.slice_key) held.slice_key, held.load_id, load.revision
            from ops.load_slice as held
            inner join ops.load as load using (load_id)
            where
                held.source_id = %(source)s and held.slice_key = any(%(slices)s)
                and load.superseded_by_load_id is null
            order by
                held.slice_key, load.is_sample, load.revision collate "C" desc, load.modified_at desc,
                load.sha256 collate "C" desc, load.load_id desc
        ),

        before as (
            select slice_key, load_id from ops.slice
            where source_id = %(source)s and slice_key = any(%(slices)s)
        ),

        gone as (
            delete from ops.slice
            where
                source_id = %(source)s and slice_key in (select slice_key from before)
                and slice_key not in (select slice_key from winner)
        ),

        switched as (
            insert into ops.slice as current (source_id, slice_key, load_id, revision)
            select %(source)s, slice_key, load_id, revision from winner
            on conflict (source_id, slice_key) do update set
                load_id = excluded.load_id, revision = excluded.revision,
                replaced_load_id = case
                    when current.load_id = excluded.load_id then current.replaced_load_id else current.load_id
                end,
                changed_at = clock_timestamp()
            where (current.load_id, current.revision) is distinct from (excluded.load_id, excluded.revision)
        )

        select coalesce(before.slice_key, winner.slice_key) as slice_key, before.load_id, winner.load_id
        from before
        full join winner on before.slice_key = winner.slice_key
        where before.load_id is distinct from winner.load_id
        order by slice_key
        """,
        {"source": source_id, "slices": list(slices)},
    )
    return [Switch(*row) for row in cursor.fetchall()]


def holds(cursor: Cursor, source_id: str, load_id: int) -> list[str]:
    """Slices whose current rows a load holds."""
    cursor.execute(
        "select slice_key from ops.slice where source_id = %s and load_id = %s order by slice_key",
        (source_id, load_id),
    )
    return [row[0] for row in cursor.fetchall()]


def shrunk(cursor: Cursor, switches: Iterable[Switch]) -> list[tuple[str, int, int]]:
    """Slices whose new version has fewer rows than the one it replaced: slice, rows now, rows before."""
    found = []
    for switch in switches:
        cursor.execute(
            """
            select new.slice_key, new.rows, old.rows
            from ops.load_slice as new
            inner join ops.load_slice as old on old.slice_key = new.slice_key and old.load_id = %s
            inner join ops.load as newer on newer.load_id = new.load_id
            inner join ops.load as older on older.load_id = old.load_id and older.is_sample = newer.is_sample
            where new.load_id = %s and new.slice_key = %s and new.rows < old.rows
            """,
            (switch.old, switch.new, switch.slice_key),
        )
        found += cursor.fetchall()
    return found


def compare(cursor: Cursor, contract: Contract, load_id: int, switches: Iterable[Switch]) -> Changes | None:
    """What a new version of a snapshot changed, by primary key; None where there is nothing to compare."""
    keys = [column.name for column in contract.key_columns]
    pairs: dict[int, list[str]] = {}
    for switch in switches:
        if switch.new == load_id and switch.old is not None:
            pairs.setdefault(switch.old, []).append(switch.slice_key)
    if contract.ingest.delivery != "snapshot" or not keys:
        return None
    cursor.execute(
        """
        select older.load_id from ops.load as older
        inner join ops.load as load on load.load_id = %s and load.is_sample = older.is_sample
        where older.load_id = any(%s)
        """,
        (load_id, list(pairs)),
    )
    comparable = {row[0] for row in cursor.fetchall()}
    if not comparable:
        return None
    names = sql.SQL(", ").join(map(sql.Identifier, keys))
    statement = sql.SQL(
        """
        with new as (
            select {names}, _row_hash from {table} where _load_id = %(new)s and _slice = any(%(slices)s)
        ),

        old as (
            select {names}, _row_hash from {table}
            where
                _slice = any(%(slices)s)
                and _load_id in (
                    select load_id from ops.load
                    where
                        load_id = %(old)s
                        or (supplements_load_id = %(old)s and superseded_by_load_id is null)
                )
        )

        select
            count(*) filter (where old._row_hash is null),
            count(*) filter (where old._row_hash <> new._row_hash),
            count(*) filter (where new._row_hash is null)
        from old full join new using ({names})
        """
    ).format(names=names, table=sql.Identifier("raw", contract.source_id))
    added = changed = closed = 0
    for old, slices in ((old, pairs[old]) for old in sorted(comparable)):
        cursor.execute(statement, {"new": load_id, "old": old, "slices": slices})
        for more in cursor.fetchall():
            added, changed, closed = added + more[0], changed + more[1], closed + more[2]
    return Changes(added, changed, closed)


def base_of(cursor: Cursor, load_id: int) -> int | None:
    """The load that corrections of a load belong to today; None for an id that the ledger does not know."""
    cursor.execute(
        """
        with recursive chain as (
            select load_id, coalesce(supplements_load_id, superseded_by_load_id) as following
            from ops.load where load_id = %s
            union
            select load.load_id, coalesce(load.supplements_load_id, load.superseded_by_load_id)
            from chain inner join ops.load as load on load.load_id = chain.following
        )

        select load_id from chain where following is null
        """,
        (load_id,),
    )
    row = cursor.fetchone()
    return int(row[0]) if row else None


def names_of(cursor: Cursor, load_id: int) -> set[int]:
    """All ids under which a load may be meant: its own and those of loads that lead to it."""
    cursor.execute(
        """
        with recursive named as (
            select %s::bigint as load_id
            union
            select load.load_id
            from named
            inner join ops.load as load
                on load.supplements_load_id = named.load_id or load.superseded_by_load_id = named.load_id
        )

        select load_id from named
        """,
        (load_id,),
    )
    return {row[0] for row in cursor.fetchall()}


def link_resolved(
    cursor: Cursor, contract: Contract, load_id: int, file_name: str, touched: set[int]
) -> None:
    """Link refused rows to the load that made them needless.

    ``touched``: loads that lost or won slices. One that holds none any more is settled by what replaced it,
    except for rows that a correction brought; one that holds some again is open again.
    """
    is_correction = (
        "exists (select from ops.load as brought where"
        " brought.load_id = refused.resolved_by_load_id and brought.supplements_load_id = standing.load_id)"
    )
    cursor.execute(
        f"""
        with standing as (
            select
                held.load_id, bool_or(slice.load_id = held.load_id) as is_current,
                max(slice.load_id) as holder
            from ops.load_slice as held
            inner join ops.load as load on load.load_id = held.load_id and load.superseded_by_load_id is null
            left join ops.slice as slice
                on slice.source_id = held.source_id and slice.slice_key = held.slice_key
            where held.load_id = any(%s)
            group by held.load_id
        )

        update ops.rejected_row as refused
        set resolved_by_load_id = case when standing.is_current then null else standing.holder end
        from standing
        -- What a correction refused goes the way of what it was to correct.
        inner join ops.load as own on coalesce(own.supplements_load_id, own.load_id) = standing.load_id
        where
            refused.load_id = own.load_id and not {is_correction}
            and refused.resolved_by_load_id is distinct from
                case when standing.is_current then null else standing.holder end
        """,
        (list(touched),),
    )
    # The same content under an older contract: what is no longer refused has come.
    cursor.execute(
        """
        update ops.rejected_row as refused set resolved_by_load_id = %(load)s
        from ops.load as older
        where
            older.superseded_by_load_id = %(load)s and refused.load_id = older.load_id
            and refused.resolved_by_load_id is null
            and not exists (
                select from ops.rejected_row as again
                where
                    again.load_id = %(load)s and again.row_no = refused.row_no
                    and again.sheet is not distinct from refused.sheet
                    -- Where columns became rows a row of the file is several.
                    and (not %(is_turned)s or again.raw_text = refused.raw_text)
            )
        """,
        {"load": load_id, "is_turned": contract.ingest.unpivot is not None},
    )
    # Files that were refused whole: this one is what their sender made of it.
    cursor.execute(
        """
        select load.load_id, load.file_name from ops.load as load
        where
            load.source_id = %s and load.status = 'refused' and load.load_id < %s
            and exists (
                select from ops.rejected_row as refused
                where refused.load_id = load.load_id and refused.resolved_by_load_id is null
            )
        """,
        (contract.source_id, load_id),
    )
    meaning = meaning_of(contract, file_name)
    settled = [
        refused
        for refused, name in cursor.fetchall()
        if name == file_name or (meaning and meaning_of(contract, name) == meaning)
    ]
    cursor.execute(
        """
        update ops.rejected_row set resolved_by_load_id = %s
        where load_id = any(%s) and resolved_by_load_id is null
        """,
        (load_id, settled),
    )


def queue_replay(cursor: Cursor, contract: Contract) -> list[int]:
    """Queue the current contents that were loaded under another contract version; returns what waits.

    Files first, corrections to them after. Originals whose retention has ended cannot be loaded again: their
    rows stay as they are, see ``beyond_replay``.
    """
    _queue(cursor, _outdated(cursor, contract))
    return waiting_replays(cursor, contract.source_id)


def beyond_replay(cursor: Cursor, contract: Contract) -> list[int]:
    """Loads whose rows are current under another contract version and whose originals are gone."""
    cursor.execute(
        """
        select load_id from ops.load as load
        where
            load_id = any(%s)
            and not exists (
                select from ops.delivery as kept where kept.sha256 = load.sha256 and kept.purged_at is null
            )
        order by load_id
        """,
        (_outdated(cursor, contract),),
    )
    return [row[0] for row in cursor.fetchall()]


def _outdated(cursor: Cursor, contract: Contract) -> list[int]:
    """Current loads of files and corrections under another contract version."""
    cursor.execute(
        """
        select load.load_id from ops.load as load
        inner join ops.load as base on base.load_id = coalesce(load.supplements_load_id, load.load_id)
        where
            load.source_id = %(source)s and load.status = 'loaded' and load.contract_version <> %(version)s
            and load.superseded_by_load_id is null
            -- Refused rows that were read again come with the file itself.
            and (load.load_id = base.load_id or load.sha256 <> base.sha256)
            and (
                exists (select from ops.slice where source_id = %(source)s and load_id = base.load_id)
                or not exists (select from ops.load_slice where load_id = base.load_id)
            )
        """,
        {"source": contract.source_id, "version": contract.version},
    )
    return [row[0] for row in cursor.fetchall()]


def _queue(cursor: Cursor, load_ids: list[int]) -> None:
    """Let the contents of loads be loaded again; those that wait already are left alone."""
    cursor.execute(
        """
        insert into ops.delivery (
            source_id, file_name, landing_path, sha256, size_bytes, original_path, modified_at,
            replays_load_id
        )
        select
            load.source_id, load.file_name, %s, load.sha256, kept.size_bytes, kept.original_path,
            load.modified_at, load.load_id
        from ops.load as load
        cross join lateral (
            select size_bytes, original_path from ops.delivery
            where sha256 = load.sha256 and purged_at is null order by delivery_id desc limit 1
        ) as kept
        where
            load.load_id = any(%s)
            and not exists (
                select from ops.delivery as waiting
                where
                    waiting.source_id = load.source_id and waiting.status = 'received'
                    and waiting.replays_load_id = load.load_id
            )
        order by load.supplements_load_id is not null, load.load_id
        """,
        (REPLAY, load_ids),
    )


def with_open_rejects(cursor: Cursor, source_id: str) -> list[int]:
    """Current loads that still have refused rows nothing has brought, and whose original is kept."""
    cursor.execute(
        """
        select load.load_id from ops.load as load
        where
            load.source_id = %(source)s and load.status = 'loaded' and load.purged_at is null
            and load.supplements_load_id is null and load.superseded_by_load_id is null
            and exists (
                select from ops.rejected_row as refused
                where refused.load_id = load.load_id and refused.resolved_by_load_id is null
            )
            and (
                exists (select from ops.slice where source_id = %(source)s and load_id = load.load_id)
                or not exists (select from ops.load_slice where load_id = load.load_id)
            )
        order by load.load_id
        """,
        {"source": source_id},
    )
    return [row[0] for row in cursor.fetchall()]


def waiting_replays(cursor: Cursor, source_id: str) -> list[int]:
    """Queued contents that no load has finished yet, in the order of loading."""
    cursor.execute(
        """
        select delivery_id from ops.delivery
        where source_id = %s and status = 'received' and replays_load_id is not null
        order by delivery_id
        """,
        (source_id,),
    )
    return [row[0] for row in cursor.fetchall()]


def _slices_of(cursor: Cursor, load_ids: Collection[int]) -> set[str]:
    cursor.execute("select distinct slice_key from ops.load_slice where load_id = any(%s)", (list(load_ids),))
    return {row[0] for row in cursor.fetchall()}
