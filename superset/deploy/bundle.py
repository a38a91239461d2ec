"""Compiles the assets into the files that ``POST /api/v1/assets/import/`` takes (format 1.0.0).

UUIDs follow from names, so the same file always updates the same object, on every installation.
"""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from typing import Any

import yaml
from asset_files import AssetError, Assets, calculated_columns, chart_params, charts_of, fill, problems
from mart_catalogue import Column, Mart
from query_context import query_context
from region_colours import colours_by_name

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://pendopo.invalid/superset")
SCHEMA = "marts"
SAMPLE_BANNER = (
    '<div class="pendopo-banner"><strong>DATA CONTOH — bukan data resmi.</strong> '
    "Angka di halaman ini dibuat untuk mencoba Pendopo dan tidak menggambarkan keadaan sebenarnya.</div>"
)
# Formats that Indonesians read, by the unit that dbt declares; the decimal mark comes from D3_FORMAT.
FORMAT_OF_UNIT = {
    "persen": ",.1f",
    "rupiah": "$,.0f",
    "miliar rupiah": ",.1f",
    "rasio": ",.2f",
    "indeks": ",.2f",
    "tahun": "d",
}
DATE_FORMAT = "%-d %b %Y"
# The banner fills its box; an empty cell reads "–", not "N/A"; the period above a big number can be read.
STYLE = """
.dashboard-component-chart-holder { border: 1px solid #e3e7ea; border-radius: 6px; }
.dashboard-component-chart-holder:has(.pendopo-banner) { padding: 0; overflow: hidden; }
.pendopo-banner { background: #fff4d6; border-left: 8px solid #b26a00; color: #4a2c00; padding: 10px 16px; }
.dt-is-null { font-size: 0; }
.dt-is-null::after { content: "–"; font-size: 12px; color: #5f6b76; }
.kicker { font-size: 13px !important; color: #434b52; padding-bottom: 2px; }
"""


def identifier(kind: str, name: str) -> str:
    """UUID of an object, for example ``identifier("chart", "aduan_per_bulan")``."""
    return str(uuid.uuid5(NAMESPACE, f"{kind}/{name}"))


def compile_bundle(
    assets: Assets, marts: dict[str, Mart], database_uri: str, is_sample: bool
) -> dict[str, Any]:
    """Path in the bundle → content; raises AssetError with every problem when something is wrong."""
    if found := problems(assets, marts):
        raise AssetError("\n".join(found))
    (database,) = assets.databases
    files: dict[str, Any] = {"metadata.yaml": {"version": "1.0.0", "type": "assets"}}
    for name, declared in assets.databases.items():
        files[f"databases/{name}.yaml"] = _database(name, declared, database_uri)
    for name in assets.datasets:
        files[f"datasets/{database}/{name}.yaml"] = _dataset(assets, marts[name], database)
    for name in assets.charts:
        files[f"charts/{name}.yaml"] = _chart(assets, marts, name)
    for number, name in enumerate(assets.dashboards):
        files[f"dashboards/{name}.yaml"] = _dashboard(assets, name, is_sample, number)
    return files


def as_zip(files: dict[str, Any]) -> bytes:
    """The bundle as the import wants it: one root folder, YAML files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(f"assets/{path}", yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    return buffer.getvalue()


def _database(name: str, declared: dict[str, Any], uri: str) -> dict[str, Any]:
    return {**declared, "sqlalchemy_uri": uri, "uuid": identifier("database", name), "version": "1.0.0"}


def _dataset(assets: Assets, mart: Mart, database: str) -> dict[str, Any]:
    declared = assets.datasets[mart.name]
    columns = [_physical_column(column) for column in mart.columns.values()]
    columns += [_calculated_column(name, c) for name, c in calculated_columns(assets, mart.name).items()]
    metrics = [_metric(assets, name, m) for name, m in (declared.get("metrics") or {}).items()]
    return {
        "table_name": mart.name,
        "schema": SCHEMA,
        "main_dttm_col": declared.get("time_column"),
        "description": f"{mart.label}: {mart.description} Butiran: {mart.grain}. Pemilik: {mart.owner}.",
        "cache_timeout": declared.get("cache_seconds"),
        "filter_select_enabled": True,
        "normalize_columns": False,
        "extra": {
            "certification": {
                "certified_by": "Diskominfo",
                "details": f"Mart terkontrak dan teruji; klasifikasi {mart.classification}.",
            }
        },
        "columns": columns,
        "metrics": metrics,
        "uuid": identifier("dataset", mart.name),
        "database_uuid": identifier("database", database),
        "version": "1.0.0",
    }


def _physical_column(column: Column) -> dict[str, Any]:
    unit = f" Satuan: {column.unit}." if column.unit else ""
    return {
        "column_name": column.name,
        "verbose_name": column.label,
        "description": column.description + unit,
        "type": column.data_type.upper(),
        "is_dttm": column.is_temporal,
        "is_active": True,
        "groupby": True,
        "filterable": True,
    }


def _calculated_column(name: str, declared: dict[str, Any]) -> dict[str, Any]:
    return {
        "column_name": name,
        "verbose_name": declared["label"],
        "description": declared.get("description", ""),
        "type": declared["type"],
        "is_dttm": declared["type"].startswith(("DATE", "TIMESTAMP")),
        "is_active": True,
        "groupby": True,
        "filterable": True,
        "expression": declared["expression"],
    }


def _metric(assets: Assets, name: str, declared: dict[str, Any]) -> dict[str, Any]:
    return {
        "metric_name": name,
        "verbose_name": declared["label"],
        "expression": fill(declared["expression"], assets.placeholders),
        "description": declared.get("description", ""),
        "d3format": declared.get("format", FORMAT_OF_UNIT.get(declared.get("unit", ""), ",.0f")),
    }


def _chart(assets: Assets, marts: dict[str, Mart], name: str) -> dict[str, Any]:
    declared = assets.charts[name]
    params = {**chart_params(assets, name), "viz_type": declared["viz_type"]}
    if declared["viz_type"] == "table":
        params["column_config"] = {**_column_formats(assets, marts[declared["dataset"]], params)}
    params["datasource"] = "0__table"
    return {
        "slice_name": fill(declared["title"], assets.placeholders),
        "description": fill(declared.get("description", ""), assets.placeholders),
        "viz_type": declared["viz_type"],
        "params": params,
        "query_context": json.dumps(query_context(params), ensure_ascii=False),
        "cache_timeout": declared.get("cache_seconds"),
        "uuid": identifier("chart", name),
        "dataset_uuid": identifier("dataset", declared["dataset"]),
        "version": "1.0.0",
    }


def _column_formats(assets: Assets, mart: Mart, params: dict[str, Any]) -> dict[str, Any]:
    """Number and date format of each column of a table from its unit, unless the chart says otherwise."""
    formats: dict[str, Any] = {}
    for name in params.get("all_columns") or params.get("groupby", []):
        column = mart.columns.get(name)
        if column is None:
            continue
        if column.is_temporal:
            formats[name] = {"d3TimeFormat": DATE_FORMAT, "horizontalAlign": "left"}
        elif column.is_numeric:
            formats[name] = {"d3NumberFormat": FORMAT_OF_UNIT.get(column.unit, ",.0f")}
    metrics = assets.datasets[mart.name].get("metrics") or {}
    for name in params.get("metrics", []):
        unit = metrics[name].get("unit", "")
        formats[name] = {"d3NumberFormat": metrics[name].get("format", FORMAT_OF_UNIT.get(unit, ",.0f"))}
    for name, own in (params.get("column_config") or {}).items():
        formats[name] = {**formats.get(name, {}), **own}
    return formats


def _dashboard(assets: Assets, name: str, is_sample: bool, number: int) -> dict[str, Any]:
    board = assets.dashboards[name]
    title = fill(board["title"], assets.placeholders)
    ids = {chart: index for index, chart in enumerate(charts_of(board), start=1 + 1000 * (number + 1))}
    return {
        "dashboard_title": title,
        "description": fill(board.get("description", ""), assets.placeholders),
        "css": STYLE + board.get("css", ""),
        "slug": name,
        "certified_by": "Diskominfo",
        "certification_details": "Dasbor ini disimpan sebagai kode dan diperiksa otomatis.",
        "published": True,
        "uuid": identifier("dashboard", name),
        "position": _position(assets, board, title, ids, is_sample),
        "metadata": _metadata(assets, board, ids),
        "version": "1.0.0",
    }


def _position(
    assets: Assets, board: dict[str, Any], title: str, ids: dict[str, int], is_sample: bool
) -> dict[str, Any]:
    rows = [*([{"height": 6, "items": [{"text": SAMPLE_BANNER}]}] if is_sample else []), *board["rows"]]
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"id": "ROOT_ID", "type": "ROOT", "children": ["GRID_ID"]},
        "HEADER_ID": {"id": "HEADER_ID", "type": "HEADER", "meta": {"text": title}},
        "GRID_ID": {"id": "GRID_ID", "type": "GRID", "children": [], "parents": ["ROOT_ID"]},
    }
    for number, row in enumerate(rows, start=1):
        row_id = f"ROW-{number}"
        position["GRID_ID"]["children"].append(row_id)
        position[row_id] = {
            "id": row_id,
            "type": "ROW",
            "children": [],
            "parents": ["ROOT_ID", "GRID_ID"],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for place, item in enumerate(row["items"], start=1):
            part = _part(assets, item, row["height"], ids, f"{number}-{place}")
            part["parents"] = ["ROOT_ID", "GRID_ID", row_id]
            position[row_id]["children"].append(part["id"])
            position[part["id"]] = part
    return position


def _part(
    assets: Assets, item: dict[str, Any], height: int, ids: dict[str, int], place: str
) -> dict[str, Any]:
    meta: dict[str, Any] = {"width": item.get("width", 12), "height": height}
    if "chart" in item:
        name = item["chart"]
        title = fill(assets.charts[name]["title"], assets.placeholders)
        meta |= {"chartId": ids[name], "uuid": identifier("chart", name), "sliceName": title}
        return {"id": f"CHART-{name}", "type": "CHART", "children": [], "meta": meta}
    meta["code"] = fill(item["text"], assets.placeholders)
    return {"id": f"MARKDOWN-{place}", "type": "MARKDOWN", "children": [], "meta": meta}


def _metadata(assets: Assets, board: dict[str, Any], ids: dict[str, int]) -> dict[str, Any]:
    everything = {"rootPath": ["ROOT_ID"], "excluded": []}
    return {
        "color_scheme": "pendopo",
        "label_colors": {
            **(colours_by_name(assets.compared) if board.get("colour_regions") else {}),
            **{fill(k, assets.placeholders): v for k, v in (board.get("label_colors") or {}).items()},
        },
        "shared_label_colors": [],
        "cross_filters_enabled": True,
        "chart_configuration": {},
        "global_chart_configuration": {"scope": everything, "chartsInScope": sorted(ids.values())},
        "expanded_slices": {},
        "refresh_frequency": board.get("refresh_seconds", 300),
        "timed_refresh_immune_slices": [],
        "filter_bar_orientation": "HORIZONTAL",
        "native_filter_configuration": [_native_filter(f, ids) for f in board.get("filters") or []],
    }


def _native_filter(declared: dict[str, Any], ids: dict[str, int]) -> dict[str, Any]:
    """A drop-down of a column's values; ``newest`` starts with the first value from the end of the order."""
    newest = declared.get("newest", False)
    return {
        "id": f"NATIVE_FILTER-{declared['name']}",
        "name": declared["title"],
        "type": "NATIVE_FILTER",
        "filterType": "filter_select",
        "description": declared.get("description", ""),
        "targets": [
            {
                "column": {"name": declared["column"]},
                "datasetUuid": identifier("dataset", declared["dataset"]),
            }
        ],
        "controlValues": {
            "multiSelect": not newest,
            "enableEmptyFilter": newest,
            "defaultToFirstItem": newest,
            "inverseSelection": False,
            "searchAllOptions": False,
            "sortAscending": not newest,
        },
        "requiredFirst": newest,
        "defaultDataMask": {"extraFormData": {}, "filterState": {}, "ownState": {}},
        "cascadeParentIds": [],
        "scope": {
            "rootPath": ["ROOT_ID"],
            "excluded": [ids[chart] for chart in declared.get("except") or []],
        },
    }
