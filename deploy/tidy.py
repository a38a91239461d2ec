"""Keeps what grows by itself from growing for ever: Airflow's runs and logs, files past their retention."""

from __future__ import annotations

import datetime
import os
import subprocess
import time
from pathlib import Path

from deploy import services
from ingestion import settings

KEEP_DAYS = 30
# What grows with every run; DAGs and their versions are few and stay.
TABLES = "asset_event,dag_run,import_error,job,log,task_instance,task_instance_history,trigger,xcom"


class TidyError(settings.PendopoError):
    """Something could not be removed."""


def tidy() -> int:
    """Remove runs and task logs older than KEEP_DAYS; returns the number of log files removed.

    The ledger and raw tables are evidence and stay; originals and refused rows go when their contract says.
    """
    from ingestion.purge import purge

    purge(datetime.datetime.now(datetime.UTC).date())
    removed = remove_old_files(settings.home() / "airflow" / "logs", KEEP_DAYS)
    before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=KEEP_DAYS)
    command = [
        *(str(services.WAREHOUSE_BIN / "airflow"), "db", "clean", "--yes", "--skip-archive"),
        *("--error-on-cleanup-failure", "--tables", TABLES),
        *("--clean-before-timestamp", before.isoformat()),
    ]
    environment = os.environ | services.SERVICES["airflow-scheduler"].environment()
    result = subprocess.run(
        command, env=environment, cwd=services.run_folder(), capture_output=True, text=True
    )
    if result.returncode != 0:
        raise TidyError(f"airflow db clean gagal: {result.stderr.strip()[-500:]}")
    return removed


def remove_old_files(folder: Path, days: int) -> int:
    """Remove files not changed for so many days, and the folders that this leaves empty."""
    limit = time.time() - days * 86_400
    removed = 0
    for place, _, names in os.walk(folder, topdown=False):
        for name in names:
            path = Path(place, name)
            if path.lstat().st_mtime < limit:
                path.unlink()
                removed += 1
        if place != str(folder) and not any(Path(place).iterdir()):
            Path(place).rmdir()
    return removed
