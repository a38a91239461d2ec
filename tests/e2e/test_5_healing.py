"""Any one process may die or hang: within a minute the center is whole again, and nothing is left over."""

from __future__ import annotations

import datetime
import json
import os
import signal
import urllib.request
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
# Component of Airflow → name of its heartbeat in the health answer.
BEATS = {
    "airflow-scheduler": "scheduler",
    "airflow-dag-processor": "dag_processor",
    "airflow-triggerer": "triggerer",
}


def _all_up(center) -> bool:
    return all(info["state"] == "up" for info in center.status()["services"].values())


def _beats_since(name: str, moment: datetime.datetime) -> bool:
    """Whether a component has beaten since; the last beat of a dead one looks healthy for a while."""
    if name not in BEATS:
        return True
    with urllib.request.urlopen(settings.service_url("airflow") + "/api/v2/monitor/health") as response:
        health = json.loads(response.read())[BEATS[name]]
    beat = health[f"latest_{BEATS[name]}_heartbeat"]
    return datetime.datetime.fromisoformat(beat) > moment


def _suspend_group(pid: int) -> None:
    group = os.getpgid(pid)
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group:
                process.suspend()
        except (psutil.Error, OSError):
            continue


def test_a_hanging_superset_is_found_by_its_health_and_restarted(center):
    center.wait(120, "healthy before the hang", lambda: _all_up(center))
    service = services.SERVICES["superset-staff"]
    info = supervisor.processes()[service.name]
    center.wait(
        service.grace_seconds,
        "grace period over",
        lambda: supervisor.processes()[service.name]["now"] - info["start"] > service.grace_seconds,
    )
    _suspend_group(info["pid"])
    center.wait(
        150,
        "a new Superset",
        lambda: supervisor.processes()[service.name]["pid"] not in (0, info["pid"]),
    )
    center.wait(60, "Superset healthy again", lambda: _all_up(center))


@pytest.mark.parametrize("name", KILLED)
def test_a_killed_process_is_back_within_a_minute(center, name):
    center.wait(120, "healthy before the kill", lambda: _all_up(center))
    pid = supervisor.processes()[name]["pid"]
    killed_at = datetime.datetime.now(datetime.UTC)
    os.kill(pid, signal.SIGKILL)
    center.wait(
        60,
        f"{name} replaced and healthy",
        lambda: (
            supervisor.processes()[name]["pid"] not in (0, pid)
            and _all_up(center)
            and _beats_since(name, killed_at)
        ),
    )


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hanging"])
def test_a_lost_supervisor_is_replaced_by_the_watchdog_without_doubles(center, stop):
    center.wait(120, "healthy before the loss", lambda: _all_up(center))
    pid_file = services.run_folder() / "supervisor.pid"
    pid = int(pid_file.read_text())
    os.kill(pid, stop)
    center.wait(
        60, "a new supervisor", lambda: int(pid_file.read_text() or pid) != pid and supervisor.is_running()
    )
    center.wait(120, "all services healthy again", lambda: _all_up(center))
    assert not psutil.pid_exists(pid)
    own_port = f"--bind={settings.bind_address()}:{settings.port('superset')}"
    gunicorns = [
        process for process in psutil.process_iter(["cmdline"]) if own_port in (process.info["cmdline"] or [])
    ]
    pids = {process.pid for process in gunicorns}
    masters = [process for process in gunicorns if process.ppid() not in pids]
    assert len(masters) == 1


def test_a_backup_taken_while_it_runs_brings_everything_back(center, tmp_path):
    count = "select (select count(*) from ops.load), (select count(*) from raw.bkpsdm__absensi_mesin)"
    saved = center.query(count, role="admin")
    archive = tmp_path / "cadangan.tar"
    center.pendopo("backup", str(archive))
    with archive.open("rb") as file:
        assert file.read(512)
    late = Path(settings.landing()) / "djpb" / "apbd" / "djpb_apbd_sesudah_cadangan.csv"
    late.parent.mkdir(parents=True, exist_ok=True)
    late.write_text(
        "thang;bulan;tgl_cutoff;nama_pemda;pendapatan;belanja;pembiayaan;SILPA\r\n"
        "2018;1;2018-01-31;Kabupaten Contoh;100;60;0;40\r\n"
    )
    center.pendopo("load", str(late))
    assert center.query(count, role="admin") != saved
    center.pendopo("restore", str(archive), "--yes")
    center.pendopo("up", "--detach")
    assert center.query(count, role="admin") == saved
    assert _all_up(center)


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


def test_a_reset_removes_the_installation_and_keeps_its_backups(center):
    center.pendopo("reset", "--yes")
    assert [path.name for path in center.home.iterdir()] in ([], ["backups"])
    assert not settings.socket_dir().exists()
