"""End of retention: what may hold personal data goes, the ledger and the warehouse stay."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ingestion import load, marked, settings, store
from ingestion.contract import load_contracts
from ingestion.purge import GONE, UNKNOWN_DAYS, purge

from .conftest import budget_row, query

SOURCE = "djpb__apbd"


def age(cursor: Any, days: int, *files: str) -> None:
    """Let deliveries and their loads have arrived so many days ago, and their originals lie since then."""
    cursor.execute(
        "update ops.delivery set received_at = received_at - %s * interval '1 day' where file_name = any(%s)",
        (days, list(files)),
    )
    cursor.execute(
        "update ops.load set received_on = received_on - %s where file_name = any(%s)", (days, list(files))
    )
    cursor.execute("select original_path from ops.delivery")
    for (path,) in cursor.fetchall():
        if (settings.home() / path).exists():
            os.utime(settings.home() / path, (time.time() - 7200,) * 2)


def test_what_is_past_its_retention_goes_and_the_ledger_stays(
    database: Any, budget_csv: Callable[..., Path], tmp_path: Path
) -> None:
    days, today = load_contracts()[SOURCE].retention_days, datetime.now(UTC).date()
    old = load.load_file(budget_csv(budget_row(), budget_row("B", revenue="rahasia"), name="djpb_apbd_a.csv"))
    assert old.load_id is not None
    workbook = marked.write(old.load_id)
    load.load_file(budget_csv(budget_row(month=2), budget_row("C", revenue="x"), name="djpb_apbd_b.csv"))
    stray = tmp_path / "catatan.txt"
    stray.write_text("halo")
    load.load_file(stray)
    age(database, days + 1, "djpb_apbd_a.csv", "catatan.txt")
    assert days > UNKNOWN_DAYS

    planned = purge(today, dry_run=True)
    assert workbook.exists()
    assert purge(today) == planned
    assert (planned.originals, planned.rejected_rows, planned.workbooks) == (2, 1, 1)
    assert not workbook.exists()
    kept = {path.name for path in (settings.home() / "originals").rglob("*") if path.is_file()}
    deliveries = query(database, "select file_name, purged_at is null, sha256 from ops.delivery order by 1")
    assert [row[:2] for row in deliveries] == [
        ("catatan.txt", False),
        ("djpb_apbd_a.csv", False),
        ("djpb_apbd_b.csv", True),
    ]
    assert [sha256 in kept for _, _, sha256 in deliveries] == [False, False, True]
    rows = query(database, "select raw_text, reasons::text from ops.rejected_row order by load_id")
    assert (rows[0][0], "rahasia" in rows[0][1], "not_a_number" in rows[0][1]) == (GONE, False, True)
    assert rows[1][0] != GONE
    assert query(database, "select purged_at is null from ops.load order by load_id") == [(False,), (True,)]
    assert query(database, f"select count(*) from raw.{SOURCE}") == [(2,)]
    assert purge(today).originals == 0


def test_an_original_stays_while_a_younger_delivery_needs_it(
    database: Any, budget_csv: Callable[..., Path]
) -> None:
    first = budget_csv(budget_row(), name="djpb_apbd_a.csv")
    load.load_file(first)
    load.load_file(first.rename(first.with_name("djpb_apbd_b.csv")))
    age(database, load_contracts()[SOURCE].retention_days + 1, "djpb_apbd_a.csv")
    today = datetime.now(UTC).date()
    assert purge(today).originals == 0
    age(database, load_contracts()[SOURCE].retention_days + 1, "djpb_apbd_b.csv")
    # Copied into the store a moment ago: its delivery may not be written yet.
    ((path,),) = query(database, "select distinct original_path from ops.delivery")
    os.utime(settings.home() / path)
    assert purge(today).originals == 0
    assert purge(today + timedelta(days=1)).originals == 0
    age(database, 0)
    assert purge(today).originals == 1


def test_a_content_that_comes_again_after_the_purge_is_known_and_kept_anew(
    database: Any, budget_csv: Callable[..., Path]
) -> None:
    file = budget_csv(budget_row())
    load.load_file(file)
    age(database, load_contracts()[SOURCE].retention_days + 1, file.name)
    purge(datetime.now(UTC).date())
    assert load.load_file(file).status == "already_loaded"
    assert query(database, "select purged_at is null from ops.delivery order by delivery_id") == [
        (False,),
        (True,),
    ]
    assert purge(datetime.now(UTC).date()).originals == 0


def test_half_copies_of_killed_processes_go_after_a_day(database: Any) -> None:
    folder = settings.home() / "originals"
    folder.mkdir(mode=0o700, exist_ok=True)
    old, young = folder / "incoming-a", folder / "incoming-b"
    for file in (old, young):
        file.write_text("x")
    os.utime(old, (time.time() - 90_000,) * 2)
    purge(datetime.now(UTC).date())
    assert (old.exists(), young.exists()) == (False, True)
    young.unlink()


def test_an_original_that_no_delivery_names_goes_after_a_month(
    database: Any, budget_csv: Callable[..., Path]
) -> None:
    load.load_file(budget_csv(budget_row()))
    with budget_csv(budget_row("B"), name="lain.csv").open("rb") as file:
        unnamed = store.keep(file)
    with budget_csv(budget_row("C"), name="baru.csv").open("rb") as file:
        young = store.keep(file)
    ((named,),) = query(database, "select original_path from ops.delivery")
    for file in (unnamed.file, settings.home() / named):
        os.utime(file, (time.time() - 32 * 86_400,) * 2)
    today = datetime.now(UTC).date()
    assert (purge(today, dry_run=True).originals, unnamed.file.exists()) == (1, True)
    assert purge(today).originals == 1
    kept = [unnamed.file.exists(), young.file.exists(), (settings.home() / named).exists()]
    assert kept == [False, True, True]
    young.file.unlink()


def test_originals_and_marked_workbooks_are_for_the_installation_only(
    database: Any, budget_csv: Callable[..., Path]
) -> None:
    before = os.umask(0o000)
    try:
        outcome = load.load_file(budget_csv(budget_row(), budget_row("B", revenue="x")))
        assert outcome.load_id is not None
        workbook = marked.write(outcome.load_id)
    finally:
        os.umask(before)
    ((path,),) = query(database, "select original_path from ops.delivery")
    original = settings.home() / path
    modes = [stat.S_IMODE(file.stat().st_mode) for file in (original, workbook)]
    folders = [original.parent, original.parent.parent, workbook.parent]
    assert modes == [0o600, 0o600]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700] * 3
