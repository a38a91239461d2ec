"""Attendance, computed again in pandas from the rows as loaded and compared with the marts cell by cell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ingestion import settings

from . import attendance_definitions as definitions
from .cells import assert_cells_equal
from .complaint_definitions import name_key, newest_rows

SEEDS = settings.ROOT / "dbt_project" / "seeds"
ZONE = "Asia/Jakarta"


def whole_days(values, otherwise):
    return pd.to_datetime(values).fillna(pd.Timestamp(otherwise)).astype("datetime64[us]")


@pytest.fixture(scope="module")
def facts(sample_marts):
    people = sample_marts.current("bkpsdm__pegawai").drop_duplicates(
        ["nip_key", "device_no", "pin_key", "valid_from"], keep="last"
    )
    known = sample_marts.frame(
        "select name_key, opd_code from intermediate.int_shared__opd_name"
        " where '2026-08-01' between valid_from and valid_to"
    )
    codes = known.set_index("name_key")["opd_code"]
    people = people.assign(
        employee_key=people["nip_key"].astype(str),
        opd_code=name_key(people["opd_name"]).map(codes).fillna("unknown"),
        valid_from=whole_days(people["valid_from"], "1900-01-01"),
        valid_to=whole_days(people["valid_to"], "2100-01-01"),
    )
    roster = newest_rows(sample_marts.current("bkpsdm__jadwal_kerja"), ["nip_key", "work_on"])
    letters = newest_rows(
        sample_marts.current("bkpsdm__ketidakhadiran"), ["nip_key", "kind_code", "start_on"]
    )
    kinds = pd.read_csv(SEEDS / "leave_kind.csv").sort_values("priority")
    ramadan = pd.read_csv(SEEDS / "ramadan.csv", parse_dates=["first_on", "last_on"])
    punches = sample_marts.current("bkpsdm__absensi_mesin")
    return definitions.Facts(
        punches=punches.assign(punched_at=punches["punched_at"].astype("datetime64[us]")),
        people=people,
        roster=pd.DataFrame(
            {
                "employee_key": roster["nip_key"].astype(str),
                "work_on": whole_days(roster["work_on"], "1900-01-01"),
                "shift_code": roster["shift_code"],
            }
        ),
        letters=pd.DataFrame(
            {
                "employee_key": letters["nip_key"].astype(str),
                "kind_code": letters["kind_code"],
                "start_on": whole_days(letters["start_on"], "1900-01-01"),
                "end_on": whole_days(letters["end_on"], "1900-01-01"),
            }
        ),
        days_off=np.array(pd.read_csv(SEEDS / "holiday.csv")["date_on"], dtype="datetime64[D]"),
        ramadan=list(zip(ramadan["first_on"], ramadan["last_on"], strict=True)),
        letter_order=list(kinds["leave_code"]),
    )


@pytest.fixture(scope="module")
def found(facts):
    return definitions.days(facts)


@pytest.fixture(scope="module")
def marts(sample_frames):
    frame = sample_frames["fct_attendance_day"]
    frame = frame.assign(
        employee_key=frame["employee_key"].astype(str), work_on=pd.to_datetime(frame["work_on"])
    )
    for column in ("first_in_at", "last_out_at"):
        frame[column] = pd.to_datetime(frame[column], utc=True).dt.tz_convert(ZONE).dt.tz_localize(None)
    return frame.set_index(["employee_key", "work_on"])


def test_the_samples_hold_what_the_definitions_are_about(found):
    states = found["status_code"].value_counts()
    assert {"present", "late", "absent", "leave", "field_duty"} <= set(states.index)
    assert set(found["late_class"].dropna()) == {"TL0", "TL1", "TL2", "TL3", "TL4"}
    assert set(found["early_leave_class"].dropna()) == {"PSW0", "PSW1", "PSW2", "PSW3", "PSW4"}
    overnight = found["end"].dt.normalize() > found.index.get_level_values("work_on")
    assert (overnight & found["last_out"].notna()).any(), "somebody worked a night"
    assert (found["letter"].notna() & (found["punch_count"] > 0)).any(), "a letter beats punches"


def test_every_day_cell_by_cell(found, marts):
    columns = ["opd_code", "status_code", "punch_count", "late_class", "early_leave_class", "deduction_pct"]
    assert_cells_equal(marts, found[columns])


def test_times_and_minutes_of_judged_days(found, marts):
    judged = found[found["status_code"].isin(["present", "late"])]
    wanted = judged.rename(columns={"first_in": "first_in_at", "last_out": "last_out_at"})
    columns = ["first_in_at", "last_out_at", "late_minutes", "early_leave_minutes"]
    assert_cells_equal(marts.loc[judged.index], wanted[columns])


def by_day(frame, columns):
    return frame.assign(**{name: pd.to_datetime(frame[name]) for name in columns if name.endswith("_on")})


@pytest.mark.parametrize(
    ("mart", "day"), [("agg_attendance_opd_day", "work_on"), ("agg_attendance_opd_month", "month_on")]
)
def test_sums_by_agency(sample_frames, found, mart, day):
    facts = found.reset_index()
    facts["month_on"] = facts["work_on"].dt.to_period("M").dt.start_time
    key = ["opd_code", day]
    totals = definitions.totals(facts.set_index(["employee_key"]), key)
    end = "_count" if day == "work_on" else "_day_count"
    counted = ["present", "late", "absent", "leave", "field_duty"]
    wanted = totals.rename(columns={name: name + end for name in counted})
    wanted = wanted.rename(columns={"expected": "employee" + end})
    if day == "month_on":
        expected = facts[facts["is_expected"]].groupby(key)
        wanted["employee_count"] = expected["employee_key"].nunique()
        wanted["work_day_count"] = expected["work_on"].nunique()
    assert_cells_equal(by_day(sample_frames[mart], key).set_index(key), wanted)


def test_days_by_class_and_month(sample_frames, found):
    facts = found[found["is_expected"]].reset_index()
    facts["month_on"] = facts["work_on"].dt.to_period("M").dt.start_time
    was_there = facts["status_code"].isin(["present", "late"])
    facts["class_code"] = facts["late_class"].where(was_there, facts["status_code"])
    key = ["opd_code", "month_on", "class_code"]
    groups = facts.groupby(key)["work_on"]
    wanted = pd.DataFrame({"employee_day_count": groups.size(), "data_date": groups.max()})
    assert_cells_equal(by_day(sample_frames["agg_attendance_class_month"], key).set_index(key), wanted)


def test_sums_by_employee_and_month(sample_frames, found):
    facts = found.reset_index()
    facts["month_on"] = facts["work_on"].dt.to_period("M").dt.start_time
    key = ["employee_key", "month_on"]
    wanted = facts[facts["is_expected"]].groupby(key)["deduction_pct"].sum().clip(upper=100).to_frame()
    frame = sample_frames["agg_attendance_employee_month"]
    frame = by_day(frame.assign(employee_key=frame["employee_key"].astype(str)), key).set_index(key)
    assert_cells_equal(frame, wanted)
