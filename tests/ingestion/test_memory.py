"""Whatever the size of a file of lines and however many of its rows are bad: at most 500 MB of memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import attendance_file, warehouse
from ingestion import ledger, settings

LIMIT_MB = 500
ROWS = 100_000


@pytest.fixture
def bench_source(database: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(warehouse.CONTRACTS))
    ledger.register_contracts()
    yield database
    database.execute("drop table raw.bench__absensi cascade")
    database.execute("truncate ops.load, ops.delivery, ops.rejected_row cascade")
    database.execute("delete from ops.source where source_id = 'bench__absensi'")


def write(file: Path, *, months: int, bad: float = 0.006, times: int = 1) -> None:
    """A hundred thousand records (11 MB) a month, each month ``times`` times."""
    attendance_file.write(file, ROWS, bad, plain=True)
    header, _, block = file.read_bytes().partition(b"\r\n")
    with file.open("wb") as target:
        target.write(header + b"\r\n")
        for month in range(months):
            moved = f"/{month % 12 + 1:02d}/{2021 + month // 12} ".encode()
            shifted = block.replace(b"/01/2021;", moved[:-1] + b";").replace(b"/01/2021 ", moved)
            for _ in range(times):
                target.write(shifted)


def load(file: Path) -> tuple[dict[str, Any], float]:
    """Load in a process of its own: counts and peak memory in MB."""
    code = (
        "import json, re, sys; from pathlib import Path; from ingestion.load import load_file;"
        "outcome = load_file(Path(sys.argv[1])); status = Path('/proc/self/status').read_text();"
        # Not ru_maxrss: a child inherits it from the process that started it.
        "print(json.dumps([outcome.as_json(), int(re.search(r'VmHWM:\\s*(\\d+) kB', status)[1])]))"
    )
    command = [sys.executable, "-c", code, str(file)]
    result = subprocess.run(command, cwd=settings.ROOT, capture_output=True, text=True, check=True)
    outcome, used = json.loads(result.stdout)
    file.unlink()
    return outcome, used * 1024 / (1 << 20)


def test_a_file_of_300_mb_needs_no_more_memory_than_promised(bench_source: Any, tmp_path: Path) -> None:
    file = tmp_path / "absensi_besar.csv"
    write(file, months=28)
    assert file.stat().st_size > 300_000_000
    outcome, peak_mb = load(file)
    assert (outcome["loaded"], outcome["rejected"]) == (28 * 99_340, 28 * 600)
    bench_source.execute("select count(*), count(distinct (nip, work_date)) from raw.bench__absensi")
    assert bench_source.fetchone() == (28 * 99_340, 28 * 99_340)
    assert peak_mb <= LIMIT_MB


def test_hundreds_of_thousands_of_refused_rows_do_not_fill_the_memory(
    bench_source: Any, tmp_path: Path
) -> None:
    file = tmp_path / "absensi_salah.csv"
    write(file, months=12, bad=0.4)
    outcome, peak_mb = load(file)
    assert (outcome["loaded"], outcome["rejected"]) == (12 * 56_000, 12 * 40_000)
    bench_source.execute("select count(*) from ops.rejected_row")
    assert bench_source.fetchone() == (12 * 40_000,)
    assert peak_mb <= LIMIT_MB


def test_a_file_that_repeats_half_of_its_rows_loads_each_once(bench_source: Any, tmp_path: Path) -> None:
    file = tmp_path / "absensi_ganda.csv"
    write(file, months=12, bad=0, times=2)
    outcome, peak_mb = load(file)
    assert (outcome["loaded"], outcome["rejected"]) == (12 * ROWS, 0)
    assert outcome["skipped_by_kind"] == {"duplicate": 12 * ROWS}
    assert peak_mb <= LIMIT_MB
