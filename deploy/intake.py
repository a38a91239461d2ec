"""What the ingest and watch DAGs do: load what was received, and look after what lies elsewhere."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence

import psycopg2

from ingestion import report, settings
from ingestion.contract import load_contracts
from ingestion.outcome import Outcome

Say = Callable[[str], None]
# A delivery that waits longer than this has been missed or fails again and again.
WAITING_MINUTES = 30


class IntakeError(settings.PendopoError):
    """Some files could not be handled for a reason that is not theirs; they stay waiting."""


def load_waiting(delivery_ids: Sequence[int], say: Say = print) -> None:
    """Load deliveries one by one and say a line about each.

    A refused file is a result, not an error. An unexpected error of one file never stops the others; at the
    end IntakeError names those files, which stay waiting for the next run.
    """
    from ingestion.load import load_delivery

    failures = []
    for delivery_id in delivery_ids:
        try:
            outcome = load_delivery(delivery_id)
        except Exception as error:
            failures.append(f"kiriman {delivery_id}: {type(error).__name__}: {error}")
            say(f"Gagal, akan dicoba lagi: {failures[-1]}")
            continue
        _mark(outcome, say)
        # Without the refused rows: they hold personal data, and logs are read by more people than the ledger.
        lines = report.as_text(dataclasses.replace(outcome, rejects=[])).splitlines()
        say(" ".join(line.strip() for line in lines))
    if failures:
        raise IntakeError("; ".join(failures))


def _mark(outcome: Outcome, say: Say) -> None:
    """Write the file back for its clerk, with the refused cells marked; a load never fails for that."""
    if outcome.load_id is None or not outcome.rejected or outcome.status not in ("loaded", "refused"):
        return
    from ingestion import marked

    if _is_sample(outcome.load_id):
        # Nobody waits for it, and dozens of them would hold up the first start.
        return
    try:
        path = marked.write(outcome.load_id)
    except Exception as error:
        say(f"Berkas bertanda untuk muatan {outcome.load_id} tidak dapat dibuat: {error}")
        return
    say(f"Berkas bertanda untuk pengirim: {path}")


def _is_sample(load_id: int) -> bool:
    with contextlib.closing(psycopg2.connect(settings.dsn("loader"))) as connection:
        cursor = connection.cursor()
        cursor.execute("select is_sample from ops.load where load_id = %s", (load_id,))
        return bool(cursor.fetchone()[0])


def receive_strays(say: Say = print) -> list[str]:
    """Register files that lie outside the folders of their sources; returns the sources they belong to.

    Also says which deliveries wait for long and which files no contract knows.
    """
    from ingestion.inbox import receive

    strays = receive(None, say)
    with contextlib.closing(psycopg2.connect(settings.dsn("loader"))) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "select distinct source_id from ops.delivery where delivery_id = any(%s) and status = 'received'",
            (strays,),
        )
        sources = {source_id for (source_id,) in cursor.fetchall()}
        cursor.execute(
            "select file_name, source_id from ops.delivery"
            " where status = 'received' and received_at < now() - %s * interval '1 minute'"
            " order by delivery_id",
            (WAITING_MINUTES,),
        )
        late = cursor.fetchall()
        cursor.execute(
            "select file_name, message from ops.delivery where status = 'unknown'"
            " and received_at > now() - interval '1 day' order by delivery_id"
        )
        unknown = cursor.fetchall()
    for file_name, source_id in late:
        say(f"{file_name} ({source_id}) menunggu lebih dari {WAITING_MINUTES} menit")
    for file_name, message in unknown:
        say(f"{file_name} tidak dikenal: {message}")
    return sorted(sources & set(load_contracts()))
