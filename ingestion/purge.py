"""End of retention: originals, refused rows and marked workbooks go, the ledger of what arrived stays.

How long a source's files are kept stands in its contract (``slaProperties: retention``), counted from the day
on which they arrived. Raw tables are the warehouse and stay as well.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from psycopg2.extensions import cursor as Cursor

from ingestion import ledger, marked, settings
from ingestion.contract import load_contracts

# Files that no contract knows may hold anything.
UNKNOWN_DAYS = 90
GONE = "(dihapus)"
# What was put into the store a moment ago may not stand in the ledger yet.
_FRESH_SECONDS = 3600
_LEFTOVER_SECONDS = 86_400
# A crash between keeping and recording leaves an original that no delivery names; its sender's file
# still lies in the inbox, so this one is only a copy.
_UNNAMED_SECONDS = 31 * 86_400


@dataclass
class Purged:
    """What went, or in a dry run would go."""

    originals: int = 0
    size_bytes: int = 0
    rejected_rows: int = 0
    workbooks: int = 0


def purge(today: date, dry_run: bool = False) -> Purged:
    """Remove what is older than its retention; ``today`` is a UTC day.

    Files first, then the ledger, source by source: interrupted anywhere it is simply started again. An
    original stays while a younger delivery of the same content or a waiting one needs it.
    """
    purged = Purged()
    limits = {contract.source_id: contract.retention_days for contract in load_contracts().values()}
    with ledger.connect() as connection, connection.cursor() as cursor:
        _leftovers(purged, dry_run)
        cursor.execute("create temp table retention (source_id text primary key, until date not null)")
        for source_id, days in limits.items():
            cursor.execute("insert into retention values (%s, %s)", (source_id, today - timedelta(days=days)))
        connection.commit()
        unknown_until = today - timedelta(days=UNKNOWN_DAYS)
        _originals(cursor, unknown_until, purged, dry_run)
        _unnamed(cursor, purged, dry_run)
        connection.commit()
        for source_id in limits:
            # A replay reads refused rows.
            ledger.lock(cursor, f"load:{source_id}")
            _refused_rows(cursor, source_id, purged, dry_run)
            connection.commit()
            ledger.unlock(cursor, f"load:{source_id}")
    return purged


def _originals(cursor: Cursor, unknown_until: date, purged: Purged, dry_run: bool) -> None:
    cursor.execute(
        """
        with aged as (
            select
                delivery.sha256, delivery.original_path, delivery.size_bytes,
                -- What the machine queued itself is as old as what it loads again.
                delivery.status = 'received'
                or (
                    delivery.replays_load_id is null
                    and (delivery.received_at at time zone 'UTC')::date >= case
                        when delivery.source_id is null then %s
                        -- A source without a contract any more keeps what it has.
                        else coalesce(retention.until, '-infinity')
                    end
                ) as is_needed
            from ops.delivery as delivery
            left join retention on retention.source_id = delivery.source_id
            where delivery.purged_at is null
        )

        select sha256, min(original_path), max(size_bytes) from aged
        group by sha256 having not bool_or(is_needed) order by sha256
        """,
        (unknown_until,),
    )
    gone = []
    for sha256, path, size in cursor.fetchall():
        file = settings.home() / path
        if file.exists() and time.time() - file.stat().st_mtime < _FRESH_SECONDS:
            continue
        purged.originals += 1
        purged.size_bytes += size
        gone.append(sha256)
        if not dry_run:
            file.unlink(missing_ok=True)
    if not dry_run:
        cursor.execute(
            """
            update ops.delivery set purged_at = clock_timestamp()
            where sha256 = any(%s) and purged_at is null
            """,
            (gone,),
        )


def _unnamed(cursor: Cursor, purged: Purged, dry_run: bool) -> None:
    """Old originals that no delivery names."""
    folder = settings.home() / "originals"
    old = {
        file.name: file
        for file in folder.glob("??/*")
        if time.time() - file.stat().st_mtime > _UNNAMED_SECONDS
    }
    cursor.execute(
        "select distinct sha256 from ops.delivery where sha256 = any(%s) and purged_at is null", (list(old),)
    )
    for sha256 in old.keys() - {row[0] for row in cursor.fetchall()}:
        purged.originals += 1
        purged.size_bytes += old[sha256].stat().st_size
        if not dry_run:
            old[sha256].unlink(missing_ok=True)


def _refused_rows(cursor: Cursor, source_id: str, purged: Purged, dry_run: bool) -> None:
    cursor.execute(
        """
        select load.load_id,
            (select count(*) from ops.rejected_row as refused where refused.load_id = load.load_id)
        from ops.load as load
        inner join retention using (source_id)
        where
            load.source_id = %s and load.purged_at is null
            and coalesce(load.received_on, (load.finished_at at time zone 'UTC')::date) < retention.until
        order by load.load_id
        """,
        (source_id,),
    )
    loads: list[tuple[Any, ...]] = cursor.fetchall()
    workbooks: list[Path] = []
    for load_id, rows in loads:
        purged.rejected_rows += rows
        workbooks += marked.report_files(load_id)
    purged.workbooks += len(workbooks)
    if dry_run:
        return
    for workbook in workbooks:
        workbook.unlink(missing_ok=True)
    ids = [load_id for load_id, _ in loads]
    cursor.execute(
        """
        update ops.rejected_row
        set
            raw_text = %(gone)s,
            reasons = (
                select jsonb_agg(reason || jsonb_build_object('value', null, 'message', %(gone)s::text))
                from jsonb_array_elements(reasons) as reason
            )
        where load_id = any(%(ids)s)
        """,
        {"gone": GONE, "ids": ids},
    )
    cursor.execute("update ops.load set purged_at = clock_timestamp() where load_id = any(%s)", (ids,))


def _leftovers(purged: Purged, dry_run: bool) -> None:
    """Half copies that killed processes left in the store."""
    for file in (settings.home() / "originals").glob("incoming-*"):
        status = file.stat()
        if time.time() - status.st_mtime > _LEFTOVER_SECONDS:
            purged.originals += 1
            purged.size_bytes += status.st_size
            if not dry_run:
                file.unlink(missing_ok=True)
