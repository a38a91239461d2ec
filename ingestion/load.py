"""Load one file in one transaction: rows, refused rows, ledger row, switch of the current slices.

One loader a source at a time, under an advisory lock; a killed one leaves nothing, because nothing is
committed before everything is counted. A file that must be refused as a whole rolls back and is recorded in a
second transaction.
"""

from __future__ import annotations

import contextlib
import datetime
import gc
import importlib.metadata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from ingestion import ledger, readers, settings, store, supplement, versions
from ingestion.contract import Contract, load_contracts, read_contract
from ingestion.copying import copy_rows
from ingestion.identify import identify
from ingestion.outcome import SHOWN_REJECTS, FileRefused, Outcome, Reject
from ingestion.plausibility import Plausibility
from ingestion.prefetch import ahead
from ingestion.readers.header import REFERENCE
from ingestion.readers.table import Batch, Table
from ingestion.screening import Screen, Sorted
from ingestion.spool import RejectSpool
from ingestion.supplement import Supplement

# Told the rows read so far.
Progress = Callable[[int], None]
LOADER_VERSION = importlib.metadata.version("pendopo")
_SHOWN_SLICES = 5


class LoadError(settings.PendopoError):
    """The database took another number of rows than was sent; nothing is committed."""


def load_file(path: Path, source_id: str | None = None, *, progress: Progress | None = None) -> Outcome:
    """Take a file from anywhere, keep its original and load it; the file itself stays where it is.

    Raises FileNotFoundError; whatever is wrong with the contents is told in the outcome.
    """
    with path.open("rb") as file:
        original = store.keep(file)
    name = readable_name(path.name)
    modified_at = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC)
    try:
        contract = contract_of(source_id) if source_id else identify(path, name, load_contracts())
    except FileRefused as refusal:
        message = f"{refusal} Berkas asli tetap disimpan."
        with ledger.connect() as connection, connection.cursor() as cursor:
            delivery_id = ledger.record_delivery(
                cursor, None, name, str(path), original, message, modified_at=modified_at
            )
            connection.commit()
        return Outcome(name, delivery_id=delivery_id, messages=[message])
    with ledger.connect() as connection, connection.cursor() as cursor:
        ledger.lock(cursor, f"load:{contract.source_id}")
        ledger.register(cursor, contract)
        delivery_id = ledger.record_delivery(
            cursor, contract.source_id, name, str(path), original, modified_at=modified_at
        )
        connection.commit()
    return load_delivery(delivery_id, progress=progress)


def load_delivery(delivery_id: int, *, progress: Progress | None = None) -> Outcome:
    """Load a delivery of the ledger; one that was finished before is only reported.

    ``progress`` is told the rows read so far after every batch. Raises LookupError for an unknown id; an
    error of the database leaves the delivery waiting.
    """
    with ledger.connect() as connection, connection.cursor() as cursor:
        delivery = ledger.read_delivery(cursor, delivery_id)
        if delivery.source_id is None:
            messages = [delivery.message] if delivery.message else []
            return Outcome(delivery.file_name, delivery_id=delivery_id, messages=messages)
        contract = contract_of(delivery.source_id)
        ledger.lock(cursor, f"load:{contract.source_id}")
        # Another loader may have finished it while this one waited for the lock.
        delivery = ledger.read_delivery(cursor, delivery_id)
        if delivery.status != "received":
            return _recorded(delivery)
        ledger.register(cursor, contract)
        connection.commit()
        return _Load(connection, cursor, contract, delivery, progress).run()


def load_rejects_again(connection: Connection, cursor: Cursor, contract: Contract, load_id: int) -> Outcome:
    """Read the open refused rows of a load again from its original, under the contract of today.

    What passes now is added to that load; what does not stays refused there. The caller holds the lock of the
    source. Raises LookupError when the load is not one of the source's or its original was purged.
    """
    base = supplement.read_base(cursor, contract, load_id)
    if base is None or not base.original.exists():
        raise LookupError(f"load {load_id} of {contract.source_id} has no original")
    delivery = ledger.Delivery(
        delivery_id=None,
        source_id=contract.source_id,
        file_name=base.file_name,
        sha256=base.sha256,
        original_path=str(base.original.relative_to(settings.home())),
        status="received",
        load_id=load_id,
        message=None,
        received_on=base.received_on or datetime.datetime.now(datetime.UTC).date(),
        modified_at=base.modified_at,
    )
    return _Load(connection, cursor, contract, delivery, None).run_again(base)


def check_file(
    path: Path,
    source_id: str | None = None,
    *,
    received_on: datetime.date | None = None,
    rejects: RejectSpool | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """What would be loaded and what refused; nothing is written and no database is needed.

    Only a file of corrections asks the ledger what it corrects. ``received_on``: UTC day of arrival, after
    which no row may lie; None: today. ``rejects`` takes every refused row, for callers that want them all.
    """
    name = readable_name(path.name)
    outcome = Outcome(name, source=source_id)
    with contextlib.ExitStack() as stack:
        spool = rejects or stack.enter_context(RejectSpool())
        try:
            contract = contract_of(source_id) if source_id else identify(path, name, load_contracts())
        except FileRefused as refusal:
            outcome.messages.insert(0, str(refusal))
            return outcome
        outcome.source = contract.source_id
        day = received_on or datetime.datetime.now(datetime.UTC).date()
        reading = _Reading(contract, path, name, None, day, outcome, progress)
        try:
            try:
                reading.check(spool)
            except _Correction as found:
                with ledger.connect() as connection, connection.cursor() as cursor:
                    added = supplement.correction(cursor, contract, found.reference)
                reading = _Reading(contract, path, added.base.file_name, None, day, outcome, progress, added)
                reading.check(spool)
                if supplement.keys_of(contract):
                    outcome.messages.append(
                        "Pemeriksaan ini tidak membandingkan nomor kunci dengan baris yang sudah dimuat; hal "
                        "itu baru diperiksa oleh 'pendopo load'."
                    )
            outcome.status = "accepted"
        except FileRefused as refusal:
            outcome.messages.insert(0, str(refusal))
            _refuse_counts(outcome, reading.screen, spool)
    return outcome


class _Correction(Exception):
    """The file that is read as a delivery brings corrected rows."""

    def __init__(self, reference: str) -> None:
        super().__init__(reference)
        self.reference = reference


def _without_reference(batch: Batch) -> Batch:
    """The batch of a delivery; raises _Correction when one of its rows names a refused one."""
    if batch.reference is not None:
        for text in batch.reference.to_pylist():
            if text:
                raise _Correction(text)
    return batch


class _Reading:
    """Reading and screening of one file; ``screen`` is None when its name alone refuses it."""

    def __init__(
        self,
        contract: Contract,
        path: Path,
        file_name: str,
        key: bytes | None,
        received_on: datetime.date | None,
        outcome: Outcome,
        progress: Progress | None,
        added: Supplement | None = None,
    ) -> None:
        self.contract, self.path, self.file_name = contract, path, file_name
        self.key, self.received_on = key, received_on
        self.outcome, self.progress, self.added = outcome, progress, added
        self.screen: Screen | None = None
        self.plausibility = Plausibility(contract)

    def batches(self) -> Iterator[Sorted]:
        """The rows of the file batch by batch; what the readers noticed goes into the outcome.

        Raises _Correction at the first row that names a refused one, FileRefused.
        """
        try:
            self.screen = Screen(self.contract, self.file_name, self.key, self.received_on)
            tables = self.added.tables(self.path, self.screen) if self.added else self._tables()
            for table in tables:
                self.outcome.messages += table.warnings
                for batch in self.screen.sort(table):
                    self.plausibility.note(batch.good)
                    if self.progress:
                        self.progress(self.screen.totals.read)
                    yield batch
            for batch in self.screen.finish():
                self.plausibility.note(batch.good)
                yield batch
        except FileRefused:
            # Neither its name nor its form need be those of the source.
            read = self.screen.totals.read if self.screen else 0
            if not self.added and not read and self._may_be_correction():
                reference = supplement.first_reference(self.path, self.contract, self.file_name)
                if reference:
                    raise _Correction(reference) from None
            raise

    def _tables(self) -> Iterator[Table]:
        for table in readers.open_tables(self.path, self.contract, self.file_name):
            yield replace(table, batches=map(_without_reference, table.batches))

    def _may_be_correction(self) -> bool:
        with self.path.open("rb") as file:
            start = file.read(4096)
        # Workbooks are archives; in a text the header says it.
        return start.startswith(b"PK") or REFERENCE.encode() in start

    def finish(self, rejects: RejectSpool, more: Sequence[Reject] = (), repeated: int = 0) -> None:
        """Settle the counts; ``more`` and ``repeated``: rows that were taken back after copying."""
        assert self.screen is not None
        totals = self.screen.totals
        totals.loaded -= len(more) + repeated
        totals.rejected += len(more)
        rejects.extend(more)
        if repeated:
            totals.skipped["duplicate"] += repeated
        if self.added:
            outside = self.added.refused
            totals.read += len(outside) + self.added.resolved
            totals.rejected += len(outside)
            rejects.extend(outside)
            if self.added.resolved:
                totals.skipped["resolved"] += self.added.resolved
        _fill(self.outcome, self.screen, rejects)

    def check(self, rejects: RejectSpool) -> None:
        """Read everything; raises FileRefused when the file would be refused."""
        for batch in self.batches():
            rejects.extend(batch.rejects)
        self.finish(rejects)
        self.outcome.messages += self.plausibility.warnings()
        assert self.screen is not None
        _refuse_when_too_bad(self.screen, self.contract, self.file_name, self.added)


class _Load:
    """The loading of one delivery on one connection that holds the lock of the source."""

    def __init__(
        self,
        connection: Connection,
        cursor: Cursor,
        contract: Contract,
        delivery: ledger.Delivery,
        progress: Progress | None,
    ) -> None:
        self.connection, self.cursor = connection, cursor
        self.contract, self.delivery, self.progress = contract, delivery, progress
        self.is_sample = ledger.is_sample(cursor, delivery.sha256)
        self.started_at = datetime.datetime.now(datetime.UTC)
        self.outcome = Outcome(delivery.file_name, contract.source_id, delivery_id=delivery.delivery_id)
        self.reading = self._new_reading(None)

    def run(self) -> Outcome:
        earlier = versions.find_load(
            self.cursor, self.contract, self.delivery.sha256, self.delivery.file_name
        )
        if earlier:
            return self._already_loaded(*earlier)
        with RejectSpool() as rejects:
            try:
                self._load(rejects)
            except FileRefused as refusal:
                self.connection.rollback()
                self._refused(refusal, rejects)
                self.connection.commit()
                return self.outcome
            except _Correction as found:
                self.connection.rollback()
                reference = found.reference
            else:
                self.connection.commit()
                return self.outcome
        return self._run_correction(reference)

    def _run_correction(self, reference: str) -> Outcome:
        self.outcome.messages.clear()
        with RejectSpool() as rejects:
            try:
                added = supplement.correction(self.cursor, self.contract, reference)
                self.reading = self._new_reading(added)
                self._load(rejects)
            except FileRefused as refusal:
                self.connection.rollback()
                self._refused(refusal, rejects)
            self.connection.commit()
        return self.outcome

    def run_again(self, base: supplement.Base) -> Outcome:
        """Add what passes now to the base; writes nothing when nothing does."""
        self.reading = self._new_reading(Supplement(base, is_correction=False, names={base.load_id}))
        with RejectSpool() as rejects:
            try:
                self._load(rejects)
            except FileRefused as refusal:
                self.connection.rollback()
                self.outcome.messages.insert(0, str(refusal))
                _refuse_counts(self.outcome, self.reading.screen, rejects)
            self.connection.commit()
        return self.outcome

    def _new_reading(self, added: Supplement | None) -> _Reading:
        original = settings.home() / self.delivery.original_path
        key = settings.secret("personal_data_key").encode()
        # A sample may be made as of a day to come; its loads are marked, so nobody takes it for the future.
        received_on = None if self.is_sample else self.delivery.received_on
        name = added.base.file_name if added else self.delivery.file_name
        return _Reading(self.contract, original, name, key, received_on, self.outcome, self.progress, added)

    def _already_loaded(self, load_id: int, finished_at: datetime.datetime) -> Outcome:
        contract, delivery = self.contract, self.delivery
        revision = versions.revision_of(contract, delivery.file_name)
        switches = versions.bring_forward(
            self.cursor, contract.source_id, load_id, revision, delivery.modified_at
        )
        message = (
            f"Isi berkas {delivery.file_name} sudah dimuat pada {finished_at:%d/%m/%Y %H:%M} "
            f"(muatan {load_id}). "
        )
        if switches:
            slices = [switch.slice_key for switch in switches]
            message += f"Isi itu berlaku kembali{_for_slices(slices)}."
            self.outcome.slices = slices
            versions.link_resolved(
                self.cursor, contract, load_id, delivery.file_name, _touched(switches) | {load_id}
            )
        else:
            message += "Tidak ada yang berubah."
        self.outcome.status, self.outcome.load_id = "already_loaded", load_id
        self.outcome.messages.append(message)
        self._finish_delivery("already_loaded", load_id)
        self.connection.commit()
        return self.outcome

    def _load(self, rejects: RejectSpool) -> None:
        contract, cursor, reading = self.contract, self.cursor, self.reading
        name, added = self.delivery.file_name, reading.added
        load_id = ledger.reserve_load_id(cursor)
        with _uncollected(), contextlib.closing(ahead(reading.batches())) as batches:
            copied = copy_rows(cursor, contract, load_id, batches, rejects)
        assert reading.screen is not None
        totals = reading.screen.totals
        if copied != totals.loaded:
            raise LoadError(f"{name}: {totals.loaded} baris dikirim, {copied} diterima basis data.")
        more: list[Reject] = []
        repeated = 0
        if added:
            repeated, more = supplement.take_out_known_keys(cursor, contract, load_id, added.base)
        reading.finish(rejects, more, repeated)
        _refuse_when_too_bad(reading.screen, contract, name, added)
        if added and not added.is_correction:
            # They are refused already, under the load that is read again.
            self._keep_refused_there(rejects)
        self.outcome.messages += reading.plausibility.warnings()
        self.outcome.load_id, self.outcome.status = load_id, "loaded"
        # The ledger row first: the rows below refer to it.
        self._record("loaded", load_id, None if added and not added.is_correction else rejects)
        if added:
            supplement.link(cursor, load_id, added, rejects)
        self._switch(load_id, added)
        self.outcome.form_of = supplement.form_of(cursor, added.base.load_id if added else load_id)
        self._finish_delivery("loaded", load_id)

    def _keep_refused_there(self, rejects: RejectSpool) -> None:
        outcome = self.outcome
        if rejects.count:
            outcome.skipped_by_kind["still_refused"] = rejects.count
            outcome.skipped += rejects.count
        outcome.rejected, outcome.rejects = 0, []

    def _switch(self, load_id: int, added: Supplement | None) -> None:
        """Put the load in its place among the versions, and tell what that changed."""
        cursor, contract, name = self.cursor, self.contract, self.delivery.file_name
        holder = added.base.load_id if added else load_id
        slices = set()
        if contract.ingest.slice:
            slices = versions.note_slices(cursor, contract.source_id, load_id, holder)
        former = set()
        if added is None or added.is_correction:
            former = versions.supersede(cursor, contract, load_id, self.delivery.sha256, name)
        switches = versions.derive_slices(cursor, contract.source_id, slices | former)
        changes = None
        if not added and not former:
            changes = versions.compare(cursor, contract, load_id, switches)
        versions.link_resolved(cursor, contract, load_id, name, _touched(switches) | {holder})
        held = set(versions.holds(cursor, contract.source_id, holder))
        self.outcome.slices = sorted(slices & held)
        self.outcome.messages += self._told(slices - held, switches, changes)
        ledger.complete_load(cursor, load_id, changes, self._message())

    def _told(
        self, older: set[str], switches: list[versions.Switch], changes: versions.Changes | None
    ) -> list[str]:
        said = []
        if older:
            said.append(
                f"Sudah ada versi yang lebih baru{_for_slices(sorted(older))}; berkas ini hanya diarsipkan."
            )
        if changes:
            said.append(
                f"Dibanding versi sebelumnya: {changes.added} baris baru, {changes.changed} berubah, "
                f"{changes.closed} tidak ada lagi."
            )
        fewer = versions.shrunk(self.cursor, switches)
        for slice_key, now, before in fewer[:_SHOWN_SLICES]:
            said.append(
                f"Versi baru{_for_slices([slice_key])} berisi {now} baris, versi yang digantikan {before}. "
                "Pastikan ekspornya lengkap."
            )
        if len(fewer) > _SHOWN_SLICES:
            said.append(f"Begitu pula {len(fewer) - _SHOWN_SLICES} bagian lain.")
        return said

    def _refused(self, refusal: FileRefused, rejects: RejectSpool) -> None:
        self.outcome.status, self.outcome.load_id, self.outcome.slices = "refused", None, []
        self.outcome.messages.insert(0, str(refusal))
        if replayed := self.delivery.replays_load_id:
            self.outcome.messages.append(
                f"Isi ini sudah dimuat sebagai muatan {replayed} menurut kontrak yang lama; muatan itu tetap "
                f"berlaku seperti dahulu. Perbaiki kontrak {self.contract.source_id} (versi "
                f"{self.contract.version}) lalu jalankan: pendopo replay {self.contract.source_id}"
            )
        _refuse_counts(self.outcome, self.reading.screen, rejects)
        load_id = ledger.reserve_load_id(self.cursor)
        self.outcome.load_id = load_id
        self._record("refused", load_id, rejects)
        if self.reading.added:
            supplement.note_references(self.cursor, load_id, self.reading.added)
        self._finish_delivery("refused", load_id)

    def _record(self, status: str, load_id: int, rejects: RejectSpool | None) -> None:
        outcome, screen, added = self.outcome, self.reading.screen, self.reading.added
        is_loaded = status == "loaded"
        ledger.record_load(
            self.cursor,
            ledger.LoadRecord(
                load_id=load_id,
                source_id=self.contract.source_id,
                sha256=self.delivery.sha256,
                file_name=self.delivery.file_name,
                # A supplement stands where its base stands.
                revision=added.base.revision
                if added
                else versions.revision_of(self.contract, self.delivery.file_name),
                contract_version=self.contract.version,
                loader_version=LOADER_VERSION,
                status=status,
                rows_read=outcome.read,
                rows_loaded=outcome.loaded,
                rows_rejected=outcome.rejected,
                rows_skipped=outcome.skipped,
                skipped_by_kind=outcome.skipped_by_kind,
                data_from=screen.totals.data_from if screen and is_loaded else None,
                data_to=screen.totals.data_to if screen and is_loaded else None,
                started_at=self.started_at,
                message=self._message(),
                is_sample=self.is_sample,
                modified_at=added.base.modified_at if added else self.delivery.modified_at,
                received_on=None if self.is_sample else self.delivery.received_on,
                supplements_load_id=added.base.load_id if added and is_loaded else None,
            ),
        )
        if rejects is not None:
            rejects.copy_into(self.cursor, load_id, self.contract.version)

    def _finish_delivery(self, status: str, load_id: int) -> None:
        if self.delivery.delivery_id is not None:
            ledger.finish_delivery(self.cursor, self.delivery.delivery_id, status, load_id, self._message())

    def _message(self) -> str | None:
        return " ".join(self.outcome.messages) or None


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without Python's search for cycles: refused rows are many small objects that hold none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _touched(switches: list[versions.Switch]) -> set[int]:
    return {load for switch in switches for load in (switch.old, switch.new) if load is not None}


def _for_slices(slices: list[str]) -> str:
    """ " untuk 2026/1, 2026/2 dan 3 lainnya"; nothing where a file is one whole."""
    if slices == ["*"] or not slices:
        return ""
    more = len(slices) - _SHOWN_SLICES
    return f" untuk {', '.join(slices[:_SHOWN_SLICES])}" + (f" dan {more} bagian lain" if more > 0 else "")


def _refuse_when_too_bad(screen: Screen, contract: Contract, name: str, added: Supplement | None) -> None:
    """Raise FileRefused when a file holds nothing to load or more refused rows than the contract bears."""
    totals, limits = screen.totals, contract.ingest.rejects
    if not totals.loaded:
        if added and added.resolved and not totals.rejected:
            raise FileRefused(
                "already_corrected",
                f"Berkas {name} tidak dimuat: semua barisnya sudah diperbaiki sebelumnya.",
            )
        if totals.rejected:
            reason = "tidak satu pun barisnya dapat dimuat. Perbaiki baris-baris yang disebut"
        else:
            reason = "tidak berisi data di bawah judul kolom. Ekspor ulang dari aplikasi asal"
        raise FileRefused("nothing_to_load", f"Berkas {name} ditolak: {reason} lalu kirim lagi.")
    if added:
        # Every row that is right at last counts.
        return
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


def contract_of(source_id: str) -> Contract:
    """The contract of a source, without reading all the others; raises UnknownSource."""
    file = settings.contracts_folder() / f"{source_id}.yaml"
    if not file.is_file():
        known = ", ".join(sorted(other.stem for other in file.parent.glob("*.yaml")))
        raise UnknownSource(f"Sumber {source_id!r} tidak dikenal. Yang dikenal: {known}.")
    return read_contract(file)


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
