"""What the transform builds, and that no load is ever forgotten."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from deploy import transform
from ingestion import ledger


@pytest.fixture
def database(clean_ledger, monkeypatch):
    """Cursor of the administrator on a ledger where every domain is up to date."""
    monkeypatch.setattr(transform, "SETTLE_SECONDS", 0)
    connection = clean_ledger.connect("admin")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("select coalesce(max(load_id), 0) from ops.load")
    newest = cursor.fetchone()[0]
    cursor.execute("truncate ops.run_domain")
    for domain in transform.DOMAINS:
        cursor.execute(
            "insert into ops.run_domain values (%s, %s, 'test', 'success', now(), %s)",
            (domain, newest, transform.models_version()),
        )
    yield cursor
    connection.close()


def _load(cursor, source_id: str, status: str = "loaded") -> int:
    """Write the ledger row of a load."""
    cursor.execute(
        "insert into ops.load (source_id, sha256, file_name, contract_version, loader_version, status,"
        " rows_read, rows_loaded, rows_rejected, rows_skipped, started_at, modified_at)"
        " values (%s, gen_random_uuid()::text, 'uji', '0', '0', %s, 0, 0, 0, 0, now(), now())"
        " returning load_id",
        (source_id, status),
    )
    return cursor.fetchone()[0]


def _build_row(cursor, domain: str) -> tuple:
    cursor.execute("select up_to_load_id, status from ops.run_domain where domain = %s", (domain,))
    return cursor.fetchone()


def test_nothing_is_built_when_nothing_is_behind(database):
    assert transform.plan() == {}
    assert not transform.is_due()


def test_only_the_domain_with_a_new_load_is_built_and_supply_after_it(database):
    load_id = _load(database, "bps__kemiskinan")
    assert list(transform.plan().items()) == [("poverty", load_id), ("supply", load_id)]


def test_a_refused_file_changes_what_supply_shows(database):
    load_id = _load(database, "bps__kemiskinan", "refused")
    assert transform.plan() == {"supply": load_id}


def test_a_new_installation_builds_everything_in_order(database):
    database.execute("truncate ops.run_domain")
    assert tuple(transform.plan()) == transform.DOMAINS


def test_after_an_upgrade_of_the_models_every_domain_is_built_anew(database):
    database.execute("update ops.run_domain set models_version = 'of the version before'")
    assert tuple(transform.plan()) == transform.DOMAINS
    database.execute("select min(up_to_load_id) = max(up_to_load_id) from ops.run_domain")
    assert database.fetchone() == (True,)


def test_a_load_under_way_with_a_lower_id_is_not_hidden_by_a_finished_one(database):
    """Two sources of one domain: the later id commits first, the build must not count as up to it."""
    finished = _load(database, "bkpsdm__pegawai")
    with ledger.connect() as connection, connection.cursor() as cursor:
        ledger.lock(cursor, "load:bkpsdm__absensi_mesin")
        planned = transform.plan()
    assert planned == {"attendance": 0, "supply": 0}
    # Once it is done, the domain is planned up to both.
    assert transform.plan() == {"attendance": finished, "supply": finished}


def test_a_load_during_a_build_leaves_the_domain_behind(database):
    planned = _load(database, "bps__kemiskinan")
    later = _load(database, "bps__kemiskinan")
    transform._record("poverty", planned, transform.models_version(), None, is_success=True)
    assert transform.behind()["poverty"] == later


def test_a_failed_build_stays_behind_but_is_not_tried_all_the_time(database):
    load_id = _load(database, "bps__kemiskinan")
    before = _build_row(database, "poverty")[0]
    transform._record("poverty", load_id, transform.models_version(), None, is_success=False)
    transform._record("supply", load_id, transform.models_version(), None, is_success=True)
    assert _build_row(database, "poverty") == (before, "failed")
    assert "poverty" in transform.behind()
    assert not transform.is_due()
    database.execute("update ops.run_domain set finished_at = now() - interval '2 hours'")
    assert transform.is_due()
    # News of another domain do not wait.
    transform._record("poverty", load_id, transform.models_version(), None, is_success=False)
    _load(database, "djpb__apbd")
    assert transform.is_due()


def test_a_build_writes_down_what_every_node_did(database):
    transform.run_domain("shared", 0)
    assert _build_row(database, "shared")[1] == "success"
    database.execute(
        "select result.status, count(*) from ops.run_result as result"
        " join ops.run_domain using (domain, invocation_id) where domain = 'shared' group by 1"
    )
    counts = dict(database.fetchall())
    assert set(counts) == {"success", "pass"}
    assert sum(counts.values()) > 10


def test_a_build_that_dbt_refuses_is_an_error_and_keeps_the_last_state(database):
    database.execute("insert into ops.run_domain values ('tidak_ada', 7, 'test', 'success')")
    with pytest.raises(transform.BuildError, match="tidak_ada"):
        transform.run_domain("tidak_ada", 9)
    assert _build_row(database, "tidak_ada") == (7, "failed")


def test_a_killed_task_takes_its_program_with_it(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from deploy import child; child.die_with_parent(); "
        "child.run(['sleep', '54321'], os.environ, Path(sys.argv[1]))"
    )
    task = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    try:
        deadline = time.monotonic() + 20
        while not (children := psutil.Process(task.pid).children()) or children[0].name() != "sleep":
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        os.kill(task.pid, signal.SIGKILL)
        task.wait()
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []
