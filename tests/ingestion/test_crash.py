"""Crash harness: whatever is killed and wherever, a restart ends as if nothing had happened.

A child process (a fork, so that nothing is imported anew) receives and loads deliveries in four stages: first
files with a refused and an unknown one, versions and repetitions, corrections and a shrunken snapshot, a
contract change with its replays. SIGKILL ends it after every function of the loader that it returns from, and
at random moments; the next child goes on and is killed one step later, until one comes to the end. The final
state of ``ops``, of the raw tables and of the folders must equal that of a run that was never killed, but for
the numbers of loads and the clock.

``PENDOPO_CRASH=all`` also kills after every single call of every stage, each time from the stage's beginning;
a number is that of the random kills.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import os
import random
import re
import shutil
import signal
import sys
import time
import traceback
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import yaml

from deploy import postgres
from ingestion import (
    copying,
    inbox,
    ledger,
    load,
    raw_table,
    replay,
    settings,
    spool,
    store,
    supplement,
    versions,
)

from .conftest import HEADER, budget_row
from .test_delivery import ADUAN, BUDGET, PUNCHES, STAFF, Sent, budget, complaints, punches, staff

SOURCES = (BUDGET, ADUAN, PUNCHES, STAFF)
WRAPPED = (load, ledger, store, copying, inbox, versions, supplement, raw_table, replay, spool)
OPTION = os.environ.get("PENDOPO_CRASH", "")
RANDOM_KILLS = int(OPTION) if OPTION.isdigit() else 200 if OPTION == "all" else 8
START = 1_770_000_000
CLOCKS = re.compile(r"_at$|^change_id$")
LOADS = re.compile(r"load_id$|^_closed_by")


def stage_files(stage: int, cursor: Any) -> list[Sent]:
    """What lies in the drop folder when a stage begins; sources '' lie at its top."""
    if stage == 0:
        too_bad = [budget_row(f"Kab. {number}", revenue="x") for number in range(25)]
        return [
            budget(
                budget_row("Kab. A"), budget_row("Kab. B", revenue="x"), budget_row("Kab. C", revenue="y")
            ),
            complaints(1, "A1", "A2", "salah tiket"),
            punches(1, 2),
            budget(*too_bad, name="djpb_apbd_rusak.csv"),
            Sent("", "catatan.txt", "halo", 0),
            Sent("", "2_attlog.dat", punches(3).text, 0),
        ]
    if stage == 1:
        return [
            complaints(1, "A1", "A3", revision=2),
            budget(budget_row("Kab. A", month=2), budget_row("Kab. A", month=3, revenue="x")),
            Sent(BUDGET, "djpb_apbd_lagi.csv", stage_files(0, cursor)[0].text, 0),
            staff(1, 2, 3),
        ]
    if stage == 2:
        cursor.execute(
            "select load_id from ops.load where source_id = %s and status = 'loaded' order by 1 limit 1",
            (BUDGET,),
        )
        [(load_id,)] = cursor.fetchall()
        rows = [f"{budget_row('Kab. B')};{load_id}:3", f"{budget_row('Kab. C', revenue='z')};{load_id}:4"]
        return [
            Sent(BUDGET, "perbaikan.csv", "\n".join([f"{HEADER};_pendopo", *rows]), 0),
            staff(2, 4, month=2, opd="Dinas Lain"),
        ]
    return []


def work(stage: int) -> None:
    """One stage as the services do it; started again it does what is left."""
    ledger.register_contracts()
    for source_id in (*SOURCES, None):
        for delivery in inbox.receive(source_id, lambda line: None):
            load.load_delivery(delivery)
    if stage == 3:
        for source_id in SOURCES:
            replay.rejects(source_id)


@dataclass
class Center:
    """An installation whose database and folders go back to the beginning of a stage."""

    home: Path
    landing: Path
    stages: int = 4
    reference: list[Any] = field(default_factory=list)
    steps: list[list[str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def admin(self, statement: str, database: str = "postgres") -> None:
        with contextlib.closing(psycopg2.connect(postgres.admin_dsn(database))) as connection:
            connection.autocommit = True
            connection.cursor().execute(statement)

    @contextlib.contextmanager
    def cursor(self) -> Iterator[Any]:
        with contextlib.closing(psycopg2.connect(postgres.admin_dsn())) as connection:
            connection.autocommit = True
            yield connection.cursor()

    def keep(self, stage: int) -> None:
        """Remember how things stand at the beginning of a stage."""
        self._copy(settings.DATABASE, f"stage_{stage}")
        for folder in (self.landing, self.home / "originals"):
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copytree(folder, self.home / f"stage_{stage}" / folder.name)

    def restore(self, stage: int) -> None:
        self._copy(f"stage_{stage}", settings.DATABASE)
        for folder in (self.landing, self.home / "originals"):
            shutil.rmtree(folder)
            shutil.copytree(self.home / f"stage_{stage}" / folder.name, folder)
        os.environ["PENDOPO_CONTRACTS"] = str(self.home / ("contracts_new" if stage == 3 else "contracts"))

    def _copy(self, source: str, target: str) -> None:
        self.admin(f"drop database if exists {target} with (force)")
        self.admin(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{source}'")
        self.admin(f"create database {target} owner owner template {source} strategy file_copy")

    def drop(self, stage: int) -> None:
        """Put the files of a stage into the drop folder, each with a time of its own."""
        with self.cursor() as cursor:
            files = stage_files(stage, cursor)
        for number, sent in enumerate(files):
            opd, _, dataset = sent.source.partition("__")
            folder = self.landing / opd / dataset if sent.source else self.landing
            folder.mkdir(parents=True, exist_ok=True)
            (folder / sent.name).write_text(sent.text)
            os.utime(folder / sent.name, (START + stage * 100 + number,) * 2)

    def state(self) -> Any:
        """Everything that must not depend on kills."""
        with self.cursor() as cursor:
            cursor.execute("select load_id from ops.load order by load_id")
            loads = {load_id: rank for rank, (load_id,) in enumerate(cursor.fetchall())}
            cursor.execute("select delivery_id from ops.delivery order by delivery_id")
            deliveries = {number: rank for rank, (number,) in enumerate(cursor.fetchall())}
            tables = [
                "ops.source",
                "ops.delivery",
                "ops.load",
                "ops.load_slice",
                "ops.slice",
                "ops.rejected_row",
            ]
            tables += [f"raw.{source_id}" for source_id in SOURCES]
            found: dict[str, Any] = {}
            for table in tables:
                cursor.execute(f"select to_jsonb(kept) from {table} as kept")
                rows = [_plain(row, loads, deliveries) for (row,) in cursor.fetchall()]
                found[table] = sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))
        found["landing"] = sorted(str(path.relative_to(self.landing)) for path in self.landing.rglob("*.*"))
        originals = self.home / "originals"
        # Half copies of a killed process are nobody's; the purge removes them.
        found["originals"] = sorted(
            path.name
            for path in originals.rglob("*")
            if path.is_file() and not path.name.startswith("incoming-")
        )
        return found


def _plain(row: dict[str, Any], loads: dict[int, int], deliveries: dict[int, int]) -> dict[str, Any]:
    def plain(name: str, value: Any) -> Any:
        if value is None:
            return None
        if CLOCKS.search(name) and name != "modified_at":
            return "set"
        if LOADS.search(name):
            return loads[value]
        if name == "delivery_id":
            return deliveries[value]
        if name == "reference":
            number, _, rest = value.partition(":")
            return f"{loads[int(number)]}:{rest}"
        if name == "message":
            return re.sub(r"\d\d/\d\d/\d{4} \d\d:\d\d \(muatan \d+\)", "(muatan)", value)
        return value

    return {name: plain(name, value) for name, value in row.items()}


class Steps:
    """Lets something happen after the returns of the loader's functions, in this process only."""

    def __init__(self, act: Callable[[str, int], None]) -> None:
        self.act, self.count = act, 0
        for module in WRAPPED:
            for owner in (module, *self._classes(module)):
                for name, value in list(vars(owner).items()):
                    if isinstance(value, types.FunctionType) and value.__module__ == module.__name__:
                        wrapped = self._wrap(value)
                        setattr(owner, name, wrapped)
                        for other in WRAPPED:
                            if getattr(other, name, None) is value:
                                setattr(other, name, wrapped)

    @staticmethod
    def _classes(module: types.ModuleType) -> list[type]:
        own = [item for item in vars(module).values() if isinstance(item, type)]
        return [item for item in own if item.__module__ == module.__name__]

    def _wrap(self, function: types.FunctionType) -> Callable[..., Any]:
        label = f"{function.__module__}.{function.__qualname__}"
        if function.__name__.startswith("__") or inspect.isgeneratorfunction(inspect.unwrap(function)):
            return function

        @functools.wraps(function)
        def with_step(*arguments: Any, **options: Any) -> Any:
            result = function(*arguments, **options)
            self.count += 1
            self.act(label, self.count)
            return result

        return with_step


def child(stage: int, act: Callable[[str, int], None] | None = None) -> int:
    """Start a child that works through a stage; returns its process id."""
    if pid := os.fork():
        return pid
    try:
        if act:
            Steps(act)
        work(stage)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def ended(pid: int) -> int:
    """Wait for a child: 0, its exit code, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.fixture(scope="module")
def center(new_warehouse: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    """The reference: every stage worked through by a child that nobody kills."""
    before = {name: os.environ.get(name) for name in ("PENDOPO_LANDING", "PENDOPO_CONTRACTS")}
    rest, inbox._REST_SECONDS = inbox._REST_SECONDS, 0
    with new_warehouse("pendopo-crash-") as warehouse:
        center = Center(warehouse.home, warehouse.home / "landing")
        os.environ["PENDOPO_LANDING"] = str(center.landing)
        # The machine keeps running when a process is killed.
        center.admin("alter system set fsync = off")
        center.admin("select pg_reload_conf()")
        _write_contracts(center.home)
        for stage in range(center.stages):
            center.landing.mkdir(exist_ok=True)
            center.drop(stage)
            center.keep(stage)
            center.restore(stage)
            log = center.home / f"steps_{stage}"

            def note(label: str, _: int, log: Path = log) -> None:
                with log.open("a") as file:
                    file.write(f"{label}\n")

            begun = time.monotonic()
            assert ended(child(stage, note)) == 0
            center.seconds.append(time.monotonic() - begun)
            center.steps.append(log.read_text().splitlines())
            center.reference.append(center.state())
        yield center
    inbox._REST_SECONDS = rest
    for name, value in before.items():
        os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


def _write_contracts(home: Path) -> None:
    """The four contracts, and those of the last stage: a column changes its type and may be missing."""
    for name in ("contracts", "contracts_new"):
        (home / name).mkdir()
        for source_id in SOURCES:
            shutil.copy(settings.ROOT / "ingestion" / "contracts" / f"{source_id}.yaml", home / name)
    file = home / "contracts_new" / f"{BUDGET}.yaml"
    document = yaml.safe_load(file.read_text())
    document["version"] = "9.0.0"
    for column in document["schema"][0]["properties"]:
        if column["name"] == "revenue_idr":
            column |= {"physicalType": "numeric(30,3)", "required": False}
    document["customProperties"][0]["value"]["missingValues"] = ["", "y"]
    file.write_text(yaml.safe_dump(document, sort_keys=False))


def test_the_scenario_holds_all_that_a_loader_does(center: Center) -> None:
    first, _, third, last = center.reference
    statuses = {row["status"] for row in third["ops.delivery"]}
    assert statuses == {"loaded", "already_loaded", "refused", "unknown"}
    assert any(row["supplements_load_id"] is not None for row in third["ops.load"])
    assert any(row["rows_closed"] for row in third["ops.load"])
    assert any(row["superseded_by_load_id"] is not None for row in last["ops.load"])
    assert any(row["replays_load_id"] is not None for row in last["ops.delivery"])
    assert any(row["resolved_by_load_id"] is not None for row in last["ops.rejected_row"])
    assert not [
        row for state in center.reference for row in state["ops.delivery"] if row["status"] == "received"
    ]
    assert first["landing"] == []


def killer(wanted: Callable[[str, int], bool]) -> Callable[[str, int], None]:
    def act(label: str, count: int) -> None:
        if wanted(label, count):
            os.kill(os.getpid(), signal.SIGKILL)

    return act


def test_a_loader_killed_after_any_step_ends_as_if_it_never_was(center: Center) -> None:
    kills = 0
    for stage in range(center.stages):
        later = {label for following in center.steps[stage + 1 :] for label in following}
        left = [label for label in dict.fromkeys(center.steps[stage]) if label not in later]
        while left:
            center.restore(stage)
            killed_after: list[str] = []
            # Each child is killed one function later; one that ends before leaves it to the next round.
            while left and _is_killed(stage, lambda label, _: label == left[0]):  # noqa: B023
                killed_after.append(left.pop(0))
            assert killed_after
            assert ended(child(stage)) == 0, killed_after
            assert center.state() == center.reference[stage], f"stage {stage}, killed after {killed_after}"
            kills += len(killed_after)
    _report("after a step", kills)


def _is_killed(stage: int, wanted: Callable[[str, int], bool]) -> bool:
    code = ended(child(stage, killer(wanted)))
    assert code in (0, -signal.SIGKILL)
    return code != 0


if OPTION == "all":  # minutes

    @pytest.mark.parametrize("stage", range(4))
    def test_a_loader_killed_after_any_call_ends_as_if_it_never_was(center: Center, stage: int) -> None:
        for number, label in enumerate(center.steps[stage], 1):
            center.restore(stage)
            assert _is_killed(stage, lambda _, count: count == number), label  # noqa: B023
            assert ended(child(stage)) == 0, label
            assert center.state() == center.reference[stage], f"killed after call {number} of {label}"
        _report(f"after a call in stage {stage}", len(center.steps[stage]))


def test_a_loader_killed_at_any_moment_ends_as_if_it_never_was(center: Center) -> None:
    moments = random.Random(20260301)
    kills = 0
    while kills < RANDOM_KILLS:
        stage = moments.randrange(center.stages)
        center.restore(stage)
        for _ in range(3):
            pid = child(stage)
            time.sleep(moments.uniform(0, center.seconds[stage]))
            os.kill(pid, signal.SIGKILL)
            # One that was faster has ended, which is a moment too.
            kills += ended(pid) == -signal.SIGKILL
        assert ended(child(stage)) == 0
        assert center.state() == center.reference[stage]
    _report("at a random moment", kills)


@pytest.mark.parametrize("way", ["terminated by the administrator", "killed, so that the server recovers"])
def test_a_database_backend_that_dies_in_mid_load_leaves_nothing_half(center: Center, way: str) -> None:
    center.restore(0)
    told, go = os.pipe(), os.pipe()

    def wait_after_copy(label: str, _: int) -> None:
        if label == "ingestion.copying.copy_rows":
            os.write(told[1], b"x")
            os.read(go[0], 1)

    pid = child(0, wait_after_copy)
    os.read(told[0], 1)
    with center.cursor() as cursor:
        cursor.execute(
            "select pid from pg_stat_activity"
            " where application_name = 'pendopo-loader' and state = 'idle in transaction'"
        )
        [(backend,)] = cursor.fetchall()
        if way.startswith("terminated"):
            cursor.execute("select pg_terminate_backend(%s, 5000)", (backend,))
        else:
            os.kill(backend, signal.SIGKILL)
    time.sleep(0.2)
    postgres.wait_until_ready()
    os.write(go[1], b"x" * 100)
    assert ended(pid) == 1
    assert ended(child(0)) == 0
    assert center.state() == center.reference[0]
    _report(f"of the database backend ({way})", 1)


def _report(where: str, kills: int) -> None:
    print(f"\nsurvived {kills} kills {where}")
