"""One figure of every domain, computed again in pandas from the raw rows and compared cell by cell."""

from __future__ import annotations

import datetime
import json

import numpy as np
import pandas as pd
import pytest

from ingestion import settings
from ingestion.contract import load_contracts

SEEDS = settings.ROOT / "dbt_project" / "seeds"


@pytest.fixture(scope="module")
def days_off():
    return np.array(pd.read_csv(SEEDS / "holiday.csv")["date_on"], dtype="datetime64[D]")


def to_days(series):
    return series.to_numpy().astype("datetime64[D]")


def texts(frame):
    """Everything that is written anywhere in a frame."""
    return set(pd.Series(frame.to_numpy().ravel()).dropna().astype(str))


def test_the_calendar_counts_working_days_as_numpy_does(sample_frames, days_off):
    calendar = sample_frames["dim_date"].sort_values("date_on")
    days = to_days(calendar["date_on"].astype("datetime64[s]"))
    expected = np.busday_count(days[0], days + 1, holidays=days_off)
    assert (calendar["working_day_no"].to_numpy() == expected).all()
    assert (calendar["is_working_day"].to_numpy() == np.is_busday(days, holidays=days_off)).all()


def test_unknown_agencies_and_reporters_lose_no_complaint_and_show_no_person(sample_marts, sample_frames):
    complaints = sample_frames["fct_complaint"]
    raw = sample_marts.current("diskominfo__aduan")
    assert set(complaints["ticket_no"]) == set(raw["ticket_no"])
    known = (complaints["opd_code"] != "unknown").mean()
    assert 0.9 < known < 1
    personal = raw[["title", "body", "reporter_name", "reporter_nik", "reporter_address", "reporter_phone"]]
    assert not texts(complaints) & texts(personal)


def test_budget_absorption_by_agency_and_month(sample_marts, sample_frames):
    raw = sample_marts.current("bpkad__realisasi_apbd")
    spellings = sample_marts.frame(
        "select name_key, opd_code from intermediate.int_shared__opd_name where valid_to = 'infinity'"
    )
    key = raw["opd_name"].str.lower().str.replace("&", "dan").str.replace(r"[^a-z0-9]", "", regex=True)
    raw["opd_code"] = key.map(spellings.set_index("name_key")["opd_code"]).fillna("unknown")
    raw["version_no"] = raw["version"].str.lower().map({"murni": 1, "pergeseran": 2, "perubahan": 3})
    latest = raw.groupby(["year", "month", "opd_code"])["version_no"].transform("max")
    raw = raw[(raw["version_no"] == latest) & raw["account_code"].str.startswith("5")]
    sums = raw.groupby(["opd_code", "year", "month"])[["budget_idr", "realised_idr"]].sum()

    marts = sample_frames["agg_budget_opd_month"]
    month_on = pd.to_datetime(marts["month_on"])
    marts = marts.set_index([marts["opd_code"], month_on.dt.year, month_on.dt.month]).sort_index()
    assert len(marts) == len(sums)
    np.testing.assert_array_equal(marts["realised_cumulative_idr"], sums["realised_idr"])
    np.testing.assert_allclose(
        marts["absorption_pct"], 100 * sums["realised_idr"] / sums["budget_idr"], atol=0.00501
    )


def test_monthly_realisations_add_up_to_the_cumulative_one(sample_frames):
    facts = sample_frames["agg_budget_opd_month"].sort_values("month_on")
    whole = facts.groupby(["opd_code", pd.to_datetime(facts["month_on"]).dt.year]).filter(
        lambda group: group["realised_month_idr"].notna().all()
    )
    groups = whole.groupby(["opd_code", pd.to_datetime(whole["month_on"]).dt.year])
    assert len(groups) > 40
    # An account that a revised budget drops keeps its past months but leaves the cumulative sum.
    same = np.isclose(groups["realised_month_idr"].sum(), groups["realised_cumulative_idr"].last())
    assert same.mean() > 0.9


def test_account_codes_of_both_widths_are_one_account(sample_marts, sample_frames):
    written = sample_marts.current("bpkad__realisasi_apbd")["account_code"]
    assert written.str.fullmatch(r"\d\.\d\.\d").any(), "the samples write 5.1.2 too"
    assert sample_frames["fct_budget_realisation_month"]["account_code"].str.fullmatch(r"\d\.\d\.\d\d").all()


def test_poverty_of_the_home_region_is_what_bps_published(sample_frames):
    facts = sample_frames["fct_poverty_indicator"]
    tuban = facts[facts["is_home_region"] & (facts["indicator_code"] == "p0")].set_index("year_no")["value"]
    published = {2018: 15.31, 2019: 14.58, 2020: 15.91, 2021: 16.31, 2022: 15.02, 2023: 14.91, 2024: 14.36}
    assert {year: float(tuban[year]) for year in published} == published
    assert not facts["region_code"].str.startswith("unknown").any()


def test_a_source_just_loaded_is_fresh(sample_marts):
    results = json.loads((sample_marts.target / "sources.json").read_text())["results"]
    assert {result["unique_id"].rsplit(".")[-1] for result in results} == set(load_contracts())
    assert {result["status"] for result in results} == {"pass"}


def test_every_source_has_a_due_date_after_its_data(sample_frames, days_off):
    sources = sample_frames["agg_source_delivery"].set_index("source_id")
    assert (sources["due_on"] > sources["data_date"]).all()
    # 31 March 2025 plus a year plus 120 working days.
    start = np.busday_offset("2026-03-31", 0, roll="backward", holidays=days_off)
    due = np.busday_offset(start, 120, holidays=days_off)
    assert sources.loc["bps__kemiskinan", "due_on"] == due.astype(datetime.date)


def test_indicators_stand_on_the_marts_and_score_against_their_targets(sample_frames):
    kpi = sample_frames["agg_kpi"].set_index("kpi_code")
    assert kpi["value"].notna().all() and kpi["score"].between(0, 1.25).all()
    attendance = sample_frames["agg_attendance_opd_month"]
    last = attendance[attendance["month_on"] == attendance["month_on"].max()]
    present = last["present_day_count"].sum() + last["field_duty_day_count"].sum()
    expected = 100 * present / (last["employee_day_count"].sum() - last["leave_day_count"].sum())
    assert kpi.loc["attendance_pct", "value"] == pytest.approx(expected, abs=0.005)
    assert kpi.loc["poverty_p0", "score"] == pytest.approx(
        kpi.loc["poverty_p0", "target"] / kpi.loc["poverty_p0", "value"], abs=0.0005
    )
    budget = sample_frames["agg_budget_opd_month"]
    assert kpi.loc["absorption_pct", "target"] == budget.loc[budget["month_on"].idxmax(), "band_upper_pct"]


def test_a_second_build_changes_nothing(sample_marts, sample_frames):
    sample_marts.dbt(["build", "--selector", "complaints", "--exclude-resource-type", "unit_test"])
    again = sample_marts.frame("select * from marts.agg_complaint_month")
    key = ["month_on", "opd_code", "category", "channel"]
    pd.testing.assert_frame_equal(
        again.sort_values(key, ignore_index=True),
        sample_frames["agg_complaint_month"].sort_values(key, ignore_index=True),
    )
