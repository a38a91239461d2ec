"""The linters of ``make lint`` and pre-commit find nothing, and the tree holds nothing it must not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ingestion import settings

BIN = Path(sys.executable).parent
COMMANDS = {
    "ruff": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy"],
    "imports": ["lint-imports"],
    "sqlfluff": ["sqlfluff", "lint", "--processes", "2", "dbt_project/models", "dbt_project/tests"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_linter_finds_nothing(name):
    program, *arguments = COMMANDS[name]
    result = subprocess.run(
        [str(BIN / program), *arguments], cwd=settings.ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]


def test_pre_commit_runs_only_programs_of_the_locked_environment():
    content = yaml.safe_load((settings.ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repo in content["repos"] for hook in repo["hooks"]]
    assert {repo["repo"] for repo in content["repos"]} == {"local"}
    for hook in hooks:
        assert (BIN / Path(hook["entry"].split()[0]).name).exists(), hook["id"]


def tracked_files() -> list[Path]:
    """Files git tracks; the whole suite runs in a checkout."""
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=settings.ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [settings.ROOT / name for name in names.split("\0") if name]


def test_locks_are_hash_pinned_and_name_no_index():
    for path in (settings.ROOT / "deploy" / "locks").glob("*.txt"):
        text = path.read_text()
        assert not re.search(r"https?://|--index|--find-links", text), path.name
        requirements = re.findall(r"^[a-z0-9][^\s=]*==\S+", text, re.M | re.I)
        assert requirements
        assert len(re.findall(r"^[a-z0-9][^\n]*\\\n\s+--hash=sha256:", text, re.M | re.I)) == len(
            requirements
        )


def test_no_file_is_a_drawer_and_none_is_large():
    for path in tracked_files():
        assert path.stem not in ("utils", "helpers", "common", "misc"), path
        assert path.stat().st_size < 2**20, path


def test_every_sql_migration_has_a_number_of_its_own():
    numbers = [path.name[:4] for path in (settings.ROOT / "deploy" / "sql").glob("[0-9]*.sql")]
    assert len(numbers) == len(set(numbers))
