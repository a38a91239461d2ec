"""Leave, permissions and field duty: one file a month, by the day on which they begin.

Some letters overlap (called to duty while on leave), one month came again with a shorter leave, and every
month holds a damaged row: a kind nobody knows, a day that does not exist, no last day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from ingestion.sample import employees, files
from ingestion.sample.scene import Scene, month_end, month_title, months_before

HEADER = ("NIP", "Kode Jenis", "Tanggal Mulai", "Tanggal Selesai", "Nomor Surat")
COMPLETE_MONTHS = 3
# Kind → share and longest length in days: annual leave, field duty, sick leave, for an important reason, with
# permission, long leave, maternity.
KINDS = {
    "CT": (0.42, 5),
    "DL": (0.27, 3),
    "CS": (0.17, 3),
    "CAP": (0.06, 3),
    "IZ": (0.05, 1),
    "CB": (0.02, 25),
    "CM": (0.01, 90),
}
# Letters for each employee and month.
_SHARE = 0.11


@dataclass(frozen=True)
class Absence:
    """A letter that lets a person be away from a day on, up to and with another."""

    nip: str
    kind: str
    start: date
    end: date
    document_no: str


def write(landing: Path, scene: Scene) -> list[Path]:
    """Write the months of the punches; returns the paths."""
    folder = landing / "bkpsdm" / "ketidakhadiran"
    by_month: dict[date, list[Absence]] = {month: [] for month in months(scene)}
    for item in absences(scene):
        by_month[item.start.replace(day=1)].append(item)
    paths = [_write_month(folder, scene, month, items) for month, items in by_month.items()]
    # A month that came again: somebody had been back after one day.
    month = months_before(scene.as_of, 2)
    items = by_month[month]
    if items:
        first = items[0]
        shorter = Absence(first.nip, first.kind, first.start, first.start, first.document_no)
        paths.append(_write_month(folder, scene, month, [shorter, *items[1:]], "_rev2"))
    return paths


def months(scene: Scene) -> list[date]:
    """First days of the months that terminals report: complete ones and the running one, if it has begun."""
    running = scene.as_of.replace(day=1)
    complete = [months_before(scene.as_of, age) for age in range(COMPLETE_MONTHS, 0, -1)]
    return [*complete, running] if scene.as_of > running else complete


def absences(scene: Scene) -> list[Absence]:
    """Every letter of the months of the punches, month by month."""
    nips = list(dict.fromkeys(item.nip for item in employees.assignments(scene)))
    kinds = list(KINDS)
    shares = [share for share, _ in KINDS.values()]
    result: list[Absence] = []
    for month in months(scene):
        rng = scene.rng("absences", month)
        last = min(month_end(month), scene.as_of - timedelta(days=1))
        for number, place in enumerate(
            sorted(rng.choice(len(nips), max(8, round(len(nips) * _SHARE))).tolist())
        ):
            kind = str(rng.choice(kinds, p=shares))
            start = month + timedelta(days=int(rng.integers(0, (last - month).days + 1)))
            longest = KINDS[kind][1]
            length = longest if longest > 20 else int(rng.integers(1, longest + 1))
            end = start + timedelta(days=length - 1)
            letter = f"{800 + number}/{'ST' if kind == 'DL' else 'SC'}/{month:%m/%Y}"
            result.append(Absence(nips[place], kind, start, end, letter))
            if kind == "CT" and length > 2 and rng.random() < 0.25:
                # Called to duty in the middle of a holiday.
                duty = start + timedelta(days=1)
                if duty <= last:
                    result.append(Absence(nips[place], "DL", duty, duty, letter.replace("SC", "ST")))
    return result


def _write_month(folder: Path, scene: Scene, month: date, items: list[Absence], end: str = "") -> Path:
    rows = [_row(number, item) for number, item in enumerate(items)]
    sheet = [
        [f"DATA CONTOH - REKAP CUTI, IZIN, DAN DINAS LUAR {scene.region['name'].upper()}"],
        [f"Bulan mulai: {month_title(month)}"],
        [],
        list(HEADER),
        *rows,
        *_damaged(rows, month),
        ["Jumlah surat", len(items)],
        ["Sumber: BKPSDM (data contoh)"],
    ]
    return files.write_workbook(folder / f"ketidakhadiran_{month:%Y-%m}{end}.xlsx", "Ketidakhadiran", sheet)


def _row(number: int, item: Absence) -> list[Any]:
    nip = item.nip
    if number % 17 == 3:
        nip = f"{nip[:8]} {nip[8:14]} {nip[14]} {nip[15:]}"
    start: Any = item.start if number % 6 == 0 else f"{item.start:%d/%m/%Y}"
    return [nip, item.kind, start, f"{item.end:%d/%m/%Y}", item.document_no]


def _damaged(rows: list[list[Any]], month: date) -> list[list[Any]]:
    """A row beyond repair, another mistake each month: these must be refused."""
    if len(rows) < 20:
        # Among few rows even one would refuse the file.
        return []
    row = list(rows[month.month % 10])
    match month.month % 3:
        case 0:
            row[1] = "CUTI"
        case 1:
            row[2] = f"31/02/{month.year}"
        case _:
            row[3] = ""
    return [row]
