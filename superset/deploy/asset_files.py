"""The assets as people write them in ``superset/assets``, and what makes one of them wrong.

One YAML an object; the file name is its name:

``databases/<name>.yaml``   connection settings without an address
``datasets/<mart>.yaml``    metrics and calculated columns of a mart; the mart's own columns come from dbt
``charts/<name>.yaml``      title, dataset, kind of chart, params that differ from ``chart_defaults.yaml``
``dashboards/<slug>.yaml``  title, filters and rows of charts and texts

``$name`` in an expression stands for a value of the region (``placeholders``) or, in a shared calculated
column, for the column that it is applied to.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import yaml
from mart_catalogue import Mart
from query_context import SUPPORTED, TIMESERIES

from ingestion import settings

FOLDER = settings.ROOT / "superset" / "assets"
GRID_COLUMNS = 12


class AssetError(settings.PendopoError):
    """Assets that cannot be applied; one sentence a line, each naming the file and what to do."""


@dataclass(frozen=True)
class Assets:
    """Everything below ``superset/assets`` by name, plus the region's values."""

    databases: dict[str, dict[str, Any]]
    datasets: dict[str, dict[str, Any]]
    charts: dict[str, dict[str, Any]]
    dashboards: dict[str, dict[str, Any]]
    shared_columns: dict[str, dict[str, Any]]
    chart_defaults: dict[str, dict[str, Any]]
    placeholders: dict[str, str]
    compared: list[str]


def load_assets(folder: Path = FOLDER, region: Path | None = None) -> Assets:
    """Read all files; nothing is checked yet."""
    home = _read(region or settings.region_file())
    return Assets(
        databases=_read_folder(folder / "databases"),
        datasets=_read_folder(folder / "datasets"),
        charts=_read_folder(folder / "charts"),
        dashboards=_read_folder(folder / "dashboards"),
        shared_columns=_read(folder / "calculated_columns.yaml"),
        chart_defaults=_read(folder / "chart_defaults.yaml"),
        placeholders=placeholders(home),
        compared=compared_regions(home),
    )


def _read_folder(folder: Path) -> dict[str, dict[str, Any]]:
    return {path.stem: _read(path) for path in sorted(folder.glob("*.yaml"))}


def _read(path: Path) -> dict[str, Any]:
    """One file; raises AssetError when it is no YAML."""
    try:
        content: dict[str, Any] = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise AssetError(
            f"{path.parent.name}/{path.name}: bukan YAML yang sah ({' '.join(str(error).split())})."
        ) from None
    return content


def placeholders(region: dict[str, Any]) -> dict[str, str]:
    """Values of the region that expressions and texts may use."""
    return {
        "time_zone": region["time_zone"],
        "region_name": region["name"],
        "region_short_name": region["short_name"],
        "province_name": region["province"]["name"],
        "compared_regions": ", ".join(f"'{code}'" for code in compared_regions(region)),
    }


def compared_regions(region: dict[str, Any]) -> list[str]:
    """Codes that poverty charts show together: the region itself, its neighbours, others."""
    poverty = region.get("poverty", {})
    codes = [region["code"], *poverty.get("neighbours", []), *poverty.get("comparison", [])]
    return list(dict.fromkeys(codes))


def fill(text: str, values: dict[str, str]) -> str:
    """Replace ``$name``; raises KeyError on a name that nobody defines."""
    return Template(text).substitute(values)


def calculated_columns(assets: Assets, dataset: str) -> dict[str, dict[str, Any]]:
    """Calculated columns of a dataset, shared ones resolved, placeholders filled."""
    columns = {}
    for name, declared in (assets.datasets[dataset].get("columns") or {}).items():
        merged = {**assets.shared_columns.get(declared.get("use", ""), {}), **declared}
        values = {**assets.placeholders, **(declared.get("with") or {})}
        columns[name] = {**merged, "expression": fill(merged["expression"], values)}
    return columns


def chart_params(assets: Assets, chart: str) -> dict[str, Any]:
    """Params of a chart with the defaults of its kind."""
    declared = assets.charts[chart]
    shared = assets.chart_defaults.get("all", {})
    return {**shared, **assets.chart_defaults.get(declared["viz_type"], {}), **declared["params"]}


def used_columns(params: dict[str, Any]) -> set[str]:
    """Columns that a chart names."""
    names = {*params.get("groupby", []), *params.get("all_columns", [])}
    names |= {item["subject"] for item in params.get("adhoc_filters", []) if item.get("subject")}
    names |= {params["x_axis"]} if "x_axis" in params else set()
    return names


def used_metrics(params: dict[str, Any]) -> set[str]:
    """Metrics that a chart names; ad-hoc metrics are refused, so all of them are names."""
    single = [params[key] for key in ("metric", "timeseries_limit_metric") if key in params]
    return {*params.get("metrics", []), *single}


def problems(assets: Assets, marts: dict[str, Mart]) -> list[str]:
    """Everything that is wrong, one Indonesian sentence each; empty when the assets may be applied."""
    found: list[str] = []
    for name in assets.datasets:
        found += _dataset_problems(assets, marts, name)
    for name in assets.charts:
        found += _chart_problems(assets, marts, name)
    for name in assets.dashboards:
        found += _dashboard_problems(assets, name)
    shown = {chart for board in assets.dashboards.values() for chart in charts_of(board)}
    found += [
        f"charts/{name}.yaml: grafik ini tidak dipakai dasbor mana pun; pakai atau hapus berkasnya."
        for name in assets.charts
        if name not in shown
    ]
    return found


def _dataset_problems(assets: Assets, marts: dict[str, Mart], name: str) -> list[str]:
    where = f"datasets/{name}.yaml"
    if name not in marts:
        return [
            f"{where}: tidak ada mart '{name}' di dbt_project/models/marts; dataset hanya boleh di atas mart."
        ]
    declared, mart = assets.datasets[name], marts[name]
    found = [
        f"{where}: kolom hitungan '{column}' bernama sama dengan kolom mart; beri nama lain."
        for column in declared.get("columns") or {}
        if column in mart.columns
    ]
    for column, settings_ in (declared.get("columns") or {}).items():
        if settings_.get("use") and settings_["use"] not in assets.shared_columns:
            found.append(f"{where}: kolom '{column}' memakai '{settings_['use']}' yang tidak dikenal.")
    time_column = declared.get("time_column")
    if time_column and time_column not in {*mart.columns, *(declared.get("columns") or {})}:
        found.append(f"{where}: kolom waktu '{time_column}' tidak ada di mart '{name}'.")
    return found


def _chart_problems(assets: Assets, marts: dict[str, Mart], name: str) -> list[str]:
    where, chart = f"charts/{name}.yaml", assets.charts[name]
    dataset = chart["dataset"]
    if dataset not in marts:
        return [
            f"{where}: '{dataset}' bukan mart; grafik hanya boleh membaca mart di dbt_project/models/marts."
        ]
    if dataset not in assets.datasets:
        return [f"{where}: belum ada datasets/{dataset}.yaml; buat berkas itu lebih dahulu."]
    if chart["viz_type"] not in SUPPORTED:
        known = ", ".join(SUPPORTED)
        return [f"{where}: jenis grafik '{chart['viz_type']}' belum didukung; yang didukung: {known}."]
    params = chart_params(assets, name)
    columns = {*marts[dataset].columns, *(assets.datasets[dataset].get("columns") or {})}
    metrics = {*(assets.datasets[dataset].get("metrics") or {})}
    found = [
        f"{where}: kolom '{column}' tidak ada di mart '{dataset}'."
        for column in sorted(used_columns(params) - columns)
    ]
    found += [
        f"{where}: metrik '{metric}' tidak ada di datasets/{dataset}.yaml."
        for metric in sorted(used_metrics(params) - metrics)
    ]
    if chart["viz_type"] in (*TIMESERIES, "big_number") and "x_axis" not in params:
        found.append(f"{where}: grafik jenis '{chart['viz_type']}' perlu 'x_axis'.")
    if "SMART_NUMBER" in str(params):
        found.append(
            f"{where}: format SMART_NUMBER menulis k/M/B; pakai format angka Indonesia, misalnya ',.1f'."
        )
    return found


def _dashboard_problems(assets: Assets, name: str) -> list[str]:
    where, board = f"dashboards/{name}.yaml", assets.dashboards[name]
    found = [
        f"{where}: grafik '{chart}' tidak ada di charts/."
        for chart in charts_of(board)
        if chart not in assets.charts
    ]
    for number, row in enumerate(board["rows"], start=1):
        width = sum(item.get("width", GRID_COLUMNS) for item in row["items"])
        if width > GRID_COLUMNS:
            found.append(f"{where}: baris {number} selebar {width} kolom; paling banyak {GRID_COLUMNS}.")
    for declared in board.get("filters") or []:
        dataset = assets.datasets.get(declared["dataset"])
        if dataset is None:
            found.append(
                f"{where}: filter '{declared['title']}' memakai dataset '{declared['dataset']}' tanpa berkas."
            )
        found += [
            f"{where}: filter '{declared['title']}' mengecualikan '{chart}' yang tidak ada di dasbor ini."
            for chart in declared.get("except") or []
            if chart not in charts_of(board)
        ]
    return found


def charts_of(board: dict[str, Any]) -> list[str]:
    """Charts of a dashboard in reading order."""
    return [item["chart"] for row in board["rows"] for item in row["items"] if "chart" in item]
