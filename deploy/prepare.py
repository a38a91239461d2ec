"""Everything that must be true before the services start: roles, migrations, metadata, region, contracts.

Used by ``pendopo up`` step by step and by the containers' init service (``pendopo run prepare``).
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

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
    reference.apply_region()
    ledger.register_contracts()
    return applied


def start_airflow() -> subprocess.Popen[bytes] | None:
    """Begin to prepare Airflow's metadata and users; None when nothing changed since the last time."""
    script = settings.ROOT / "deploy" / "airflow" / "prepare.py"
    environment = services.SERVICES["airflow-api-server"].environment()
    return _begin("airflow", services.WAREHOUSE_BIN / "python", script, environment)


def start_superset() -> subprocess.Popen[bytes] | None:
    """Begin to prepare Superset's metadata, roles and users; None when nothing changed."""
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
    _marker(name).write_text(_fingerprint(name))


def _begin(
    name: str, python: Path, script: Path, environment: dict[str, str]
) -> subprocess.Popen[bytes] | None:
    if _marker(name).exists() and _marker(name).read_text() == _fingerprint(name):
        return None
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
    folder = settings.home() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"prepare-{name}.log"


def _marker(name: str) -> Path:
    return services.run_folder() / f"prepared-{name}"


def _fingerprint(name: str) -> str:
    """Changes with whatever the preparation depends on: versions, its code, the secrets."""
    folders = {"airflow": ["deploy/airflow"], "superset": ["superset/config", "superset/deploy"]}[name]
    lock = {"airflow": "warehouse.txt", "superset": "superset.txt"}[name]
    files = [settings.ROOT / "deploy" / "locks" / lock, settings.secrets_file(), settings.region_file()]
    for folder in folders:
        files += sorted((settings.ROOT / folder).rglob("*.py"))
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def run() -> None:
    """The containers' init service: prepare everything, then end."""
    settings.generate_secrets()
    warehouse()
    processes = {"airflow": start_airflow(), "superset": start_superset()}
    for name, process in processes.items():
        finish(name, process)
