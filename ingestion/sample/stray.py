"""A file that no contract knows, laid down in the wrong place: the ledger must name it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ingestion.sample import files
from ingestion.sample.scene import MONTHS, Scene


def write(landing: Path, scene: Scene) -> list[Path]:
    year = scene.last_month.year
    rng = scene.rng("stray", year)
    rows: list[list[Any]] = [
        [f"DATA CONTOH - KUNJUNGAN WISATA {year}", "", ""],
        ["tempat_wisata", "bulan", "jumlah"],
        *(
            [place, month, int(rng.integers(300, 9000))]
            for place in ("Pantai Contoh", "Gua Rekaan", "Kolam Peraga")
            for month in MONTHS[: scene.last_month.month]
        ),
    ]
    return [files.write_csv(landing / f"kunjungan_wisata_{year}.csv", rows)]
