"""Every real public file loads with the facts stated about it, recomputed here from the file itself."""

from __future__ import annotations

import csv
import datetime
import io
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from ingestion import ledger, load, settings
from ingestion.contract import load_contracts
from ingestion.identify import identify
from ingestion.outcome import Reject

from .own_source import Sifted, sift

# What became of a file: its source, its rows.
Reader = Callable[[str], tuple[str, Sifted]]
TEST_CONTRACTS = Path(__file__).parent / "contracts"
EAST_JAVA = "{} Menurut Kabupaten_Kota di Jawa Timur, {}.csv"

# File → contract, rows loaded, refused and skipped by kind.
STATED: dict[str, tuple[str, int, int, dict[str, int]]] = {
    "attendance/1_attlog.dat": ("bkpsdm__absensi_mesin", 24_162, 0, {}),
    "beds/covid_bed_data_all_0803.csv": ("kemenkes__bed_igd", 1_748, 0, {}),
    "boundaries/35.03_kecamatan.geojson": ("bappeda__batas_kecamatan", 14, 0, {}),
    "boundaries/35.23_kecamatan.geojson": ("bappeda__batas_kecamatan", 20, 0, {}),
    "budget/1-kegiatan-20250619-190723.xlsx": ("disdik__kegiatan", 16, 0, {}),
    "budget/1_lra_20251022-103930.xlsx": ("bpkad__lra", 9, 0, {"blank": 3}),
    "budget/derived_data_serapan_skpd.csv": ("bpkad__serapan", 1_368, 45, {}),
    "budget/derived_data_skpd.csv": ("bpkad__perangkat_daerah", 43, 1, {}),
    "budget/derived_data_uraian_kegiatan_pemko.csv": ("bpkad__pohon_anggaran", 1_877, 0, {}),
    "budget/djpb_apbd.csv": ("djpb__apbd", 84, 0, {}),
    "catalogue/trenggalek_satudata.json": ("diskominfo__katalog", 645, 0, {"duplicate": 377}),
    "complaints/nyc311_2018.csv": ("diskominfo__layanan_311", 1_000, 0, {}),
    "investment/Data realisasi investasi 2024-Triwulan 2.csv": ("bkpm__realisasi_investasi", 2_478, 0, {}),
    "permits/oss_jan2024_header.xlsx": ("dpmptsp__izin_oss", 408, 0, {}),
    "permits/oss_jan2024_noheader.xlsx": ("dpmptsp__izin_oss", 408, 0, {}),
    "population/Penduduk, Laju Pertumbuhan Penduduk, Distribusi Persentase Penduduk Kepadatan Penduduk, "
    "Rasio Jenis Kelamin Penduduk Menurut Kabupaten_Kota di Provinsi Jawa Timur, 2023.csv": (
        "bps__kependudukan",
        39,
        0,
        {"blank": 1, "footer": 2},
    ),
    **{
        f"poverty/{EAST_JAVA.format(indicator, year)}": ("bps__kemiskinan", 39, 0, {})
        for indicator in ("Persentase Penduduk Miskin", "Garis Kemiskinan")
        for year in (2022, 2023)
    },
    "poverty/Persentase Penduduk Miskin (P0) Menurut Provinsi dan Daerah.xlsx": (
        "bps__kemiskinan_provinsi",
        # 35 areas × 3 kinds of area × 2 years × 2 semesters, without rural DKI Jakarta.
        35 * 12 - 4,
        0,
        {"no_value": 4},
    ),
    "poverty/gariskemiskinanjabar.xls": ("bps__garis_kemiskinan_jabar", 3, 0, {}),
    "sectoral/1771833698_0051.03.000018Bangunan Gedung Negara Daerah KabupatenKota.xls": (
        "walidata__indikator",
        2,
        0,
        {},
    ),
    "sectoral/1772436309_012_7.01.000016_Layanan Perizinan KDOKDO Khusus.xlsx": (
        "walidata__indikator",
        0,
        0,
        {"no_value": 1},
    ),
    "sectoral/1772440922_012_7.01.000016_Layanan Perizinan KDOKDO Khusus.xlsx": (
        "walidata__indikator",
        0,
        0,
        {"no_value": 1},
    ),
    "traffic/Metro_Interstate_Traffic_Volume.csv": ("dishub__volume_lalin", 48_203, 1, {}),
}


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder with the contracts of the product and those of the tests."""
    folder = tmp_path_factory.mktemp("contracts")
    for file in [*(settings.ROOT / "ingestion" / "contracts").glob("*.yaml"), *TEST_CONTRACTS.iterdir()]:
        if file.is_file():
            shutil.copy(file, folder)
    return folder


@pytest.fixture(scope="module")
def read(shared_real: Path, contracts: Path) -> Reader:
    """Reads and checks a real file once for the whole module."""
    known = load_contracts(contracts)
    done: dict[str, tuple[str, Sifted]] = {}

    def once(name: str) -> tuple[str, Sifted]:
        if name not in done:
            file = shared_real / name
            contract = identify(file, file.name, known)
            done[name] = contract.source_id, sift(file, contract)
        return done[name]

    return once


def records(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV file as Python's own reader sees them."""
    return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline="")))


def reasons(rejects: list[Reject]) -> Counter[tuple[str, str | None]]:
    return Counter((reason.code, reason.column) for reject in rejects for reason in reject.reasons)


def test_every_real_file_has_a_contract_and_stated_counts(shared_real: Path) -> None:
    found = {str(file.relative_to(shared_real)) for file in shared_real.rglob("*") if file.is_file()}
    assert found - {"INDEX.md"} == set(STATED)


@pytest.mark.parametrize("name", STATED)
def test_a_real_file_loads_with_the_stated_counts(read: Reader, name: str) -> None:
    source, loaded, rejected, skipped = STATED[name]
    found, result = read(name)
    assert (found, len(result.rows), len(result.rejects)) == (source, loaded, rejected)
    assert {kind: count for kind, count in result.skipped.items() if count} == skipped


@pytest.mark.parametrize("upload", ["header", "noheader"])
def test_a_month_of_permits_is_complete_with_and_without_its_header(
    read: Reader, shared_real: Path, upload: str
) -> None:
    name = f"permits/oss_jan2024_{upload}.xlsx"
    rows = read(name)[1].rows
    assert len({row["permit_id"] for row in rows}) == 408
    assert Counter(row["risk_code"] for row in rows) == {"R": 345, "MR": 50, "T": 10, "MT": 3}
    assert Counter(row["status"] for row in rows) == {
        "Terbit Otomatis": 377,
        "Izin terbit/SS terverifikasi": 25,
        "Menunggu verifikasi persyaratan": 6,
    }
    sheet = openpyxl.load_workbook(shared_real / name, read_only=True).worksheets[0]
    cells = [row for row in sheet.iter_rows(values_only=True) if str(row[1]).startswith("I-")]
    assert [row["nib"] for row in rows] == [cell[3] for cell in cells]
    assert any(row["nib"].startswith("0") for row in rows)
    assert [row["permit_on"].strftime("%d/%m/%y") for row in rows] == [cell[11] for cell in cells]


def test_both_uploads_of_a_month_of_permits_leave_408_current(
    new_warehouse: Callable[[str], AbstractContextManager[Any]],
    contracts: Path,
    shared_real: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(contracts))
    with new_warehouse("pendopo-permits-") as warehouse:
        ledger.register_contracts()
        for upload in ("header", "noheader"):
            outcome = load.load_file(shared_real / f"permits/oss_jan2024_{upload}.xlsx")
            assert (outcome.status, outcome.loaded, outcome.rejected) == ("loaded", 408, 0)
        with warehouse.connect("admin") as connection, connection.cursor() as cursor:
            cursor.execute("select count(*) from raw.dpmptsp__izin_oss")
            assert cursor.fetchone() == (816,)
            cursor.execute(
                """
                select count(*), count(distinct permit_id), count(distinct _load_id)
                from raw.dpmptsp__izin_oss as permit
                join ops.slice on slice.source_id = 'dpmptsp__izin_oss' and slice.slice_key = permit._slice
                    and slice.load_id = permit._load_id
                """
            )
            assert cursor.fetchone() == (408, 408, 1)
        connection.close()


@pytest.mark.parametrize(
    ("indicator", "year", "code", "facts"),
    [
        (
            "Persentase Penduduk Miskin",
            2022,
            "p0",
            {"Tuban": "15.02", "Trenggalek": "10.96", "Pasuruan": "8.96"},
        ),
        ("Persentase Penduduk Miskin", 2023, "p0", {"Tuban": "14.91"}),
        ("Garis Kemiskinan", 2022, "poverty_line", {"Kabupaten Trenggalek": "381448"}),
        ("Garis Kemiskinan", 2023, "poverty_line", {"Kabupaten Trenggalek": "411527"}),
    ],
)
def test_bps_tables_hold_38_regencies_and_the_province(
    read: Reader, indicator: str, year: int, code: str, facts: dict[str, str]
) -> None:
    rows = read(f"poverty/{EAST_JAVA.format(indicator, year)}")[1].rows
    assert len({row["area_name"] for row in rows}) == 39
    assert {(row["indicator_code"], row["year"]) for row in rows} == {(code, year)}
    values = {row["area_name"]: row["value"] for row in rows}
    assert {name: values[name] for name in facts} == {name: Decimal(value) for name, value in facts.items()}


def test_a_bps_table_with_four_header_rows_becomes_one_row_a_figure(read: Reader, shared_real: Path) -> None:
    name = "poverty/Persentase Penduduk Miskin (P0) Menurut Provinsi dan Daerah.xlsx"
    rows = read(name)[1].rows
    values = {(row["area_name"], row["area_type"], row["year"], row["period"]): row["value"] for row in rows}
    # The header by position, as openpyxl gives it: only the first cell of a merged range has a text.
    sheet = openpyxl.load_workbook(shared_real / name).worksheets[0]
    expected = {}
    for line in sheet.iter_rows(min_row=5, max_row=39, values_only=True):
        for column in range(1, 19):
            if line[column] != "-":
                kind = ("Perkotaan", "Perdesaan", "Jumlah")[(column - 1) // 6]
                year = 2020 + (column - 1) // 3 % 2
                period = ("Semester 1 (Maret)", "Semester 2 (September)", "Tahunan")[(column - 1) % 3]
                expected[line[0], kind, year, period] = Decimal(line[column])
    assert values == expected
    assert values["JAWA TIMUR", "Jumlah", 2021, "Semester 1 (Maret)"] == Decimal("11.40")


def test_an_html_page_named_xls_gives_the_poverty_line_of_three_years(
    read: Reader,
) -> None:
    rows = read("poverty/gariskemiskinanjabar.xls")[1].rows
    assert {(row["area_name"], row["year"], row["value"]) for row in rows} == {
        ("JAWA BARAT", 2020, Decimal(410988)),
        ("JAWA BARAT", 2019, Decimal(386198)),
        ("JAWA BARAT", 2018, Decimal(367755)),
    }


def test_absorption_refuses_month_0_and_tells_of_totals_that_fall(read: Reader, shared_real: Path) -> None:
    name = "budget/derived_data_serapan_skpd.csv"
    result = read(name)[1]
    assert len(result.rows) + len(result.rejects) == 1_413
    assert reasons(result.rejects) == {("out_of_range", "month"): 45}
    series = defaultdict(list)
    for row in records(shared_real / name):
        if row["bulan"] != "0":
            key = (row["id_skpd"], row["kode_rekening"], row["tahun"])
            series[key].append((int(row["bulan"]), Decimal(row["realisasi"])))
    falls = sum(
        later[1] < earlier[1]
        for points in series.values()
        for earlier, later in zip(sorted(points), sorted(points)[1:], strict=False)
    )
    assert falls == 11
    assert [f"pada {falls} baris" in warning for warning in result.warnings] == [True]


def test_the_account_tree_tells_178_and_80_parents_that_differ_from_their_children(
    read: Reader,
) -> None:
    result = read("budget/derived_data_uraian_kegiatan_pemko.csv")[1]
    assert Counter(row["budget_version"] for row in result.rows) == {"1": 939, "2": 938}
    assert len(result.warnings) == 1
    assert "1: 178 dari 310; 2: 80 dari 311" in result.warnings[0]


def test_an_amount_in_the_percent_column_is_refused_and_100_48_percent_is_not(
    read: Reader,
) -> None:
    result = read("budget/derived_data_skpd.csv")[1]
    assert len(result.rows) + len(result.rejects) == 44
    [reject] = result.rejects
    assert (reject.row_no, [reason.value for reason in reject.reasons]) == (7, ["100000000"])
    assert Decimal("100.48") in {row["realised_percent"] for row in result.rows}


def test_the_budget_realisation_form_gives_codes_names_and_amounts(read: Reader) -> None:
    rows = read("budget/1_lra_20251022-103930.xlsx")[1].rows
    assert [
        (row["_row_no"], row["account_code"], int(row["budget_idr"]), int(row["realised_idr"]))
        for row in rows
    ] == [
        (18, "4", 610_000_000, 10_000_000),
        (19, "4.1", 100_000_000, 10_000_000),
        (20, "4.2", 500_000_000, 0),
        (21, "4.3", 10_000_000, 0),
        (22, "5", 80_000_000, 10_000_000),
        (23, "5.1", 10_000_000, 0),
        (24, "5.2", 50_000_000, 10_000_000),
        (25, "5.3", 10_000_000, 0),
        (26, "5.4", 10_000_000, 0),
    ]
    assert [row["account_name"] for row in rows][:2] == ["PENDAPATAN DAERAH", "PENDAPATAN ASLI DAERAH (PAD)"]
    assert {row["uploaded_on"] for row in rows} == {datetime.date(2025, 10, 22)}


def test_four_sheets_of_an_office_are_read_with_the_office_of_their_title(
    read: Reader,
) -> None:
    rows = read("budget/1-kegiatan-20250619-190723.xlsx")[1].rows
    assert Counter(row["sheet_name"] for row in rows) == {
        "Kegiatan": 4,
        "Realisasi Fisik": 4,
        "Realisasi Keuangan": 4,
        "Nama KPA": 4,
    }
    assert {row["agency_name"] for row in rows} == {"Dinas Pendidikan"}
    assert {row["activity_code"] for row in rows} == {"1", "2", "3", "4"}
    assert sum(row["paid_idr"] or 0 for row in rows) == 200_000_000
    assert {row["contract_on"] for row in rows} == {
        None,
        datetime.date(2025, 6, 10),
        datetime.date(2025, 6, 12),
    }


def test_the_treasurys_budget_file_holds_12_governments_in_7_months(read: Reader) -> None:
    rows = read("budget/djpb_apbd.csv")[1].rows
    assert Counter(row["month"] for row in rows) == dict.fromkeys(range(1, 8), 12)
    assert len({row["_slice"] for row in rows}) == 84


def test_the_terminal_log_holds_24162_punches(read: Reader) -> None:
    rows = read("attendance/1_attlog.dat")[1].rows
    # Trimmed; counting the empty text behind the last line break would make 24.
    assert len({row["pin"] for row in rows}) == len({row["pin_key"] for row in rows}) == 23
    assert {row["device_no"] for row in rows} == {1}
    assert min(row["punched_at"] for row in rows).year == 2020


def test_the_bed_page_holds_971_hospitals_with_beds_and_777_without(read: Reader) -> None:
    rows = read("beds/covid_bed_data_all_0803.csv")[1].rows
    assert Counter(row["availability"].split()[0] for row in rows) == {"Tersedia": 971, "Bed": 777}
    # "hotline tidak tersedia" is no telephone number.
    assert sum(row["phone"] is None for row in rows) == 171


def test_ten_service_requests_closed_before_they_were_created_are_told(
    read: Reader, shared_real: Path
) -> None:
    name = "complaints/nyc311_2018.csv"
    result = read(name)[1]
    form = "%m/%d/%Y %I:%M:%S %p"
    stated = [datetime.datetime.strptime(row["Created Date"], form) for row in records(shared_real / name)]
    assert [row["created_at"] for row in result.rows] == stated
    assert sum(bool(row["closed_at"]) and row["closed_at"] < row["created_at"] for row in result.rows) == 10
    assert "pada 10 baris, Closed Date lebih awal daripada Created Date" in result.warnings[-1]


def test_traffic_temperatures_of_zero_kelvin_are_unknown_and_absurd_rain_is_refused(
    read: Reader,
) -> None:
    result = read("traffic/Metro_Interstate_Traffic_Volume.csv")[1]
    assert len(result.rows) + len(result.rejects) == 48_204
    assert sum(row["temperature_k"] is None for row in result.rows) == 10
    assert [reason.value for reason in result.rejects[0].reasons] == ["9831.3"]
    times = {row["measured_at"] for row in result.rows} | {datetime.datetime(2016, 7, 11, 17)}
    assert 48_204 - len(times) == 7_629


def test_investment_adds_up_to_what_the_file_says(read: Reader, shared_real: Path) -> None:
    name = "investment/Data realisasi investasi 2024-Triwulan 2.csv"
    rows = read(name)[1].rows
    assert {(row["year"], row["quarter"]) for row in rows} == {(2024, 2)}
    stated = records(shared_real / name)
    for column, header in (("investment_idr_million", "investasi_rp_juta"), ("workers", "tki")):
        assert sum(row[column] for row in rows) == sum(Decimal(row[header]) for row in stated)


def test_sectoral_indicators_take_their_upload_from_the_file_name(read: Reader) -> None:
    rows = read("sectoral/1771833698_0051.03.000018Bangunan Gedung Negara Daerah KabupatenKota.xls")[1].rows
    assert [(row["year"], int(row["value"])) for row in rows] == [(2023, 2015), (2024, 1192)]
    assert {(row["upload_no"], row["unit_code"], row["indicator_code"]) for row in rows} == {
        ("1771833698", "005", "1.03.000018")
    }


def test_population_holds_38_regencies_and_the_province(read: Reader) -> None:
    name = next(name for name in STATED if name.startswith("population/"))
    values = {row["area_name"]: row["population_thousand"] for row in read(name)[1].rows}
    province = values.pop("Jawa Timur")
    assert len(values) == 38
    assert abs(sum(values.values()) - province) < 1
    assert values["Tuban"] == Decimal("1218.6")


def test_the_catalogue_holds_645_data_sets(read: Reader, shared_real: Path) -> None:
    stated = json.loads((shared_real / "catalogue/trenggalek_satudata.json").read_text(encoding="utf-8"))
    rows = read("catalogue/trenggalek_satudata.json")[1].rows
    assert {row["dataset_no"] for row in rows} == {item["id"] for item in stated}


@pytest.mark.parametrize(("regency", "districts"), [("35.23", 20), ("35.03", 14)])
def test_boundaries_carry_the_codes_of_their_districts(
    read: Reader, shared_real: Path, regency: str, districts: int
) -> None:
    name = f"boundaries/{regency}_kecamatan.geojson"
    stated = json.loads((shared_real / name).read_text(encoding="utf-8"))["features"]
    rows = read(name)[1].rows
    assert len(rows) == districts
    assert {(row["district_code"], row["district_name"]) for row in rows} == {
        (item["properties"]["kode"], item["properties"]["nama"]) for item in stated
    }
    assert {row["regency_code"] for row in rows} == {regency}
