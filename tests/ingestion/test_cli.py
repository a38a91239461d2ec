"""The command a data engineer types."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ingestion.cli import app

from .conftest import budget_row, query

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


@pytest.mark.parametrize(("into", "is_marked"), [(None, True), ("landing", True), ("elsewhere", False)])
def test_every_sample_in_the_drop_folder_is_known_as_one(
    database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, into: str | None, is_marked: bool
) -> None:
    monkeypatch.setenv("PENDOPO_LANDING", str(tmp_path / "landing"))
    target = ["--into", str(tmp_path / into)] if into else []
    assert run(app, ["sample", "--scale", "0.005", "--as-of", "2026-11-20", *target]).exit_code == 0
    made = {hashlib.sha256(file.read_bytes()).hexdigest() for file in tmp_path.rglob("*") if file.is_file()}
    marked = query(database, "select jsonb_object_keys(value) from ops.setting where name = 'sample_files'")
    assert {key for (key,) in marked} == (made if is_marked else set())
