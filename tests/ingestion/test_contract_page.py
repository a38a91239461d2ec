"""docs/kontrak.md is the whole truth about contracts: every key, and examples that work."""

from __future__ import annotations

import datetime
import re
import typing
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from ingestion import settings
from ingestion.contract import read_contract
from ingestion.ingest_property import Ingest
from ingestion.load import check_file
from ingestion.sample import from_contract
from ingestion.sample.scene import Scene

PAGE = (settings.ROOT / "docs" / "kontrak.md").read_text(encoding="utf-8")
FIRST, INNER = PAGE.split("### Bagian dalam")
# Columns that the examples of the page speak of.
COLUMNS = {
    "string": ("kode", "uraian", "bulan_data", "period"),
    "integer": ("year", "month", "quarter"),
    "number": ("nilai",),
    "date": ("tanggal", "selesai"),
}
AS_OF = datetime.date(2026, 11, 22)


def rows_of(text: str) -> dict[str, str]:
    """Key of a table's row → its example."""
    rows = re.findall(r"^\| `([A-Za-z.]+)` \|(.*)\|$", text, re.M)
    found = {}
    for key, rest in rows:
        if examples := re.findall(r"(?<!\\)\| `([^`]+)` $", rest):
            found[key] = examples[0].replace(r"\|", "|")
    return found


def models_below(model: type[BaseModel], prefix: str = "") -> dict[str, set[str]]:
    """Prefix of the page's keys → keys that the model and those below it have."""
    found: dict[str, set[str]] = {}
    for field in model.model_fields.values():
        key = f"{prefix}{field.alias}"
        found.setdefault(prefix, set()).add(key)
        for below in _models_of(field.annotation):
            for inner, keys in models_below(below, f"{key}.").items():
                found.setdefault(inner, set()).update(keys)
    return found


def _models_of(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in _models_of(part)]


def test_every_key_of_ingest_stands_on_the_page_with_an_example() -> None:
    known = models_below(Ingest)
    assert set(rows_of(FIRST)) == known.pop(""), "write the key into the table of docs/kontrak.md"
    assert set(rows_of(INNER)) == set().union(*known.values()), "write the key into the second table"


@pytest.mark.parametrize(
    "example", [*rows_of(FIRST).values(), *rows_of(INNER).values()], ids=lambda text: text.partition(":")[0]
)
def test_every_example_is_one_that_a_contract_may_hold(example: str, tmp_path: Path) -> None:
    given = yaml.safe_load(example)
    (key,) = given
    ingest = {
        "schedule": "*/5 * * * *",
        "filePattern": r"data_(?P<period>20\d{2}-\d{2})\.csv",
        "fileExample": "data_2025-01.csv",
        "delivery": "snapshot",
        "slice": ["*"],
        "dataDate": {"column": "tanggal"},
    } | given
    if key == "filePattern":
        ingest["fileExample"] = "aduan_2025-01_rev2.xlsx"
    if key == "fileExample":
        ingest["filePattern"] = r"aduan_20\d{2}-\d{2}\.xlsx"
    if key == "slice":
        ingest["filePattern"], ingest["fileExample"] = r"data\.csv", "data.csv"
    document = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "dinkes__contoh",
        "name": "Contoh",
        "version": "1.0.0",
        "status": "active",
        "domain": "health",
        "description": {"purpose": "Contoh."},
        "team": {"name": "Dinas Kesehatan"},
        "slaProperties": [
            {"property": "frequency", "value": 1, "unit": "m"},
            {"property": "latency", "value": 5, "unit": "d"},
            {"property": "retention", "value": 5, "unit": "y"},
        ],
        "schema": [{"name": "dinkes__contoh", "properties": _properties()}],
        "customProperties": [{"property": "ingest", "value": ingest}],
    }
    file = tmp_path / "dinkes__contoh.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    contract = read_contract(file)
    assert contract.document["customProperties"][0]["value"][key] == given[key]


def _properties() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "businessName": name,
            "description": "Contoh.",
            "logicalType": kind,
            "classification": "publik",
            **({"physicalType": "numeric(20,2)"} if kind == "number" else {}),
        }
        for kind, names in COLUMNS.items()
        for name in names
    ]


def block(language: str) -> str:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)[0]


def test_the_contract_at_the_top_is_one_and_loads_its_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(tmp_path))
    file = tmp_path / "dinkes__kunjungan.yaml"
    file.write_text(block("yaml"), encoding="utf-8")
    scene = Scene.load(seed=1, as_of=AS_OF, scale=1.0)
    (sample,) = from_contract.write(tmp_path / "landing", read_contract(file), scene)
    outcome = check_file(sample, "dinkes__kunjungan", received_on=AS_OF)
    assert (outcome.status, outcome.rejected) == ("accepted", 0)
    assert outcome.slices == ["2026-10"]


def test_the_module_of_the_page_reads_a_format_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(tmp_path))
    contract = tmp_path / "dinkes__lebar_tetap.yaml"
    head, _, _ = block("yaml").partition("    properties:")
    contract.write_text(
        head.replace("dinkes__kunjungan", "dinkes__lebar_tetap")
        + """    properties:
      - {name: kode, businessName: Kode, description: Kode., logicalType: string, classification: publik,
         primaryKey: true, logicalTypeOptions: {pattern: '[A-Z]{3}\\d{3}'}}
      - {name: jumlah, businessName: Jumlah, description: Jumlah., logicalType: integer,
         classification: publik}
customProperties:
  - property: ingest
    value:
      schedule: '*/5 * * * *'
      layout: python
      filePattern: lebar_tetap\\.txt
      fileExample: lebar_tetap.txt
      delivery: snapshot
      slice: ['*']
      dataDate: {}
""",
        encoding="utf-8",
    )
    contract.with_suffix(".py").write_text(block("python"), encoding="utf-8")
    scene = Scene.load(seed=1, as_of=AS_OF, scale=1.0)
    (sample,) = from_contract.write(tmp_path / "landing", read_contract(contract), scene)
    with sample.open("a", encoding="utf-8") as file:
        file.write("abc1        nol\n")
    outcome = check_file(sample, "dinkes__lebar_tetap", received_on=AS_OF)
    assert (outcome.status, outcome.loaded, outcome.rejected) == ("accepted", 60, 1), outcome.messages
    assert {reason.column for reason in outcome.rejects[0].reasons} == {"kode", "jumlah"}
    assert outcome.rejects[0].row_no == 61
