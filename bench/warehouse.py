"""A PostgreSQL of the measurement's own, set up as shipped, in a temporary home that is removed later."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2

from deploy import migrations, postgres
from ingestion import ledger, settings

CONTRACTS = Path(__file__).with_name("contracts")


@contextlib.contextmanager
def temporary(contracts: Path = CONTRACTS) -> Iterator[Path]:
    """Start it and give its home; ``PENDOPO_HOME`` and ``PENDOPO_CONTRACTS`` point to it meanwhile."""
    home = Path(tempfile.mkdtemp(prefix="pendopo-bench-", dir="/var/tmp"))
    changed = {"PENDOPO_HOME": str(home), "PENDOPO_CONTRACTS": str(contracts), "REGION": "35.23"}
    removed = ("PENDOPO_LANDING", "PENDOPO_DATABASE_URL")
    before = {name: os.environ.get(name) for name in (*changed, *removed)}
    os.environ.update(changed)
    for name in removed:
        os.environ.pop(name, None)
    server = postgres.EmbeddedServer()
    try:
        settings.generate_secrets()
        server.initialise()
        server.start()
        migrations.prepare_roles()
        migrations.migrate()
        ledger.register_contracts()
        yield home
    finally:
        server.stop()
        server.remove()
        shutil.rmtree(home, ignore_errors=True)
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


@contextlib.contextmanager
def cursor() -> Iterator[Any]:
    """The administrator's cursor, committed at the end."""
    with (
        contextlib.closing(psycopg2.connect(postgres.admin_dsn())) as connection,
        connection,
        connection.cursor() as opened,
    ):
        yield opened


def execute(statements: str) -> None:
    """Run statements one after the other, each in a transaction of its own."""
    with contextlib.closing(psycopg2.connect(postgres.admin_dsn())) as connection:
        connection.autocommit = True
        with connection.cursor() as opened:
            for statement in statements.split(";"):
                if statement.strip():
                    opened.execute(statement)
