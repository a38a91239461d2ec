"""Originals: every file that ever arrived, untouched, under the SHA-256 of its content, mode 0600."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ingestion import settings

# Small enough to be hashed and written while it is in the processor's cache.
_CHUNK = 256 << 10


@dataclass(frozen=True)
class Original:
    """A kept file; ``path`` is relative to the installation's home, as the ledger stores it."""

    sha256: str
    size: int
    path: str

    @property
    def file(self) -> Path:
        return settings.home() / self.path


def keep(source: IO[bytes]) -> Original:
    """Copy a stream into the store and return where it is; a content seen before is stored once."""
    folder = settings.home() / "originals"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    descriptor, name = tempfile.mkstemp(prefix="incoming-", dir=folder)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as target:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        sha256 = digest.hexdigest()
        original = Original(sha256, size, f"originals/{sha256[:2]}/{sha256}")
        original.file.parent.mkdir(mode=0o700, exist_ok=True)
        # mkstemp made it 0600 already; the rename keeps that.
        temporary.replace(original.file)
        _settle(original.file.parent)
    finally:
        temporary.unlink(missing_ok=True)
    return original


def _settle(folder: Path) -> None:
    """Let a rename outlive a power failure: what it came from is removed soon after."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
