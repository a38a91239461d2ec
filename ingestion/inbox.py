"""The drop folder: complete files leave it for the originals' store and wait in the ledger to be loaded.

``landing/<opd>/<dataset>/<file>`` belongs to the contract ``<opd>__<dataset>``. Files that lie elsewhere are
recognised by name or header; what nobody knows is kept, reported and out of the way. No file stops the
others: what cannot be taken stays where it is, and the log says why.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import re
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ingestion import landing, ledger, store
from ingestion.contract import Contract, load_contracts
from ingestion.identify import identify
from ingestion.load import readable_name
from ingestion.outcome import FileRefused

Say = Callable[[str], None]
_UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart", ".partial", ".swp")
_HIDDEN = ("~$", ".~", ".")
# The hidden name of a file while it is taken in; a scan that was killed leaves it to the next one.
_CLAIMED = re.compile(r"\.diambil-[0-9a-f]{8}-(.+)", re.DOTALL)
# A file changed more recently than this may still be growing.
_REST_SECONDS = 2
# An upload that is unfinished for this long has probably broken off.
_LONG_SECONDS = 3600
# A full disk is the fault of no file: the scan fails, loudly.
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class _File:
    """A file as one look saw it: ``changed`` in seconds since 1970."""

    path: str
    size: int
    changed: float

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def is_claimed(self) -> bool:
        return _CLAIMED.fullmatch(self.path.rpartition("/")[2]) is not None

    @property
    def name(self) -> str:
        """The name under which it was delivered."""
        name = self.path.rpartition("/")[2]
        claimed = _CLAIMED.fullmatch(name)
        return claimed[1] if claimed else name

    @property
    def shown(self) -> str:
        return readable_name(f"{self.folder}/{self.name}")


def receive(source_id: str | None, say: Say = print) -> list[int]:
    """Take complete files in and return the deliveries to load, oldest first.

    With a source: those of its folder, and those that wait from earlier. With None: the files that lie
    outside the folders of all contracts; returned are the ones that were recognised. ``say`` gets a line
    about every file that cannot be taken.
    """
    contracts = load_contracts()
    with (
        landing.opened() as (filesystem, base),
        ledger.connect() as connection,
        connection.cursor() as cursor,
    ):
        ledger.lock(cursor, f"inbox:{source_id}")
        connection.commit()
        contract = contracts[source_id] if source_id else None
        intake = _Intake(connection, cursor, filesystem, contracts, contract, say)
        if contract is None:
            folders = {f"{base}/{contract.opd}/{contract.dataset}" for contract in contracts.values()}
            found = [file for file in intake.look_around(base, None) if file.folder not in folders]
        else:
            ledger.register_source(cursor, contract)
            connection.commit()
            found = intake.look_around(f"{base}/{contract.opd}/{contract.dataset}", 1)
        taken = [delivery for file in intake.complete(found) if (delivery := intake.take(file)) is not None]
        return ledger.waiting(cursor, source_id) if source_id else taken


class _Intake:
    """One scan, under the lock of its inbox."""

    def __init__(
        self,
        connection: Any,
        cursor: Any,
        filesystem: Any,
        contracts: dict[str, Contract],
        contract: Contract | None,
        say: Say,
    ) -> None:
        self.connection, self.cursor, self.filesystem = connection, cursor, filesystem
        self.contracts, self.contract, self.say = contracts, contract, say

    def look_around(self, folder: str, depth: int | None) -> list[_File]:
        """Files below a folder; hidden ones, links and whatever is no file are left out."""
        self.filesystem.invalidate_cache()
        if not self.filesystem.exists(folder):
            return []
        return [
            file
            for _, _, files in self.filesystem.walk(folder, depth, detail=True, on_error=self._unreadable)
            for info in files.values()
            if (file := _seen(info)) and not _is_hidden(file, folder)
        ]

    def complete(self, files: list[_File]) -> Iterator[_File]:
        """Those at rest, oldest first; says which uploads have probably broken off.

        At rest is what has not changed for a while. Of what has just changed, or was stamped by another
        machine's clock or one that runs ahead, the age says nothing yet; a second look does.
        """
        now = time.time()
        resting, doubtful = [], []
        for file in sorted(files, key=lambda file: (file.changed, file.path)):
            age = now - file.changed
            if file.name.casefold().endswith(_UNFINISHED):
                if age > _LONG_SECONDS:
                    self.say(
                        f"{file.shown} belum selesai dikirim sejak lebih dari satu jam. Kirim ulang, atau "
                        "hapus bila tidak dipakai."
                    )
            elif landing.is_local(self.filesystem) and age >= _REST_SECONDS:
                resting.append(file)
            else:
                doubtful.append(file)
        yield from resting
        if doubtful:
            time.sleep(_REST_SECONDS)
            yield from (file for file in doubtful if self._look(file.path) == file)

    def take(self, file: _File) -> int | None:
        """Keep the original, write the delivery, empty the place; None when it is left or unknown."""
        try:
            return self._take(file)
        except FileNotFoundError:
            # Its sender took it back.
            pass
        except OSError as error:
            if error.errno in _FULL:
                raise
            self.say(
                f"{file.shown} belum dapat diambil ({error.strerror or error}). Periksa hak akses berkas dan "
                "foldernya."
            )
        self.connection.rollback()
        return None

    def _take(self, file: _File) -> int | None:
        """In this order a crash can only leave a file that is taken again and found to be known."""
        with self.filesystem.open(file.path, "rb"):
            # What nobody may read keeps its name, so that its sender finds it.
            pass
        held = self._claim(file)
        if self._look(held.path) != held:
            # Replaced since the scan began: the next one sees it.
            return None
        with self.filesystem.open(held.path, "rb") as stream:
            original = store.keep(stream)
        if original.size != held.size or self._look(held.path) != held:
            # Still being written, by someone who opened it before.
            return None
        name, contract, message = readable_name(file.name), self.contract, None
        if contract is None:
            try:
                contract = identify(original.file, name, self.contracts)
                ledger.register_source(self.cursor, contract)
            except FileRefused as refusal:
                message = f"{refusal} Berkas asli tetap disimpan."
        is_fresh = held.path != file.path
        delivery = ledger.record_delivery(
            self.cursor,
            contract.source_id if contract else None,
            name,
            file.shown,
            original,
            message,
            modified_at=datetime.datetime.fromtimestamp(held.changed, datetime.UTC) if held.changed else None,
            lying_since=None if is_fresh else datetime.datetime.fromtimestamp(held.changed, datetime.UTC),
        )
        self.connection.commit()
        self._remove(held)
        return delivery if contract else None

    def _claim(self, file: _File) -> _File:
        """Give the file a hidden name: what arrives under its old one from now on is another delivery.

        Only where renaming is one step. Elsewhere a last look before removal must do.
        """
        if file.is_claimed:
            return file
        path = f"{file.folder}/.diambil-{secrets.token_hex(4)}-{file.name}"
        return replace(file, path=path) if landing.rename(self.filesystem, file.path, path) else file

    def _remove(self, file: _File) -> None:
        try:
            if self._look(file.path) == file:
                self.filesystem.rm_file(file.path)
        except OSError as error:
            self.say(
                f"{file.shown} sudah diterima tetapi tidak dapat dihapus dari kotak masuk "
                f"({error.strerror or error}). Periksa hak akses foldernya."
            )

    def _look(self, path: str) -> _File | None:
        self.filesystem.invalidate_cache()
        with contextlib.suppress(FileNotFoundError):
            return _seen(self.filesystem.info(path))
        return None

    def _unreadable(self, error: Exception) -> None:
        if not isinstance(error, FileNotFoundError):
            self.say(f"Sebagian kotak masuk tidak dapat dibaca ({error}). Periksa hak akses foldernya.")


def _seen(info: dict[str, Any]) -> _File | None:
    """A plain file; None for links, pipes and the like."""
    if info["type"] != "file" or info.get("islink"):
        return None
    return _File(info["name"], info["size"], _changed(info))


def _is_hidden(file: _File, folder: str) -> bool:
    *folders, name = file.path[len(folder) :].split("/")
    return any(part.startswith(_HIDDEN) for part in folders) or (
        name.startswith(_HIDDEN) and not file.is_claimed
    )


def _changed(info: dict[str, Any]) -> float:
    """Time of the last change in seconds; 0 where a file system does not tell (uploads there are atomic)."""
    value = info.get("mtime") or info.get("LastModified") or info.get("created") or 0
    return value.timestamp() if isinstance(value, datetime.datetime) else float(value)
