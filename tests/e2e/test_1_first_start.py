"""One command from nothing: services run, Airflow loaded the exports, dbt filled the marts, charts answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from deploy import services
from ingestion import settings
from ingestion.contract import load_contracts

pytestmark = pytest.mark.e2e


def test_every_service_is_up(center):
    states = {name: info["state"] for name, info in center.status()["services"].items()}
    assert states == {service.name: "up" for service in services.local_services()}


def test_the_start_shows_steps_with_times_addresses_and_logins(center):
    for expected in ("PostgreSQL", "Airflow", "Superset", "detik", settings.service_url("superset")):
        assert expected in center.first_start
    assert settings.secret("login_leader") in center.first_start


def test_the_scheduler_loaded_every_source_and_took_the_files_from_the_inbox(center):
    loaded = dict(center.query("select source_id, count(*) from ops.load where status = 'loaded' group by 1"))
    assert set(loaded) == set(load_contracts())
    api = center.airflow()
    for source in load_contracts():
        assert {run["state"] for run in api.runs(f"ingest__{source}")} == {"success"}
        folder = Path(settings.landing()) / source.replace("__", "/", 1)
        assert [path.name for path in folder.glob("*") if path.is_file()] == []


def test_rows_read_are_loaded_rejected_or_skipped_for_every_file(center):
    rows = center.query(
        """
        select l.load_id, rows_read, rows_loaded, rows_rejected, rows_skipped,
            (select coalesce(sum(value::bigint), 0) from jsonb_each_text(skipped_by_kind)),
            (select count(*) from ops.rejected_row r where r.load_id = l.load_id)
        from ops.load l where status = 'loaded'
        """,
        role="loader",
    )
    assert rows
    for load_id, read, loaded, rejected, skipped, skipped_by_kind, kept in rows:
        assert read == loaded + rejected + skipped, load_id
        assert skipped == skipped_by_kind, load_id
        assert rejected == kept, load_id
    assert sum(row[3] for row in rows) > 0, "the sample's dirt must be refused"


def test_the_broken_and_the_unknown_sample_file_are_explained_and_kept(center):
    rows = center.query(
        "select status, file_name, message, original_path from ops.delivery "
        "where status in ('refused', 'unknown')",
        role="loader",
    )
    assert {status for status, *_ in rows} == {"refused", "unknown"}
    for _, name, message, original in rows:
        assert message and name in message
        assert (settings.home() / original).exists()


def test_originals_are_readable_by_their_owner_only(center):
    files = [path for path in (settings.home() / "originals").rglob("*") if path.is_file()]
    assert files
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_every_mart_is_filled(center):
    tables = center.query(
        "select table_name from information_schema.tables where table_schema = 'marts' order by 1",
        role="bi_staff",
    )
    assert len(tables) >= 12
    empty = [
        name
        for (name,) in tables
        if center.query(f'select count(*) from marts."{name}"', role="bi_staff") == [(0,)]
    ]
    assert empty == []


def test_no_personal_column_leaves_raw(center):
    for contract in load_contracts().values():
        protected = {column.name for column in contract.columns if column.is_protected}
        in_staging = center.query(
            "select column_name from information_schema.columns "
            "where table_schema = 'staging' and table_name = %s",
            f"stg_{contract.source_id}",
            role="admin",
        )
        assert in_staging and not protected & {name for (name,) in in_staging}
        for column in protected:
            [(is_readable,)] = center.query(
                "select has_column_privilege('transformer', %s, %s, 'select')",
                *(f"raw.{contract.source_id}", column),
                role="admin",
            )
            assert not is_readable, (contract.source_id, column)


def test_every_chart_of_every_dashboard_answers(center):
    result = center.pendopo("superset", "push", "--verify", "--json", check=False)
    report = json.loads(result.stdout)
    assert result.returncode == 0, report
    slugs = {dashboard["slug"] for dashboard in report["dashboards"]}
    assert slugs == {"pimpinan", "aduan", "absensi", "kemiskinan", "anggaran"}
    for dashboard in report["dashboards"]:
        assert len(dashboard["charts"]) >= 4
        for chart in dashboard["charts"]:
            assert chart["status"] == "ok", chart
            assert chart["rows"] > 0, chart


def test_nobody_sees_a_dashboard_without_signing_in(center):
    base = settings.service_url("superset")
    answer = requests.get(f"{base}/api/v1/chart/", timeout=20)
    assert answer.status_code in (401, 403)
    page = requests.get(f"{base}/superset/dashboard/pimpinan/", timeout=20, allow_redirects=False)
    assert page.status_code in (302, 401, 403, 404)


def test_tidying_removes_no_recent_run(center):
    before = center.airflow().runs("transform")
    center.pendopo("tidy")
    assert center.airflow().runs("transform") == before


def test_a_second_start_loads_nothing_anew(center):
    tables = ("ops.load", "ops.delivery", "ops.run_result")
    query = "select " + ", ".join(f"(select count(*) from {table})" for table in tables)
    before = center.query(query, role="admin")
    secrets = settings.secrets_file().read_text()
    center.pendopo("up", "--detach")
    assert center.query(query, role="admin") == before
    assert settings.secrets_file().read_text() == secrets


def test_a_second_installation_on_a_used_port_stops_with_one_sentence(center, tmp_path, monkeypatch):
    monkeypatch.setenv("PENDOPO_HOME", str(tmp_path / "home"))
    result = center.pendopo("up", "--detach", check=False)
    assert result.returncode == 1
    text = result.stdout + result.stderr
    assert str(settings.port("airflow")) in text
    assert "PENDOPO_PORT_AIRFLOW=" in text
    assert "Traceback" not in text
