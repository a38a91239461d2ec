"""Punches of the ZKTeco terminals, one terminal an agency: TAB files without a header.

One download per terminal holds the last three complete months, a second one the running month. Lines
are not in order of time, some repeat, some belong to PINs that nobody entered in the employee map.
One terminal is late: its running month is missing. Shift workers come as their roster says, and hardly
anybody is seen while on leave or on duty elsewhere.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ingestion.sample import absences, employees, files
from ingestion.sample.absences import Absence
from ingestion.sample.employees import HIGHEST_PIN, Assignment
from ingestion.sample.scene import Opd, Scene, month_end, months_before

COMPLETE_MONTHS = 3
START, END, FRIDAY_END = 7 * 60 + 30, 16 * 60, 16 * 60 + 30
# Rota of shift workers, day after day: morning, afternoon, night, free (minutes after midnight).
ROTA_START = np.array([7 * 60, 14 * 60, 21 * 60, 0])
ROTA_END = np.array([14 * 60, 21 * 60, 31 * 60, 0])
FREE = 3

Moments = npt.NDArray[np.datetime64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def write(landing: Path, scene: Scene) -> list[Path]:
    """Write the downloads of every terminal; returns the paths."""
    folder = landing / "bkpsdm" / "absensi_mesin"
    by_device: dict[int, list[Assignment]] = {}
    for item in employees.assignments(scene):
        by_device.setdefault(item.device_no, []).append(item)
    away: dict[str, list[Absence]] = {}
    for absence in absences.absences(scene):
        away.setdefault(absence.nip, []).append(absence)
    running = scene.as_of.replace(day=1)
    late = _late_opd(scene)

    paths = []
    for opd in scene.agencies:
        device = employees.device_of(scene, opd)
        staff = by_device[device]
        lines: list[str] = []
        for age in range(COMPLETE_MONTHS, 0, -1):
            lines += _month(scene, opd, staff, away, months_before(scene.as_of, age))
        paths.append(_write_lines(folder / f"{device}_attlog.dat", lines))
        if scene.as_of > running and opd != late:
            lines = _month(scene, opd, staff, away, running)
            paths.append(_write_lines(folder / f"{device}_attlog_{running:%Y-%m}.dat", lines))
    return paths


def _late_opd(scene: Scene) -> Opd:
    return next(opd for opd in scene.agencies if opd.kind == "kecamatan")


def _write_lines(path: Path, lines: list[str]) -> Path:
    return files.write_bytes(path, "".join(f"{line}\n" for line in lines).encode())


def _month(
    scene: Scene, opd: Opd, staff: list[Assignment], away: dict[str, list[Absence]], month: date
) -> list[str]:
    """Lines of one terminal and month, up to the day before the export."""
    rng = scene.rng("punches", opd.code, month)
    last = min(month_end(month), scene.as_of - timedelta(days=1))
    days = np.arange(np.datetime64(month), np.datetime64(last) + 1)
    pins, moments, states = _attendance(scene, opd, staff, away, days, rng)

    # Trainees and cleaners whose PIN nobody entered: about one punch in a hundred.
    strangers = rng.integers(0, len(moments), max(1, len(moments) // 110))
    pins[strangers] = HIGHEST_PIN + 990 + rng.integers(0, 3, len(strangers))
    # A second press some seconds later, and lines that the terminal sends twice.
    pressed = rng.random(len(moments)) < 0.035
    sent = rng.random(len(moments)) < 0.004
    again = moments[pressed] + rng.integers(2, 50, int(pressed.sum())).astype("timedelta64[s]")
    pins = np.concatenate([pins, pins[pressed], pins[sent]])
    states = np.concatenate([states, states[pressed], states[sent]])
    moments = np.concatenate([moments, again, moments[sent]])

    order = _terminal_order(rng, moments)
    fingers = np.where(rng.random(len(order)) < 0.9, 1, 0)
    text = np.datetime_as_string(moments[order], unit="s")
    lines = [
        f"{pin:>9}\t{moment.replace('T', ' ')}\t1\t{state}\t{finger}\t0"
        for pin, moment, state, finger in zip(
            pins[order].tolist(), text.tolist(), states[order].tolist(), fingers.tolist(), strict=True
        )
    ]
    return _with_dirt(rng, lines, month)


def _attendance(
    scene: Scene,
    opd: Opd,
    staff: list[Assignment],
    away: dict[str, list[Absence]],
    days: Moments,
    rng: np.random.Generator,
) -> tuple[Ints, Moments, Ints]:
    """PIN, moment and state of everyone's punches, as matrices of person by day."""
    habits = scene.rng("habits", opd.code)
    shape = (len(staff), len(days))
    punctual = habits.normal(-15, 6, len(staff)) + habits.normal(0, 3)
    absent = habits.beta(1.5, 34, len(staff))

    shifts = np.array([item.works_shifts for item in staff])[:, None]
    second = np.array([item.is_second_pin for item in staff])[:, None]
    slot = rota_slots(scene, staff, days)
    weekday = (days.astype("datetime64[D]").astype(int) + 3) % 7
    working = np.is_busday(days, holidays=scene.holidays)[None, :]
    due = np.where(shifts, slot != FREE, working) & _assigned(staff, days)
    # One in thirty looks in at the terminal all the same.
    due &= ~(_away(staff, away, days) & (rng.random(shape) >= 0.03))
    present: Bools = due & np.where(second, rng.random(shape) < 0.15, rng.random(shape) >= absent[:, None])

    start = np.where(shifts, ROTA_START[slot], START)
    end = np.where(shifts, ROTA_END[slot], np.where(weekday == 4, FRIDAY_END, END)[None, :])
    arrival = start + rng.normal(punctual[:, None], 8, shape)
    arrival += np.where(rng.random(shape) < 0.03, rng.exponential(40, shape), 0)
    leave = end + np.abs(rng.normal(3, 12, shape))
    leave -= np.where(rng.random(shape) < 0.03, rng.exponential(35, shape), 0)

    pins = np.broadcast_to(np.array([item.pin for item in staff])[:, None], shape)
    # At some terminals everybody presses the same key: the state says nothing there.
    out_state = 0 if habits.random() < 0.15 else 1
    parts = [
        (present & ~second & (rng.random(shape) >= 0.015), arrival, 0),
        (present & (rng.random(shape) >= 0.03), leave, out_state),
        (present & (rng.random(shape) < 0.06), 12 * 60 + rng.uniform(0, 70, shape), 0),
        (present & ~shifts & (rng.random(shape) < 0.01), leave + 45, 4),
    ]
    midnight = np.broadcast_to(days.astype("datetime64[s]")[None, :], shape)
    all_pins, moments, states = [], [], []
    for chosen, minutes, state in parts:
        seconds = np.rint(minutes[chosen] * 60).astype("timedelta64[s]")
        all_pins.append(pins[chosen])
        moments.append(midnight[chosen] + seconds)
        states.append(np.full(len(seconds), state))
    every = np.concatenate(moments)
    seen = every < np.datetime64(scene.as_of, "s")
    return np.concatenate(all_pins)[seen], every[seen], np.concatenate(states)[seen]


def rota_slots(scene: Scene, staff: list[Assignment], days: Moments) -> Ints:
    """Place in the rota of each person on each day; meant for shift workers only."""
    offset = np.array([int(scene.rng("rota", item.nip).integers(0, 4)) for item in staff], dtype=int)
    slots: Ints = (days.astype("datetime64[D]").astype(int)[None, :] + offset[:, None]) % 4
    return slots


def _away(staff: list[Assignment], away: dict[str, list[Absence]], days: Moments) -> Bools:
    result = np.zeros((len(staff), len(days)), dtype=bool)
    for place, item in enumerate(staff):
        for absence in away.get(item.nip, ()):
            result[place] |= (np.datetime64(absence.start) <= days) & (days <= np.datetime64(absence.end))
    return result


def _assigned(staff: list[Assignment], days: Moments) -> Bools:
    since = np.array([item.valid_from for item in staff], dtype="datetime64[D]")
    until = np.array([item.valid_to or date.max for item in staff], dtype="datetime64[D]")
    return (since[:, None] <= days[None, :]) & (days[None, :] <= until[:, None])


def _terminal_order(rng: np.random.Generator, moments: Moments) -> Ints:
    """Order of time, except one stretch that the terminal sent late, after a broken connection."""
    order: Ints = np.argsort(moments, kind="stable")
    length = len(order) // 25
    start = int(rng.integers(0, len(order) - length))
    late = order[start : start + length]
    return np.concatenate([order[:start], order[start + length :], late])


def _with_dirt(rng: np.random.Generator, lines: list[str], month: date) -> list[str]:
    """Put a day that does not exist, or a line cut short, into some downloads: both must be refused."""
    dice = rng.random()
    place = int(rng.integers(0, len(lines)))
    if dice < 0.12:
        lines.insert(place, f"{int(rng.integers(1, 999)):>9}\t{month.year}-02-31 07:28:11\t1\t0\t1\t0")
    elif dice < 0.2:
        lines.insert(place, lines[place][:20])
    return lines
