"""What a clerk gets back: the file with its bad cells marked, and a form for the refused rows."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import stat
import typing
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from openpyxl.styles import Font
from typer.testing import CliRunner

from ingestion import corrections, inbox, load, marked, past_load, replay, report, settings
from ingestion.cli import app
from ingestion.contract import Contract
from ingestion.ingest_property import SkipRule
from ingestion.outcome import Outcome

from .conftest import BUDGET_HEADER, EMPLOYEE_HEADER, HEADER, account_row, budget_row, employee, query
from .own_source import INTEGER, TEXT, declare, limits

run = CliRunner().invoke
Writer = Callable[..., Path]
AMBER = "00FFD966"


def check(file: Path, *options: str) -> tuple[Any, Path]:
    """Run ``pendopo check --marked``; the result and the workbook."""
    target = file.with_name("ditandai.xlsx")
    return run(app, ["check", str(file), "--marked", str(target), *options]), target


def marks(book: Any) -> dict[tuple[str, str], str | None]:
    """Sheet and cell of every coloured cell of the data → its comment."""
    return {
        (sheet.title, cell.coordinate): cell.comment and cell.comment.text
        for sheet in book.worksheets[1:]
        for row in sheet.iter_rows()
        for cell in row
        if cell.fill.fgColor.rgb == AMBER
    }


def texts(sheet: Any) -> list[list[str]]:
    return [["" if cell.value is None else cell.value for cell in row] for row in sheet.iter_rows()]


BAD_DATE = "'31/02/2024' bukan tanggal. Tulis hari/bulan/tahun, misalnya 28/02/2025."


def test_a_workbook_comes_back_as_it_was_with_exactly_the_bad_cell_marked(workbook: Writer) -> None:
    file = workbook(
        [
            ["Daftar Pegawai"],
            [],
            EMPLOYEE_HEADER,
            employee(pin="0126"),
            employee(pin="0127", **{"from": "31/02/2024"}),
        ],
        "pegawai_2024-01.xlsx",
        "Data Pegawai",
    )
    book = openpyxl.load_workbook(file)
    book.active["A1"].font = Font(bold=True)
    book.active["A5"].number_format = "0000"
    book.active.column_dimensions["B"].width = 41
    book.save(file)
    before = texts(book.active)

    result, target = check(file)
    assert (result.exit_code, f"Sel yang salah ditandai di {target}" in result.stdout) == (0, True)
    after = openpyxl.load_workbook(target)
    assert after.sheetnames == ["Ringkasan", "Data Pegawai"]
    assert marks(after) == {
        ("Data Pegawai", "H5"): f"Lembar Data Pegawai, baris 5, kolom Berlaku Mulai: {BAD_DATE}"
    }
    sheet = after["Data Pegawai"]
    assert texts(sheet) == before
    assert sheet["A1"].font.bold
    assert sheet["A5"].number_format == "0000"
    assert sheet.column_dimensions["B"].width == 41


def test_a_table_that_does_not_start_in_column_a_is_marked_where_it_stands(workbook: Writer) -> None:
    rows = [[None, None, *EMPLOYEE_HEADER], [None, None, *employee()], [None, None, *employee(pin="12x")]]
    _, target = check(workbook(rows, "pegawai_2024-01.xlsx"))
    assert list(marks(openpyxl.load_workbook(target))) == [("Data", "I3")]


@pytest.fixture
def public_contracts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(Path(__file__).parent / "contracts"))


def test_a_value_is_marked_in_the_column_that_became_a_row(workbook: Writer, public_contracts: None) -> None:
    file = workbook(
        [
            ["Provinsi", "Persentase Penduduk Miskin"],
            [None, "Perkotaan", None, "Perdesaan"],
            [None, "2023", None, "2023"],
            [None, *["Semester 1 (Maret)", "Semester 2 (September)"] * 2],
            ["ACEH", "1.5", "2.5", "3.5", "4.5"],
            ["RIAU", "1.5", "rusak", "3.5", "101"],
        ],
        "Persentase Penduduk Miskin (P0) Menurut Provinsi dan Daerah.xlsx",
    )
    book = openpyxl.load_workbook(file)
    for area in ("A1:A4", "B1:E1", "B2:C2", "D2:E2", "B3:C3", "D3:E3"):
        book.active.merge_cells(area)
    book.save(file)
    result, target = check(file)
    assert "8 baris: 6 dapat dimuat, 2 ditolak" in result.stdout
    assert list(marks(openpyxl.load_workbook(target))) == [("Data", "C6"), ("Data", "E6")]


def test_a_value_under_another_column_than_its_header_is_marked_where_it_was_read(
    workbook: Writer, public_contracts: None
) -> None:
    def line(code: str | None, level: int, name: str | None, amount: object) -> list[Any]:
        cells: list[Any] = [None] * 18
        cells[3], cells[6 + level], cells[16], cells[17] = code, name, amount, 0
        return cells

    header: list[Any] = [None] * 18
    header[1], header[4], header[16], header[17] = "Kode Rekening", "Uraian", "Anggaran", "Realisasi"
    rows = [header, line("4", 1, "Pendapatan", 5), line("4.1", 2, "Pajak", "lima"), line("4.2", 2, None, 5)]
    _, target = check(workbook(rows, "1_lra_20251022-103930.xlsx"))
    assert list(marks(openpyxl.load_workbook(target))) == [("Data", "Q3"), ("Data", "H4")]


def test_formulas_of_the_original_do_not_travel_on(workbook: Writer) -> None:
    file = workbook([EMPLOYEE_HEADER, employee(), employee(pin="x"), ["=1+1"]], "pegawai_2024-01.xlsx")
    _, target = check(file)
    assert all(
        cell.data_type != "f"
        for sheet in openpyxl.load_workbook(target)
        for row in sheet.iter_rows()
        for cell in row
    )


def test_the_first_sheet_says_what_to_do_and_links_to_every_bad_cell(workbook: Writer) -> None:
    rows = [EMPLOYEE_HEADER, employee(pin="12x"), employee(nip="0", pin="1")]
    result, target = check(workbook(rows, "pegawai_2024-01.xlsx"))
    assert result.exit_code == 1
    sheet = openpyxl.load_workbook(target)["Ringkasan"]
    facts = {row[0].value: row[2].value for row in sheet.iter_rows(max_row=12)}
    assert facts["Berkas"] == "pegawai_2024-01.xlsx"
    assert facts["Hasil"] == "DITOLAK"
    assert (facts["Dibaca"], facts["Dimuat"], facts["Ditolak"]) == ("2 baris", "0", "2")
    said = [cell.value for cell in sheet["B"] if cell.value]
    assert any("kirim seluruh berkas ke folder bkpsdm/pegawai" in text for text in said)
    links = {cell.value: cell.hyperlink.location for cell in sheet["A"] if cell.hyperlink}
    assert links == {"G2": "'Data'!G2", "A3": "'Data'!A3"}
    found = [cell.value for cell in sheet["F"] if cell.value and cell.value.startswith("Lembar")]
    assert found[0].startswith("Lembar Data, baris 2, kolom PIN: '12x' tidak sesuai bentuknya.")


def test_text_keeps_its_rows_its_zeros_and_its_long_numbers(tmp_path: Path) -> None:
    file = tmp_path / "pegawai_2024-01.csv"
    good = "197001011990011001;Contoh;Dinas;Pelaksana;PNS;1;0126;01/01/2024;"
    file.write_text(
        "\n".join(["DAFTAR PEGAWAI;;;;;;;;", "", ";".join(EMPLOYEE_HEADER), good, good.replace("0126", "0x")])
    )
    _, target = check(file)
    book = openpyxl.load_workbook(target)
    assert list(marks(book)) == [("Data", "G5")]
    rows = texts(book["Data"])
    assert rows[0][0] == "DAFTAR PEGAWAI"
    assert rows[2] == EMPLOYEE_HEADER
    assert rows[3] == good.split(";")
    assert rows[4][0] == "197001011990011001"
    assert {cell.number_format for cell in book["Data"][4][:8]} == {"@"}


@pytest.mark.parametrize("name", ["=1+1", "+62-811", "-nama", "@SUM(A1)", '=cmd|"/c calc"!A1', "#REF!"])
def test_what_looks_like_a_formula_stays_text(budget_csv: Writer, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    _, target = check(budget_csv(budget_row(), budget_row(quoted, revenue=quoted)))
    book = openpyxl.load_workbook(target)
    cells = [book["Data"]["D3"], book["Data"]["E3"], *(c for c in book["Ringkasan"]["E"] if c.value == name)]
    # An error of Excel is no name either, so that cell stands in the summary as well.
    assert len(cells) == (4 if name == "#REF!" else 3)
    assert {(cell.value, cell.data_type) for cell in cells} == {(name, "s")}


def test_a_row_that_is_wrong_as_a_whole_is_marked_from_its_first_to_its_last_cell(budget_csv: Writer) -> None:
    _, target = check(budget_csv(budget_row(), "2026;1;2026-01-28;x;1"))
    found = marks(openpyxl.load_workbook(target))
    assert [cell for _, cell in found] == ["A3", "B3", "C3", "D3", "E3"]
    assert (found["Data", "A3"] or "").startswith("Baris 3: berisi 5 kolom, seharusnya 8.")


def test_a_row_that_is_wider_than_any_sheet_is_cut(budget_csv: Writer) -> None:
    _, target = check(budget_csv(budget_row(), ";".join(["x"] * 20_000)))
    sheet = openpyxl.load_workbook(target)["Data"]
    assert (sheet.max_column, sheet["XFD3"].value) == (16_384, "x")


def test_control_characters_are_shown_instead_of_breaking_the_workbook(budget_csv: Writer) -> None:
    _, target = check(budget_csv(budget_row(), budget_row("Kab\0upaten\x1b")))
    book = openpyxl.load_workbook(target)
    assert book["Data"]["D3"].value == "Kab␀upaten␛"
    assert list(marks(book)) == [("Data", "D3")]


def test_a_web_page_named_xls_comes_back_as_rows_of_text(tmp_path: Path) -> None:
    lines = [EMPLOYEE_HEADER, employee(pin="0126"), employee(pin="x")]
    cells = ["".join(f"<td>{'' if cell is None else cell}</td>" for cell in line) for line in lines]
    file = tmp_path / "pegawai_2024-01.xls"
    file.write_text(
        "<html><body><table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table></body></html>"
    )
    _, target = check(file)
    book = openpyxl.load_workbook(target)
    ((title, cell),) = marks(book)
    assert cell == "G3"
    assert texts(book[title])[1][:7] == [
        "197001011990011001",
        "Contoh",
        "Dinas Contoh",
        "Pelaksana",
        "PNS",
        "1",
        "0126",
    ]


def test_an_ods_file_comes_back_as_rows_of_text(tmp_path: Path) -> None:
    file = tmp_path / "pegawai_2024-01.ods"
    _write_ods(file, [["Daftar"], [], EMPLOYEE_HEADER, employee(pin="0126"), employee(pin="x")])
    _, target = check(file)
    book = openpyxl.load_workbook(target)
    assert list(marks(book)) == [("Pegawai", "G5")]
    assert texts(book["Pegawai"])[3][6] == "0126"
    assert texts(book["Pegawai"])[2] == EMPLOYEE_HEADER


def _write_ods(file: Path, rows: list[list[Any]]) -> None:
    office = "urn:oasis:names:tc:opendocument:xmlns:"
    lines = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{"" if cell is None else cell}</text:p>'
            "</table:table-cell>"
            for cell in row or [""]
        )
        + "</table:table-row>"
        for row in rows
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr(
            "META-INF/manifest.xml",
            f'<manifest:manifest xmlns:manifest="{office}manifest:1.0"><manifest:file-entry '
            f'manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>',
        )
        archive.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{office}office:1.0" xmlns:table="{office}table:1.0" '
            f'xmlns:text="{office}text:1.0"><office:body><office:spreadsheet><table:table '
            f'table:name="Pegawai">{lines}</table:table></office:spreadsheet></office:body>'
            "</office:document-content>",
        )


def test_of_a_big_file_only_the_refused_rows_are_shown(budget_csv: Writer) -> None:
    good = [budget_row(f"Kabupaten {number}") for number in range(marked.WHOLE_ROWS)]
    file = budget_csv(*good, budget_row("Kabupaten X", revenue="rusak"))
    _, target = check(file)
    book = openpyxl.load_workbook(target)
    assert texts(book["Data"]) == [
        ["Baris", *HEADER.split(";")],
        [str(marked.WHOLE_ROWS + 2), *budget_row("Kabupaten X", revenue="rusak").split(";")],
    ]
    assert list(marks(book)) == [("Data", "F2")]


def test_a_workbook_that_only_the_reader_understands_comes_back_as_rows_of_text(workbook: Writer) -> None:
    file = workbook([["Daftar"], EMPLOYEE_HEADER, employee(pin="0126"), employee(pin="x")], "asli.xlsx")
    broken = file.with_name("pegawai_2024-01.xlsx")
    with zipfile.ZipFile(file) as whole, zipfile.ZipFile(broken, "w") as copy:
        for name in whole.namelist():
            copy.writestr(name, "<rusak" if name == "docProps/core.xml" else whole.read(name))
    _, target = check(broken)
    book = openpyxl.load_workbook(target)
    assert list(marks(book)) == [("Data", "G4")]
    assert texts(book["Data"])[2][:7] == [*employee()[:5], "1", "0126"]


@settings_of_hypothesis(max_examples=20, deadline=None)
@given(
    titles=st.integers(0, 3),
    bad=st.sets(st.tuples(st.integers(0, 29), st.sampled_from("ACEF"))),
    blank_rows=st.sets(st.integers(0, 29)),
)
def test_exactly_the_bad_cells_are_marked_wherever_they_stand(
    tmp_path_factory: pytest.TempPathFactory, titles: int, bad: set[tuple[int, str]], blank_rows: set[int]
) -> None:
    lines, expected = [*["Judul;;;;;;;"] * titles, HEADER], set()
    for number in range(30):
        if number in blank_rows:
            lines.append("")
        cells = budget_row(f"Kabupaten {number}").split(";")
        for letter in sorted(letter for row, letter in bad if row == number):
            cells["ABCDEFGH".index(letter)] = "rusak"
            expected.add(("Data", f"{letter}{len(lines) + 1}"))
        lines.append(";".join(cells))
    file = tmp_path_factory.mktemp("acak") / "djpb_apbd.csv"
    file.write_text("\n".join(lines))
    _, target = check(file)
    assert set(marks(openpyxl.load_workbook(target))) == expected


def test_a_file_without_a_table_gets_a_page_that_says_so(tmp_path: Path) -> None:
    file = tmp_path / "pegawai_2024-01.csv"
    file.write_text("bukan;tabel\n1;2\n")
    result, target = check(file)
    assert result.exit_code == 1
    book = openpyxl.load_workbook(target)
    assert book.sheetnames == ["Ringkasan"]
    assert any("Judul kolom tidak ditemukan" in str(cell.value) for cell in book["Ringkasan"]["C"])


def test_a_marked_workbook_is_for_its_owner_only_and_never_replaces_the_original(workbook: Writer) -> None:
    file = workbook([EMPLOYEE_HEADER, employee(pin="x")], "pegawai_2024-01.xlsx")
    content = file.read_bytes()
    _, target = check(file)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    result = run(app, ["check", str(file), "--marked", str(file)])
    assert isinstance(result.exception, marked.NotMarked)
    assert file.read_bytes() == content
    assert not [*file.parent.glob(".laporan-*")]


def test_json_holds_every_refused_row_with_header_and_value(budget_csv: Writer) -> None:
    good = [budget_row(f"Kabupaten {number}") for number in range(600)]
    bad = [budget_row(f"Kota {number}", revenue="rusak") for number in range(30)]
    result, target = check(budget_csv(*good, *bad), "--json")
    answer = json.loads(result.stdout)
    assert (answer["rejected"], len(answer["rejects"]), answer["marked"]) == (30, 30, str(target))
    assert answer["rejects"][-1] == {
        "sheet": None,
        "row_no": 631,
        "reasons": [
            {
                "code": "not_a_number",
                "column": "revenue_idr",
                "header": "pendapatan",
                "value": "rusak",
                "message": "kolom pendapatan: 'rusak' bukan angka. Tulis seperti 1.234.567,89.",
            }
        ],
    }


def test_the_report_of_a_load_lies_in_the_installation_and_names_its_load(
    database: Any, budget_csv: Writer
) -> None:
    outcome = load.load_file(budget_csv(budget_row(), budget_row("Kota X", revenue="rusak")))
    assert outcome.load_id is not None
    result = run(app, ["report", str(outcome.load_id)])
    (file,) = marked.report_files(outcome.load_id)
    assert result.exit_code == 0
    assert f"Sel yang salah ditandai di {file}" in result.stdout
    assert "Baris 3, kolom pendapatan: 'rusak' bukan angka." in result.stdout
    assert file.parent == settings.home() / "reports"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]
    assert list(marks(openpyxl.load_workbook(file))) == [("Data", "E3")]
    answer = json.loads(run(app, ["report", str(outcome.load_id), "--json"]).stdout)
    assert (answer["status"], answer["rejected"], answer["rejects"][0]["row_no"]) == ("loaded", 1, 3)
    assert answer["marked"] is None


def test_the_line_for_the_log_names_the_report_and_nothing_of_the_rows(
    database: Any, budget_csv: Writer
) -> None:
    outcome = load.load_file(budget_csv(budget_row(), budget_row("Kota X", revenue="rusak")))
    line = report.as_text(dataclasses.replace(outcome, rejects=[]))
    assert f"pendopo report {outcome.load_id}" in line
    assert f"pendopo corrections {outcome.load_id} --output perbaikan_{outcome.load_id}.xlsx" in line
    assert "rusak" not in line


def test_a_load_that_nobody_knows_is_named(database: Any) -> None:
    result = run(app, ["report", "4711"])
    assert isinstance(result.exception, past_load.UnknownLoad)
    assert "Muatan 4711 tidak ada" in str(result.exception)


def test_a_load_without_refused_rows_has_no_form(database: Any, budget_csv: Writer, tmp_path: Path) -> None:
    outcome = load.load_file(budget_csv(budget_row()))
    result = run(app, ["corrections", str(outcome.load_id), "--output", str(tmp_path / "f.xlsx")])
    assert isinstance(result.exception, corrections.NothingToCorrect)
    assert not (tmp_path / "f.xlsx").exists()


def test_the_form_holds_the_refused_rows_as_text_and_says_where_they_belong(
    database: Any, workbook: Writer, tmp_path: Path
) -> None:
    rows = [["Daftar"], EMPLOYEE_HEADER, *(employee(pin=str(pin)) for pin in range(1, 30))]
    file = workbook([*rows, employee(pin="0x7"), employee(pin="@9")], "pegawai_2024-01.xlsx", "Pegawai")
    outcome = load.load_file(file)
    form = tmp_path / "perbaikan.xlsx"
    result = run(app, ["corrections", str(outcome.load_id), "--output", str(form)])
    assert result.exit_code == 0
    assert "2 baris dari pegawai_2024-01.xlsx" in result.stdout
    assert "folder bkpsdm/pegawai" in result.stdout
    sheet = openpyxl.load_workbook(form).active
    header, first, second = texts(sheet)
    assert header == [*EMPLOYEE_HEADER, "_pendopo"]
    assert (first[0], first[6], first[-1]) == ("197001011990011001", "0x7", f"{outcome.load_id}:32:Pegawai")
    assert (second[6], sheet["G3"].data_type) == ("@9", "s")
    assert sheet["G2"].fill.fgColor.rgb == AMBER
    assert "tidak sesuai bentuknya" in sheet["G2"].comment.text
    assert stat.S_IMODE(form.stat().st_mode) == 0o600


def test_corrected_rows_join_their_load_and_settle_the_refused_ones(
    database: Any, budget_csv: Writer, tmp_path: Path
) -> None:
    bad = [budget_row(f"Kota {name}", revenue="rusak") for name in "AB"]
    first = load.load_file(budget_csv(*(budget_row(f"Kabupaten {name}") for name in "CDE"), *bad))
    form = tmp_path / "djpb_apbd_perbaikan.xlsx"
    assert run(app, ["corrections", str(first.load_id), "--output", str(form)]).exit_code == 0
    book = openpyxl.load_workbook(form)
    book.active["E2"] = "1.500"
    book.save(form)

    second = load.load_file(form, "djpb__apbd")
    assert (second.status, second.read, second.loaded, second.rejected) == ("loaded", 2, 1, 1)
    facts = "select load_id, supplements_load_id, rows_loaded, rows_rejected from ops.load order by load_id"
    assert query(database, facts) == [(first.load_id, None, 3, 2), (second.load_id, first.load_id, 1, 1)]
    settled = """
        select row_no, resolved_by_load_id from ops.rejected_row where load_id = %d order by row_no
    """
    assert query(database, settled % first.load_id) == [(5, second.load_id), (6, None)]
    amounts = "select government_name, revenue_idr::int from raw.djpb__apbd where _load_id = %d"
    assert query(database, amounts % second.load_id) == [("Kota A", 1500)]

    assert run(app, ["corrections", str(first.load_id), "--output", str(form)]).exit_code == 0
    book = openpyxl.load_workbook(form)
    assert [row[-1] for row in texts(book.active)] == ["_pendopo", f"{first.load_id}:6"]
    book.active["E2"] = "7"
    book.save(form)
    assert load.load_file(form, "djpb__apbd").loaded == 1
    result = run(app, ["corrections", str(first.load_id), "--output", str(form)])
    assert isinstance(result.exception, corrections.NothingToCorrect)
    assert marked.write(second.load_id or 0).is_file()


def test_a_form_in_the_drop_folder_needs_no_special_name(
    database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENDOPO_LANDING", str(tmp_path / "landing"))
    file = tmp_path / "realisasi_apbd_2026-10.csv"
    rows = [
        account_row(account=1),
        account_row(account=2),
        account_row(account=3).replace("500.000", "5OO.000"),
    ]
    file.write_text("\n".join([BUDGET_HEADER, *rows]))
    first = load.load_file(file)
    form = tmp_path / "landing" / "bpkad" / "realisasi_apbd" / "sudah diperbaiki.xlsx"
    form.parent.mkdir(parents=True)
    assert run(app, ["corrections", str(first.load_id), "--output", str(form)]).exit_code == 0
    book = openpyxl.load_workbook(form)
    book.active["H2"] = "500.000,00"
    book.save(form)
    os.utime(form, (1, 1))
    (delivery,) = inbox.receive("bpkad__realisasi_apbd")
    second = load.load_delivery(delivery)
    assert (second.status, second.loaded, second.slices) == ("loaded", 1, ["2026/10"])
    current = "select count(*), sum(realised_idr)::int from raw.bpkad__realisasi_apbd"
    assert query(database, current) == [(3, 1_500_000)]


@pytest.fixture
def monthly(database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Contract]:
    """A source whose months stand in columns and that has no key."""
    folder = tmp_path / "kontrak"
    folder.mkdir()
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(folder))
    yield declare(
        folder,
        {"desa": TEXT, "bulan": INTEGER, "jumlah": INTEGER | limits(0, 800)},
        "dinas__bulanan",
        filePattern=r"bulanan_(?P<period>\d{4}-\d{2})\.xlsx",
        fileExample="bulanan_2026-10.xlsx",
        dataDate={"period": "period"},
        unpivot={"pattern": "(?P<bulan>Januari|Februari|Maret)", "value": "jumlah"},
    )
    database.execute("drop table raw.dinas__bulanan cascade")


def _bad_months(workbook: Writer) -> Outcome:
    good = [[f"Desa {number}", 1, 2, 3] for number in range(5)]
    rows = [["desa", "Januari", "Februari", "Maret"], *good, ["Desa Z", 900, 950, 3]]
    return load.load_file(workbook(rows, "bulanan_2026-10.xlsx"), "dinas__bulanan")


MONTHS = "select bulan, jumlah from raw.dinas__bulanan where desa = 'Desa Z' order by bulan"


def test_two_bad_values_of_one_row_are_two_rows_of_the_form(
    database: Any, workbook: Writer, tmp_path: Path, monthly: Contract
) -> None:
    first = _bad_months(workbook)
    assert (first.loaded, first.rejected) == (16, 2)
    form = tmp_path / "form.xlsx"
    call = ["corrections", str(first.load_id), "--output", str(form)]

    def correct(file: Path, *values: str) -> Outcome:
        book = openpyxl.load_workbook(file)
        for row, value in enumerate(values, 2):
            book.active.cell(row, 3).value = value
        book.save(file)
        return load.load_file(file, "dinas__bulanan")

    assert run(app, call).exit_code == 0
    both = tmp_path / "kedua.xlsx"
    both.write_bytes(form.read_bytes())
    assert [row[-1] for row in texts(openpyxl.load_workbook(form).active)[1:]] == [
        f"{first.load_id}:7:Data",
        f"{first.load_id}:7.2:Data",
    ]
    assert correct(form, "1").loaded == 1
    # What was corrected does not come again, neither in a new form nor from the old one.
    assert run(app, call).exit_code == 0
    assert [row[1] for row in texts(openpyxl.load_workbook(form).active)] == ["bulan", "2"]
    again = correct(both, "9", "2")
    assert (again.loaded, again.skipped_by_kind) == (1, {"resolved": 1})
    assert query(database, MONTHS) == [(1, 1), (2, 2), (3, 3)]
    assert isinstance(run(app, call).exception, corrections.NothingToCorrect)


def test_values_that_a_better_contract_accepts_join_only_once_where_columns_became_rows(
    database: Any, workbook: Writer, monthly: Contract
) -> None:
    assert _bad_months(workbook).rejected == 2
    file = settings.contracts_folder() / "dinas__bulanan.yaml"
    document = yaml.safe_load(file.read_text())
    document["schema"][0]["properties"][2] |= limits(0, 900)
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    (again,) = replay.rejects("dinas__bulanan")
    assert (again.read, again.loaded, again.skipped_by_kind) == (2, 1, {"still_refused": 1})
    # The value of March stands in the same row of the file, but was loaded long ago.
    assert query(database, MONTHS) == [(1, 900), (3, 3)]
    assert query(database, "select raw_text from ops.rejected_row where resolved_by_load_id is null") == [
        ("Desa Z;2;950",)
    ]


def test_a_correction_of_one_of_several_values_keeps_its_place_under_a_newer_contract(
    database: Any, workbook: Writer, tmp_path: Path, monthly: Contract
) -> None:
    first = _bad_months(workbook)
    form = tmp_path / "form.csv"
    form.write_text(f"desa;bulan;jumlah;_pendopo\nDesa Z;2;2;{first.load_id}:7.2:Data\n")
    assert load.load_file(form, "dinas__bulanan").loaded == 1
    file = settings.contracts_folder() / "dinas__bulanan.yaml"
    document = yaml.safe_load(file.read_text())
    # Under this contract the value of January is right, so that of February is the only refused one.
    document["version"] = "2.0.0"
    document["schema"][0]["properties"][2] |= limits(0, 900)
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    for delivery in replay.queue("dinas__bulanan"):
        assert load.load_delivery(delivery).status == "loaded"
    assert replay.queue("dinas__bulanan") == []
    current = MONTHS.replace(
        "where", "where _load_id in (select load_id from ops.load where superseded_by_load_id is null) and"
    )
    assert query(database, current) == [(1, 900), (2, 2), (3, 3)]
    assert query(database, "select count(*) from ops.rejected_row where resolved_by_load_id is null") == [
        (0,)
    ]


def test_a_form_that_names_one_row_twice_brings_it_once(
    database: Any, budget_csv: Writer, tmp_path: Path
) -> None:
    first = load.load_file(budget_csv(budget_row(), budget_row("Kota A", revenue="rusak")))
    form = tmp_path / "form.csv"
    lines = [f"{budget_row(name)};{first.load_id}:3" for name in ("Kota A", "Kota B")]
    form.write_text("\n".join([f"{HEADER};_pendopo", *lines]))
    second = load.load_file(form, "djpb__apbd")
    assert (second.loaded, second.rejected) == (1, 1)
    assert "sama dengan baris 2 berkas ini" in second.rejects[0].reasons[0].message
    assert query(database, "select count(*) from ops.rejected_row where resolved_by_load_id is null") == [
        (0,)
    ]


def test_a_punch_of_a_terminal_is_corrected_in_a_workbook_like_any_other_row(
    database: Any, tmp_path: Path
) -> None:
    file = tmp_path / "1_attlog.dat"
    punches = [f"  {pin}\t2022-01-03 07:0{pin}:00\t1\t0\t1\t0" for pin in range(5)]
    file.write_text("\n".join([*punches, "  7\t2022-02-31 07:00:00\t1\t0\t1\t0", ""]))
    first = load.load_file(file)
    assert (first.loaded, first.rejected) == (5, 1)
    form = tmp_path / "form.xlsx"
    assert run(app, ["corrections", str(first.load_id), "--output", str(form)]).exit_code == 0
    book = openpyxl.load_workbook(form)
    assert [cell.value for cell in book.active[2]][:2] == ["  7", "2022-02-31 07:00:00"]
    book.active["B2"] = "2022-02-30 07:00:00"
    book.save(form)
    still_wrong = load.load_file(form, "bkpsdm__absensi_mesin")
    marked_form = marked.write(still_wrong.load_id or 0)
    assert list(marks(openpyxl.load_workbook(marked_form))) == [("Perbaikan", "B2")]
    book.active["B2"] = "2022-02-28 07:00:00"
    book.save(form)
    assert load.load_file(form, "bkpsdm__absensi_mesin").loaded == 1
    assert query(database, "select pin, device_no from raw.bkpsdm__absensi_mesin where pin = '7'") == [
        ("7", 1)
    ]


def test_the_form_that_is_named_is_the_one_of_the_corrected_load_and_only_while_rows_are_open(
    database: Any, budget_csv: Writer, tmp_path: Path
) -> None:
    bad = [budget_row(f"Kota {name}", revenue="rusak") for name in "ABC"]
    first = load.load_file(budget_csv(budget_row(), *bad))

    def correct(name: str, *rows: str) -> Outcome:
        lines = [f"{row};{first.load_id}:{number}" for number, row in enumerate(rows, 3)]
        (tmp_path / name).write_text("\n".join([f"{HEADER};_pendopo", *lines]))
        return load.load_file(tmp_path / name, "djpb__apbd")

    second = correct("a.csv", budget_row("Kota A"), budget_row("Kota B", revenue="keliru"))
    assert f"pendopo corrections {first.load_id} --output" in report.as_text(second)
    assert f"pendopo corrections {second.load_id}" not in report.as_text(second)
    shown = run(app, ["report", str(second.load_id)]).stdout
    assert f"pendopo corrections {first.load_id} --output" in shown
    # Refused as a whole, and settled with the rest by what comes after.
    refused = correct("b.csv", budget_row("Kota A"), budget_row("Kota B", revenue="x"))
    assert refused.status == "refused"
    third = correct("c.csv", budget_row("Kota A"), budget_row("Kota B"), budget_row("Kota C"))
    assert (third.loaded, third.skipped_by_kind) == (2, {"resolved": 1})
    settled = "select load_id, resolved_by_load_id from ops.rejected_row order by load_id, row_no"
    assert query(database, settled) == [
        (first.load_id, second.load_id),
        (first.load_id, third.load_id),
        (first.load_id, third.load_id),
        (second.load_id, third.load_id),
        (refused.load_id, third.load_id),
    ]
    for load_id in (first.load_id, second.load_id):
        assert "Formulir perbaikan" not in run(app, ["report", str(load_id)]).stdout


def test_rows_that_a_correction_refused_are_settled_by_a_newer_file(
    database: Any, budget_csv: Writer, tmp_path: Path
) -> None:
    first = load.load_file(budget_csv(budget_row("C"), *(budget_row(name, revenue="x") for name in "AB")))
    form = tmp_path / "form.csv"
    lines = [f"{budget_row('A')};{first.load_id}:3", f"{budget_row('B', revenue='y')};{first.load_id}:4"]
    form.write_text("\n".join([f"{HEADER};_pendopo", *lines]))
    second = load.load_file(form, "djpb__apbd")
    newer = load.load_file(budget_csv(*map(budget_row, "ABC"), name="djpb_apbd_2.csv"))
    assert query(
        database, "select load_id, resolved_by_load_id from ops.rejected_row order by 1, row_no"
    ) == [
        (first.load_id, second.load_id),
        (first.load_id, newer.load_id),
        (second.load_id, newer.load_id),
    ]


def test_the_check_of_a_form_says_that_it_does_not_know_the_keys_of_loaded_rows(
    database: Any, budget_csv: Writer, tmp_path: Path
) -> None:
    first = load.load_file(budget_csv(budget_row(), budget_row("Kota A", revenue="rusak")))
    form = tmp_path / "form.csv"
    form.write_text(f"{HEADER};_pendopo\n{budget_row()};{first.load_id}:3\n")
    result = run(app, ["check", str(form), "--source", "djpb__apbd"])
    assert result.exit_code == 0
    assert "tidak membandingkan nomor kunci" in result.stdout


def test_every_kind_of_skipped_row_has_a_name_and_stands_in_the_manual() -> None:
    code = "\n".join(file.read_text() for file in (settings.ROOT / "ingestion").rglob("*.py"))
    kinds = set(re.findall(r'(?:skipped|skipped_by_kind)\["(\w+)"\]', code)) | {"header", "duplicate"}
    kinds |= set(typing.get_args(typing.get_type_hints(SkipRule)["kind"]))
    assert {"no_value", "blank", "machine", "resolved"} <= kinds <= set(report.KINDS)
    manual = (settings.ROOT / "docs" / "panduan-operator.md").read_text()
    assert [kind for kind in report.KINDS if f"`{kind}`" not in manual] == []
