"""Runs another program for a task; it never outlives the task."""

from __future__ import annotations

import ctypes
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    # A killed task (timeout, restarted scheduler) must not leave a dbt behind that overlaps with the next
    # attempt. Only this one C call happens between fork and exec.
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def run(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> int:
    """Run a program to its end; it prints where the caller prints. Returns its exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, env=dict(environment), cwd=folder, preexec_fn=_die_with_parent
    ).returncode
