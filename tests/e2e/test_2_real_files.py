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
        "select file_name, status, rows_rejected from ops.load where file_name = any(%s) and not is_sample",
        dropped,
    )
    assert sorted(rows) == sorted((name, "loaded", 0) for name in dropped)


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


def test_the_regional_budgets_of_maluku_become_monthly(center, dropped):
    raw = center.query(
        """
        select government_name, max(expenditure_idr) filter (where month = 7), count(*)
        from raw.djpb__apbd as row
        inner join ops.load as load on load.load_id = row._load_id
        where load.file_name = 'djpb_apbd.csv' and not load.is_sample
        group by government_name
        """
    )
    assert sum(count for *_, count in raw) == 84
    in_mart = center.query(
        "select government_name, sum(expenditure_month_idr), count(*) "
        "from marts.fct_regional_budget_month where government_name = any(%s) group by government_name",
        [name for name, *_ in raw],
        role="bi_staff",
    )
    assert sorted(in_mart) == sorted(raw)
