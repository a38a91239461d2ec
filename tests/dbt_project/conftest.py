"""Marts built by the real dbt in a PostgreSQL of this folder's own.

Other folders share one warehouse and count what they loaded there; these tests fill every source, so they
start their own server.
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg2
import pytest

from deploy import transform
from ingestion import ledger, load, reference, sample, settings

SELECTORS = ("shared", "complaints", "attendance", "poverty", "budget", "supply")
AS_OF = datetime.date(2026, 11, 22)
REAL_FILES = ("poverty/*Jawa Timur, 202[23].csv", "attendance/1_attlog.dat", "budget/djpb_apbd.csv")


class Marts:
    """A warehouse whose marts dbt builds."""

    def __init__(self, home: Path) -> None:
        self.target = home / "dbt"
        self.environment = os.environ | transform.dbt_environment() | {"DBT_TARGET_PATH": str(self.target)}
        self.environment["DBT_LOG_PATH"] = str(self.target)

    def dbt(self, *runs: list[str]) -> None:
        """Run dbt once for each list of arguments, in one process; a failing node fails the test."""
        result = self.attempt(*runs)
        assert result.returncode == 0, (result.stdout + result.stderr)[-6000:]

    def attempt(self, *runs: list[str]) -> subprocess.CompletedProcess[str]:
        """Run dbt like ``dbt``, whatever becomes of it."""
        with self.start(*runs) as process:
            output, errors = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def start(self, *runs: list[str], target: Path | None = None) -> subprocess.Popen[str]:
        """Begin to run dbt; runs at the same time need target folders of their own."""
        program = (
            "import json, sys; from dbt.cli.main import dbtRunner;"
            "sys.exit(not all(dbtRunner().invoke(run).success for run in json.loads(sys.argv[1])))"
        )
        plan = json.dumps([["--no-use-colors", "--quiet", *run] for run in runs])
        folder = str(target or self.target)
        return subprocess.Popen(
            [sys.executable, "-c", program, plan],
            env=self.environment | {"DBT_TARGET_PATH": folder, "DBT_LOG_PATH": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
        )

    def build(self, *options: str) -> None:
        """Build and publish every domain in the order of the transform."""
        self.dbt(*(["build", "--selector", selector, *options] for selector in SELECTORS))

    def frame(self, query: str, role: str = "transformer") -> pd.DataFrame:
        """Rows of a query; the loader sees raw, the transformer all that is built."""
        connection = psycopg2.connect(settings.dsn(role))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # pandas prefers SQLAlchemy
                return pd.read_sql(query, connection)
        finally:
            connection.close()

    def all_frames(self) -> dict[str, pd.DataFrame]:
        names = self.frame("select tablename from pg_tables where schemaname = 'marts'")["tablename"]
        return {name: self.frame(f"select * from marts.{name}") for name in names}

    def current(self, source_id: str) -> pd.DataFrame:
        """Raw rows that the ledger calls current, joined here and not by dbt."""
        rows = self.frame(f"select * from raw.{source_id}", "loader")
        slices = self.frame(f"select slice_key, load_id from ops.slice where source_id = '{source_id}'")
        if slices.empty:
            return rows
        return rows.merge(slices, left_on=["_slice", "_load_id"], right_on=["slice_key", "load_id"])

    def compiled(self, node: dict[str, Any]) -> str:
        """SQL of a model as dbt sent it."""
        return (self.target / "compiled" / "pendopo" / node["original_file_path"]).read_text()

    def compiled_inline(self, text: str) -> str:
        """SQL of a query with macros, rendered by dbt."""
        # A target of its own: the project's manifest shall hold no passing query.
        folder = self.target / "inline"
        self.dbt(["compile", "--inline", text, "--target-path", str(folder)])
        [path] = folder.rglob("inline_query")
        return path.read_text()

    def manifest(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.target / "manifest.json").read_text())
        return content


@pytest.fixture(scope="package")
def empty_marts(new_warehouse: Any) -> Iterator[Marts]:
    """Contracts registered, nothing delivered, every domain built in the order of the transform."""
    with new_warehouse("pendopo-dbt-") as warehouse:
        ledger.register_contracts()
        reference.apply_region()
        marts = Marts(warehouse.home)
        marts.target.mkdir()
        marts.build()
        yield marts


@pytest.fixture(scope="package")
def empty_frames(empty_marts: Marts) -> dict[str, pd.DataFrame]:
    """Every mart as it stands before the first delivery."""
    return empty_marts.all_frames()


@pytest.fixture(scope="package")
def sample_marts(empty_marts: Marts, empty_frames: dict[str, pd.DataFrame]) -> Marts:
    """Marts of a small set of sample exports."""
    landing = Path(os.environ["PENDOPO_HOME"]) / "samples"
    for path in sorted(sample.generate(landing, as_of=AS_OF, scale=0.1)):
        load.load_file(path)
    empty_marts.build()
    empty_marts.dbt(["source", "freshness"])
    return empty_marts


@pytest.fixture(scope="package")
def sample_frames(sample_marts: Marts) -> dict[str, pd.DataFrame]:
    """Every mart of the samples alone, before a real file is loaded."""
    names = sample_marts.frame(
        "select table_name from information_schema.tables where table_schema = 'marts'"
    )
    return {name: sample_marts.frame(f"select * from marts.{name}") for name in names["table_name"]}


@pytest.fixture(scope="package")
def real_marts(sample_marts: Marts, sample_frames: dict[str, pd.DataFrame], shared_real: Path) -> Marts:
    """Marts after the real public files came into the same warehouse."""
    paths = [path for pattern in REAL_FILES for path in sorted(shared_real.glob(pattern))]
    assert len(paths) == 6
    for path in paths:
        # Written today: a file last changed before the samples would be an older version of their slices.
        copy = shutil.copyfile(path, sample_marts.target.parent / path.name)
        assert load.load_file(copy).status == "loaded"
    sample_marts.build("--exclude-resource-type", "unit_test")
    return sample_marts
