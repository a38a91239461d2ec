"""The drop folder on an SFTP server: Debian's own, started by the test with keys and a port of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy import transform
from ingestion import inbox, landing, load, store

from .conftest import query
from .test_inbox import SOURCE, deliveries, during, export

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@dataclass
class Server:
    """A running server and the folder with its keys."""

    keys: Path
    port: int

    def url(self, folder: Path) -> str:
        return f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}{folder}"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """An OpenSSH server for this user only; as root it needs its folder for unprivileged children."""
    if SSHD is None:
        pytest.fail("openssh-server is missing; 'make test' installs it, or names the command")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pendopo-sshd-") as name:
        keys = Path(name)
        for key in ("host", "client", "stranger"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / key)]
            subprocess.run(command, check=True)
        shutil.copy(keys / "client.pub", keys / "authorized_keys")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        config = keys / "sshd_config"
        config.write_text(
            f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {keys / 'host'}\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {keys / 'authorized_keys'}\nStrictModes no\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
            "Subsystem sftp internal-sftp\n"
        )
        kind, key, *_ = (keys / "host.pub").read_text().split()
        (keys / "known_hosts").write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
        with (keys / "log").open("wb") as log:
            process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(config)], stdout=log, stderr=log)
        try:
            _wait_for(port, process, keys / "log")
            yield Server(keys, port)
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    pytest.fail(f"sshd does not answer: {log.read_text()}")


@pytest.fixture
def folder(database: Any, server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The source's folder on the server; a file is at rest when a second look finds no change."""
    folder = tmp_path / "landing" / "djpb" / "apbd"
    folder.mkdir(parents=True)
    monkeypatch.setenv("PENDOPO_LANDING", server.url(tmp_path / "landing"))
    monkeypatch.setenv("PENDOPO_LANDING_KEY_FILE", str(server.keys / "client"))
    monkeypatch.setenv("PENDOPO_LANDING_KNOWN_HOSTS", str(server.keys / "known_hosts"))
    monkeypatch.setattr(inbox, "_REST_SECONDS", 0.2)
    return folder


def test_files_on_the_server_are_received_loaded_and_removed(database: Any, folder: Path) -> None:
    top = folder.parent.parent
    for name in ("djpb_apbd.csv", "djpb_apbd_b.csv.part", ".tersembunyi.csv"):
        (folder / name).write_text(export())
    (folder / "djpb_apbd_tautan.csv").symlink_to("/etc/passwd")
    os.mkfifo(folder / "djpb_apbd_pipa.csv")
    (top / "djpb_apbd_salah_folder.csv").write_text(export(month=3))
    (top / "aneh.txt").write_text("halo")
    os.utime(folder / "djpb_apbd.csv", (1_770_000_000,) * 2)
    assert transform._files_on_their_way() >= 1

    said: list[str] = []
    (delivery,) = inbox.receive(SOURCE, said.append)
    (stray,) = inbox.receive(None, said.append)
    # Nobody has tried to open the link or the pipe.
    assert said == []
    assert [load.load_delivery(number).status for number in (delivery, stray)] == ["loaded", "loaded"]
    left = {path.name for path in top.rglob("*") if path.is_symlink() or not path.is_dir()}
    assert left == {
        "djpb_apbd_b.csv.part",
        ".tersembunyi.csv",
        "djpb_apbd_tautan.csv",
        "djpb_apbd_pipa.csv",
    }
    assert sorted(deliveries(database)) == [
        ("aneh.txt", "unknown"),
        ("djpb_apbd.csv", "loaded"),
        ("djpb_apbd_salah_folder.csv", "loaded"),
    ]
    # The order of versions goes by the file's own time on the server.
    assert query(
        database, "select modified_at from ops.load where load_id = (select min(load_id) from ops.load)"
    ) == [(datetime.fromtimestamp(1_770_000_000, UTC),)]


def test_an_upload_is_taken_when_it_was_renamed_to_its_name(database: Any, folder: Path) -> None:
    part = folder / "djpb_apbd.csv.part"
    part.write_text(export())
    assert inbox.receive(SOURCE) == []
    part.rename(folder / "djpb_apbd.csv")
    assert len(inbox.receive(SOURCE)) == 1
    assert list(folder.iterdir()) == []


def test_a_growing_file_waits_even_when_the_servers_clock_calls_it_old(database: Any, folder: Path) -> None:
    file = folder / "djpb_apbd.csv"
    stop = threading.Event()

    def grow() -> None:
        with file.open("a") as stream:
            stream.write(export())
            while not stop.wait(0.02):
                stream.write("x")
                stream.flush()
                os.utime(file, (1_700_000_000,) * 2)

    writer = threading.Thread(target=grow)
    writer.start()
    time.sleep(0.1)
    assert inbox.receive(SOURCE) == []
    stop.set()
    writer.join()
    assert file.exists()
    file.write_text(export())
    assert len(inbox.receive(SOURCE)) == 1


def test_a_file_that_grows_while_it_is_taken_is_taken_whole_by_the_next_scan(
    database: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = export().splitlines()
    upload = (folder / "djpb_apbd.csv").open("w")
    upload.write(lines[0] + "\n")
    upload.flush()

    def go_on() -> None:
        upload.write(lines[1] + "\n")
        upload.flush()

    end = during(monkeypatch, store, "keep", go_on)
    assert inbox.receive(SOURCE) == []
    end()
    upload.close()
    (delivery,) = inbox.receive(SOURCE)
    assert load.load_delivery(delivery).loaded == 1
    assert list(folder.iterdir()) == []


def test_what_arrives_under_the_same_name_during_the_intake_is_never_lost(
    database: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "djpb_apbd.csv"
    file.write_text(export(month=1))
    end = during(monkeypatch, store, "keep", lambda: file.write_text(export(month=2)))
    assert len(inbox.receive(SOURCE)) == 1
    end()
    assert file.read_text() == export(month=2)
    for delivery in inbox.receive(SOURCE):
        load.load_delivery(delivery)
    assert query(database, f"select month from raw.{SOURCE} order by month") == [(1,), (2,)]


def test_a_folder_that_cannot_be_read_is_told(
    database: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Server
) -> None:
    monkeypatch.setenv("PENDOPO_LANDING", server.url(tmp_path / "tidak_ada"))
    assert inbox.receive(SOURCE) == []


def test_a_server_whose_key_nobody_noted_is_not_trusted(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty = tmp_path / "known_hosts"
    empty.write_text("")
    monkeypatch.setenv("PENDOPO_LANDING_KNOWN_HOSTS", str(empty))
    with pytest.raises(landing.LandingError, match="ssh-keyscan"):
        inbox.receive(SOURCE)
    kind, key, *_ = (server.keys / "stranger.pub").read_text().split()
    empty.write_text(f"[127.0.0.1]:{server.port} {kind} {key}\n")
    with pytest.raises(landing.LandingError, match="kunci lain"):
        inbox.receive(SOURCE)


def test_a_wrong_key_and_a_password_in_the_url_are_refused_without_telling_them(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENDOPO_LANDING_KEY_FILE", str(server.keys / "stranger"))
    with pytest.raises(landing.LandingError, match="menolak akun ini"):
        inbox.receive(SOURCE)
    monkeypatch.setenv("PENDOPO_LANDING", "sftp://opd:rahasia123@127.0.0.1/masuk")
    with pytest.raises(landing.LandingError) as caught:
        inbox.receive(SOURCE)
    assert "rahasia123" not in str(caught.value)
    assert "PENDOPO_LANDING_PASSWORD_FILE" in str(caught.value)


def test_a_server_that_does_not_answer_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("PENDOPO_LANDING", f"sftp://opd@127.0.0.1:{closed.getsockname()[1]}/masuk")
        with pytest.raises(landing.LandingError, match="tidak dapat dihubungi"):
            inbox.receive(SOURCE)
