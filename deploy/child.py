"""Processes that never outlive the one that started them: tasks, and the programs they run."""

from __future__ import annotations

import ctypes
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """End this process when the one that started it ends, however it ends.

    Airflow runs a task in a process group of its own, so killing a scheduler's group leaves the task at
    work beside its next attempt. Tasks that may run long call this first, and what they start does too.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def run(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> int:
    """Run a program to its end; it prints where the caller prints. Returns its exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    # One C call between fork and exec is safe even in a process with threads.
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, env=dict(environment), cwd=folder, preexec_fn=die_with_parent
    ).returncode
