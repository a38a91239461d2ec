"""The set of files as a whole: repeatable, in the places and with the names that the contracts expect."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from ingestion.contract import load_contracts
from ingestion.sample import generate

AS_OF = date(2026, 11, 22)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_same_seed_day_and_scale_give_the_same_bytes(landing: Path, tmp_path: Path) -> None:
    again = generate(tmp_path, as_of=AS_OF, scale=0.1)
    assert contents(tmp_path) == contents(landing)
    assert sorted(again) == sorted(path for path in tmp_path.rglob("*") if path.is_file())


def test_nobody_can_receive_a_sample_before_it_is_known_as_one(tmp_path: Path) -> None:
    seen: dict[str, list[str]] = {}

    def visible() -> list[str]:
        return [
            str(path)
            for path in tmp_path.rglob("*")
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(tmp_path).parts)
        ]

    def look(made: list[Path]) -> None:
        seen["visible"], seen["names"] = visible(), sorted(path.name for path in made)
        assert all(path.stat().st_size for path in made)

    published = generate(tmp_path, as_of=AS_OF, scale=0.01, before_publish=look)
    assert seen["visible"] == []
    assert seen["names"] == sorted(path.name for path in published)
    assert sorted(visible()) == sorted(map(str, published))
    assert {path.name for path in tmp_path.iterdir() if path.name.startswith(".")} == set()


def test_samples_that_could_not_be_marked_are_never_published(tmp_path: Path) -> None:
    def refuse(_: list[Path]) -> None:
        raise ConnectionError("no database")

    with pytest.raises(ConnectionError):
        generate(tmp_path, as_of=AS_OF, scale=0.01, before_publish=refuse)
    assert list(tmp_path.iterdir()) == []


def test_another_seed_gives_other_events_and_the_same_facts(landing: Path, tmp_path: Path) -> None:
    generate(tmp_path, seed=7, as_of=AS_OF, scale=0.1)
    ours, others = contents(landing), contents(tmp_path)
    assert set(ours) == set(others)
    for name in ours:
        assert (ours[name] == others[name]) == name.startswith("bps/"), name


def test_every_file_lies_where_its_contract_expects_it(landing: Path) -> None:
    contracts = load_contracts()
    delivered = set()
    for file in landing.rglob("*"):
        if not file.is_file():
            continue
        folder = file.parent.relative_to(landing).parts
        if not folder:
            assert not any(contract.matches_file_name(file.name) for contract in contracts.values())
            continue
        contract = contracts["__".join(folder)]
        assert contract.matches_file_name(file.name), file.name
        delivered.add(contract.source_id)
    assert delivered == set(contracts)


def first_rows(file: Path) -> list[tuple[str, ...]]:
    """The first ten rows as text, whatever the file is."""
    if file.suffix == ".xlsx":
        book = openpyxl.load_workbook(file, read_only=True)
        rows = book.worksheets[0].iter_rows(max_row=10, values_only=True)
        return [tuple("" if cell is None else str(cell) for cell in row) for row in rows]
    text = file.read_bytes().decode("cp1252" if "aduan" in file.name else "utf-8-sig")
    return [tuple(line.split(";")) for line in text.split("\r\n")[:10]]


@pytest.mark.parametrize(
    "source_id",
    [
        "diskominfo__aduan",
        "diskominfo__aduan_riwayat",
        "bkpsdm__pegawai",
        "bkpsdm__ketidakhadiran",
        "bkpsdm__jadwal_kerja",
        "bpkad__realisasi_apbd",
        "djpb__apbd",
    ],
)
def test_tables_have_the_headers_of_the_contract(landing: Path, source_id: str) -> None:
    contract = load_contracts()[source_id]
    for file in (landing / contract.opd / contract.dataset).iterdir():
        rows = first_rows(file)
        header = next(row for row in rows if sum(bool(cell) for cell in row) >= 3)
        for column in contract.table_columns:
            known = {title.lower() for title in column.headers}
            found = known & {cell.lower() for cell in header}
            is_broken = file.name == "aduan_2026-10_rev2.xlsx" and column.name == "received_at"
            assert bool(found) != is_broken, f"{file.name}: {column.name}"


def test_whoever_opens_a_titled_file_sees_that_it_is_a_sample(landing: Path) -> None:
    bkpsdm = ("bkpsdm/pegawai", "bkpsdm/ketidakhadiran", "bkpsdm/jadwal_kerja")
    titled = ("diskominfo/aduan", "diskominfo/aduan_riwayat", *bkpsdm, "bpkad/realisasi_apbd", ".")
    for file in (file for folder in titled for file in (landing / folder).iterdir() if file.is_file()):
        assert first_rows(file)[0][0].startswith("DATA CONTOH"), file.name
    assert all("contoh" in file.name for file in (landing / "djpb/apbd").iterdir())


def test_the_command_line_does_not_pay_for_the_generator() -> None:
    code = "import ingestion.sample, sys; print({'numpy', 'pandas', 'openpyxl', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("landing_at", "scale"), [("s3://landing", 1.0), ("landing", 0.0), ("landing", -1.0), ("landing", 21.0)]
)
def test_what_cannot_be_generated_is_said(landing_at: str, scale: float, tmp_path: Path) -> None:
    where = landing_at if "://" in landing_at else str(tmp_path / landing_at)
    with pytest.raises(ValueError, match=r"local folder|scale"):
        generate(where, as_of=AS_OF, scale=scale)
    assert not list(tmp_path.iterdir())


def test_on_the_first_of_a_month_there_is_no_running_month(tmp_path: Path) -> None:
    names = {path.name for path in generate(tmp_path, as_of=date(2026, 11, 1), scale=0.02)}
    assert "aduan_2026-10.xlsx" in names and not any("2026-11" in name for name in names)
    assert "101_attlog.dat" in names


@pytest.mark.parametrize("as_of", [date(2020, 2, 1), date(2024, 2, 29), date(2027, 1, 1), date(2030, 6, 15)])
def test_any_day_and_the_smallest_scale_will_do(as_of: date, tmp_path: Path) -> None:
    assert len(generate(tmp_path, as_of=as_of, scale=0.001)) > 60
    with pytest.raises(ValueError, match="as_of"):
        generate(tmp_path, as_of=date(2020, 1, 31))


@pytest.mark.parametrize("region", ["35.03", "35.14", "32.78"])
def test_other_regions_have_samples_too(region: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGION", region)
    folders = {path.parent.name for path in generate(tmp_path, as_of=AS_OF, scale=0.02)}
    attendance = {"pegawai", "absensi_mesin", "ketidakhadiran", "jadwal_kerja"}
    assert attendance | {"aduan", "aduan_riwayat", "kemiskinan", "realisasi_apbd", "apbd"} <= folders


def test_pandas_reads_a_workbook_written_without_a_clock(landing: Path) -> None:
    table = pd.read_excel(landing / "bkpsdm/pegawai/pegawai_2026-10.xlsx", header=4, engine="calamine")
    assert list(table.columns)[:3] == ["NIP", "Nama", "Unit Kerja"]
