"""The defect catalogue: every defect seen in a real file, and what Pendopo promises for it.

A defect ends in one of three ways: the rows are loaded right, the row or file is refused with a sentence that
says what to do, or the rows are loaded and a warning tells. The observations at the end are those made while
the tools were measured; each one is a way in which a loader can lose or change rows without a word.
"""

from __future__ import annotations

import datetime
import itertools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xxhash

from ingestion import ledger, load, settings
from ingestion.contract import load_contracts
from ingestion.load import check_file
from ingestion.outcome import FileRefused, Outcome

from .own_source import DATE, INTEGER, KEY, NUMBER, TEXT, TIMESTAMP, declare, limits, sift

AREAS = {"wilayah": KEY, "nilai": NUMBER}
AREAS_BY_CODE = {"kode": KEY, "nilai": NUMBER}
EXAMPLES = settings.ROOT / "ingestion" / "contracts"
BUDGET_HEADER = "thang;bulan;tgl_cutoff;nama_pemda;pendapatan;belanja;pembiayaan;SILPA"


def write(
    folder: Path, *lines: str, name: str = "data.csv", encoding: str = "utf-8", end: str = "\n"
) -> Path:
    file = folder / name
    file.write_bytes((end.join(lines) + end).encode(encoding))
    return file


def workbook(folder: Path, *rows: Sequence[Any], name: str = "data.xlsx", merged: Sequence[str] = ()) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(list(row))
    for cells in merged:
        sheet.merge_cells(cells)
    book.save(folder / name)
    return folder / name


@dataclass
class Center:
    """A running database; the contracts are those of the folder of the test."""

    contracts: Path
    warehouse: Any

    def query(self, text: str) -> list[Any]:
        connection = self.warehouse.connect("admin")
        try:
            with connection.cursor() as cursor:
                cursor.execute(text)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def current(self, source: str, columns: str) -> list[Any]:
        """Rows of the current slices of a source."""
        return self.query(
            f"""
            select {columns} from raw.{source} as raw
            inner join ops.slice on source_id = '{source}' and slice_key = _slice and load_id = _load_id
            """
        )


@pytest.fixture(scope="module")
def server(new_warehouse: Callable[[str], AbstractContextManager[Any]]) -> Iterator[Any]:
    with new_warehouse("pendopo-defects-") as warehouse:
        yield warehouse


@pytest.fixture
def center(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Center:
    folder = tmp_path / "contracts"
    folder.mkdir()
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(folder))
    return Center(folder, server)


def test_defect_01_header_row_missing_in_one_upload(tmp_path: Path) -> None:
    rows = ["1;Tuban;10", "2;Trenggalek;20"]
    columns = {"wilayah": KEY, "nilai": INTEGER}
    with_header = write(tmp_path, "No.;wilayah;nilai", *rows)
    without = write(tmp_path, *rows, name="lagi.csv")
    contract = declare(tmp_path, columns, fields=["", "wilayah", "nilai"])
    first, second = sift(with_header, contract), sift(without, contract)
    assert first.column("wilayah") == second.column("wilayah") == ["Tuban", "Trenggalek"]
    assert first.column("nilai") == second.column("nilai") == [10, 20]
    assert [row["_row_no"] for row in first.rows] == [2, 3]
    assert [row["_row_no"] for row in second.rows] == [1, 2]
    sheet = workbook(tmp_path, [1, "Tuban", 10], [2, "Trenggalek", 20])
    assert sift(sheet, contract).column("nilai") == [10, 20]
    # Where the contract does not know the order of the columns, nothing is guessed.
    with pytest.raises(FileRefused, match="Judul kolom tidak ditemukan"):
        sift(without, declare(tmp_path, columns))


def test_defect_02_the_same_month_uploaded_22_times_in_5_versions(center: Center, tmp_path: Path) -> None:
    declare(
        center.contracts,
        {"bulan": KEY, "nomor": KEY | {"primaryKeyPosition": 2}, "nilai": INTEGER},
        source="dinas__izin",
        delivery="snapshot",
        slice=["bulan"],
    )
    statuses = []
    for upload in range(22):
        version = min(upload, 4) if upload < 6 else upload % 5
        file = write(
            tmp_path,
            "bulan;nomor;nilai",
            *[f"jan;{number};{version}" for number in range(100 + version)],
            name=f"unggahan{upload}.csv",
        )
        os.utime(file, (1_700_000_000 + upload, 1_700_000_000 + upload))
        statuses.append(load.load_file(file, "dinas__izin").status)
    assert statuses.count("loaded") == 5
    assert statuses.count("already_loaded") == 17
    # The upload written last was version 21 % 5 = 1; every upload is on record.
    assert center.current("dinas__izin", "count(*), min(nilai), max(nilai)") == [(101, 1, 1)]
    assert center.query("select count(*) from ops.delivery where source_id = 'dinas__izin'") == [(22,)]


def test_defect_03_date_cells_and_text_dates_in_one_column(tmp_path: Path) -> None:
    day = datetime.date(2024, 1, 15)
    cells = [datetime.datetime(2024, 1, 15)] * 31 + ["15/01/2024"] * 377 + [45306]
    file = workbook(tmp_path, ["nomor", "tanggal"], *[[index, cell] for index, cell in enumerate(cells)])
    contract = declare(tmp_path, {"nomor": KEY, "tanggal": DATE}, serialDates=["tanggal"])
    result = sift(file, contract)
    assert result.column("tanggal") == [day] * 409
    # In a text file a bare number is a day only where the contract says so.
    text = write(tmp_path, "nomor;tanggal", "1;45306", "2;15/01/2024")
    assert sift(text, contract).column("tanggal") == [day, day]
    unsaid = sift(text, declare(tmp_path, {"nomor": KEY, "tanggal": DATE}))
    assert unsaid.reasons == [(2, "not_a_date", "tanggal")]


def test_defect_04_two_digit_years(tmp_path: Path) -> None:
    file = write(tmp_path, "nomor;tanggal", "1;17/11/23", "2;01/01/24", "3;31/12/99", "4;31/02/24")
    result = sift(file, declare(tmp_path, {"nomor": KEY, "tanggal": DATE}, dateFormats=["dd/MM/yy"]))
    assert result.column("tanggal") == [
        datetime.date(2023, 11, 17),
        datetime.date(2024, 1, 1),
        datetime.date(1999, 12, 31),
    ]
    assert result.messages == [
        "Baris 5, kolom tanggal: '31/02/24' bukan tanggal. Tulis hari/bulan/tahun, misalnya 28/02/25."
    ]


def test_defect_05_all_numbers_stored_as_text_and_leading_zeros_kept(tmp_path: Path) -> None:
    file = workbook(tmp_path, ["nib", "modal"], ["0101249085740", "1.500.000,50"], ["1711230552263", "200"])
    nib = KEY | {"logicalTypeOptions": {"pattern": r"\d{13}"}}
    result = sift(file, declare(tmp_path, {"nib": nib, "modal": NUMBER}))
    assert result.column("nib") == ["0101249085740", "1711230552263"]
    assert result.column("modal") == [Decimal("1500000.50"), Decimal(200)]


def test_defect_06_title_rows_merged_cells_and_header_over_another_column(tmp_path: Path) -> None:
    file = workbook(
        tmp_path,
        ["PEMERINTAH KABUPATEN CONTOH"],
        ["LAPORAN REALISASI ANGGARAN"],
        [],
        [None, "KODE REKENING", None, None, "URAIAN", None, "ANGGARAN", "REALISASI"],
        [None, None, "4", None, "PENDAPATAN DAERAH", None, 610, 10],
        [None, None, "4.1", None, None, "PENDAPATAN ASLI DAERAH", 100, 10],
        [None, None, None, None, "JUMLAH", None, 710, 20],
        merged=["A1:H1", "B4:D4", "E4:F4", "C5:D5", "C6:D6"],
    )
    contract = declare(
        tmp_path,
        {"kode_rekening": KEY, "uraian": TEXT, "anggaran": NUMBER, "realisasi": NUMBER},
        positions={"kode_rekening": ["C"], "uraian": ["E", "F"]},
        skip=[{"kind": "total", "pattern": "^jumlah"}],
    )
    result = sift(file, contract)
    assert [
        (row["kode_rekening"], row["uraian"], int(row["anggaran"]), int(row["realisasi"]), row["_row_no"])
        for row in result.rows
    ] == [
        ("4", "PENDAPATAN DAERAH", 610, 10, 5),
        ("4.1", "PENDAPATAN ASLI DAERAH", 100, 10, 6),
    ]
    assert result.skipped["total"] == 1


def test_defect_07_four_and_five_level_headers(tmp_path: Path) -> None:
    for levels in (4, 5):
        top = [["Provinsi", "Kemiskinan", None, None, None]] * (levels - 3)
        file = workbook(
            tmp_path,
            *top,
            [None, "Perkotaan", None, "Perdesaan", None],
            [None, "2020", None, "2020", None],
            [None, "Maret", "September", "Maret", "September"],
            ["ACEH", "9,84", "10,31", "17,46", "-"],
            merged=[
                f"A1:A{levels}",
                *[f"B{row}:E{row}" for row in range(1, levels - 2)],
                *[
                    f"{cells[0]}{row}:{cells[1]}{row}"
                    for row in (levels - 2, levels - 1)
                    for cells in ("BC", "DE")
                ],
            ],
        )
        contract = declare(
            tmp_path,
            {"provinsi": TEXT, "daerah": TEXT, "tahun": INTEGER, "bulan": INTEGER, "nilai": NUMBER},
            headerRows=levels,
            unpivot={
                "pattern": r".*/ (?P<daerah>Perkotaan|Perdesaan) / (?P<tahun>\d{4}) / (?P<bulan>\w+)",
                "value": "nilai",
            },
        )
        assert [
            (row["provinsi"], row["daerah"], row["tahun"], row["bulan"], row["nilai"])
            for row in sift(file, contract).rows
        ] == [
            ("ACEH", "Perkotaan", 2020, 3, Decimal("9.84")),
            ("ACEH", "Perkotaan", 2020, 9, Decimal("10.31")),
            ("ACEH", "Perdesaan", 2020, 3, Decimal("17.46")),
        ]


def test_defect_08_footers_notes_and_signature_block_as_last_rows(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "wilayah;nilai",
        "Tuban;10",
        "Trenggalek;20",
        "Source Url: https://contoh.invalid;",
        "Catatan: angka sementara;",
        "Mengetahui,;",
        ";",
        "Budi Santoso;",
        "NIP 19700101 199001 1 001;",
    )
    contract = declare(
        tmp_path,
        {"wilayah": KEY, "nilai": NUMBER | {"required": True}},
        skip=[
            {"kind": "footer", "pattern": "^(source|catatan)"},
            {"kind": "footer", "pattern": "^mengetahui", "untilEnd": True},
        ],
    )
    result = sift(file, contract)
    assert result.column("wilayah") == ["Tuban", "Trenggalek"]
    assert dict(result.skipped) == {"footer": 5, "blank": 1}


def test_defect_09_html_saved_as_xls(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "<html><body><table><tr><th>wilayah</th><th>nilai</th></tr>",
        "<tr><td>Tuban</td><td>15,02</td></tr><tr><td>Trenggalek &amp; kota</td><td>10,96</td></tr>",
        "</table></body></html>",
        name="kemiskinan.xls",
    )
    result = sift(file, declare(tmp_path, AREAS))
    assert [(row["wilayah"], row["nilai"]) for row in result.rows] == [
        ("Tuban", Decimal("15.02")),
        ("Trenggalek & kota", Decimal("10.96")),
    ]


def test_defect_10_tab_file_named_csv(tmp_path: Path) -> None:
    file = write(tmp_path, "wilayah\tnilai", "Tuban\t1,5", "Trenggalek, kota\t2")
    assert sift(file, declare(tmp_path, AREAS)).column("wilayah") == ["Tuban", "Trenggalek, kota"]


def test_defect_11_byte_identical_file_under_another_name(center: Center, tmp_path: Path) -> None:
    declare(center.contracts, AREAS, source="dinas__kembar")
    first = load.load_file(write(tmp_path, "wilayah;nilai", "Tuban;1", name="a.csv"), "dinas__kembar")
    second = load.load_file(write(tmp_path, "wilayah;nilai", "Tuban;1", name="b.csv"), "dinas__kembar")
    assert (first.status, second.status, second.load_id) == ("loaded", "already_loaded", first.load_id)
    assert center.query("select count(*) from raw.dinas__kembar") == [(1,)]
    assert center.query(
        "select file_name, status from ops.delivery where source_id = 'dinas__kembar' order by delivery_id"
    ) == [("a.csv", "loaded"), ("b.csv", "already_loaded")]


def test_defect_12_schema_change_between_two_days(center: Center, tmp_path: Path) -> None:
    def source(version: str, columns: dict[str, dict[str, Any]]) -> None:
        declare(
            center.contracts,
            {"rumah_sakit": TEXT | {"required": True}, "kota": TEXT} | columns,
            source="dinas__bed",
            version=version,
        )

    source("1.0.0", {"bed_availability": INTEGER | {"required": True}})
    monday = write(tmp_path, "rumah_sakit;kota;bed_availability", "RS A;Tuban;5", name="senin.csv")
    beds = ["RS A;Tuban;2;3", "RS B;Tuban;1;1"]
    tuesday = write(tmp_path, "rumah_sakit;kota;bed_class1;bed_class2", *beds, name="selasa.csv")
    assert load.load_file(monday, "dinas__bed").status == "loaded"
    refused = load.load_file(tuesday, "dinas__bed")
    assert refused.status == "refused"
    assert "tidak memuat kolom wajib: bed_availability" in refused.messages[0]
    # The new version of the contract knows both shapes; the table is altered and keeps Monday.
    source("1.1.0", {"bed_availability": INTEGER, "bed_class1": INTEGER, "bed_class2": INTEGER})
    assert load.load_file(tuesday, "dinas__bed").status == "loaded"
    assert center.query(
        """
        select rumah_sakit, bed_availability, bed_class1, bed_class2
        from raw.dinas__bed order by _load_id, _row_no
        """
    ) == [("RS A", 5, None, None), ("RS A", None, 2, 3), ("RS B", None, 1, 1)]


def test_defect_13_semicolons_with_an_empty_first_line_of_separators(tmp_path: Path) -> None:
    file = write(tmp_path, ";;", "wilayah;nilai;", "Tuban;1;", "Trenggalek;2;")
    result = sift(file, declare(tmp_path, AREAS))
    assert [(row["wilayah"], row["_row_no"]) for row in result.rows] == [("Tuban", 3), ("Trenggalek", 4)]


def test_defect_14_latin_1_accents(tmp_path: Path) -> None:
    contract = declare(tmp_path, AREAS, encodings=["utf-8", "latin-1"])
    for encoding in ("latin-1", "utf-8"):
        file = write(tmp_path, "wilayah;nilai", "Café Señor;1", encoding=encoding)
        assert sift(file, contract).column("wilayah") == ["Café Señor"]


def test_defect_15_bom_mixed_line_ends_and_no_final_newline(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_bytes(b"\xef\xbb\xbfwilayah;nilai\r\nTuban;1\nTrenggalek;2\r\nPasuruan;3")
    result = sift(file, declare(tmp_path, AREAS))
    assert [(row["wilayah"], row["_row_no"]) for row in result.rows] == [
        ("Tuban", 2),
        ("Trenggalek", 3),
        ("Pasuruan", 4),
    ]


def test_defect_16_decimal_commas_percent_signs_apostrophes_and_both_notations(tmp_path: Path) -> None:
    texts = {
        '"""0,03"""': "0.03",
        "80%": "80",
        "9.367.341.840": "9367341840",
        "'199.850.000": "199850000",
        "Rp. 12.500,-": "12500",
        "(1.000)": "-1000",
        '"1.234.567,89"': "1234567.89",
        '"1,234,567.89"': "1234567.89",
        "12.5": "12.5",
    }
    file = write(tmp_path, "nomor;nilai", *[f"{row};{text}" for row, text in enumerate(texts)])
    columns = {"nomor": KEY, "nilai": NUMBER}
    both = sift(file, declare(tmp_path, columns, mixedNumbers=["nilai"]))
    assert both.column("nilai") == [Decimal(value) for value in texts.values()]
    # Where the contract does not allow the other notation, it is refused and not guessed.
    strict = sift(file, declare(tmp_path, columns))
    assert strict.reasons == [(9, "not_a_number", "nilai"), (10, "not_a_number", "nilai")]
    assert strict.messages[1] == "Baris 10, kolom nilai: '12.5' bukan angka. Tulis seperti 1.234.567,89."


def test_defect_17_zero_or_a_dash_for_missing(tmp_path: Path) -> None:
    file = write(
        tmp_path, "wilayah;nilai", "Tuban;0.0", "Trenggalek;-", "Pasuruan;1,5", "Kediri;0", "Blitar;Rp -"
    )
    contract = declare(tmp_path, AREAS, sentinels={"nilai": ["0"]}, mixedNumbers=["nilai"])
    assert sift(file, contract).column("nilai") == [None, None, Decimal("1.5"), None, None]
    # A required column takes neither.
    required = declare(
        tmp_path,
        {"wilayah": KEY, "nilai": NUMBER | {"required": True}},
        sentinels={"nilai": ["0"]},
        mixedNumbers=["nilai"],
    )
    assert sift(file, required).reasons == [(row, "required", "nilai") for row in (2, 3, 5, 6)]


def test_defect_18_exact_duplicate_rows(center: Center, tmp_path: Path) -> None:
    declare(
        center.contracts,
        {"nomor": KEY, "nilai": NUMBER},
        source="dinas__ganda",
        delivery="snapshot",
        slice=["*"],
    )
    rows = [f"{number};{number * 2}" for number in range(5_583)]
    file = write(tmp_path, "nomor;nilai", *rows, *rows[:3_939])
    outcome = load.load_file(file, "dinas__ganda")
    assert (outcome.read, outcome.loaded, outcome.rejected) == (9_522, 5_583, 0)
    assert outcome.skipped_by_kind == {"duplicate": 3_939}
    assert center.query("select count(*), count(distinct nomor) from raw.dinas__ganda") == [(5_583, 5_583)]
    # The same key with other contents is no duplicate: one of the two is wrong, and only the office knows.
    conflict = write(tmp_path, "nomor;nilai", "1;2", "1;3", name="bentrok.csv")
    [reject] = check_file(conflict, "dinas__ganda").rejects
    assert reject.reasons[0].message == (
        "nomor sama dengan baris 2, tetapi isi lainnya berbeda. Hapus baris yang salah."
    )


def test_defect_19_parent_differs_from_the_sum_of_its_children(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "versi;kode;nilai",
        "1;5;100",
        "1;5.1;60",
        "1;5.2;30",
        "1;5.2.01;30",
        "2;5;100",
        "2;5.1;60",
        "2;5.2;40",
    )
    contract = declare(
        tmp_path,
        {"versi": KEY, "kode": KEY | {"primaryKeyPosition": 2}, "nilai": NUMBER},
        plausibility=[{"kind": "sumOfChildren", "code": "kode", "value": "nilai", "by": ["versi"]}],
    )
    result = sift(file, contract)
    assert len(result.rows) == 7
    assert result.warnings[-1] == (
        "Perlu diperiksa: nilai pada 1 dari 3 induk kode tidak sama dengan jumlah rinciannya (versi 1: 1 "
        "dari 2): baris 2; misalnya 5: 100, jumlah rinciannya 90. Cocokkan induk dengan rinciannya di "
        "aplikasi asal."
    )


def test_defect_20_amount_in_a_percent_column(tmp_path: Path) -> None:
    file = write(tmp_path, "opd;persen", "Dinas A;100,48", "Dinas B;100000000")
    percent = NUMBER | {"physicalType": "numeric(9,2)"} | limits(0, 150)
    result = sift(file, declare(tmp_path, {"opd": KEY, "persen": percent}))
    assert result.column("persen") == [Decimal("100.48")]
    assert result.messages == [
        "Baris 3, kolom persen: '100000000' di luar batas yang wajar (0 sampai 150). Periksa angkanya."
    ]


def test_defect_21_cumulative_series_falling_to_0(tmp_path: Path) -> None:
    file = write(tmp_path, "opd;bulan;realisasi", "A;3;70", "A;1;50", "A;2;0", "B;1;5", "B;2;5")
    contract = declare(
        tmp_path,
        {"opd": KEY, "bulan": INTEGER | {"primaryKey": True, "primaryKeyPosition": 2}, "realisasi": NUMBER},
        plausibility=[{"kind": "neverFalls", "value": "realisasi", "order": ["bulan"], "by": ["opd"]}],
    )
    result = sift(file, contract)
    assert len(result.rows) == 5
    assert result.warnings[-1] == (
        "Perlu diperiksa: realisasi adalah angka kumulatif, tetapi turun menurut bulan pada 1 baris "
        "(baris 4; misalnya dari 50 menjadi 0). Periksa angkanya di aplikasi asal."
    )


def test_defect_22_cut_off_after_the_end_of_the_fiscal_year(tmp_path: Path) -> None:
    file = write(tmp_path, BUDGET_HEADER, "2025;12;2026-01-31;Kabupaten Tuban;10;5;0;5", name="djpb_apbd.csv")
    contract = load_contracts(EXAMPLES)["djpb__apbd"]
    result = sift(file, contract)
    # The row stays in December of its fiscal year; its data speak until the cut-off.
    assert result.column("_slice") == ["2025/12/Kabupaten Tuban"]
    assert result.data_to == datetime.date(2026, 1, 31)


def test_defect_23_month_0(tmp_path: Path) -> None:
    file = write(tmp_path, "opd;bulan", "A;0", "A;1", "A;13")
    result = sift(file, declare(tmp_path, {"opd": TEXT, "bulan": INTEGER | limits(1, 12)}))
    assert result.column("bulan") == [1]
    assert result.messages == [
        "Baris 2, kolom bulan: '0' di luar batas yang wajar (1 sampai 12). Periksa angkanya.",
        "Baris 4, kolom bulan: '13' di luar batas yang wajar (1 sampai 12). Periksa angkanya.",
    ]


def test_defect_24_codes_2_and_02_together(tmp_path: Path) -> None:
    file = write(tmp_path, "kode;nilai", "02;1", "2;1", "2.0;1", "10;3")
    result = sift(file, declare(tmp_path, AREAS_BY_CODE, codes={"kode": {"widths": [2]}}))
    assert (result.column("kode"), result.skipped["duplicate"]) == (["02", "10"], 2)
    # Both styles of account codes: every level has its own width.
    accounts = write(tmp_path, "kode;nilai", "4.1.2.2;5", "4.1.02.02;5", "5.1.02.01.01.24;7")
    contract = declare(tmp_path, AREAS_BY_CODE, codes={"kode": {"widths": [1, 1, 2, 2, 2, 4]}})
    assert sift(accounts, contract).column("kode") == ["4.1.02.02", "5.1.02.01.01.0024"]


def test_defect_25_age_column_holding_seconds_since_1900(tmp_path: Path) -> None:
    columns = {"nama": KEY, "umur": INTEGER | limits(0, 150)}
    file = write(tmp_path, "nama;umur", "A;34", "B;2840140800")
    result = sift(file, declare(tmp_path, columns))
    assert result.column("umur") == [34]
    assert result.messages == [
        "Baris 3, kolom umur: '2840140800' di luar batas yang wajar (0 sampai 150). Periksa angkanya."
    ]
    # A cell that a spreadsheet shows as a date is no age either.
    sheet = workbook(tmp_path, ["nama", "umur"], ["A", 34], ["B", datetime.datetime(1934, 2, 3)])
    assert sift(sheet, declare(tmp_path, columns)).reasons == [(3, "not_an_integer", "umur")]


def test_defect_26_region_names_with_and_without_kabupaten(tmp_path: Path) -> None:
    spelled = ["Kabupaten Tuban", "Tuban", "KAB. TUBAN", "kabupaten_tuban", "Kab.  Tuban", " Kota Blitar "]
    file = write(tmp_path, "nomor;wilayah", *[f"{row};{name}" for row, name in enumerate(spelled)])
    result = sift(file, declare(tmp_path, {"nomor": KEY, "wilayah": TEXT}))
    # Raw rows keep the office's spelling; one region is made of them in int_shared__region_spelling.
    assert result.column("wilayah") == [name.strip() for name in spelled]


def test_defect_27_bps_codes_as_floats(tmp_path: Path) -> None:
    columns = {"kode": KEY | {"logicalTypeOptions": {"pattern": r"\d{4}"}}, "nilai": NUMBER}
    contract = declare(tmp_path, columns, codes={"kode": {"widths": [4]}})
    assert sift(write(tmp_path, "kode;nilai", "3523.0;1", "3503;2"), contract).column("kode") == [
        "3523",
        "3503",
    ]
    assert sift(workbook(tmp_path, ["kode", "nilai"], [3523.0, 1], ["3503", 2]), contract).column("kode") == [
        "3523",
        "3503",
    ]
    # Without the contract's word a damaged code is refused, not repaired.
    assert sift(write(tmp_path, "kode;nilai", "3523.0;1"), declare(tmp_path, columns)).reasons == [
        (2, "pattern", "kode")
    ]


def test_defect_28_unnamed_index_column(tmp_path: Path) -> None:
    file = write(tmp_path, '"",wilayah,nilai', "1,Tuban,10", "2,Trenggalek,20")
    result = sift(file, declare(tmp_path, AREAS))
    assert result.column("wilayah") == ["Tuban", "Trenggalek"]
    assert not [warning for warning in result.warnings if "tidak dikenal" in warning]


def test_defect_29_closed_before_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(
        tmp_path,
        "nomor;dibuat;ditutup",
        "1;01/02/2024 08:00:00;01/02/2024 09:00:00",
        "2;01/02/2024 08:00:00;31/01/2024 09:00:00",
        "3;01/02/2024 08:00:00;",
    )
    contract = declare(
        tmp_path,
        {"nomor": KEY, "dibuat": TIMESTAMP, "ditutup": TIMESTAMP},
        plausibility=[{"kind": "notBefore", "column": "ditutup", "start": "dibuat"}],
    )
    result = sift(file, contract)
    assert len(result.rows) == 3
    assert result.warnings[-1] == (
        "Perlu diperiksa: pada 1 baris, ditutup lebih awal daripada dibuat (baris 3). Perbaiki salah satunya "
        "di aplikasi asal."
    )
    # The office that checks its file before sending it is told, too.
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(tmp_path))
    outcome = check_file(file, contract.source_id)
    assert (outcome.status, outcome.rejected) == ("accepted", 0)
    assert result.warnings[-1] in outcome.messages


def test_defect_30_headerless_call_log(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "08110000001,2024-06-01 08:00:00,35,ANSWERED",
        "08110000002,2024-06-01 08:01:10,0,NO ANSWER",
        "08110000003,2024-06-31 08:01:10,0,NO ANSWER",
    )
    contract = declare(
        tmp_path,
        {
            "nomor": TEXT | {"classification": "personal", "required": True},
            "waktu": TIMESTAMP | {"required": True},
            "detik": INTEGER,
            "hasil": TEXT,
        },
        fields=["nomor", "waktu", "detik", "hasil"],
    )
    result = sift(file, contract)
    assert [(row["nomor"], row["detik"], row["_row_no"]) for row in result.rows] == [
        ("08110000001", 35, 1),
        ("08110000002", 0, 2),
    ]
    assert result.reasons == [(3, "not_a_timestamp", "waktu")]


def test_defect_31_sentinel_0001_01_01(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "nomor;selesai",
        "1;0001-01-01 00:00:00",
        "2;2024-05-06 07:08:09",
        "3;01/01/0001 00:00:00",
        "4;1900-01-01 00:00:00",
    )
    columns = {"nomor": KEY, "selesai": TIMESTAMP}
    contract = declare(tmp_path, columns, sentinels={"selesai": ["0001-01-01", "1900-01-01"]})
    moment = datetime.datetime(2024, 5, 6, 7, 8, 9)
    assert sift(file, contract).column("selesai") == [None, moment, None, None]
    # Unless it is declared, a day before 1900 is refused.
    assert [
        row for row, code, _ in sift(file, declare(tmp_path, columns)).reasons if code == "not_a_timestamp"
    ] == [
        2,
        4,
    ]


def test_defect_32_month_columns_and_drifting_names(tmp_path: Path) -> None:
    contract = declare(
        tmp_path,
        {"lokasi": TEXT | {"required": True}, "bulan": INTEGER, "jumlah": NUMBER},
        headers={"lokasi": ["alamat", "lokasi_kejadian"]},
        unpivot={"pattern": r"(?P<bulan>januari|februari|maret)", "value": "jumlah"},
        missingValues=["", "-"],
    )
    january = write(tmp_path, "ALAMAT;Januari;Februari", "Jl. A;1;2", "Jl. B;;abc")
    result = sift(january, contract)
    assert [(row["lokasi"], row["bulan"], row["jumlah"], row["_row_no"]) for row in result.rows] == [
        ("Jl. A", 1, 1, 2),
        ("Jl. A", 2, 2, 2),
    ]
    # The clerk is told the header under which the value stands.
    assert result.messages == ["Baris 3, kolom Februari: 'abc' bukan angka. Tulis seperti 1.234.567,89."]
    march = write(tmp_path, "Lokasi Kejadian;Maret", "Jl. C;3", name="maret.csv")
    assert [(row["lokasi"], row["bulan"]) for row in sift(march, contract).rows] == [("Jl. C", 3)]


def test_defect_33_reporting_unit_only_in_the_file_name(tmp_path: Path) -> None:
    contract = declare(
        tmp_path,
        {"unit": KEY, "indikator": KEY | {"primaryKeyPosition": 2}, "nilai": NUMBER},
        filePattern=r"(?P<unit>[a-z]+)_indikator\.csv",
        fileExample="dinkes_indikator.csv",
    )
    file = write(tmp_path, "indikator;nilai", "A;1", name="dinkes_indikator.csv")
    assert sift(file, contract).column("unit") == ["dinkes"]
    with pytest.raises(FileRefused, match=r"Beri nama seperti dinkes_indikator\.csv"):
        sift(file.rename(tmp_path / "indikator.csv"), contract)


def test_defect_34_shifts_over_midnight_and_unordered_punches(tmp_path: Path) -> None:
    punches = [
        ("7", "2024-03-01 19:58:00", "0"),
        ("7", "2024-03-02 06:04:00", "1"),
        ("12", "2024-03-01 20:01:00", "0"),
        ("7", "2024-03-01 23:59:59", "4"),
    ]
    contract = load_contracts(EXAMPLES)["bkpsdm__absensi_mesin"]
    found = set()
    for order in itertools.permutations(punches):
        lines = [f"{pin:>9}\t{moment}\t1\t{state}\t1\t0" for pin, moment, state in order]
        rows = sift(write(tmp_path, *lines, name="1_attlog.dat"), contract).rows
        found.add(frozenset((row["pin"], row["punched_at"], row["_row_hash"]) for row in rows))
    # Any order of the lines gives the same rows, and no punch is moved to another day.
    assert len(found) == 1
    assert {(pin, str(moment)) for pin, moment, _ in next(iter(found))} == {
        (pin, moment) for pin, moment, _ in punches
    }


def test_defect_35_csv_and_xlsx_of_the_same_data_with_different_row_counts(
    center: Center, tmp_path: Path
) -> None:
    declare(
        center.contracts,
        {"nomor": KEY, "nilai": INTEGER},
        source="dinas__dua_bentuk",
        delivery="snapshot",
        slice=["*"],
    )
    rows = [(str(number), number % 7) for number in range(5_957)]
    text = write(tmp_path, "nomor;nilai", *[f"{key};{value}" for key, value in rows])
    sheet = workbook(tmp_path, ["nomor", "nilai"], *rows[:5_930])
    for age, file in enumerate((text, sheet)):
        os.utime(file, (1_700_000_000 + age, 1_700_000_000 + age))
    first = load.load_file(text, "dinas__dua_bentuk")
    second = load.load_file(sheet, "dinas__dua_bentuk")
    assert (first.loaded, second.loaded) == (5_957, 5_930)
    # One version is current, never a mixture; the smaller one says what it lacks.
    assert center.current("dinas__dua_bentuk", "count(*)") == [(5_930,)]
    assert any("27" in message for message in second.messages), second.messages


def test_observation_1_nip_in_a_numeric_cell(tmp_path: Path) -> None:
    file = workbook(tmp_path, ["nip", "nama"], [199704122021042787, "A"], ["199704122021042787", "B"])
    nip = KEY | {"logicalTypeOptions": {"pattern": r"\d{18}"}}
    result = sift(file, declare(tmp_path, {"nip": nip, "nama": TEXT}, compact=["nip"]))
    assert result.column("nip") == ["199704122021042787"]
    assert result.reasons == [(2, "identifier_precision_lost", "nip")]
    assert "Excel hanya menyimpan 15 angka pertama" in result.messages[0]


def test_observation_2_ragged_rows_are_refused_and_their_neighbours_keep_their_numbers(
    tmp_path: Path,
) -> None:
    lines = [f"{number};{number}" for number in range(2_000)]
    lines[700], lines[1_500], lines[1_600] = "700", "1500;1;2", '1600;x"y'
    result = sift(write(tmp_path, "nomor;isi", *lines), declare(tmp_path, {"nomor": KEY, "isi": TEXT}))
    assert result.reasons == [(702, "field_count", None), (1_502, "field_count", None)]
    assert [row["_row_no"] for row in result.rows] == [
        row for row in range(2, 2_002) if row not in (702, 1_502)
    ]
    assert all(int(row["nomor"]) + 2 == row["_row_no"] for row in result.rows)
    assert {row["nomor"]: row["isi"] for row in result.rows}["1600"] == 'x"y'
    assert result.rejects[0].raw_text == "700"


def test_a_broken_line_of_json_is_explained_as_such(tmp_path: Path) -> None:
    file = write(tmp_path, '{"wilayah": "Tuban", "nilai": 1}', '{"wilayah": "Kota', '{"wilayah": "Blora"}')
    result = sift(file, declare(tmp_path, AREAS))
    assert result.column("wilayah") == ["Tuban", "Blora"]
    assert [code for _, code, _ in result.reasons] == ["not_json"]
    assert result.messages[0].startswith("Baris 3, bukan satu catatan JSON yang utuh.")


def test_an_archive_of_a_source_that_reads_its_file_names_is_to_be_unpacked(tmp_path: Path) -> None:
    columns = AREAS | {"tahun": TEXT}
    contract = declare(
        tmp_path, columns, filePattern=r"data_(?P<tahun>\d{4})\.csv", fileExample="data_2025.csv"
    )
    with pytest.raises(FileRefused, match=r"satu per satu, tanpa ZIP\. Beri nama seperti data_2025\.csv"):
        sift(tmp_path / "data.zip", contract)


def test_observation_3_unclosed_quote_swallows_no_rows(tmp_path: Path) -> None:
    lines = [f"{number};isi {number}" for number in range(3_000)]
    lines[10] = '10;"kutip tidak ditutup'
    file = write(tmp_path, "nomor;isi", *lines)
    with pytest.raises(FileRefused, match="mulai baris 12: tanda kutip"):
        sift(file, declare(tmp_path, {"nomor": KEY, "isi": TEXT}))
    # Wherever the quote stands, and whether or not a later one closes it.
    lines[10] = "10;isi"
    for number in (0, 1_500, 2_998):
        broken = [*lines[:number], f'"{lines[number]}', *lines[number + 1 :]]
        for ending in ([], ['3000;isi "']):
            file = write(tmp_path, "nomor;isi", *broken, *ending)
            with pytest.raises(FileRefused, match=f"mulai baris {number + 2}: tanda kutip"):
                sift(file, declare(tmp_path, {"nomor": KEY, "isi": TEXT}))
    # In the last line it swallows nothing: that row alone is refused.
    file = write(tmp_path, "nomor;isi", *lines[:-1], '"2999;isi')
    result = sift(file, declare(tmp_path, {"nomor": KEY, "isi": TEXT}))
    assert (len(result.rows), result.reasons) == (2_999, [(3_001, "field_count", None)])


def test_observation_4_one_invalid_byte_refuses_the_file_before_any_row(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    rows = b"".join(b"wilayah %d;1\n" % number for number in range(50_000))
    file.write_bytes(b"wilayah;nilai\n" + rows + b"Tub\x81n;1\n" + rows.replace(b"wilayah", b"lain"))
    with pytest.raises(FileRefused, match="UTF-8"):
        sift(file, declare(tmp_path, AREAS))


def test_observation_5_nul_bytes_are_refused_and_told(tmp_path: Path) -> None:
    file = write(tmp_path, "wilayah;nilai", "Tu\0ban;1", "Trenggalek;2")
    result = sift(file, declare(tmp_path, AREAS))
    assert result.column("wilayah") == ["Trenggalek"]
    assert [code for _, code, _ in result.reasons] == ["control_character"]
    assert result.messages[0].startswith("Baris 2, kolom wilayah: 'Tu␀ban' memuat karakter")


def test_observation_6_31_february_does_not_roll_over(tmp_path: Path) -> None:
    file = write(tmp_path, "nomor;tanggal", "1;31/02/2025", "2;29/02/2024", "3;29/02/2025", "4;2025-02-30")
    result = sift(file, declare(tmp_path, {"nomor": KEY, "tanggal": DATE}))
    assert result.column("tanggal") == [datetime.date(2024, 2, 29)]
    assert result.messages[0] == (
        "Baris 2, kolom tanggal: '31/02/2025' bukan tanggal. Tulis hari/bulan/tahun, misalnya 28/02/2025."
    )
    assert [row for row, _, _ in result.reasons] == [2, 4, 5]


def test_observation_7_rows_are_hashed_by_a_stated_rule_and_typed_exactly(
    center: Center, tmp_path: Path
) -> None:
    declare(
        center.contracts,
        {
            "nama": TEXT,
            "nilai": NUMBER | {"physicalType": "numeric(38,6)"},
            "tanggal": DATE,
            "waktu": TIMESTAMP,
        },
        source="dinas__tipe",
    )
    file = write(
        tmp_path,
        "nama;nilai;tanggal;waktu",
        " Tuban ;12.345.678.901.234.567.890,123456;31/12/1999;01/01/2024 23:59:59",
    )
    assert load.load_file(file, "dinas__tipe").loaded == 1
    [(name, value, day, moment, digest)] = center.query(
        "select nama, nilai, tanggal, waktu, _row_hash::text from raw.dinas__tipe"
    )
    assert (name, value) == ("Tuban", Decimal("12345678901234567890.123456"))
    assert (day, moment) == (datetime.date(1999, 12, 31), datetime.datetime(2024, 1, 1, 23, 59, 59))
    # Exclusive or of xxh3-128 of each trimmed text, seeded with the column's number in the contract.
    texts = ["Tuban", "12.345.678.901.234.567.890,123456", "31/12/1999", "01/01/2024 23:59:59"]
    expected = 0
    for number, text in enumerate(texts, 1):
        expected ^= xxhash.xxh3_128_intdigest(text.encode(), number)
    assert digest.replace("-", "") == f"{expected:032x}"


def test_observation_8_raw_tables_are_logged(center: Center, tmp_path: Path) -> None:
    declare(center.contracts, AREAS, source="dinas__tahan")
    load.load_file(write(tmp_path, "wilayah;nilai", "Tuban;1"), "dinas__tahan")
    assert center.query("select relpersistence from pg_class where relname = 'dinas__tahan'") == [("p",)]


def test_observation_9_two_loaders_of_one_file_leave_one_load(center: Center, tmp_path: Path) -> None:
    declare(center.contracts, {"nomor": KEY, "nilai": INTEGER}, source="dinas__serentak")
    ledger.register_contracts()
    file = write(tmp_path, "nomor;nilai", *[f"{number};1" for number in range(20_000)], "x;y")
    outcomes: list[Outcome] = []

    def deliver() -> None:
        outcomes.append(load.load_file(file, "dinas__serentak"))

    loaders = [threading.Thread(target=deliver) for _ in range(3)]
    for loader in loaders:
        loader.start()
    for loader in loaders:
        loader.join()
    assert sorted(outcome.status for outcome in outcomes) == ["already_loaded", "already_loaded", "loaded"]
    assert center.query("select count(*) from raw.dinas__serentak") == [(20_000,)]
    assert center.query(
        "select rows_read, rows_loaded, rows_rejected from ops.load where source_id = 'dinas__serentak'"
    ) == [(20_001, 20_000, 1)]
    assert load.load_file(file, "dinas__serentak").status == "already_loaded"
