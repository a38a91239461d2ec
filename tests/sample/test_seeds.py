"""Facts of the reference data: counts and dates that were looked up, not computed."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date, timedelta

import pytest

from ingestion import settings
from ingestion.sample import budget, complaints

SEEDS = settings.ROOT / "dbt_project" / "seeds"

# Domain reference, appendix B.
HOLIDAYS = {
    2024: (
        "01-01 02-08 02-10 02-14 03-11 03-29 03-31 04-10 04-11 05-01 05-09 05-23 06-01 06-17 07-07 08-17"
        " 09-16 11-27 12-25",
        "02-09 03-12 04-08 04-09 04-12 04-15 05-10 05-24 06-18 12-26",
    ),
    2025: (
        "01-01 01-27 01-29 03-29 03-31 04-01 04-18 04-20 05-01 05-12 05-29 06-01 06-06 06-27 08-17 09-05"
        " 12-25",
        "01-28 03-28 04-02 04-03 04-04 04-07 05-13 05-30 06-09 08-18 12-26",
    ),
    2026: (
        "01-01 01-16 02-17 03-19 03-21 03-22 04-03 04-05 05-01 05-14 05-27 05-31 06-01 06-16 08-17 08-25"
        " 12-25",
        "02-16 03-18 03-20 03-23 03-24 05-15 05-28 12-24",
    ),
}


def seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_east_java_has_29_regencies_and_9_cities() -> None:
    codes = {row["region_code"]: row["region_name"] for row in seed("region") if row["level"] == "regency"}
    east_java = {code: name for code, name in codes.items() if code.startswith("35.")}
    assert Counter(name.split()[0] for name in east_java.values()) == {"Kabupaten": 29, "Kota": 9}
    assert east_java["35.23"] == "Kabupaten Tuban"
    assert (east_java["35.14"], east_java["35.75"]) == ("Kabupaten Pasuruan", "Kota Pasuruan")
    assert (min(east_java), max(east_java)) == ("35.01", "35.79")


@pytest.mark.parametrize(
    ("regency", "kecamatan", "villages", "kelurahan"),
    [("35.23", 20, 328, 17), ("35.03", 14, 157, 5), ("35.14", 24, 365, 24), ("32.78", 10, 69, 69)],
)
def test_villages_of_the_four_regions(regency: str, kecamatan: int, villages: int, kelurahan: int) -> None:
    rows = [row for row in seed("region") if row["region_code"].startswith(f"{regency}.")]
    desa = [row["region_code"] for row in rows if row["level"] == "desa"]
    assert sum(row["level"] == "kecamatan" for row in rows) == kecamatan
    assert len(desa) == villages
    assert sum(code.split(".")[3].startswith("1") for code in desa) == kelurahan


def test_every_region_has_its_parent_and_a_source() -> None:
    rows = seed("region")
    codes = {row["region_code"] for row in rows}
    assert len(codes) == len(rows)
    for row in rows:
        assert row["parent_code"] == row["region_code"].rpartition(".")[0]
        assert row["level"] == "province" or row["parent_code"] in codes
        assert row["source"]


@pytest.mark.parametrize("year", HOLIDAYS)
def test_holidays_are_those_of_the_reference(year: int) -> None:
    for kind, days in zip(("public", "cuti_bersama"), HOLIDAYS[year], strict=True):
        seeded = {
            row["date_on"][5:]
            for row in seed("holiday")
            if row["date_on"].startswith(str(year)) and row["kind"] == kind
        }
        assert seeded == set(days.split())


def test_the_calendar_has_one_row_a_day_with_source_and_revision_from_2018_to_2027() -> None:
    rows = seed("holiday")
    days = [date.fromisoformat(row["date_on"]) for row in rows]
    assert len(set(days)) == len(days)
    assert {day.year for day in days} == set(range(2018, 2028))
    assert all(row["holiday_name"] and row["source"] and row["revision"] for row in rows)
    for year in range(2018, 2028):
        for fixed in ((1, 1), (5, 1), (6, 1), (8, 17), (12, 25)):
            assert date(year, *fixed) in days


def test_absorption_bands_are_those_of_the_source() -> None:
    bands = [(int(row["lower_pct"]), int(row["upper_pct"])) for row in seed("absorption_band")]
    assert bands == [
        (1, 1), (1, 5), (3, 7), (5, 10), (7, 20), (10, 30),
        (20, 40), (30, 50), (40, 60), (50, 70), (60, 80), (70, 85),
    ]  # fmt: skip


def test_classes_of_a_rule_set_cover_every_minute_once() -> None:
    rules: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for row in seed("attendance_rule"):
        if row["class"] != "TK":
            kind = row["class"].rstrip("0123456789")
            rules.setdefault((row["rule_set"], row["valid_from"], kind), []).append(row)
    assert {"permentan_68_2012", "perban_bgn_4_2025"} <= {name for name, _, _ in rules}
    for classes in rules.values():
        edges = [(row["minutes_from"], row["minutes_to"]) for row in classes]
        assert edges[0][0] == "0" and edges[-1][1] == ""
        assert [start for start, _ in edges[1:]] == [end for _, end in edges[:-1]]
        assert len({row["valid_to"] for row in classes}) == 1


def test_deductions_are_the_published_ones() -> None:
    deductions = {
        row["class"]: float(row["deduction_pct"])
        for row in seed("attendance_rule")
        if row["rule_set"] == "permentan_68_2012"
    }
    assert [deductions[f"TL{number}"] for number in range(5)] == [0, 0.5, 1, 1.5, 2]
    assert deductions["TK"] == 4


def test_budget_accounts_form_a_tree() -> None:
    rows = {row["account_code"]: row for row in seed("budget_account")}
    for code, row in rows.items():
        assert row["level"] == str(code.count(".") + 1)
        assert row["parent_code"] == code.rpartition(".")[0]
        assert row["level"] == "1" or row["parent_code"] in rows


def test_samples_use_seeded_accounts_and_categories() -> None:
    accounts = {row["account_code"]: row["account_name"] for row in seed("budget_account")}
    used = {item for split in (budget.USUAL, *budget.SPLITS.values()) for item, _ in split}
    assert {item.code: item.name for item in used}.items() <= accounts.items()
    categories = [row["lapor_category"] for row in seed("complaint_category")]
    assert len(set(categories)) == len(categories) == 51
    assert {topic.category for topic in complaints.TOPICS} <= set(categories)


def test_working_days_of_november_2026() -> None:
    holidays = {row["date_on"] for row in seed("holiday")}
    days = [date(2026, 11, 1) + timedelta(days=n) for n in range(30)]
    assert sum(day.weekday() < 5 and day.isoformat() not in holidays for day in days) == 21
