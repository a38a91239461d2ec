"""The embedded server: who may log in, as whom it runs, what happens to a half-made start."""

from __future__ import annotations

import multiprocessing
import os
import pwd
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from deploy import migrations, postgres
from ingestion import settings


def test_every_role_logs_in_with_its_own_password_only(warehouse):
    for role in settings.LOGIN_ROLES:
        with psycopg2.connect(settings.dsn(role)) as connection, connection.cursor() as cursor:
            cursor.execute("select current_user, current_database()")
            assert cursor.fetchone() == (role, settings.database_of(role))
        wrong = settings.dsn(role).replace(settings.secret(f"postgres_{role}"), "salah")
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(wrong)


def test_the_owner_of_the_schemas_cannot_log_in(warehouse):
    dsn = settings.dsn("loader").replace("//loader:", "//owner:")
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(dsn)


def test_the_superuser_is_reached_by_peer_only(warehouse):
    if os.geteuid() != 0:
        pytest.skip("only root can try the connection as another user")
    psql = postgres.binaries() / "psql"
    command = [str(psql), "--no-password", "--command=select 1", postgres.admin_dsn()]
    assert subprocess.run(command, capture_output=True, cwd="/").returncode == 0
    stranger = subprocess.run(command, user="nobody", capture_output=True, text=True, cwd="/")
    assert stranger.returncode != 0
    assert "Peer authentication failed" in stranger.stderr


def test_a_role_cannot_enter_another_services_database(warehouse):
    dsn = settings.dsn("wall").replace("@/pendopo?", "@/airflow?")
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(dsn)


def test_dashboards_read_marts_and_the_public_reads_open_data_only(warehouse):
    def readable(role: str) -> set[str]:
        with warehouse.connect(role) as connection, connection.cursor() as cursor:
            cursor.execute(
                "select nspname from pg_namespace where has_schema_privilege(nspname, 'usage') "
                "and nspname !~ '^pg_|information_schema'"
            )
            return {name for (name,) in cursor.fetchall()}

    assert readable("bi_staff") == {"marts"}
    assert readable("bi_public") == {"open_data"}
    assert "staging" not in readable("publisher")


def test_secrets_are_readable_by_their_owner_only(warehouse):
    assert settings.secrets_file().stat().st_mode & 0o777 == 0o600
    before = settings.secrets_file().read_text()
    settings.generate_secrets()
    assert settings.secrets_file().read_text() == before


def test_migrations_run_once_and_a_changed_one_is_refused(warehouse, tmp_path, monkeypatch):
    assert migrations.migrate() == []
    for path in migrations.migration_files():
        (tmp_path / path.name).write_text(path.read_text())
    changed = sorted(tmp_path.iterdir())[0]
    changed.write_text(changed.read_text() + "\n-- changed later\n")
    monkeypatch.setattr(migrations, "FOLDER", tmp_path)
    with pytest.raises(migrations.MigrationError, match=changed.name):
        migrations.migrate()


def test_a_failing_migration_leaves_nothing_behind(warehouse, tmp_path, monkeypatch):
    for path in migrations.migration_files():
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "9999_broken.sql").write_text("create table ops.half_made (id int); select 1 / 0;")
    monkeypatch.setattr(migrations, "FOLDER", tmp_path)
    with pytest.raises(migrations.MigrationError, match=r"9999_broken\.sql"):
        migrations.migrate()
    with warehouse.connect("admin") as connection, connection.cursor() as cursor:
        cursor.execute("select to_regclass('ops.half_made')")
        assert cursor.fetchone() == (None,)


def _start_and_stop(home: Path, user: str | None, answer: Any) -> None:
    """In a forked child: start a new installation's server, look at it, remove it."""
    binaries = postgres.binaries()
    if user is not None:
        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
        # The checkout may lie where only root can go; whose server it is, is what is tested.
        postgres.binaries = lambda: binaries  # type: ignore[assignment]
    os.environ["PENDOPO_HOME"] = str(home)
    os.environ.pop("PENDOPO_SECRETS_FILE", None)
    settings.generate_secrets()
    server = postgres.EmbeddedServer()
    server.initialise()
    server.start()
    with psycopg2.connect(postgres.admin_dsn("postgres")) as connection, connection.cursor() as cursor:
        cursor.execute("show server_encoding")
        encoding = cursor.fetchone()[0]
    process = server.postmaster()
    answer.send((server.data, encoding, process.username() if process else None))
    connection.close()
    server.stop()
    server.remove()


def _in_a_child(home: Path, user: str | None = None) -> tuple[Path, str, str]:
    receiver, sender = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_start_and_stop, args=(home, user, sender))
    child.start()
    sender.close()
    try:
        result: tuple[Path, str, str] = receiver.recv()
    finally:
        child.join(120)
    assert child.exitcode == 0
    return result


def test_it_starts_with_an_empty_locale_below_a_folder_closed_to_others(tmp_path, monkeypatch):
    monkeypatch.setenv("LANG", "")
    monkeypatch.setenv("LC_ALL", "")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    data, encoding, owner = _in_a_child(closed / "home")
    assert encoding == "UTF8"
    if os.geteuid() == 0:
        assert data.is_relative_to(postgres.STATE_OF_ROOT)
        assert owner == postgres.SERVER_USER
    assert closed.stat().st_mode & 0o777 == 0o700


def test_it_starts_as_an_ordinary_user_with_data_in_its_own_home():
    if os.geteuid() != 0:
        pytest.skip("the whole suite already runs as an ordinary user")
    with tempfile.TemporaryDirectory(prefix="pendopo-ordinary-", dir="/var/tmp") as folder:
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
        data, _, owner = _in_a_child(Path(folder) / "state", user="nobody")
        assert data == Path(folder) / "state" / "pgdata"
        assert owner == "nobody"
