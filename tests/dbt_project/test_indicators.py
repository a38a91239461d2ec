"""The page of indicators names every key figure, and nothing that the marts do not hold."""

from __future__ import annotations

import re

import pytest
import yaml

from ingestion import settings

PAGE = settings.ROOT / "docs" / "indikator.md"
PROJECT = settings.ROOT / "dbt_project"
MARTS = ("fct", "agg", "dim")


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text()


@pytest.fixture(scope="module")
def columns():
    """Mart → its columns, as the YAML beside each model promises them."""
    promised = {}
    for path in PROJECT.glob("models/marts/**/*.yml"):
        for model in (yaml.safe_load(path.read_text()) or {}).get("models", []):
            promised[model["name"]] = {column["name"] for column in model["columns"]}
    return promised


def test_every_mart_column_on_the_page_exists(page, columns):
    named = re.findall(rf"`((?:{'|'.join(MARTS)})_\w+)\.(\w+)`", page)
    assert len(named) > 40
    wrong = [f"{mart}.{column}" for mart, column in named if column not in columns.get(mart, ())]
    assert not wrong, f"docs/indikator.md names what no mart holds: {', '.join(wrong)}"


def test_every_mart_of_events_and_sums_is_on_the_page(page, columns):
    missing = [name for name in columns if not name.startswith("dim_") and f"`{name}." not in page]
    assert not missing, f"docs/indikator.md gives no indicator of {', '.join(missing)}"


def test_every_seed_on_the_page_exists(page):
    for name in re.findall(r"`seeds/(\w+\.csv)`", page):
        assert (PROJECT / "seeds" / name).exists(), f"docs/indikator.md names seeds/{name}: no such file"


def test_every_key_figure_stands_on_the_page_and_on_the_leaders_screen(page, empty_frames):
    rows = set(re.findall(r"^\| `(\w+)` \|", page, re.M))
    assert rows == set(empty_frames["agg_kpi"]["kpi_code"])
    with settings.region_file("35.23").open() as file:
        assert {target["kpi_code"] for target in yaml.safe_load(file)["targets"]} <= rows
