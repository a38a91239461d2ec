"""A restored installation equals the saved one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from deploy import backup
from ingestion import settings


def _state(warehouse) -> dict[str, object]:
    """Every table's rows, the rights on it, and every kept file."""
    state: dict[str, object] = {}
    with warehouse.connect("admin") as connection, connection.cursor() as cursor:
        cursor.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_schema in ('raw', 'ops', 'reference', 'marts') and table_type = 'BASE TABLE'"
        )
        for schema, table in cursor.fetchall():
            cursor.execute(f'select t::text from "{schema}"."{table}" t order by 1')
            state[f"{schema}.{table}"] = cursor.fetchall()
        cursor.execute(
            "select table_schema, table_name, grantee, privilege_type "
            "from information_schema.table_privileges "
            "where table_schema in ('raw', 'ops', 'reference', 'marts') order by 1, 2, 3, 4"
        )
        state["rights"] = cursor.fetchall()
    for folder in ("originals", "landing"):
        for path in sorted((settings.home() / folder).rglob("*")):
            if path.is_file():
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                state[str(path.relative_to(settings.home()))] = (digest, path.stat().st_mode)
    state["secrets"] = settings.secrets_file().read_text()
    return state


def test_a_restored_installation_equals_the_saved_one(warehouse, tmp_path):
    with warehouse.connect("admin") as connection, connection.cursor() as cursor:
        cursor.execute("insert into ops.setting (name, value) values ('backup_test', '1')")
        cursor.execute("create table if not exists raw.saved (value text)")
        cursor.execute("insert into raw.saved select i::text from generate_series(1, 1000) i")
        cursor.execute("grant select (value) on raw.saved to transformer")
        cursor.execute("create table candidate.scratch as select 1 as untested")
    original = settings.home() / "originals" / "ab" / "abcdef"
    original.parent.mkdir(parents=True, exist_ok=True)
    original.write_bytes(b"the file as the agency sent it")
    original.chmod(0o600)
    saved = _state(warehouse)

    archive = backup.backup(tmp_path / "pendopo.tar")
    assert archive.stat().st_mode & 0o777 == 0o600

    with warehouse.connect("admin") as connection, connection.cursor() as cursor:
        cursor.execute("delete from ops.setting where name = 'backup_test'")
        cursor.execute("drop table raw.saved")
    original.unlink()
    (settings.home() / "originals" / "later").write_bytes(b"came after the backup")
    settings.secrets_file().write_text(
        settings.secrets_file().read_text().replace('"login_admin": "', '"login_admin": "x')
    )
    assert _state(warehouse) != saved

    manifest = backup.restore(archive)
    assert manifest["region"] == "35.23"
    assert _state(warehouse) == saved
    with warehouse.connect("transformer") as connection, connection.cursor() as cursor:
        cursor.execute("select count(value) from raw.saved")
        assert cursor.fetchone() == (1000,)
        # Candidates are no part of a backup; their schema is, with its rights.
        cursor.execute("select to_regclass('candidate.scratch')")
        assert cursor.fetchone() == (None,)
        cursor.execute("create table candidate.scratch (); drop table candidate.scratch")
    with warehouse.connect("admin") as connection, connection.cursor() as cursor:
        cursor.execute("drop table raw.saved")


@pytest.mark.parametrize("content", [b"", b"not an archive"])
def test_a_broken_backup_changes_nothing_and_says_so(warehouse, tmp_path: Path, content):
    before = _state(warehouse)
    broken = tmp_path / "broken.tar"
    broken.write_bytes(content)
    with pytest.raises(backup.BackupError, match=r"broken\.tar"):
        backup.restore(broken)
    assert _state(warehouse) == before


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_the_administrators_password_is_no_argument_of_a_process(tmp_path, monkeypatch, scheme):
    tool = tmp_path / "pg_dump"
    tool.write_text('#!/bin/sh\necho "$* / $PGPASSWORD" > ' + str(tmp_path / "seen"))
    tool.chmod(0o755)
    monkeypatch.setattr(backup.postgres, "binaries", lambda: tmp_path)
    monkeypatch.setenv("PENDOPO_DATABASE_URL", f"{scheme}://dba:raha%2Fsia@db.example:5432/postgres")
    backup._run("pg_dump", backup.postgres.admin_dsn("pendopo"))
    assert (tmp_path / "seen").read_text() == "postgresql://dba@db.example:5432/pendopo / raha/sia\n"
