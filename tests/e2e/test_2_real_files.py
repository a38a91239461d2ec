"""Real public files, dropped into the inbox, go the same way as everything else."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from ingestion import settings

pytestmark = pytest.mark.e2e

DROPS = {
    "bps__kemiskinan": ("poverty", "*Jawa Timur, 202?.csv"),
    "bkpsdm__absensi_mesin": ("attendance", "1_attlog.dat"),
    "djpb__apbd": ("budget", "djpb_apbd.csv"),
}


@pytest.fixture(scope="module")
def dropped(center, shared_real):
    """All real files of the four domains in the drop folder, loaded and transformed by Airflow."""
    names = []
    for source, (folder, pattern) in DROPS.items():
        target = Path(settings.landing()) / source.replace("__", "/", 1)
        target.mkdir(parents=True, exist_ok=True)
        files = sorted((shared_real / folder).glob(pattern))
        assert files
        for file in files:
            shutil.copy(file, target / file.name)
            names.append(file.name)
    center.pendopo("up", "--detach")
    return names


def test_all_of_them_are_loaded_without_a_refused_row(center, dropped):
    rows = center.query(
        "select file_name, status, rows_rejected from ops.load where file_name = any(%s)", dropped
    )
    assert sorted(name for name, *_ in rows) == sorted(dropped)
    assert {(status, rejected) for _, status, rejected in rows} == {("loaded", 0)}


@pytest.mark.parametrize(
    ("region", "year", "percent"),
    [("35.23", 2022, "15.02"), ("35.23", 2023, "14.91"), ("35.03", 2022, "10.96"), ("35.14", 2022, "8.96")],
)
def test_the_poverty_mart_says_what_bps_published(center, dropped, region, year, percent):
    rows = center.query(
        "select value from marts.fct_poverty_indicator "
        "where region_code = %s and year_no = %s and indicator_code = 'p0'",
        *(region, year),
        role="bi_staff",
    )
    assert rows == [(Decimal(percent),)]


def test_every_regency_of_east_java_is_recognised_by_name(center, dropped):
    rows = center.query(
        "select count(distinct region_code) from marts.fct_poverty_indicator "
        "where indicator_code = 'p0' and year_no = 2022 and region_code ~ '^35[.]'",
        role="bi_staff",
    )
    assert rows == [(38,)]


def test_the_attendance_log_has_its_24162_punches_of_23_people(center, dropped):
    rows = center.query(
        "select count(*), count(distinct pin_key) from raw.bkpsdm__absensi_mesin where device_no = 1"
    )
    assert rows == [(24162, 23)]
    in_mart = center.query(
        "select sum(punch_count), min(work_on)::text from marts.agg_attendance_device_day "
        "where device_no = 1",
        role="bi_staff",
    )
    punches, first_day = in_mart[0]
    assert 0 < punches <= 24162
    assert first_day.startswith("2020-01")


def test_the_regional_budgets_become_monthly(center, dropped):
    rows = center.query(
        "select count(*) from raw.djpb__apbd r join ops.load l on l.load_id = r._load_id "
        "where l.file_name = 'djpb_apbd.csv' and government_name like '%%Maluku%%'"
    )
    assert rows[0][0] > 0
    total = center.query(
        "select l.rows_loaded from ops.load l where l.file_name = 'djpb_apbd.csv' and l.rows_loaded = 84"
    )
    assert total == [(84,)]
    drift = center.query(
        """
        select government_name from marts.fct_regional_budget_month
        where year_no = 2026 group by 1
        having abs(sum(expenditure_month_idr) - max(expenditure_cumulative_idr) filter (
            where month_on = (select max(month_on) from marts.fct_regional_budget_month m
                              where m.government_name = fct_regional_budget_month.government_name))) > 0.01
        """,
        role="bi_staff",
    )
    assert drift == []
