"""The log of what happened to the complaints of the sample: hand-overs, answers, reopenings, closings.

It tells the same story as the register of complaints, only in full. The application that writes it was
introduced a year before the export, so older steps are known from the register alone. One month was corrected
and delivered again (``_rev2``).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ingestion.sample import files, people
from ingestion.sample.complaints import Complaint, covered_months, received_in
from ingestion.sample.scene import Opd, Scene, month_title, months_before

HEADER = (
    "No. Tiket",
    "No. Log",
    "Waktu",
    "Aktivitas",
    "Instansi Asal",
    "Instansi Tujuan",
    "Status Lama",
    "Status Baru",
    "Catatan",
)
COMPLETE_MONTHS = 12
# One agency handles most complaints; some are handed on because they belong to somebody else.
CHAIN_LENGTHS = ((1, 0.87), (2, 0.10), (3, 0.03))
NEW, VERIFIED, UNDER_WAY, CLOSED, REJECTED = (
    "Belum Terverifikasi",
    "Belum Ditindaklanjuti",
    "Proses",
    "Selesai",
    "Ditolak",
)


@dataclass(frozen=True)
class Step:
    """One line of the log; without an agency it was the reporter or the system."""

    at: datetime
    action: str
    status: str
    note: str
    by: Opd | None = None
    to: Opd | None = None


@dataclass(frozen=True)
class Line:
    """A step as the log numbers it within its ticket."""

    ticket: str
    number: int
    step: Step
    status_before: str


def write(landing: Path, scene: Scene) -> list[Path]:
    """Write one file for every month in which something happened; returns the paths."""
    folder = landing / "diskominfo" / "aduan_riwayat"
    first = months_before(scene.as_of, COMPLETE_MONTHS)
    by_month: dict[date, list[Line]] = defaultdict(list)
    for received in covered_months(scene):
        rng = scene.rng("complaint log", received)
        for item in received_in(scene, received):
            before = ""
            for number, step in enumerate(_steps(rng, scene, item), start=1):
                if (month := step.at.date().replace(day=1)) >= first:
                    by_month[month].append(Line(item.ticket, number, step, before))
                before = step.status

    paths = []
    corrected = months_before(scene.as_of, 3)
    for month, lines in sorted(by_month.items()):
        lines.sort(key=lambda line: (line.step.at, line.ticket, line.number))
        rows = _rows(scene, month, lines)
        if month == corrected:
            # The month was exported before it was over.
            late = max(1, len(rows) // 20)
            paths.append(_write_file(folder, scene, month, rows[:-late]))
            paths.append(_write_file(folder, scene, month, rows, revision=2))
        else:
            paths.append(_write_file(folder, scene, month, _with_dirt(scene, month, rows)))
    return paths


def _steps(rng: np.random.Generator, scene: Scene, item: Complaint) -> list[Step]:
    """What happened to a complaint up to the day of the export, in order."""
    admin = scene.pick_opd("diskominfo")
    cut = datetime(scene.as_of.year, scene.as_of.month, scene.as_of.day)
    length = int(rng.choice([n for n, _ in CHAIN_LENGTHS], p=[share for _, share in CHAIN_LENGTHS]))
    others = [scene.agencies[int(i)] for i in rng.integers(0, len(scene.agencies), length - 1)]
    chain = [*(opd for opd in others if opd != item.opd), item.opd]
    dice = rng.random(4)
    shares = np.sort(rng.random(8))

    steps = [Step(item.received_at, "Diterima", NEW, f"Laporan {item.name} ({item.phone}) diterima.")]
    if item.verified_at is None:
        return steps
    steps.append(Step(item.verified_at, "Verifikasi", VERIFIED, "Laporan lengkap.", admin))
    if item.status == REJECTED:
        action, note = (
            ("Arsipkan", "Laporan ganda.") if dice[0] < 0.4 else ("Ditolak", "Bukan kewenangan daerah.")
        )
        return [*steps, Step(item.closed_at or item.verified_at, action, REJECTED, note, admin)]

    answered = item.first_response_at
    until = answered or min(cut, item.verified_at + timedelta(days=12))
    moments = [_between(item.verified_at, until, share) for share in shares[: len(chain)]]
    steps.append(Step(moments[0], "Disposisi", VERIFIED, "Mohon ditindaklanjuti.", admin, chain[0]))
    for sender, receiver, at in zip(chain, chain[1:], moments[1:], strict=False):
        steps.append(
            Step(at, "Bukan Wewenang", VERIFIED, f"Kewenangan {receiver.short_name}.", sender, receiver)
        )
    if dice[3] < 0.05:
        steps.append(
            Step(_between(moments[-1], until, shares[-1]), "Tunda", VERIFIED, "Menunggu data.", item.opd)
        )
    if answered is None:
        return steps
    steps.append(
        Step(answered, "Tindak Lanjut", UNDER_WAY, f"Yth. {item.name}, laporan kami tangani.", item.opd)
    )
    return steps + _after_answer(item, answered, cut, dice, shares)


def _after_answer(
    item: Complaint, answered: datetime, cut: datetime, dice: np.ndarray, shares: np.ndarray
) -> list[Step]:
    """More answers, a closing that the reporter did not accept, and the closing that stands."""
    until = item.closed_at or min(cut, answered + timedelta(days=30))
    first, second, third = (_between(answered, until, share) for share in (shares[1], shares[3], shares[5]))
    steps = []
    if until - answered > timedelta(days=5) and dice[1] < (0.15 if item.closed_at else 0.4):
        steps.append(Step(first, "Selesai", CLOSED, "Sudah ditangani.", item.opd))
        steps.append(Step(second, "Buka Kembali", UNDER_WAY, f"{item.name}: belum ada perubahan."))
        if item.closed_at or dice[2] < 0.5:
            steps.append(Step(third, "Tindak Lanjut", UNDER_WAY, "Akan diperiksa lagi.", item.opd))
    elif dice[2] < 0.35:
        steps.append(Step(third, "Tindak Lanjut", UNDER_WAY, "Pekerjaan dijadwalkan.", item.opd))
    if item.closed_at:
        is_silent = not steps and until - answered > timedelta(days=15)
        note = "Ditutup sistem: tidak ada balasan pelapor." if is_silent else "Sudah ditangani."
        steps.append(Step(item.closed_at, "Selesai", CLOSED, note, None if is_silent else item.opd))
    return steps


def _between(start: datetime, end: datetime, share: float) -> datetime:
    return start + timedelta(seconds=int((end - start).total_seconds() * share))


def _rows(scene: Scene, month: date, lines: list[Line]) -> list[list[Any]]:
    rng = scene.rng("complaint log spelling", month)
    agencies = [opd for line in lines for opd in (line.step.by, line.step.to) if opd]
    spelled = iter(people.spell(rng, agencies))
    return [
        [
            line.ticket,
            line.number,
            f"{line.step.at:%d-%m-%Y %H:%M:%S}",
            line.step.action,
            next(spelled) if line.step.by else "",
            next(spelled) if line.step.to else "",
            line.status_before,
            line.step.status,
            line.step.note,
        ]
        for line in lines
    ]


def _with_dirt(scene: Scene, month: date, rows: list[list[Any]]) -> list[list[Any]]:
    """Add what goes wrong in logs: two damaged lines, one written twice, one by a clock that is slow."""
    rng = scene.rng("complaint log dirt", month)
    dirty = [list(row) for row in rows]
    if len(rows) < 50:
        return dirty
    damaged, misspelled, again = (int(n) for n in rng.choice(len(rows), 3, replace=False))
    dirty[damaged][2] = f"31-02-{month.year} 08:15:00"
    dirty[misspelled][3] = "Slesai"
    dirty.append(list(rows[again]))
    verified = [n for n, row in enumerate(rows) if row[3] == "Verifikasi" and n != damaged]
    if verified:
        slow = dirty[verified[int(rng.integers(0, len(verified)))]]
        at = datetime.strptime(slow[2], "%d-%m-%Y %H:%M:%S") - timedelta(days=4)
        slow[2] = f"{max(at, datetime(month.year, month.month, 1)):%d-%m-%Y %H:%M:%S}"
    return dirty


def _write_file(folder: Path, scene: Scene, month: date, rows: list[list[Any]], revision: int = 0) -> Path:
    sheet = [
        [f"DATA CONTOH - LOG AKTIVITAS PENGADUAN {scene.region['name'].upper()}"],
        [scene.pick_opd("diskominfo").name],
        [f"Periode: {month_title(month)}"],
        list(HEADER),
        *rows,
        ["Jumlah aktivitas", len(rows)],
        ["Sumber: aplikasi SP4N-LAPOR! dan kanal daerah (data contoh)"],
    ]
    name = f"riwayat_aduan_{month:%Y-%m}" + (f"_rev{revision}" if revision else "")
    return files.write_csv(
        folder / f"{name}.csv", ([*row, *[""] * (len(HEADER) - len(row))] for row in sheet)
    )
