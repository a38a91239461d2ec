"""The process that reads one stranger's file: ``python -m ingestion.readers.child``, started by sandbox.py.

It gets a pickled Request on standard input and answers on standard output (wire.py). Limits are set before
any byte of the file is read. It writes no file, leaves no core, and dies with its parent.
"""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import resource
import signal
import sys
import threading
from pathlib import Path
from typing import IO, Any

from ingestion.outcome import FileRefused
from ingestion.readers.request import Request
from ingestion.readers.source import Source

_PR_SET_PDEATHSIG = 1


def main() -> None:
    answer = _only_for_answers()
    request: Request = pickle.load(sys.stdin.buffer)
    _limit(request)
    # Millions of short-lived cells and no cycles: the collector would only look through them again and again.
    gc.disable()
    try:
        _answer(request, answer)
    except FileRefused as refusal:
        _refuse(answer, refusal)
    except MemoryError:
        os._exit(Request.OUT_OF_MEMORY)
    os._exit(0)


def _only_for_answers() -> IO[bytes]:
    """Standard output for the answer alone; what anybody prints goes to standard error."""
    answer = os.fdopen(os.dup(1), "wb", buffering=1 << 20)
    os.dup2(2, 1)
    return answer


def _limit(request: Request) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != request.parent:
        os._exit(0)
    for what, value, more in (
        (resource.RLIMIT_AS, request.memory_mb << 20, 0),
        # The soft limit ends the process with a signal of its own, by which the parent knows why.
        (resource.RLIMIT_CPU, request.cpu_seconds, 5),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        resource.setrlimit(what, (value, value + more))


def _answer(request: Request, answer: IO[bytes]) -> None:
    # The libraries for the answer load while the file is being opened (calamine lets other threads run).
    ahead = threading.Thread(target=__import__, args=("ingestion.readers.wire",), daemon=True)
    ahead.start()
    source = Source.of(Path(request.path), request.file_name)
    try:
        if request.task == "peek":
            return _peek(request, source, answer)
        if request.task == "fit":
            return _fit(request, source, answer)
        tables = _tables(request, source)
        from ingestion.readers import wire

        wire.write_line(answer, {"tables": [wire.describe(table) for table in tables]})
        for table in tables:
            wire.write_batches(answer, table)
    except (FileRefused, MemoryError):
        raise
    except BaseException as error:
        # Whatever a broken file makes of a library, panics of compiled code included, is told in a sentence.
        raise _unreadable(request, error) from error


def _tables(request: Request, source: Source) -> list[Any]:
    if request.module:
        from ingestion.readers import door

        return door.open_tables(Path(request.module), Path(request.path), request.contract, request.file_name)
    from ingestion.readers import documents

    (reading,) = request.readings
    return documents.open_document(source, reading).tables(reading)


def _fit(request: Request, source: Source, answer: IO[bytes]) -> None:
    """Which of the contracts find their header in the file, which is opened once."""
    from ingestion.readers import documents, wire

    document = documents.open_document(source, request.readings[0])
    fitting = []
    for position, reading in enumerate(request.readings):
        try:
            document.tables(reading)
        except FileRefused:
            continue
        fitting.append(position)
    wire.write_line(answer, {"fitting": fitting})


def _peek(request: Request, source: Source, answer: IO[bytes]) -> None:
    from ingestion.readers import documents, grid, wire

    document = documents.open_document(source, request.readings[0])
    sheets = [grid.peek(found, request.rows) for found in document.grids()]
    wire.write_line(answer, {"sheets": [vars(sheet) for sheet in sheets]})


def _refuse(answer: IO[bytes], refusal: FileRefused) -> None:
    from ingestion.readers import wire

    wire.write_line(answer, {"refused": [refusal.code, str(refusal)]})


def _unreadable(request: Request, error: BaseException) -> FileRefused:
    if request.module:
        return FileRefused(
            "reader_failed",
            f"Pembaca khusus {Path(request.module).name} gagal membaca berkas {request.file_name}: "
            f"{type(error).__name__}: {error}. Hubungi pengelola data.",
        )
    return FileRefused(
        "unreadable",
        f"Berkas {request.file_name} rusak atau tidak utuh, sehingga tidak dapat dibaca. Buka dengan "
        "aplikasi asalnya, simpan ulang sebagai .xlsx atau .csv lalu kirim lagi.",
    )


if __name__ == "__main__":
    main()
