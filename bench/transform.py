"""How long the marts take when a day arrives, and whether ten times the history makes it longer.

    python -m bench.transform [--rows 2000000] [--times 10] [--days 3] [--json]

For a history of ``rows`` punches and one of ``times`` as many (the same people, more days) it starts a
PostgreSQL of its own with Pendopo's settings, puts the punches and their ledger straight into it and builds
the domain attendance from nothing. Then it delivers further days to both in turns, through the real loader
and the real transform. At the larger history every query of the attendance charts is timed as the role that
Superset uses. The last line of the output is JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2

from bench import attendance_history, chart_queries, warehouse
from deploy import transform
from ingestion import load, reference, settings

DOMAIN = "attendance"
CHARTS_OF = ("fct_attendance", "agg_attendance")
ROUNDS_OF_A_QUERY = 3


@dataclass
class Build:
    """One build of the domain: wall time, and the seconds that dbt reports for its nodes by kind."""

    seconds: float
    models_s: float
    tests_s: float
    slowest: list[tuple[str, float]]


@dataclass
class Measured:
    """One size of history."""

    home: Path
    history: attendance_history.History
    rebuild: Build
    days: list[Build] = field(default_factory=list)
    load_s: list[float] = field(default_factory=list)
    day_rows: int = 0
    queries: list[tuple[str, str, float]] = field(default_factory=list)

    def enter(self) -> None:
        """Make this history's server the one that everything talks to."""
        os.environ["PENDOPO_HOME"] = str(self.home)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.transform", description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000, help="punches of the smaller history")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--days", type=int, default=3, help="days delivered after it")
    parser.add_argument("--json", action="store_true", help="the last line only")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        small, large = (prepare(stack, arguments.rows, times) for times in (1, arguments.times))
        # In turns, so that a machine that is busy for a while slows both.
        for number in range(arguments.days):
            for measured in (small, large) if number % 2 == 0 else (large, small):
                deliver(measured, measured.history.next_days[number])
        large.enter()
        large.queries = _time_queries()
    result = summary(small, large)
    if not arguments.json:
        print(as_text(small, large, result))
    print(json.dumps(result))


def prepare(stack: contextlib.ExitStack, rows: int, times: int) -> Measured:
    """A history and the marts built from nothing, in a PostgreSQL of its own that the stack removes."""
    home = stack.enter_context(warehouse.temporary(settings.ROOT / "ingestion" / "contracts"))
    reference.apply_region()
    _say(f"{times}x: writing a history of {rows * times} punches")
    history = attendance_history.fill(rows, times)
    with _output_to(home / "dbt.log"):
        transform.run_domain(transform.SHARED)
    measured = Measured(home, history, _build(home / "dbt.log"))
    _say(f"{times}x: {history.punches} punches, rebuild {measured.rebuild}")
    return measured


def deliver(measured: Measured, day: datetime.date) -> None:
    """One more day: its files through the loader, then the transform."""
    measured.enter()
    started = time.perf_counter()
    for path in attendance_history.write_day(measured.home / f"{day}", day):
        outcome = load.load_file(path)
        if outcome.status != "loaded":
            raise SystemExit(f"not loaded: {outcome.messages}")
    measured.load_s.append(time.perf_counter() - started)
    measured.days.append(_build(measured.home / "dbt.log"))
    with warehouse.cursor() as cursor:
        cursor.execute("select count(*) from marts.fct_attendance_day where work_on = %s", (day,))
        measured.day_rows = cursor.fetchone()[0]
    _say(f"{measured.history.punches} punches, {day}: {measured.days[-1]}")


def _build(log: Path) -> Build:
    """One build as the transform runs it."""
    started = time.perf_counter()
    with _output_to(log):
        transform.run_domain(DOMAIN)
    seconds = time.perf_counter() - started
    with warehouse.cursor() as cursor:
        cursor.execute(
            """
            select split_part(node_id, '.', 1), node_id, execution_seconds from ops.run_result
            where invocation_id = (select invocation_id from ops.run_domain where domain = %s)
            order by execution_seconds desc
            """,
            (DOMAIN,),
        )
        nodes = cursor.fetchall()
    by_kind = {kind: sum(node[2] for node in nodes if node[0] == kind) for kind in ("model", "test")}
    slowest = [(node_id.split(".")[2], round(taken, 2)) for _, node_id, taken in nodes[:6]]
    return Build(round(seconds, 2), round(by_kind["model"], 2), round(by_kind["test"], 2), slowest)


def _time_queries() -> list[tuple[str, str, float]]:
    """Chart, mart and milliseconds, the slowest first; the median of a few runs after a first one."""
    timed = []
    with contextlib.closing(psycopg2.connect(settings.dsn("bi_staff"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for query in chart_queries.queries_of(CHARTS_OF):
                taken = []
                for _ in range(1 + ROUNDS_OF_A_QUERY):
                    started = time.perf_counter()
                    cursor.execute(query.sql)
                    cursor.fetchall()
                    taken.append(1000 * (time.perf_counter() - started))
                name = f"{query.chart} (newest)" if query.is_filtered else query.chart
                timed.append((name, query.mart, round(statistics.median(taken[1:]), 1)))
    return sorted(timed, key=lambda item: -item[2])


def summary(small: Measured, large: Measured) -> dict[str, Any]:
    def of_days(measured: Measured, name: str) -> float:
        return round(statistics.median(getattr(build, name) for build in measured.days), 2)

    def ratio(name: str) -> float:
        """Median of the rounds' ratios."""
        pairs = zip(large.days, small.days, strict=True)
        return round(
            statistics.median(getattr(big, name) / getattr(little, name) for big, little in pairs), 2
        )

    def size(measured: Measured) -> dict[str, Any]:
        return {
            "punches": measured.history.punches,
            "employees": measured.history.employees,
            "days": measured.history.days,
            "rebuild_s": measured.rebuild.seconds,
            "rebuild_models_s": measured.rebuild.models_s,
            "day_load_s": round(statistics.median(measured.load_s), 2),
            "day_s": of_days(measured, "seconds"),
            "day_models_s": of_days(measured, "models_s"),
            "day_tests_s": of_days(measured, "tests_s"),
            "day_rows": measured.day_rows,
            "day_slowest": measured.days[-1].slowest,
            "rebuild_slowest": measured.rebuild.slowest,
        }

    return {
        "small": size(small),
        "large": size(large),
        "ratio": ratio("seconds"),
        "ratio_models": ratio("models_s"),
        "slowest_query_ms": large.queries[0][2] if large.queries else None,
        "queries_over_100_ms": [query for query in large.queries if query[2] > 100],
        "queries": large.queries,
        "load_average": round(os.getloadavg()[0], 1),
    }


def as_text(small: Measured, large: Measured, result: dict[str, Any]) -> str:
    names = ("punches", "days", "rebuild_s", "day_load_s", "day_s", "day_models_s", "day_tests_s")
    lines = ["".join(f"{name:>14}" for name in names)]
    lines += ["".join(f"{result[size][name]:>14}" for name in names) for size in ("small", "large")]
    lines.append(f"a new day, large against small: {result['ratio']} (models alone {result['ratio_models']})")
    lines += [f"{taken:>9.1f} ms  {chart}  [{mart}]" for chart, mart, taken in large.queries[:12]]
    return "\n".join(lines)


@contextlib.contextmanager
def _output_to(log: Path) -> Iterator[None]:
    """What child processes print goes to a file, and to the screen only when something fails."""
    kept = os.dup(1)
    with log.open("a") as file:
        sys.stdout.flush()
        os.dup2(file.fileno(), 1)
        try:
            yield
        except BaseException:
            print(log.read_text()[-6000:], file=sys.stderr)
            raise
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)
            os.close(kept)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
