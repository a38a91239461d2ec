"""Roles, databases and the numbered SQL migrations of ``deploy/sql``.

Roles and their settings live in the cluster, not in a database, so no dump carries them: ``prepare_roles``
states them anew at every start. Everything inside the warehouse changes by migrations that run once.
"""

from __future__ import annotations

import re
from pathlib import Path

import psycopg2
from psycopg2 import sql

from deploy import postgres
from ingestion import settings

FOLDER = settings.ROOT / "deploy" / "sql"
FILE_NAME = re.compile(r"^\d{4}_[a-z0-9_]+\.sql$")
# Any number; it only has to differ from the loader's locks.
LOCK = 7_020_001
# Database → its owner.
OWNERS = {settings.DATABASE: "owner"} | {
    role: role for role in ("airflow", "superset_staff", "superset_public")
}
# Remark on our roles, followed by the installation's id: other people's servers have roles of the same names.
MARK = "pendopo"


class MigrationError(settings.PendopoError):
    """A migration failed or was changed after it had run; the message names the file."""


def prepare_roles(*, adopt: bool = False) -> None:
    """Create or refresh every role with its password and settings, and the databases.

    Raises MigrationError when a role or database of that name belongs to somebody else on the server;
    ``adopt`` takes over another installation's (``pendopo restore``).
    """
    connection = psycopg2.connect(postgres.admin_dsn("postgres"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("select rolname, shobj_description(oid, 'pg_authid') from pg_roles")
        existing = dict(cursor.fetchall())
        cursor.execute("select datname, pg_get_userbyid(datdba) from pg_database")
        databases = dict(cursor.fetchall())
        _refuse_strangers(existing, databases, adopt)
        mark = sql.Literal(f"{MARK} {settings.secret('installation_id')}")
        cursor.execute("select rolsuper from pg_roles where rolname = current_user")
        [(is_superuser,)] = cursor.fetchall()
        for role in ("owner", *settings.LOGIN_ROLES):
            name = sql.Identifier(role)
            if role not in existing:
                cursor.execute(sql.SQL("create role {}").format(name))
                if not is_superuser:
                    cursor.execute(sql.SQL("grant {} to current_user").format(name))
            cursor.execute(sql.SQL("comment on role {} is {}").format(name, mark))
            if role == "owner":
                continue
            password = sql.Literal(settings.secret(f"postgres_{role}"))
            cursor.execute(sql.SQL("alter role {} login password {}").format(name, password))
        cursor.execute((FOLDER / "roles.sql").read_text())
        for database, role in OWNERS.items():
            names = {"database": sql.Identifier(database), "role": sql.Identifier(role)}
            if database not in databases:
                cursor.execute(sql.SQL("create database {database} owner {role}").format(**names))
            cursor.execute(sql.SQL("revoke connect on database {database} from public").format(**names))
            cursor.execute(sql.SQL("grant connect on database {database} to {role}").format(**names))
        for role in settings.LOGIN_ROLES:
            if settings.database_of(role) == settings.DATABASE:
                names = {"database": sql.Identifier(settings.DATABASE), "role": sql.Identifier(role)}
                cursor.execute(sql.SQL("grant connect on database {database} to {role}").format(**names))
    connection.close()


def _refuse_strangers(roles: dict[str, str | None], databases: dict[str, str], adopt: bool) -> None:
    """Never change the password of a stranger's role, never work in a stranger's database."""
    own = f"{MARK} {settings.secret('installation_id')}"
    for role in ("owner", *settings.LOGIN_ROLES):
        remark = roles.get(role, own)
        is_ours = remark == own or (adopt and (remark or "").startswith(MARK))
        if not is_ours:
            raise MigrationError(
                f"Peran {role!r} di server PostgreSQL ini bukan milik instalasi ini "
                f"({remark or 'tanpa tanda'}). Pakai server lain, atau pulihkan cadangan pemiliknya."
            )
    for database, role in OWNERS.items():
        if databases.get(database, role) != role:
            raise MigrationError(
                f"Basis data {database!r} di server PostgreSQL ini milik {databases[database]!r}, "
                "bukan milik Pendopo. Pakai server lain."
            )


def migrate() -> list[str]:
    """Apply the migrations that have not run yet, each in its own transaction; returns their names."""
    connection = psycopg2.connect(postgres.admin_dsn())
    applied: list[str] = []
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(%s)", (LOCK,))
            cursor.execute("create schema if not exists ops authorization owner")
            cursor.execute(
                "create table if not exists ops.migration ("
                "name text primary key, md5 text not null, applied_at timestamptz not null default now())"
            )
            cursor.execute("select name, md5 from ops.migration")
            known = dict(cursor.fetchall())
        for path in migration_files():
            with connection, connection.cursor() as cursor:
                cursor.execute("select md5(%s)", (path.read_text(),))
                [(digest,)] = cursor.fetchall()
                if path.name in known:
                    if known[path.name] != digest:
                        raise MigrationError(
                            f"{path.name} sudah pernah dijalankan lalu diubah. Kembalikan isinya dan tulis "
                            "perubahan sebagai migrasi baru dengan nomor berikutnya."
                        )
                    continue
                try:
                    cursor.execute(path.read_text())
                except psycopg2.Error as error:
                    raise MigrationError(f"Migrasi {path.name} gagal: {error}") from error
                cursor.execute("insert into ops.migration (name, md5) values (%s, %s)", (path.name, digest))
                applied.append(path.name)
    finally:
        connection.close()
    return applied


def migration_files() -> list[Path]:
    """The migrations in the order of their numbers."""
    return sorted(path for path in FOLDER.iterdir() if FILE_NAME.match(path.name))
