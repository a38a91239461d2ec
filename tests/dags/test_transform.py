"""What the transform builds, and that no load is ever forgotten."""

from __future__ import annotations

import datetime
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from deploy import transform


@pytest.fixture
def database(clean_ledger, monkeypatch):
    """Cursor of the administrator on a ledger where every domain is up to date."""
    monkeypatch.setattr(transform, "SETTLE_SECONDS", 0)
    connection = clean_ledger.connect("admin")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("truncate ops.run_domain, ops.build, ops.published_load")
    for domain in transform.DOMAINS:
        _publish(cursor, domain)
    yield cursor
    connection.close()


def _publish(cursor, domain: str) -> None:
    """Write what a published build of a domain leaves behind."""
    cursor.execute(
        "insert into ops.run_domain values (%s, 0, gen_random_uuid(), 'success', now(), %s)"
        " on conflict (domain) do update set status = 'success', invocation_id = excluded.invocation_id",
        (domain, transform.models_versions()[domain]),
    )
    cursor.execute(
        "insert into ops.published_load (domain, load_id, source_id, change_id, superseded_by_load_id)"
        " select %s, load_id, source_id, change_id, superseded_by_load_id from ops.load"
        " inner join ops.source using (source_id)"
        " where %s = 'supply' or (source.domain = %s and status = 'loaded')"
        " on conflict (domain, load_id) do update set"
        " change_id = excluded.change_id, superseded_by_load_id = excluded.superseded_by_load_id",
        (domain, domain, domain),
    )
    cursor.execute(
        "insert into ops.build (domain, invocation_id, models_version, is_full_rebuild, runs_seen)"
        " select domain, invocation_id, models_version, false,"
        " (select jsonb_object_agg(domain, invocation_id) from ops.run_domain where domain <> 'supply')"
        " from ops.run_domain where domain = %s"
        " on conflict (domain) do update set"
        " invocation_id = excluded.invocation_id, runs_seen = excluded.runs_seen",
        (domain,),
    )


def _load(cursor, source_id: str, status: str = "loaded", load_id: int | None = None) -> int:
    """Write the ledger row of a load."""
    cursor.execute(
        "insert into ops.load (load_id, source_id, sha256, file_name, contract_version, loader_version,"
        " status, rows_read, rows_loaded, rows_rejected, rows_skipped, started_at, modified_at)"
        " overriding system value"
        " values (coalesce(%s, nextval('ops.load_load_id_seq')), %s, gen_random_uuid()::text, 'uji',"
        " '0', '0', %s, 0, 0, 0, 0, now(), now())"
        " returning load_id",
        (load_id, source_id, status),
    )
    return cursor.fetchone()[0]


def _status(cursor, domain: str) -> str:
    cursor.execute("select status from ops.run_domain where domain = %s", (domain,))
    return cursor.fetchone()[0]


def _fail(domain: str, began: datetime.timedelta = datetime.timedelta()) -> None:
    """A build that began so long ago and now ends in an error."""
    transform._record(domain, None, datetime.datetime.now(datetime.UTC) - began, is_success=False)


def test_nothing_is_built_when_nothing_is_behind(database):
    assert transform.plan() == []
    assert not transform.is_due()


def test_only_the_domain_with_a_new_load_is_built_and_supply_after_it(database):
    _load(database, "bps__kemiskinan")
    assert transform.plan() == ["poverty", "supply"]


def test_a_load_that_came_back_or_lost_its_place_is_news(database):
    load_id = _load(database, "bps__kemiskinan")
    for change in ("change_id = nextval('ops.load_load_id_seq')", "superseded_by_load_id = load_id"):
        _publish(database, "poverty")
        _publish(database, "supply")
        assert transform.plan() == []
        database.execute(f"update ops.load set {change} where load_id = %s", (load_id,))
        assert transform.plan() == ["poverty", "supply"]


def test_a_refused_file_changes_what_supply_shows(database):
    _load(database, "bps__kemiskinan", "refused")
    assert transform.plan() == ["supply"]


def test_a_domain_published_by_hand_changes_what_supply_shows(database):
    _publish(database, "poverty")
    assert transform.plan() == ["supply"]


def test_a_new_installation_builds_everything_in_order(database):
    database.execute("truncate ops.run_domain")
    assert tuple(transform.plan()) == transform.DOMAINS


def test_after_a_change_of_models_the_domains_they_feed_are_built_anew(database):
    database.execute("update ops.run_domain set models_version = 'other' where domain = 'budget'")
    assert transform.plan() == ["budget", "supply"]
    database.execute("update ops.run_domain set models_version = 'of the version before'")
    assert tuple(transform.plan()) == transform.DOMAINS


def test_a_change_in_one_domain_is_no_other_version_of_another(tmp_path, monkeypatch):
    for name in ("dbt_project/models/marts/budget", "dbt_project/models/marts/shared", "regions"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "dbt_project" / "dbt_project.yml").write_text("")
    (tmp_path / "regions" / "35.23.yaml").write_text("")
    monkeypatch.setattr(transform.settings, "ROOT", tmp_path)
    monkeypatch.setattr(transform.settings, "region_file", lambda: tmp_path / "regions" / "35.23.yaml")
    before = transform.models_versions()
    (tmp_path / "dbt_project/models/marts/budget/new.sql").write_text("select 1")
    changed = transform.models_versions()
    assert {domain for domain in changed if changed[domain] != before[domain]} == {"budget"}
    (tmp_path / "dbt_project/models/marts/shared/new.sql").write_text("select 1")
    assert all(version != changed[domain] for domain, version in transform.models_versions().items())
    (tmp_path / "regions" / "35.23.yaml").write_text("opd: []")
    assert (
        len({tuple(transform.models_versions().values()), tuple(transform.models_versions("x").values())})
        == 2
    )


def test_an_edited_region_is_in_the_marts_that_are_recorded_as_its_version(database, tmp_path, monkeypatch):
    original = transform.settings.region_file().read_text()
    file = tmp_path / "35.23.yaml"
    monkeypatch.setattr(transform.settings, "region_file", lambda code=None: file)
    name = "select opd_name from marts.dim_opd where opd_code = 'bkpsdm'"
    recorded = "select models_version from ops.run_domain where domain = 'shared' and status = 'success'"
    try:
        file.write_text(original.replace("Badan Kepegawaian", "Badan Uji Kepegawaian"))
        assert tuple(transform.plan()) == transform.DOMAINS
        # Until the facts are taken over nothing is built under the new version.
        assert (
            transform.models_versions()["budget"]
            not in transform.dbt_environment()["PENDOPO_MODELS_VERSIONS"]
        )
        transform.run_domain("shared")
        database.execute(name)
        assert database.fetchone()[0].startswith("Badan Uji Kepegawaian")
        database.execute(recorded)
        assert database.fetchone() == (transform.models_versions()["shared"],)
        assert "shared" not in transform.behind()
        for wrong, why in (
            ("opd: [", "tidak dapat dibaca"),
            ("", "tidak dapat dibaca"),
            ("opd: [{}]", "kunci"),
            ("opd: [{code: x, name: null, short_name: X, kind: badan}]", "null value"),
        ):
            file.write_text(wrong)
            with pytest.raises(transform.BuildError, match=f"35.23.yaml.* {why}"):
                transform.run_domain("shared")
            assert _status(database, "shared") == "failed"
            assert tuple(transform.behind()) == transform.DOMAINS and not transform.is_due()
        os.utime(file, (time.time() + 60,) * 2)
        assert transform.is_due()
        database.execute(name)
        assert database.fetchone()[0].startswith("Badan Uji Kepegawaian")
    finally:
        monkeypatch.undo()
        transform.run_domain("shared")


def test_a_load_that_is_finished_after_one_with_a_higher_id_is_not_hidden(database):
    """A load takes its id when it begins: the later one is built first."""
    database.execute("select nextval('ops.load_load_id_seq')")
    early = database.fetchone()[0]
    assert _load(database, "bkpsdm__pegawai") > early
    _publish(database, "attendance")
    _publish(database, "supply")
    assert transform.plan() == []
    _load(database, "bkpsdm__absensi_mesin", load_id=early)
    assert transform.plan() == ["attendance", "supply"]


def test_a_failed_build_stays_behind_but_is_not_tried_all_the_time(database):
    _load(database, "bps__kemiskinan")
    _fail("poverty")
    _publish(database, "supply")
    assert _status(database, "poverty") == "failed"
    assert transform.behind() == ["poverty", "supply"]
    assert not transform.is_due()
    database.execute("update ops.run_domain set finished_at = now() - interval '2 hours'")
    assert transform.is_due()
    # News of another domain do not wait.
    _fail("poverty")
    _load(database, "djpb__apbd")
    assert transform.is_due()


def test_what_another_build_has_published_meanwhile_is_not_called_failed(database):
    _fail("poverty", began=datetime.timedelta(minutes=5))
    assert _status(database, "poverty") == "success"
    _fail("poverty")
    assert _status(database, "poverty") == "failed"


def test_a_build_writes_down_what_every_node_did(database):
    transform.run_domain("shared")
    assert _status(database, "shared") == "success"
    database.execute(
        "select result.status, count(*) from ops.run_result as result"
        " join ops.run_domain using (domain, invocation_id) where domain = 'shared' group by 1"
    )
    counts = dict(database.fetchall())
    assert set(counts) == {"success", "pass"}
    assert sum(counts.values()) > 10


def test_a_build_that_dbt_refuses_is_an_error(database):
    with pytest.raises(transform.BuildError, match="tidak_ada"):
        transform.run_domain("tidak_ada")
    assert _status(database, "tidak_ada") == "failed"


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
