"""Read a stranger's file in a process of its own, with limits, while this one checks and copies its rows.

Parsers of spreadsheets, HTML and archives are large, partly compiled, and get whatever anybody drops. A
crash, too much memory or no end in sight costs that process its life and the file its acceptance, no more.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import pickle
import select
import signal
import subprocess
import sys
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ingestion import settings
from ingestion.arrow import pa
from ingestion.outcome import FileRefused
from ingestion.readers.request import Request
from ingestion.readers.table import Batch, Table


@dataclass(frozen=True)
class Limits:
    """What one file may cost: address space, CPU time, and time without a sign of life."""

    memory_mb: int = 2048
    cpu_seconds: int = 600
    silent_seconds: float = 180


LIMITS = Limits()
_PIPE_BYTES = 1 << 20
# Nobody's file: the machine is shutting down or an operator ended the process.
_STOPPED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class ReaderStopped(settings.PendopoError):
    """The reading process was ended from outside; the file is not to blame and can be tried again."""


def tables(request: Request) -> list[Table]:
    """The tables of a file, their rows streaming from the reading process; raises FileRefused.

    The process ends when the last row was taken, or when nobody holds the tables any more.
    """
    from ingestion.readers import wire

    reader = _Reader(request)
    described = reader.ask()["tables"]
    return [wire.restore(table, reader.batches(index)) for index, table in enumerate(described)]


def ask(request: Request) -> dict[str, Any]:
    """The answer to a request that needs no rows; raises FileRefused."""
    reader = _Reader(request)
    try:
        return reader.ask()
    finally:
        reader.stop()


class _Reader:
    """The reading process as its parent sees it."""

    def __init__(self, request: Request) -> None:
        self.request, self.limits = request, LIMITS
        self.process = subprocess.Popen(
            # No site module: it would look through every installed package for what readers do not need.
            [sys.executable, "-S", "-P", "-m", "ingestion.readers.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            cwd="/",
        )
        self.stop = weakref.finalize(self, _end, self.process)
        assert self.process.stdin and self.process.stdout
        fcntl.fcntl(self.process.stdout, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self.answer = io.BufferedReader(
            _Pipe(self.process.stdout.fileno(), self.limits.silent_seconds), _PIPE_BYTES
        )
        self.next_table = 0
        # A process that is dead already says so by its answer.
        with contextlib.suppress(BrokenPipeError), self.process.stdin:
            self.process.stdin.write(pickle.dumps(request))

    def ask(self) -> dict[str, Any]:
        """The first line of the answer."""
        try:
            answer: dict[str, Any] = json.loads(self.answer.readline() or self._fail())
        except TimeoutError:
            raise self._too_slow() from None
        if "refused" in answer:
            self.stop()
            raise FileRefused(*answer["refused"])
        return answer

    def batches(self, index: int) -> Iterator[Batch]:
        """The rows of one table; those of the tables before it are gone then."""
        from ingestion.readers import wire

        try:
            while self.next_table <= index:
                self.next_table += 1
                for batch in wire.read_batches(self.answer):
                    if self.next_table > index:
                        yield batch
        except TimeoutError:
            raise self._too_slow() from None
        except (pa.ArrowException, OSError, EOFError) as error:
            raise self._failure() from error
        except BaseException:
            self.stop()
            raise

    def _fail(self) -> str:
        raise self._failure()

    def _failure(self) -> Exception:
        """Why the process ended in the middle of its answer."""
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            code = 0
        self.stop()
        if -code in _STOPPED:
            return ReaderStopped(
                f"Pembacaan berkas {self.request.file_name} dihentikan dari luar. Coba lagi."
            )
        if -code == signal.SIGXCPU:
            return self._too_slow()
        if -code in (signal.SIGKILL, signal.SIGABRT) or code == Request.OUT_OF_MEMORY:
            return FileRefused(
                "too_large",
                f"Berkas {self.request.file_name} tidak dapat dibaca dengan memori {self.limits.memory_mb} "
                "MB: terlalu besar, atau ada sel terisi jauh di luar tabel. Hapus baris dan kolom kosong "
                "di bawah dan kanan tabel, pecah menjadi beberapa berkas, atau simpan sebagai .csv lalu "
                "kirim lagi.",
            )
        return FileRefused(
            "unreadable",
            f"Berkas {self.request.file_name} rusak: pembacanya berhenti di tengah jalan. Buka dengan "
            "aplikasi asalnya, simpan ulang sebagai .xlsx atau .csv lalu kirim lagi.",
        )

    def _too_slow(self) -> FileRefused:
        self.stop()
        return FileRefused(
            "too_slow",
            f"Berkas {self.request.file_name} tidak selesai dibaca dalam waktu yang wajar: rusak "
            "atau terlalu rumit. Simpan ulang sebagai .csv lalu kirim lagi.",
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()
    process.wait()


def _environment() -> dict[str, str]:
    """Where the code is, and nothing else of this process: no addresses, no passwords."""
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(settings.ROOT), *sys.path])),
        "PYTHONHASHSEED": "0",
        "LC_ALL": "C.UTF-8",
        # Memory pools and thread arenas reserve address space that is never used but would count as memory.
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "MALLOC_ARENA_MAX": "2",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


class _Pipe(io.RawIOBase):
    """The reading end of a pipe that raises TimeoutError when nothing comes for too long."""

    def __init__(self, descriptor: int, seconds: float) -> None:
        self.descriptor, self.seconds = descriptor, seconds
        self.ready = select.poll()
        self.ready.register(descriptor, select.POLLIN)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self.ready.poll(self.seconds * 1000):
            raise TimeoutError
        return os.readv(self.descriptor, [buffer])
