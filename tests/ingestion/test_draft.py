"""A new source is one reviewed contract: what dbt needs follows from it, and drift is found."""

from __future__ import annotations

from pathlib import Path

from ingestion import generate
from ingestion.contract import load_contracts


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
