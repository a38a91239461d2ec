"""Days that are made anew one by one agree with a history that is made at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg2
import pytest

from ingestion import ledger, load, reference, settings

from .conftest import Marts

TABLES = {
    "fct_attendance_day": ["employee_key", "work_on"],
    "agg_attendance_opd_day": ["opd_code", "work_on"],
    "agg_attendance_opd_month": ["opd_code", "month_on"],
    "agg_attendance_class_month": ["opd_code", "month_on", "class_code"],
    "agg_attendance_employee_month": ["employee_key", "month_on"],
    "agg_attendance_device_day": ["device_no", "work_on"],
    "dim_employee": ["employee_key"],
    "dim_employee_pin": ["employee_key", "device_no", "pin_key", "valid_from"],
}
NURSE, CLERK, GUARD = "199001012015031901", "198502022010032902", "197503032000031903"


class Office:
    """Writes files of three people at two terminals and loads them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def deliver(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        assert load.load_file(path).status == "loaded", name

    def punches(self, name: str, *punches: str) -> None:
        """Each "PIN day-hour:minute" of March 2026."""
        lines = []
        for punch in punches:
            pin, moment = punch.split()
            day, time = moment.split("-")
            lines.append(f"{pin:>9}\t2026-03-{day} {time}:00\t1\t0\t1\t0\n")
        self.deliver(name, "".join(lines))

    def employees(self, month: str, *rows: str) -> None:
        head = "NIP;Nama;Unit Kerja;Jenis Jabatan;Status;No Mesin;PIN;Berlaku Mulai;Berlaku Sampai\n"
        names = {NURSE: "Ani Contoh", CLERK: "Budi Fiktif", GUARD: "Eka Rekaan"}
        lines = ""
        for row in rows:
            nip, opd, *place = row.split(";")
            lines += ";".join([nip, names[nip], opd, "Pelaksana", "PNS", *place]) + "\n"
        self.deliver(f"pegawai_{month}.csv", head + lines)

    def roster(self, name: str, *rows: str) -> None:
        lines = "".join(f"{nip};{day}/03/2026;{shift}\n" for nip, day, shift in (row.split() for row in rows))
        self.deliver(f"jadwal_kerja_{name}.csv", "NIP;Tanggal;Giliran\n" + lines)

    def leave(self, name: str, *rows: str) -> None:
        head = "NIP;Kode Jenis;Tanggal Mulai;Tanggal Selesai;Nomor Surat\n"
        lines = "".join("{};{};{}/2026;{}/2026;1/SC\n".format(*row.split()) for row in rows)
        self.deliver(f"ketidakhadiran_{name}.csv", head + lines)


@pytest.fixture(scope="module")
def marts(new_warehouse: Any) -> Iterator[Marts]:
    with new_warehouse("pendopo-attendance-") as warehouse:
        ledger.register_contracts()
        reference.apply_region()
        marts = Marts(warehouse.home)
        marts.target.mkdir()
        marts.dbt(["build", "--selector", "shared", "--exclude-resource-type", "unit_test"])
        yield marts


def build(marts: Marts, *options: str) -> dict[str, pd.DataFrame]:
    marts.dbt(["build", "--selector", "attendance", "--exclude-resource-type", "unit_test", *options])
    return {
        name: marts.frame(f"select * from marts.{name} order by {', '.join(key)}")
        for name, key in TABLES.items()
    }


def assert_same(left: dict[str, pd.DataFrame], right: dict[str, pd.DataFrame]) -> None:
    for name, frame in left.items():
        pd.testing.assert_frame_equal(frame, right[name], obj=name)


def changed_days(marts: Marts) -> list[str]:
    days = marts.frame("select slice_on from intermediate.int_attendance__changed_day order by 1")["slice_on"]
    return [f"{day:%d}" for day in days]


def status(frames: dict[str, pd.DataFrame], day: int) -> list[tuple[str, str, int]]:
    days = frames["fct_attendance_day"]
    days = days[pd.to_datetime(days["work_on"]) == pd.Timestamp(2026, 3, day)]
    found = zip(days["shift_code"], days["status_code"], days["punch_count"], strict=True)
    return sorted(found)


def test_day_after_day_gives_what_all_at_once_gives(marts: Marts, tmp_path: Path) -> None:
    office = Office(tmp_path)
    people = (f"{NURSE};Dinas Kesehatan;1;11;01/01/2020;", f"{CLERK};Inspektorat;2;21;01/01/2020;")
    office.employees("2026-02", *people, f"{GUARD};Inspektorat;2;22;01/01/2020;")
    office.punches("1_attlog_2026-03.dat", "11 02-20:50", "99 02-09:00", "11 03-07:10")
    office.punches(
        "2_attlog_2026-03.dat", "21 02-07:20", "21 02-16:10", "22 03-08:00", "22 03-16:00", "21 04-09:00"
    )
    first = build(marts)
    # Without a roster the night is a late evening of the office and an early morning with neither in nor out.
    assert status(first, 2) == [("KANTOR", "absent", 0), ("KANTOR", "late", 1), ("KANTOR", "present", 2)]
    assert status(first, 4) == [("KANTOR", "absent", 0), ("KANTOR", "late", 1)]

    office.roster("2026-03", f"{NURSE} 02 M", f"{NURSE} 03 L", f"{GUARD} 04 P")
    office.leave("2026-03", f"{CLERK} CT 03/03 04/03", f"{GUARD} DL 02/03 02/03")
    planned = build(marts)
    assert changed_days(marts) == ["28", *(f"{day:02d}" for day in range(1, 5))]
    assert status(planned, 2) == [("KANTOR", "field_duty", 0), ("KANTOR", "present", 2), ("M", "present", 2)]
    assert status(planned, 3) == [("KANTOR", "leave", 0), ("KANTOR", "present", 2)]
    assert status(planned, 4) == [("KANTOR", "leave", 1), ("P", "absent", 0)]

    # The leave was shorter, and the guard moves to the other terminal and agency on the fourth.
    office.leave("2026-03_rev2", f"{CLERK} CT 03/03 03/03", f"{GUARD} DL 02/03 02/03")
    office.employees(
        "2026-03",
        *people,
        f"{GUARD};Inspektorat;2;22;01/01/2020;03/03/2026",
        f"{GUARD};Dinas Kesehatan;1;12;04/03/2026;",
    )
    moved = build(marts)
    assert changed_days(marts) == ["02", "03", "04"]
    # No terminal of the guard's own reported on the fourth.
    assert status(moved, 4) == [("KANTOR", "late", 1)]

    office.punches("1_attlog.dat", "12 04-07:00", "12 04-14:05", "11 02-20:50")
    arrived = build(marts)
    # The repeated punch of the second changes nothing.
    assert changed_days(marts) == ["03", "04"]
    assert status(arrived, 4) == [("KANTOR", "absent", 0), ("KANTOR", "late", 1), ("P", "present", 2)]
    months = arrived["agg_attendance_opd_month"].set_index("opd_code")
    assert months.loc["inspektorat", "leave_day_count"] == 1

    whole = build(marts, "--full-refresh")
    assert_same(arrived, whole)
    again = build(marts)
    assert changed_days(marts) == []
    assert_same(whole, again)


def test_a_terminal_that_repeats_its_whole_memory_changes_only_the_days_that_differ(
    marts: Marts, tmp_path: Path
) -> None:
    office = Office(tmp_path)
    earlier = [f"11 {day:02d}-07:0{day % 10}" for day in range(9, 14)]
    office.punches("1_attlog.dat", *earlier)
    office.punches("2_attlog.dat", "21 10-07:20", "21 11-07:25")
    build(marts)

    # Another name, as a rename by hand would give; a forgotten punch of the eleventh comes with the new day.
    office.punches("1_attlog_2026-03.dat", *earlier, "11 11-16:02", "11 14-07:10")
    repeated = build(marts)
    assert changed_days(marts) == ["10", "11", "13", "14"]

    # The memory is full: the oldest punch is gone from the file, not from the warehouse.
    office.punches("1_attlog.dat", *earlier[2:], "11 11-16:02", "11 14-07:10", "11 15-07:10")
    wrapped = build(marts)
    assert changed_days(marts) == ["14", "15"]

    # Nothing new at all: known from two files.
    office.punches("1_attlog.dat", earlier[1], "11 15-07:10")
    assert_same(build(marts), wrapped)
    assert changed_days(marts) == []

    days = repeated["agg_attendance_device_day"]
    assert days.loc[pd.to_datetime(days["work_on"]) == "2026-03-11", "punch_count"].tolist() == [2, 1]
    assert_same(build(marts, "--full-refresh"), wrapped)


def test_a_load_that_loses_its_place_changes_the_days_that_no_other_load_holds(
    marts: Marts, tmp_path: Path
) -> None:
    office = Office(tmp_path)
    office.punches("1_attlog.dat", "11 19-07:00", "11 20-07:00")
    office.punches("1_attlog.dat", "11 19-07:00", "11 23-07:00")
    build(marts)
    with psycopg2.connect(settings.dsn("loader")) as connection, connection.cursor() as cursor:
        # As if it were read again under a new contract that gives nothing.
        cursor.execute(
            "update ops.load set superseded_by_load_id = load_id"
            " where load_id = (select max(load_id) from ops.load)"
        )
    connection.close()
    left = build(marts)
    assert changed_days(marts) == ["22", "23"]
    assert_same(build(marts, "--full-refresh"), left)
