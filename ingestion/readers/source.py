"""Where the bytes of a table come from: a file, or a member of an archive that is never unpacked to disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ingestion.outcome import FileRefused


@dataclass(frozen=True)
class Source:
    """Bytes that can be opened again and again; ``name`` is what messages call them, ``size`` in bytes."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]

    @classmethod
    def of(cls, path: Path, file_name: str) -> Source:
        """A regular file; raises FileRefused for a folder, a pipe or a device, which might never end."""
        if not path.is_file():
            raise FileRefused("unreadable", f"{file_name} bukan berkas biasa, sehingga tidak dapat dibaca.")
        return cls(file_name, path.stat().st_size, lambda: path.open("rb"))

    def start(self, count: int) -> bytes:
        with self.open() as file:
            return file.read(count)
