"""Employees and their numbers at the attendance terminals: a full snapshot a month.

The terminals know a PIN, not a person, so this file is what turns punches into attendance. It holds
moved employees (two validity periods), second PINs, and NIP that a spreadsheet has damaged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ingestion.sample import files, people
from ingestion.sample.scene import Opd, Scene, month_end, month_title, months_before

HEADER = (
    "NIP",
    "Nama",
    "Unit Kerja",
    "Jenis Jabatan",
    "Status",
    "No Mesin",
    "PIN",
    "Berlaku Mulai",
    "Berlaku Sampai",
)
FIRST_DEVICE = 101
# PINs of the map; terminals also know higher ones, of trainees whom nobody entered.
HIGHEST_PIN = 9000
SNAPSHOTS = 2
_LONG_AGO = date(2018, 1, 2)


@dataclass(frozen=True)
class Assignment:
    """A person's PIN at one terminal from a day on, until a day or until further notice."""

    nip: str
    name: str
    opd: Opd
    device_no: int
    pin: int
    position_class: str
    employment: str
    valid_from: date
    valid_to: date | None
    works_shifts: bool
    is_second_pin: bool = False


def write(landing: Path, scene: Scene) -> list[Path]:
    """Write the snapshots of the last complete months; returns the paths."""
    folder = landing / "bkpsdm" / "pegawai"
    months = [months_before(scene.as_of, age) for age in range(SNAPSHOTS, 0, -1)]
    everyone = assignments(scene)
    return [_write_snapshot(folder, scene, month, everyone) for month in months]


def device_of(scene: Scene, opd: Opd) -> int:
    """Number of the agency's terminal."""
    return FIRST_DEVICE + scene.agencies.index(opd)


def assignments(scene: Scene) -> list[Assignment]:
    """Everyone who has a PIN, agency by agency; moves follow at the end of the list."""
    sizes = scene.region["sample"]
    result: list[Assignment] = []
    moved: list[Assignment] = []
    for opd in scene.agencies:
        rng = scene.rng("employees", opd.code)
        size = sizes["employees_by_opd"].get(opd.code, sizes["employees_by_kind"][opd.kind])
        count = max(2, round(size * scene.scale))
        shift_share = sizes["shift_share_by_kind"].get(opd.kind, 0.0)
        for person in _staff(rng, scene, opd, count, shift_share):
            dice = rng.random()
            if dice < 0.01 and not person.works_shifts:
                left = scene.last_month + timedelta(days=14)
                result.append(replace(person, valid_to=left))
                moved.append(_move(rng, scene, person, left + timedelta(days=1), len(moved)))
            elif dice < 0.04:
                result += [person, replace(person, pin=person.pin + HIGHEST_PIN // 2, is_second_pin=True)]
            else:
                result.append(person)
    return result + moved


def _staff(
    rng: np.random.Generator, scene: Scene, opd: Opd, count: int, shift_share: float
) -> list[Assignment]:
    is_pppk = rng.random(count) < 0.27
    nips = people.nips(rng, is_pppk.tolist())
    names = people.names(rng, count, degrees=True)
    pins = rng.choice(HIGHEST_PIN // 2 - 1, count, replace=False) + 1
    classes = rng.choice(["Struktural", "Fungsional", "Pelaksana"], count, p=[0.12, 0.45, 0.43])
    shifts = rng.random(count) < shift_share
    hired_lately = rng.random(count) < 0.01
    hired_on = months_before(scene.as_of, 2)
    return [
        Assignment(
            nip=nips[i],
            name=names[i],
            opd=opd,
            device_no=device_of(scene, opd),
            pin=int(pins[i]),
            position_class=str(classes[i]),
            employment="PPPK" if is_pppk[i] else "PNS",
            valid_from=hired_on if hired_lately[i] else _LONG_AGO,
            valid_to=None,
            works_shifts=bool(shifts[i]),
        )
        for i in range(count)
    ]


def _move(rng: np.random.Generator, scene: Scene, person: Assignment, since: date, number: int) -> Assignment:
    others = [opd for opd in scene.agencies if opd != person.opd]
    opd = others[int(rng.integers(0, len(others)))]
    # Above the PINs that the new agency gave to its own staff, below those nobody entered.
    pin = HIGHEST_PIN + 1 + number
    return replace(person, opd=opd, device_no=device_of(scene, opd), pin=pin, valid_from=since, valid_to=None)


def _write_snapshot(folder: Path, scene: Scene, month: date, everyone: list[Assignment]) -> Path:
    end = month_end(month)
    known = [
        replace(item, valid_to=None) if item.valid_to and item.valid_to > end else item
        for item in everyone
        if item.valid_from <= end
    ]
    rng = scene.rng("employee snapshot", month)
    units = people.spell(rng, [item.opd for item in known], typos=0.003)
    rows = [_row(number, item, unit) for number, (item, unit) in enumerate(zip(known, units, strict=True))]
    sheet = [
        [f"DATA CONTOH - DAFTAR PEGAWAI DAN PIN MESIN ABSENSI {scene.region['name'].upper()}"],
        [scene.pick_opd("bkpsdm").name],
        [f"Keadaan: {end.day} {month_title(end)}"],
        [],
        list(HEADER),
        *_with_dirt(rng, rows),
        ["Jumlah pegawai", len({item.nip for item in known})],
        ["Sumber: BKPSDM (data contoh)"],
    ]
    return files.write_workbook(folder / f"pegawai_{month:%Y-%m}.xlsx", "Pegawai", sheet)


def _row(number: int, item: Assignment, unit: str) -> list[Any]:
    nip = item.nip
    if number % 19 == 4:
        nip = f"{nip[:8]} {nip[8:14]} {nip[14]} {nip[15:]}"
    since, until = item.valid_from, item.valid_to
    return [
        nip,
        item.name,
        unit,
        item.position_class,
        item.employment,
        item.device_no,
        item.pin if number % 5 == 0 else str(item.pin),
        since if number % 8 == 0 else f"{since:%d/%m/%Y}",
        f"{until:%d/%m/%Y}" if until else ("", "-")[number % 2],
    ]


def _with_dirt(rng: np.random.Generator, rows: list[list[Any]]) -> list[list[Any]]:
    """Damage a few rows beyond repair, in ways that were seen: these must be refused."""
    dirty = [list(row) for row in rows]
    number_cell, number_cell_too, old_form, no_such_day, retired = (
        dirty[i] for i in rng.choice(len(dirty), 5, replace=False)
    )
    for row in (number_cell, number_cell_too):
        # A spreadsheet keeps 15 of the 18 digits.
        row[0] = float(str(row[0]).replace(" ", ""))
    old_form[0] = "130" + str(old_form[0])[:6]
    no_such_day[7] = "31/02/2023"
    retired[4] = "Pensiun"
    dirty.append(list(dirty[0]))
    return dirty
