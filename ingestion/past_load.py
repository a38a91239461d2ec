"""A load of the past as the ledger and the store of originals keep it: for reports and corrections."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from psycopg2.extensions import connection as Connection

from ingestion import settings, supplement
from ingestion.contract import Contract, load_contracts
from ingestion.outcome import SHOWN_REJECTS, Outcome, Reason, Reject

_FETCHED = 2_000
Refused = Generator[Reject, None, None]


class UnknownLoad(settings.PendopoError):
    """A load id that the ledger does not know, or one whose file is gone."""


@dataclass(frozen=True)
class PastLoad:
    """What a report needs to know: the outcome without its refused rows, and where the original lies.

    ``original`` exists; ``open_rejects`` counts the refused rows that no later load has brought;
    ``supplements`` is the load whose refused rows this one brought.
    """

    outcome: Outcome
    contract: Contract
    original: Path
    finished_at: datetime
    open_rejects: int
    supplements: int | None


def read(connection: Connection, load_id: int) -> PastLoad:
    """Look a load up; raises UnknownLoad with the way out in its message."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select
                load.source_id, load.file_name, load.status, load.rows_read, load.rows_loaded,
                load.rows_rejected, load.rows_skipped, load.skipped_by_kind, load.message, load.finished_at,
                load.purged_at, load.supplements_load_id,
                (
                    select count(*) from ops.rejected_row
                    where rejected_row.load_id = load.load_id and resolved_by_load_id is null
                ),
                array(
                    select slice_key from ops.slice
                    where slice.source_id = load.source_id and slice.load_id = load.load_id
                    order by slice_key
                ),
                delivery.delivery_id, delivery.original_path,
                (
                    select min(open.load_id) from ops.rejected_row as open
                    where
                        open.load_id = coalesce(load.supplements_load_id, load.load_id)
                        and load.status = 'loaded' and open.resolved_by_load_id is null
                )
            from ops.load as load
            left join lateral (
                select delivery_id, original_path from ops.delivery
                where delivery.sha256 = load.sha256 and delivery.source_id = load.source_id
                order by delivery.load_id is not distinct from load.load_id desc, delivery_id
                limit 1
            ) as delivery on true
            where load.load_id = %s
            """,
            (load_id,),
        )
        row = cursor.fetchone()
    if row is None:
        raise UnknownLoad(
            f"Muatan {load_id} tidak ada. Nomornya disebut oleh 'pendopo load' dan ada pada ops.load."
        )
    source_id, file_name, status, read_, loaded, rejected, skipped, kinds, message, finished_at = row[:10]
    purged_at, supplements, open_rejects, slices, delivery_id, original_path, form_of = row[10:]
    if purged_at is not None or original_path is None or not (settings.home() / original_path).is_file():
        raise UnknownLoad(
            f"Berkas asli muatan {load_id} ({file_name}) sudah dibersihkan karena masa simpannya habis; "
            "isinya tidak dapat ditunjukkan lagi. Jumlah barisnya tetap ada pada ops.load."
        )
    contracts = load_contracts()
    if source_id not in contracts:
        raise UnknownLoad(f"Sumber {source_id} dari muatan {load_id} tidak punya kontrak lagi.")
    outcome = Outcome(
        file_name,
        source_id,
        load_id=load_id,
        delivery_id=delivery_id,
        read=read_,
        loaded=loaded,
        rejected=rejected,
        skipped=skipped,
        skipped_by_kind=kinds,
        status=status,
        slices=list(slices),
        messages=[message] if message else [],
        form_of=form_of,
    )
    return PastLoad(
        outcome,
        contracts[source_id],
        settings.home() / original_path,
        finished_at,
        int(open_rejects),
        supplements,
    )


def rejects(connection: Connection, load_id: int) -> Refused:
    """Refused rows of a load in the order of the file, fetched bit by bit."""
    with connection.cursor(f"rejects_{load_id}") as cursor:
        cursor.itersize = _FETCHED
        cursor.execute(
            """
            select sheet, row_no, reasons, raw_text from ops.rejected_row
            where load_id = %s order by sheet nulls first, row_no, raw_text collate "C"
            """,
            (load_id,),
        )
        for row in cursor:
            yield _reject(*row)


def open_rejects(connection: Connection, load_id: int) -> Generator[tuple[str, Reject], None, None]:
    """Those that no correction or newer version has brought since, each with its name in a form."""
    with connection.cursor(f"open_rejects_{load_id}") as cursor:
        cursor.itersize = _FETCHED
        cursor.execute(
            f"""
            select part, nullif(sheet, ''), row_no, reasons, raw_text
            from ({supplement.PLACED} where load_id = %s) as placed
            where resolved_by_load_id is null order by sheet, row_no, part
            """,
            (load_id,),
        )
        for part, *row in cursor:
            reject = _reject(*row)
            yield supplement.reference(load_id, (reject.sheet, reject.row_no, part)), reject


def _reject(sheet: str | None, row_no: int, reasons: list[dict[str, Any]], raw_text: str | None) -> Reject:
    return Reject(sheet or "", row_no, tuple(map(Reason.from_json, reasons)), raw_text or "")


def first_rejects(connection: Connection, load_id: int) -> list[Reject]:
    """The first refused rows in the order of the file."""
    with contextlib.closing(rejects(connection, load_id)) as refused:
        return list(islice(refused, SHOWN_REJECTS))
