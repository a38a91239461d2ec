"""Load one file in one transaction: rows, refused rows, ledger row, switch of the current slices.

One loader a source at a time, under an advisory lock; a killed one leaves nothing, because nothing is
committed before everything is counted. A file that must be refused as a whole rolls back and is recorded in a
second transaction.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from ingestion import ledger, readers, settings, store
from ingestion.contract import Contract, load_contracts
from ingestion.copying import copy_rows
from ingestion.identify import identify
from ingestion.outcome import FileRefused, Outcome
from ingestion.prefetch import ahead
from ingestion.screening import Screen, Sorted
from ingestion.spool import RejectSpool

LOADER_VERSION = importlib.metadata.version("pendopo")
# Refused rows that an outcome shows; the ledger holds all of them.
SHOWN_REJECTS = 20


class LoadError(settings.PendopoError):
    """The database took another number of rows than was sent; nothing is committed."""


def load_file(path: Path, source_id: str | None = None) -> Outcome:
    """Take a file from anywhere, keep its original and load it; the file itself stays where it is.

    Raises FileNotFoundError; whatever is wrong with the contents is told in the outcome.
    """
    with path.open("rb") as file:
        original = store.keep(file)
    name = readable_name(path.name)
    try:
        contract = _contract(source_id) if source_id else identify(path, name, load_contracts())
    except FileRefused as refusal:
        message = f"{refusal} Berkas asli tetap disimpan."
        with ledger.connect() as connection, connection.cursor() as cursor:
            delivery_id = ledger.record_delivery(cursor, None, name, str(path), original, message)
            connection.commit()
        return Outcome(name, delivery_id=delivery_id, messages=[message])
    with ledger.connect() as connection, connection.cursor() as cursor:
        ledger.lock(cursor, f"load:{contract.source_id}")
        ledger.register(cursor, contract)
        delivery_id = ledger.record_delivery(cursor, contract.source_id, name, str(path), original)
        connection.commit()
    return load_delivery(delivery_id)


def load_delivery(delivery_id: int) -> Outcome:
    """Load a delivery of the ledger; one that was finished before is only reported.

    Raises LookupError for an unknown id; an error of the database leaves the delivery waiting.
    """
    with ledger.connect() as connection, connection.cursor() as cursor:
        delivery = ledger.read_delivery(cursor, delivery_id)
        if delivery.source_id is None:
            messages = [delivery.message] if delivery.message else []
            return Outcome(delivery.file_name, delivery_id=delivery_id, messages=messages)
        contract = _contract(delivery.source_id)
        ledger.lock(cursor, f"load:{contract.source_id}")
        # Another loader may have finished it while this one waited for the lock.
        delivery = ledger.read_delivery(cursor, delivery_id)
        if delivery.status != "received":
            return _recorded(delivery)
        ledger.register(cursor, contract)
        connection.commit()
        with RejectSpool() as rejects:
            return _Load(connection, cursor, contract, delivery, rejects).run()


def check_file(
    path: Path, source_id: str | None = None, *, received_on: datetime.date | None = None
) -> Outcome:
    """What would be loaded and what refused; nothing is written and no database is needed.

    ``received_on``: UTC day of arrival, after which no row may lie; None: today.
    """
    name = readable_name(path.name)
    outcome = Outcome(name, source=source_id)
    screen = None
    with RejectSpool() as rejects:
        try:
            contract = _contract(source_id) if source_id else identify(path, name, load_contracts())
            outcome.source = contract.source_id
            screen = Screen(contract, name, None, received_on or datetime.datetime.now(datetime.UTC).date())
            for batch in _sorted(screen, path, outcome):
                rejects.extend(batch.rejects)
            _fill(outcome, screen, rejects)
            _refuse_when_too_bad(screen, contract, name)
            outcome.status = "accepted"
        except FileRefused as refusal:
            outcome.messages.insert(0, str(refusal))
            _refuse_counts(outcome, screen, rejects)
    return outcome


class _Load:
    """The loading of one delivery on one connection that holds the lock of the source."""

    def __init__(
        self,
        connection: Connection,
        cursor: Cursor,
        contract: Contract,
        delivery: ledger.Delivery,
        rejects: RejectSpool,
    ) -> None:
        self.connection, self.cursor = connection, cursor
        self.contract, self.delivery = contract, delivery
        self.is_sample = ledger.is_sample(cursor, delivery.sha256)
        self.started_at = datetime.datetime.now(datetime.UTC)
        self.outcome = Outcome(delivery.file_name, contract.source_id, delivery_id=delivery.delivery_id)
        self.rejects = rejects
        self.screen: Screen | None = None

    def run(self) -> Outcome:
        earlier = ledger.find_load(self.cursor, self.contract, self.delivery.sha256)
        if earlier:
            return self._already_loaded(*earlier)
        try:
            self._load()
        except FileRefused as refusal:
            self.connection.rollback()
            self._refused(refusal)
        self.connection.commit()
        return self.outcome

    def _already_loaded(self, load_id: int, finished_at: datetime.datetime) -> Outcome:
        message = (
            f"Isi berkas {self.delivery.file_name} sudah dimuat pada {finished_at:%d/%m/%Y %H:%M} (muatan "
            f"{load_id}). Tidak ada yang berubah."
        )
        self.outcome.status, self.outcome.load_id = "already_loaded", load_id
        self.outcome.messages.append(message)
        ledger.finish_delivery(self.cursor, self.delivery.delivery_id, "already_loaded", load_id, message)
        self.connection.commit()
        return self.outcome

    def _load(self) -> None:
        contract, name = self.contract, self.delivery.file_name
        key = settings.secret("personal_data_key").encode()
        # A sample may be made as of a day to come; its loads are marked, so nobody takes it for the future.
        received_on = None if self.is_sample else self.delivery.received_on
        self.screen = Screen(contract, name, key, received_on)
        load_id = ledger.reserve_load_id(self.cursor)
        original = settings.home() / self.delivery.original_path
        with contextlib.closing(ahead(_sorted(self.screen, original, self.outcome))) as batches:
            copied = copy_rows(self.cursor, contract, load_id, batches, self.rejects)
        totals = self.screen.totals
        if copied != totals.loaded:
            raise LoadError(f"{name}: {totals.loaded} baris dikirim, {copied} diterima basis data.")
        _refuse_when_too_bad(self.screen, contract, name)
        _fill(self.outcome, self.screen, self.rejects)
        self.outcome.load_id, self.outcome.status = load_id, "loaded"
        # The ledger row first: the rows below refer to it.
        self._record("loaded", load_id)
        held = ledger.switch_slices(
            self.cursor, contract.source_id, totals.slices, load_id, self.screen.revision
        )
        self.outcome.slices = held
        if older := sorted(totals.slices - set(held)):
            self.outcome.messages.append(
                f"Sudah ada versi yang lebih baru untuk {', '.join(older)}; berkas ini hanya diarsipkan."
            )
        ledger.finish_delivery(self.cursor, self.delivery.delivery_id, "loaded", load_id, self._message())

    def _refused(self, refusal: FileRefused) -> None:
        self.outcome.status, self.outcome.load_id, self.outcome.slices = "refused", None, []
        self.outcome.messages.insert(0, str(refusal))
        _refuse_counts(self.outcome, self.screen, self.rejects)
        load_id = ledger.reserve_load_id(self.cursor)
        self.outcome.load_id = load_id
        self._record("refused", load_id)
        ledger.finish_delivery(self.cursor, self.delivery.delivery_id, "refused", load_id, self._message())

    def _record(self, status: str, load_id: int) -> None:
        outcome, totals = self.outcome, self.screen.totals if self.screen else None
        ledger.record_load(
            self.cursor,
            ledger.LoadRecord(
                load_id=load_id,
                source_id=self.contract.source_id,
                sha256=self.delivery.sha256,
                file_name=self.delivery.file_name,
                revision=self.screen.revision if self.screen else "",
                contract_version=self.contract.version,
                loader_version=LOADER_VERSION,
                status=status,
                rows_read=outcome.read,
                rows_loaded=outcome.loaded,
                rows_rejected=outcome.rejected,
                rows_skipped=outcome.skipped,
                skipped_by_kind=outcome.skipped_by_kind,
                data_from=totals.data_from if totals and status == "loaded" else None,
                data_to=totals.data_to if totals and status == "loaded" else None,
                started_at=self.started_at,
                message=self._message(),
                is_sample=self.is_sample,
            ),
        )
        self.rejects.copy_into(self.cursor, load_id, self.contract.version)

    def _message(self) -> str | None:
        return " ".join(self.outcome.messages) or None


def _sorted(screen: Screen, path: Path, outcome: Outcome) -> Iterator[Sorted]:
    """The rows of a file batch by batch; what the readers noticed goes into the outcome."""
    for table in readers.open_tables(path, screen.contract, screen.file_name):
        outcome.messages += table.warnings
        yield from screen.sort(table)
    yield from screen.finish()


def _refuse_when_too_bad(screen: Screen, contract: Contract, name: str) -> None:
    """Raise FileRefused when a file holds nothing to load or more refused rows than the contract bears."""
    totals, limits = screen.totals, contract.ingest.rejects
    if not totals.loaded:
        if totals.rejected:
            reason = "tidak satu pun barisnya dapat dimuat. Perbaiki baris-baris yang disebut"
        else:
            reason = "tidak berisi data di bawah judul kolom. Ekspor ulang dari aplikasi asal"
        raise FileRefused("nothing_to_load", f"Berkas {name} ditolak: {reason} lalu kirim lagi.")
    records = totals.loaded + totals.rejected
    if totals.rejected > limits.max_rows and totals.rejected > limits.max_ratio * records:
        raise FileRefused(
            "too_many_rejects",
            f"Berkas {name} ditolak seluruhnya: {totals.rejected} dari {records} baris salah, melebihi batas "
            f"{limits.max_ratio:.0%}. Perbaiki baris-baris yang disebut lalu kirim lagi.",
        )


def _fill(outcome: Outcome, screen: Screen, rejects: RejectSpool) -> None:
    totals = screen.totals
    outcome.read, outcome.loaded, outcome.rejected = totals.read, totals.loaded, totals.rejected
    outcome.skipped_by_kind = dict(sorted(totals.skipped.items()))
    outcome.skipped = sum(totals.skipped.values())
    outcome.slices = sorted(totals.slices)
    outcome.rejects = rejects.first(SHOWN_REJECTS)


def _refuse_counts(outcome: Outcome, screen: Screen | None, rejects: RejectSpool) -> None:
    """Counts of a refused file: its good rows were not loaded either, they count as skipped."""
    outcome.status = "refused"
    if screen is None:
        return
    screen.totals.rejected = rejects.count
    _fill(outcome, screen, rejects)
    outcome.loaded = 0
    outcome.slices = []
    held_back = outcome.read - outcome.rejected - outcome.skipped
    if held_back:
        outcome.skipped_by_kind["file_refused"] = held_back
        outcome.skipped += held_back


def _contract(source_id: str) -> Contract:
    contracts = load_contracts()
    if source_id not in contracts:
        raise UnknownSource(f"Sumber {source_id!r} tidak dikenal. Yang dikenal: {', '.join(contracts)}.")
    return contracts[source_id]


class UnknownSource(settings.PendopoError):
    """A source id that no contract has."""


def _recorded(delivery: ledger.Delivery) -> Outcome:
    """The outcome of a delivery that was finished before."""
    return Outcome(
        delivery.file_name,
        delivery.source_id,
        load_id=delivery.load_id,
        delivery_id=delivery.delivery_id,
        status="refused" if delivery.status == "refused" else "already_loaded",
        messages=[delivery.message] if delivery.message else [],
    )


def readable_name(name: str) -> str:
    """A file name as text; bytes that are no UTF-8 are shown as replacement characters."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "␀")
