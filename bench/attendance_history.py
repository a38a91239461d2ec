"""Years of attendance in the raw tables and the ledger, as if every file of them had been loaded, in seconds.

The punches are made by the database itself: what is measured is the transform, and a loader that is fast
enough for a day would still need many minutes for ten years.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from psycopg2.extras import execute_values

from bench import warehouse
from ingestion import ledger, settings
from ingestion.arrow import pa
from ingestion.keyed_hash import KeyedHash

# Days of work in the smaller history, and what an employee's terminal writes in them.
WORK_DAYS = 200
PUNCHES_EACH = 406
# The history ends here; the days that follow are delivered as files.
LAST_DAY = datetime.date(2026, 10, 30)
NEXT_DAYS = 10
# One terminal an agency.
DEVICES = 40
FIRST_DEVICE = 101

_PERSONS = """
create schema bench;
create table bench.person (
    person_no integer, device_no integer, pin text, pin_key uuid, nip text, nip_key uuid, works_shifts boolean
);
create table bench.day (day_on date, day_no integer, is_working_day boolean);
"""
# Office staff come around half past seven and leave after four; one in ten works shifts: morning, afternoon,
# night, free.
_PUNCHES = """
with attended as (
    select
        person.*,
        day.day_on,
        (person.person_no / 10 + day.day_no) %% 4 as turn
    from bench.person as person
    inner join bench.day as day on person.works_shifts or day.is_working_day
    where day.day_on >= %(first)s and day.day_on <= %(last)s and random() > 0.02
),

scanned as (
    select
        attended.device_no,
        attended.pin,
        attended.pin_key,
        scan.state,
        date_trunc('second', attended.day_on + scan.at) as punched_at
    from attended
    cross join lateral (
        values
        (
            0,
            case
                when not attended.works_shifts then interval '7 hours 22 minutes'
                else interval '6 hours 55 minutes' + attended.turn * interval '7 hours'
            end + random() * interval '12 minutes'
            + case when random() < 0.05 then interval '40 minutes' else '0' end
        ),
        (
            1,
            case
                when not attended.works_shifts then interval '16 hours'
                when attended.turn = 2 then interval '31 hours'
                else interval '14 hours' + attended.turn * interval '7 hours'
            end + random() * interval '35 minutes'
        ),
        (0, case when random() < 0.06 then interval '12 hours' + random() * interval '1 hour' end)
    ) as scan (state, at)
    where scan.at is not null and not (attended.works_shifts and attended.turn = 3)
)
"""

_MONTHLY = {
    "bkpsdm__ketidakhadiran": """
    insert into raw.bkpsdm__ketidakhadiran (
        period, nip, nip_key, kind_code, start_on, end_on, _load_id, _row_no, _row_hash, _slice
    )
    select %(period)s, nip, nip_key, case when person_no %% 4 = 0 then 'DL' else 'CT' end, began.day_on,
        began.day_on + 1, %(load)s, person_no + 2, gen_random_uuid(), %(period)s
    from bench.person
    cross join lateral (
        select %(first)s::date + (person_no * 7 %% 27) as day_on where random() < 0.05
    ) as began
    """,
    "bkpsdm__jadwal_kerja": """
    insert into raw.bkpsdm__jadwal_kerja (
        period, nip, nip_key, work_on, shift_code, _load_id, _row_no, _row_hash, _slice
    )
    select %(period)s, person.nip, person.nip_key, day.day_on,
        (array['P', 'S', 'M', 'L'])[1 + (person.person_no / 10 + day.day_no) %% 4],
        %(load)s, row_number() over () + 1, gen_random_uuid(), %(period)s
    from bench.person as person
    cross join bench.day as day
    where person.works_shifts and day.day_on between %(first)s and %(last)s
    """,
}


@dataclass(frozen=True)
class History:
    """What was put into the warehouse."""

    employees: int
    days: int
    punches: int
    next_days: tuple[datetime.date, ...]


def fill(rows: int, times: int) -> History:
    """``rows`` times ``times`` punches: the same people, ``times`` as many days."""
    employees = max(10, rows // PUNCHES_EACH)
    holidays = np.array(
        pd.read_csv(settings.ROOT / "dbt_project" / "seeds" / "holiday.csv")["date_on"], "datetime64[D]"
    )
    last = np.datetime64(LAST_DAY)
    first = np.busday_offset(last, 1 - WORK_DAYS * times, roll="backward", holidays=holidays)
    days = np.arange(first, last + 1)
    following = np.busday_offset(last, np.arange(1, NEXT_DAYS + 1), roll="backward", holidays=holidays)
    known = [*days, *np.arange(last + 1, following[-1] + 1)]
    warehouse.execute(_PERSONS)
    with warehouse.cursor() as cursor:
        execute_values(cursor, "insert into bench.person values %s", _persons(employees), page_size=5000)
        execute_values(
            cursor,
            "insert into bench.day values %s",
            [
                (day.astype(object), number, bool(np.is_busday(day, holidays=holidays)))
                for number, day in enumerate(known)
            ],
            page_size=5000,
        )
        cursor.execute("select setseed(0.4)")
        _employee_map(cursor, first.astype(object))
        for month in pd.period_range(pd.Period(first, "M"), pd.Period(last, "M")):
            start = max(month.start_time.date(), first.astype(object))
            _month(cursor, start, min(month.end_time.date(), LAST_DAY))
        for month in pd.period_range(pd.Period(first, "M"), pd.Period(following[-1], "M")):
            _letters_and_roster(cursor, month.start_time.date(), month.end_time.date())
        for source in ("bkpsdm__absensi_mesin", *_MONTHLY):
            _settle(cursor, source)
        cursor.execute("select count(*) from raw.bkpsdm__absensi_mesin")
        punches = cursor.fetchone()[0]
    warehouse.execute("vacuum analyze raw.bkpsdm__absensi_mesin; analyze; checkpoint")
    return History(employees, len(days), punches, tuple(following.astype(object)))


def _persons(count: int) -> list[tuple[Any, ...]]:
    """Numbers and keyed hashes as the loader makes them, so that its files meet the same people."""
    numbers = range(count)
    devices = [FIRST_DEVICE + number % DEVICES for number in numbers]
    pins = [str(1 + number // DEVICES) for number in numbers]
    nips = [f"9{number:017}" for number in numbers]
    key = settings.secret("personal_data_key").encode()
    hashed = {}
    for column, values in (("pin", pins), ("nip", nips)):
        texts = pa.array(values)
        index = pa.array(range(count), pa.int32())
        hashed[column] = [value.hex() for value in KeyedHash(column, key).of(texts, index).to_pylist()]
    shifts = [number % 10 == 0 for number in numbers]
    return list(zip(numbers, devices, pins, hashed["pin"], nips, hashed["nip"], shifts, strict=True))


def _load(cursor: Any, source_id: str, name: str, first: datetime.date, last: datetime.date) -> int:
    """A loaded file in the ledger; its counts are written when its rows are there."""
    load_id = ledger.reserve_load_id(cursor)
    cursor.execute(
        """
        insert into ops.load (
            load_id, source_id, sha256, file_name, contract_version, loader_version, status, rows_read,
            rows_loaded, rows_rejected, rows_skipped, data_from, data_to, started_at, modified_at, received_on
        ) overriding system value
        select %(load)s, source_id, sha256(%(name)s::bytea)::text, %(name)s, contract_version, 'bench',
            'loaded', 0, 0, 0, 0, %(first)s, %(last)s, now(), %(last)s, %(last)s
        from ops.source where source_id = %(source)s
        """,
        {"load": load_id, "source": source_id, "name": name, "first": first, "last": last},
    )
    return load_id


def _employee_map(cursor: Any, first: datetime.date) -> None:
    source, name = "bkpsdm__pegawai", f"pegawai_{LAST_DAY:%Y-%m}.xlsx"
    load_id = _load(cursor, source, name, first, LAST_DAY)
    region = yaml.safe_load(settings.region_file().read_text())
    agencies = [item["name"] for item in region["opd"] if "valid_to" not in item]
    cursor.execute(
        """
        insert into raw.bkpsdm__pegawai (
            nip, nip_key, employee_name, opd_name, position_class, employment, device_no, pin,
            pin_key, valid_from, _load_id, _row_no, _row_hash, _slice
        )
        select nip, nip_key, 'Pegawai Rekaan', (%(opds)s::text[])[1 + device_no %% %(count)s], 'Pelaksana',
            'PNS', device_no, pin, pin_key, %(first)s, %(load)s, person_no + 2, gen_random_uuid(), '*'
        from bench.person
        """,
        {"opds": agencies, "count": len(agencies), "first": first, "load": load_id},
    )
    _settle(cursor, source)
    _hold(cursor, source, "*", load_id)


def _hold(cursor: Any, source: str, slice_key: str, load_id: int) -> None:
    """A load is the current one of a slice."""
    names = {"source": source, "slice": slice_key, "load": load_id}
    cursor.execute(
        "insert into ops.slice (source_id, slice_key, load_id) values (%(source)s, %(slice)s, %(load)s)",
        names,
    )
    cursor.execute(
        f"""
        insert into ops.load_slice (load_id, source_id, slice_key, rows)
        select %(load)s, %(source)s, %(slice)s, count(*) from raw.{source} where _load_id = %(load)s
        """,
        names,
    )


def _letters_and_roster(cursor: Any, first: datetime.date, last: datetime.date) -> None:
    """A month of leave (one in twenty, two days) and of the shift workers' roster."""
    for source, rows in _MONTHLY.items():
        load_id = _load(cursor, source, f"{source}_{first:%Y-%m}.csv", first, last)
        names = {"first": first, "last": last, "load": load_id, "period": f"{first:%Y-%m}"}
        cursor.execute(rows, names)
        _hold(cursor, source, f"{first:%Y-%m}", load_id)


def _month(cursor: Any, first: datetime.date, last: datetime.date) -> None:
    """The downloads of every terminal for a month, one load each."""
    source = "bkpsdm__absensi_mesin"
    cursor.execute("select distinct device_no from bench.person order by device_no")
    loads = {
        device: _load(cursor, source, f"{device}_attlog_{first:%Y-%m}.dat", first, last)
        for (device,) in cursor.fetchall()
    }
    cursor.execute(
        _PUNCHES
        + """
        insert into raw.bkpsdm__absensi_mesin (
            device_no, pin, pin_key, punched_at, verified_flag, state, verify_mode, work_code,
            _load_id, _row_no, _row_hash
        )
        select device_no, pin, pin_key, punched_at, 1, state, 1, 0,
            %(load)s + device_no - %(device)s, row_number() over (partition by device_no), gen_random_uuid()
        from scanned
        order by device_no, punched_at
        """,
        {"first": first, "last": last, "load": min(loads.values()), "device": min(loads)},
    )


def _settle(cursor: Any, source: str) -> None:
    """Write the counts of all loads of a source."""
    cursor.execute(
        f"""
        update ops.load set rows_read = held.rows, rows_loaded = held.rows
        from (select _load_id, count(*) as rows from raw.{source} group by _load_id) as held
        where load.load_id = held._load_id
        """
    )


def write_day(folder: Path, day: datetime.date) -> list[Path]:
    """The files that the terminals give for one more day."""
    folder.mkdir(parents=True)
    with warehouse.cursor() as cursor:
        cursor.execute("select setseed(0.4)")
        cursor.execute(
            _PUNCHES + "select device_no, pin, punched_at, state from scanned order by device_no, punched_at",
            {"first": day, "last": day},
        )
        punches = pd.DataFrame(cursor.fetchall(), columns=["device_no", "pin", "punched_at", "state"])
    paths = []
    for device, lines in punches.groupby("device_no"):
        path = folder / f"{device}_attlog_{day:%Y-%m}.dat"
        path.write_text(
            "".join(
                f"{line.pin:>9}\t{line.punched_at:%Y-%m-%d %H:%M:%S}\t1\t{line.state}\t1\t0\n"
                for line in lines.itertuples()
            )
        )
        paths.append(path)
    return paths
