"""Runs the tool that applies and verifies the Superset assets, in Superset's own environment."""

from __future__ import annotations

import os

from deploy import child, services
from ingestion import settings


def push(arguments: list[str] | None = None) -> int:
    """Apply the assets; returns the tool's exit code (0: every chart answers)."""
    script = settings.ROOT / "superset" / "deploy" / "push.py"
    command = [str(services.superset_python()), str(script), *(arguments or [])]
    return child.run(command, os.environ | services.superset_environment(), services.run_folder())
