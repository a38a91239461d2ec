"""Every mart says what it is: these gates read the manifest that dbt itself works from."""

from __future__ import annotations

import math
import re

import pytest
import yaml

from ingestion import settings
from ingestion.contract import DOMAINS, load_contracts

PROJECT = settings.ROOT / "dbt_project"
LAYERS = ("staging", "intermediate", "marts", "open_data")
# A later domain may read an earlier one; the transform builds them in this order.
DOMAIN_ORDER = {"shared": 0, **dict.fromkeys(DOMAINS, 1), "supply": 2}
PERIOD_DAYS = {"daily": 1, "monthly": 31, "quarterly": 92, "yearly": 366}
CLOCK = re.compile(r"\bnow\s*\(|current_date|current_timestamp|localtimestamp|clock_timestamp|run_started_at")


@pytest.fixture(scope="module")
def nodes(empty_marts):
    manifest = empty_marts.manifest()
    return manifest["nodes"] | manifest["sources"]


@pytest.fixture(scope="module")
def models(nodes):
    return {node["name"]: node for node in nodes.values() if node["resource_type"] == "model"}


@pytest.fixture(scope="module")
def marts(models):
    return {name: node for name, node in models.items() if node["fqn"][1] == "marts"}


def primary_key(nodes, name):
    """Columns of the model's primary-key test."""
    for node in nodes.values():
        test = node.get("test_metadata") or {}
        if test.get("name") == "primary_key" and node["attached_node"] == f"model.pendopo.{name}":
            return test["kwargs"]["columns"]
    return []


def test_every_mart_has_grain_owner_classification_contract_and_key(nodes, marts):
    for name, node in marts.items():
        meta = node["config"]["meta"]
        assert {"label", "grain", "owner", "classification"} <= set(meta), f"{name}: add it under config.meta"
        assert meta["classification"] in ("publik", "internal"), name
        assert node["description"].strip(), name
        assert node["config"]["contract"]["enforced"], name
        key = primary_key(nodes, name)
        assert key and set(key) <= set(node["columns"]), f"{name}: add a primary_key test"


def test_every_column_of_a_mart_has_label_description_and_unit(marts):
    for name, node in marts.items():
        for column in node["columns"].values():
            where = f"{name}.{column['name']}"
            meta = column["config"]["meta"]
            assert meta.get("label") and meta.get("unit"), f"{where}: add config.meta.label and unit"
            assert len(column["description"]) > 8, f"{where}: describe it"
            assert column["data_type"], where
            assert not column["data_type"].startswith("numeric") or "," in column["data_type"], where
            assert not meta["label"].startswith(("is_", "has_")) and "_" not in meta["label"], where


def test_every_column_of_a_key_is_never_empty(nodes, marts):
    for name, node in marts.items():
        for column in primary_key(nodes, name):
            kinds = [constraint["type"] for constraint in node["columns"][column]["constraints"]]
            assert "not_null" in kinds, f"{name}.{column}: add the constraint not_null"


def test_what_names_one_person_is_classified_as_personal(marts):
    for name, node in marts.items():
        for column in node["columns"].values():
            if column["name"].endswith("_key"):
                assert column["config"]["meta"].get("classification") == "personal", (
                    f"{name}.{column['name']}"
                )


def test_every_model_has_a_yaml_of_its_name_that_says_what_a_row_is(models):
    for path in PROJECT.glob("models/**/*.sql"):
        assert path.with_suffix(".yml").exists(), f"{path.name}: write {path.stem}.yml beside it"
        assert models[path.stem]["description"].strip(), path.stem


def test_nothing_reads_the_clock(empty_marts, models):
    for name, node in models.items():
        assert not CLOCK.search(empty_marts.compiled(node)), f"{name}: take the date from the data"
    for path in (*PROJECT.glob("macros/**/*.sql"), *PROJECT.glob("tests/**/*.sql")):
        assert not CLOCK.search(path.read_text()), path.name


def test_layers_read_downward_and_domains_in_their_order(nodes, models):
    for name, node in models.items():
        layer, domain = node["fqn"][1:3]
        assert layer in LAYERS and domain in DOMAIN_ORDER, name
        for unique_id in node["depends_on"]["nodes"]:
            parent = nodes[unique_id]
            if parent["resource_type"] == "source":
                assert layer == "staging", f"{name} reads the source {parent['name']}; read its staging model"
            if parent["resource_type"] == "model":
                assert layer != "staging", f"{name} reads {parent['name']}; staging reads sources only"
                assert LAYERS.index(parent["fqn"][1]) <= LAYERS.index(layer), f"{name} reads {parent['name']}"
                same = parent["fqn"][2] == domain
                assert same or DOMAIN_ORDER[parent["fqn"][2]] < DOMAIN_ORDER[domain], (
                    f"{name} reads {parent['name']}"
                )


def test_every_contract_has_a_source_with_its_freshness_and_a_staging_model(nodes, models):
    sources = {node["name"]: node for node in nodes.values() if node.get("source_name") == "raw"}
    contracts = load_contracts()
    assert set(sources) == set(contracts)
    for source_id, contract in contracts.items():
        assert models[f"stg_{source_id}"]["fqn"][2] == contract.domain
        assert sources[source_id]["fqn"][2] == contract.domain
        freshness = sources[source_id]["freshness"]
        period = PERIOD_DAYS[contract.frequency]
        late = period + math.ceil(contract.due_working_days * 7 / 5)
        assert freshness["warn_after"] == {"count": late, "period": "day"}, source_id
        assert freshness["error_after"] == {"count": late + period, "period": "day"}, source_id
        assert f"'{source_id}'" in sources[source_id]["loaded_at_query"]


def test_staging_selects_no_personal_column(empty_marts, models):
    for source_id, contract in load_contracts().items():
        compiled = empty_marts.compiled(models[f"stg_{source_id}"])
        for column in contract.document["schema"][0]["properties"]:
            if column.get("classification", "personal") in ("personal", "spesifik"):
                plain = re.compile(rf"landed\.{column['name']}\b(?!_key)")
                assert not plain.search(compiled), (
                    f"stg_{source_id}: {column['name']} is personal, select its key"
                )
        assert "landed.*" not in compiled


def test_every_domain_has_a_selector_and_one_without_models_builds_nothing(empty_marts):
    selectors = yaml.safe_load((PROJECT / "selectors.yml").read_text())["selectors"]
    assert [selector["name"] for selector in selectors] == list(DOMAIN_ORDER)
    empty_marts.dbt(["build", "--selector", next(name for name in DOMAINS if not _has_models(name))])


def _has_models(domain):
    return any(PROJECT.glob(f"models/*/{domain}/*.sql"))
