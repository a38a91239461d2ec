"""Law 1 for DAGs, and what keeps the scheduler calm: fast imports, the same DAG at every parse."""

from __future__ import annotations

import re

import pytest

from ingestion import settings
from ingestion.contract import load_contracts

SECONDS_PER_FILE = 2.0

READ_DAGS = """
import json
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
bag = DagBag()
print(json.dumps({
    "errors": bag.import_errors,
    "seconds": {stat.file: stat.duration.total_seconds() for stat in bag.dagbag_stats},
    "dags": {name: DagSerialization.to_dict(dag)["dag"] for name, dag in bag.dags.items()},
    "schedules": {name: getattr(dag.timetable, "expression", None) for name, dag in bag.dags.items()},
}, default=str, sort_keys=True))
"""


@pytest.fixture(scope="module")
def parsed(airflow):
    return airflow(READ_DAGS)


def test_every_contract_has_a_dag_and_nothing_else_has_one(parsed):
    assert parsed["errors"] == {}
    wanted = {f"ingest__{source_id}" for source_id in load_contracts()} | {"transform", "publish", "watch"}
    assert set(parsed["dags"]) == wanted, (
        "DAGs come from ingestion/contracts/*.yaml; add or remove a contract, not a DAG"
    )


def test_a_source_is_scanned_as_its_contract_says_one_run_at_a_time(parsed):
    for source_id, contract in load_contracts().items():
        dag = parsed["dags"][f"ingest__{source_id}"]
        assert parsed["schedules"][f"ingest__{source_id}"] == contract.schedule
        assert dag["max_active_runs"] == 1
        assert not dag.get("catchup")


def test_no_dag_file_is_slow_to_import(parsed):
    slow = {name: seconds for name, seconds in parsed["seconds"].items() if seconds > SECONDS_PER_FILE}
    assert not slow, "the scheduler imports these every minute: import heavy modules inside the tasks"


def test_a_dag_is_the_same_at_every_parse(airflow, parsed):
    again = airflow(READ_DAGS, REGION="32.78", PENDOPO_REDIS_URL="redis://elsewhere:6379/0", TZ="Asia/Tokyo")
    for dags in (parsed["dags"], again["dags"]):
        for dag in dags.values():
            dag.pop("timezone", None)  # the region's, the same for the life of an installation
    assert again["dags"] == parsed["dags"], (
        "a DAG that differs between parses gets a new version each time: no clock, environment or file "
        "listing at the top level of dags/*.py"
    )


def test_tasks_stay_out_of_airflows_database():
    for path in [*(settings.ROOT / "dags").glob("*.py"), *(settings.ROOT / "deploy").glob("*.py")]:
        found = re.findall(r"airflow\.(?:models|settings|utils\.session)\b", path.read_text())
        assert not found, f"{path.name}: {found}; use airflow.sdk, and the ledger for state"
