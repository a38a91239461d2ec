"""Budget realisation per agency and account, cumulative: one file a month from January of last year.

The figures are invented; their course is not: salaries run evenly with two extra ones, goods follow,
investment comes late in the year. One agency forgot a month (its figures fall to 0), one correction
makes a cumulative figure fall, one agency is late in the last month.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ingestion.sample import files, people
from ingestion.sample.scene import Opd, Scene, month_title, months_before

HEADER = (
    "Tahun",
    "Bulan",
    "Perangkat Daerah",
    "Kode Rekening",
    "Uraian",
    "Versi Anggaran",
    "Anggaran",
    "Realisasi s.d. Bulan Ini",
    "Fisik (%)",
)
TOTAL_IDR = 2_900_000_000_000
# Share of the expenditure by agency, else by kind; what is left goes to the treasury (transfers).
WEIGHTS = {
    "disdik": 0.27,
    "dinkes": 0.13,
    "dpuprprkp": 0.16,
    "dpupr": 0.16,
    "rsud_koesma": 0.09,
    "setda": 0.035,
    "bpkad": 0.16,
}
KIND_WEIGHTS = {
    "dinas": 0.013,
    "badan": 0.008,
    "rsud": 0.03,
    "satpol": 0.01,
    "sekretariat": 0.02,
    "inspektorat": 0.005,
    "kecamatan": 0.0025,
}


@dataclass(frozen=True)
class Account:
    """A third-level account; ``curve`` is the share of the budget spent by the end of each month."""

    code: str
    name: str
    curve: tuple[float, ...]
    has_physical_progress: bool


# THR in March or April and the thirteenth salary in June or July stand out in the salaries.
SALARY = (0.06, 0.13, 0.26, 0.33, 0.4, 0.53, 0.6, 0.67, 0.74, 0.81, 0.88, 0.96)
GOODS = (0.02, 0.06, 0.12, 0.19, 0.26, 0.34, 0.42, 0.51, 0.6, 0.7, 0.81, 0.94)
CAPITAL = (0.0, 0.01, 0.03, 0.06, 0.11, 0.17, 0.25, 0.34, 0.45, 0.58, 0.74, 0.93)
TRANSFER = (0.05, 0.12, 0.22, 0.34, 0.45, 0.54, 0.62, 0.7, 0.77, 0.84, 0.91, 0.99)
EMERGENCY = (0.0, 0.02, 0.05, 0.08, 0.1, 0.13, 0.16, 0.2, 0.24, 0.3, 0.36, 0.45)
PERSONNEL = Account("5.1.01", "Belanja Pegawai", SALARY, False)
SERVICES = Account("5.1.02", "Belanja Barang dan Jasa", GOODS, True)
GRANTS = Account("5.1.05", "Belanja Hibah", TRANSFER, True)
SOCIAL_AID = Account("5.1.06", "Belanja Bantuan Sosial", TRANSFER, True)
MACHINES = Account("5.2.02", "Belanja Modal Peralatan dan Mesin", CAPITAL, True)
BUILDINGS = Account("5.2.03", "Belanja Modal Gedung dan Bangunan", CAPITAL, True)
ROADS = Account("5.2.04", "Belanja Modal Jalan, Jaringan, dan Irigasi", CAPITAL, True)
UNFORESEEN = Account("5.3.01", "Belanja Tidak Terduga", EMERGENCY, False)
VILLAGE_AID = Account("5.4.02", "Belanja Bantuan Keuangan", TRANSFER, False)

Split = tuple[tuple[Account, float], ...]
USUAL: Split = ((PERSONNEL, 0.52), (SERVICES, 0.37), (MACHINES, 0.06), (BUILDINGS, 0.05))
SMALL: Split = ((PERSONNEL, 0.68), (SERVICES, 0.28), (MACHINES, 0.04))
SPLITS: dict[str, Split] = {
    "disdik": ((PERSONNEL, 0.72), (SERVICES, 0.16), (GRANTS, 0.04), (MACHINES, 0.03), (BUILDINGS, 0.05)),
    "dpuprprkp": ((PERSONNEL, 0.06), (SERVICES, 0.2), (BUILDINGS, 0.14), (ROADS, 0.6)),
    "dpupr": ((PERSONNEL, 0.06), (SERVICES, 0.2), (BUILDINGS, 0.14), (ROADS, 0.6)),
    "dinsosp3apmd": ((PERSONNEL, 0.3), (SERVICES, 0.25), (SOCIAL_AID, 0.4), (MACHINES, 0.05)),
    "dinsos": ((PERSONNEL, 0.3), (SERVICES, 0.25), (SOCIAL_AID, 0.4), (MACHINES, 0.05)),
    "bpkad": ((PERSONNEL, 0.06), (SERVICES, 0.06), (UNFORESEEN, 0.04), (VILLAGE_AID, 0.84)),
}


@dataclass(frozen=True)
class Line:
    """An agency's account in a year: budgets of the three versions, twelve cumulative amounts (Rp)."""

    opd: Opd
    account: Account
    budgets: dict[str, int]
    realised: npt.NDArray[np.int64]
    physical_pct: npt.NDArray[np.float64]


def write(landing: Path, scene: Scene) -> list[Path]:
    """Write the months from January of last year to the last complete one; returns the paths."""
    folder = landing / "bpkad" / "realisasi_apbd"
    last = scene.last_month
    years = {year: lines(scene, year) for year in (last.year - 1, last.year)}
    return [
        _write_month(folder, scene, date(year, month, 1), content)
        for year, content in years.items()
        for month in range(1, 13)
        if date(year, month, 1) <= last
    ]


def lines(scene: Scene, year: int) -> list[Line]:
    """Budget and course of the whole year; what is written is cut at the day of the export."""
    result = []
    for opd in scene.agencies:
        split = SPLITS.get(opd.code) or (SMALL if opd.kind == "kecamatan" else USUAL)
        total = TOTAL_IDR * WEIGHTS.get(opd.code, KIND_WEIGHTS.get(opd.kind, 0.01)) * 1.03 ** (year - 2025)
        # How well an agency plans stays with it from year to year.
        zeal = float(np.clip(scene.rng("zeal", opd.code).normal(0.88, 0.2), 0.35, 1.06))
        for account, share in split:
            rng = scene.rng("budget", year, opd.code, account.code)
            result.append(_line(rng, opd, account, total * share, zeal))
    forgot, corrected = _mishaps(scene)
    for line in result:
        if line.opd == forgot and year == scene.last_month.year:
            line.realised[4] = 0
        if line.opd == corrected and line.account is SERVICES:
            line.realised[6] = line.realised[5] - line.budgets["murni"] // 50
    return result


def version_of(month: int) -> str:
    """Budget version in force: shifts within the budget from April, the amended budget from October."""
    return "murni" if month < 4 else "pergeseran" if month < 10 else "perubahan"


def _line(rng: np.random.Generator, opd: Opd, account: Account, amount: float, zeal: float) -> Line:
    original = round(amount * rng.uniform(0.9, 1.1) / 1000) * 1000
    shifted = round(original * rng.uniform(0.97, 1.03) / 1000) * 1000
    amended = round(shifted * rng.uniform(0.94, 1.06) / 1000) * 1000
    steps = np.diff(account.curve, prepend=0.0) * rng.lognormal(0, 0.18, 12)
    pace = 0.75 + 0.25 * zeal if account in (PERSONNEL, VILLAGE_AID) else zeal
    course = np.cumsum(steps) / steps.sum() * account.curve[-1] * pace
    physical = np.clip(course * 100 * rng.uniform(1.0, 1.12) + rng.uniform(0, 3), 0, 100).round(2)
    realised = (course * original * 0.97).astype(np.int64)
    return Line(
        opd, account, {"murni": original, "pergeseran": shifted, "perubahan": amended}, realised, physical
    )


def _mishaps(scene: Scene) -> tuple[Opd, Opd]:
    """The agency that forgot May, and the one that booked a correction in July."""
    small = [opd for opd in scene.agencies if opd.kind == "kecamatan"]
    return small[-1], scene.pick_opd("dlhp", "dlh")


def _late_opd(scene: Scene) -> Opd:
    return scene.pick_opd("disbudporapar", "dishub")


def _write_month(folder: Path, scene: Scene, month: date, content: list[Line]) -> Path:
    rng = scene.rng("budget file", month)
    late = _late_opd(scene) if month == scene.last_month else None
    content = [line for line in content if line.opd != late]
    version = version_of(month.month)
    as_text = month.month % 4 != 3
    spelling = dict(zip(scene.agencies, people.spell(rng, scene.agencies, typos=0.0), strict=True))
    rows = [_row(line, month, version, spelling[line.opd], as_text) for line in content]
    totals = [
        sum(line.budgets[version] for line in content),
        sum(int(line.realised[month.month - 1]) for line in content),
    ]
    sheet: list[list[Any]] = [
        ["DATA CONTOH - LAPORAN REALISASI ANGGARAN BELANJA DAERAH"],
        [f"PEMERINTAH {scene.region['name'].upper()}"],
        [f"Keadaan s.d. {month_title(month)}"],
        [],
        list(HEADER),
        *_with_dirt(rng, rows, as_text),
        ["JUMLAH", "", "", "", "", "", *(_amount(total, as_text) for total in totals)],
        ["Sumber: SIPD RI (data contoh)"],
        [],
        *_signature(scene, month),
    ]
    name = f"realisasi_apbd_{month:%Y-%m}"
    if not as_text:
        return files.write_workbook(folder / f"{name}.xlsx", "Realisasi", sheet)
    width = len(HEADER)
    return files.write_csv(
        folder / f"{name}.csv",
        ([*row, *[""] * (width - len(row))] for row in sheet),
        encoding="utf-8-sig" if month.month % 4 == 1 else "utf-8",
    )


def _signature(scene: Scene, month: date) -> list[list[Any]]:
    signed = months_before(month, -1).replace(day=6)
    town = scene.region["short_name"].removeprefix("Kab. ").removeprefix("Kota ")
    indent = [""] * 6
    return [
        [*indent, f"{town}, {signed.day} {month_title(signed)}"],
        [*indent, f"Kepala {scene.pick_opd('bpkad').short_name}"],
        [],
        [*indent, "Ratna Contoh, S.E."],
        [*indent, "NIP. 19700101 199503 2 901"],
    ]


def _row(line: Line, month: date, version: str, spelling: str, as_text: bool) -> list[Any]:
    index = month.month - 1
    code = line.account.code
    # Permendagri 90 writes 5.1.02, the older style 5.1.2; both come from one treasury.
    if line.opd.kind == "kecamatan":
        head, _, leaf = code.rpartition(".")
        code = f"{head}.{int(leaf)}"
    physical: Any = float(line.physical_pct[index])
    if not line.account.has_physical_progress:
        physical = "-" if line.opd.kind == "badan" else ""
    elif as_text:
        physical = f"{physical:.2f}".replace(".", ",")
    return [
        month.year,
        month.month,
        spelling,
        code,
        line.account.name,
        version,
        _amount(line.budgets[version], as_text),
        _amount(int(line.realised[index]), as_text),
        physical,
    ]


def _amount(value: int, as_text: bool) -> Any:
    return f"{value:,}".replace(",", ".") + ",00" if as_text else value


def _with_dirt(rng: np.random.Generator, rows: list[list[Any]], as_text: bool) -> list[list[Any]]:
    """Damage one or two rows a file, as seen in real uploads; all but the exact repeat must be refused."""
    dirty = [list(row) for row in rows]
    victims = [dirty[i] for i in rng.choice(len(dirty), 2, replace=False)]
    match int(rng.integers(0, 6)):
        case 0:
            # An amount that slipped into the percent column.
            victims[0][8] = "100.000.000" if as_text else 100_000_000
        case 1:
            dirty.append([*victims[0][:1], 0, *victims[0][2:]])
        case 2:
            dirty.append(list(victims[0]))
        case 3:
            # The same account twice with two amounts: which one is true, nobody can know.
            dirty.append([*victims[0][:7], _amount(1_000_000, as_text), *victims[0][8:]])
        case 4:
            victims[0][7] = "belum ada SPJ"
        case _:
            victims[0][5] = "DPPA"
            victims[1][8] = "100,48" if as_text else 100.48
    return dirty


def home_expenditure(scene: Scene, year: int) -> list[int]:
    """Expenditure of the region by the end of each month (Rp), for the file of the treasury."""
    total = sum((line.realised for line in lines(scene, year)), start=np.zeros(12, dtype=np.int64))
    return [int(value) for value in np.maximum.accumulate(total)]
