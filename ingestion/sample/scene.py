"""What all sample exports share: the region, its agencies and villages, the calendar, the dice."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from ingestion import settings

SEEDS = settings.ROOT / "dbt_project" / "seeds"

Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Opd:
    """An agency of the region file; ``spellings`` are the aliases a clerk may write instead of the name."""

    code: str
    name: str
    short_name: str
    kind: str
    spellings: tuple[str, ...]


@dataclass(frozen=True)
class Kecamatan:
    code: str
    name: str
    desa: tuple[str, ...]


@dataclass(frozen=True)
class Scene:
    """The region on the day of the export, with named random streams."""

    seed: int
    as_of: date
    scale: float
    region: dict[str, Any]
    opds: tuple[Opd, ...]
    kecamatan: tuple[Kecamatan, ...]
    holidays: Days

    @classmethod
    def load(cls, *, seed: int, as_of: date, scale: float) -> Scene:
        """Read the region in force and the seeds; raises SettingsError for an unknown region."""
        region = yaml.safe_load(settings.region_file().read_text(encoding="utf-8"))
        opds = tuple(
            Opd(item["code"], item["name"], item["short_name"], item["kind"], tuple(item["aliases"]))
            for item in region["opd"]
            if item.get("valid_to") is None or item["valid_to"] >= as_of
        )
        desa: dict[str, list[str]] = {item["code"]: [] for item in region["kecamatan"]}
        for row in _seed("region.csv"):
            if row["level"] == "desa" and row["parent_code"] in desa:
                desa[row["parent_code"]].append(row["region_name"])
        kecamatan = tuple(
            Kecamatan(item["code"], item["name"], tuple(desa[item["code"]])) for item in region["kecamatan"]
        )
        holidays = np.array(sorted(row["date_on"] for row in _seed("holiday.csv")), dtype="datetime64[D]")
        return cls(seed, as_of, scale, region, opds, kecamatan, holidays)

    def rng(self, *names: object) -> np.random.Generator:
        """A random stream of its own for every name, so that one source never shifts another."""
        digest = hashlib.sha256("|".join(str(name) for name in (self.seed, *names)).encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:16]))

    @cached_property
    def agencies(self) -> tuple[Opd, ...]:
        """The region's own agencies, without those of the central government."""
        return tuple(opd for opd in self.opds if opd.kind != "vertikal")

    @cached_property
    def last_month(self) -> date:
        """First day of the last month that was complete on the day of the export."""
        return months_before(self.as_of, 1)

    def opd(self, code: str) -> Opd:
        return next(opd for opd in self.opds if opd.code == code)

    def pick_opd(self, *codes: str) -> Opd:
        """The first of these agencies that the region has, else its first agency."""
        known = {opd.code: opd for opd in self.agencies}
        return next((known[code] for code in codes if code in known), self.agencies[0])


def months_before(day: date, count: int) -> date:
    """First day of the month ``count`` months before the month of ``day``."""
    index = day.year * 12 + day.month - 1 - count
    return date(index // 12, index % 12 + 1, 1)


def month_end(month: date) -> date:
    return months_before(month, -1) - timedelta(days=1)


MONTHS = (
    "Januari",
    "Februari",
    "Maret",
    "April",
    "Mei",
    "Juni",
    "Juli",
    "Agustus",
    "September",
    "Oktober",
    "November",
    "Desember",
)


def month_title(month: date) -> str:
    """For example "Oktober 2026"."""
    return f"{MONTHS[month.month - 1]} {month.year}"


def _seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
