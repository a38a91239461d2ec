"""Versions of a source: whatever order they arrive in, the newest counts, and nothing is lost on the way."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import multiprocessing
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from deploy import migrations
from ingestion import ledger, load, replay, store, versions
from ingestion import settings as installation
from ingestion.contract import Contract, load_contracts
from ingestion.outcome import Outcome

from .conftest import HEADER, budget_row, query

Writer = Callable[..., Path]
ADUAN, BUDGET, PUNCHES, STAFF = (
    "diskominfo__aduan",
    "djpb__apbd",
    "bkpsdm__absensi_mesin",
    "bkpsdm__pegawai",
)
TICKETS = "No. Tiket;Judul Laporan;Status Pengaduan;Waktu Dibuat"
EMPLOYEES = "NIP;Nama;Unit Kerja;Jenis Jabatan;Status;No Mesin;PIN;Berlaku Mulai;Berlaku Sampai"
NOON = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


@dataclasses.dataclass(frozen=True)
class Sent:
    """A file as somebody sends it; ``hour`` is when it was last written."""

    source: str
    name: str
    text: str
    hour: int

    def deliver(self) -> Outcome:
        content = store.keep(_stream(self.text))
        with ledger.connect() as connection, connection.cursor() as cursor:
            modified_at = NOON + datetime.timedelta(hours=self.hour)
            delivery = ledger.record_delivery(
                cursor, self.source, self.name, f"/{self.hour}", content, modified_at=modified_at
            )
            connection.commit()
        return load.load_delivery(delivery)


def _stream(text: str) -> Any:
    import io

    return io.BytesIO(text.encode())


def complaints(month: int, *tickets: str, revision: int = 0, hour: int = 0) -> Sent:
    lines = [f"{ticket};Judul;Selesai;02/{month:02d}/2024 08:00:00" for ticket in tickets]
    name = f"aduan_2024-{month:02d}{f'_rev{revision}' if revision else ''}.csv"
    return Sent(ADUAN, name, "\n".join([TICKETS, *lines]), hour)


def budget(*rows: str, name: str = "djpb_apbd.csv", hour: int = 0) -> Sent:
    return Sent(BUDGET, name, "\n".join([HEADER, *rows]), hour)


def punches(*minutes: int, device: int = 1, hour: int = 0) -> Sent:
    lines = [f"126\t2024-01-02 07:{minute:02d}:00\t1\t0\t1\t0" for minute in minutes]
    return Sent(PUNCHES, f"{device}_attlog.dat", "\n".join([*lines, ""]), hour)


def staff(*numbers: int, month: int = 1, hour: int = 0, opd: str = "Dinas Contoh") -> Sent:
    lines = [
        f"19700101199001{number:04d};Contoh;{opd};Pelaksana;PNS;1;{number};01/01/2024;" for number in numbers
    ]
    return Sent(STAFF, f"pegawai_2024-{month:02d}.csv", "\n".join([EMPLOYEES, *lines]), hour)


def is_current(source_id: str) -> str:
    """The condition of the staging models, as dbt would write it."""
    environment = Environment()
    text = (installation.ROOT / "dbt_project" / "macros" / "is_current_row.sql").read_text()
    macro: Any = environment.from_string(text, {"source": lambda *names: ".".join(names)}).module
    return str(macro.is_current_row(source_id, bool(load_contracts()[source_id].ingest.slice)))


def current(cursor: Any, source_id: str) -> list[Any]:
    """Contents of the current rows, without the ids of their loads."""
    columns = [column.name for column in load_contracts()[source_id].columns]
    statement = f"""
        select {", ".join(f"{name}::text" for name in columns)}, _row_no, _row_hash::text, _slice
        from raw.{source_id} as landed where {is_current(source_id)}
    """
    return sorted(query(cursor, statement), key=str)


def tickets(cursor: Any) -> list[str]:
    rows = query(cursor, f"select ticket_no from raw.{ADUAN} as landed where {is_current(ADUAN)} order by 1")
    return [row[0] for row in rows]


def empty(cursor: Any) -> None:
    cursor.execute("truncate ops.delivery, ops.load, ops.load_slice, ops.slice, ops.rejected_row")
    for source_id in (ADUAN, BUDGET, PUNCHES, STAFF):
        cursor.execute(f"truncate raw.{source_id}")


HOURS = st.integers(0, 3)
SENT = st.one_of(
    st.builds(
        complaints,
        st.integers(1, 2),
        st.sampled_from(["A1", "A2"]),
        st.sampled_from(["A3", "A4", "salah tiket"]),
        revision=st.sampled_from([0, 0, 2, 10]),
        hour=HOURS,
    ),
    st.builds(
        budget,
        st.builds(
            budget_row,
            st.sampled_from(["Kab. A", "Kab. B"]),
            month=st.integers(1, 2),
            revenue=st.sampled_from(["1", "2", "x"]),
        ),
        st.builds(
            budget_row, st.just("Kab. C"), month=st.integers(1, 2), revenue=st.sampled_from(["3", "4"])
        ),
        name=st.sampled_from(["djpb_apbd.csv", "djpb_apbd_koreksi.csv"]),
        hour=HOURS,
    ),
    st.builds(punches, st.integers(0, 2), st.integers(3, 5), device=st.integers(1, 2), hour=HOURS),
    st.builds(
        staff,
        st.integers(1, 2),
        st.integers(3, 4),
        month=st.integers(1, 2),
        hour=HOURS,
        opd=st.sampled_from("AB"),
    ),
)


@settings(
    max_examples=int(os.environ.get("PENDOPO_DELIVERY_EXAMPLES", "10")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), sent=st.lists(SENT, min_size=2, max_size=6))
def test_any_order_of_deliveries_gives_the_same_current_rows(
    database: Any, data: st.DataObject, sent: list[Sent]
) -> None:
    results = []
    for order in (sent, data.draw(st.permutations(sent))):
        empty(database)
        for file in order:
            file.deliver()
        results.append({source: current(database, source) for source in (ADUAN, BUDGET, PUNCHES, STAFF)})
        _is_derived(database)
    assert results[0] == results[1]


def _is_derived(cursor: Any) -> None:
    """Deriving all slices anew changes nothing."""
    with ledger.connect() as connection, connection.cursor() as loader:
        for source_id in (ADUAN, BUDGET, STAFF):
            loader.execute("select slice_key from ops.load_slice where source_id = %s", (source_id,))
            assert versions.derive_slices(loader, source_id, {row[0] for row in loader.fetchall()}) == []


def test_a_corrected_file_without_a_revision_wins_because_it_was_written_later(database: Any) -> None:
    late, early = complaints(1, "A1", hour=2), complaints(1, "A1", "A2", hour=1)
    late.deliver()
    outcome = early.deliver()
    assert "Sudah ada versi yang lebih baru untuk 2024-01" in outcome.messages[-1]
    assert tickets(database) == ["A1"]


def test_an_older_content_that_is_sent_again_is_current_again_and_no_row_is_copied(database: Any) -> None:
    complaints(1, "A1", "A2", hour=1).deliver()
    complaints(1, "A1", hour=2).deliver()
    database.execute(
        "insert into ops.published_load (domain, load_id, source_id, change_id)"
        " select 'complaints', load_id, source_id, change_id from ops.load"
    )
    assert "complaints" not in ledger.domains_behind()
    again = complaints(1, "A1", "A2", hour=3).deliver()
    assert (again.status, again.slices) == ("already_loaded", ["2024-01"])
    assert "berlaku kembali untuk 2024-01" in again.messages[0]
    assert tickets(database) == ["A1", "A2"]
    assert query(database, f"select count(*) from raw.{ADUAN}") == [(3,)]
    # Marts must be built anew although no load is new.
    assert "complaints" in ledger.domains_behind()
    assert query(database, "select status from ops.delivery order by delivery_id desc limit 1") == [
        ("already_loaded",)
    ]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_sample_never_takes_the_place_of_what_an_agency_delivered(
    database: Any, tmp_path: Path, order: tuple[int, int]
) -> None:
    real, sample = complaints(1, "A1", hour=0), complaints(1, "S1", "S2", revision=9, hour=3)
    (tmp_path / sample.name).write_text(sample.text)
    ledger.record_sample_files([tmp_path / sample.name])
    for number in order:
        outcome = (real, sample)[number].deliver()
        assert "digantikan" not in " ".join(outcome.messages)
    assert tickets(database) == ["A1"]


def test_one_content_under_the_names_of_two_machines_is_two_deliveries(database: Any) -> None:
    outcomes = [punches(1, 2, device=device).deliver() for device in (1, 2, 1)]
    assert [outcome.status for outcome in outcomes] == ["loaded", "loaded", "already_loaded"]
    rows = query(database, f"select device_no::text, count(*) from raw.{PUNCHES} group by 1 order by 1")
    assert rows == [("1", 2), ("2", 2)]


def test_a_correction_adds_a_slice_that_its_load_did_not_hold_and_moves_with_it(database: Any) -> None:
    first = budget(
        budget_row("Kab. A", month=1), budget_row("Kab. A", month=2, revenue="x"), hour=1
    ).deliver()
    outcome = correction(first.load_id or 0, [(3, budget_row("Kab. A", month=2))]).deliver()
    assert outcome.slices == ["2026/2/Kab. A"]
    # A version of that month written before the corrected file does not take its place; a newer one does.
    budget(budget_row("Kab. A", month=2, revenue="8"), name="djpb_apbd_2.csv", hour=0).deliver()
    assert [row[4] for row in current(database, BUDGET)] == ["1000.00", "1000.00"]
    budget(budget_row("Kab. A", month=2, revenue="9"), name="djpb_apbd_3.csv", hour=2).deliver()
    assert sorted(row[4] for row in current(database, BUDGET)) == ["1000.00", "9.00"]
    _is_derived(database)


def test_a_column_that_the_contract_gains_is_added_beside_the_rows_that_are_there(
    database: Any, contracts: Any
) -> None:
    budget(budget_row("Kab. A")).deliver()

    def edit(document: dict[str, Any]) -> None:
        document["version"] = "9.0.0"
        extra = _column(document, "surplus_idr") | {"name": "debt_idr", "businessName": "Utang"}
        extra["required"] = False
        document["schema"][0]["properties"].append(extra)

    contracts(edit)
    ledger.register_contracts()
    assert query(database, f"select revenue_idr::int, debt_idr from raw.{BUDGET}") == [(1000, None)]
    # Optional, so the rows are right as they are; an engineer may still ask for the originals.
    with ledger.connect() as connection, connection.cursor() as cursor:
        assert ledger.waiting(cursor, BUDGET) == []
    assert len(replay.queue(BUDGET)) == 1


def _load_in_a_process(arguments: tuple[str, str]) -> str:
    return load.load_file(Path(arguments[0]), arguments[1]).status


def test_parallel_loads_of_one_source_leave_one_result(database: Any, tmp_path: Path) -> None:
    tasks = []
    for number in (*range(3), 0, 0, 1):
        sent = complaints(1, *(f"A{ticket}" for ticket in range(40 + number)), revision=number)
        file = tmp_path / sent.name
        file.write_text(sent.text)
        tasks.append((str(file), ADUAN))
    with multiprocessing.get_context("fork").Pool(6) as pool:
        statuses = pool.map(_load_in_a_process, tasks, chunksize=1)
    assert sorted(statuses) == ["already_loaded"] * 3 + ["loaded"] * 3
    assert len(current(database, ADUAN)) == 42
    assert query(database, f"select count(*) from raw.{ADUAN}") == [(40 + 41 + 42,)]


def test_a_new_version_of_a_snapshot_says_what_it_adds_changes_and_closes(
    database: Any, warehouse: Any
) -> None:
    staff(1, 2, 3, month=1).deliver()
    second = staff(2, 4, month=2, opd="Dinas Lain").deliver()
    assert second.messages == [
        "Dibanding versi sebelumnya: 1 baris baru, 1 berubah, 2 tidak ada lagi.",
        "Versi baru berisi 2 baris, versi yang digantikan 3. Pastikan ekspornya lengkap.",
    ]
    assert query(
        database,
        "select rows_added, rows_changed, rows_closed, message from ops.load"
        f" where load_id = {second.load_id}",
    ) == [(1, 1, 2, " ".join(second.messages))]
    third = staff(1, 2, month=3, opd="Dinas Lain").deliver()
    with warehouse.connect("transformer") as connection, connection.cursor() as cursor:
        cursor.execute(
            f"select opd_name, _row_no, _closed_by_load_id from raw.{STAFF}__closed"
            " order by _closed_by_load_id"
        )
        assert cursor.fetchall() == [("Dinas Contoh", 4, second.load_id), ("Dinas Lain", 3, third.load_id)]
        cursor.execute(
            "select column_name from information_schema.columns where table_name = %s", (f"{STAFF}__closed",)
        )
        assert {"nip", "pin"}.isdisjoint(name for (name,) in cursor.fetchall())
    connection.close()


def test_refused_rows_are_linked_to_the_version_that_replaced_them(database: Any) -> None:
    first = budget(budget_row("Kab. A"), budget_row("Kab. B", revenue="x"), hour=1).deliver()
    second = budget(budget_row("Kab. A"), budget_row("Kab. B"), hour=2).deliver()
    links = "select load_id, resolved_by_load_id from ops.rejected_row order by load_id"
    assert query(database, links) == [(first.load_id, second.load_id)]
    # The first one is current again: its refused row is open again.
    budget(budget_row("Kab. A"), budget_row("Kab. B", revenue="x"), hour=3).deliver()
    assert query(database, links) == [(first.load_id, None)]


def test_rows_of_a_file_that_was_refused_whole_are_linked_to_the_file_that_was_repaired(
    database: Any,
) -> None:
    refused = budget(*(budget_row(f"Kab. {number}", revenue="x") for number in range(30)), hour=1).deliver()
    assert refused.status == "refused"
    loaded = budget(*(budget_row(f"Kab. {number}") for number in range(30)), hour=2).deliver()
    assert query(database, "select distinct resolved_by_load_id from ops.rejected_row") == [(loaded.load_id,)]


@pytest.fixture
def contracts(
    database: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[Callable[[dict[str, Any]], object]], Contract]:
    """Changes the contract of the budget; the raw table is made anew for the next test."""
    folder = tmp_path / "contracts"
    folder.mkdir()
    for file in (installation.ROOT / "ingestion" / "contracts").glob("*.yaml"):
        (folder / file.name).write_bytes(file.read_bytes())
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(folder))

    def change(edit: Callable[[dict[str, Any]], object]) -> Contract:
        file = folder / f"{BUDGET}.yaml"
        document = yaml.safe_load(file.read_text())
        edit(document)
        file.write_text(yaml.safe_dump(document, sort_keys=False))
        return load_contracts()[BUDGET]

    yield change
    monkeypatch.undo()
    database.execute(f"drop table raw.{BUDGET} cascade")
    ledger.register_contracts()


def _column(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(item for item in document["schema"][0]["properties"] if item["name"] == name)
    return found


def _as_text(document: dict[str, Any]) -> None:
    document["version"] = "9.0.0"
    column = _column(document, "month")
    column["logicalType"], column["physicalType"] = "string", "text"
    column.pop("logicalTypeOptions", None)
    document["customProperties"][0]["value"]["dataDate"] = {"column": "cutoff_on"}
    document["customProperties"][0]["value"].pop("filePeriod", None)


def test_a_changed_type_keeps_the_old_column_and_loads_the_kept_originals_again(
    database: Any, contracts: Any
) -> None:
    before = load_contracts()[BUDGET].version
    old = budget(budget_row("Kab. A", month=1), budget_row("Kab. B", revenue="x"), hour=1).deliver()
    budget(budget_row("Kab. A", month=2), name="djpb_apbd_2.csv", hour=2).deliver()
    budget(budget_row("Kab. A", month=2, revenue="7"), name="djpb_apbd_3.csv", hour=3).deliver()
    contracts(_as_text)
    ledger.register_contracts()
    ledger.register_contracts()
    with ledger.connect() as connection, connection.cursor() as cursor:
        waiting = ledger.waiting(cursor, BUDGET)
    # What is not current any more stays for audit as it is.
    assert len(waiting) == 2
    assert (
        query(database, "select landing_path from ops.delivery where status = 'received'")
        == [("replay",)] * 2
    )
    # Interrupted after the first one: the old rows of the other are current meanwhile, nothing is missing.
    assert load.load_delivery(waiting[0]).status == "loaded"
    assert len(current(database, BUDGET)) == 2
    assert load.load_delivery(waiting[1]).status == "loaded"
    assert load.load_delivery(waiting[1]).status == "already_loaded"
    rows = query(
        database,
        f"""
        select landed.month, landed.revenue_idr::int, month__v{before.replace(".", "_")}
        from raw.{BUDGET} as landed where {is_current(BUDGET)} order by 1
        """,
    )
    assert rows == [("1", 1000, None), ("2", 7, None)]
    assert query(
        database, f"select superseded_by_load_id is not null from ops.load where load_id = {old.load_id}"
    ) == [(True,)]
    assert query(database, "select count(*) from ops.rejected_row where resolved_by_load_id is null") == [
        (2,)
    ]
    assert replay.queue(BUDGET) == []


def test_a_changed_type_without_a_new_version_is_refused_before_anything_moves(
    database: Any, contracts: Any
) -> None:
    budget(budget_row("Kab. A")).deliver()

    def edit(document: dict[str, Any]) -> None:
        version = document["version"]
        _as_text(document)
        document["version"] = version

    contracts(edit)
    with pytest.raises(installation.PendopoError, match="Naikkan 'version'"):
        ledger.register_contracts()


def test_values_that_are_of_the_new_type_too_stay_where_nothing_can_be_loaded_again(
    database: Any, contracts: Any
) -> None:
    first = budget(
        budget_row("Kab. A"), budget_row("Kab. B", revenue="2,5"), *map(budget_row, "CDE"), hour=1
    ).deliver()
    budget(budget_row("Kab. A", month=2), name="djpb_apbd_2.csv", hour=2).deliver()
    query(
        database,
        f"update ops.delivery set purged_at = now() where load_id = {first.load_id} returning 1",
    )

    def edit(document: dict[str, Any]) -> None:
        _as_text(document)
        column = _column(document, "revenue_idr")
        column["logicalType"], column["physicalType"] = "integer", "bigint"

    contract = contracts(edit)
    (waiting,) = replay.queue(BUDGET)
    assert replay.beyond(BUDGET) == [first.load_id]
    values = f"select month, revenue_idr from raw.{BUDGET} where _load_id = {first.load_id} order by _row_no"
    kept = [("1", 1000), ("1", None), ("1", 1000), ("1", 1000), ("1", 1000)]
    assert query(database, values) == kept
    assert load.load_delivery(waiting).status == "loaded"
    assert (replay.queue(BUDGET), replay.beyond(BUDGET)) == ([], [first.load_id])
    # Back again: what a text holds is read as the contract writes numbers, nothing is multiplied by guessing.
    notation = contract.ingest
    database.execute(
        f"update raw.{BUDGET} set month = case _row_no when 2 then %s when 3 then '1-2' else month end",
        (f"1{notation.group_char}000{notation.decimal_char}00",),
    )

    def back(document: dict[str, Any]) -> None:
        document["version"] = "9.1.0"
        column = _column(document, "month")
        column["logicalType"], column["physicalType"] = "number", "numeric(20,2)"

    contracts(back)
    ledger.register_contracts()
    values = f"select month::int from raw.{BUDGET} where _load_id = {first.load_id} order by _row_no"
    assert query(database, values) == [(1000,), (None,), (1,), (1,), (1,)]


def test_a_replay_that_is_refused_leaves_the_old_rows_and_says_so(database: Any, contracts: Any) -> None:
    rows = [budget_row(f"Kab. {number}", revenue="2,5") for number in range(40)]
    first = budget(budget_row("Kab. A"), *rows, hour=1).deliver()

    def edit(document: dict[str, Any]) -> None:
        document["version"] = "9.0.0"
        column = _column(document, "revenue_idr")
        column["logicalType"], column["physicalType"] = "integer", "bigint"

    contracts(edit)
    (waiting,) = replay.queue(BUDGET)
    refused = load.load_delivery(waiting)
    assert refused.status == "refused"
    assert any(f"muatan {first.load_id}" in text and "tetap berlaku" in text for text in refused.messages)
    assert len(current(database, BUDGET)) == 41
    assert query(database, f"select sum(revenue_idr)::int from raw.{BUDGET}") == [(1000,)]
    # It is not loaded, and nobody says it were.
    assert len(replay.queue(BUDGET)) == 1


@pytest.mark.parametrize("change", ["personal", "required"])
def test_what_only_the_originals_can_fill_needs_a_new_version(
    database: Any, contracts: Any, change: str
) -> None:
    budget(budget_row("Kab. A")).deliver()

    def edit(document: dict[str, Any]) -> None:
        if change == "personal":
            _column(document, "government_name")["classification"] = "personal"
        else:
            extra = _column(document, "revenue_idr") | {"name": "debt_idr", "businessName": "Utang"}
            document["schema"][0]["properties"].append(extra | {"required": True})

    contracts(edit)
    with pytest.raises(installation.PendopoError, match="Naikkan 'version'"):
        ledger.register_contracts()


def test_increments_loaded_again_under_a_new_contract_are_not_counted_twice(
    database: Any, contracts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    punches(1, 2, hour=1).deliver()
    folder = Path(os.environ["PENDOPO_CONTRACTS"])
    file = folder / f"{PUNCHES}.yaml"
    file.write_text(file.read_text().replace("version: 1.1.0", "version: 9.0.0"))
    assert len(replay.queue(PUNCHES)) == 1
    for delivery in replay.queue(PUNCHES):
        assert load.load_delivery(delivery).status == "loaded"
    assert len(current(database, PUNCHES)) == 2
    assert query(database, f"select count(*) from raw.{PUNCHES}") == [(4,)]
    # Nor when the file itself comes again.
    assert punches(1, 2, hour=5).deliver().status == "already_loaded"
    assert len(current(database, PUNCHES)) == 2


def test_refused_rows_that_a_better_contract_accepts_are_added_to_their_load(
    database: Any, contracts: Any
) -> None:
    first = budget(
        budget_row("Kab. A"), budget_row("Kab. B", revenue="?"), budget_row("Kab. C", revenue="y"), hour=1
    ).deliver()
    assert (first.loaded, first.rejected) == (1, 2)

    def edit(document: dict[str, Any]) -> None:
        document["version"] = "9.0.0"
        document["customProperties"][0]["value"]["missingValues"] = ["", "?"]
        _column(document, "revenue_idr")["required"] = False

    contracts(edit)
    (outcome,) = replay.rejects(BUDGET)
    assert (outcome.status, outcome.read, outcome.loaded) == ("loaded", 2, 1)
    assert outcome.skipped_by_kind == {"still_refused": 1}
    assert [row[3] for row in current(database, BUDGET)] == ["Kab. A", "Kab. B"]
    assert query(database, "select row_no, resolved_by_load_id from ops.rejected_row order by row_no") == [
        (3, outcome.load_id),
        (4, None),
    ]
    # Doing it again adds nothing.
    assert [outcome.loaded for outcome in replay.rejects(BUDGET)] == [0]
    assert len(current(database, BUDGET)) == 2


def correction(load_id: int, rows: Sequence[tuple[int | str, str]], hour: int = 5) -> Sent:
    lines = [
        f"{row};{reference if isinstance(reference, str) else f'{load_id}:{reference}'}"
        for reference, row in rows
    ]
    return Sent(BUDGET, f"perbaikan_{hour}.csv", "\n".join([f"{HEADER};_pendopo", *lines]), hour)


def test_corrected_rows_join_the_load_that_refused_them(database: Any) -> None:
    first = budget(
        budget_row("Kab. A"), *(budget_row(f"Kab. {name}", revenue="x") for name in "BCD"), hour=1
    ).deliver()
    sent = correction(
        first.load_id,
        [
            (3, budget_row("Kab. B")),
            (4, budget_row("Kab. C", revenue="y")),
            ("baris 5", budget_row("Kab. D")),
        ],
    )
    outcome = sent.deliver()
    assert (outcome.status, outcome.read, outcome.loaded, outcome.rejected) == ("loaded", 3, 1, 2)
    assert [row[3] for row in current(database, BUDGET)] == ["Kab. A", "Kab. B"]
    assert sent.deliver().status == "already_loaded"
    rows = "select load_id, row_no, reference, resolved_by_load_id from ops.rejected_row order by 1, 2"
    assert query(database, rows) == [
        (first.load_id, 3, None, outcome.load_id),
        (first.load_id, 4, None, None),
        (first.load_id, 5, None, None),
        (outcome.load_id, 3, f"{first.load_id}:4", None),
        (outcome.load_id, 4, None, None),
    ]
    # The second attempt names the first one's rows; both are settled.
    again = correction(
        first.load_id, [(4, budget_row("Kab. C")), (3, budget_row("Kab. B"))], hour=6
    ).deliver()
    assert (again.loaded, again.skipped_by_kind) == (1, {"resolved": 1})
    assert query(database, "select count(*) from ops.rejected_row where resolved_by_load_id is null") == [
        (2,)
    ]
    # A newer version of the file takes the place of its corrections too, and gives it back.
    budget(*(budget_row(f"Kab. {name}", revenue="2") for name in "ABC"), hour=7).deliver()
    assert len(current(database, BUDGET)) == 3
    assert {row[4] for row in current(database, BUDGET)} == {"2.00"}


def test_a_corrected_row_whose_key_was_loaded_already_is_refused(database: Any) -> None:
    first = budget(budget_row("Kab. A"), budget_row("Kab. B", revenue="x"), hour=1).deliver()
    outcome = correction(first.load_id, [(3, budget_row("Kab. A", revenue="9"))]).deliver()
    assert outcome.status == "refused"
    assert "sama dengan baris 2 yang sudah dimuat" in outcome.rejects[0].reasons[0].message
    assert len(current(database, BUDGET)) == 1


def test_corrections_survive_a_contract_change(database: Any, contracts: Any) -> None:
    first = budget(budget_row("Kab. A"), budget_row("Kab. B", revenue="x"), hour=1).deliver()
    correction(first.load_id, [(3, budget_row("Kab. B"))]).deliver()
    contracts(_as_text)
    ledger.register_contracts()
    with ledger.connect() as connection, connection.cursor() as cursor:
        waiting = ledger.waiting(cursor, BUDGET)
    assert [load.load_delivery(delivery).status for delivery in waiting] == ["loaded", "loaded"]
    assert [row[3] for row in current(database, BUDGET)] == ["Kab. A", "Kab. B"]
    assert query(
        database, f"select count(*) from raw.{BUDGET} as landed where {is_current(BUDGET)} and month is null"
    ) == [(0,)]
    assert query(database, "select count(*) from ops.rejected_row where resolved_by_load_id is null") == [
        (0,)
    ]


def test_an_installation_of_before_keeps_every_slice_as_it_was(new_warehouse: Any) -> None:
    """Rows of the ledger as 0002 wrote them go through 0003."""
    with new_warehouse("pendopo-migration-") as warehouse:
        connection = warehouse.connect("admin")
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("drop schema ops cascade; drop schema raw cascade; drop schema reference cascade")
        cursor.execute("drop schema staging, intermediate, marts, open_data, candidate cascade")
        cursor.execute("create schema ops authorization owner")
        for path in migrations.migration_files()[:2]:
            cursor.execute(path.read_text())
        cursor.execute(
            f"""
            insert into ops.source
            values ('{ADUAN}', 't', 'complaints', 'diskominfo', 'monthly', 5, '1', '{{}}');
            create table raw.{ADUAN} (_load_id bigint, _slice text);
            insert into ops.load (
                source_id, sha256, file_name, contract_version, loader_version, status, rows_read,
                rows_loaded, rows_rejected, rows_skipped, started_at
            )
            select '{ADUAN}', md5(n::text), 'f' || n, '1', '1', 'loaded', 2, 2, 0, 0, now()
            from generate_series(1, 3) n;
            -- Received in another order than loaded.
            insert into ops.delivery (
                source_id, file_name, landing_path, sha256, size_bytes, original_path, status, load_id,
                received_at
            )
            select '{ADUAN}', 'f' || n, '/', md5(n::text), 1, 'o', 'loaded', n, now() - n * interval '1 hour'
            from generate_series(1, 3) n;
            insert into raw.{ADUAN} values (1, 'a'), (1, 'b'), (2, 'b'), (2, 'c'), (3, 'c'), (3, 'c');
            insert into ops.slice (source_id, slice_key, load_id)
            values ('{ADUAN}', 'a', 1), ('{ADUAN}', 'b', 2), ('{ADUAN}', 'c', 3);
            """
        )
        cursor.execute(migrations.migration_files()[2].read_text())
        before = query(cursor, "select slice_key, load_id from ops.slice order by 1")
        assert query(cursor, "select load_id, slice_key, rows from ops.load_slice order by 1, 2") == [
            (1, "a", 1),
            (1, "b", 1),
            (2, "b", 1),
            (2, "c", 1),
            (3, "c", 2),
        ]
        assert versions.derive_slices(cursor, ADUAN, {"a", "b", "c"}) == []
        cursor.execute("delete from ops.slice")
        versions.derive_slices(cursor, ADUAN, {"a", "b", "c"})
        assert query(cursor, "select slice_key, load_id from ops.slice order by 1") == before
        connection.close()


def test_three_revisions_in_every_order_leave_the_same_links_and_slices(database: Any) -> None:
    files = [complaints(1, "A1", "A2", hour=0), complaints(1, "A1", revision=2), complaints(1, "A3", hour=2)]
    results = []
    for order in itertools.permutations(files):
        empty(database)
        for file in order:
            file.deliver()
        results.append(current(database, ADUAN))
    assert all(result == results[0] for result in results)
