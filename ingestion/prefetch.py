"""Read and check the next batch while the database takes the last one."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Generator, Iterator
from typing import TypeVar

Item = TypeVar("Item")
_DEPTH = 1
_SWITCH_SECONDS = 0.0005


def ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """The same items, computed ahead by a thread, which holds two at most; its exceptions surface here."""
    ready: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(_DEPTH)
    stopped = threading.Event()

    def put(entry: tuple[Item | None, BaseException | None]) -> None:
        while not stopped.is_set():
            try:
                return ready.put(entry, timeout=0.1)
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in items:
                put((item, None))
                if stopped.is_set():
                    return
            put((None, None))
        except BaseException as error:
            put((None, error))

    thread = threading.Thread(target=work, name="prefetch", daemon=True)
    patience = sys.getswitchinterval()
    # The thread that sends needs the interpreter for moments only, but each time waits this long for it.
    sys.setswitchinterval(_SWITCH_SECONDS)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        stopped.set()
        thread.join()
        sys.setswitchinterval(patience)
