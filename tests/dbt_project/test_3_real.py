"""The real public files, through the same path: what they are known to say, the marts say too."""

from __future__ import annotations

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def poverty(real_marts):
    return real_marts.frame("select * from marts.fct_poverty_indicator where year_no in (2022, 2023)")


def test_the_bps_tables_name_every_regency_of_east_java(poverty):
    p0 = poverty[(poverty["indicator_code"] == "p0") & (poverty["year_no"] == 2023)]
    assert len(p0) == 39
    assert p0["region_level"].value_counts().to_dict() == {"regency": 38, "province": 1}
    assert p0["region_code"].str.startswith("35").all()
    line = poverty[(poverty["indicator_code"] == "poverty_line") & (poverty["year_no"] == 2022)]
    assert set(line["region_code"]) == set(p0["region_code"])


@pytest.mark.parametrize(
    ("region_code", "year_no", "value"),
    [
        ("35.23", 2022, 15.02),
        ("35.23", 2023, 14.91),
        ("35.03", 2022, 10.96),
        ("35.14", 2022, 8.96),
        ("35.14", 2023, 9.24),
        ("35.75", 2023, 6.60),
        ("35", 2022, 10.38),
    ],
)
def test_the_share_of_poor_people_is_that_of_the_file(poverty, region_code, year_no, value):
    row = poverty[
        (poverty["indicator_code"] == "p0")
        & (poverty["region_code"] == region_code)
        & (poverty["year_no"] == year_no)
    ]
    assert row["value"].tolist() == [value]


def test_punches_of_unknown_pins_stay_visible_at_their_terminal(real_marts):
    days = real_marts.frame("select * from marts.agg_attendance_device_day where device_no = 1")
    raw = real_marts.frame(
        "select pin_key, punched_at from raw.bkpsdm__absensi_mesin where device_no = 1", "loader"
    )
    assert len(raw) == 24_162 and raw["pin_key"].nunique() == 23
    distinct = raw.drop_duplicates()
    assert days["punch_count"].sum() == len(distinct)
    assert days["unmapped_punch_count"].sum() == len(distinct)
    expected = distinct.groupby(distinct["punched_at"].dt.date)["pin_key"].nunique()
    assert days.set_index("work_on")["person_count"].sort_index().tolist() == expected.tolist()
    assert str(days["work_on"].min()).startswith("2020-01")
    known = real_marts.frame("select min(work_on) as first_on from marts.fct_attendance_day")
    assert known.loc[0, "first_on"].year == 2026


def test_the_budgets_of_maluku_become_monthly(real_marts):
    facts = real_marts.frame(
        "select * from marts.fct_regional_budget_month where region_code like '81%' and year_no = 2026"
    )
    assert len(facts) == 84 and facts["region_code"].nunique() == 12
    assert not facts["is_home_region"].any()
    facts = facts.sort_values(["government_name", "month_on"])
    columns = {"revenue": "revenue_cumulative_idr", "expenditure": "expenditure_cumulative_idr"}
    for name, cumulative in columns.items():
        expected = facts.groupby("government_name")[cumulative].diff().fillna(facts[cumulative])
        pd.testing.assert_series_equal(facts[f"{name}_month_idr"], expected, check_names=False)
    tanimbar = facts[facts["government_name"] == "Kabupaten Kepulauan Tanimbar"].iloc[0]
    assert tanimbar["revenue_month_idr"] == 74_557_711_753
