"""Stored queries equal what the browser of Superset 6.1 asks; recorded from real requests of dashboards."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "superset" / "deploy"))

from query_context import query_context

COMMON = {
    "applied_time_extras": {},
    "annotation_layers": [],
    "series_limit": 0,
    "group_others_when_limit_reached": False,
    "url_params": {},
    "custom_params": {},
    "custom_form_data": {},
}
KEYED = ("columns", "metrics", "filters", "extras", "orderby", "post_processing", "row_limit", "order_desc")


def _asked(params: dict[str, Any]) -> dict[str, Any]:
    (query,) = query_context(params)["queries"]
    assert {key: query[key] for key in COMMON} == COMMON
    return {key: query[key] for key in KEYED if key in query}


def test_big_number_with_a_trend_line() -> None:
    axis = {
        "timeGrain": "P1M",
        "columnType": "BASE_AXIS",
        "sqlExpression": "month_on",
        "label": "month_on",
        "expressionType": "SQL",
        "isColumnReference": True,
    }
    pivot = {
        "index": ["month_on"],
        "columns": [],
        "aggregates": {"received": {"operator": "mean"}},
        "drop_missing_columns": True,
    }
    params = {"viz_type": "big_number", "x_axis": "month_on", "time_grain_sqla": "P1M", "metric": "received"}
    assert _asked({**params, "row_limit": 1000}) == {
        "columns": [axis],
        "metrics": ["received"],
        "filters": [],
        "extras": {"time_grain_sqla": "P1M", "having": "", "where": ""},
        "post_processing": [{"operation": "pivot", "options": pivot}, {"operation": "flatten"}],
        "row_limit": 1000,
        "order_desc": True,
    }


def test_ranking_bar_takes_the_smallest_when_ascending() -> None:
    params = {
        "viz_type": "echarts_timeseries_bar",
        "x_axis": "opd_name",
        "metrics": ["share"],
        "order_desc": False,
        "x_axis_sort": "share",
        "x_axis_sort_asc": False,
        "row_limit": 10,
        "show_empty_columns": True,
    }
    asked = _asked(params)
    assert asked["orderby"] == [["share", True]]
    assert "timeGrain" not in asked["columns"][0]
    assert asked["extras"] == {"having": "", "where": ""}
    assert [step["operation"] for step in asked["post_processing"]] == ["pivot", "sort", "flatten"]
    assert asked["post_processing"][1]["options"] == {"by": "share", "ascending": False}


def test_series_by_a_dimension_rename_away_the_metric() -> None:
    params = {
        "viz_type": "echarts_timeseries_line",
        "x_axis": "year_on",
        "groupby": ["region_name"],
        "metrics": ["share"],
        "x_axis_sort": "sum",
    }
    steps = _asked(params)["post_processing"]
    assert [step["operation"] for step in steps] == ["pivot", "rename", "flatten"]
    assert steps[1]["options"] == {"columns": {"share": None}, "level": 0, "inplace": True}


def test_raw_table_has_no_metrics_and_its_own_order() -> None:
    params = {
        "viz_type": "table",
        "query_mode": "raw",
        "all_columns": ["title", "freshness"],
        "order_by_cols": ['["lateness", false]'],
        "adhoc_filters": [
            {"expressionType": "SIMPLE", "clause": "WHERE", "subject": "is_open", "operator": "IS TRUE"},
            {
                "expressionType": "SIMPLE",
                "clause": "WHERE",
                "subject": "domain",
                "operator": "==",
                "comparator": "budget",
            },
        ],
    }
    asked = _asked(params)
    assert "metrics" not in asked
    assert asked["orderby"] == [["lateness", False]]
    assert asked["filters"] == [
        {"col": "is_open", "op": "IS TRUE"},
        {"col": "domain", "op": "==", "val": "budget"},
    ]


def test_metric_that_only_sorts_is_asked_but_leads_the_order() -> None:
    params = {
        "viz_type": "echarts_timeseries_bar",
        "x_axis": "account_name",
        "metrics": ["realised", "remaining"],
        "timeseries_limit_metric": "budget",
        "x_axis_sort": "budget",
        "x_axis_sort_asc": True,
    }
    (query,) = query_context(params)["queries"]
    assert query["metrics"] == ["realised", "remaining", "budget"]
    assert query["orderby"] == [["budget", False]] and query["series_limit_metric"] == "budget"
    pivot, sorting, _ = query["post_processing"]
    assert set(pivot["options"]["aggregates"]) == {"realised", "remaining", "budget"}
    assert sorting["options"] == {"by": "budget", "ascending": True}
    assert params["metrics"] == ["realised", "remaining"]
