"""Fixtures that every test folder may use: the real files, and a real PostgreSQL of their own."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from deploy import migrations, postgres
from ingestion import settings


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The running center comes last: its fixture points this process to another installation."""
    items.sort(key=lambda item: item.get_closest_marker("e2e") is not None)


@pytest.fixture(scope="session")
def shared_real() -> Path:
    """Folder of the real public files, which are never part of the repository."""
    base = Path(os.environ.get("PENDOPO_SHARED") or settings.ROOT.parent / "shared")
    folder = base / "real"
    if not folder.is_dir():
        reason = f"real files are not at {folder}; set PENDOPO_SHARED to the folder that holds real/"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@dataclass
class Warehouse:
    """A running embedded PostgreSQL with roles and migrations, in a home of its own."""

    home: Path

    def connect(self, role: str) -> Any:
        """Open a psycopg2 connection; role "admin" is the superuser by peer."""
        return psycopg2.connect(postgres.admin_dsn() if role == "admin" else settings.dsn(role))


@contextlib.contextmanager
def _new_warehouse(prefix: str) -> Iterator[Warehouse]:
    before = {name: os.environ.get(name) for name in ("PENDOPO_HOME", "PENDOPO_LANDING", "REGION")}
    home = Path(tempfile.mkdtemp(prefix=prefix))
    os.environ["PENDOPO_HOME"] = str(home)
    os.environ.pop("PENDOPO_LANDING", None)
    os.environ["REGION"] = "35.23"
    settings.generate_secrets()
    server = postgres.EmbeddedServer()
    try:
        server.initialise()
        server.start()
        migrations.prepare_roles()
        migrations.migrate()
        yield Warehouse(home)
    finally:
        server.stop()
        server.remove()
        shutil.rmtree(home, ignore_errors=True)
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


@pytest.fixture(scope="session")
def new_warehouse() -> Callable[[str], AbstractContextManager[Warehouse]]:
    """Starts a PostgreSQL for a folder that must not share one; PENDOPO_HOME points to it meanwhile."""
    return _new_warehouse


@pytest.fixture(scope="session")
def warehouse() -> Iterator[Warehouse]:
    """The PostgreSQL that the folders share."""
    with _new_warehouse("pendopo-test-") as warehouse:
        yield warehouse
