"""The Superset assets without a server: what they name exists, and what people read is Indonesian."""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "superset" / "deploy"))

import asset_files  # noqa: E402
import bundle  # noqa: E402
import mart_catalogue  # noqa: E402
import region_colours  # noqa: E402

REGIONS = sorted((ROOT / "regions").glob("*.yaml"))
# Words that only an English text has; terms that Indonesian offices use (data, status, target) are not here.
ENGLISH = re.compile(
    r"\b(the|of|and|by|per month|count|number|date|source|budget|complaint|attendance|poverty|late|open|"
    r"closed|month|year|name|value|average|rate|chart|table|filter|untitled|sum)\b",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def marts() -> dict[str, mart_catalogue.Mart]:
    return mart_catalogue.load_marts()


@pytest.fixture(scope="module")
def assets() -> asset_files.Assets:
    return asset_files.load_assets(region=ROOT / "regions" / "35.23.yaml")


@pytest.fixture(scope="module")
def files(assets: asset_files.Assets, marts: dict[str, mart_catalogue.Mart]) -> dict[str, Any]:
    return bundle.compile_bundle(assets, marts, "postgresql://somewhere/pendopo", is_sample=True)


def test_everything_that_assets_name_exists(
    assets: asset_files.Assets, marts: dict[str, mart_catalogue.Mart]
) -> None:
    found = asset_files.problems(assets, marts)
    assert not found, "fix these files below superset/assets:\n" + "\n".join(found)


@pytest.mark.parametrize("region", REGIONS, ids=lambda path: path.stem)
def test_assets_compile_for_every_region(region: Path, marts: dict[str, mart_catalogue.Mart]) -> None:
    made = bundle.compile_bundle(
        asset_files.load_assets(region=region), marts, "postgresql://x/y", is_sample=False
    )
    assert "$" not in "".join(content.get("slice_name", "") for content in made.values())


def test_there_are_the_five_dashboards_with_a_number_of_charts_that_one_can_take_in(
    assets: asset_files.Assets,
) -> None:
    assert set(assets.dashboards) == {"pimpinan", "aduan", "absensi", "kemiskinan", "anggaran"}
    for slug, board in assets.dashboards.items():
        most = 8 if slug == "pimpinan" else 12
        assert 4 <= len(asset_files.charts_of(board)) <= most, f"dashboards/{slug}.yaml"


def test_every_chart_stores_the_query_of_its_params(files: dict[str, Any]) -> None:
    for path, chart in _of_kind(files, "charts"):
        context = json.loads(chart["query_context"])
        (query,) = context["queries"]
        assert query["metrics" if "metrics" in query else "columns"], path
        assert context["form_data"]["viz_type"] == chart["viz_type"], path


def test_every_dashboard_says_where_its_data_come_from(assets: asset_files.Assets) -> None:
    for slug, board in assets.dashboards.items():
        sources = [
            name for name in asset_files.charts_of(board) if _shows_source_and_date(assets.charts[name])
        ]
        assert sources, f"dashboards/{slug}.yaml needs a table with source, data_date and freshness"


def test_sample_banner_is_on_every_dashboard_and_only_for_samples(
    assets: asset_files.Assets, marts: dict[str, mart_catalogue.Mart], files: dict[str, Any]
) -> None:
    real = bundle.compile_bundle(assets, marts, "postgresql://x/y", is_sample=False)
    for path, board in _of_kind(files, "dashboards"):
        assert "DATA CONTOH — bukan data resmi" in json.dumps(board["position"], ensure_ascii=False), path
        assert "DATA CONTOH" not in json.dumps(real[path]["position"], ensure_ascii=False), path


def test_column_labels_come_from_dbt(files: dict[str, Any], marts: dict[str, mart_catalogue.Mart]) -> None:
    for path, dataset in _of_kind(files, "datasets"):
        labels = {c["column_name"]: c["verbose_name"] for c in dataset["columns"] if "expression" not in c}
        declared = {column.name: column.label for column in marts[dataset["table_name"]].columns.values()}
        assert labels == declared, path


def test_people_read_indonesian(files: dict[str, Any]) -> None:
    english = []
    for path, content in files.items():
        for text in _texts(content):
            if found := ENGLISH.search(text):
                english.append(f"{path}: {found.group()!r} in {text!r}")
    assert not english, "write these in Indonesian:\n" + "\n".join(english)


def test_no_pie_and_no_smart_number(assets: asset_files.Assets) -> None:
    for name, chart in assets.charts.items():
        assert chart["viz_type"] not in ("pie", "gauge_chart"), name
        assert "SMART_NUMBER" not in json.dumps(chart), name


def test_bars_of_agencies_carry_the_short_name(assets: asset_files.Assets) -> None:
    for name, chart in assets.charts.items():
        if "bar" in chart["viz_type"]:
            assert chart["params"]["x_axis"] != "opd_name", f"charts/{name}.yaml: use opd_short_name"


def test_metric_that_only_sorts_bars_is_named_as_it_reads(assets: asset_files.Assets) -> None:
    """Superset leaves it out of the bars by comparing its label with its name."""
    for name, chart in assets.charts.items():
        params = chart["params"]
        by = params.get("timeseries_limit_metric")
        if by and by == params.get("x_axis_sort") and by not in params["metrics"]:
            assert assets.datasets[chart["dataset"]]["metrics"][by]["label"] == by, f"charts/{name}.yaml"


@pytest.mark.parametrize("region", REGIONS, ids=lambda path: path.stem)
def test_compared_regions_have_one_colour_each(region: Path) -> None:
    compared = asset_files.load_assets(region=region).compared
    colours = region_colours.colours_by_name(compared)
    assert len(colours) == len(compared), "every region must be in dbt_project/seeds/region.csv"
    assert len(set(colours.values())) == len(colours)
    assert next(iter(colours.values())) == region_colours.HOME


def test_comparison_and_ranking_of_poverty_are_coloured(files: dict[str, Any]) -> None:
    colours = files["dashboards/kemiskinan.yaml"]["metadata"]["label_colors"]
    assert colours["Tuban"] == region_colours.HOME and colours["Jawa Timur"] == region_colours.PROVINCE
    assert {"Kota Pasuruan", "Pasuruan", "Trenggalek", "Kabupaten/kota lain"} <= set(colours)


@pytest.mark.parametrize(
    ("is_build_failed", "data_date", "days_to_due", "freshness", "lateness"),
    [
        (False, None, None, "○ Belum ada data", 1_000_000),
        (False, "2026-01-31", None, "– Tanpa jatuh tempo", 0),
        (False, "2026-01-31", 0, "● Segar", 0),
        (False, "2026-01-31", -1, "▲ Terlambat", 1),
        (True, "2026-01-31", -1, "✖ Gagal diperbarui", 1),
    ],
)
def test_only_what_never_came_has_no_data(
    warehouse: Any,
    assets: asset_files.Assets,
    is_build_failed: bool,
    data_date: str | None,
    days_to_due: int | None,
    freshness: str,
    lateness: int,
) -> None:
    columns = asset_files.calculated_columns(assets, "agg_source_delivery")
    asked = ", ".join(columns[name]["expression"] for name in ("freshness", "lateness"))
    row = """
        select %s as is_build_failed, %s::date as data_date,
        (now() at time zone 'Asia/Jakarta')::date + %s::integer as due_on
    """
    with warehouse.connect("bi_staff") as connection, connection.cursor() as cursor:
        cursor.execute(f"select {asked} from ({row}) as source", (is_build_failed, data_date, days_to_due))
        assert cursor.fetchone() == (freshness, lateness)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("params", "groupby", ["no_such_column"]), "kolom 'no_such_column' tidak ada di mart"),
        (("params", "metrics", ["no_such_metric"]), "metrik 'no_such_metric' tidak ada"),
        (("dataset", None, "raw_table"), "'raw_table' bukan mart"),
        (("viz_type", None, "pie"), "jenis grafik 'pie' belum didukung"),
    ],
)
def test_a_wrong_chart_is_one_clear_sentence(
    assets: asset_files.Assets,
    marts: dict[str, mart_catalogue.Mart],
    change: tuple[str, str | None, Any],
    sentence: str,
) -> None:
    wrong = copy.deepcopy(assets)
    key, inner, value = change
    if inner:
        wrong.charts["aduan_opd"][key][inner] = value
    else:
        wrong.charts["aduan_opd"][key] = value
    (found,) = asset_files.problems(wrong, marts)
    assert found.startswith("charts/aduan_opd.yaml: ") and sentence in found


def _of_kind(files: dict[str, Any], kind: str) -> Iterator[tuple[str, Any]]:
    return ((path, content) for path, content in files.items() if path.startswith(f"{kind}/"))


def _shows_source_and_date(chart: dict[str, Any]) -> bool:
    shown = set(chart["params"].get("all_columns", []))
    return {"data_date", "freshness"} <= shown and bool(shown & {"title", "source_label"})


def _texts(content: dict[str, Any]) -> Iterator[str]:
    """What a person reads of an object; descriptions of columns are dbt's business."""
    for key in ("slice_name", "dashboard_title", "certification_details"):
        yield content.get(key) or ""
    if "slice_name" in content or "dashboard_title" in content:
        yield content["description"]
    yield from (metric["verbose_name"] for metric in content.get("metrics", []))
    yield from (column["verbose_name"] for column in content.get("columns", []))
    yield from (part["meta"]["code"] for part in _parts(content) if part["type"] == "MARKDOWN")
    yield from (f["name"] for f in (content.get("metadata") or {}).get("native_filter_configuration", []))


def _parts(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (part for part in content.get("position", {}).values() if isinstance(part, dict))
