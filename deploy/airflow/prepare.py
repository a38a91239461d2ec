"""Airflow's metadata and users in one process: an Airflow command costs 5 to 8 seconds of start-up each.

Idempotent: migrates the metadata database to the installed version, synchronises roles and sets the
demo users' passwords to those in the secrets file. Needs the variables of ``airflow_environment()``.
"""

from __future__ import annotations

import sys
import time

from ingestion import settings

# User of Pendopo → role of Airflow. Analysts and leaders have no business here.
USERS = {"admin": "Admin", "data_engineer": "Op"}


def migrate() -> None:
    """Create the metadata database from the installed version's models, or migrate an older one."""
    from airflow import settings as airflow_settings
    from airflow.utils import db

    airflow_settings.initialize()
    db.initdb()


def synchronise_users() -> None:
    """Create the users or refresh their password and role."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
    from werkzeug.security import check_password_hash

    with get_application_builder() as builder:
        manager = builder.sm
        manager.sync_roles()
        for name, role_name in USERS.items():
            role = manager.find_role(role_name)
            password = settings.secret(f"login_{name}")
            user = manager.find_user(username=name)
            if user is None:
                added = manager.add_user(name, name, "Pendopo", f"{name}@pendopo.invalid", role, password)
                if not added:
                    raise RuntimeError(f"Airflow did not create the user {name!r}")
                continue
            if not check_password_hash(user.password, password):
                manager.reset_password(user.id, password)
            if role not in user.roles:
                user.roles = [*user.roles, role]
                manager.update_user(user)


def main() -> int:
    """Prepare; prints what was done and how long it took."""
    began = time.monotonic()
    migrate()
    migrated = time.monotonic()
    synchronise_users()
    done = time.monotonic()
    print(f"Airflow: metadata in {migrated - began:.1f} s, users in {done - migrated:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
