"""Region files agree with the seeds, with the contracts and with themselves."""

from __future__ import annotations

import csv
import re
from datetime import date
from typing import Any

import pytest
import yaml

from ingestion import settings
from ingestion.contract import load_contracts

REGIONS = sorted((settings.ROOT / "regions").glob("*.yaml"))


@pytest.fixture(params=REGIONS, ids=lambda file: file.stem)
def region(request: pytest.FixtureRequest) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(request.param.read_text(encoding="utf-8"))
    assert content["code"] == request.param.stem
    return content


def test_kecamatan_are_those_of_the_seed(region: dict[str, Any]) -> None:
    with (settings.ROOT / "dbt_project/seeds/region.csv").open(newline="", encoding="utf-8") as file:
        seeded = {
            (row["region_code"], row["region_name"])
            for row in csv.DictReader(file)
            if row["level"] == "kecamatan" and row["parent_code"] == region["code"]
        }
    assert {(item["code"], item["name"]) for item in region["kecamatan"]} == seeded


def test_a_spelling_belongs_to_one_agency_a_day(region: dict[str, Any]) -> None:
    owners: dict[str, list[tuple[str, date, date]]] = {}
    for opd in region["opd"]:
        first, last = opd.get("valid_from", date.min), opd.get("valid_to", date.max)
        for name in (opd["name"], opd["short_name"], *opd["aliases"]):
            plain = re.sub(r"[^a-z0-9]", "", name.lower())
            for other, begins, ends in owners.setdefault(plain, []):
                apart = ends < first or last < begins
                assert other == opd["code"] or apart, f"{name} belongs to two agencies"
            owners[plain].append((opd["code"], first, last))


def test_whoever_delivers_is_an_agency(region: dict[str, Any]) -> None:
    codes = [opd["code"] for opd in region["opd"]]
    assert len(set(codes)) == len(codes)
    assert {contract.opd for contract in load_contracts().values()} <= set(codes)


def test_every_kind_of_agency_has_a_size(region: dict[str, Any]) -> None:
    assert {opd["kind"] for opd in region["opd"]} == set(region["sample"]["employees_by_kind"])
    assert set(region["sample"]["employees_by_opd"]) <= {opd["code"] for opd in region["opd"]}


def test_targets_are_complete(region: dict[str, Any]) -> None:
    targets = {item["kpi_code"]: item for item in region["targets"]}
    assert set(targets) == {
        "complaint_first_response_on_time_pct",
        "complaint_completion_on_time_pct",
        "attendance_pct",
        "absorption_pct",
        "poverty_p0",
        "delivery_punctuality",
    }
    assert [code for code, item in targets.items() if not item["higher_is_better"]] == ["poverty_p0"]


def test_centroids_of_tuban_lie_within_the_regency() -> None:
    tuban = yaml.safe_load(settings.region_file("35.23").read_text(encoding="utf-8"))
    assert len(tuban["kecamatan"]) == 20
    for item in tuban["kecamatan"]:
        assert -7.2 < item["lat"] < -6.7 and 111.5 < item["lon"] < 112.3
