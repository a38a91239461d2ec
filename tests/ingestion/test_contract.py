"""Contracts follow the open standard, and a wrong one says where it is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from ingestion import settings
from ingestion.contract import ContractError, load_contracts, read_contract

FILES = sorted(settings.contracts_folder().glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_contract_is_valid_under_the_standards_own_schema(file: Path) -> None:
    schema = json.loads(OpenDataContractStandard.json_schema())
    jsonschema.validate(yaml.safe_load(file.read_text()), schema)


def test_every_source_has_its_own_file_name() -> None:
    contracts = load_contracts().values()
    for contract in contracts:
        fitting = [other for other in contracts if other.matches_file_name(contract.ingest.file_example)]
        assert fitting == [contract]


def test_reading_contracts_loads_no_arrow_and_no_pandas() -> None:
    code = (
        "import sys; from ingestion.contract import load_contracts; load_contracts();"
        "print([name for name in ('pyarrow', 'pandas', 'psycopg2', 'airflow') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=settings.ROOT
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("domain: budget", "domain: money", "domain: 'money'; allowed: complaints"),
        ("logicalType: number", "logicalType: money", "logicalType: 'money'; allowed: string"),
        ("numeric(20,2)", "numeric", "physicalType: 'numeric'; allowed: numeric(precision"),
        ("classification: publik", "classification: rahasia", "'rahasia'; allowed: publik, internal"),
        ("        required: true\n", "        requierd: true\n", "requierd: unknown; allowed:"),
        ("slice: [year, month, government_name]", "slice: [tahun]", "ingest.slice: 'tahun' is no column"),
        ("delivery: cumulative", "delivery: sometimes", "ingest: delivery:"),
        ("delivery: cumulative", "delivery: cumulative\n      colour: red", "ingest: colour: unknown key"),
        (
            "fileExample: djpb_apbd.csv",
            "fileExample: apbd.xls",
            "ingest.fileExample: 'apbd.xls' does not match",
        ),
        ("filePattern: djpb", "filePattern: (djpb", "ingest: filePattern:"),
        (
            "property: latency, value: 20, unit: d",
            "property: latency, value: 1, unit: y",
            "slaProperties.latency",
        ),
        ("id: djpb__apbd", "id: djpb", "id: 'djpb' must be <opd>__<dataset>"),
        ("{column: cutoff_on}", "{column: cutoff_on, year: year, month: 1}", "at most one of column"),
        ("{column: cutoff_on}", "{column: government_name}", "must be of type date or timestamp"),
        (
            "{minimum: 1, maximum: 12}",
            "{minimum: 1, maximum: 12.5}",
            "maximum: 12.5; allowed: a whole number",
        ),
        ("{minimum: 1, maximum: 12}", "{minimum: 13, maximum: 12}", "minimum: 13 lies above maximum 12"),
        ("[yyyy-MM-dd, dd/MM/yyyy]", "[DD/MM/YYYY]", "'DD/MM/YYYY' holds 'D'"),
        ("[yyyy-MM-dd, dd/MM/yyyy]", "[yyyy-MM]", "'yyyy-MM' lacks a year, month or day"),
        ("minimum: '2000-01-01'", "minimum: 2000-01-01", "logicalTypeOptions.minimum: must be quoted text"),
        (r"djpb_apbd(?:_[^/]*)?", r"djpb_apbd(?:_(?P<period>\d{4}-\d\d))?", "ingest.filePeriod: needed"),
        (
            "delivery: cumulative",
            "delivery: cumulative\n      filePeriod: {year: year, month: month}",
            "ingest.filePeriod: filePattern has no group 'period'",
        ),
    ],
)
def test_a_wrong_contract_names_file_key_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    text = (settings.contracts_folder() / "djpb__apbd.yaml").read_text()
    assert old in text
    file = tmp_path / "djpb__apbd.yaml"
    file.write_text(text.replace(old, new))
    with pytest.raises(ContractError) as error:
        read_contract(file)
    assert str(error.value).startswith("djpb__apbd.yaml: ")
    assert said in str(error.value)


def test_a_column_nobody_classified_counts_as_personal(tmp_path: Path) -> None:
    text = (settings.contracts_folder() / "djpb__apbd.yaml").read_text()
    file = tmp_path / "djpb__apbd.yaml"
    file.write_text(text.replace("        classification: publik\n", ""))
    assert all(column.is_protected for column in read_contract(file).columns)
