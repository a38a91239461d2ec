"""A file that is not read faster than its contents are used.

pyarrow's streaming CSV reader asks for up to 32 blocks ahead; where the database is the slower side they
would all lie in memory.
"""

from __future__ import annotations

import threading
from typing import IO

_AHEAD = 3
# A block may hold nothing but refused rows and never reach the consumer: waiting must end.
_PATIENCE_SECONDS = 0.2


class Paced:
    """A binary file for ``pyarrow.csv``; ``used`` is to be called for every batch that was taken."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._permits = threading.Semaphore(_AHEAD)
        self.closed = False

    def used(self) -> None:
        self._permits.release()

    def read(self, size: int = -1, /) -> bytes:
        self._permits.acquire(timeout=_PATIENCE_SECONDS)
        return self._file.read(size)

    def close(self) -> None:
        """The file itself belongs to the caller."""
        self.closed = True

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False
