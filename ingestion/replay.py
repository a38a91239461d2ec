"""Load kept originals again: after a contract changed, or to give refused rows another chance."""

from __future__ import annotations

from ingestion import ledger, load, versions
from ingestion.outcome import Outcome


def queue(source_id: str) -> list[int]:
    """Queue the current contents of a source that an older contract version loaded; returns what waits.

    The next ingest run (or ``load.load_delivery``) loads them under the contract of today; until one is
    loaded its old rows stay current. Doing this twice queues nothing twice. Raises load.UnknownSource.
    """
    contract = load.contract_of(source_id)
    with ledger.connect() as connection, connection.cursor() as cursor:
        ledger.lock(cursor, f"load:{source_id}")
        ledger.register(cursor, contract)
        waiting = versions.queue_replay(cursor, contract)
        connection.commit()
    return waiting


def beyond(source_id: str) -> list[int]:
    """Loads of an older contract version that stay as they are: their originals were purged."""
    with ledger.connect() as connection, connection.cursor() as cursor:
        return versions.beyond_replay(cursor, load.contract_of(source_id))


def rejects(source_id: str) -> list[Outcome]:
    """Read the open refused rows of all current loads of a source again, load by load.

    What passes under today's contract is added to its load. Each load is a transaction of its own, so an
    interrupted run is simply started again. Raises load.UnknownSource.
    """
    contract = load.contract_of(source_id)
    outcomes = []
    with ledger.connect() as connection, connection.cursor() as cursor:
        ledger.lock(cursor, f"load:{source_id}")
        ledger.register(cursor, contract)
        connection.commit()
        for load_id in versions.with_open_rejects(cursor, source_id):
            outcomes.append(load.load_rejects_again(connection, cursor, contract, load_id))
    return outcomes
