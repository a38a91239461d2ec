"""Where Pendopo lives and how its parts reach each other.

Read by every process of both environments, so it imports the standard library only. Everything that
differs between the local runner and the containers comes from the environment:

=============================  ==========================================================================
``PENDOPO_HOME``               state of this installation, default ``<repository>/.pendopo``
``PENDOPO_LANDING``            drop folder, any fsspec URL, default ``<repository>/landing``
                               (``<home>/landing`` when ``PENDOPO_HOME`` is set)
``PENDOPO_LANDING_…``          credentials of a drop folder on a server: see ``ingestion/landing.py``
``PENDOPO_CONTRACTS``          folder of the contracts, default ``<repository>/ingestion/contracts``
``PENDOPO_DATABASE_URL``       administrator's URL of an existing PostgreSQL; empty: the embedded one
``PENDOPO_DATABASE_PASSWORD_FILE``  file with the password for that URL (secrets of containers)
``PENDOPO_SECRETS_FILE``       JSON with the generated secrets, default ``<home>/secrets.json`` (0600)
``REGION``                     Kemendagri code of the local government, default ``35.23``
``PENDOPO_BIND``               address the services listen on, default ``127.0.0.1``
``PENDOPO_PORT_<SERVICE>``     port of AIRFLOW (8080), SUPERSET (8088), PUBLIC (8089), PORTAL (8090),
                               WALL (8091), DOCS (8092: pendopo docs --serve)
``PENDOPO_<SERVICE>_URL``      address other services use, default ``http://<bind>:<port>``
=============================  ==========================================================================
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import secrets as random_source
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parents[1]
OWN_CONTRACTS = ROOT / "ingestion" / "contracts"
DATABASE = "pendopo"

# Roles that log in, in the order of the design; "owner" owns the schemas and never logs in.
LOGIN_ROLES = (
    "loader",
    "transformer",
    "publisher",
    "bi_staff",
    "bi_public",
    "wall",
    "airflow",
    "superset_staff",
    "superset_public",
)
DEFAULT_PORTS = {
    "airflow": 8080,
    "superset": 8088,
    "public": 8089,
    "portal": 8090,
    "wall": 8091,
    "docs": 8092,
}
DEMO_USERS = ("admin", "data_engineer", "analyst", "leader")


class PendopoError(Exception):
    """Base of every error whose message is a sentence for the user: what is wrong and what to do."""


class SettingsError(PendopoError):
    """A setting that cannot work."""


@dataclass(frozen=True)
class Server:
    """Address of the PostgreSQL server: a socket folder or a host name."""

    host: str
    port: int
    options: str = ""
    """Query of the operator's URL, for example ``sslmode=verify-full``; holds for every role."""


def contracts_folder() -> Path:
    """Folder of the contracts: the repository's, or another one (``PENDOPO_CONTRACTS``)."""
    return Path(os.environ.get("PENDOPO_CONTRACTS") or OWN_CONTRACTS)


def home() -> Path:
    """Folder with the state of this installation."""
    return Path(os.environ.get("PENDOPO_HOME") or ROOT / ".pendopo").absolute()


def fingerprint() -> str:
    """Eight characters that tell two installations on one machine apart."""
    return hashlib.sha256(str(home()).encode()).hexdigest()[:8]


def landing() -> str:
    """Drop folder as a path or fsspec URL."""
    if url := os.environ.get("PENDOPO_LANDING"):
        return url
    return str(home() / "landing" if os.environ.get("PENDOPO_HOME") else ROOT / "landing")


def region_code() -> str:
    """Kemendagri code of the local government this installation serves."""
    return os.environ.get("REGION") or "35.23"


def bind_address() -> str:
    return os.environ.get("PENDOPO_BIND") or "127.0.0.1"


def port(service: str) -> int:
    """Port of a service; raises SettingsError when the variable is not a port number."""
    name = f"PENDOPO_PORT_{service.upper()}"
    text = os.environ.get(name) or str(DEFAULT_PORTS[service])
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise SettingsError(f"{name}={text!r} bukan nomor port (1 sampai 65535).")
    return int(text)


def service_url(service: str) -> str:
    """Address under which other services and the user reach a service, without a trailing slash."""
    url = os.environ.get(f"PENDOPO_{service.upper()}_URL")
    bind = bind_address()
    host = "127.0.0.1" if bind in ("", "0.0.0.0") else bind
    return (url or f"http://{host}:{port(service)}").rstrip("/")


def socket_dir() -> Path:
    """Folder of the embedded server's socket.

    Short, because socket paths end at 107 bytes, and the same for every shell, whatever its TMPDIR.
    """
    return Path("/tmp") / f"pendopo-{fingerprint()}"


def external_database_url() -> str | None:
    """Administrator's URL of an existing server; None: the embedded one is used."""
    url = re.sub("^postgres://", "postgresql://", os.environ.get("PENDOPO_DATABASE_URL", ""))
    file = os.environ.get("PENDOPO_DATABASE_PASSWORD_FILE")
    if not url or not file:
        return url or None
    try:
        password = quote(Path(file).read_text().strip(), safe="")
    except OSError as error:
        raise SettingsError(f"PENDOPO_DATABASE_PASSWORD_FILE tidak dapat dibaca: {error}") from error
    parts = urlsplit(url)
    address = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or 'postgres'}:{password}@{address}"))


def server() -> Server:
    """The PostgreSQL server of this installation; raises SettingsError on a malformed URL."""
    url = external_database_url()
    if url is None:
        return Server(str(socket_dir()), 5432)
    parts = urlsplit(url)
    if parts.scheme != "postgresql" or not parts.hostname:
        raise SettingsError(
            "PENDOPO_DATABASE_URL harus berbentuk postgresql://admin:sandi@host:5432/postgres."
        )
    return Server(unquote(parts.hostname), parts.port or 5432, parts.query)


def database_of(role: str) -> str:
    """Database a role works in: its own for the services' metadata, the warehouse for the others."""
    return role if role in ("airflow", "superset_staff", "superset_public") else DATABASE


def dsn(role: str, driver: str = "postgresql") -> str:
    """Connection URL of a role.

    ``PENDOPO_DSN_<ROLE>`` overrides it (libpq form). ``driver`` is the scheme, for example
    ``postgresql+psycopg2`` for SQLAlchemy.
    """
    if url := os.environ.get(f"PENDOPO_DSN_{role.upper()}"):
        return driver + url[url.index("://") :]
    password = quote(secret(f"postgres_{role}"), safe="")
    address = server()
    if address.host.startswith("/"):
        return f"{driver}://{role}:{password}@/{database_of(role)}?host={quote(address.host)}"
    host = f"[{address.host}]" if ":" in address.host else address.host
    options = f"?{address.options}" if address.options else ""
    return f"{driver}://{role}:{password}@{host}:{address.port}/{database_of(role)}{options}"


def secrets_file() -> Path:
    return Path(os.environ.get("PENDOPO_SECRETS_FILE") or home() / "secrets.json")


@functools.cache
def _read_secrets(path: Path, modified_ns: int) -> dict[str, str]:
    content: dict[str, str] = json.loads(path.read_text())
    return content


def secret(name: str) -> str:
    """One generated secret; raises SettingsError when the installation has none yet."""
    path = secrets_file()
    try:
        return _read_secrets(path, path.stat().st_mtime_ns)[name]
    except FileNotFoundError:
        raise SettingsError(f"Belum ada rahasia di {path}; 'make up' membuatnya.") from None
    except KeyError:
        raise SettingsError(f"Rahasia {name!r} tidak ada di {path}; 'make up' menambahkannya.") from None


def generate_secrets() -> Path:
    """Create the secrets file (mode 0600) or add what a newer version needs; existing values stay."""
    path = secrets_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    values: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    wanted = {f"postgres_{role}": _password for role in LOGIN_ROLES}
    wanted |= {f"login_{user}": _password for user in DEMO_USERS}
    wanted |= {
        # Marks what is ours on a server shared with others.
        "installation_id": _password,
        "airflow_fernet_key": _fernet_key,
        "airflow_jwt_secret": _long_key,
        "airflow_secret_key": _long_key,
        "superset_secret_key": _long_key,
        "superset_guest_token_secret": _long_key,
        # Keys the hashes of personal columns; losing it orphans them, so backups carry it.
        "personal_data_key": _long_key,
    }
    missing = {name: make() for name, make in wanted.items() if name not in values}
    if missing:
        temporary = path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(values | missing, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    return path


def _password() -> str:
    return random_source.token_urlsafe(18)


def _long_key() -> str:
    return random_source.token_urlsafe(48)


def _fernet_key() -> str:
    import base64

    return base64.urlsafe_b64encode(random_source.token_bytes(32)).decode()


def region_file(code: str | None = None) -> Path:
    """YAML of a local government; raises SettingsError when there is none for the code."""
    path = ROOT / "regions" / f"{code or region_code()}.yaml"
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.yaml")))
        raise SettingsError(
            f"REGION={code or region_code()} tidak punya berkas di regions/. Yang ada: {known}."
        )
    return path


def dbt_environment() -> dict[str, str]:
    """Variables that ``dbt_project/profiles.yml`` reads, for the role transformer."""
    address = server()
    # libpq reads from its own variables what the profile does not say.
    libpq = {f"PG{name.upper()}": value for name, value in parse_qsl(address.options) if "ssl" in name}
    return libpq | {
        "PENDOPO_PG_HOST": address.host,
        "PENDOPO_PG_PORT": str(address.port),
        "PENDOPO_PG_DATABASE": DATABASE,
        "PENDOPO_PG_USER": "transformer",
        "PENDOPO_PG_PASSWORD": secret("postgres_transformer"),
        "DBT_PROFILES_DIR": str(ROOT / "dbt_project"),
        "DBT_PROJECT_DIR": str(ROOT / "dbt_project"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "REGION": region_code(),
    }


def summary() -> dict[str, Any]:
    """The settings in force, without secrets (``pendopo status --json``)."""
    address = server()
    return {
        "home": str(home()),
        "landing": landing(),
        "region": region_code(),
        "database": {"host": address.host, "port": address.port, "name": DATABASE},
    }
