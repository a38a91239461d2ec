"""The command a data engineer types."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from deploy import commands
from ingestion import cli, settings
from ingestion.cli import app

from .conftest import HEADER, budget_row, query

run = CliRunner().invoke


def pendopo(*words: str) -> subprocess.CompletedProcess[str]:
    """The command as a shell runs it."""
    program = "from ingestion.cli import main; main()"
    return subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True)


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


def _all_commands() -> dict[str, Any]:
    """Every command of ``pendopo`` by the words that call it."""
    whole = typer.Typer()
    whole.registered_commands = list(app.registered_commands)
    whole.registered_groups = list(app.registered_groups)
    commands.register(whole)
    found: dict[str, Any] = {}
    for name, command in typer.main.get_command(whole).commands.items():  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            found |= {f"{name} {sub}": inner for sub, inner in command.commands.items()}
        else:
            found[name] = command
    return found


_ENGLISH = re.compile(r"\b(the|and|of|to|file|files|with|for|rows?|load|loads|default)\b", re.IGNORECASE)


@pytest.mark.parametrize("name", list(_all_commands()))
def test_the_help_of_every_command_speaks_indonesian(name: str) -> None:
    command = _all_commands()[name]
    options = [option for option in command.params if option.name != "help"]
    assert command.help
    assert all(option.help for option in options)
    for text in [command.help, *(option.help for option in options)]:
        # Names of commands and words in quotes are the same in every language.
        plain = re.sub(r"'[^']*'|pendopo [\w ]+|[\w./_]+\.\w+", "", text)
        assert not _ENGLISH.findall(plain), text


def test_what_stands_around_the_help_is_indonesian_too() -> None:
    shown = pendopo("check", "--help").stdout
    assert all(word in shown for word in ("Argumen", "Opsi", "[wajib]"))
    assert "Salah pemakaian" in pendopo("check").stderr


@pytest.mark.parametrize("name", ["check", "load", "report", "corrections", "replay", "purge"])
def test_the_commands_for_files_show_an_example_and_their_exit_codes(name: str) -> None:
    shown = " ".join(run(app, [name, "--help"], env={"COLUMNS": "200"}).stdout.split())
    assert f"Contoh: pendopo {name}" in shown
    assert "Kode keluar: 0 berhasil, 1 berkas ditolak atau perintah gagal, 2 salah pemakaian." in shown


@pytest.mark.parametrize(
    "call",
    [
        ["check"],
        ["check", "/nowhere/x.csv"],
        ["check", __file__, "--marked", "laporan.csv"],
        ["check", __file__, "--marked", "/nowhere/laporan.xlsx"],
        ["report", "satu"],
        ["corrections", "1"],
        ["corrections", "1", "--output", "perbaikan.csv"],
        ["load"],
        ["hapus"],
    ],
)
def test_a_wrong_call_leaves_with_2_and_does_nothing(call: list[str]) -> None:
    assert run(app, call).exit_code == 2


def test_a_failure_leaves_with_1_and_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "djpb_apbd.csv"
    file.write_text(f"{HEADER}\n{budget_row()}\n")
    done = pendopo("check", str(file), "--source", "djpb__tidak_ada")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Sumber 'djpb__tidak_ada' tidak dikenal.")
    assert len(done.stderr.splitlines()) == 1


def test_files_loaded_together_answer_as_one_json_list(
    database: Any, budget_csv: Callable[..., Path]
) -> None:
    files = [budget_csv(budget_row(month=month), name=f"djpb_apbd_{month}.csv") for month in (1, 2)]
    answers = json.loads(run(app, ["load", *map(str, files), "--json"]).stdout)
    assert [answer["status"] for answer in answers] == ["loaded", "loaded"]
    assert list(json.loads(run(app, ["load", str(files[0]), "--json"]).stdout)) == [
        "load_id",
        "source",
        "read",
        "loaded",
        "rejected",
        "skipped",
        "status",
        "file",
        "delivery_id",
        "skipped_by_kind",
        "slices",
        "messages",
        "rejects",
    ]


def test_a_terminal_is_told_how_far_a_long_load_is(capsys: pytest.CaptureFixture[str]) -> None:
    line = cli._Progress()
    line(1_000)
    assert capsys.readouterr().err == ""
    line.started -= 10
    line.shown -= 10
    line(2_500_000)
    assert re.fullmatch(
        r"\r2\.500\.000 baris dibaca, 2\d{2}\.\d{3} baris per detik ", capsys.readouterr().err
    )


def test_a_source_is_read_again_and_old_files_go_from_the_command_line(
    database: Any, budget_csv: Callable[..., Path]
) -> None:
    file = budget_csv(budget_row(), budget_row("Kota X", revenue="rusak"))
    assert run(app, ["load", str(file)]).exit_code == 0
    assert json.loads(run(app, ["replay", "djpb__apbd", "--json"]).stdout) == {
        "source": "djpb__apbd",
        "waiting": [],
        "beyond_replay": [],
    }
    assert "Semua berkas djpb__apbd sudah dimuat" in run(app, ["replay", "djpb__apbd"]).stdout
    (again,) = json.loads(run(app, ["replay", "djpb__apbd", "--rejects", "--json"]).stdout)
    assert (again["read"], again["loaded"], again["rejects"][0]["row_no"]) == (1, 0, 3)
    assert query(database, "select count(*) from ops.load") == [(1,)]

    query(database, "update ops.delivery set received_at = '2001-01-01' returning 1")
    query(database, "update ops.load set received_on = '2001-01-01' returning 1")
    for (original,) in query(database, "select original_path from ops.delivery"):
        os.utime(settings.home() / original, (1, 1))
    planned = json.loads(run(app, ["purge", "--dry-run", "--json"]).stdout)
    assert planned | {"size_bytes": 0} == {
        "originals": 1,
        "size_bytes": 0,
        "rejected_rows": 1,
        "workbooks": 0,
        "dry_run": True,
    }
    assert "Dihapus: 1 berkas asli" in run(app, ["purge"]).stdout
    assert query(database, "select raw_text from ops.rejected_row") == [("(dihapus)",)]
