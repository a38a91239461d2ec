"""One running command center for all end-to-end tests: own home, free ports, beside anything that runs."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from deploy import postgres
from deploy.airflow_api import AirflowApi
from ingestion import settings

PENDOPO = Path(sys.executable).parent / "pendopo"
AS_OF = "2026-11-20"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Center:
    """The installation under test."""

    home: Path
    first_start: str

    def pendopo(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command as a user would."""
        return subprocess.run(
            [str(PENDOPO), *arguments], check=check, capture_output=True, text=True, timeout=900
        )

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.pendopo("status", "--json", check=False).stdout)
        return answer

    def query(self, sql: str, *parameters: Any, role: str = "transformer") -> list[tuple[Any, ...]]:
        """Rows of a query in the warehouse."""
        connection = psycopg2.connect(postgres.admin_dsn() if role == "admin" else settings.dsn(role))
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql, parameters or None)
                rows: list[tuple[Any, ...]] = cursor.fetchall()
                return rows
        finally:
            connection.close()

    def wait(self, seconds: float, what: str, condition: Callable[[], bool]) -> float:
        """Seconds until a condition holds; fails with ``what`` otherwise."""
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > seconds:
                pytest.fail(f"after {seconds:.0f} s still not: {what}")
            time.sleep(1)
        return time.monotonic() - began

    def airflow(self) -> AirflowApi:
        return AirflowApi()


@pytest.fixture(scope="session")
def center() -> Iterator[Center]:
    """``pendopo up --detach`` on a small sample; everything is taken down and removed at the end."""
    home = Path("/var/tmp") / f"pendopo-e2e-{os.getpid()}"
    variables = {
        "PENDOPO_HOME": str(home),
        "REGION": "35.23",
        "PENDOPO_PORT_AIRFLOW": str(free_port()),
        "PENDOPO_PORT_SUPERSET": str(free_port()),
        "PENDOPO_SAMPLE_AS_OF": AS_OF,
        "PENDOPO_SAMPLE_SCALE": "0.2",
    }
    before = {name: os.environ.get(name) for name in (*variables, "PENDOPO_LANDING", "PENDOPO_DATABASE_URL")}
    for name in before:
        os.environ.pop(name, None)
    os.environ.update(variables)
    home.mkdir(parents=True)
    try:
        result = subprocess.run(
            [str(PENDOPO), "up", "--detach"], capture_output=True, text=True, timeout=1500
        )
        if result.returncode != 0:
            logs = subprocess.run([str(PENDOPO), "logs", "-n", "15"], capture_output=True, text=True).stdout
            pytest.fail(
                f"pendopo up failed:\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}\n{logs[-6000:]}"
            )
        yield Center(home, result.stdout)
    finally:
        if keep := os.environ.get("PENDOPO_KEEP"):
            print(f"kept {home} ({keep})")
        else:
            subprocess.run([str(PENDOPO), "reset", "--yes"], capture_output=True, timeout=180)
            shutil.rmtree(home, ignore_errors=True)
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)
