"""A new source is one reviewed contract: what dbt needs follows from it, and drift is found."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ingestion import generate, settings, source_commands
from ingestion.contract import Contract, load_contracts, read_contract
from ingestion.draft import DraftError, condense, draft
from ingestion.load import check_file
from ingestion.outcome import Outcome
from ingestion.sample import from_contract
from ingestion.sample.scene import Scene

TODAY = datetime.date(2026, 11, 22)
Drafted = Callable[..., tuple[Contract, Outcome]]


@pytest.fixture
def drafted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drafted:
    """Drafts a contract from a file and checks the file against it, under the name the contract asks for."""
    folder = tmp_path / "contracts"
    folder.mkdir()
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(folder))

    def run(file: Path, dataset: str = "contoh") -> tuple[Contract, Outcome]:
        made = draft(file, "dinkes", dataset, today=TODAY)
        place = folder / f"{made.source_id}.yaml"
        place.write_text(made.text, encoding="utf-8")
        renamed = tmp_path / "renamed" / made.file_name
        renamed.parent.mkdir(exist_ok=True)
        shutil.copy(file, renamed)
        return read_contract(place), check_file(renamed, made.source_id, received_on=TODAY)

    return run


@pytest.fixture
def csv_file(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str, name: str = "contoh.csv", encoding: str = "utf-8") -> Path:
        file = tmp_path / name
        file.write_bytes(text.encode(encoding))
        return file

    return write


def test_the_staging_models_are_those_the_contracts_describe() -> None:
    found = [f"{change.kind}: {change.path}" for change in generate.changes(load_contracts().values())]
    assert not found, f"run `pendopo source generate` and commit the result: {found}"


def test_a_model_changed_by_hand_one_without_contract_and_a_lost_one_are_found(tmp_path: Path) -> None:
    contracts = load_contracts()
    generate.write(contracts.values(), tmp_path)
    assert generate.changes(contracts.values(), tmp_path) == []
    by_hand = tmp_path / "budget" / "stg_djpb__apbd.sql"
    by_hand.write_text(by_hand.read_text().replace("landed.cutoff_on,\n", ""))
    (tmp_path / "poverty" / "src_bps__kemiskinan.yml").unlink()
    del contracts["bkpsdm__pegawai"]
    kinds = {str(change.path): change.kind for change in generate.changes(contracts.values(), tmp_path)}
    assert kinds == {
        "budget/stg_djpb__apbd.sql": "different",
        "poverty/src_bps__kemiskinan.yml": "missing",
        "attendance/src_bkpsdm__pegawai.yml": "stale",
        "attendance/stg_bkpsdm__pegawai.sql": "stale",
        "attendance/stg_bkpsdm__pegawai.yml": "stale",
    }
    generate.write(contracts.values(), tmp_path)
    assert generate.changes(contracts.values(), tmp_path) == []
    assert not by_hand.with_name("stg_bkpsdm__pegawai.sql").exists()


def test_a_model_written_by_hand_is_left_alone(tmp_path: Path) -> None:
    own = tmp_path / "shared" / "stg_ops__load.sql"
    own.parent.mkdir()
    own.write_text("select 1\n")
    generate.write(load_contracts().values(), tmp_path)
    assert own.read_text() == "select 1\n"


# Every tabular file of shared/real with the records it holds (None: not stated) and the key that names a row.
REAL: dict[str, tuple[int, set[str]]] = {
    "attendance/1_attlog.dat": (24_162, set()),
    "beds/covid_bed_data_all_0803.csv": (1748, set()),
    "budget/1-kegiatan-20250619-190723.xlsx": (4, {"nama_kegiatan"}),
    "budget/1_lra_20251022-103930.xlsx": (9, {"year", "month", "kode_rekening"}),
    "budget/derived_data_serapan_skpd.csv": (1413, {"id_serapan"}),
    "budget/derived_data_skpd.csv": (44, {"data_month", "id_skpd"}),
    "budget/derived_data_uraian_kegiatan_pemko.csv": (1877, {"kode_rekening", "tahun", "st_anggaran"}),
    "budget/djpb_apbd.csv": (84, {"thang", "bulan", "nama_pemda"}),
    "catalogue/trenggalek_satudata.json": (1022, set()),
    "complaints/nyc311_2018.csv": (1000, {"unique_key"}),
    "investment/Data realisasi investasi 2024-Triwulan 2.csv": (
        2478,
        {"year", "quarter", "negara", "deskripsi_kbli_2digit", "kabupaten_kota"},
    ),
    "permits/oss_jan2024_header.xlsx": (408, {"id_permohonan_izin"}),
    "permits/oss_jan2024_noheader.xlsx": (408, {"kolom_b"}),
    "population/Penduduk, *.csv": (39, {"year", "kabupaten_kota"}),
    "poverty/Garis Kemiskinan *2022.csv": (39, {"table_title", "year", "area_name"}),
    "poverty/Garis Kemiskinan *2023.csv": (39, {"table_title", "year", "area_name"}),
    "poverty/Persentase *2022.csv": (39, {"table_title", "year", "area_name"}),
    "poverty/Persentase *2023.csv": (39, {"table_title", "year", "area_name"}),
    # 35 areas, 18 columns of which 6 hold a dash everywhere; one area is new and one column short.
    "poverty/Persentase Penduduk Miskin (P0) *.xlsx": (416, {"provinsi", "group_2", "year", "group_4"}),
    "poverty/gariskemiskinanjabar.xls": (3, {"nama_wilayah", "year"}),
    "sectoral/1771833698_*.xls": (2, {"kode_dssd", "year"}),
    "sectoral/1772436309_*.xlsx": (1, set()),
    "sectoral/1772440922_*.xlsx": (1, set()),
    "traffic/Metro_Interstate_Traffic_Volume.csv": (48_204, set()),
}


@pytest.mark.parametrize("name", REAL)
def test_a_draft_of_a_public_file_is_a_contract_that_loads_it_and_has_a_sample(
    shared_real: Path, drafted: Drafted, name: str, tmp_path: Path
) -> None:
    (file,) = shared_real.glob(name.replace("(", "[(]").replace(")", "[)]"))
    contract, outcome = drafted(file)
    records, key = REAL[name]
    assert outcome.status == "accepted", outcome.messages
    assert outcome.loaded >= 0.95 * records
    assert outcome.loaded + outcome.rejected == records
    assert {column.name for column in contract.key_columns} == key
    (made,) = from_contract.write(tmp_path, contract, Scene.load(seed=1, as_of=TODAY, scale=0.5))
    sampled = check_file(made, contract.source_id, received_on=TODAY)
    assert (sampled.status, sampled.rejected) == ("accepted", 0), sampled.messages


def test_every_tabular_public_file_is_drafted(shared_real: Path) -> None:
    tables = {
        file for file in shared_real.rglob("*.*") if file.suffix not in (".md", ".geojson") and file.is_file()
    }
    drafted = {
        file for name in REAL for file in shared_real.glob(name.replace("(", "[(]").replace(")", "[)]"))
    }
    assert drafted == tables


COMPLAINTS = """DATA PENGADUAN
;;;;;;;
No;No. Tiket;NIK;Nama Lengkap;Kecamatan;Kode Wilayah;Tanggal Lapor;Biaya
"""


def complaint(number: int, **changes: str) -> str:
    row = {
        "no": str(number),
        "ticket": f"LPR-{number:04d}",
        "nik": f"99{number:014d}",
        "name": f"Contoh Rekaan {number}",
        "kecamatan": "Jenu",
        "code": f"{number % 9:02d}",
        "day": f"{number % 28 + 1:02d}/10/2025",
        "cost": f"{number}.250.000,50",
    } | changes
    return ";".join(row.values()) + "\n"


def test_types_keys_and_persons_are_found_in_an_indonesian_table(drafted: Drafted, csv_file: Any) -> None:
    rows = "".join(complaint(number) for number in range(1, 60))
    file = csv_file(COMPLAINTS + rows + ";;;;;;JUMLAH;99\nSumber: contoh;;;;;;;\n", "aduan_2025-10.csv")
    contract, outcome = drafted(file)
    assert (outcome.status, outcome.loaded, outcome.rejected) == ("accepted", 59, 0)
    columns = {column.name: column for column in contract.columns}
    assert [column.name for column in contract.key_columns] == ["no_tiket"]
    kinds = {name: column.postgres_type for name, column in columns.items()}
    assert kinds["kode_wilayah"] == "text" and kinds["tanggal_lapor"] == "date"
    assert kinds["biaya"] == "numeric(20,2)" and kinds["no"] == "integer"
    assert {name for name, column in columns.items() if column.is_protected} == {"nik", "nama_lengkap"}
    # The month of the name must be the month of the rows, and a newer file replaces it.
    assert contract.ingest.slice == ("period",)
    assert contract.ingest.file_period and contract.ingest.file_period.column == "tanggal_lapor"
    assert contract.matches_file_name("aduan_2025-11.xlsx") is None
    assert contract.matches_file_name("aduan_2025-11.csv")
    assert contract.frequency == "monthly"


def test_a_column_that_nobody_can_explain_stays_with_the_loader(drafted: Drafted, csv_file: Any) -> None:
    rows = "".join(f"{number},2024,kata {number} lain\n" for number in range(1, 30))
    contract, _ = drafted(csv_file("kode,tahun,xyz\n" + rows, encoding="utf-16"))
    assert contract.column("xyz").classification == "personal"
    assert contract.column("kode").classification == "internal"
    assert "landed.xyz_key" in generate.files_of(contract)[Path(contract.domain, "stg_dinkes__contoh.sql")]


def test_few_values_seen_often_become_a_list_for_review(csv_file: Any) -> None:
    rows = "".join(f"K{number},2024,{'Selesai' if number % 2 else 'Proses'}\n" for number in range(80))
    text = draft(csv_file("kode,tahun,status\n" + rows), "dinkes", "contoh", today=TODAY).text
    before, _, after = text.partition("- name: status")
    assert "validValues: [Proses, Selesai]" in after
    assert "TINJAU: nilai yang ada di contoh" in before.splitlines()[-1] + before.splitlines()[-2]


@pytest.mark.parametrize(
    ("header", "rows", "years"),
    [
        ("kode;satuan;data_2022;data_2023", "A;unit;5;6\nB;unit;7;\n", [2022, 2023]),
        ("kode;satuan;Tahun 2022;Tahun 2023", "A;unit;5;6\nB;unit;7;\n", [2022, 2023]),
    ],
)
def test_columns_of_years_become_rows(
    drafted: Drafted, csv_file: Any, header: str, rows: str, years: list[int]
) -> None:
    contract, outcome = drafted(csv_file(f"{header}\n{rows}"))
    assert contract.ingest.unpivot and contract.ingest.unpivot.groups == ("year",)
    # The empty cell of B is no record.
    assert outcome.loaded == 3
    assert outcome.slices == [str(year) for year in years]


def test_columns_of_months_become_rows_with_their_numbers(drafted: Drafted, csv_file: Any) -> None:
    contract, outcome = drafted(csv_file("kode;Januari;Februari;Maret\nA;1;2;3\nB;4;5;6\n", "apbd 2025.csv"))
    assert outcome.loaded == 6
    assert contract.column("month").logical_type == "integer"


def test_points_that_part_decimals_are_not_taken_for_thousands(drafted: Drafted, csv_file: Any) -> None:
    contract, outcome = drafted(csv_file("kode,tahun,nilai\nA,2024,0.125\nB,2024,1.250\n"))
    assert (contract.ingest.decimal_char, outcome.loaded) == (".", 2)
    assert contract.column("nilai").scale == 3


def test_months_before_days_are_seen_by_a_day_beyond_the_twelfth(drafted: Drafted, csv_file: Any) -> None:
    rows = "".join(f"K{day},{day % 12 + 1:02d}/{day:02d}/2025\n" for day in range(1, 29))
    contract, outcome = drafted(csv_file("kode,tanggal\n" + rows))
    assert contract.ingest.date_formats == ("MM/dd/yyyy",)
    assert outcome.loaded == 28


def test_a_file_that_tells_no_time_must_carry_its_month_in_its_name(drafted: Drafted, csv_file: Any) -> None:
    contract, outcome = drafted(csv_file("kode,uraian\nA,satu\nB,dua\n", "daftar.csv"))
    assert contract.ingest.file_example == "daftar_2026-10.csv"
    assert outcome.status == "accepted"


@pytest.mark.parametrize(
    ("content", "word"), [("", "kosong"), ("halo\n", "Tidak ada tabel"), ("%PDF-1.4 abc", "PDF")]
)
def test_what_is_no_table_is_said_in_a_sentence(csv_file: Any, content: str, word: str) -> None:
    with pytest.raises(settings.PendopoError, match=word):
        draft(csv_file(content), "dinkes", "contoh")


@pytest.mark.parametrize(("opd", "dataset"), [("Din Kes", "x"), ("dinkes", "a__b"), ("dinkes", "x" * 60)])
def test_a_code_that_can_name_no_table_is_refused(csv_file: Any, opd: str, dataset: str) -> None:
    with pytest.raises(DraftError, match=r"kode sumber|terlalu panjang"):
        draft(csv_file("a,b\n1,2\n"), opd, dataset)


def test_headers_that_are_words_of_sql_or_come_twice_get_names_of_their_own(
    drafted: Drafted, csv_file: Any
) -> None:
    contract, outcome = drafted(csv_file("order,user,2 kolom,Tahun\nA,b,c,2024\nB,d,e,2024\n"))
    assert [column.name for column in contract.columns] == [
        "order_asli",
        "user_asli",
        "kolom_2_kolom",
        "tahun",
    ]
    assert outcome.loaded == 2


@pytest.mark.parametrize("header", ["kode;Nilai;Nilai;tahun", "kode;NILAI ;nilai.;tahun"])
def test_two_columns_of_one_title_are_refused_and_nothing_is_written(
    tmp_path: Path, csv_file: Any, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(tmp_path / "contracts"))
    (tmp_path / "contracts").mkdir()
    monkeypatch.setattr(generate, "staging_folder", lambda: tmp_path / "staging")
    file = str(csv_file(f"{header}\nA;1;2;2024\nB;3;4;2024\n"))
    made = CliRunner().invoke(
        source_commands.app, ["new", file, "--opd", "dinkes", "--dataset", "contoh", "--force"]
    )
    assert isinstance(made.exception, DraftError) and "judul kolom yang sama" in str(made.exception)
    assert not list((tmp_path / "contracts").iterdir()) and not (tmp_path / "staging").exists()


def test_columns_headed_by_signs_are_found_by_their_letters(drafted: Drafted, csv_file: Any) -> None:
    contract, outcome = drafted(csv_file("kode;Pagu;%;tahun;%\nA;10;1;2024;7\nB;30;3;2024;8\n"))
    assert (outcome.status, outcome.loaded) == ("accepted", 2)
    assert contract.ingest.positions == {"kolom_c": ("C",), "kolom_e": ("E",)}


@pytest.mark.parametrize(
    ("name", "content", "columns"),
    [
        ("contoh.csv", "kode;unit;unit key;tahun\nA;1;x;2024\nB;3;y;2024\n", "kode unit unit_key_2 tahun"),
        ("contoh.csv", "kode;value;data_2022;data_2023\nA;1;2;3\nB;2;4;5\n", "kode value_2 year value"),
        ("contoh 2024.csv", "kode;year;nilai\nA;2024;2\nB;;4\n", "year kode year_2 nilai"),
    ],
)
def test_no_header_takes_the_name_of_a_column_that_the_loader_makes(
    drafted: Drafted, tmp_path: Path, name: str, content: str, columns: str
) -> None:
    (tmp_path / name).write_text(content)
    contract, outcome = drafted(tmp_path / name)
    assert (outcome.status, outcome.rejected) == ("accepted", 0)
    assert [column.name for column in contract.columns] == columns.split()


def test_a_contract_that_its_own_sample_does_not_follow_is_taken_back(
    tmp_path: Path, csv_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(tmp_path))
    monkeypatch.setattr(generate, "staging_folder", lambda: tmp_path / "staging")
    # Years that lie ahead: no row is good.
    file = str(csv_file("kode,tahun,nilai\nA,2099,1\nB,2099,2\n"))
    words = ["new", file, "--opd", "dinkes", "--dataset", "contoh"]
    made = CliRunner().invoke(source_commands.app, words)
    assert isinstance(made.exception, settings.PendopoError) and "Tidak ada yang ditulis" in str(
        made.exception
    )
    place = tmp_path / "dinkes__contoh.yaml"
    assert not place.exists() and not (tmp_path / "staging").exists()
    place.write_text("# sudah ditinjau\n")
    CliRunner().invoke(source_commands.app, [*words, "--force"])
    assert place.read_text() == "# sudah ditinjau\n"


def test_a_form_of_corrections_is_no_sample_but_its_empty_column_is_ignored(
    drafted: Drafted, csv_file: Any
) -> None:
    contract, outcome = drafted(csv_file("kode;tahun;_pendopo;nilai\nA;2024;;5\nB;2024;;6\n"))
    assert [column.name for column in contract.columns] == ["kode", "tahun", "nilai"]
    assert (outcome.status, outcome.loaded) == ("accepted", 2)
    with pytest.raises(DraftError, match="formulir perbaikan"):
        draft(csv_file("kode;tahun;_pendopo\nA;2024;12:3\nB;2024;12:4\n"), "dinkes", "contoh")


def long_table(odd: dict[int, str], rows: int = 22_000) -> str:
    """A long file whose rows are all alike but for some far down."""
    usual = (f"{n};{n};T{n};2024;{n % 7};Selesai;05/06/2024" for n in range(1, rows + 1))
    lines = (odd.get(n, line) for n, line in enumerate(usual, 1))
    return "no;kode aset;tiket;tahun;curah hujan;status;tanggal\n" + "\n".join(lines) + "\n"


def test_what_stands_far_down_a_long_file_decides_about_its_columns(drafted: Drafted, csv_file: Any) -> None:
    text = long_table(
        {
            20_900: "20900;20900;T20900;2024;0,25;Batal;05/06/2024",
            21_300: "21300;050;T21300;2024;3;;05/06/2024",
            21_700: "21700;21700;T21700;2024;3;Proses;06/25/2024",
        }
    )
    contract, outcome = drafted(csv_file(text))
    assert (outcome.status, outcome.loaded, outcome.rejected) == ("accepted", 22_000, 0)
    assert contract.column("curah_hujan").postgres_type == "numeric(20,2)"
    assert not contract.column("status").required
    assert contract.column("status").allowed == ("Batal", "Proses", "Selesai")
    assert [column.name for column in contract.key_columns] == ["tiket"]
    # Months first, which only one day of 22,000 tells.
    assert "MM/dd/yyyy" in contract.ingest.date_formats


def test_a_long_sample_is_kept_to_its_beginning_and_the_rows_that_tell_more() -> None:
    rows: list[condense.Row] = [[str(number), "biasa"] for number in range(100_000)]
    rows[70_000] = ["70000", ""]
    rows[80_000] = ["80000,5", "biasa"]
    kept = list(condense.unlike(rows))
    assert kept[: condense.HEAD] == rows[: condense.HEAD]
    assert kept[condense.HEAD :] == [rows[70_000], rows[80_000]]


@pytest.mark.parametrize(
    ("days", "form", "mark"),
    [
        (("01/13/24", "02/28/24", "03/04/24"), "MM/dd/yy", "bulan ditulis sebelum hari"),
        (("13/01/24", "28/02/24", "03/04/24"), "dd/MM/yy", None),
        (("01/02/2024", "02/03/2024", "12/12/2024"), "dd/MM/yyyy", "sama-sama tidak lebih dari 12"),
        (("13/01/2024", "01/28/2024", "12/12/2024"), "dd/MM/yyyy", "sebagian tanggal menulis bulan"),
    ],
)
def test_the_order_of_day_and_month_is_asked_where_it_is_not_plain(
    csv_file: Any, days: tuple[str, ...], form: str, mark: str | None
) -> None:
    rows = "".join(f"K{number},{day}\n" for number, day in enumerate(days))
    text = draft(csv_file("kode,tanggal\n" + rows), "dinkes", "contoh", today=TODAY).text
    (line,) = (line for line in text.splitlines() if "dateFormats" in line)
    assert f"[{form}" in line
    above = text.partition("- name: tanggal")[0].splitlines()[-2:]
    assert mark is None or any("TINJAU" in said and mark in said for said in above)
    assert mark or not any("bulan" in said for said in above)


def test_names_of_persons_are_never_written_into_a_contract(csv_file: Any) -> None:
    rows = "".join(
        f"K{number},2024,Contoh Rekaan {number % 4},Petugas Rekaan {number % 4}\n" for number in range(90)
    )
    text = draft(csv_file("kode,tahun,nama,petugas\n" + rows), "dinkes", "contoh", today=TODAY).text
    assert "Rekaan" not in text


def test_a_contract_is_not_overwritten_unasked(
    tmp_path: Path, csv_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(tmp_path))
    monkeypatch.setattr(generate, "staging_folder", lambda: tmp_path / "staging")
    words = ["new", str(csv_file("kode,tahun\nA,2024\nB,2024\n")), "--opd", "dinkes", "--dataset", "contoh"]
    made = CliRunner().invoke(source_commands.app, words)
    assert made.exit_code == 0 and "2 dapat dimuat, 0 ditolak" in made.output
    assert (tmp_path / "staging/sectoral/stg_dinkes__contoh.sql").exists()
    place = tmp_path / "dinkes__contoh.yaml"
    place.write_text(place.read_text().replace("Contoh", "Sudah ditinjau"))
    again = CliRunner().invoke(source_commands.app, words)
    assert isinstance(again.exception, settings.PendopoError) and "--force" in str(again.exception)
    assert "Sudah ditinjau" in place.read_text()
    assert CliRunner().invoke(source_commands.app, [*words, "--force"]).exit_code == 0
    assert "Sudah ditinjau" not in place.read_text()


def test_the_check_of_generated_files_tells_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "staging_folder", lambda: tmp_path)
    found = CliRunner().invoke(source_commands.app, ["generate", "--check"])
    assert found.exit_code == 1 and "Jalankan: pendopo source generate" in found.output
    assert CliRunner().invoke(source_commands.app, ["generate"]).exit_code == 0
    assert CliRunner().invoke(source_commands.app, ["generate", "--check"]).exit_code == 0


def test_no_contract_of_the_project_waits_for_its_review() -> None:
    for file in (settings.ROOT / "ingestion" / "contracts").glob("*.yaml"):
        assert "TINJAU" not in file.read_text(encoding="utf-8"), f"{file.name}: decide it and delete the mark"


def test_contracts_of_another_folder_never_rewrite_the_models_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(tmp_path))
    with pytest.raises(settings.PendopoError, match="menunjuk folder lain"):
        source_commands.generate_models(check=False)
    monkeypatch.delenv("PENDOPO_CONTRACTS")
    assert generate.changes(load_contracts().values()) == []
