"""Every format and layout that agencies send, read into the same plain tables."""

from __future__ import annotations

import datetime
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from ingestion import readers
from ingestion.contract import Contract
from ingestion.identify import identify
from ingestion.outcome import FileRefused
from ingestion.readers import sandbox
from ingestion.readers.table import Table

from .own_source import DATE, INTEGER, NUMBER, TEXT, TIMESTAMP, declare

Declare = Callable[..., Contract]
AREAS = {"wilayah": TEXT | {"required": True}, "nilai": NUMBER}


@pytest.fixture
def source(tmp_path: Path) -> Declare:
    folder = tmp_path / "contracts"
    folder.mkdir()
    return lambda columns=AREAS, **ingest: declare(folder, columns, **ingest)


def tables_of(file: Path, contract: Contract) -> list[Table]:
    return readers.open_tables(file, contract, file.name)


def rows_of(table: Table) -> list[dict[str, Any]]:
    """Row number and texts by contract column."""
    rows = []
    for batch in table.batches:
        for index, row_no in enumerate(batch.row_no.to_pylist()):
            cells = {name: batch.cells[at][index].as_py() for at, name in enumerate(table.names) if name}
            beside = {
                name: array[index].as_py()
                for name, array in (("origin", batch.origin), ("reference", batch.reference))
                if array is not None
            }
            rows.append({"row": row_no, **cells, **beside})
    return rows


def read(file: Path, contract: Contract) -> list[dict[str, Any]]:
    return [row for table in tables_of(file, contract) for row in rows_of(table)]


def write(folder: Path, text: str, name: str = "data.csv", encoding: str = "utf-8") -> Path:
    file = folder / name
    file.write_bytes(text.encode(encoding))
    return file


def workbook(
    folder: Path, *rows: Sequence[Any], merged: Sequence[str] = (), name: str = "data.xlsx", **sheets: Any
) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    for cells in merged:
        book.active.merge_cells(cells)
    for title, more in sheets.items():
        sheet = book.create_sheet(title)
        for row in more:
            sheet.append(list(row))
    book.save(folder / name)
    return folder / name


TWO = [{"row": 2, "wilayah": "Tuban", "nilai": "1,5"}, {"row": 3, "wilayah": "Rembang", "nilai": "2"}]


@pytest.mark.parametrize(
    ("encoding", "allowed"),
    [
        ("utf-8", ["utf-8"]),
        ("utf-8-sig", ["utf-8"]),
        ("utf-16", ["utf-16"]),
        ("utf-16-le", ["utf-8", "utf-16", "cp1252"]),
        ("utf-16-be", ["utf-8", "utf-16", "cp1252"]),
        ("latin-1", ["utf-8", "latin-1"]),
        ("cp1252", ["utf-8", "cp1252"]),
    ],
)
def test_every_listed_encoding_is_read(
    tmp_path: Path, source: Declare, encoding: str, allowed: list[str]
) -> None:
    file = write(tmp_path, "wilayah;nilai\r\nCafé;1\r\n", encoding=encoding)
    assert read(file, source(encodings=allowed)) == [{"row": 2, "wilayah": "Café", "nilai": "1"}]


def test_utf_16_without_a_mark_needs_the_contracts_leave(tmp_path: Path, source: Declare) -> None:
    file = write(tmp_path, "wilayah;nilai\nTuban;1\n", encoding="utf-16-le")
    with pytest.raises(FileRefused, match="tidak dapat dibaca sebagai utf-8 atau cp1252"):
        read(file, source())


@pytest.mark.parametrize("is_utf_8_first", [True, False])
def test_lines_of_two_encodings_refuse_the_file(
    tmp_path: Path, source: Declare, is_utf_8_first: bool
) -> None:
    lines = ["Désa;1\n".encode(), "Désa;2\n".encode("cp1252")]
    if not is_utf_8_first:
        lines.reverse()
    file = tmp_path / "data.csv"
    file.write_bytes(b"wilayah;nilai\n" + b"".join(lines))
    wrong = 3 if is_utf_8_first else 2
    with pytest.raises(FileRefused, match=f"baris {wrong}: hurufnya ditulis dengan cara lain"):
        read(file, source(encodings=["utf-8", "cp1252"]))


@pytest.mark.parametrize("first", ["Tuban;1;", "Tuban;1"])
def test_empty_fields_more_than_the_header_has_change_nothing(
    tmp_path: Path, source: Declare, first: str
) -> None:
    # What the first records look like decides how the others are read, not what comes out.
    text = f"wilayah;nilai\n{first}\n"
    text += 'Rembang;2\n"Blora; Kota";3;;\nLamongan;4;x\n;;;\n'
    (table,) = tables_of(write(tmp_path, text), source(headerSearchRows=2))
    batches = list(table.batches)
    table.batches = iter(batches)
    assert [(row["row"], row["wilayah"], row["nilai"]) for row in rows_of(table)] == [
        (2, "Tuban", "1"),
        (3, "Rembang", "2"),
        (4, "Blora; Kota", "3"),
        (6, "", ""),
    ]
    assert [(row.row_no, row.fields) for batch in batches for row in batch.broken] == [(5, 3)]


def test_separators_only_mixed_line_ends_and_no_final_newline(tmp_path: Path, source: Declare) -> None:
    file = write(tmp_path, ";;\r\nwilayah;;nilai\nTuban;x;1\r\nRembang;y;2")
    assert [row["row"] for row in read(file, source())] == [3, 4]


def test_a_tab_file_named_csv_and_an_unnamed_index_column(tmp_path: Path, source: Declare) -> None:
    (table,) = tables_of(write(tmp_path, "\twilayah\tnilai\n0\tTuban\t1,5\n1\tRembang\t2\n"), source())
    assert table.warnings == []
    assert rows_of(table) == TWO


@pytest.mark.parametrize("name", ["data.xls", "data.csv", "data"])
def test_content_says_what_a_file_is(tmp_path: Path, source: Declare, name: str) -> None:
    file = workbook(tmp_path, ["wilayah", "nilai"], ["Tuban", 1.5], ["Rembang", 2], name="d.xlsx")
    assert read(file.rename(tmp_path / name), source()) == TWO


def test_open_document_spreadsheets_are_read(tmp_path: Path, source: Declare) -> None:
    cells = [["wilayah", "nilai"], ["Tuban", 1.5], ["Rembang", 2]]
    rows = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="float" office:value="{cell}"/>'
            if isinstance(cell, (int, float))
            else f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
            for cell in row
        )
        + "</table:table-row>"
        for row in cells
    )
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    file = tmp_path / "data.ods"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "META-INF/manifest.xml",
            '<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
        )
        archive.writestr(
            "content.xml",
            f"<office:document-content{names}><office:body><office:spreadsheet>"
            f'<table:table table:name="Data">{rows}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    assert read(file, source()) == TWO


def test_a_plain_html_table_named_xls_is_read_with_its_title(tmp_path: Path, source: Declare) -> None:
    page = (
        "<html><head><title>x</title></head><body><h3>Laporan <b>2025</b></h3>"
        '<table border=1><tr><th colspan=2>Data<th rowspan="2">nilai</tr><tr><th>No<th>wilayah</tr>'
        "<tr><td>1<td>Tuban<td>1,5</tr><tr><td>2<td>Kota&nbsp;Rembang<td>2</tr></table>"
        "<p>Sumber: contoh</p></body></html>"
    )
    footer = {"column": "catatan", "of": "footer", "pattern": "Sumber: (.+)"}
    contract = source(AREAS | {"catatan": TEXT}, headerRows=2, attributes=[footer])
    (table,) = tables_of(write(tmp_path, page, "data.xls"), contract)
    assert table.found["title"] == ["Laporan 2025"]
    assert table.found["footer"][-1] == "Sumber: contoh"
    assert table.headers == {"wilayah": "Data / wilayah", "nilai": "nilai"}
    assert [(row["row"], row["wilayah"], row["nilai"]) for row in rows_of(table)] == [
        (4, "Tuban", "1,5"),
        (5, "Kota Rembang", "2"),
        (6, "", ""),
    ]


def test_tables_inside_cells_are_laid_side_by_side_again(tmp_path: Path, source: Declare) -> None:
    def table(*rows: str) -> str:
        return "<table>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"

    left = table('<th rowspan="2">wilayah</th>') + table("<td>A</td>", "<td>B</td>", "<td>C</td>")
    right = table('<th colspan="2">Nilai</th>', "<th>2024</th><th>2023</th>") + table(
        "<td>1</td><td>2</td>", "<td>3</td><td>4</td>", "<td>5</td><td>6</td>"
    )
    page = f"<html><table>{table(f'<td><div>{left}</div></td><td>{right}</td>')}</table></html>"
    contract = source(
        AREAS | {"tahun": INTEGER},
        headerRows=2,
        unpivot={"pattern": r".* / (?P<tahun>\d{4})", "value": "nilai"},
    )
    rows = read(write(tmp_path, page, "data.xls"), contract)
    assert [(row["wilayah"], row["tahun"], row["nilai"]) for row in rows] == [
        ("A", "2024", "1"),
        ("A", "2023", "2"),
        ("B", "2024", "3"),
        ("B", "2023", "4"),
        ("C", "2024", "5"),
        ("C", "2023", "6"),
    ]


@pytest.mark.parametrize(
    ("contents", "records"),
    [
        ('[{"wilayah": "Tuban", "nilai": 1.5}, {"nilai": 2, "wilayah": "Rembang"}]', ""),
        ('{"result": {"records": [{"wilayah": "Tuban", "nilai": 1.5}, {"wilayah": "Rembang", "nilai": 2}]}}',
         "result.records"),
        ('{"wilayah": "Tuban", "nilai": 1.5}\n{"wilayah": "Rembang", "nilai": 2}\n', ""),
        ('[["wilayah", "nilai"], ["Tuban", 1.5], ["Rembang", 2]]', ""),
    ],
)  # fmt: skip
def test_json_records_are_rows_under_their_keys(
    tmp_path: Path, source: Declare, contents: str, records: str
) -> None:
    assert read(write(tmp_path, contents, "data.json"), source(records=records)) == TWO


def test_inner_objects_of_json_join_their_keys_and_lists_stay_json(tmp_path: Path, source: Declare) -> None:
    record = {"properties": {"wilayah": "Tuban"}, "nilai": None, "daftar": [1, {"a": "b"}]}
    contract = source(
        AREAS | {"daftar": TEXT}, records="features", headers={"wilayah": ["properties.wilayah"]}
    )
    file = write(tmp_path, json.dumps({"features": [record]}), "data.geojson")
    assert read(file, contract) == [{"row": 2, "wilayah": "Tuban", "nilai": "", "daftar": '[1, {"a": "b"}]'}]


def test_a_broken_line_of_json_is_one_bad_row(tmp_path: Path, source: Declare) -> None:
    lines = '{"wilayah": "Tuban", "nilai": 1}\n{"wilayah": "Kota \n{"wilayah": "Rembang", "nilai": 2}\n'
    (table,) = tables_of(write(tmp_path, lines, "data.jsonl"), source())
    (batch,) = table.batches
    assert batch.row_no.to_pylist() == [2, 4]
    assert [(row.row_no, row.text) for row in batch.broken] == [(3, '{"wilayah": "Kota')]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
@pytest.mark.parametrize(
    "text",
    [
        '[{"wilayah": "Tuban", "nilai": 1.5}, {"wilayah": "Rembang", "nilai": 2}]',
        '{"wilayah": "Tuban", "nilai": 1.5}\r\n{"wilayah": "Rembang", "nilai": 2}\r\n',
        "<table><tr><th>wilayah<th>nilai<tr><td>Tuban<td>1,5<tr><td>Rembang<td>2</table>",
    ],
)
def test_json_and_pages_are_read_in_utf_16_too(
    tmp_path: Path, source: Declare, text: str, encoding: str
) -> None:
    file = write(tmp_path, text, encoding=encoding)
    assert read(file, source(encodings=["utf-8", "utf-16"])) == TWO


def test_formulas_whose_result_was_not_saved_are_told(tmp_path: Path, source: Declare) -> None:
    rows = [[f"W{number}", f"=A{number}*2"] for number in range(30_000)]
    file = workbook(tmp_path, ["wilayah", "nilai"], *rows, Catatan=[["lain"]])
    warning = tables_of(file, source())[0].warnings[0]
    assert warning.startswith("Lembar Sheet: 30000 rumus tanpa hasil tersimpan dibaca kosong")
    assert "yang pertama di sel B2. Buka" in warning


def test_a_formula_with_an_empty_text_as_result_is_not_told(tmp_path: Path, source: Declare) -> None:
    file = workbook(tmp_path, ["wilayah", "nilai"], ["Tuban", "=1+1"])
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    xml = members["xl/worksheets/sheet1.xml"]
    saved = xml.replace(b'<c r="B2"><f>', b'<c r="B2" t="str"><f>')
    assert saved != xml
    members["xl/worksheets/sheet1.xml"] = saved
    with zipfile.ZipFile(file, "w") as archive:
        for name, contents in members.items():
            archive.writestr(name, contents)
    (table,) = tables_of(file, source())
    assert table.warnings == []


def test_an_archive_holds_files_of_any_kind(tmp_path: Path, source: Declare) -> None:
    book = workbook(tmp_path, ["wilayah", "nilai"], ["Tuban", 1.5], name="d.xlsx")
    file = tmp_path / "data.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("2025/a.csv", "wilayah;nilai\nLamongan;3\n")
        archive.writestr("2025/b.xlsx", book.read_bytes())
        archive.writestr("__MACOSX/2025/._a.csv", "x")
        archive.writestr("baca saya.txt", "halo")
    tables = tables_of(file, source())
    assert [table.sheet for table in tables] == ["2025/a.csv", "2025/b.xlsx/Sheet"]
    assert [row["wilayah"] for table in tables for row in rows_of(table)] == ["Lamongan", "Tuban"]
    (table,) = tables_of(file, source(sheets=r".*\.csv"))
    assert table.found["sheet"] == ["2025/a.csv"]
    with pytest.raises(FileRefused, match=r"Yang ada: 2025/a\.csv, 2025/b\.xlsx, baca saya\.txt"):
        tables_of(file, source(sheets=r"c\.csv"))


def test_an_error_inside_a_member_refuses_the_archive(tmp_path: Path, source: Declare) -> None:
    file = tmp_path / "data.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.csv", "wilayah;nilai\nLamongan;3\n")
        archive.writestr("b.csv", 'wilayah;nilai\n"Tuban;3\nRembang;4\n')
    with pytest.raises(FileRefused, match=r"data\.zip \(b\.csv\), mulai baris 2: tanda kutip"):
        read(file, source())


def test_levels_of_a_header_are_joined_and_periods_become_rows(tmp_path: Path, source: Declare) -> None:
    file = workbook(
        tmp_path,
        ["Provinsi", "Penduduk miskin"],
        [None, "Perkotaan", None, "Perdesaan"],
        [None, "2020", "2021", "2020", "2021"],
        ["ACEH", 9.84, "-", "7,5", 3],
        ["Sumber: BPS"],
        merged=["A1:A3", "B1:E1", "B2:C2", "D2:E2"],
    )
    columns = {"provinsi": TEXT | {"required": True}, "jenis": TEXT, "tahun": INTEGER, "nilai": NUMBER}
    contract = source(
        columns,
        headerRows=3,
        headers={"provinsi": ["Provinsi"]},
        unpivot={"pattern": r"[^/]+ / (?P<jenis>.+) / (?P<tahun>\d{4})", "value": "nilai"},
    )
    (table,) = tables_of(file, contract)
    batches = list(table.batches)
    assert [batch.without_value for batch in batches] == [1]
    table.batches = iter(batches)
    origin = "Penduduk miskin / {} / {}".format
    common = {"row": 4, "provinsi": "ACEH"}
    assert rows_of(table) == [
        common
        | {"jenis": "Perkotaan", "tahun": "2020", "nilai": "9,84", "origin": origin("Perkotaan", 2020)},
        common | {"jenis": "Perdesaan", "tahun": "2020", "nilai": "7,5", "origin": origin("Perdesaan", 2020)},
        common | {"jenis": "Perdesaan", "tahun": "2021", "nilai": "3", "origin": origin("Perdesaan", 2021)},
    ]
    assert table.fields == 5
    assert table.places[origin("Perdesaan", 2021)] == (4,)


def test_text_files_spread_a_group_to_the_right_and_months_become_numbers(
    tmp_path: Path, source: Declare
) -> None:
    text = "wilayah;Realisasi;;Target;\n;Januari;Feb;Januari;Feb\nTuban;1;2;3;4\n"
    columns = AREAS | {"jenis": TEXT, "bulan": INTEGER}
    contract = source(
        columns, headerRows=2, unpivot={"pattern": r"(?P<jenis>\w+) / (?P<bulan>\w+)", "value": "nilai"}
    )
    rows = read(write(tmp_path, text), contract)
    assert [(row["jenis"], row["bulan"], row["nilai"]) for row in rows] == [
        ("Realisasi", "1", "1"),
        ("Realisasi", "2", "2"),
        ("Target", "1", "3"),
        ("Target", "2", "4"),
    ]


def test_a_column_is_found_by_its_letter_where_its_header_stands_elsewhere(
    tmp_path: Path, source: Declare
) -> None:
    file = workbook(
        tmp_path,
        [],
        [None, None, "PEMERINTAH CONTOH"],
        [None, "KODE", None, "URAIAN", None, None, "JUMLAH"],
        [None, None, "4", "PENDAPATAN", None, None, 10],
        [None, None, "4.1", None, "PAJAK", None, 7],
    )
    columns = {"kode": TEXT | {"required": True}, "uraian": TEXT, "jumlah": NUMBER}
    (table,) = tables_of(file, source(columns, positions={"kode": ["C"], "uraian": ["D", "E"]}))
    assert table.found["title"] == ["PEMERINTAH CONTOH"]
    assert table.places["KODE"] == (2,)
    assert table.places["uraian"] == (3, 4)
    assert rows_of(table) == [
        {"row": 4, "kode": "4", "uraian": "PENDAPATAN", "jumlah": "10"},
        {"row": 5, "kode": "4.1", "uraian": "PAJAK", "jumlah": "7"},
    ]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_file_without_a_header_is_read_in_the_contracts_order(
    tmp_path: Path, source: Declare, kind: str
) -> None:
    contract = source(fields=["", "wilayah", "nilai"])
    if kind == "csv":
        file = write(tmp_path, "1;Tuban;1,5\n2;Rembang;2\n")
    else:
        file = workbook(tmp_path, [1, "Tuban", 1.5], [2, "Rembang", 2])
    assert [(row["row"], row["wilayah"]) for row in read(file, contract)] == [(1, "Tuban"), (2, "Rembang")]


def test_a_misspelt_header_is_told_and_not_read_as_a_record(tmp_path: Path, source: Declare) -> None:
    contract = source(fields=["wilayah", "nilai"])
    for text in ("wilayah;nilaai\nTuban;1\n", "Tuban;1;9\nRembang;2;9\n"):
        with pytest.raises(FileRefused, match="Judul kolom tidak ditemukan"):
            read(write(tmp_path, text), contract)


def test_named_sheets_are_read_and_the_others_left(tmp_path: Path, source: Declare) -> None:
    header = ["wilayah", "nilai"]
    file = workbook(tmp_path, header, ["X", 0], Jan=[header, ["A", 1]], Feb=[header, ["B", 2]])
    tables = tables_of(file, source(sheets="jan|feb"))
    assert [(table.sheet, table.found["sheet"]) for table in tables] == [("Jan", ["Jan"]), ("Feb", ["Feb"])]
    # In any order, even when the first one is passed over.
    assert [row["wilayah"] for row in rows_of(tables[1])] == ["B"]
    with pytest.raises(FileRefused, match="Yang ada: Sheet, Jan, Feb"):
        tables_of(file, source(sheets="Maret"))


def test_a_sheet_whose_header_is_misspelt_refuses_the_file(tmp_path: Path, source: Declare) -> None:
    columns = {"wilayah": TEXT | {"required": True}, "nilai": NUMBER | {"required": True}, "satuan": TEXT}
    jan = [["wilayah", "nilai", "satuan"], ["Tuban", 1, "ha"]]
    lacking = [["wilayah", "nlai", "satuan"], ["Rembang", 2, "ha"]]
    file = workbook(tmp_path, *jan, Feb=lacking)
    with pytest.raises(FileRefused, match=r"\(lembar Feb\) tidak memuat kolom wajib: nilai.*hapus"):
        tables_of(file, source(columns))
    file = workbook(tmp_path, *jan, Maret=[["wilayah", "nilaii", "ket"], ["Rembang", 2, "ha"]])
    with pytest.raises(FileRefused, match=r"\(lembar Maret\).*'nilaii' seharusnya 'nilai'"):
        tables_of(file, source(columns))


def test_a_member_whose_header_is_misspelt_refuses_the_archive(tmp_path: Path, source: Declare) -> None:
    file = tmp_path / "data.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("jan.csv", "wilayah;nilai\nTuban;1\n")
        archive.writestr("feb.csv", "wilayah;nilaii\nRembang;2\n")
    with pytest.raises(FileRefused, match=r"data\.zip \(feb\.csv\).*'nilaii' seharusnya 'nilai'"):
        tables_of(file, source())


def test_sheets_that_are_not_read_are_named(tmp_path: Path, source: Declare) -> None:
    header = ["wilayah", "nilai"]
    file = workbook(tmp_path, header, ["Tuban", 1], Lanjutan=[["Rembang", 2], ["Blora", 3]], Kosong=[])
    book = openpyxl.load_workbook(file)
    book.create_sheet("Feb").append(header)
    book["Feb"].sheet_state = "hidden"
    book.create_sheet("Daftar").sheet_state = "veryHidden"
    book.save(file)
    (table,) = tables_of(file, source())
    assert [row["wilayah"] for row in rows_of(table)] == ["Tuban"]
    unread, hidden = table.warnings
    assert unread.startswith("Lembar Lanjutan tidak dibaca karena tidak memuat judul kolom Data contoh.")
    assert hidden.startswith("Lembar Feb tersembunyi dan tidak dibaca.")
    (table,) = tables_of(file, source(sheets="sheet"))
    assert [text[:28] for text in table.warnings] == ["Lembar Lanjutan tidak dibaca"]


def test_members_that_are_not_read_are_named(tmp_path: Path, source: Declare) -> None:
    file = tmp_path / "data.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.csv", "wilayah;nilai;catatan\nTuban;1;x\n")
        archive.writestr("surat.pdf", "%PDF-1.7 ...")
        archive.writestr("kosong.txt", "")
    (table,) = tables_of(file, source())
    unknown, unread = table.warnings
    assert unknown == "Berkas a.csv: Kolom yang tidak dikenal dan dilewati: catatan."
    assert unread.startswith("Berkas surat.pdf tidak dibaca karena bukan tabel.")


def test_cells_of_one_column_may_be_numbers_dates_and_texts(tmp_path: Path, source: Declare) -> None:
    columns = {"kode": TEXT | {"required": True}, "tanggal": DATE, "jam": TIMESTAMP, "nilai": NUMBER}
    day, moment = datetime.date(2025, 2, 28), datetime.datetime(2025, 2, 28, 8, 0, 0)
    file = workbook(
        tmp_path,
        ["kode", "tanggal", "jam", "nilai"],
        [3503.0, day, moment, 0.1 + 0.2],
        ["0012", "28/02/2025", "28/02/2025 08:00:00", "1.234,5"],
        [True, 45716, 45716.333333, 1234567.891],
        [12.5, None, day, 1e-7],
        ["x", moment, "?", -0.5],
    )
    rows = read(file, source(columns))
    assert [row["kode"] for row in rows] == ["3503", "0012", "TRUE", "12.5", "x"]
    assert [row["tanggal"] for row in rows] == ["28/02/2025", "28/02/2025", "28/02/2025", "", "28/02/2025"]
    moments = ["28/02/2025 08:00:00"] * 3
    assert [row["jam"] for row in rows] == [*moments, "28/02/2025 00:00:00", "?"]
    assert [row["nilai"] for row in rows] == ["0,3", "1.234,5", "1234567,89", "0", "-0,5"]


def test_whole_columns_and_single_cells_are_written_alike(tmp_path: Path, source: Declare) -> None:
    columns = {"kode": TEXT | {"required": True}, "nilai": NUMBER}
    numbers = [0.0, 1.0, -2.5, 2.675, 99.995, 1e15, 123456789012345.6, 1e-9, 33.333333333]
    alone = [
        read(workbook(tmp_path, ["kode", "nilai"], ["a", number], ["b", "teks"]), source(columns))[0]["nilai"]
        for number in numbers
    ]
    together = workbook(tmp_path, ["kode", "nilai"], *(["a", number] for number in numbers))
    assert [row["nilai"] for row in read(together, source(columns))] == alone
    assert alone[2:5] == ["-2,5", "2,68", "100"]


def test_corrected_rows_carry_the_row_they_replace(tmp_path: Path, source: Declare) -> None:
    columns = AREAS | {"tahun": INTEGER}
    contract = source(columns, headerRows=2, unpivot={"pattern": r"x / (?P<tahun>\d{4})", "value": "nilai"})
    file = workbook(tmp_path, ["_pendopo", "wilayah", "tahun", "nilai"], ["7:12", "Tuban", "2024", "5"])
    (table,) = tables_of(file, contract)
    assert table.names == ("wilayah", "tahun", "nilai")
    assert table.warnings == []
    assert rows_of(table) == [
        {"row": 2, "wilayah": "Tuban", "tahun": "2024", "nilai": "5", "reference": "7:12"}
    ]


def test_a_file_is_opened_once_to_see_whose_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {f"kolom_{number}": TEXT | {"required": True} for number in range(3)}
    contracts = {}
    for number in range(20):
        own = {f"d{number}": TEXT | {"required": True}}
        names = {"filePattern": f"{number}_.*", "fileExample": f"{number}_.csv"}
        contracts[f"dinas__d{number}"] = declare(tmp_path, columns | own, f"dinas__d{number}", **names)
    started = []
    begin = sandbox.ask
    monkeypatch.setattr(sandbox, "ask", lambda request: started.append(request) or begin(request))
    file = workbook(tmp_path, [*columns, "d7"], ["a", "b", "c", "d"])
    assert identify(file, file.name, contracts).source_id == "dinas__d7"
    assert len(started) == 1


def test_anybodys_file_can_be_looked_at_without_a_contract(tmp_path: Path) -> None:
    file = workbook(
        tmp_path, ["Judul"], ["a", "b"], [1.5, datetime.datetime(2025, 1, 1, 8)], merged=["A1:B1"]
    )
    (sheet,) = readers.peek(file, file.name)
    assert sheet.rows == [["Judul", ""], ["a", "b"], [1.5, datetime.datetime(2025, 1, 1, 8)]]
    assert sheet.merges == [(0, 0, 0, 1)]
    for text, name in (("a;b\n1;2\n", "x.csv"), ('{"d": [{"a": 1, "b": "2"}]}', "x.json")):
        (sheet,) = readers.peek(write(tmp_path, text, name), name)
        assert sheet.rows[0] == ["a", "b"]
    assert sheet.name == "d"
