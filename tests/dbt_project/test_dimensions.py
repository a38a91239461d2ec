"""Shared dimensions: agencies over time, regions, the calendar, accounts and regulations."""

from __future__ import annotations

import datetime
import re

import numpy as np
import pandas as pd
import pytest
import yaml

from ingestion import reference, settings

SEEDS = settings.ROOT / "dbt_project" / "seeds"
REGIONS = sorted((settings.ROOT / "regions").glob("*.yaml"))
EVER = datetime.date(9999, 12, 31)


def name_key(text):
    return re.sub("[^a-z0-9]", "", text.lower().replace("&", "dan"))


def seed(name):
    return pd.read_csv(SEEDS / f"{name}.csv", dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def agencies():
    return {
        agency["code"]: agency
        for agency in yaml.safe_load(settings.region_file().read_text(encoding="utf-8"))["opd"]
    }


@pytest.fixture(scope="module")
def names(empty_marts):
    """Spellings with their validity as text: Python has no date for infinity."""
    return empty_marts.frame(
        "select name_key, valid_from::text, valid_to::text, opd_code from intermediate.int_shared__opd_name"
    )


def meant(names, spelling, day):
    """Agency of a spelling on a day as the models look it up; None when nobody is meant."""
    rows = names[names["name_key"] == name_key(spelling)]
    rows = rows[(rows["valid_from"] == "-infinity") | (rows["valid_from"] <= day)]
    rows = rows[(rows["valid_to"] == "infinity") | (rows["valid_to"] >= day)]
    assert len(rows) < 2, spelling
    return None if rows.empty else rows["opd_code"].iloc[0]


def standing_on(agencies, code, day):
    """Agencies that did the work of another one on a day, followed link by link."""
    agency = agencies[code]
    if agency.get("valid_from", day) <= day <= agency.get("valid_to", day):
        return {code}
    if agency.get("valid_to", EVER) < day:
        following = agency.get("successors", [])
    else:
        following = [other for other, item in agencies.items() if code in item.get("successors", [])]
    return set().union(*(standing_on(agencies, other, day) for other in following))


@pytest.mark.parametrize("day", ["2021-12-31", "2022-01-02", "2022-01-03", "2026-06-30"])
def test_every_official_name_leads_to_who_did_the_work_that_day(agencies, names, day):
    on = datetime.date.fromisoformat(day)
    for code, agency in agencies.items():
        standing = standing_on(agencies, code, on)
        found = meant(names, agency["name"], day)
        if standing == {code}:
            assert found == code
        elif len(standing) == 1:
            assert found in standing | {
                other for other, item in agencies.items() if _has_alias(item, agency["name"])
            }
        else:
            assert found is None or _has_alias(agencies[found], agency["name"]), code


def _has_alias(agency, spelling):
    former = [item["name"] for item in agency.get("former_names", [])]
    return name_key(spelling) in {name_key(text) for text in [*agency["aliases"], *former]}


def test_a_merged_agency_is_itself_before_and_its_successor_afterwards(names):
    assert meant(names, "Dinas Perhubungan", "2021-06-01") == "dishub"
    assert meant(names, "Dinas Perhubungan Kab. Tuban", "2025-06-01") == "dlhp"
    assert meant(names, "DINAS  KESEHATAN", "2021-06-01") == "dinkes"


def test_a_split_agency_means_nobody_afterwards_and_two_predecessors_nobody_before(names):
    assert meant(names, "DPMKB", "2021-06-01") == "dpmkb"
    assert meant(names, "DPMKB", "2025-06-01") is None
    assert meant(names, "DLHP", "2021-06-01") is None
    assert meant(names, "Dinas Angkasa", "2025-06-01") is None


def test_every_alias_leads_to_its_agency_today(agencies, names):
    for code, agency in agencies.items():
        for spelling in agency["aliases"]:
            assert meant(names, spelling, "2026-06-30") == code, spelling


def test_the_table_of_agencies_follows_the_regions_file(agencies, empty_frames):
    table = empty_frames["dim_opd"].set_index("opd_code")
    assert set(table.index) == {*agencies, "unknown"}
    for code, agency in agencies.items():
        row = table.loc[code]
        assert row["is_active"] == ("valid_to" not in agency), code
        assert row["valid_from"] == agency.get("valid_from"), code
        assert row["valid_to"] == agency.get("valid_to"), code
        today = standing_on(agencies, code, datetime.date(2026, 6, 30))
        heir = row["current_opd_code"]
        assert (set() if pd.isna(heir) else {heir}) == (today if len(today) == 1 else set()), code


def test_versions_of_an_agency_follow_each_other_without_a_gap(agencies, empty_frames):
    versions = empty_frames["dim_opd_version"].sort_values(["opd_code", "version_no"])
    for code, rows in versions.groupby("opd_code"):
        assert rows["opd_name"].iloc[-1] == agencies[code]["name"]
        assert rows["is_latest"].tolist() == [False] * (len(rows) - 1) + [True]
        for before, after in zip(rows["valid_to"].iloc[:-1], rows["valid_from"].iloc[1:], strict=True):
            assert after - before == datetime.timedelta(days=1), code
    assert versions.set_index("opd_code").loc["diskominfo", "opd_name"].tolist() == [
        "Dinas Komunikasi dan Informatika",
        "Dinas Komunikasi dan Informatika, Statistik dan Persandian",
    ]


@pytest.mark.parametrize("path", REGIONS, ids=lambda path: path.stem)
def test_a_change_of_an_agency_names_its_source(path):
    for agency in yaml.safe_load(path.read_text(encoding="utf-8"))["opd"]:
        changes = {"valid_from", "valid_to", "successors", "former_names"} & set(agency)
        assert not changes or agency.get("source"), f"{agency['code']}: say where the change is written"


@pytest.mark.parametrize(
    ("agency", "message"),
    [
        ({"code": "a", "successors": ["b"]}, "valid_to harus diisi"),
        ({"code": "a", "successors": ["z"], "valid_to": EVER}, "bukan OPD lain"),
        ({"code": "a", "successors": ["a"], "valid_to": EVER}, "bukan OPD lain"),
        ({"code": "a", "valid_from": "2022-01-03"}, "valid_from harus berupa tanggal"),
        ({"code": "a", "former_names": [{"name": "A", "valid_to": 2022}]}, "valid_to harus berupa tanggal"),
    ],
)
def test_a_history_that_cannot_be_is_refused(agency, message):
    with pytest.raises(ValueError, match=message):
        reference._check_history([agency, {"code": "b"}])


def test_a_name_that_ends_before_it_begins_is_refused():
    first, last = datetime.date(2022, 1, 1), datetime.date(2021, 1, 1)
    agency = {"code": "a", "name": "A", "short_name": "A"}
    with pytest.raises(ValueError, match="berakhir sebelum dimulai"):
        reference._versions(
            {**agency, "valid_from": first, "former_names": [{**agency, "valid_to": last}]},
        )
    with pytest.raises(ValueError, match="lebih awal"):
        reference._versions({**agency, "valid_from": first, "valid_to": last})


def test_every_desa_is_found_with_its_kecamatan_only(empty_marts):
    found = empty_marts.frame("select * from intermediate.int_shared__desa_spelling")
    found = found.set_index(["kecamatan_code", "name_key"])["desa_code"]
    desa = seed("region").query("level == 'desa'")
    for row in desa.itertuples():
        assert found[row.parent_code, name_key(row.region_name)] == row.region_code
        word = "Kelurahan" if row.region_code.split(".")[3].startswith("1") else "Desa"
        assert found[row.parent_code, name_key(f"{word} {row.region_name}")] == row.region_code
    tuban = desa[desa["region_code"].str.startswith("35.23")]
    repeated = tuban[tuban.duplicated("region_name", keep=False)]
    # The domain reference counts 18 names of 38 desa.
    assert (repeated["region_name"].nunique(), len(repeated)) == (18, 38)


def test_the_bridge_to_bps_holds_where_the_code_is_known(empty_frames):
    regions = empty_frames["dim_region"].set_index("region_code")
    bridge = seed("bps_region").set_index("region_code")["bps_code"]
    assert regions["bps_code"].dropna().to_dict() == bridge.to_dict()
    # A kecamatan's BPS code begins with that of its regency, a regency's with that of its province.
    for code, parent in regions.loc[bridge.index, "parent_code"].dropna().items():
        assert bridge[code].startswith(bridge[parent]), code
    assert bridge["35.23.01"] == "3523010"
    assert bridge["81.01"] == "8103"
    assert bridge["81.03"] == "8101", "the old name, Maluku Tenggara Barat, is an alias"
    known = regions["bps_code"].notna()
    assert known[regions["level"] != "desa"].all()
    # Of the desa only Tuban's, all of them; the two systems number them differently.
    assert set(regions.index[known & (regions["level"] == "desa")].str[:5]) == {"35.23"}
    assert known[regions["regency_code"] == "35.23"].all()


def test_a_spelling_of_bps_is_found_beside_the_official_one(empty_marts):
    found = empty_marts.frame("select * from intermediate.int_shared__desa_spelling")
    found = found.set_index(["kecamatan_code", "name_key"])["desa_code"]
    aliases = seed("region_alias")
    for row in aliases[aliases["region_code"].str.count("[.]") == 3].itertuples():
        assert found[row.region_code[:8], name_key(row.spelling)] == row.region_code
    governments = empty_marts.frame("select * from intermediate.int_shared__region_spelling")
    governments = governments.set_index("name_key")["region_code"]
    assert governments["malukutenggarabarat"] == "81.03"


def test_ramadan_ends_the_day_before_idul_fitri(empty_frames):
    holidays = seed("holiday")
    feasts = holidays[holidays["holiday_name"].str.contains("^Hari Raya Idul ?[Ff]itri")]["date_on"]
    feasts = {day[:4]: datetime.date.fromisoformat(day) for day in feasts}
    calendar = empty_frames["dim_date"]
    ramadan = calendar[calendar["is_ramadan"]].groupby("year_no")["date_on"].agg(["min", "max", "count"])
    assert list(ramadan.index) == list(range(2018, 2028))
    for year, row in ramadan.iterrows():
        assert row["max"] == feasts[str(year)] - datetime.timedelta(days=1), year
        assert row["count"] in (29, 30) and (row["max"] - row["min"]).days + 1 == row["count"], year
    assert ramadan.loc[2026, "min"] == datetime.date(2026, 2, 19)
    assert seed("ramadan").set_index("hijri_year")["is_verified"].to_dict()["1448"] == "false"


def test_working_days_between_and_after_agree_with_numpy(empty_marts):
    """The macros' own SQL, run for a few hundred days that fall on every kind of day."""
    random = np.random.default_rng(7)
    start = np.datetime64("2024-01-01") + random.integers(0, 900, 300)
    end = start + random.integers(0, 120, 300)
    values = ", ".join(f"('{a}'::date, '{b}'::date)" for a, b in zip(start, end, strict=True))
    sql = (
        "select start_on, end_on, {{ working_days_between('span.start_on', 'span.end_on') }} as days,"
        " {{ working_day_after('span.start_on', 14) }} as due_on"
        f" from (values {values}) as span (start_on, end_on)"
    )
    frame = empty_marts.frame(empty_marts.compiled_inline(sql))
    off = np.array(seed("holiday")["date_on"], dtype="datetime64[D]")
    begin, end, due = (
        frame[name].astype("datetime64[s]").to_numpy().astype("datetime64[D]")
        for name in ("start_on", "end_on", "due_on")
    )
    assert (frame["days"].to_numpy() == np.busday_count(begin + 1, end + 1, holidays=off)).all()
    rolled = np.busday_offset(begin, 0, roll="backward", holidays=off)
    assert (due == np.busday_offset(rolled, 14, holidays=off)).all()


def test_accounts_and_regulations_stand_as_the_seeds_say(empty_frames):
    accounts = empty_frames["dim_budget_account"].set_index("account_code")
    assert accounts.loc["5.1.02", ["parent_code", "class_name"]].tolist() == ["5.1", "BELANJA DAERAH"]
    assert set(accounts["class_code"]) == {"4", "5", "6"}
    regulations = empty_frames["dim_regulation"].set_index("regulation_code")
    assert set(regulations.index) == set(seed("regulation")["regulation_code"])
    assert not regulations.loc["uu_25_2009", "is_verified"]
    # What was only remembered says so in words, too.
    remembered = regulations["source"].str.contains("belum dibaca")
    assert remembered.any() and not (remembered & regulations["is_verified"]).any()
    # So does a beginning that nobody knows.
    unknown = regulations["source"].str.contains("tanggal berlaku tidak diketahui")
    assert (unknown == regulations["valid_from"].isna()).all()
