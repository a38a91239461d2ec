"""Budgets of neighbouring governments in the layout of the treasury (DJPb): cumulative, one file a year.

The last complete month is not there yet: the treasury publishes later than the region itself.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from ingestion.sample import budget, files
from ingestion.sample.scene import Scene, month_end, months_before

HEADER = ("thang", "bulan", "tgl_cutoff", "nama_pemda", "pendapatan", "belanja", "pembiayaan", "SILPA")
# Rough size of a year's expenditure in billions of rupiah; invented.
NEIGHBOURS = {
    "Jawa Timur": {
        "Provinsi Jawa Timur": 29_000,
        "Kabupaten Bojonegoro": 6_400,
        "Kabupaten Lamongan": 3_100,
        "Kabupaten Trenggalek": 2_100,
        "Kabupaten Tuban": 2_900,
        "Kabupaten Pasuruan": 3_900,
        "Kota Pasuruan": 1_000,
    },
    "Jawa Barat": {
        "Provinsi Jawa Barat": 31_000,
        "Kabupaten Tasikmalaya": 3_500,
        "Kabupaten Ciamis": 2_700,
        "Kota Tasikmalaya": 1_700,
    },
}
INCOME = (0.06, 0.14, 0.22, 0.31, 0.4, 0.49, 0.58, 0.66, 0.74, 0.82, 0.9, 1.0)


def write(landing: Path, scene: Scene) -> list[Path]:
    """Write last year and this year up to the month before the last complete one; returns the paths."""
    last = months_before(scene.as_of, 2)
    folder = landing / "djpb" / "apbd"
    return [
        files.write_csv(folder / f"djpb_apbd_contoh_{year}.csv", [HEADER, *_year(scene, year, last)])
        for year in (last.year - 1, last.year)
    ]


def _year(scene: Scene, year: int, last: date) -> list[list[Any]]:
    governments = NEIGHBOURS.get(scene.region["province"]["name"], {})
    courses = {name: _course(scene, year, name, size) for name, size in governments.items()}
    rows = [
        [year, month, month_end(date(year, month, 1)), name, *courses[name][month - 1]]
        for month in range(1, 13)
        if date(year, month, 1) <= last
        for name in governments
    ]
    # A cut-off on a day that does not exist: refused.
    rows[len(rows) // 2][2] = f"{year}-02-30"
    return rows


def _course(scene: Scene, year: int, name: str, billions: int) -> list[list[int]]:
    """Revenue, expenditure, financing and surplus by the end of each month (Rp)."""
    rng = scene.rng("regional budget", year, name)
    size = billions * 1_000_000_000
    if name == scene.region["name"]:
        spent = np.array(budget.home_expenditure(scene, year))
        size = int(spent[-1])
    else:
        steps = np.diff(budget.GOODS, prepend=0.0) * rng.lognormal(0, 0.2, 12)
        spent = (np.cumsum(steps) * size).astype(np.int64)
    income = (np.array(INCOME) * rng.uniform(0.94, 1.04) * size).astype(np.int64)
    financing = np.full(12, int(size * rng.uniform(-0.01, 0.04)))
    return [
        [int(r), int(s), int(f), int(r - s + f)] for r, s, f in zip(income, spent, financing, strict=True)
    ]
