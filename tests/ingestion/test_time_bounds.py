"""Rows lie in the month of their file and not after its arrival; what does not is refused and explained."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest

from ingestion import readers
from ingestion.load import check_file
from ingestion.outcome import FileRefused, Outcome
from ingestion.report import as_text
from ingestion.screening import Screen

from .conftest import BUDGET_HEADER, EMPLOYEE_HEADER, account_row, budget_row, employee
from .own_source import INTEGER, TEXT, declare, sift

Writer = Callable[..., Path]
COMPLAINT_HEADER = "No. Tiket;Judul Laporan;Status Pengaduan;Waktu Dibuat"
RECEIVED_ON = datetime.date(2026, 11, 22)


def reasons(outcome: Outcome) -> list[tuple[int, str, str | None]]:
    return [
        (reject.row_no, reason.code, reason.column) for reject in outcome.rejects for reason in reject.reasons
    ]


def test_a_row_of_another_month_than_the_file_names_is_refused_with_what_was_expected(
    budget_csv: Writer,
) -> None:
    rows = [account_row(), account_row(month=9), account_row(year=2025, account=2)]
    file = budget_csv(*rows, name="realisasi_apbd_2026-10.csv", header=BUDGET_HEADER)
    outcome = check_file(file, received_on=RECEIVED_ON)
    assert outcome.slices == ["2026/10"]
    assert reasons(outcome) == [(3, "outside_period", "month"), (4, "outside_period", "year")]
    assert (
        "Baris 3, kolom Bulan: '9' bukan bulan berkas ini, yaitu Oktober 2026 menurut nama berkas. "
        "Perbaiki isinya, atau kirim baris ini dalam berkas bulannya."
    ) in as_text(outcome)


def test_a_month_that_is_wrong_in_itself_gets_one_reason(budget_csv: Writer) -> None:
    rows = [account_row(), account_row(month=0)]
    file = budget_csv(*rows, name="realisasi_apbd_2026-10.csv", header=BUDGET_HEADER)
    assert reasons(check_file(file, received_on=RECEIVED_ON)) == [(3, "out_of_range", "month")]


def test_complaints_belong_to_the_month_of_their_file_from_its_first_to_its_last_second(
    budget_csv: Writer,
) -> None:
    moments = [
        "30/09/2026 23:59:59",
        "01/10/2026 00:00:00",
        "31/10/2026 23:59:59",
        "01/11/2026 00:00:00",
        "01/10/2062 08:00:00",
    ]
    rows = [f"A{number};Judul;Selesai;{moment}" for number, moment in enumerate(moments)]
    file = budget_csv(*rows, name="aduan_2026-10.csv", header=COMPLAINT_HEADER)
    outcome = check_file(file, received_on=RECEIVED_ON)
    assert outcome.loaded == 2
    assert reasons(outcome) == [(row, "outside_period", "received_at") for row in (2, 5, 6)]


def test_a_terminal_whose_clock_runs_ahead_or_was_reset_moves_no_data_date(tmp_path: Path) -> None:
    days = ["2026-11-21", "2026-11-23", "2026-11-24", "2062-01-02", "2000-01-01"]
    file = tmp_path / "1_attlog.dat"
    file.write_text("".join(f"126\t{day} 07:00:00\t1\t0\t1\t0\n" for day in days))
    outcome = check_file(file, received_on=RECEIVED_ON)
    assert reasons(outcome) == [
        (3, "in_future", "punched_at"),
        (4, "in_future", "punched_at"),
        (5, "out_of_range", "punched_at"),
    ]
    assert "'2062-01-02 07:00:00' adalah waktu di masa depan; berkas ini diterima 22/11/2026." in as_text(
        outcome
    )
    assert "(paling awal 2001-01-01)" in as_text(outcome)


def test_a_cut_off_day_after_the_arrival_is_refused(budget_csv: Writer) -> None:
    file = budget_csv(budget_row(month=1), budget_row(month=3))
    assert reasons(check_file(file, received_on=datetime.date(2026, 3, 20))) == [
        (3, "in_future", "cutoff_on")
    ]


def test_a_bps_table_of_a_year_to_come_is_refused(tmp_path: Path) -> None:
    def table(year: int) -> Path:
        file = tmp_path / f"Garis Kemiskinan, {year}.csv"
        file.write_text(f"Kab/Kota,\n,Garis Kemiskinan\n,{year}\nTuban,400000")
        return file

    february, march = datetime.date(2026, 2, 27), datetime.date(2026, 3, 1)
    assert check_file(table(2026), received_on=march).status == "accepted"
    for outcome in (
        check_file(table(2026), received_on=february),
        check_file(table(2027), received_on=march),
    ):
        assert reasons(outcome) == [(4, "in_future", "year")]


@pytest.mark.parametrize(("month", "status"), [("2026-11", "accepted"), ("2026-12", "refused")])
def test_a_snapshot_may_be_of_the_running_month_and_not_of_one_to_come(
    workbook: Writer, month: str, status: str
) -> None:
    file = workbook([EMPLOYEE_HEADER, employee()], f"pegawai_{month}.xlsx")
    outcome = check_file(file, received_on=RECEIVED_ON)
    assert outcome.status == status
    assert (status == "refused") == any("masih di masa depan" in message for message in outcome.messages)


@pytest.mark.parametrize("name", ["data_2025-13.csv", "data_2025-00.csv", "data_20xx-01.csv"])
def test_a_file_of_a_month_that_no_year_has_is_refused_with_a_sentence(tmp_path: Path, name: str) -> None:
    contract = declare(
        tmp_path,
        {"kode": TEXT},
        filePattern=r"data_(?P<period>.{4}-\d{2})\.csv",
        fileExample="data_2025-01.csv",
        dataDate={"period": "period"},
    )
    file = tmp_path / name
    file.write_text("kode\nA\n")
    with pytest.raises(FileRefused) as refused:
        sift(file, contract)
    assert "pada namanya bukan bulan. Tulis tahun dan bulan seperti 2025-01" in str(refused.value)


def test_a_column_of_months_takes_nothing_else(tmp_path: Path) -> None:
    contract = declare(tmp_path, {"bulan": TEXT, "nilai": INTEGER}, dataDate={"period": "bulan"})
    file = tmp_path / "data.csv"
    file.write_text("bulan;nilai\n2025-01;1\n2025-13;2\nJanuari;3\n;4\n")
    result = sift(file, contract)
    assert result.reasons == [(3, "pattern", "bulan"), (4, "pattern", "bulan")]
    assert result.messages[0] == (
        "Baris 3, kolom bulan: '2025-13' bukan bulan. Tulis tahun dan bulan, misalnya 2025-01."
    )
    assert result.data_to == datetime.date(2025, 1, 31)


def test_years_months_and_quarters_lie_within_the_calendar_even_if_the_contract_does_not_say_so(
    tmp_path: Path,
) -> None:
    columns = {"tahun": INTEGER, "triwulan": INTEGER}
    contract = declare(tmp_path, columns, dataDate={"year": "tahun", "quarter": "triwulan"})
    file = tmp_path / "data.csv"
    file.write_text("tahun;triwulan\n2025;4\n0;1\n2025;5\n2025;0\n")
    result = sift(file, contract)
    assert result.reasons == [
        (3, "out_of_range", "tahun"),
        (4, "out_of_range", "triwulan"),
        (5, "out_of_range", "triwulan"),
    ]
    assert "(1 sampai 4)" in result.messages[-1]
    assert result.data_to == datetime.date(2025, 12, 31)


def test_a_month_is_not_covered_beyond_the_day_on_which_its_file_came(tmp_path: Path) -> None:
    """A list of November that comes in the middle of it says nothing of its end."""
    file = tmp_path / "data.csv"
    file.write_text("bulan;nilai\n2026-10;1\n2026-11;2\n")
    contract = declare(tmp_path, {"bulan": TEXT, "nilai": INTEGER}, dataDate={"period": "bulan"})
    assert sift(file, contract).data_to == RECEIVED_ON
    columns = {"tahun": INTEGER, "bulan": INTEGER}
    contract = declare(tmp_path, columns, dataDate={"year": "tahun", "month": "bulan"})
    file.write_text("tahun;bulan\n2026;10\n")
    assert sift(file, contract).data_to == datetime.date(2026, 10, 31)
    file.write_text("tahun;bulan\n2026;11\n")
    assert sift(file, contract).data_to == RECEIVED_ON


@pytest.mark.parametrize(
    ("received_on", "data_to"),
    [(datetime.date(2026, 10, 31), datetime.date(2026, 11, 1)), (None, datetime.date(2026, 11, 30))],
)
def test_a_month_is_covered_from_its_first_day_and_a_sample_whole(
    tmp_path: Path, received_on: datetime.date | None, data_to: datetime.date
) -> None:
    contract = declare(tmp_path, {"bulan": TEXT, "nilai": INTEGER}, dataDate={"period": "bulan"})
    file = tmp_path / "data.csv"
    file.write_text("bulan;nilai\n2026-11;2\n")
    screen = Screen(contract, file.name, None, received_on)
    for table in readers.open_tables(file, contract, file.name):
        assert sum(batch.good.num_rows for batch in screen.sort(table)) == 1
    assert screen.totals.data_to == data_to
