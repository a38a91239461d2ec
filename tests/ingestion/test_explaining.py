"""Every reason is a sentence that names column and value and says what to do."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ingestion import explain, settings
from ingestion.outcome import Reason

from .own_source import DATE, INTEGER, KEY, NUMBER, TEXT, TIMESTAMP, Sifted, declare, limits, sift

# Value that a cell of the column of that name holds, reason, sentence.
SENTENCES = [
    ("wajib", "", "required", "kolom Wajib: kosong, padahal wajib diisi. Isi kolom ini."),
    (
        "nilai",
        "dua",
        "not_a_number",
        "kolom Nilai: 'dua' bukan angka. Tulis seperti 1.234.567,89.",
    ),
    (
        "nilai",
        "1,234",
        "too_precise",
        "kolom Nilai: '1,234' terlalu rinci. Bulatkan, paling banyak 2 angka di belakang koma.",
    ),
    (
        "jumlah",
        "1,5",
        "not_an_integer",
        "kolom Jumlah: '1,5' bukan bilangan bulat. Tulis angka saja, misalnya 12.",
    ),
    (
        "jumlah",
        "500",
        "out_of_range",
        "kolom Jumlah: '500' di luar batas yang wajar (0 sampai 99). Periksa angkanya.",
    ),
    (
        "nilai",
        "99,6",
        "out_of_range",
        "kolom Nilai: '99,6' di luar batas yang wajar (-0,5 sampai 99,5). Periksa angkanya.",
    ),
    (
        "tanggal",
        "01/01/1999",
        "out_of_range",
        "kolom Tanggal: '01/01/1999' di luar batas yang wajar (paling awal 01/01/2000). Periksa tanggalnya.",
    ),
    (
        "tanggal",
        "31/02/2025",
        "not_a_date",
        "kolom Tanggal: '31/02/2025' bukan tanggal. Tulis hari/bulan/tahun, misalnya 28/02/2025.",
    ),
    (
        "tanggal",
        "45658",
        "not_a_date",
        "kolom Tanggal: '45658' bukan tanggal; angka ini tampaknya tanggal Excel yang kehilangan formatnya. "
        "Tulis hari/bulan/tahun, misalnya 28/02/2025.",
    ),
    (
        "waktu",
        "01/02/2025 25:00:00",
        "not_a_timestamp",
        "kolom Waktu: '01/02/2025 25:00:00' bukan waktu. Tulis hari/bulan/tahun jam:menit:detik, misalnya "
        "28/02/2025 14:30:00.",
    ),
    (
        "status",
        "batal",
        "not_allowed",
        "kolom Status: 'batal' tidak dikenal. Pilihannya: Selesai, Proses.",
    ),
    (
        "nip",
        "123",
        "pattern",
        "kolom Nip: '123' tidak sesuai bentuknya. Kolom contoh.",
    ),
    (
        "nama",
        "Sangat panjang",
        "too_long",
        "kolom Nama: 'Sangat panjang' lebih dari 10 huruf. Persingkat.",
    ),
    (
        "nama",
        "A\0B",
        "control_character",
        "kolom Nama: 'A␀B' memuat karakter yang tidak terlihat (NUL). Hapus isi sel lalu ketik ulang.",
    ),
    (
        "nama",
        "#N/A",
        "error_cell",
        "kolom Nama: '#N/A' adalah tanda rumus yang gagal. Perbaiki rumusnya atau ketik isinya.",
    ),
    (
        "masuk",
        "01/03/2025",
        "outside_period",
        "kolom Masuk: '01/03/2025' bukan bulan berkas ini, yaitu Februari 2025 menurut nama berkas. Perbaiki "
        "isinya, atau kirim baris ini dalam berkas bulannya.",
    ),
    (
        "dicatat",
        "01/01/2030",
        "in_future",
        "kolom Dicatat: '01/01/2030' adalah waktu di masa depan; berkas ini diterima 22/11/2026. Periksa "
        "tahun, bulan dan jam pada aplikasi atau mesin asalnya.",
    ),
]
GOOD = {
    "nomor": "1",
    "wajib": "x",
    "nilai": "1",
    "jumlah": "1",
    "tanggal": "01/02/2025",
    "waktu": "01/02/2025 10:00:00",
    "status": "Selesai",
    "nip": "197001011990011001",
    "nama": "Ani",
    "masuk": "01/02/2025",
    "dicatat": "01/02/2025",
}


def read_one(folder: Path, *rows: dict[str, str], more: str = "") -> Sifted:
    contract = declare(
        folder,
        {
            "nomor": KEY,
            "wajib": TEXT | {"required": True},
            "nilai": NUMBER | limits(-0.5, 99.5),
            "jumlah": INTEGER | limits(0, 99),
            "tanggal": DATE | {"logicalTypeOptions": {"minimum": "2000-01-01"}},
            "waktu": TIMESTAMP,
            "status": TEXT
            | {
                "quality": [
                    {
                        "metric": "invalidValues",
                        "arguments": {"validValues": ["Selesai", "Proses"]},
                        "mustBe": 0,
                    }
                ]
            },
            "nip": TEXT | {"logicalTypeOptions": {"pattern": r"\d{18}"}},
            "nama": TEXT | {"logicalTypeOptions": {"maxLength": 10}},
            "masuk": DATE,
            "dicatat": DATE,
        },
        filePattern=r"data_(?P<period>\d{4}-\d{2})\.csv",
        fileExample="data_2025-02.csv",
        filePeriod={"column": "masuk"},
        dataDate={"column": "dicatat"},
    )
    file = folder / "data_2025-02.csv"
    header = ";".join(name.capitalize() for name in GOOD)
    lines = [";".join((GOOD | row).values()) for row in rows]
    file.write_text("\n".join([header, *lines]) + "\n" + more, encoding="utf-8")
    return sift(file, contract)


@pytest.mark.parametrize(
    ("column", "value", "code", "sentence"),
    SENTENCES,
    ids=[f"{code} {column}" for column, _, code, _ in SENTENCES],
)
def test_a_reason_names_column_value_and_way_out(
    tmp_path: Path, column: str, value: str, code: str, sentence: str
) -> None:
    [reject] = read_one(tmp_path, {column: value}).rejects
    found = [reason for reason in reject.reasons if reason.code == code]
    shown = value.replace("\0", "␀")
    assert found == [Reason(code, column, shown, sentence, column.capitalize())]


def test_rows_as_a_whole_have_sentences_too(tmp_path: Path) -> None:
    result = read_one(tmp_path, {}, {"wajib": "y"}, more="1;2;3\n")
    assert result.messages == [
        "Baris 3, Nomor sama dengan baris 2, tetapi isi lainnya berbeda. Hapus baris yang salah.",
        "Baris 4, berisi 3 kolom, seharusnya 11. Periksa pemisah kolom; teks yang memuat pemisah harus "
        "diapit tanda kutip.",
    ]


def test_every_reason_that_the_checks_give_has_a_sentence() -> None:
    """The sentences are tested one by one above; a damaged number needs a workbook (test_observation_1)."""
    tested = {code for _, _, code, _ in SENTENCES} | {"identifier_precision_lost"}
    given = set()
    for name in ("checks", "screening", "time_bounds"):
        tree = ast.parse((settings.ROOT / "ingestion" / f"{name}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            # Failure("code", mask) and (column, "code", mask).
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Failure":
                given.add(node.args[0])
            if isinstance(node, ast.Tuple) and len(node.elts) == 3:
                given.add(node.elts[1])
    codes = {node.value for node in given if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert "control_character" in codes
    assert codes <= tested == set(explain.CELL_CODES)


def test_long_values_are_cut_so_that_the_sentence_stays_readable(tmp_path: Path) -> None:
    [message] = read_one(tmp_path, {"nilai": "x" * 500}).messages
    assert len(message) < 160
    assert "…" in message


def test_a_limit_of_a_moment_is_written_as_the_contract_writes_moments(tmp_path: Path) -> None:
    contract = declare(
        tmp_path,
        {
            "waktu": TIMESTAMP
            | {"logicalTypeOptions": {"minimum": "2001-01-01", "maximum": "2030-12-31 23:59:59"}}
        },
        timestampFormats=["yyyy-MM-dd HH:mm:ss"],
    )
    told = explain.reason("out_of_range", contract.columns[0], "1999-01-01 00:00:00", contract, "Waktu")
    assert "(2001-01-01 sampai 2030-12-31 23:59:59)" in told.message
