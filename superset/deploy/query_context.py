"""Makes the stored query of a chart from the chart's own params, as Superset's browser code would.

Charts kept as code need a stored query context: warming the cache, ``GET chart/<id>/data`` and the check of
guest tokens read it. It must equal what the browser asks, otherwise the warmed answer is stored under another
key than the one that is looked up. ``tests/e2e`` compares both.
"""

from __future__ import annotations

import json
from typing import Any

TIMESERIES = ("echarts_timeseries_bar", "echarts_timeseries_line")
SUPPORTED = ("table", "big_number", "big_number_total", *TIMESERIES)


def query_context(params: dict[str, Any]) -> dict[str, Any]:
    """Query context of a chart with its stored ``params``; the import fills in ``datasource``."""
    kind = params["viz_type"]
    builder = {
        "table": _table,
        "big_number": _big_number,
        "big_number_total": _big_number_total,
    }.get(kind, _timeseries)
    form_data = {**params, "force": False, "result_format": "json", "result_type": "full"}
    return {
        "datasource": {"id": 0, "type": "table"},
        "force": False,
        "queries": [builder(params)],
        "form_data": form_data,
        "result_format": "json",
        "result_type": "full",
    }


def _base(params: dict[str, Any]) -> dict[str, Any]:
    """What every chart's query begins with."""
    simple = [item for item in params.get("adhoc_filters", []) if item["expressionType"] == "SIMPLE"]
    free = [
        item["sqlExpression"] for item in params.get("adhoc_filters", []) if item["expressionType"] == "SQL"
    ]
    grain = params.get("time_grain_sqla")
    query: dict[str, Any] = {
        "filters": [_filter(item) for item in simple],
        "extras": {
            **({"time_grain_sqla": grain} if grain else {}),
            "having": "",
            "where": " AND ".join(f"({text})" for text in free),
        },
        "applied_time_extras": {},
        "columns": [],
        "metrics": [],
        "annotation_layers": [],
        "row_limit": params.get("row_limit"),
        "series_limit": params.get("series_limit", 0),
        "group_others_when_limit_reached": False,
        "order_desc": params.get("order_desc", True),
        "url_params": {},
        "custom_params": {},
        "custom_form_data": {},
    }
    return query


def _filter(item: dict[str, Any]) -> dict[str, Any]:
    made = {"col": item["subject"], "op": item["operator"]}
    return made if item.get("comparator") is None else {**made, "val": item["comparator"]}


def _table(params: dict[str, Any]) -> dict[str, Any]:
    query = _base(params)
    if params.get("query_mode") == "raw":
        query["columns"] = params["all_columns"]
        del query["metrics"]
        query["orderby"] = [json.loads(text) for text in params.get("order_by_cols", [])]
    else:
        query["columns"] = params.get("groupby", [])
        query["metrics"] = params.get("metrics", [])
        by = params.get("timeseries_limit_metric") or (query["metrics"] or [None])[0]
        query["orderby"] = [[by, not params.get("order_desc", True)]] if by else []
        if "timeseries_limit_metric" in params:
            query["series_limit_metric"] = params["timeseries_limit_metric"]
    return {**query, "post_processing": [], "time_offsets": []}


def _axis(params: dict[str, Any]) -> dict[str, Any]:
    """Column of the x axis; a time column also carries its grain."""
    grain = params.get("time_grain_sqla")
    return {
        **({"timeGrain": grain} if grain else {}),
        "columnType": "BASE_AXIS",
        "sqlExpression": params["x_axis"],
        "label": params["x_axis"],
        "expressionType": "SQL",
        "isColumnReference": True,
    }


def _big_number_total(params: dict[str, Any]) -> dict[str, Any]:
    return {**_base(params), "metrics": [params["metric"]]}


def _big_number(params: dict[str, Any]) -> dict[str, Any]:
    query = _base(params)
    metric = params["metric"]
    query["columns"] = [_axis(params)]
    query["metrics"] = [metric]
    query["post_processing"] = [_pivot(params, [], [metric]), {"operation": "flatten"}]
    return query


def _timeseries(params: dict[str, Any]) -> dict[str, Any]:
    query = _base(params)
    groupby, metrics = params.get("groupby", []), [*params["metrics"]]
    by = params.get("timeseries_limit_metric")
    # A metric that only sorts the bars is asked for, but not drawn.
    if by and not groupby and by == params.get("x_axis_sort") and by not in metrics:
        metrics.append(by)
    query["columns"] = [_axis(params), *groupby]
    query["metrics"] = metrics
    query["series_columns"] = groupby
    if by:
        query["series_limit_metric"] = by
    query["orderby"] = [[by or metrics[0], not params.get("order_desc", True)]]
    query["time_offsets"] = []
    query["post_processing"] = [_pivot(params, groupby, metrics)]
    if len(metrics) == 1 and groupby:
        renaming = {"columns": {metrics[0]: None}, "level": 0, "inplace": True}
        query["post_processing"].append({"operation": "rename", "options": renaming})
    if params.get("x_axis_sort") in (params["x_axis"], *metrics) and not groupby:
        sorting = {"by": params["x_axis_sort"], "ascending": params.get("x_axis_sort_asc", True)}
        if params["x_axis_sort"] == params["x_axis"]:
            sorting = {"is_sort_index": True, "ascending": sorting["ascending"]}
        query["post_processing"].append({"operation": "sort", "options": sorting})
    query["post_processing"].append({"operation": "flatten"})
    return query


def _pivot(params: dict[str, Any], columns: list[str], metrics: list[str]) -> dict[str, Any]:
    options = {
        "index": [params["x_axis"]],
        "columns": columns,
        "aggregates": {metric: {"operator": "mean"} for metric in metrics},
        "drop_missing_columns": not params.get("show_empty_columns", False),
    }
    return {"operation": "pivot", "options": options}
