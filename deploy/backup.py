"""Backup and restore of an installation in one file: databases, secrets, originals and drop folder."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg2
from psycopg2 import sql

from deploy import migrations, postgres, services
from ingestion import settings

FORMAT = 1
DATABASES = (settings.DATABASE, "airflow", "superset_staff")


class BackupError(settings.PendopoError):
    """The backup cannot be written or read; the message says why and what to do."""


def backup(target: Path) -> Path:
    """Write a backup (mode 0600) to a file; it appears under its name only when it is complete.

    The databases are dumped before the originals are copied: the ledger then never names a file that the
    backup lacks, because originals are only ever added.
    """
    postgres.wait_until_ready(5)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with tempfile.TemporaryDirectory(dir=services.run_folder()) as folder_name:
        folder = Path(folder_name)
        for database in DATABASES:
            _run(
                "pg_dump",
                "--format=custom",
                # Scratch of builds, made anew by the next one; the schema itself stays.
                "--exclude-table=candidate.*",
                f"--file={folder / database}.dump",
                postgres.admin_dsn(database),
            )
        manifest = {
            "format": FORMAT,
            "created_at": datetime.datetime.now(datetime.UTC).isoformat(),
            "region": settings.region_code(),
            "migrations": [path.name for path in migrations.migration_files()],
        }
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=2))
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
            archive.add(folder / "manifest.json", "manifest.json")
            archive.add(settings.secrets_file(), "secrets.json")
            for database in DATABASES:
                archive.add(folder / f"{database}.dump", f"{database}.dump")
            for name, path in _folders().items():
                if path.is_dir():
                    archive.add(path, name)
    partial.replace(target)
    return target


def _folders() -> dict[str, Path]:
    folders = {"originals": settings.home() / "originals"}
    if "://" not in settings.landing():
        folders["landing"] = Path(settings.landing())
    return folders


def restore(source: Path) -> dict[str, object]:
    """Replace this installation's state by a backup's; returns its manifest.

    Databases are restored beside the present ones and swapped at the end, so a broken backup changes
    nothing.
    """
    with tempfile.TemporaryDirectory(dir=services.run_folder()) as folder_name:
        folder = Path(folder_name)
        manifest = _unpack(source, folder)
        secrets = settings.secrets_file()
        secrets.parent.mkdir(parents=True, exist_ok=True)
        before = secrets.read_bytes() if secrets.exists() else None
        try:
            _replace_secrets((folder / "secrets.json").read_bytes())
            migrations.prepare_roles(adopt=True)
            for database in DATABASES:
                _restore_beside(database, folder / f"{database}.dump")
            for name, path in _folders().items():
                _copy_beside(folder / name, path)
        except Exception:
            if before is not None:
                _replace_secrets(before)
                migrations.prepare_roles(adopt=True)
            raise
        for path in _folders().values():
            _swap_folder(path)
        for database in DATABASES:
            _swap(database)
    return manifest


def _copy_beside(source: Path, path: Path) -> None:
    """Copy a folder of the backup next to the one it will replace; an empty one if the backup has none."""
    new = path.with_name(f"{path.name}.restoring")
    shutil.rmtree(new, ignore_errors=True)
    if source.is_dir():
        shutil.copytree(source, new)
    else:
        new.mkdir(parents=True)


def _swap_folder(path: Path) -> None:
    new, old = path.with_name(f"{path.name}.restoring"), path.with_name(f"{path.name}.replaced")
    shutil.rmtree(old, ignore_errors=True)
    if path.is_mount():
        # A mount point cannot be renamed: its contents are replaced.
        for entry in path.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        shutil.copytree(new, path, dirs_exist_ok=True)
        shutil.rmtree(new)
        return
    if path.exists():
        path.rename(old)
    new.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def _unpack(source: Path, folder: Path) -> dict[str, object]:
    try:
        with tarfile.open(source) as archive:
            _extract(archive, folder)
        manifest: dict[str, object] = json.loads((folder / "manifest.json").read_text())
    except FileNotFoundError as error:
        raise BackupError(f"{source} tidak ada atau bukan cadangan Pendopo.") from error
    except (tarfile.TarError, json.JSONDecodeError, OSError) as error:
        raise BackupError(f"{source} tidak dapat dibaca sebagai cadangan: {error}") from error
    if manifest.get("format") != FORMAT:
        raise BackupError(f"{source} berformat {manifest.get('format')}, versi ini membaca {FORMAT}.")
    known = {path.name for path in migrations.migration_files()}
    unknown = sorted(set(manifest["migrations"]) - known)  # type: ignore[call-overload]
    if unknown:
        raise BackupError(f"{source} berasal dari versi yang lebih baru (migrasi {', '.join(unknown)}).")
    return manifest


def _extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Unpack plain files and folders below ``folder``; anything else is no part of a backup.

    Written out because ``extractall(filter="data")`` came with Python 3.11.4 only.
    """
    for member in archive.getmembers():
        target = (folder / member.name).resolve()
        if not (member.isfile() or member.isdir()) or not target.is_relative_to(folder.resolve()):
            raise BackupError(f"{archive.name!s} memuat {member.name}, yang bukan bagian cadangan Pendopo.")
    for member in archive.getmembers():
        member.mode &= 0o755
        # As the one who restores, whatever account wrote the backup.
        member.uid, member.gid, member.uname, member.gname = os.geteuid(), os.getegid(), "", ""
        archive.extract(member, folder)


def _replace_secrets(content: bytes) -> None:
    path = settings.secrets_file()
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)


def _restore_beside(database: str, dump: Path) -> None:
    name = f"{database}_restoring"
    owner = "owner" if database == settings.DATABASE else database
    _admin(
        sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)),
        sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(owner)),
    )
    _run("pg_restore", "--exit-on-error", f"--dbname={postgres.admin_dsn(name)}", str(dump))


def _swap(database: str) -> None:
    new, old = sql.Identifier(f"{database}_restoring"), sql.Identifier(database)
    _admin(
        sql.SQL("drop database if exists {} with (force)").format(old),
        sql.SQL("alter database {} rename to {}").format(new, old),
    )
    migrations.prepare_roles()


def _admin(*statements: sql.Composable) -> None:
    with contextlib.closing(psycopg2.connect(postgres.admin_dsn("postgres"))) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)


def _run(tool: str, *arguments: str) -> None:
    """Run a PostgreSQL tool; a password in a URL goes by the environment, for arguments are public."""
    environment = dict(os.environ)
    public = []
    for argument in arguments:
        before, scheme, rest = argument.partition("postgresql://")
        if scheme and (password := urlsplit(scheme + rest).password):
            environment["PGPASSWORD"] = unquote(password)
            argument = before + scheme + rest.replace(f":{password}@", "@", 1)
        public.append(argument)
    command = [str(postgres.binaries() / tool), *public]
    result = subprocess.run(command, capture_output=True, text=True, cwd="/", env=environment)
    if result.returncode != 0:
        raise BackupError(f"{tool} gagal: {result.stderr.strip()[-500:]}")
