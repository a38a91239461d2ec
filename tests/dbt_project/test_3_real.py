"""The real public files, through the same path: what they are known to say, the marts say too."""

from __future__ import annotations

import hmac
import shutil
import uuid

import numpy as np
import pandas as pd
import pytest

from ingestion import ledger, load, reference, settings

from . import attendance_definitions as definitions
from .cells import assert_cells_equal
from .conftest import Marts

SEEDS = settings.ROOT / "dbt_project" / "seeds"
EMPLOYEES_HEADER = "NIP;Nama;Unit Kerja;Jenis Jabatan;Status;No Mesin;PIN;Berlaku Mulai;Berlaku Sampai"


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


@pytest.fixture(scope="module")
def scans(shared_real):
    """The terminal's file read without the loader: one row a person and moment."""
    lines = pd.read_csv(
        shared_real / "attendance" / "1_attlog.dat", sep="\t", header=None, dtype=str, usecols=[0, 1]
    )
    assert len(lines) == 24_162
    found = pd.DataFrame({"pin_key": lines[0].str.strip(), "punched_at": pd.to_datetime(lines[1])})
    found["punched_at"] = found["punched_at"].astype("datetime64[us]")
    return found.drop_duplicates().assign(device_no=1)


@pytest.fixture
def mapped(new_warehouse, shared_real, scans, tmp_path):
    """A server of its own in which everybody of the terminal's file has an invented name, and who is who."""
    with new_warehouse("pendopo-attlog-") as warehouse:
        ledger.register_contracts()
        reference.apply_region()
        pins = sorted(scans["pin_key"].unique())
        nips = [f"19900101201503{1900 + number}" for number in range(len(pins))]
        rows = [
            f"{nip};Pegawai Rekaan {number};Inspektorat;Pelaksana;PNS;1;{pin};01/01/2018;"
            for number, (nip, pin) in enumerate(zip(nips, pins, strict=True))
        ]
        people = tmp_path / "pegawai_2022-06.csv"
        people.write_text("\n".join([EMPLOYEES_HEADER, *rows, ""]))
        for path in (people, shutil.copy(shared_real / "attendance" / "1_attlog.dat", tmp_path)):
            assert load.load_file(tmp_path / path).status == "loaded"
        marts = Marts(warehouse.home)
        marts.target.mkdir()
        no_unit_tests = ["--exclude-resource-type", "unit_test"]
        marts.dbt(*(["build", "--selector", domain, *no_unit_tests] for domain in ("shared", "attendance")))
        secret = settings.secret("personal_data_key").encode()
        digests = [hmac.digest(secret, f"nip:{nip}".encode(), "sha256") for nip in nips]
        yield marts, pd.Series([str(uuid.UUID(bytes=digest[:16])) for digest in digests], pins)


def test_every_punch_of_the_attlog_counts_once_for_its_person_and_day(mapped, scans):
    marts, employee_of = mapped
    own = scans.assign(employee_key=scans["pin_key"].map(employee_of), punched_on=scans["punched_at"].dt.date)
    landed = marts.frame(
        "select employee_key::text, punched_on, count(*) as punch_count"
        " from intermediate.int_attendance__punch group by 1, 2"
    )
    by_date = ["employee_key", "punched_on"]
    wanted = own.groupby(by_date).size().rename("punch_count").to_frame()
    assert_cells_equal(landed.set_index(by_date), wanted)

    days = marts.frame("select * from marts.fct_attendance_day")
    days = days.assign(employee_key=days["employee_key"].astype(str), work_on=pd.to_datetime(days["work_on"]))
    persons = days.groupby("employee_key")["punch_count"].sum().to_frame()
    assert_cells_equal(persons, own.groupby("employee_key").size().rename("punch_count").to_frame())

    ramadan = pd.read_csv(SEEDS / "ramadan.csv", parse_dates=["first_on", "last_on"])
    people = pd.DataFrame({"pin_key": employee_of.index, "employee_key": employee_of.to_numpy()})
    people = people.assign(device_no=1, opd_code="inspektorat")
    moment = "datetime64[us]"
    people["valid_from"] = pd.Series(pd.Timestamp("2018-01-01"), people.index).astype(moment)
    people["valid_to"] = pd.Series(pd.Timestamp("2100-01-01"), people.index).astype(moment)
    none = pd.DataFrame({"employee_key": pd.Series(dtype=object), "work_on": pd.Series(dtype=moment)})
    found = definitions.days(
        definitions.Facts(
            punches=scans,
            people=people,
            roster=none.assign(shift_code=None),
            letters=none.assign(kind_code=None, start_on=none["work_on"], end_on=none["work_on"])[
                ["employee_key", "kind_code", "start_on", "end_on"]
            ],
            days_off=np.array(pd.read_csv(SEEDS / "holiday.csv")["date_on"], dtype="datetime64[D]"),
            ramadan=list(zip(ramadan["first_on"], ramadan["last_on"], strict=True)),
            letter_order=[],
        )
    )
    # The definition of windows, too, gives every punch to one day.
    assert found["punch_count"].sum() == len(scans)
    columns = ["opd_code", "status_code", "punch_count", "late_class", "early_leave_class", "deduction_pct"]
    assert_cells_equal(days.set_index(["employee_key", "work_on"]), found[columns])


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
