"""The measurement of the loader runs and tells what the documentation quotes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import attendance_file
from ingestion import settings
from ingestion.load import check_file


def test_the_measurement_ends_with_its_figures_as_json() -> None:
    command = [sys.executable, "-m", "bench.ingest", "--rows", "2000", "--rounds", "1", "--json"]
    result = subprocess.run(command, cwd=settings.ROOT, capture_output=True, text=True, check=True)
    figures = json.loads(result.stdout.splitlines()[-1])
    assert figures["rows"] == 2000
    assert 0 < figures["rows_per_s"] < figures["limit_rows_per_s"] * 2
    assert figures["ratio"] > 0 and figures["ratio_xlsx"] > 0
    assert 50 < figures["peak_rss_mb"] <= 500
    assert {"messy", "clean", "bad", "dlt", "pandas", "xlsx"} < set(figures["methods"])


def test_the_loader_counts_the_bad_rows_that_were_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "absensi_2026.csv"
    made = attendance_file.write(file, 20_000, 0.05)
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(settings.ROOT / "bench" / "contracts"))
    outcome = check_file(file)
    assert (outcome.loaded, outcome.rejected) == (made.good, made.rejected) == (18_900, 1_000)
    assert outcome.skipped_by_kind == {"total": 1, "footer": 1, "blank": 1, "duplicate": made.duplicates}
