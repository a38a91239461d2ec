"""Complaints month by month: what a late file, a correction and a new day change, and what never gets out."""

from __future__ import annotations

import datetime

import pandas as pd
import pytest

from ingestion import ledger, load, reference

from .conftest import Marts

REGISTER = (
    "No. Tiket;Klasifikasi;Kategori;Judul Laporan;Nama Pelapor;NIK Pelapor;No HP Pelapor;OPD Tujuan;"
    "Kecamatan;Desa/Kelurahan;Waktu Dibuat;Waktu Verifikasi;Waktu Tanggapan;Waktu Selesai;Status Pengaduan"
)
LOG = "No. Tiket;No. Log;Waktu;Aktivitas;Instansi Asal;Instansi Tujuan;Status Lama;Status Baru;Catatan"
MARTS = (
    "fct_complaint",
    "fct_complaint_event",
    "agg_complaint_month",
    "agg_complaint_kecamatan_month",
    "agg_complaint_funnel_month",
    "agg_complaint_ageing",
)
NIK = "9900000000000001"
BUILD = ["build", "--selector", "complaints", "--exclude-resource-type", "unit_test"]


def ticket(
    number, received, *, status="Proses", verified="", answered="", closed="", nik=NIK, category="Perhubungan"
):
    person = f"Siti Contoh;{nik};"
    place = "Dinas Kesehatan;Jenu;Beji"
    times = f"{received};{verified};{answered};{closed}"
    return f"{number};Pengaduan;{category};Lampu mati, hubungi Siti Contoh;{person};{place};{times};{status}"


def step(number, log_no, at, action, to=""):
    return f"{number};{log_no};{at};{action};Dinas Kesehatan;{to};;;Balasan Siti Contoh {NIK}"


class Center:
    """A warehouse of complaints only: delivers files, builds, and shows what was built."""

    def __init__(self, marts: Marts, folder):
        self.marts, self.folder = marts, folder

    def deliver(self, name, header, *rows):
        file = self.folder / f"{name}.csv"
        file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        outcome = load.load_file(file)
        assert (outcome.status, outcome.loaded) == ("loaded", len(rows)), outcome.messages

    def register(self, name, *rows):
        self.deliver(f"aduan_{name}", REGISTER, *rows)

    def log(self, name, *rows):
        self.deliver(f"riwayat_aduan_{name}", LOG, *rows)

    def build(self):
        """Build what changed; returns the months that were made anew."""
        self.marts.dbt(BUILD)
        months = self.marts.frame("select slice_on from intermediate.int_complaints__changed_month")
        return {f"{month:%Y-%m}" for month in months["slice_on"]}

    def ticket(self, number):
        frame = self.marts.frame(f"select * from marts.fct_complaint where ticket_no = '{number}'")
        return frame.iloc[0] if len(frame) else None

    def rows(self):
        return {
            name: self.marts.frame(f"select * from marts.{name}")
            .pipe(lambda frame: frame.sort_values(list(frame.columns[:6])))
            .reset_index(drop=True)
            for name in MARTS
        }


@pytest.fixture(scope="module")
def center(new_warehouse, tmp_path_factory):
    with new_warehouse("pendopo-aduan-") as warehouse:
        ledger.register_contracts()
        reference.apply_region()
        marts = Marts(warehouse.home)
        marts.target.mkdir()
        marts.dbt(["build", "--selector", "shared", "--exclude-resource-type", "unit_test"])
        center = Center(marts, tmp_path_factory.mktemp("aduan"))
        center.register(
            "2025-12",
            ticket("D1", "10/12/2025 08:00:00", status="Selesai", closed="12/12/2025 08:00:00", nik=""),
        )
        center.register(
            "2026-01",
            ticket("A1", "31/01/2026 08:00:00", verified="02/02/2026 09:00:00"),
            ticket("A2", "15/01/2026 08:00:00", verified="15/01/2026 09:00:00", nik="", category="Kesehatan"),
        )
        center.register("2026-03", ticket("C1", "30/03/2026 08:00:00", nik="", status="Belum Terverifikasi"))
        center.log("2026-03", step("C1", 1, "30-03-2026 08:00:00", "Diterima"))
        assert center.build() == {"2025-12", "2026-01", "2026-03"}
        yield center


def test_a_late_month_of_the_log_rebuilds_the_months_of_its_tickets_only(center):
    assert center.ticket("A1").is_open and center.ticket("A1").opd_code == "dinkes"
    center.log(
        "2026-02",
        step("A1", 1, "02-02-2026 10:00:00", "Disposisi", "Dinas Kesehatan"),
        step("A1", 2, "03-02-2026 10:00:00", "Bukan Wewenang", "Dinas Pendidikan"),
        step("A1", 3, "04-02-2026 10:00:00", "Tindak Lanjut"),
        step("A1", 4, "05-02-2026 10:00:00", "Selesai"),
        step("not registered yet", 1, "05-02-2026 10:00:00", "Diterima"),
    )
    assert center.build() == {"2026-01"}
    done = center.ticket("A1")
    assert (done.is_open, done.opd_code, done.first_opd_code, done.handover_count) == (
        False,
        "disdik",
        "dinkes",
        2,
    )
    # Saturday 31 January counts as Friday; 2, 3, 4 and 5 February follow.
    assert (done.first_response_days, done.completion_days, done.is_completion_on_time) == (3, 4, True)
    events = center.marts.frame(
        "select * from marts.fct_complaint_event where ticket_no = 'A1' order by event_no"
    )
    assert events["event_type"].tolist() == [
        "received", "verified", "handed_over", "handed_over", "answered", "closed"
    ]  # fmt: skip
    assert events["is_logged"].tolist() == [False, False, True, True, True, True]
    assert set(events["data_date"]) == {datetime.date(2026, 2, 5)} == {done.data_date}


def test_a_reopening_of_a_later_month_opens_an_old_complaint_again(center):
    center.log("2026-04", step("A1", 5, "01-04-2026 10:00:00", "Buka Kembali"))
    assert "2026-01" in center.build()
    again = center.ticket("A1")
    assert again.is_open and again.reopened_count == 1 and again.completion_days is None
    assert again.is_overdue and again.open311_status == "open"


def test_a_repeat_follows_the_tickets_of_the_90_days_before(center):
    center.register("2026-04", ticket("E1", "30/04/2026 08:00:00"))
    assert {"2026-04", "2026-05", "2026-06", "2026-07"} <= center.build()
    assert (center.ticket("E1").is_repeat, center.ticket("E1").repeat_no) == (True, 2)
    # The correction says that somebody else reported A1, and knows one ticket more.
    center.register(
        "2026-01_rev2",
        ticket("A1", "31/01/2026 08:00:00", verified="02/02/2026 09:00:00", nik="9900000000000002"),
        ticket("A2", "15/01/2026 08:00:00", verified="15/01/2026 09:00:00", nik="", category="Kesehatan"),
        ticket("A3", "16/01/2026 08:00:00", nik=""),
    )
    assert {"2026-01", "2026-02", "2026-03", "2026-04"} <= center.build()
    assert not center.ticket("E1").is_repeat
    assert center.ticket("A3") is not None


def test_a_corrected_time_of_receipt_moves_a_ticket_to_another_month(center):
    center.register("2025-11", ticket("D1", "30/11/2025 08:00:00", nik=""))
    center.register("2025-12_rev2", ticket("D2", "11/12/2025 08:00:00", nik=""))
    assert {"2025-11", "2025-12"} <= center.build()
    assert center.ticket("D1").received_month_on == datetime.date(2025, 11, 1)
    months = center.marts.frame(
        "select month_on, received_count from marts.agg_complaint_month order by month_on"
    )
    assert months["received_count"].tolist()[:2] == [1, 1]


def test_a_new_day_makes_an_open_complaint_late_without_a_word_about_it(center):
    before = center.ticket("C1")
    assert (before.is_overdue, before.is_verification_on_time, before.age_bucket_no) == (False, None, 1)
    # Until now the log reached to 1 April; both sources cover 30 April now.
    center.log("2026-05", step("E1", 1, "05-05-2026 08:00:00", "Verifikasi"))
    assert {"2026-03", "2026-04"} <= center.build()
    after = center.ticket("C1")
    assert (after.is_overdue, after.is_verification_on_time, after.age_bucket_no) == (True, False, 3)
    assert after.data_date == before.data_date == datetime.date(2026, 3, 30)


def test_what_only_a_correction_brought_goes_with_the_file_that_it_corrected(center):
    center.register("2026-05", ticket("F1", "04/05/2026 08:00:00", nik=""))
    center.log("2026-06", step("F1", 1, "01-06-2026 08:00:00", "Verifikasi"))
    center.build()
    file = center.folder / "riwayat_aduan_2026-07.csv"
    step_of_d1 = step("D1", 1, "{}", "Tindak Lanjut")
    lines = [LOG, step("F1", 2, "01-07-2026 08:00:00", "Tindak Lanjut"), step_of_d1.format("32-07-2026")]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    base = load.load_file(file)
    assert (base.status, base.loaded, len(base.rejects)) == ("loaded", 1, 1)
    correction = center.folder / "perbaikan.csv"
    line = f"{step_of_d1.format('02-07-2026 08:00:00')};{base.load_id}:3"
    correction.write_text(f"{LOG};_pendopo\n{line}\n", encoding="utf-8")
    assert load.load_file(correction, "diskominfo__aduan_riwayat").loaded == 1
    assert {"2025-11", "2026-05"} <= center.build()
    answered = (
        "select count(*) from marts.fct_complaint_event where ticket_no = 'D1' and event_type = 'answered'"
    )
    assert center.marts.frame(answered)["count"].tolist() == [1]
    center.log("2026-07_rev2", step("F1", 2, "01-07-2026 08:00:00", "Tindak Lanjut"))
    assert {"2025-11", "2026-05"} <= center.build()
    assert center.marts.frame(answered)["count"].tolist() == [0]


def test_the_built_slices_are_what_a_build_from_nothing_makes(center):
    assert center.build() == set()
    published = center.rows()
    assert min(len(frame) for frame in published.values()) > 3
    center.marts.dbt([*BUILD, "--full-refresh"])
    for name, frame in center.rows().items():
        pd.testing.assert_frame_equal(frame, published[name], obj=name)


def test_texts_and_reporters_stay_in_staging(center):
    columns = center.marts.frame(
        """
        select table_schema, table_name, column_name
        from information_schema.columns
        where table_schema in ('intermediate', 'marts') and table_name ~ 'complaint'
        """
    )
    assert len(columns) > 100
    names = columns["column_name"]
    leaked = columns[
        names.str.contains("_key$|reporter|title|body|address|phone|note|nik") & (names != "title")
    ]
    assert leaked.empty, leaked.to_string()
    # The keys themselves are nowhere either, under whatever name.
    keys = center.marts.frame("select reporter_nik_key::text as key from staging.stg_diskominfo__aduan")
    keys = set(keys["key"].dropna())
    assert keys
    for schema, table in set(zip(columns["table_schema"], columns["table_name"], strict=True)):
        written = center.marts.frame(f"select row::text as line from {schema}.{table} as row")[
            "line"
        ].str.cat(sep="\n")
        assert not any(key in written for key in keys), table
        assert "Siti" not in written and NIK not in written, table
