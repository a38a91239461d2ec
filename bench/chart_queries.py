"""The SQL behind the charts of a domain, close to what Superset sends: columns, metrics, filters, limits.

Written from the charts' own files, so a new chart is measured without a line here.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from ingestion import settings

# The assets' code has its imports beside it, as Superset's own environment runs it.
sys.path.insert(0, str(settings.ROOT / "superset" / "deploy"))

import asset_files
from mart_catalogue import load_marts
from query_context import query_context

OPERATORS = {"==": "=", "IN": "in", "NOT IN": "not in", "LIKE": "like", "IS NOT NULL": "is not null"}
GRAINS = {"P1D": "day", "P1M": "month", "P1Y": "year"}


@dataclass(frozen=True)
class ChartQuery:
    """What a chart asks of everything, or (``is_filtered``) as its dashboard opens, with the newest value."""

    chart: str
    mart: str
    sql: str
    is_filtered: bool


def queries_of(prefixes: tuple[str, ...]) -> list[ChartQuery]:
    """Queries of all charts on marts whose name begins with one of the prefixes, and of their filters."""
    assets = asset_files.load_assets()
    made = []
    for board in assets.dashboards.values():
        filters = board.get("filters") or []
        for name in asset_files.charts_of(board):
            mart = assets.charts[name]["dataset"]
            if not mart.startswith(prefixes):
                continue
            made.append(ChartQuery(name, mart, _sql(assets, name, []), False))
            newest = [
                item for item in filters if item.get("newest") and name not in (item.get("except") or [])
            ]
            if chosen := [
                _newest(assets, mart, item) for item in newest if _has(assets, mart, item["column"])
            ]:
                made.append(ChartQuery(name, mart, _sql(assets, name, chosen), True))
        for item in filters:
            if item["dataset"].startswith(prefixes):
                column = _column(assets, item["dataset"], item["column"])
                sql = f"select {column} from marts.{item['dataset']} group by 1 order by 1 limit 1000"
                made.append(ChartQuery(f"filter {item['name']}", item["dataset"], sql, False))
    return list(dict.fromkeys(made))


def _has(assets: Any, mart: str, column: str) -> bool:
    return column in {*asset_files.calculated_columns(assets, mart), *load_marts()[mart].columns}


def _newest(assets: Any, mart: str, item: dict[str, Any]) -> str:
    """The condition of a filter that stands on its newest value."""
    source = _column(assets, item["dataset"], item["column"])
    return f"{_column(assets, mart, item['column'])} = (select max({source}) from marts.{item['dataset']})"


def _column(assets: Any, mart: str, name: str) -> str:
    calculated = asset_files.calculated_columns(assets, mart)
    return f"({calculated[name]['expression']})" if name in calculated else name


def _metric(assets: Any, mart: str, name: str) -> str:
    return str(asset_files.fill(assets.datasets[mart]["metrics"][name]["expression"], assets.placeholders))


def _sql(assets: Any, chart: str, conditions: list[str]) -> str:
    mart = assets.charts[chart]["dataset"]
    params = asset_files.chart_params(assets, chart) | {"viz_type": assets.charts[chart]["viz_type"]}
    query = query_context(params)["queries"][0]
    columns = []
    for column in query["columns"]:
        if isinstance(column, str):
            columns.append(_column(assets, mart, column))
        else:
            text = _column(assets, mart, column["sqlExpression"])
            grain = GRAINS.get(column.get("timeGrain", ""))
            columns.append(f"date_trunc('{grain}', {text})" if grain else text)
    metrics = [_metric(assets, mart, name) for name in query.get("metrics") or []]
    wanted = [*conditions]
    for item in query["filters"]:
        value = item.get("val")
        texts = [f"'{one}'" for one in (value if isinstance(value, list) else [value])]
        right = "" if value is None else f"({', '.join(texts)})" if isinstance(value, list) else texts[0]
        wanted.append(f"{_column(assets, mart, item['col'])} {OPERATORS[item['op']]} {right}")
    if query["extras"].get("where"):
        wanted.append(asset_files.fill(query["extras"]["where"], assets.placeholders))
    sql = f"select {', '.join([*columns, *metrics])} from marts.{mart}"
    if wanted:
        sql += f" where {' and '.join(wanted)}"
    if metrics and columns:
        sql += f" group by {', '.join(columns)}"
    if order := [
        (_metric(assets, mart, by) if metrics else _column(assets, mart, by)) + (" asc" if is_up else " desc")
        for by, is_up in query.get("orderby") or []
    ]:
        sql += f" order by {', '.join(order)}"
    return sql + f" limit {query.get('row_limit') or 10000}"
