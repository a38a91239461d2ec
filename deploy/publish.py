"""Runs the tool that applies and verifies the Superset assets, in Superset's own environment."""

from __future__ import annotations

import contextlib
import os

import psycopg2

from deploy import child, services
from ingestion import settings


def push(arguments: list[str] | None = None) -> int:
    """Apply the assets; returns the tool's exit code (0: every chart answers)."""
    script = settings.ROOT / "superset" / "deploy" / "push.py"
    sample = "--sample" if has_sample_data() else "--no-sample"
    command = [str(services.superset_python()), str(script), sample, *(arguments or [])]
    environment = os.environ | services.superset_environment()
    return child.run(command, environment, services.run_folder())


def has_sample_data() -> bool:
    """Whether this installation was filled with generated sample exports."""
    with contextlib.closing(psycopg2.connect(settings.dsn("transformer"))) as connection:
        cursor = connection.cursor()
        cursor.execute("select exists (select from ops.setting where name = 'sample_data')")
        [(is_sample,)] = cursor.fetchall()
        return bool(is_sample)
