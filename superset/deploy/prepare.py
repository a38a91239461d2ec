"""Brings Superset's own database to the state that this version needs: schema, roles, demo users.

Run with Superset's interpreter and the environment of the service ``superset-staff``:
``python superset/deploy/prepare.py [--force]``. One process, because each Superset command costs seconds of
start-up. What was done is remembered in the database itself, so a second run ends within a second and a
database that was emptied or restored is prepared again.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.metadata
import os
import sys
import time
from pathlib import Path
from typing import Any

import psycopg2
import yaml

from ingestion import settings

CONFIG = settings.ROOT / "superset" / "config"
ROLES = settings.ROOT / "superset" / "assets" / "roles.yaml"


def wanted_state() -> str:
    """Fingerprint of everything that decides what prepare.py does."""
    digest = hashlib.sha256(importlib.metadata.version("apache-superset").encode())
    for path in [Path(__file__), ROLES, *sorted(CONFIG.glob("*.py")), *sorted(CONFIG.glob("*.yaml"))]:
        digest.update(path.read_bytes())
    for user in settings.DEMO_USERS:
        digest.update(settings.secret(f"login_{user}").encode())
    digest.update(settings.secret("superset_secret_key").encode())
    return digest.hexdigest()


def recorded_state() -> str | None:
    """Fingerprint that the last complete run left in the database, if any."""
    with contextlib.closing(psycopg2.connect(settings.dsn("superset_staff"))) as connection:
        cursor = connection.cursor()
        cursor.execute("select obj_description(to_regclass('public.alembic_version'), 'pg_class')")
        found: str | None = cursor.fetchone()[0]
        return found


def record_state(state: str) -> None:
    with contextlib.closing(psycopg2.connect(settings.dsn("superset_staff"))) as connection:
        connection.cursor().execute("comment on table public.alembic_version is %s", (state,))
        connection.commit()


def prepare() -> None:
    """Write the language catalogue, migrate, then set roles and users; every step may be repeated."""
    sys.path.insert(0, str(CONFIG))
    from indonesian_pack import write_catalogue

    write_catalogue(settings.home() / "superset" / "translations")
    from superset.app import create_app

    app = create_app()
    with app.app_context():
        from flask_migrate import upgrade

        import superset

        upgrade(directory=str(Path(superset.__file__).parent / "migrations"))
        from superset import appbuilder, security_manager

        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        declared: dict[str, Any] = yaml.safe_load(ROLES.read_text())
        _set_roles(security_manager, declared["roles"])
        _set_users(security_manager, declared["users"])
        superset.db.session.commit()


def _set_roles(security_manager: Any, roles: dict[str, Any]) -> None:
    for name, declared in roles.items():
        role = security_manager.add_role(name) or security_manager.find_role(name)
        wanted = [
            security_manager.add_permission_view_menu(permission, view)
            for permission, view in declared["permissions"]
        ]
        for origin in declared["like"]:
            excluded = {tuple(pair) for pair in declared.get("without", [])}
            wanted += [
                pair
                for pair in security_manager.find_role(origin).permissions
                if (pair.permission.name, pair.view_menu.name) not in excluded
            ]
        role.permissions = list({pair.id: pair for pair in wanted}.values())


def _set_users(security_manager: Any, users: dict[str, Any]) -> None:
    """Create the demo users, or give an existing one its roles back; a changed password stays."""
    for name, declared in users.items():
        roles = [security_manager.find_role(role) for role in declared["roles"]]
        if user := security_manager.find_user(name):
            user.roles = roles
            continue
        security_manager.add_user(
            name,
            declared["first_name"],
            declared["last_name"],
            f"{name}@pendopo.invalid",
            roles,
            settings.secret(f"login_{name}"),
        )


def main() -> int:
    parser = argparse.ArgumentParser(description="Menyiapkan basis data Superset: skema, peran, pengguna.")
    parser.add_argument("--force", action="store_true", help="jalankan walaupun tidak ada yang berubah")
    arguments = parser.parse_args()
    os.environ.setdefault("SUPERSET_CONFIG_PATH", str(CONFIG / "superset_config_staff.py"))
    began = time.monotonic()
    state = wanted_state()
    if recorded_state() == state and not arguments.force:
        print("Superset sudah siap.")
        return 0
    prepare()
    record_state(state)
    print(f"Superset disiapkan dalam {time.monotonic() - began:.0f} detik.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
