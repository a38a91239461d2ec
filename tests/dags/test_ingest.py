"""One ingest DAG from the drop folder to the ledger, run by Airflow itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy import intake
from ingestion import settings

HEADER = "thang;bulan;tgl_cutoff;nama_pemda;pendapatan;belanja;pembiayaan;SILPA"
RUN_DAG = """
import json
from airflow.dag_processing.dagbag import DagBag
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
run = DagBag().get_dag("ingest__djpb__apbd").test(logical_date=None)
with create_session() as session:
    tasks = session.query(TaskInstance).filter_by(dag_id=run.dag_id, run_id=run.run_id).all()
    print(json.dumps({"run": run.state.value, **{task.task_id: str(task.state) for task in tasks}}))
"""


def _deliver(name: str, month: int) -> Path:
    folder = Path(settings.landing()) / "djpb" / "apbd"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    line = f"2004;{month};28/0{month}/2004;Kab. Uji;1000;900;0;100"
    path.write_bytes(f"{HEADER}\r\n{line}\r\n".encode())
    # A file just written could still grow; the inbox leaves it for the next scan.
    long_ago = path.stat().st_mtime - 60
    os.utime(path, (long_ago, long_ago))
    return path


def _rows(warehouse, sql: str) -> list[tuple]:
    connection = warehouse.connect("admin")
    with connection, connection.cursor() as cursor:
        cursor.execute(sql)
        rows = cursor.fetchall()
    connection.close()
    return rows


def test_a_waiting_file_is_loaded_and_announced_and_an_empty_inbox_ends_early(airflow, clean_ledger):
    path = _deliver("djpb_apbd_2004-01.csv", 1)
    first = airflow(RUN_DAG)
    assert first == {"run": "success", "receive": "success", "load": "success", "announce": "success"}
    assert not path.exists()
    loaded = _rows(clean_ledger, "select count(*) from raw.djpb__apbd where year = 2004 and month = 1")
    assert loaded == [(1,)]
    second = airflow(RUN_DAG)
    assert second == {"run": "success", "receive": "success", "load": "skipped", "announce": "skipped"}


def test_a_file_that_cannot_be_handled_never_stops_the_others(clean_ledger):
    from ingestion import inbox

    _deliver("djpb_apbd_2004-02.csv", 2)
    (delivery_id,) = inbox.receive("djpb__apbd")
    said: list[str] = []
    with pytest.raises(intake.IntakeError, match="999999999"):
        intake.load_waiting([999_999_999, delivery_id], said.append)
    assert len(said) == 2
    assert "djpb_apbd_2004-02.csv" in said[1] and "1 dimuat" in said[1]


def test_a_stray_file_is_registered_for_its_source(clean_ledger):
    path = _deliver("djpb_apbd_2004-03.csv", 3)
    stray = path.rename(Path(settings.landing()) / path.name)
    assert intake.receive_strays() == ["djpb__apbd"]
    assert not stray.exists()


def test_a_file_with_refused_rows_comes_back_marked_and_no_failure_to_mark_stops_a_load(
    clean_ledger, monkeypatch
):
    from ingestion import inbox, marked

    path = _deliver("djpb_apbd_2004-05.csv", 5)
    path.write_bytes(path.read_bytes() + b"2004;5;28/05/2004;Kab. Lain;rahasia;900;0;100\r\n")
    os.utime(path, (path.stat().st_mtime - 60,) * 2)
    said: list[str] = []
    intake.load_waiting(inbox.receive("djpb__apbd"), said.append)
    ((load_id,),) = _rows(clean_ledger, "select max(load_id) from ops.load")
    (workbook,) = marked.report_files(load_id)
    assert said[0] == f"Berkas bertanda untuk pengirim: {workbook}"
    # Logs are read by more people than the workbook.
    assert "rahasia" not in " ".join(said)

    def broken(load_id: int) -> Path:
        raise OSError("disk penuh")

    monkeypatch.setattr(marked, "write", broken)
    path = _deliver("djpb_apbd_2004-06.csv", 6)
    path.write_bytes(path.read_bytes() + b"2004;6;28/06/2004;Kab. Lain;x;900;0;100\r\n")
    os.utime(path, (path.stat().st_mtime - 60,) * 2)
    intake.load_waiting(inbox.receive("djpb__apbd"), said.append)
    assert "tidak dapat dibuat: disk penuh" in said[2]
    assert "DIMUAT" in said[3]
