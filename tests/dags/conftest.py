"""Airflow on the test warehouse. Every look at it is a process of its own, as in the running system:
Airflow reads its configuration once, when it is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deploy.airflow.environment import airflow_environment
from ingestion import ledger, reference, settings

Script = Callable[..., Any]
# What builds and loads leave in the ledger besides loads and deliveries.
KEPT = ("run_domain", "slice", "build", "published_load", "published_slice", "published_source")


def run_script(code: str, **variables: str) -> Any:
    """Run Python with Airflow's environment; returns what it prints last, read as JSON."""
    folder = settings.home() / "run"
    folder.mkdir(exist_ok=True)
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | airflow_environment() | variables,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, (result.stdout + result.stderr)[-6000:]
    return json.loads(result.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="session")
def registered(warehouse: Any) -> Any:
    """The warehouse with contracts, raw tables and reference data."""
    reference.apply_region()
    ledger.register_contracts()
    return warehouse


@pytest.fixture(scope="session")
def airflow(registered: Any) -> Script:
    """Runs code against Airflow; its metadata database and users are prepared."""
    script = settings.ROOT / "deploy" / "airflow" / "prepare.py"
    run_script(f"import runpy; runpy.run_path({str(script)!r}, run_name='prepare')['main'](); print(1)")
    return run_script


@pytest.fixture
def clean_ledger(registered: Any) -> Iterator[Any]:
    """The warehouse; loads, deliveries and builds written meanwhile are taken back afterwards."""
    connection = registered.connect("admin")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("select coalesce(max(load_id), 0) from ops.load")
    last_load = cursor.fetchone()[0]
    cursor.execute("select coalesce(max(delivery_id), 0) from ops.delivery")
    last_delivery = cursor.fetchone()[0]
    for table in KEPT:
        cursor.execute(f"create temp table kept_{table} as table ops.{table}")
    yield registered
    cursor.execute("delete from ops.delivery where delivery_id > %s", (last_delivery,))
    for table in KEPT:
        cursor.execute(f"truncate ops.{table}")
        cursor.execute(f"insert into ops.{table} table kept_{table}")
    cursor.execute("delete from ops.rejected_row where load_id > %s", (last_load,))
    cursor.execute("select distinct source_id from ops.load where load_id > %s", (last_load,))
    for (source_id,) in cursor.fetchall():
        cursor.execute(f"delete from raw.{source_id} where _load_id > %s", (last_load,))
    cursor.execute("delete from ops.load where load_id > %s", (last_load,))
    connection.close()
