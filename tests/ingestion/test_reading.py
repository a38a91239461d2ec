"""What agencies really send: the defects of the catalogue, each read or refused with a way out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ingestion.load import check_file
from ingestion.outcome import Outcome
from ingestion.report import as_text

from .conftest import EMPLOYEE_HEADER, HEADER, budget_row, employee

Writer = Callable[..., Path]


def reasons(outcome: Outcome) -> list[tuple[int, str, str | None]]:
    return [
        (reject.row_no, reason.code, reason.column) for reject in outcome.rejects for reason in reject.reasons
    ]


def test_title_rows_totals_footers_blank_lines_and_repeated_headers_are_counted_not_loaded(
    budget_csv: Writer,
) -> None:
    file = budget_csv(
        budget_row("Kabupaten Tuban"),
        "",
        HEADER,
        budget_row("Kabupaten Rembang"),
        ";;;;;;;",
        "JUMLAH;;;;2000;10;0;1990",
        "Sumber: DJPb",
        "Budi Santoso",
        header=f";;;;;;;\nRingkasan APBD\n{HEADER}",
    )
    outcome = check_file(file)
    assert outcome.status == "accepted"
    assert (outcome.read, outcome.loaded, outcome.rejected, outcome.skipped) == (8, 2, 0, 6)
    assert outcome.skipped_by_kind == {"blank": 2, "footer": 2, "header": 1, "total": 1}


def test_a_complete_record_is_never_taken_for_a_total(budget_csv: Writer) -> None:
    contents = budget_row("Total Kabupaten")
    assert check_file(budget_csv(contents)).loaded == 1


def test_bom_crlf_and_a_missing_final_newline_change_nothing(tmp_path: Path) -> None:
    file = tmp_path / "djpb_apbd.csv"
    file.write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\r\n{budget_row()}\r\n{budget_row(month=2)}".encode())
    assert check_file(file).loaded == 2


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_accents_survive_in_every_encoding(budget_csv: Writer, encoding: str) -> None:
    assert check_file(budget_csv(budget_row("Kabupaten Café"), encoding=encoding)).loaded == 1


def test_bytes_that_no_listed_encoding_knows_refuse_the_file(tmp_path: Path) -> None:
    file = tmp_path / "djpb_apbd.csv"
    file.write_bytes(f"{HEADER}\n{budget_row()}\n".encode() + b"\x81\x8d\n")
    outcome = check_file(file)
    assert outcome.status == "refused"
    assert "CSV UTF-8" in outcome.messages[0]


@pytest.mark.parametrize("delimiter", [",", "\t", "|"])
def test_the_separator_is_found_by_the_header(tmp_path: Path, delimiter: str) -> None:
    file = tmp_path / "djpb_apbd.csv"
    file.write_text("\n".join([HEADER, budget_row()]).replace(";", delimiter))
    assert check_file(file).status == ("refused" if delimiter == "|" else "accepted")


def test_ragged_rows_are_refused_with_their_number_and_their_neighbours_keep_theirs(
    budget_csv: Writer,
) -> None:
    file = budget_csv(
        budget_row("A"),
        "2026;1;2026-01-28;B",
        budget_row("C", revenue="x"),
        f"{budget_row('D')};1;2",
        budget_row("E"),
    )
    outcome = check_file(file)
    assert outcome.loaded == 2
    assert reasons(outcome) == [
        (3, "field_count", None),
        (4, "not_a_number", "revenue_idr"),
        (5, "field_count", None),
    ]


def test_every_reason_of_a_row_is_told_in_words_a_clerk_understands(budget_csv: Writer) -> None:
    file = budget_csv(budget_row(), "2026;13;31/02/2025;;abc;5;0;1")
    outcome = check_file(file)
    assert reasons(outcome) == [
        (3, "out_of_range", "month"),
        (3, "not_a_date", "cutoff_on"),
        (3, "required", "government_name"),
        (3, "not_a_number", "revenue_idr"),
    ]
    text = as_text(outcome)
    assert (
        "Baris 3, kolom tgl_cutoff: '31/02/2025' bukan tanggal. Tulis tahun-bulan-hari, misalnya 2025-02-28."
        in text
    )
    assert "Baris 3, kolom nama_pemda: kosong, padahal wajib diisi." in text
    assert "Dibaca 2 baris: 1 dapat dimuat, 1 ditolak, 0 dilewati." in text


def test_a_quoted_field_may_hold_lines_and_separators(budget_csv: Writer) -> None:
    outcome = check_file(
        budget_csv('2026;1;2026-01-28;"Kabupaten\nTuban; Jawa Timur";1;1;1;1', budget_row(revenue="x"))
    )
    assert outcome.loaded == 1
    # A spreadsheet shows the record with the line break as one row.
    assert reasons(outcome) == [(3, "not_a_number", "revenue_idr")]


@pytest.mark.parametrize("closing", ["", '2026;3;2026-03-28;D";1;1;1;1'])
def test_an_open_quote_refuses_the_file_instead_of_swallowing_rows(budget_csv: Writer, closing: str) -> None:
    file = budget_csv(
        budget_row(),
        '2026;1;2026-01-28;"B;1;1;1;1',
        budget_row("C"),
        *([closing] if closing else []),
        budget_row("E"),
    )
    outcome = check_file(file)
    assert outcome.status == "refused"
    assert "baris 3" in outcome.messages[0]
    assert "tanda kutip" in outcome.messages[0]


def test_nul_bytes_are_refused_with_their_row(budget_csv: Writer) -> None:
    outcome = check_file(budget_csv(budget_row(), budget_row("Tu\0ban")))
    assert outcome.loaded == 1
    assert reasons(outcome) == [(3, "control_character", "government_name")]
    assert "\0" not in as_text(outcome)


def test_the_same_row_twice_counts_once_and_two_truths_under_one_key_are_told(budget_csv: Writer) -> None:
    file = budget_csv(budget_row(), budget_row(), budget_row(revenue="7"))
    outcome = check_file(file)
    assert outcome.loaded == 1
    assert outcome.skipped_by_kind == {"duplicate": 1}
    assert reasons(outcome) == [(4, "duplicate_key", None)]
    assert "sama dengan baris 2" in as_text(outcome)


def test_an_unknown_column_is_ignored_and_said(budget_csv: Writer) -> None:
    outcome = check_file(budget_csv(f"{budget_row()};catatan", header=f"{HEADER};Keterangan"))
    assert outcome.loaded == 1
    assert outcome.messages == ["Kolom yang tidak dikenal dan dilewati: Keterangan."]


@pytest.mark.parametrize(
    ("name", "contents", "said"),
    [
        ("djpb_apbd.csv", b"", "kosong"),
        ("djpb_apbd.csv", b"\xef\xbb\xbf\r\n \r\n", "kosong"),
        ("djpb_apbd.csv", f"{HEADER}\n".encode(), "tidak berisi data"),
        ("djpb_apbd.csv", b"halo\ndunia\n", "Judul kolom tidak ditemukan"),
        ("djpb_apbd.csv", HEADER.replace("thang;", "").encode() + b"\n", "kolom wajib: Tahun Anggaran"),
        ("djpb_apbd.csv", HEADER.replace("SILPA", "thang").encode() + b"\n", "lebih dari sekali"),
        ("djpb_apbd.csv", b"<html><table></table></html>", "halaman HTML"),
        ("djpb_apbd.csv", b"%PDF-1.7 ...", "adalah PDF"),
        ("djpb_apbd.csv", b"PK\x03\x04 broken", "rusak"),
        ("aneh.csv", b"a;b\n1;2\n", "tidak dikenal"),
        ("Persentase Penduduk Miskin 2022.csv", b"a,b\n1,2\n", "tidak berbentuk tabel BPS"),
    ],
)
def test_what_cannot_be_loaded_is_refused_with_a_sentence_that_names_the_file(
    tmp_path: Path, name: str, contents: bytes, said: str
) -> None:
    file = tmp_path / name
    file.write_bytes(contents)
    outcome = check_file(file)
    assert outcome.status == "refused"
    assert said in outcome.messages[0]
    assert name in outcome.messages[0]
    assert outcome.read == outcome.loaded + outcome.rejected + outcome.skipped


def test_too_many_refused_rows_refuse_the_whole_file(budget_csv: Writer) -> None:
    good = [budget_row(f"Kabupaten {number}") for number in range(100)]
    bad = [budget_row(f"Kota {number}", revenue="x") for number in range(21)]
    outcome = check_file(budget_csv(*good, *bad))
    assert outcome.status == "refused"
    assert (outcome.read, outcome.loaded, outcome.rejected, outcome.skipped) == (121, 0, 21, 100)
    assert "21 dari 121 baris salah" in outcome.messages[0]


def test_a_number_cell_that_lost_digits_of_an_nip_is_never_loaded(workbook: Writer) -> None:
    file = workbook(
        [["DATA CONTOH"], [], EMPLOYEE_HEADER, employee(), employee(nip=199704122021042787)],
        "pegawai_2024-01.xlsx",
    )
    outcome = check_file(file)
    assert outcome.loaded == 1
    assert reasons(outcome) == [(5, "identifier_precision_lost", "nip")]
    assert "Ubah format kolom menjadi Teks" in as_text(outcome)


def test_native_cells_mean_what_a_clerk_would_type(workbook: Writer) -> None:
    import datetime

    rows = [
        employee(nip="19700101 199001 1 001", pin=126.0, **{"from": datetime.date(2024, 1, 1)}),
        employee(nip="'197001011990011002", device=2.0, **{"from": 45292}),
        employee(nip="197001011990011003", **{"from": "1 Januari 2024", "status": "pns"}),
    ]
    outcome = check_file(workbook([EMPLOYEE_HEADER, *rows], "pegawai_2024-01.xlsx"))
    assert (outcome.loaded, outcome.rejects) == (3, [])


def test_what_a_file_is_says_its_content_not_its_extension(workbook: Writer) -> None:
    file = workbook([EMPLOYEE_HEADER, employee()], "pegawai_2024-01.xlsx")
    assert check_file(file.rename(file.with_suffix(".csv"))).loaded == 1


def test_a_file_without_a_telling_name_is_known_by_its_header(budget_csv: Writer) -> None:
    outcome = check_file(budget_csv(budget_row(), name="unduhan (3).csv"))
    # The header says which source it is; this source needs nothing from the name.
    assert (outcome.source, outcome.loaded) == ("djpb__apbd", 1)


def test_a_name_without_the_month_is_refused_where_the_month_stands_only_there(workbook: Writer) -> None:
    file = workbook([EMPLOYEE_HEADER, employee()], "pegawai.xlsx")
    outcome = check_file(file, "bkpsdm__pegawai")
    assert outcome.status == "refused"
    assert "Beri nama seperti pegawai_2024-01.xlsx" in outcome.messages[0]
