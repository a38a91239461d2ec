"""Roster of those who work in shifts: hospitals and the municipal police, one file a month.

It is the rota that the punches follow; whoever is not in it keeps office hours.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from ingestion.sample import absences, employees, files
from ingestion.sample.punches import rota_slots
from ingestion.sample.scene import Scene, month_end

HEADER = ("NIP", "Tanggal", "Giliran")
# Codes in the order of the rota: morning, afternoon, night, free.
CODES = ("P", "S", "M", "L")


def write(landing: Path, scene: Scene) -> list[Path]:
    """Write the rosters of the months of the punches; returns the paths."""
    folder = landing / "bkpsdm" / "jadwal_kerja"
    return [_write_month(folder, scene, month) for month in absences.months(scene)]


def _write_month(folder: Path, scene: Scene, month: date) -> Path:
    days = np.arange(np.datetime64(month), np.datetime64(month_end(month)) + 1)
    people = list({item.nip: item for item in employees.assignments(scene) if item.works_shifts}.values())
    slots = rota_slots(scene, people, days)
    rows: list[list[Any]] = [
        [item.nip, f"{day:%d/%m/%Y}", CODES[slot]]
        for item, line in zip(people, slots.tolist(), strict=True)
        for day, slot in zip(days.tolist(), line, strict=True)
    ]
    if len(rows) > 100:
        # A code of the ward's own, and a day that does not exist: refused.
        own, no_such_day = list(rows[7]), list(rows[8])
        own[2], no_such_day[1] = "PAGI", f"31/02/{month.year}"
        rows += [own, no_such_day]
    sheet = [
        [f"DATA CONTOH - JADWAL KERJA BERGILIR {scene.region['name'].upper()}"],
        [f"Bulan: {month.month:02d}/{month.year}"],
        [],
        list(HEADER),
        *rows,
        ["Sumber: BKPSDM (data contoh)"],
    ]
    return files.write_csv(folder / f"jadwal_kerja_{month:%Y-%m}.csv", sheet)
