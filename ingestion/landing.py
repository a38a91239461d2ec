"""The drop folder behind ``PENDOPO_LANDING``: a local folder, an SFTP server, S3 or any other fsspec URL.

Credentials never stand in the URL, which appears in logs and in ``pendopo status``. For SFTP they are files:

==================================  =====================================================================
``PENDOPO_LANDING_KEY_FILE``        private key (without one: the user's agent and ``~/.ssh``)
``PENDOPO_LANDING_PASSWORD_FILE``   password of the account, or of the key
``PENDOPO_LANDING_KNOWN_HOSTS``     the server's key as ``ssh-keyscan`` prints it; default
                                    ``<home>/landing_known_hosts`` if it exists, else the user's own file
==================================  =====================================================================

S3 and others take theirs from their usual environment (``AWS_*``, ``FSSPEC_*``).
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fsspec
from fsspec.implementations.local import LocalFileSystem

from ingestion import settings

_SECONDS = 30


class LandingError(settings.PendopoError):
    """The drop folder cannot be reached; the message says what to look at."""


@contextlib.contextmanager
def opened() -> Iterator[tuple[Any, str]]:
    """The file system and the path of the drop folder in it, closed at the end; raises LandingError."""
    url = settings.landing()
    parts = urlsplit(url)
    if parts.password:
        raise LandingError(
            "PENDOPO_LANDING memuat kata sandi. Alamat itu tampil di catatan; tulis kata sandinya di sebuah "
            "berkas (mode 0600) dan sebut berkas itu di PENDOPO_LANDING_PASSWORD_FILE."
        )
    if parts.scheme not in ("sftp", "ssh"):
        filesystem, base = fsspec.core.url_to_fs(url)
        yield filesystem, base.rstrip("/")
        return
    filesystem = _sftp(parts.hostname or "", parts.port or 22, parts.username)
    try:
        yield filesystem, parts.path.rstrip("/")
    finally:
        filesystem.client.close()


def is_local(filesystem: Any) -> bool:
    """Whether its times are those of this machine's clock."""
    return isinstance(filesystem, LocalFileSystem)


def rename(filesystem: Any, old: str, new: str) -> bool:
    """Rename in one step; False where a file system has no such step."""
    if is_local(filesystem):
        Path(old).rename(new)
        return True
    if "sftp" not in filesystem.protocol:
        return False
    try:
        filesystem.mv(old, new)
    except OSError as error:
        if error.errno is None:
            # A server without the extension posix-rename.
            return False
        raise
    return True


def _sftp(host: str, port: int, user: str | None) -> Any:
    import paramiko  # type: ignore[import-untyped]
    from fsspec.implementations.sftp import SFTPFileSystem

    class Sftp(SFTPFileSystem):  # type: ignore[misc]
        """Talks to known servers only, and tells files from links, pipes and the like."""

        cachable = False

        def _connect(self) -> None:
            self.client = paramiko.SSHClient()
            if known_hosts := _known_hosts():
                self.client.load_host_keys(str(known_hosts))
            else:
                self.client.load_system_host_keys()
            self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
            self.client.connect(self.host, **self.ssh_kwargs)
            self.ftp = self.client.open_sftp()
            self.ftp.get_channel().settimeout(_SECONDS)

        @staticmethod
        def _decode_stat(found: Any, parent_path: str | None = None) -> dict[str, Any]:
            decoded: dict[str, Any] = SFTPFileSystem._decode_stat(found, parent_path)
            # To open a pipe would wait for its writer for ever.
            is_odd = decoded["type"] == "file" and not stat.S_ISREG(found.st_mode)
            return decoded | {"type": "other"} if is_odd else decoded

        def info(self, path: str) -> dict[str, Any]:
            return self._decode_stat(self.ftp.lstat(path)) | {"name": path}

    options: dict[str, Any] = {"port": port, "timeout": _SECONDS, "banner_timeout": _SECONDS}
    if user:
        options["username"] = user
    if key_file := os.environ.get("PENDOPO_LANDING_KEY_FILE"):
        options |= {"key_filename": key_file, "allow_agent": False, "look_for_keys": False}
    if password_file := os.environ.get("PENDOPO_LANDING_PASSWORD_FILE"):
        options["password"] = _first_line(password_file)
    where = f"{host}:{port}"
    try:
        return Sftp(host, **options)
    except paramiko.AuthenticationException as error:
        raise LandingError(
            f"Server SFTP {where} menolak akun ini ({error}). Periksa nama pengguna di PENDOPO_LANDING dan "
            "kunci di PENDOPO_LANDING_KEY_FILE."
        ) from error
    except paramiko.BadHostKeyException as error:
        raise LandingError(
            f"Server SFTP {where} menunjukkan kunci lain daripada yang tercatat. Tanyakan kepada "
            "pengelolanya sebelum mengganti catatan kunci (PENDOPO_LANDING_KNOWN_HOSTS)."
        ) from error
    except paramiko.SSHException as error:
        raise LandingError(
            f"Server SFTP {where} tidak dapat dipakai ({error}). Bila kuncinya belum tercatat: ssh-keyscan "
            f"-p {port} {host} > {settings.home() / 'landing_known_hosts'}, lalu cocokkan dengan "
            "pengelolanya."
        ) from error
    except OSError as error:
        raise LandingError(
            f"Server SFTP {where} tidak dapat dihubungi ({error}). Periksa jaringan dan PENDOPO_LANDING."
        ) from error


def _known_hosts() -> Path | None:
    if named := os.environ.get("PENDOPO_LANDING_KNOWN_HOSTS"):
        return Path(named)
    own = settings.home() / "landing_known_hosts"
    return own if own.exists() else None


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().splitlines()[0].strip()
    except (OSError, IndexError) as error:
        raise LandingError(f"PENDOPO_LANDING_PASSWORD_FILE tidak dapat dibaca: {error}") from error
