"""How fast the loader is, against what the database itself can take: ``python -m bench.ingest``.

All methods load the same made-up attendance rows into a PostgreSQL of the measurement's own, set up as
shipped (fsync on). Each method runs once a round, so that a busy machine slows all of them; a figure is the
median of the rounds. The last line of the output is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench import attendance_file, warehouse
from deploy import postgres

# The slow methods get this many rows; their time for all is extrapolated and said to be.
SAMPLE_ROWS = 100_000
WORKBOOK_ROWS = 200_000
COLUMNS = len(attendance_file.HEADER.split(";"))


@dataclass
class Method:
    """A way to load ``rows`` rows; ``seconds`` and ``peak_mb`` hold one value a round."""

    name: str
    rows: int
    run: Callable[[], Measured]
    seconds: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)

    @property
    def rows_per_s(self) -> float:
        return self.rows / statistics.median(self.seconds)

    def as_json(self) -> dict[str, object]:
        return {
            "rows": self.rows,
            "rows_per_s": round(self.rows_per_s),
            "slowest": round(self.rows / max(self.seconds)),
            "fastest": round(self.rows / min(self.seconds)),
            "peak_rss_mb": round(max(self.peak_mb)),
        }


@dataclass(frozen=True)
class Measured:
    """Wall time of the loading itself, and the highest memory of the process and its children together."""

    seconds: float
    peak_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="the last line only")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(dir="/var/tmp") as folder,
        warehouse.temporary(),
    ):
        methods = prepare(Path(folder), arguments.rows)
        for number in range(arguments.rounds):
            for method in methods:
                _empty_tables()
                measured = method.run()
                method.seconds.append(measured.seconds)
                method.peak_mb.append(measured.peak_mb)
                _say(
                    f"round {number + 1}: {method.name}: {measured.seconds:.2f} s, {measured.peak_mb:.0f} MB"
                )
    result = summary(methods)
    if not arguments.json:
        print(as_text(methods, result))
    print(json.dumps(result))


def prepare(folder: Path, rows: int) -> list[Method]:
    """Write the files and say how each is loaded."""
    _say(f"writing files of {rows} rows")
    files = {name: folder / f"absensi_{name}.csv" for name in ("clean", "messy", "bad", "sample")}
    workbook = folder / "absensi_2026.xlsx"
    sample, sheet = min(rows, SAMPLE_ROWS), min(rows, WORKBOOK_ROWS)
    attendance_file.write(files["clean"], rows, plain=True)
    attendance_file.write(files["messy"], rows, 0.006)
    attendance_file.write(files["bad"], rows, 0.2)
    attendance_file.write(files["sample"], sample, plain=True)
    attendance_file.write_workbook(workbook, sheet)
    return [
        Method("limit", rows, lambda: _copy(files["clean"])),
        Method("messy", rows, lambda: _in_process("pendopo", files["messy"])),
        Method("clean", rows, lambda: _in_process("pendopo", files["clean"])),
        Method("bad", rows, lambda: _in_process("pendopo", files["bad"])),
        Method("dlt", sample, lambda: _in_process("dlt", files["sample"])),
        Method("pandas", sample, lambda: _in_process("pandas", files["sample"])),
        Method("xlsx_limit", sheet, lambda: _in_process("calamine", workbook)),
        Method("xlsx", sheet, lambda: _in_process("pendopo", workbook)),
    ]


def summary(methods: list[Method]) -> dict[str, object]:
    by_name = {method.name: method for method in methods}

    def ratio(name: str, limit: str = "limit") -> float:
        """Median of the rounds' ratios: both ran in the same minute."""
        slow, fast = by_name[name], by_name[limit]
        pairs = zip(fast.seconds, slow.seconds, strict=True)
        return round(statistics.median(best / taken for best, taken in pairs) * slow.rows / fast.rows, 3)

    return {
        "rows": by_name["messy"].rows,
        "ratio": ratio("messy"),
        "ratio_clean": ratio("clean"),
        "ratio_bad": ratio("bad"),
        "bad_costs": round(
            statistics.median(by_name["bad"].seconds) / statistics.median(by_name["messy"].seconds), 2
        ),
        "ratio_xlsx": ratio("xlsx", "xlsx_limit"),
        "rows_per_s": round(by_name["messy"].rows_per_s),
        "limit_rows_per_s": round(by_name["limit"].rows_per_s),
        "peak_rss_mb": round(max(max(by_name[name].peak_mb) for name in ("messy", "clean", "bad"))),
        "load_average": round(os.getloadavg()[0], 1),
        "methods": {method.name: method.as_json() for method in methods},
    }


def as_text(methods: list[Method], result: dict[str, object]) -> str:
    lines = [f"{'method':12}{'rows':>10}{'rows/s':>12}{'slowest':>12}{'fastest':>12}{'MB':>8}"]
    for method in methods:
        told = method.as_json()
        lines.append(
            f"{method.name:12}{told['rows']:>10}{told['rows_per_s']:>12}{told['slowest']:>12}"
            f"{told['fastest']:>12}{told['peak_rss_mb']:>8}"
        )
    rows = int(str(result["rows"]))
    lines += [
        f"{method.name}: {method.rows} rows, extrapolated to {rows}: {rows / method.rows_per_s:.0f} s"
        for method in methods
        if method.name in ("dlt", "pandas") and method.rows < rows
    ]
    lines.append(f"messy against the limit: {result['ratio']}, workbook: {result['ratio_xlsx']}")
    return "\n".join(lines)


def _copy(file: Path) -> Measured:
    """``\\copy`` of clean rows into a logged table of texts."""
    columns = ", ".join(f"c{number} text" for number in range(COLUMNS))
    warehouse.execute(f"drop table if exists public.bench_limit; create table public.bench_limit ({columns})")
    statement = f"\\copy public.bench_limit from '{file}' with (format csv, delimiter ';', header)"
    command = [str(postgres.binaries() / "psql"), "-X", "-q", "-d", postgres.admin_dsn(), "-c", statement]
    return _watched(command)[0]


def _in_process(method: str, file: Path) -> Measured:
    """One load in a process of its own, which tells how long the load took without its imports."""
    watched, output = _watched([sys.executable, "-m", "bench.one_load", method, str(file)])
    return Measured(json.loads(output.splitlines()[-1])["seconds"], watched.peak_mb)


def _watched(command: list[str]) -> tuple[Measured, str]:
    """Run a command; raises CalledProcessError when it fails."""
    started, peak = time.perf_counter(), 0.0
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output)
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, _memory_mb(watched))
            time.sleep(0.02)
        seconds = time.perf_counter() - started
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        output.seek(0)
        return Measured(seconds, peak), output.read()


def _memory_mb(process: psutil.Process) -> float:
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            total += one.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total / (1 << 20)


def _empty_tables() -> None:
    """Every run starts with empty tables and nothing left to be written from the run before."""
    warehouse.execute(
        "truncate raw.bench__absensi; truncate ops.load, ops.delivery, ops.rejected_row cascade; "
        "drop schema if exists bench cascade; drop table if exists public.bench_limit; checkpoint"
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
