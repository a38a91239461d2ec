"""An existing PostgreSQL takes the place of the embedded one; its administrator need not be a superuser."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from deploy import postgres
from ingestion import settings

ROWS = (
    "thang;bulan;tgl_cutoff;nama_pemda;pendapatan;belanja;pembiayaan;SILPA\r\n"
    "2026;1;2026-01-31;Kabupaten Contoh;100;60;0;40\r\n"
)
PREPARE_AND_LOAD = textwrap.dedent(
    """
    import json, sys
    from pathlib import Path
    from deploy import prepare
    from ingestion import ledger, settings
    from ingestion.load import load_file
    settings.generate_secrets()
    prepare.warehouse()
    again = prepare.warehouse()
    outcome = load_file(Path(sys.argv[1]))
    with ledger.connect("transformer") as connection, connection.cursor() as cursor:
        cursor.execute("select government_name from raw.djpb__apbd")
        print(json.dumps([outcome.status, again, cursor.fetchall()]))
    """
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of a server that listens on TCP, with a superuser and a mere administrator."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    before = os.environ.get("PENDOPO_HOME")
    with tempfile.TemporaryDirectory(prefix="pendopo-external-", dir="/var/tmp") as folder:
        os.environ["PENDOPO_HOME"] = folder
        Path(folder).chmod(0o755)
        server = postgres.EmbeddedServer()
        server.initialise()
        os.environ.pop("PENDOPO_HOME") if before is None else os.environ.update(PENDOPO_HOME=before)
        access = server.data / "pg_hba.conf"
        access.write_text(access.read_text() + "host all all 127.0.0.1/32 scram-sha-256\n")
        drop_root = {"user": server.account.uid, "group": server.account.gid} if os.geteuid() == 0 else {}
        process = subprocess.Popen(
            [*server.command(), "-c", "listen_addresses=127.0.0.1", "-p", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            **drop_root,
        )
        try:
            connection = _connect(f"host={server.socket} port={port} user=postgres dbname=postgres")
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("create role atasan superuser login password 'a/b@c:d'")
                cursor.execute("create role dba createdb createrole login password 'rahasia'")
            connection.close()
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)
            server.remove()


def _connect(dsn: str) -> psycopg2.extensions.connection:
    for _ in range(100):
        try:
            return psycopg2.connect(dsn)
        except psycopg2.OperationalError:
            time.sleep(0.1)
    return psycopg2.connect(dsn)


@pytest.mark.parametrize(("user", "password"), [("dba", "rahasia"), ("atasan", "a/b@c:d")])
def test_an_administrator_of_an_existing_server_is_enough(address, tmp_path, user, password):
    _drop_everything(address)
    file = tmp_path / "djpb_apbd.csv"
    file.write_text(ROWS)
    secret = tmp_path / "password"
    secret.write_text(password + "\n")
    environment = os.environ | {
        "PENDOPO_HOME": str(tmp_path / "home"),
        "PENDOPO_DATABASE_URL": f"postgresql://{user}@{address}/postgres",
        "PENDOPO_DATABASE_PASSWORD_FILE": str(secret),
        "PYTHONPATH": str(settings.ROOT),
    }
    result = subprocess.run(
        [sys.executable, "-c", PREPARE_AND_LOAD, str(file)],
        env=environment,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert json.loads(result.stdout.splitlines()[-1]) == ["loaded", [], [["Kabupaten Contoh"]]]


def test_a_strangers_role_on_the_server_is_never_taken_over(address, tmp_path):
    _drop_everything(address)
    host, _, port = address.partition(":")
    connection = psycopg2.connect(host=host, port=port, user="atasan", password="a/b@c:d", dbname="postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("create role airflow login password 'milik orang lain'")
    result = subprocess.run(
        [sys.executable, "-c", PREPARE_AND_LOAD, str(tmp_path)],
        env=os.environ
        | {
            "PENDOPO_HOME": str(tmp_path / "home"),
            "PENDOPO_DATABASE_URL": f"postgresql://dba:rahasia@{address}/postgres",
            "PYTHONPATH": str(settings.ROOT),
        },
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
    )
    assert result.returncode != 0
    assert "MigrationError: Peran 'airflow'" in result.stderr
    psycopg2.connect(
        host=host, port=port, user="airflow", password="milik orang lain", dbname="postgres"
    ).close()
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_roles where rolname in ('owner', 'loader')")
        assert cursor.fetchone() == (0,)
    connection.close()


def _drop_everything(address: str) -> None:
    host, _, port = address.partition(":")
    connection = psycopg2.connect(host=host, port=port, user="atasan", password="a/b@c:d", dbname="postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        for database in ("pendopo", "airflow", "superset_staff", "superset_public"):
            cursor.execute(f"drop database if exists {database} with (force)")
        for role in ("owner", *settings.LOGIN_ROLES):
            cursor.execute(f"drop role if exists {role}")
    connection.close()
