"""What the definitions say of attendance, in pandas: from punches, employees, rosters and letters to days.

Written from docs/indikator.md, not from the models, so that a mistake in either shows as a difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

DAY, MINUTE = pd.Timedelta(days=1), pd.Timedelta(minutes=1)
# Perpres 21/2023: minutes after midnight of start and end, by Ramadan and Friday.
OFFICE_HOURS = {
    (False, False): (450, 960),
    (False, True): (450, 990),
    (True, False): (480, 900),
    (True, True): (480, 930),
}
SHIFTS = {"P": (420, 840), "S": (840, 1260), "M": (1260, 1860)}
BEFORE, AFTER = 240 * MINUTE, 360 * MINUTE
# Permentan 68/2012: class, from minute, percent; the last one also stands for a missing scan.
CLASSES = ((0, 0.0), (1, 0.5), (31, 1.0), (61, 1.5), (91, 2.0))
ABSENT_PCT, FIELD_DUTY = 4.0, "DL"


@dataclass(frozen=True)
class Facts:
    """Rows as loaded; ``people`` with ``opd_code`` and whole validity, days as timestamps."""

    punches: pd.DataFrame
    people: pd.DataFrame
    roster: pd.DataFrame
    letters: pd.DataFrame
    days_off: np.ndarray
    ramadan: list[tuple[pd.Timestamp, pd.Timestamp]]
    # Kinds of letter, the strongest first.
    letter_order: list[str]


def days(facts: Facts) -> pd.DataFrame:
    """One row an employee and day, indexed by both."""
    scans = _scans(facts)
    scheduled = _scheduled(facts, scans)
    scans = _placed(scans, scheduled)
    by_day = scans.groupby(["employee_key", "work_on"])
    counted = by_day.agg(punch_count=("punched_at", "size"), was_seen=("is_of_a_shift", "any")).reset_index()

    plan = scheduled.merge(counted, on=["employee_key", "work_on"], how="left")
    plan["was_seen"] = plan["was_seen"].eq(True)
    plan = plan[plan["has_report"] | plan["was_seen"]]
    plan = plan.assign(is_expected=True)
    extra = counted.merge(
        plan[["employee_key", "work_on"]], on=["employee_key", "work_on"], how="left", indicator=True
    )
    extra = extra[extra["_merge"] == "left_only"].drop(columns="_merge").assign(is_expected=False)
    both = pd.concat([plan, extra], ignore_index=True)
    both["punch_count"] = both["punch_count"].fillna(0).astype(int)
    both = both.drop(columns="opd_code", errors="ignore").merge(
        _agency(facts, both[["employee_key", "work_on"]]), on=["employee_key", "work_on"], how="left"
    )

    middle = both["start"] + (both["end"] - both["start"]) / 2
    scans = scans[scans["is_of_a_shift"]]
    scans = scans.merge(both.assign(middle=middle)[["employee_key", "work_on", "middle"]])
    halves = scans["punched_at"] <= scans["middle"]
    key = ["employee_key", "work_on"]
    first = scans[halves].groupby(key)["punched_at"].min().rename("first_in")
    last = scans[~halves & scans["middle"].notna()].groupby(key)["punched_at"].max().rename("last_out")
    both = both.set_index(key).join(first).join(last).sort_index()

    both["late_minutes"] = np.floor((both["first_in"] - both["start"]) / MINUTE).clip(lower=0)
    both["early_leave_minutes"] = np.floor((both["end"] - both["last_out"]) / MINUTE).clip(lower=0)
    both["letter"] = _letter(facts, both)
    is_judged = both["is_expected"] & both["letter"].isna() & both["was_seen"]
    late, late_pct = _classes(both["late_minutes"], "TL")
    early, early_pct = _classes(both["early_leave_minutes"], "PSW")
    both["late_class"] = late.where(is_judged)
    both["early_leave_class"] = early.where(is_judged)
    both["status_code"] = np.select(
        [
            ~both["is_expected"],
            both["letter"] == FIELD_DUTY,
            both["letter"].notna(),
            ~both["was_seen"],
            both["late_class"] != "TL0",
        ],
        ["off_day", "field_duty", "leave", "absent", "late"],
        "present",
    )
    both["deduction_pct"] = np.select(
        [is_judged, both["status_code"] == "absent"], [late_pct + early_pct, ABSENT_PCT], 0.0
    )
    return both


def _scans(facts: Facts) -> pd.DataFrame:
    """Distinct punches with the employee whom the PIN meant on that date; the later entry counts."""
    punches = facts.punches[["device_no", "pin_key", "punched_at"]].drop_duplicates()
    punches = punches.assign(date=punches["punched_at"].dt.normalize())
    people = facts.people[["employee_key", "device_no", "pin_key", "valid_from", "valid_to"]]
    joined = punches.merge(people, on=["device_no", "pin_key"])
    joined = joined[joined["date"].between(joined["valid_from"], joined["valid_to"])]
    joined = joined.sort_values(["valid_from", "employee_key"], ascending=[False, True])
    joined = joined.drop_duplicates(["device_no", "pin_key", "punched_at"])
    return joined[["employee_key", "punched_at", "date"]].reset_index(drop=True)


def _scheduled(facts: Facts, scans: pd.DataFrame) -> pd.DataFrame:
    """Days on which an employee has hours, with them, and whether one of his terminals reported."""
    dates = facts.punches["punched_at"].dt.normalize()
    reported = pd.DataFrame({"device_no": facts.punches["device_no"], "work_on": dates}).drop_duplicates()
    every = pd.DataFrame({"work_on": pd.date_range(dates.min() - DAY, dates.max() + DAY)})
    people = facts.people[["employee_key", "device_no", "valid_from", "valid_to"]].merge(every, how="cross")
    people = people[people["work_on"].between(people["valid_from"], people["valid_to"])]
    people = people.merge(reported.assign(has_report=True), on=["device_no", "work_on"], how="left")
    people["has_report"] = people["has_report"].notna()
    people = people.groupby(["employee_key", "work_on"], as_index=False)["has_report"].any()
    people = people.merge(facts.roster, on=["employee_key", "work_on"], how="left")

    is_ramadan = pd.Series(False, people.index)
    for first, last in facts.ramadan:
        is_ramadan |= people["work_on"].between(first, last)
    is_friday = people["work_on"].dt.day_of_week == 4
    works = np.is_busday(people["work_on"].to_numpy().astype("datetime64[D]"), holidays=facts.days_off)
    hours = [
        SHIFTS.get(code)
        if isinstance(code, str)
        else OFFICE_HOURS[bool(ramadan), bool(friday)]
        if is_working
        else None
        for code, ramadan, friday, is_working in zip(
            people["shift_code"], is_ramadan, is_friday, works, strict=True
        )
    ]
    people = people.assign(hours=hours).dropna(subset=["hours"])
    for place, name in enumerate(("start", "end")):
        minutes = pd.to_timedelta([pair[place] for pair in people["hours"]], unit="min")
        people[name] = people["work_on"] + minutes
    return people.drop(columns=["hours", "shift_code"])


def _placed(scans: pd.DataFrame, scheduled: pd.DataFrame) -> pd.DataFrame:
    """The day that each punch belongs to, and whether it lies in the window of that day's shift."""
    scans = scans.assign(scan=range(len(scans)))
    parts = []
    for offset in (-1, 0, 1):
        asked = scans.assign(work_on=scans["date"] + offset * DAY)
        part = asked.merge(scheduled[["employee_key", "work_on", "start", "end"]])
        parts.append(part[part["punched_at"].between(part["start"] - BEFORE, part["end"] + AFTER)])
    near = pd.concat(parts)
    to_start, to_end = (near["punched_at"] - near[side] for side in ("start", "end"))
    near = near.assign(distance=np.minimum(to_start.abs(), to_end.abs()))
    near = near.sort_values(["distance", "work_on"]).drop_duplicates("scan").set_index("scan")["work_on"]
    shift_day = scans["scan"].map(near)
    return scans.assign(work_on=shift_day.fillna(scans["date"]), is_of_a_shift=shift_day.notna())


def _agency(facts: Facts, asked: pd.DataFrame) -> pd.DataFrame:
    """The agency of an employee on a day: the later entry counts."""
    joined = asked.merge(facts.people[["employee_key", "opd_code", "valid_from", "valid_to"]])
    joined = joined[joined["work_on"].between(joined["valid_from"], joined["valid_to"])]
    joined = joined.sort_values(["valid_from", "opd_code"], ascending=[False, True])
    return joined.drop_duplicates(["employee_key", "work_on"])[["employee_key", "work_on", "opd_code"]]


def _letter(facts: Facts, both: pd.DataFrame) -> pd.Series:
    """Kind of the strongest letter that covers an expected day."""
    asked = both.index.to_frame(index=False)[both["is_expected"].to_numpy()]
    joined = asked.merge(facts.letters, on="employee_key")
    joined = joined[joined["work_on"].between(joined["start_on"], joined["end_on"])]
    joined = joined.assign(order=joined["kind_code"].map(facts.letter_order.index)).sort_values("order")
    joined = joined.drop_duplicates(["employee_key", "work_on"]).set_index(["employee_key", "work_on"])
    return joined["kind_code"].reindex(both.index)


def _classes(minutes: pd.Series, prefix: str) -> tuple[pd.Series, pd.Series]:
    """Class and percent of minutes; a missing scan counts as the longest."""
    place = np.searchsorted([start for start, _ in CLASSES], minutes.fillna(np.inf), side="right") - 1
    names = [f"{prefix}{number}" for number in range(len(CLASSES))]
    percents = np.array([percent for _, percent in CLASSES])
    return pd.Series(np.array(names)[place], minutes.index), pd.Series(percents[place], minutes.index)


def totals(found: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Counts and shares of expected days."""
    expected = found[found["is_expected"]]
    groups = expected.groupby(by)
    status = pd.crosstab([expected[name] for name in by], expected["status_code"])
    status = status.reindex(columns=["present", "late", "absent", "leave", "field_duty"], fill_value=0)
    result = pd.DataFrame(index=groups.size().index)
    result["expected"] = groups.size()
    result["present"] = status["present"] + status["late"]
    for name in ("late", "absent", "leave", "field_duty"):
        result[name] = status[name]
    due = (result["expected"] - result["leave"]).replace(0, np.nan)
    result["attendance_pct"] = 100 * (result["present"] + result["field_duty"]) / due
    result["late_pct"] = 100 * result["late"] / result["present"].replace(0, np.nan)
    return result
