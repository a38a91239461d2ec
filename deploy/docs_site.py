"""``pendopo docs``: build the data dictionary and dbt's own page into a folder, and serve it."""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg2

from deploy import dictionary, transform
from ingestion import settings
from ingestion.contract import load_contracts

DBT_PAGE = "dbt.html"
Say = Callable[[str], None]


class DocsError(settings.PendopoError):
    """The pages cannot be built or served; the message says why."""


def build(folder: Path, say: Say) -> Path:
    """Write ``index.html`` (the dictionary) and dbt's page; returns the path of the former.

    Works without a running database: only the sizes and types on dbt's page come from there.
    """
    settings.region_file()
    contracts = load_contracts()
    with tempfile.TemporaryDirectory(prefix="pendopo-docs-") as name:
        target = Path(name)
        if _has_database():
            _dbt(target, "docs", "generate", "--static")
        else:
            say("Basis data tidak berjalan: halaman dbt dibuat tanpa SQL terkompilasi dan katalog tabel.")
            _dbt(target, "parse")
            _dbt(target, "docs", "generate", "--static", "--no-compile", "--empty-catalog")
        manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
        page = dictionary.render(dictionary.collect(manifest, contracts), DBT_PAGE)
        folder.mkdir(parents=True, exist_ok=True)
        _put(folder / DBT_PAGE, (target / "static_index.html").read_text(encoding="utf-8"))
        _put(folder / "index.html", page)
    return folder / "index.html"


def server(folder: Path) -> http.server.ThreadingHTTPServer:
    """A server of the folder at the address of the settings; raises DocsError when the port is taken."""
    port = settings.port("docs")
    handler = functools.partial(_Handler, directory=str(folder))
    try:
        return http.server.ThreadingHTTPServer((settings.bind_address(), port), handler)
    except OSError as error:
        raise DocsError(
            f"Port {port} tidak dapat dipakai ({error.strerror}). Pilih yang lain, misalnya: "
            f"PENDOPO_PORT_DOCS={port + 1000} pendopo docs --serve"
        ) from None


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Two pages and nothing else: no listing, no log, no stale copy."""

    def send_head(self):  # type: ignore[no-untyped-def]
        path = self.path.partition("?")[0]
        if path not in ("/", "/index.html", f"/{DBT_PAGE}"):
            self.send_error(404, "Tidak ada")
            return None
        return super().send_head()

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def _has_database() -> bool:
    try:
        psycopg2.connect(settings.dsn("transformer"), connect_timeout=3).close()
    except (psycopg2.OperationalError, settings.SettingsError):
        return False
    return True


def _dbt(target: Path, *arguments: str) -> None:
    """Run dbt with its files in a folder of its own, beside whatever the transform is doing."""
    program = Path(sys.executable).parent / "dbt"
    environment = os.environ | _environment() | {"DBT_TARGET_PATH": str(target), "DBT_LOG_PATH": str(target)}
    command = [str(program), "--quiet", "--no-use-colors", *arguments]
    result = subprocess.run(
        command, env=environment, cwd=settings.ROOT / "dbt_project", capture_output=True, text=True
    )
    if result.returncode:
        raise DocsError(
            f"dbt {' '.join(arguments)} gagal:\n{(result.stdout + result.stderr).strip()[-3000:]}"
        )


def _environment() -> dict[str, str]:
    """dbt's variables; stand-ins where nothing was installed yet, for no connection is made then."""
    try:
        return transform.dbt_environment()
    except settings.SettingsError:
        project = str(settings.ROOT / "dbt_project")
        stand_ins = {
            "PENDOPO_PG_HOST": "localhost",
            "PENDOPO_PG_PASSWORD": "",
            "REGION": settings.region_code(),
        }
        return stand_ins | {
            "DBT_PROFILES_DIR": project,
            "DBT_PROJECT_DIR": project,
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }


def _put(path: Path, text: str) -> None:
    """Replace a file at once: a reader sees the old page or the new one."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
    Path(file.name).chmod(0o644)
    shutil.move(file.name, path)
