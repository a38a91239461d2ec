"""The measurement of the marts runs and tells what the documentation quotes."""

from __future__ import annotations

import json
import subprocess
import sys

from bench import chart_queries
from ingestion import settings


def test_the_measurement_ends_with_its_figures_as_json():
    command = [sys.executable, "-m", "bench.transform", "--rows", "4000", "--days", "1", "--json"]
    result = subprocess.run(command, cwd=settings.ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-4000:]
    figures = json.loads(result.stdout.splitlines()[-1])
    assert 3_500 < figures["small"]["punches"] < 4_500
    assert 9 < figures["large"]["punches"] / figures["small"]["punches"] < 11
    assert figures["ratio"] > 0 and figures["small"]["rebuild_s"] > 0
    assert figures["small"]["day_rows"] > 0, "the delivered day reached the marts"
    assert {query[1] for query in figures["queries"]} >= {
        "agg_attendance_class_month",
        "agg_attendance_opd_month",
    }


def test_every_chart_of_attendance_is_measured():
    measured = {query.chart for query in chart_queries.queries_of(("fct_attendance", "agg_attendance"))}
    charts = chart_queries.asset_files.load_assets().charts
    wanted = {name for name, chart in charts.items() if "_attendance_" in chart["dataset"]}
    assert wanted <= measured
