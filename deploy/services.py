"""Every long-running process, once: its command, environment and health.

The local supervisor and the containers of ``docker-compose.yml`` start them by the same entry point,
``pendopo run NAME``.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil

from deploy import postgres
from ingestion import settings

Health = Literal["up", "unhealthy", "unknown"]
WAREHOUSE_BIN = Path(sys.executable).parent
HEARTBEAT_SECONDS = 60


@dataclass(frozen=True)
class Service:
    """One process that must always run.

    ``priority`` orders starting (low first) and stopping (high first). ``grace_seconds`` is how long it
    may stay unhealthy after its start before the watchdog restarts it.
    """

    name: str
    title: str
    command: Callable[[], list[str]]
    environment: Callable[[], dict[str, str]]
    health: Callable[[], Health]
    priority: int
    grace_seconds: int = 120
    runs_locally: bool = True
    port_name: str | None = field(default=None)


def run_folder() -> Path:
    """Working folder of the services: never the repository, whose ``superset`` folder is no package."""
    folder = settings.home() / "run"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def log_folder() -> Path:
    """Folder of the services' logs, closed to others: a logged statement may hold a person's data."""
    folder = settings.home() / "logs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def superset_python() -> Path:
    """Interpreter of the second environment."""
    fallback = settings.ROOT / ".venv-superset" / "bin" / "python"
    return Path(os.environ.get("PENDOPO_SUPERSET_PYTHON") or fallback)


def superset_environment() -> dict[str, str]:
    return {
        "SUPERSET_CONFIG_PATH": str(settings.ROOT / "superset" / "config" / "superset_config_staff.py"),
        "PYTHONPATH": str(settings.ROOT),
        "FLASK_APP": "superset.app:create_app()",
    }


def _airflow_environment() -> dict[str, str]:
    from deploy.airflow.environment import airflow_environment

    return airflow_environment()


def _no_environment() -> dict[str, str]:
    return {}


def _airflow(*arguments: str) -> Callable[[], list[str]]:
    return lambda: [str(WAREHOUSE_BIN / "airflow"), *arguments]


def _gunicorn() -> list[str]:
    address = f"{settings.bind_address()}:{settings.port('superset')}"
    return [
        str(superset_python().parent / "gunicorn"),
        f"--bind={address}",
        "--workers=2",
        "--worker-class=gthread",
        "--threads=8",
        "--timeout=120",
        "--graceful-timeout=20",
        "--max-requests=5000",
        "--max-requests-jitter=500",
        "--access-logfile=-",
        "superset.app:create_app()",
    ]


def _get(url: str, seconds: float = 5) -> bytes:
    with urllib.request.urlopen(url, timeout=seconds) as response:
        content: bytes = response.read()
        return content


def _answers(service: str, path: str) -> Callable[[], Health]:
    def check() -> Health:
        try:
            _get(settings.service_url(service) + path)
        except (urllib.error.URLError, OSError, ValueError):
            return "unhealthy"
        return "up"

    return check


def _airflow_heartbeat(component: str) -> Callable[[], Health]:
    """Health of a component from the heartbeats that Airflow's API reports."""

    def check() -> Health:
        try:
            answer = json.loads(_get(settings.service_url("airflow") + "/api/v2/monitor/health"))
        except (urllib.error.URLError, OSError, ValueError):
            # Says nothing about this component: the api-server is judged by its own check.
            return "unknown"
        return "up" if answer.get(component, {}).get("status") == "healthy" else "unhealthy"

    return check


def _postgres_health() -> Health:
    return "up" if postgres.is_ready() else "unhealthy"


def _watchdog_health() -> Health:
    try:
        age = time.time() - (run_folder() / "watchdog.heartbeat").stat().st_mtime
    except FileNotFoundError:
        return "unhealthy"
    return "up" if age < HEARTBEAT_SECONDS else "unhealthy"


def _celery_health() -> Health:
    """Health of this host's worker from its answer over the broker; it has no port."""
    from celery import Celery

    from deploy.airflow.environment import redis_url

    worker = f"celery@{socket.gethostname()}"
    try:
        answers = Celery(broker=redis_url()).control.ping(destination=[worker], timeout=5)
    except OSError:
        return "unknown"  # the broker is away, which is not the worker's fault
    return "up" if answers else "unhealthy"


def _declare(*services: Service) -> dict[str, Service]:
    return {service.name: service for service in services}


SERVICES = _declare(
    Service(
        "postgres",
        "PostgreSQL",
        lambda: postgres.EmbeddedServer().command(),
        _no_environment,
        _postgres_health,
        priority=10,
        grace_seconds=60,
    ),
    Service(
        "airflow-api-server",
        "Airflow (halaman dan API)",
        _airflow("api-server"),
        _airflow_environment,
        _answers("airflow", "/api/v2/monitor/health"),
        priority=20,
        port_name="airflow",
    ),
    Service(
        "airflow-dag-processor",
        "Airflow (pembaca DAG)",
        _airflow("dag-processor"),
        _airflow_environment,
        _airflow_heartbeat("dag_processor"),
        priority=30,
    ),
    Service(
        "airflow-scheduler",
        "Airflow (penjadwal)",
        _airflow("scheduler", "--skip-serve-logs"),
        _airflow_environment,
        _airflow_heartbeat("scheduler"),
        priority=30,
    ),
    Service(
        "airflow-triggerer",
        "Airflow (pemicu)",
        _airflow("triggerer", "--skip-serve-logs"),
        _airflow_environment,
        _airflow_heartbeat("triggerer"),
        priority=30,
    ),
    Service(
        "airflow-worker",
        "Airflow (pekerja Celery)",
        _airflow("celery", "worker", "--skip-serve-logs"),
        _airflow_environment,
        _celery_health,
        priority=40,
        runs_locally=False,
    ),
    Service(
        "superset-staff",
        "Superset untuk staf",
        _gunicorn,
        superset_environment,
        _answers("superset", "/health"),
        priority=20,
        port_name="superset",
    ),
    Service(
        "watchdog",
        "Pengawas proses",
        lambda: [str(WAREHOUSE_BIN / "python"), "-m", "deploy.watchdog"],
        lambda: {"PYTHONPATH": str(settings.ROOT)},
        _watchdog_health,
        priority=90,
        grace_seconds=60,
    ),
)


def local_services() -> list[Service]:
    """The services of the local runner, in the order of their start."""
    wanted = [service for service in SERVICES.values() if service.runs_locally]
    if settings.external_database_url():
        wanted = [service for service in wanted if service.name != "postgres"]
    return sorted(wanted, key=lambda service: service.priority)


def run(name: str) -> None:
    """Become a service; what a killed predecessor left running is ended first. Does not return."""
    service = SERVICES[name]
    end_leftovers(name)
    (run_folder() / f"{name}.pgid").write_text(str(os.getpgrp()))
    if name == "postgres":
        server = postgres.EmbeddedServer()
        server.initialise()
        server.run()
    command = service.command()
    os.environ.update(service.environment())
    os.chdir(run_folder())
    os.execve(command[0], command, dict(os.environ))


def end_leftovers(name: str) -> list[int]:
    """Kill the processes that a predecessor of a service left in its process group; returns their pids.

    A killed Airflow scheduler leaves its executor's workers behind, which go on running tasks
    (apache/airflow#64476). They share the process group that ``run`` recorded. The working folder is
    compared too, so that a recycled number never hits a stranger.
    """
    if name == "postgres":
        # Shut down properly: its data outlive it.
        postgres.EmbeddedServer().stop()
        return []
    group = _recorded_group(name)
    if group in (None, os.getpgrp()):
        return []
    folder = str(run_folder())
    ended = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.cwd() == folder:
                process.kill()
                ended.append(process)
        except (psutil.Error, OSError):
            continue
    psutil.wait_procs(ended, timeout=10)  # their ports are free only then
    return [process.pid for process in ended]


def _recorded_group(name: str) -> int | None:
    """Process group of a service that has ended its leftovers; the supervisor starts each in its own."""
    try:
        return int((run_folder() / f"{name}.pgid").read_text())
    except (FileNotFoundError, ValueError):
        return None


def state_of(service: Service, supervisor_state: str, seconds_up: float, pid: int) -> dict[str, Any]:
    """Merge what the supervisor knows with the service's own health."""
    if supervisor_state != "RUNNING":
        starting = supervisor_state in ("STARTING", "BACKOFF")
        return {"state": "starting" if starting else "stopped" if supervisor_state == "STOPPED" else "down"}
    if _recorded_group(service.name) != pid:
        # It still ends what a killed predecessor left; an answer now would be the predecessor's.
        return {"state": "starting"}
    health = service.health()
    if health == "up":
        return {"state": "up"}
    return {"state": "starting" if seconds_up < service.grace_seconds else "unhealthy"}
