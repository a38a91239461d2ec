"""Everything that must be true before the services start: roles, migrations, metadata, region, contracts.

Used by ``pendopo up`` step by step and by the containers' init service (``pendopo run prepare``).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
from pathlib import Path

import psycopg2
from psycopg2 import sql

from deploy import migrations, postgres, services
from ingestion import settings


class PrepareError(settings.PendopoError):
    """A preparation step failed; the message says which log to read."""


def warehouse() -> list[str]:
    """Roles, databases, migrations, the region's reference data and the contracts' raw tables."""
    from ingestion import ledger, reference

    postgres.wait_until_ready()
    migrations.prepare_roles()
    applied = migrations.migrate()
    keep_region()
    reference.apply_region()
    ledger.register_contracts()
    return applied


def keep_region() -> None:
    """Raise PrepareError when this installation serves another region: its data would be mixed up."""
    from ingestion import ledger

    with contextlib.closing(psycopg2.connect(settings.dsn("loader"))) as connection:
        cursor = connection.cursor()
        cursor.execute("select value #>> '{}' from ops.setting where name = 'region'")
        row = cursor.fetchone()
    if row is None:
        ledger.record_setting("region", settings.region_code())
    elif row[0] != settings.region_code():
        raise PrepareError(
            f"Instalasi ini untuk daerah {row[0]}, bukan {settings.region_code()}. Jalankan dengan "
            f"REGION={row[0]}, atau pakai instalasi lain: PENDOPO_HOME=/folder/lain make up"
        )


def start_airflow() -> subprocess.Popen[bytes] | None:
    """Begin to prepare Airflow's metadata and users; None when its database says that nothing changed."""
    if _remark_on_airflow() == _airflow_fingerprint():
        return None
    script = settings.ROOT / "deploy" / "airflow" / "prepare.py"
    environment = services.SERVICES["airflow-api-server"].environment()
    return _begin("airflow", services.WAREHOUSE_BIN / "python", script, environment)


def start_superset() -> subprocess.Popen[bytes]:
    """Begin to prepare Superset's metadata, roles and users; it sees by itself when nothing changed."""
    script = settings.ROOT / "superset" / "deploy" / "prepare.py"
    return _begin("superset", services.superset_python(), script, services.superset_environment())


def finish(name: str, process: subprocess.Popen[bytes] | None) -> None:
    """Wait for a preparation; raises PrepareError with the end of its log."""
    if process is None:
        return
    if process.wait() != 0:
        log = _log_file(name)
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
        raise PrepareError(f"Persiapan {name} gagal (kode {process.returncode}). Baca {log}:\n{tail}")
    if name == "airflow":
        with contextlib.closing(psycopg2.connect(settings.dsn("airflow"))) as connection:
            connection.autocommit = True
            remark = sql.Literal(_airflow_fingerprint())
            connection.cursor().execute(sql.SQL("comment on database airflow is {}").format(remark))


def _begin(name: str, python: Path, script: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with _log_file(name).open("ab") as log:
        return subprocess.Popen(
            [str(python), str(script)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=services.run_folder(),
            env=os.environ | environment,
        )


def _log_file(name: str) -> Path:
    return services.log_folder() / f"prepare-{name}.log"


def _remark_on_airflow() -> str | None:
    """What the last preparation wrote on the database; a new or restored database has no remark."""
    with contextlib.closing(psycopg2.connect(settings.dsn("airflow"))) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "select shobj_description(oid, 'pg_database') from pg_database where datname = 'airflow'"
        )
        [(remark,)] = cursor.fetchall()
        return str(remark) if remark else None


def _airflow_fingerprint() -> str:
    """Changes with whatever the preparation depends on: version, its code, the passwords."""
    files = [settings.ROOT / "deploy" / "locks" / "warehouse.txt", settings.secrets_file()]
    files += sorted((settings.ROOT / "deploy" / "airflow").rglob("*.py"))
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def run() -> None:
    """The containers' init service: prepare everything, then end."""
    settings.generate_secrets()
    warehouse()
    airflow, superset = start_airflow(), start_superset()
    finish("airflow", airflow)
    finish("superset", superset)
