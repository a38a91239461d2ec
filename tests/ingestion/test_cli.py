"""The command a data engineer types."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import CliRunner

from ingestion.cli import app

from .conftest import budget_row

run = CliRunner().invoke


def test_check_answers_with_counts_as_json(budget_csv: Callable[..., Path]) -> None:
    result = run(app, ["check", str(budget_csv(budget_row(), "rusak")), "--json"])
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert (answer["source"], answer["read"], answer["loaded"], answer["rejected"], answer["skipped"]) == (
        "djpb__apbd",
        2,
        1,
        1,
        0,
    )
    assert answer["load_id"] is None


def test_a_refused_file_is_explained_and_leaves_with_1(tmp_path: Path) -> None:
    file = tmp_path / "djpb_apbd.csv"
    file.touch()
    result = run(app, ["check", str(file)])
    assert result.exit_code == 1
    assert "DITOLAK" in result.stdout
    assert "kosong" in result.stdout


def test_a_file_that_does_not_exist_is_a_wrong_call() -> None:
    assert run(app, ["check", "/nowhere/x.csv"]).exit_code == 2


def test_every_source_is_listed_with_its_folder() -> None:
    listed = json.loads(run(app, ["sources", "--json"]).stdout)
    assert {source["folder"] for source in listed} >= {"bkpsdm/absensi_mesin", "diskominfo/aduan"}
    assert "folder diskominfo/aduan, berkas seperti aduan_2024-01.xlsx" in run(app, ["sources"]).stdout
