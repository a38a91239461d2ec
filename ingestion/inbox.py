"""The drop folder: complete files leave it for the originals' store and wait in the ledger to be loaded.

``landing/<opd>/<dataset>/<file>`` belongs to the contract ``<opd>__<dataset>``. Files that lie elsewhere are
recognised by name or header; what nobody knows is kept, reported and out of the way.
"""

from __future__ import annotations

import contextlib
import datetime
import time
from dataclasses import dataclass
from typing import Any

import fsspec  # type: ignore[import-untyped]

from ingestion import ledger, settings, store
from ingestion.contract import Contract, load_contracts
from ingestion.identify import identify
from ingestion.load import readable_name
from ingestion.outcome import FileRefused

_UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart", ".partial", ".swp")
_LOCK_FILES = ("~$", ".~", ".")
# A file changed more recently than this may still be growing.
_REST_SECONDS = 2


@dataclass(frozen=True)
class _Waiting:
    path: str
    size: int
    changed: float

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


def receive(source_id: str | None) -> list[int]:
    """Take complete files in and return the deliveries to load, oldest first.

    With a source: those of its folder, and those that wait from earlier. With None: the files that lie
    outside the folders of all contracts; returned are the ones that were recognised.
    """
    contracts = load_contracts()
    filesystem, base = fsspec.core.url_to_fs(settings.landing())
    with ledger.connect() as connection, connection.cursor() as cursor:
        ledger.lock(cursor, f"inbox:{source_id}")
        if source_id is None:
            folders = {f"{base}/{contract.opd}/{contract.dataset}" for contract in contracts.values()}
            found = [
                file for file in _complete(filesystem, base) if file.path.rsplit("/", 1)[0] not in folders
            ]
            return [
                delivery
                for file in found
                if (delivery := _take(connection, cursor, filesystem, file, None, contracts)) is not None
            ]
        contract = contracts[source_id]
        ledger.register(cursor, contract)
        connection.commit()
        folder = f"{base}/{contract.opd}/{contract.dataset}"
        for file in _complete(filesystem, folder, depth=1):
            _take(connection, cursor, filesystem, file, contract, contracts)
        return ledger.waiting(cursor, source_id)


def _complete(filesystem: Any, folder: str, depth: int | None = None) -> list[_Waiting]:
    """Files at rest below a folder, oldest first; unfinished ones, links and lock files stay."""
    if not filesystem.exists(folder):
        return []
    filesystem.invalidate_cache()
    files = []
    for path, info in filesystem.find(folder, maxdepth=depth, detail=True).items():
        file = _Waiting(path, info["size"], _changed(info))
        hidden = any(part.startswith(_LOCK_FILES) for part in path[len(folder) :].split("/"))
        if hidden or info.get("islink") or file.name.casefold().endswith(_UNFINISHED):
            continue
        if time.time() - file.changed >= _REST_SECONDS:
            files.append(file)
    return sorted(files, key=lambda file: (file.changed, file.path))


def _changed(info: dict[str, Any]) -> float:
    """Time of the last change in seconds; 0 where a file system does not tell (uploads there are atomic)."""
    value = info.get("mtime") or info.get("LastModified") or info.get("created") or 0
    return value.timestamp() if isinstance(value, datetime.datetime) else float(value)


def _take(
    connection: Any,
    cursor: Any,
    filesystem: Any,
    file: _Waiting,
    contract: Contract | None,
    contracts: dict[str, Contract],
) -> int | None:
    """Keep the original, write the delivery, then empty the place; None when it must be left or is unknown.

    In this order a crash can only leave a file that is taken again and found to be known.
    """
    with contextlib.suppress(FileNotFoundError):
        with filesystem.open(file.path, "rb") as stream:
            original = store.keep(stream)
        filesystem.invalidate_cache()
        if original.size != file.size or _changed(filesystem.info(file.path)) != file.changed:
            # Still being written: the next scan takes it.
            return None
        name, message = readable_name(file.name), None
        if contract is None:
            try:
                contract = identify(original.file, name, contracts)
                ledger.register(cursor, contract)
            except FileRefused as refusal:
                message = f"{refusal} Berkas asli tetap disimpan."
        source_id = contract.source_id if contract else None
        delivery = ledger.record_delivery(
            cursor, source_id, name, readable_name(file.path), original, message
        )
        connection.commit()
        filesystem.rm_file(file.path)
        return delivery if contract else None
    return None
