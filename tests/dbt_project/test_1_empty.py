"""Before the first delivery every mart stands, and nothing that is missing looks like a zero."""

from __future__ import annotations

import datetime

from ingestion import settings
from ingestion.contract import load_contracts

DIMENSIONS = {"dim_date", "dim_region", "dim_opd", "dim_opd_version", "dim_budget_account", "dim_regulation"}
SUPPLY = {"agg_kpi", "agg_kpi_period", "agg_source_delivery"}


def test_every_fact_is_empty_and_every_dimension_filled(empty_frames):
    for name, frame in empty_frames.items():
        if name not in SUPPLY:
            assert frame.empty == (name not in DIMENSIONS), name


def test_an_indicator_without_data_says_so(empty_frames):
    kpi = empty_frames["agg_kpi"]
    assert len(kpi) == 6
    assert kpi["value"].isna().all() and kpi["score"].isna().all() and kpi["data_date"].isna().all()
    assert set(kpi["value_text"]) == {"Belum ada data"}
    assert set(kpi["status_label"]) == {"○ Belum ada data"}
    assert kpi["target"].notna().sum() == 6
    assert not kpi["is_sample"].any()


def test_every_contract_is_expected_from_an_agency_that_is_known(empty_frames):
    sources = empty_frames["agg_source_delivery"].set_index("source_id")
    assert set(sources.index) == set(load_contracts())
    assert sources["due_on"].isna().all() and sources["data_date"].isna().all()
    assert (sources["file_count"] == 0).all()
    assert set(sources["opd_code"]) <= set(empty_frames["dim_opd"]["opd_code"])


def test_every_agency_can_be_read_and_one_stands_for_the_unknown(empty_frames):
    agencies = empty_frames["dim_opd"].set_index("opd_code")
    assert len(agencies) > 40
    assert agencies.loc["unknown", "opd_name"] == "Tidak dikenal"


def test_regions_carry_title_and_codes_above(empty_frames):
    regions = empty_frames["dim_region"].set_index("region_code")
    assert regions.loc["35.14", "region_full_name"] == "Kabupaten Pasuruan"
    assert regions.loc["35.75", "region_name"] == "Kota Pasuruan"
    assert regions.loc["32.78.06.1008", "region_full_name"] == "Kelurahan Kota Baru"
    tuban = regions[regions["regency_code"] == "35.23"]
    assert tuban["level"].value_counts().to_dict() == {"desa": 328, "kecamatan": 20, "regency": 1}
    assert regions.loc["35.23.01.2001", "kecamatan_code"] == "35.23.01"


def test_the_time_zone_of_the_macro_is_that_of_the_region(empty_marts):
    for path in sorted((settings.ROOT / "regions").glob("*.yaml")):
        assert "time_zone: Asia/Jakarta" in path.read_text(), f"{path.name}: extend region_time_zone()'s test"
    received = empty_marts.frame("select pg_get_viewdef('staging.stg_diskominfo__aduan'::regclass) as text")
    assert "at time zone" not in received.loc[0, "text"].lower()


def test_the_calendar_knows_indonesian_names(empty_frames):
    calendar = empty_frames["dim_date"].set_index("date_on")
    independence = calendar.loc[datetime.date(2026, 8, 17)]
    assert (independence["weekday_name"], independence["month_name"]) == ("Senin", "Agustus")
    assert independence["is_holiday"] and not independence["is_working_day"]
