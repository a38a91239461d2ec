"""Any one process may die or hang: within a minute the center is whole again, and nothing is left over."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from deploy import services, supervisor
from ingestion import settings

pytestmark = pytest.mark.e2e

KILLED = [
    service.name
    for service in sorted(services.SERVICES.values(), key=lambda service: service.priority)
    if service.runs_locally
]


def _all_up(center) -> bool:
    return all(info["state"] == "up" for info in center.status()["services"].values())


@pytest.mark.parametrize("name", KILLED)
def test_a_killed_process_is_back_within_a_minute(center, name):
    center.wait(120, "healthy before the kill", lambda: _all_up(center))
    pid = supervisor.processes()[name]["pid"]
    os.kill(pid, signal.SIGKILL)
    center.wait(20, f"{name} replaced", lambda: supervisor.processes()[name]["pid"] not in (0, pid))
    center.wait(60, f"{name} healthy again", lambda: _all_up(center))


def test_a_killed_supervisor_is_replaced_by_the_watchdog_without_doubles(center):
    center.wait(120, "healthy before the kill", lambda: _all_up(center))
    pid = int((services.run_folder() / "supervisor.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    center.wait(30, "a new supervisor", supervisor.is_running)
    center.wait(90, "all services healthy again", lambda: _all_up(center))
    masters = [
        process.info["cmdline"]
        for process in psutil.process_iter(["cmdline"])
        if any("superset.app:create_app()" in part for part in process.info["cmdline"] or [])
        and process.parent() is not None
        and "supervisord" in " ".join(process.parent().cmdline())
        and str(settings.port("superset")) in " ".join(process.info["cmdline"])
    ]
    assert len(masters) == 1


def test_a_hanging_superset_is_found_by_its_health_and_restarted(center):
    center.wait(120, "healthy before the hang", lambda: _all_up(center))
    info = supervisor.processes()["superset-staff"]
    wait_for_grace = max(0, services.SERVICES["superset-staff"].grace_seconds - (info["now"] - info["start"]))
    center.wait(
        wait_for_grace + 5,
        "grace period over",
        lambda: _seconds_up("superset-staff") > services.SERVICES["superset-staff"].grace_seconds,
    )
    group = os.getpgid(info["pid"])
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group:
                process.suspend()
        except (psutil.Error, OSError):
            continue
    center.wait(
        120, "a new Superset", lambda: supervisor.processes()["superset-staff"]["pid"] not in (0, info["pid"])
    )
    center.wait(60, "Superset healthy again", lambda: _all_up(center))


def _seconds_up(name: str) -> int:
    info = supervisor.processes()[name]
    return int(info["now"] - info["start"])


def test_stopping_leaves_no_process_behind(center):
    center.pendopo("down")
    left = []
    for process in psutil.process_iter(["pid", "name", "cmdline"]):
        try:
            folder = Path(process.cwd())
        except (psutil.Error, OSError):
            continue
        if folder.is_relative_to(center.home) and process.pid != os.getpid():
            left.append(process.info)
    assert left == []
    assert center.pendopo("status", "--json", check=False).returncode == 1
