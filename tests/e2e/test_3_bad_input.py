"""Bad files in the drop folder: a clear sentence, nothing lost, nothing else held up."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest

from ingestion import settings

pytestmark = pytest.mark.e2e

HEADER = "thang;bulan;tgl_cutoff;nama_pemda;pendapatan;belanja;pembiayaan;SILPA\r\n"
ROW = "2019;{month};2019-0{month}-28;Kabupaten Contoh;100;60;0;40\r\n"


@pytest.fixture(scope="module")
def deliveries(center):
    """Each kind of bad file dropped once, and taken in by the scheduler."""
    landing = Path(settings.landing())
    budget = landing / "djpb" / "apbd"
    budget.mkdir(parents=True, exist_ok=True)
    (landing / "rapat-koordinasi.txt").write_text("Undangan rapat, bukan data.\n")
    (budget / "djpb_apbd_kosong.csv").write_bytes(b"")
    (budget / "djpb_apbd_kurang.csv").write_text(
        HEADER.replace(";belanja", "") + "2019;1;2019-01-31;Kab X;1;2;3\r\n"
    )
    (budget / "djpb_apbd_2019.csv").write_text(HEADER + ROW.format(month=1))
    center.pendopo("up", "--detach")
    (budget / "djpb_apbd_2019_lagi.csv").write_text(HEADER + ROW.format(month=1))
    center.pendopo("up", "--detach")
    rows = center.query(
        "select file_name, status, message, original_path, load_id from ops.delivery order by delivery_id",
        role="loader",
    )
    return {name: {"status": s, "message": m, "original": o, "load_id": i} for name, s, m, o, i in rows}


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("rapat-koordinasi.txt", "unknown", ["rapat-koordinasi.txt"]),
        ("djpb_apbd_kosong.csv", "refused", ["djpb_apbd_kosong.csv", "kosong"]),
        ("djpb_apbd_kurang.csv", "refused", ["djpb_apbd_kurang.csv", "belanja"]),
    ],
)
def test_the_ledger_says_what_is_wrong(deliveries, name, status, words):
    assert deliveries[name]["status"] == status
    for word in words:
        assert word.lower() in deliveries[name]["message"].lower()


def test_the_same_content_under_another_name_is_recorded_and_not_loaded_again(center, deliveries):
    assert deliveries["djpb_apbd_2019.csv"]["status"] == "loaded"
    assert deliveries["djpb_apbd_2019_lagi.csv"]["status"] == "already_loaded"
    assert center.query("select count(*) from raw.djpb__apbd where year = 2019") == [(1,)]


def test_every_original_is_kept_under_its_hash(deliveries):
    for name in ("rapat-koordinasi.txt", "djpb_apbd_kosong.csv", "djpb_apbd_kurang.csv"):
        assert (settings.home() / deliveries[name]["original"]).exists(), name


def test_check_says_what_would_happen_and_writes_nothing(center, tmp_path):
    file = tmp_path / "djpb_apbd_cek.csv"
    file.write_text(HEADER + ROW.format(month=2) + "2019;13;2019-03-31;Kabupaten Contoh;1;2;3;4\r\n")
    count = "select (select count(*) from ops.load), (select count(*) from ops.delivery)"
    before = center.query(count, role="admin")
    report = json.loads(
        center.pendopo("check", str(file), "--source", "djpb__apbd", "--json", check=False).stdout
    )
    assert (report["read"], report["loaded"], report["rejected"]) == (2, 1, 1)
    assert center.query(count, role="admin") == before


def test_load_answers_in_json_and_a_second_time_is_a_no_op(center, tmp_path):
    file = tmp_path / "djpb_apbd_manual.csv"
    file.write_text(HEADER + ROW.format(month=3))
    first = json.loads(center.pendopo("load", str(file), "--source", "djpb__apbd", "--json").stdout)
    assert first["status"] == "loaded"
    assert {"load_id", "source", "read", "loaded", "rejected", "skipped"} <= first.keys()
    assert (first["read"], first["loaded"]) == (1, 1)
    second = json.loads(center.pendopo("load", str(file), "--source", "djpb__apbd", "--json").stdout)
    assert (second["status"], second["load_id"]) == ("already_loaded", first["load_id"])


def test_a_refused_row_comes_back_corrected_through_the_drop_folder(center, tmp_path):
    budget = Path(settings.landing()) / "djpb" / "apbd"
    lines = [ROW.replace("2019", "2017").format(month=month) for month in (1, 2, 3)]
    bad = lines[2].replace("2017;3;", "2017;13;")
    (budget / "djpb_apbd_2017.csv").write_text(HEADER + lines[0] + lines[1] + bad)
    center.pendopo("up", "--detach")
    refused = (
        "select load_id, resolved_by_load_id is not null from ops.rejected_row where raw_text like '2017%%'"
    )
    [(load_id, is_resolved)] = center.query(refused, role="admin")
    assert not is_resolved

    [marked] = (settings.home() / "reports").glob(f"{load_id}-*.xlsx")
    assert marked.stat().st_mode & 0o777 == 0o600
    form = tmp_path / "perbaikan.xlsx"
    center.pendopo("corrections", str(load_id), "--output", str(form))
    book = openpyxl.load_workbook(form)
    header, row = list(book.active.iter_rows())
    months = [cell for title, cell in zip(header, row, strict=True) if title.value in ("bulan", "Bulan")]
    months[0].value = "3"
    book.save(budget / "djpb_apbd_2017_perbaikan.xlsx")
    center.pendopo("up", "--detach")

    assert center.query(refused, role="admin") == [(load_id, True)]
    assert center.query("select count(*) from staging.stg_djpb__apbd where year = 2017") == [(3,)]
