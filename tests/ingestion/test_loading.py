"""Loading into a real PostgreSQL: once, exactly, and whatever the order of arrival."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from ingestion import ledger, load, reference, settings, store
from ingestion.contract import load_contracts
from ingestion.outcome import Outcome

from .conftest import BUDGET_HEADER, EMPLOYEE_HEADER, HEADER, account_row, budget_row, employee, query

Writer = Callable[..., Path]
ADUAN_HEADER = "No. Tiket;Judul Laporan;Status Pengaduan;Waktu Dibuat"


def complaints(folder: Path, name: str, *tickets: str) -> Path:
    file = folder / name
    year, month = name[len("aduan_") :][:7].split("-")
    lines = [f"{ticket};Judul;Selesai;02/{month}/{year} 08:00:00" for ticket in tickets]
    file.write_text("\n".join([ADUAN_HEADER, *lines]))
    return file


def current_tickets(cursor: Any) -> list[str]:
    rows = query(
        cursor,
        """
        select ticket_no from raw.diskominfo__aduan as raw
        inner join ops.slice on source_id = 'diskominfo__aduan' and slice_key = _slice and load_id = _load_id
        order by ticket_no
        """,
    )
    return [row[0] for row in rows]


def test_the_real_files_fill_their_raw_tables(database: Any, shared_real: Path) -> None:
    for file in [
        *(shared_real / "poverty").glob("*Jawa Timur, *.csv"),
        shared_real / "attendance" / "1_attlog.dat",
        shared_real / "budget" / "djpb_apbd.csv",
    ]:
        assert load.load_file(file).status == "loaded"
    facts = query(
        database,
        """
        select area_name, year, value::float from raw.bps__kemiskinan
        where indicator_code = 'p0' and area_name in ('Tuban', 'Trenggalek') order by year, area_name
        """,
    )
    assert facts == [
        ("Trenggalek", 2022, 10.96),
        ("Tuban", 2022, 15.02),
        ("Trenggalek", 2023, 10.63),
        ("Tuban", 2023, 14.91),
    ]
    assert query(database, "select count(*), count(distinct pin_key) from raw.bkpsdm__absensi_mesin") == [
        (24_162, 23)
    ]
    assert query(database, "select count(*), max(_row_no) from raw.djpb__apbd") == [(84, 85)]
    assert query(database, "select data_to::text from ops.load where source_id = 'djpb__apbd'") == [
        ("2026-07-31",)
    ]
    assert ledger.domains_behind() == {"attendance", "budget", "poverty"}


def test_loading_a_file_twice_changes_nothing(database: Any, budget_csv: Writer) -> None:
    file = budget_csv(budget_row())
    first, second = load.load_file(file), load.load_file(file.rename(file.with_name("djpb_apbd_lagi.csv")))
    assert (first.status, second.status, second.load_id) == ("loaded", "already_loaded", first.load_id)
    assert "Tidak ada yang berubah" in second.messages[0]
    assert query(database, "select count(*) from raw.djpb__apbd") == [(1,)]
    assert query(database, "select status from ops.delivery order by delivery_id") == [
        ("loaded",),
        ("already_loaded",),
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_a_revision_replaces_its_month_in_any_order_of_arrival(
    database: Any, tmp_path: Path, order: tuple[int, ...]
) -> None:
    files = [
        complaints(tmp_path, "aduan_2024-01.csv", "A1", "A2", "A3"),
        complaints(tmp_path, "aduan_2024-01_rev2.csv", "A1"),
        complaints(tmp_path, "aduan_2024-01_rev10.csv", "A1", "A4"),
        complaints(tmp_path, "aduan_2024-02.csv", "B1"),
    ]
    for number in order:
        assert load.load_file(files[number]).status == "loaded"
    assert current_tickets(database) == ["A1", "A4", "B1"]
    # What was replaced stays for audit.
    assert query(database, "select count(*) from raw.diskominfo__aduan") == [(7,)]


def test_one_mistyped_month_never_replaces_the_true_rows_of_that_month(
    database: Any, budget_csv: Writer
) -> None:
    def deliver(month: int, *rows: str) -> Outcome:
        name = f"realisasi_apbd_2026-{month:02d}.csv"
        return load.load_file(budget_csv(*rows, name=name, header=BUDGET_HEADER))

    deliver(9, *(account_row(9, account=number) for number in range(1, 31)))
    october = [account_row(10, account=number) for number in range(1, 31)]
    outcome = deliver(10, *october, account_row(9, account=31))
    assert (outcome.loaded, outcome.rejected, outcome.slices) == (30, 1, ["2026/10"])
    assert query(
        database,
        """
        select _slice, count(*) from raw.bpkad__realisasi_apbd
        inner join ops.slice on slice_key = _slice and load_id = _load_id group by _slice order by _slice
        """,
    ) == [("2026/10", 30), ("2026/9", 30)]


def test_the_day_of_arrival_in_the_ledger_and_not_the_present_bounds_what_rows_may_say(
    database: Any, budget_csv: Writer
) -> None:
    rows = [budget_row("Kabupaten Tuban", month=5), budget_row("Kabupaten Rembang", month=6)]
    file = budget_csv(*rows)
    with ledger.connect() as connection, connection.cursor() as cursor, file.open("rb") as stream:
        delivery = ledger.record_delivery(cursor, "djpb__apbd", file.name, str(file), store.keep(stream))
        # Late in the evening in UTC, already the 28th in Indonesia.
        cursor.execute("update ops.delivery set received_at = '2026-05-27 23:30+00'")
        connection.commit()
    outcome = load.load_delivery(delivery)
    assert (outcome.loaded, outcome.rejected) == (1, 1)
    assert query(database, "select data_to::text from ops.load") == [("2026-05-28",)]


def test_a_sample_may_be_made_as_of_a_day_to_come(database: Any, budget_csv: Writer) -> None:
    file = budget_csv("2099;1;2099-01-31;Kabupaten Tuban;1;1;1;1")
    assert load.load_file(file).status == "refused"
    ledger.record_sample_files([file])
    assert load.load_file(file).status == "loaded"


def test_loaders_of_one_file_at_the_same_time_load_it_once(database: Any, tmp_path: Path) -> None:
    file = complaints(tmp_path, "aduan_2024-01.csv", *(f"A{number}" for number in range(500)))
    outcomes: list[Outcome] = []
    threads = [threading.Thread(target=lambda: outcomes.append(load.load_file(file))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.status for outcome in outcomes) == ["already_loaded"] * 3 + ["loaded"]
    assert query(database, "select count(*) from raw.diskominfo__aduan") == [(500,)]


def test_refused_rows_are_kept_with_every_reason_beside_the_good_ones(
    database: Any, budget_csv: Writer
) -> None:
    outcome = load.load_file(budget_csv(budget_row(), "2026;13;x;;abc;5;0;1", "rusak;\tdan \\ini"))
    assert (outcome.loaded, outcome.rejected) == (1, 2)
    rows = query(
        database,
        """
        select row_no, jsonb_path_query_array(reasons, '$[*].code'), raw_text
        from ops.rejected_row order by row_no
        """,
    )
    assert rows == [
        (3, ["out_of_range", "not_a_date", "required", "not_a_number"], "2026;13;x;;abc;5;0;1"),
        (4, ["field_count"], "rusak;\tdan \\ini"),
    ]


@pytest.mark.parametrize(
    ("name", "contents", "said"),
    [
        ("djpb_apbd.csv", "", "kosong"),
        ("djpb_apbd.csv", HEADER.replace("thang", "x") + "\n" + budget_row(), "kolom wajib: Tahun Anggaran"),
        ("djpb_apbd.csv", f"{HEADER}\n{budget_row(revenue='x')}", "tidak satu pun barisnya dapat dimuat"),
        (
            "djpb_apbd.csv",
            f'{HEADER}\n{budget_row()}\n2026;1;2026-01-28;"B;1;1;1;1\n{budget_row("C")}\n',
            "tanda kutip",
        ),
    ],
)
def test_a_refused_file_leaves_a_record_and_its_original_but_no_row(
    database: Any, tmp_path: Path, name: str, contents: str, said: str
) -> None:
    file = tmp_path / name
    file.write_text(contents)
    outcome = load.load_file(file)
    assert outcome.status == "refused"
    assert said in outcome.messages[0]
    assert query(database, "select count(*) from raw.djpb__apbd") == [(0,)]
    ((status, message, path),) = query(database, "select status, message, original_path from ops.delivery")
    assert (status, said in message) == ("refused", True)
    assert (settings.home() / path).read_text() == contents
    assert query(database, "select load_id, rows_loaded from ops.load where status = 'refused'") == [
        (outcome.load_id, 0)
    ]


def test_an_unknown_file_is_kept_and_reported(database: Any, tmp_path: Path) -> None:
    file = tmp_path / "catatan.txt"
    file.write_text("halo")
    outcome = load.load_file(file)
    assert (outcome.status, outcome.source) == ("refused", None)
    assert query(database, "select status, source_id from ops.delivery") == [("unknown", None)]


def test_the_original_lies_under_its_hash_and_only_the_installation_reads_it(
    database: Any, budget_csv: Writer
) -> None:
    file = budget_csv(budget_row())
    load.load_file(file)
    ((path, sha256),) = query(database, "select original_path, sha256 from ops.delivery")
    original = settings.home() / path
    assert original.read_bytes() == file.read_bytes()
    assert sha256 == original.name == hashlib.sha256(file.read_bytes()).hexdigest()
    assert stat.S_IMODE(original.stat().st_mode) == 0o600


def test_staging_sees_keyed_hashes_and_never_the_personal_columns(
    database: Any, warehouse: Any, workbook: Writer, tmp_path: Path
) -> None:
    load.load_file(workbook([EMPLOYEE_HEADER, employee(pin="126")], "pegawai_2024-01.xlsx"))
    log = tmp_path / "1_attlog.dat"
    log.write_text("      126\t2024-01-02 07:25:00\t1\t0\t1\t0\n")
    load.load_file(log)
    for source, contract in load_contracts().items():
        for column in contract.columns:
            with warehouse.connect("transformer") as connection, connection.cursor() as cursor:
                statement = f"select {column.name} from raw.{source}"
                if column.is_protected:
                    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                        cursor.execute(statement)
                else:
                    cursor.execute(statement)
            connection.close()
    joined = query(
        database,
        """
        select employee.pin, punch.pin from raw.bkpsdm__pegawai as employee
        join raw.bkpsdm__absensi_mesin as punch using (pin_key)
        """,
    )
    assert joined == [("126", "126")]


def test_a_column_that_the_contract_gains_is_added_and_opened(database: Any, warehouse: Any) -> None:
    contract = load_contracts()["djpb__apbd"]
    extra = dataclasses.replace(contract.column("surplus_idr"), name="debt_idr")
    with ledger.connect() as connection, connection.cursor() as cursor:
        ledger.register(cursor, dataclasses.replace(contract, columns=(*contract.columns, extra)))
        cursor.execute("select debt_idr from raw.djpb__apbd")
        cursor.execute("select has_column_privilege('transformer', 'raw.djpb__apbd', 'debt_idr', 'select')")
        assert cursor.fetchone() == (True,)
        connection.rollback()


def test_loads_of_generated_exports_are_marked_as_sample(database: Any, budget_csv: Writer) -> None:
    file = budget_csv(budget_row())
    ledger.record_sample_files([file])
    load.load_file(file)
    load.load_file(budget_csv(budget_row(month=2)))
    assert query(database, "select is_sample from ops.load order by load_id") == [(True,), (False,)]


def test_the_regions_agencies_are_known_to_the_warehouse(database: Any) -> None:
    reference.apply_region("35.03")
    reference.apply_region("35.23")
    assert query(database, "select count(*) from reference.opd where opd_code = 'bkpsdm'") == [(1,)]
    kecamatan = query(database, "select count(*) from reference.opd where opd_kind = 'kecamatan'")
    assert kecamatan == [(20,)]
