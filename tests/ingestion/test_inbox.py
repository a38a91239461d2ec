"""The drop folder as people and machines use it: late, twice, half, unreadable, with wrong clocks."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from ingestion import inbox, ledger, load, store

from .conftest import HEADER, budget_row, query

SOURCE = "djpb__apbd"
# Capabilities by which root reads and writes what the mode of a file forbids.
_OVERRIDES = 1 << 1 | 1 << 2


def export(month: int = 1) -> str:
    return f"{HEADER}\n{budget_row(month=month)}\n"


@pytest.fixture
def folder(database: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The drop folder of one source; files in it count as complete at once."""
    folder = tmp_path / "landing" / "djpb" / "apbd"
    folder.mkdir(parents=True)
    monkeypatch.setenv("PENDOPO_LANDING", str(tmp_path / "landing"))
    monkeypatch.setattr(inbox, "_REST_SECONDS", 0)
    return folder


@pytest.fixture
def bound_by_modes() -> Iterator[None]:
    """File modes bind even root, as they bind the user that the services run under."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, rights = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, rights) == 0
    before = rights[0]
    rights[0] = before & ~_OVERRIDES
    assert libc.capset(header, rights) == 0
    yield
    rights[0] = before
    assert libc.capset(header, rights) == 0


def during(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, action: Callable[[], object]
) -> Callable[[], None]:
    """Let something happen just before a step of the intake; returns what ends that."""
    step = getattr(module, name)

    def with_action(*arguments: Any, **options: Any) -> Any:
        action()
        return step(*arguments, **options)

    monkeypatch.setattr(module, name, with_action)
    return lambda: monkeypatch.setattr(module, name, step)


def deliveries(cursor: Any) -> list[Any]:
    return query(cursor, "select file_name, status from ops.delivery order by delivery_id")


def test_the_drop_folder_gives_complete_files_and_is_emptied(database: Any, folder: Path) -> None:
    landing = folder.parent.parent
    for name in ("djpb_apbd.csv", "djpb_apbd.csv.part", ".tersembunyi.csv", "~$djpb_apbd.xlsx"):
        (folder / name).write_text(export())
    (folder / "djpb_apbd_tautan.csv").symlink_to("/etc/passwd")
    # Opening a pipe would wait for its writer for ever.
    os.mkfifo(folder / "djpb_apbd_pipa.csv")
    (landing / "djpb_apbd_salah_folder.csv").write_text(export(month=3))
    (landing / "aneh.txt").write_text("halo")

    (delivery,) = inbox.receive(SOURCE)
    (stray,) = inbox.receive(None)
    left = {path.name for path in landing.rglob("*") if path.is_symlink() or not path.is_dir()}
    assert left == {
        "djpb_apbd.csv.part",
        ".tersembunyi.csv",
        "~$djpb_apbd.xlsx",
        "djpb_apbd_tautan.csv",
        "djpb_apbd_pipa.csv",
    }
    assert sorted(deliveries(database)) == [
        ("aneh.txt", "unknown"),
        ("djpb_apbd.csv", "received"),
        ("djpb_apbd_salah_folder.csv", "received"),
    ]
    assert [load.load_delivery(number).status for number in (delivery, stray)] == ["loaded", "loaded"]
    assert load.load_delivery(delivery).status == "already_loaded"
    assert inbox.receive(SOURCE) == []


def test_a_file_that_is_still_growing_waits_and_one_just_finished_is_taken(
    database: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "_REST_SECONDS", 0.5)
    is_over = threading.Event()

    def grow() -> None:
        with (folder / "djpb_apbd_tumbuh.csv").open("a") as stream:
            while not is_over.wait(0.02):
                stream.write(export())
                stream.flush()

    writer = threading.Thread(target=grow)
    writer.start()
    (folder / "djpb_apbd.csv").write_text(export())
    try:
        assert len(inbox.receive(SOURCE)) == 1
    finally:
        is_over.set()
        writer.join()
    assert [path.name for path in folder.iterdir()] == ["djpb_apbd_tumbuh.csv"]


def test_a_file_is_received_while_its_source_is_being_loaded(database: Any, folder: Path) -> None:
    (folder / "djpb_apbd.csv").write_text(export())
    with ledger.connect() as loader, loader.cursor() as cursor:
        ledger.lock(cursor, f"load:{SOURCE}")
        assert len(inbox.receive(SOURCE)) == 1


def test_a_file_dropped_again_is_a_delivery_of_its_own(database: Any, folder: Path) -> None:
    for status in ("loaded", "already_loaded"):
        file = folder / "djpb_apbd.csv"
        file.write_text(export())
        # As copied with its old date.
        os.utime(file, (1_700_000_000, 1_700_000_000))
        (delivery,) = inbox.receive(SOURCE)
        assert load.load_delivery(delivery).status == status


def test_a_file_nobody_may_read_stays_is_told_and_stops_no_other(
    database: Any, folder: Path, bound_by_modes: None
) -> None:
    (folder / "djpb_apbd_a.csv").write_text(export())
    (folder / "djpb_apbd_a.csv").chmod(0)
    (folder / "djpb_apbd_b.csv").write_text(export(month=2))
    said: list[str] = []
    assert len(inbox.receive(SOURCE, said.append)) == 1
    assert deliveries(database) == [("djpb_apbd_b.csv", "received")]
    assert [path.name for path in folder.iterdir()] == ["djpb_apbd_a.csv"]
    assert len(said) == 1
    assert "djpb_apbd_a.csv belum dapat diambil (Permission denied)" in said[0]


def test_a_folder_nobody_may_empty_gives_its_waiting_deliveries_and_is_told(
    database: Any, folder: Path, bound_by_modes: None
) -> None:
    (folder / "djpb_apbd.csv").write_text(export())
    waiting = inbox.receive(SOURCE)
    (folder / "djpb_apbd.csv").write_text(export(month=2))
    folder.chmod(0o555)
    said: list[str] = []
    assert inbox.receive(SOURCE, said.append) == inbox.receive(SOURCE, said.append) == waiting
    folder.chmod(0o755)
    assert [line.split(" (")[0].rsplit("/", 1)[-1] for line in said] == [
        "djpb_apbd.csv belum dapat diambil"
    ] * 2
    assert len(inbox.receive(SOURCE)) == 2


def test_a_folder_nobody_may_read_is_told(database: Any, folder: Path, bound_by_modes: None) -> None:
    folder.chmod(0)
    said: list[str] = []
    assert inbox.receive(SOURCE, said.append) == []
    folder.chmod(0o755)
    assert "tidak dapat dibaca" in said[0]


@pytest.mark.parametrize(("name", "source"), [("djpb_apbd.csv", SOURCE), ("aneh.txt", None)])
def test_a_file_that_cannot_be_removed_is_one_delivery_however_often_it_is_seen(
    database: Any, folder: Path, bound_by_modes: None, name: str, source: str | None
) -> None:
    where = folder if source else folder.parent.parent
    # Claimed by a scan that was killed; since then the folder was closed.
    claimed = where / f".diambil-0123abcd-{name}"
    claimed.write_text(export() if source else "halo")
    where.chmod(0o555)
    said: list[str] = []
    for _ in range(3):
        for delivery in inbox.receive(source, said.append):
            load.load_delivery(delivery)
    where.chmod(0o755)
    assert deliveries(database) == [(name, "loaded" if source else "unknown")]
    assert len(said) == 3
    assert "tidak dapat dihapus dari kotak masuk" in said[0]


def test_a_file_that_arrives_under_the_same_name_during_the_intake_is_never_lost(
    database: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "djpb_apbd.csv"
    file.write_text(export(month=1))
    end = during(monkeypatch, store, "keep", lambda: file.write_text(export(month=2)))
    assert len(inbox.receive(SOURCE)) == 1
    end()
    assert file.read_text() == export(month=2)
    first, second = inbox.receive(SOURCE)
    load.load_delivery(first)
    load.load_delivery(second)
    assert query(database, "select month from raw.djpb__apbd order by month") == [(1,), (2,)]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("module", "step"), [(store, "keep"), (ledger, "record_delivery")])
def test_where_files_cannot_be_claimed_one_that_changed_during_the_intake_is_kept(
    database: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, module: Any, step: str
) -> None:
    monkeypatch.setenv("PENDOPO_LANDING", "memory://landing")
    memory = fsspec.filesystem("memory")
    path = "/landing/djpb/apbd/djpb_apbd.csv"
    memory.pipe(path, export(month=1).encode())
    end = during(monkeypatch, module, step, lambda: memory.pipe(path, export(month=2).encode()))
    inbox.receive(SOURCE)
    end()
    assert memory.exists(path)
    for delivery in inbox.receive(SOURCE):
        load.load_delivery(delivery)
    assert not memory.exists(path)
    assert (2,) in query(database, "select month from raw.djpb__apbd")


def test_what_a_killed_scan_had_claimed_is_taken_by_the_next_one(
    database: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    (folder / "djpb_apbd.csv").write_text(export())
    end = during(monkeypatch, store, "keep", die)
    with pytest.raises(KeyboardInterrupt):
        inbox.receive(SOURCE)
    end()
    assert len(inbox.receive(SOURCE)) == 1
    assert query(database, "select file_name, landing_path from ops.delivery") == [
        ("djpb_apbd.csv", str(folder / "djpb_apbd.csv"))
    ]
    assert list(folder.iterdir()) == []


def test_a_file_from_a_clock_that_runs_ahead_is_taken_once_it_rests(
    database: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resting, growing = folder / "djpb_apbd_a.csv", folder / "djpb_apbd_b.csv"
    tomorrow = time.time() + 86_400
    for file in (resting, growing):
        file.write_text(export())
        os.utime(file, (tomorrow, tomorrow))
    end = during(monkeypatch, time, "sleep", lambda: growing.write_text(export() + "x"))
    inbox.receive(SOURCE)
    end()
    assert deliveries(database) == [("djpb_apbd_a.csv", "received")]
    assert growing.exists()


def test_an_upload_that_broke_off_long_ago_is_told(database: Any, folder: Path) -> None:
    for name, hours in (("djpb_apbd_a.csv.part", 2), ("djpb_apbd_b.csv.part", 0)):
        (folder / name).write_text(export())
        os.utime(folder / name, (time.time() - hours * 3600, time.time() - hours * 3600))
    said: list[str] = []
    inbox.receive(SOURCE, said.append)
    assert len(said) == 1
    assert "djpb_apbd_a.csv.part belum selesai dikirim" in said[0]
