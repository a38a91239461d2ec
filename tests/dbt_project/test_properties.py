"""Whatever the order in which files come, the marts are those of one build over all of them.

A corrected month arrives before the month it corrects, yesterday's download after tomorrow's, a roster after
the punches it explains; between the deliveries the marts are built and published by slice. In the end every
mart must hold the same rows as after everything was delivered at once and built from nothing.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest

from deploy import postgres
from ingestion import ledger, reference, sample, settings

from .conftest import Marts

DELIVER = Path(__file__).with_name("deliver.py")
AS_OF = datetime.date(2026, 11, 12)
DOMAINS = ("complaints", "attendance", "budget", "poverty")
# Orders of delivery, and in how many batches: the marts are built after each.
SEEDS, BATCHES = (1, 2), 3
# Few agencies and months: what matters is how files overlap, not how many rows they hold.
DEVICES = ("101", "105")
SMALL = ("aduan_2026-0[6-9]", "aduan_2026-1", "riwayat_aduan_2026-0[6-9]", "riwayat_aduan_2026-1", "pegawai_")
SMALL += ("ketidakhadiran_", "jadwal_kerja_", "realisasi_apbd_2026-0[7-9]", "realisasi_apbd_2026-1")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Sample files of a few months; downloads of two terminals cut so that they overlap."""
    folder = tmp_path_factory.mktemp("deliveries")
    made = sample.generate(folder / "made", as_of=AS_OF, scale=0.25)
    chosen = []
    for path in sorted(made):
        if any(path.match(f"{name}*") for name in SMALL) and "rusak" not in path.name:
            chosen.append(path)
        if path.name.removesuffix(".dat").split("_")[0] in DEVICES and path.suffix == ".dat":
            chosen += _downloads(path, folder / "cut")
    # The order of versions follows from names and times of change, never from the order of arrival.
    for number, path in enumerate(chosen):
        moment = datetime.datetime(2026, 11, 13, tzinfo=datetime.UTC).timestamp() + number
        os.utime(path, (moment, moment))
    return chosen


def _downloads(path, folder):
    """A terminal's lines as three downloads of which each repeats the end of the one before."""
    lines = sorted(path.read_text().splitlines(keepends=True), key=lambda line: line.split("\t")[1])
    third = len(lines) // 3
    parts = []
    for number in range(3):
        part = folder / f"{number}" / path.name
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(
            "".join(lines[max(0, number * third - 40) : (number + 1) * third + (3 * (number == 2))])
        )
        parts.append(part)
    return parts


@pytest.fixture(scope="module")
def center(new_warehouse):
    with new_warehouse("pendopo-order-") as warehouse:
        ledger.register_contracts()
        reference.apply_region()
        marts = Marts(warehouse.home)
        marts.target.mkdir()
        marts.dbt(["build", "--selector", "shared", "--exclude-resource-type", "unit_test"])
        yield marts


def _deliver(center, steps):
    plan = center.target / "plan.json"
    plan.write_text(json.dumps(steps))
    environment = center.environment | {"PYTHONPATH": str(settings.ROOT)}
    done = subprocess.run(
        [sys.executable, str(DELIVER), str(plan)],
        env=environment,
        capture_output=True,
        text=True,
        cwd=center.target,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


def _builds(*more):
    return [["build", "--selector", name, "--exclude-resource-type", "unit_test", *more] for name in DOMAINS]


def _forget(center):
    """The warehouse as it was before the first delivery; the shared models stay."""
    with (
        contextlib.closing(psycopg2.connect(postgres.admin_dsn())) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(
            """
            select format('%I.%I', table_schema, table_name) from information_schema.tables
            where
                table_type = 'BASE TABLE'
                and (
                    table_schema = 'raw'
                    or table_schema = 'ops' and table_name not in ('source', 'setting', 'migration')
                )
            """
        )
        names = ", ".join(name for (name,) in cursor.fetchall())
        cursor.execute(f"truncate {names} cascade")
        connection.commit()
    shutil.rmtree(settings.home() / "originals", ignore_errors=True)


def _rows(center):
    """Mart → its rows, each counted, in no order."""
    found = {}
    for name, frame in center.all_frames().items():
        if name.startswith(("fct_", "agg_")) or name in ("dim_employee", "dim_employee_pin"):
            # A text for what is empty: rows that hold a missing value are not counted otherwise.
            found[name] = (
                frame.astype(object).where(frame.notna(), "kosong").astype(str).value_counts().to_dict()
            )
    return found


@pytest.fixture(scope="module")
def at_once(center, files):
    """The marts after everything was there, built from nothing."""
    _deliver(center, [*(["load", str(path)] for path in files), *_builds("--full-refresh")])
    rows = _rows(center)
    assert min(len(rows[name]) for name in ("fct_complaint", "fct_attendance_day")) > 100
    return rows


@pytest.mark.parametrize("seed", SEEDS)
def test_any_order_of_delivery_gives_the_same_marts(center, files, at_once, seed):
    _forget(center)
    chance = random.Random(seed)
    order = chance.sample(files, len(files))
    # Some files come twice.
    order += chance.sample(files, 3)
    steps = []
    for number in range(BATCHES):
        batch = order[number * len(order) // BATCHES : (number + 1) * len(order) // BATCHES]
        steps += [["load", str(path)] for path in batch] + _builds()
    _deliver(center, steps)
    _assert_same(_rows(center), at_once, order)


def _assert_same(actual, expected, order):
    assert set(actual) == set(expected)
    told = []
    for name in sorted(expected):
        missing = [row for row, count in expected[name].items() if actual[name].get(row, 0) != count]
        extra = [row for row, count in actual[name].items() if expected[name].get(row, 0) != count]
        if missing or extra:
            told.append(f"{name}: {len(missing)} rows missing or counted otherwise, {len(extra)} too many")
            told += [f"  expected {row}" for row in missing[:2]] + [f"  found    {row}" for row in extra[:2]]
    files = " ".join(f"{path.parent.name}/{path.name}" for path in order)
    assert not told, "\n".join([*told, f"delivered: {files}"])
