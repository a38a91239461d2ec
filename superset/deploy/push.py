"""Applies the assets to a running Superset, asks every chart for its data, and warms the cache.

Run with Superset's interpreter, see ``--help`` for the options.
Order: check the files against the marts (no server needed) → import → remove what the repository dropped →
read back → query every chart as its dashboard does. Nothing is imported when neither the files nor the server
changed, nothing queried when the marts are the same as last time and the cache still answers.
Exit code 0: everything applied and every chart answers; 1: a sentence for each thing that is wrong.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import fcntl
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psycopg2

sys.path.insert(0, str(Path(__file__).parent))

from asset_files import AssetError, Assets, charts_of, fill, load_assets
from bundle import as_zip, compile_bundle, identifier
from mart_catalogue import load_marts
from superset_api import ApiError, SupersetApi

from ingestion import settings

# Kind of object → its column with the time of the last change.
KINDS = {
    "database": "changed_on",
    "dataset": "changed_on_utc",
    "chart": "changed_on_utc",
    "dashboard": "changed_on_utc",
}
QUERIES_AT_ONCE = 4


@dataclass
class ChartResult:
    """What a chart answered."""

    name: str
    title: str
    status: str  # ok, empty, error
    rows: int = 0
    seconds: float = 0.0
    cached: bool = False
    error: str | None = None


@dataclass
class Report:
    """Result of a run, as printed by ``--json``."""

    status: str = "ok"
    imported: bool = False
    queried: bool = False
    removed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    dashboards: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0


def state_file() -> Path:
    return settings.home() / "superset" / "pushed.json"


def read_state() -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(state_file().read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return content


def write_state(state: dict[str, Any]) -> None:
    temporary = state_file().with_suffix(".new")
    temporary.write_text(json.dumps(state))
    temporary.replace(state_file())


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Two pushes at the same time wait for each other."""
    state_file().parent.mkdir(parents=True, exist_ok=True)
    with state_file().with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def has_sample_data() -> bool:
    """Whether any source in the marts says that its numbers are samples."""
    with contextlib.closing(psycopg2.connect(settings.dsn("bi_staff"))) as connection:
        cursor = connection.cursor()
        cursor.execute("select coalesce(bool_or(is_sample), false) from marts.agg_source_delivery")
        return bool(cursor.fetchone()[0])


def data_version() -> str:
    """Changes whenever a mart was built or written to."""
    with contextlib.closing(psycopg2.connect(settings.dsn("bi_staff"))) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "select c.relname, pg_relation_filenode(c.oid), pg_stat_get_tuples_inserted(c.oid),"
            " pg_stat_get_tuples_updated(c.oid), pg_stat_get_tuples_deleted(c.oid) from pg_class c"
            " where c.relnamespace = 'marts'::regnamespace and c.relkind in ('r', 'p') order by 1"
        )
        return hashlib.sha256(repr(cursor.fetchall()).encode()).hexdigest()


def on_server(api: SupersetApi) -> dict[str, dict[str, Any]]:
    """Every object on the server: kind/uuid → id and time of its last change."""
    found = {}
    for kind, changed in KINDS.items():
        for item in api.everything(kind, ["id", "uuid", changed]):
            found[f"{kind}/{item['uuid']}"] = {"id": item["id"], "changed": item[changed]}
    return found


def push(api: SupersetApi, assets: Assets, files: dict[str, Any], report: Report, force: bool) -> None:
    """Import what changed, remove what is gone, and query what may answer differently."""
    package = as_zip(files)
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    wanted = wanted_objects(assets)
    state, server = read_state(), on_server(api)
    seen = {key: server.get(key) for key in wanted}
    if force or state.get("digest") != digest or state.get("server") != seen:
        api.post("/api/v1/assets/import/", files={"bundle": ("assets.zip", package, "application/zip")})
        report.imported = True
        for key in sorted({*state.get("server", {})} - {*wanted} & {*server}, reverse=True):
            if key in server:
                kind = key.split("/")[0]
                api.delete(f"/api/v1/{kind}/{server[key]['id']}")
                report.removed.append(key)
        server = on_server(api)
        seen = {key: server.get(key) for key in wanted}
        report.problems += [
            f"{label} tidak ada di Superset sesudah impor."
            for key, label in wanted.items()
            if seen[key] is None
        ]
    for name in ("data", "metadata"):
        # A folder that was deleted under a running Superset is not made again by it: caching stops silently.
        (settings.home() / "superset" / "cache" / name).mkdir(parents=True, exist_ok=True)
    version = data_version()
    if report.imported or state.get("data_version") != version or not cache_answers(api, assets, seen):
        ask_every_chart(api, assets, seen, report, refresh=True)
        report.queried = True
    if not report.problems:
        write_state({"digest": digest, "server": seen, "data_version": version})


def wanted_objects(assets: Assets) -> dict[str, str]:
    """kind/uuid of every object in the repository → how a person calls it."""
    groups = {
        "database": assets.databases,
        "dataset": assets.datasets,
        "chart": assets.charts,
        "dashboard": assets.dashboards,
    }
    return {
        f"{kind}/{identifier(kind, name)}": f"{kind}s/{name}.yaml"
        for kind, group in groups.items()
        for name in group
    }


def cache_answers(api: SupersetApi, assets: Assets, seen: dict[str, Any]) -> bool:
    """Whether one chart of each dashboard is answered from the cache: a lost cache folder gives no error."""
    for slug, board in assets.dashboards.items():
        lasting = [name for name in charts_of(board) if "cache_seconds" not in assets.charts[name]]
        if lasting and not ask_chart(api, assets, seen, lasting[0], slug, {}, refresh=False).cached:
            return False
    return True


def ask_every_chart(
    api: SupersetApi, assets: Assets, seen: dict[str, Any], report: Report, refresh: bool
) -> None:
    """Query every chart of every dashboard as the browser does when the dashboard opens."""
    with concurrent.futures.ThreadPoolExecutor(QUERIES_AT_ONCE) as pool:
        for slug, board in assets.dashboards.items():
            chosen = first_filter_values(api, assets, seen, board, refresh)
            futures = [
                pool.submit(ask_chart, api, assets, seen, name, slug, chosen, refresh)
                for name in charts_of(board)
            ]
            results = [future.result() for future in futures]
            report.dashboards.append(
                {
                    "slug": slug,
                    "url": f"{api.url}/superset/dashboard/{slug}/",
                    "status": "error" if any(r.status == "error" for r in results) else "ok",
                    "charts": [asdict(result) for result in results],
                }
            )
            report.problems += [
                f"Grafik '{r.title}' (charts/{r.name}.yaml): {r.error}"
                for r in results
                if r.status == "error"
            ]


def first_filter_values(
    api: SupersetApi, assets: Assets, seen: dict[str, Any], board: dict[str, Any], refresh: bool
) -> dict[str, list[Any]]:
    """Value that each filter starts with: title → [column, value]; asks as the filter itself asks."""
    chosen = {}
    for declared in board.get("filters") or []:
        dataset = seen[f"dataset/{identifier('dataset', declared['dataset'])}"]
        newest = declared.get("newest", False)
        query = {
            "columns": [declared["column"]],
            "metrics": [],
            "filters": [],
            "extras": {"having": "", "where": ""},
            "applied_time_extras": {},
            "annotation_layers": [],
            "series_limit": 0,
            "order_desc": True,
            "orderby": [[declared["column"], not newest]],
            "row_limit": 1000,
            "url_params": {},
            "custom_params": {},
            "custom_form_data": {},
        }
        answer = api.post(
            "/api/v1/chart/data",
            json={
                "datasource": {"id": dataset["id"], "type": "table"},
                "force": refresh,
                "queries": [query],
                "result_format": "json",
                "result_type": "full",
            },
        )
        rows = answer["result"][0]["data"]
        if newest and rows:
            chosen[declared["name"]] = [declared["column"], rows[0][declared["column"]]]
    return chosen


def ask_chart(
    api: SupersetApi,
    assets: Assets,
    seen: dict[str, Any],
    name: str,
    slug: str,
    chosen: dict[str, list[Any]],
    refresh: bool,
) -> ChartResult:
    """Ask a chart by the query that is stored with it, narrowed by the dashboard's first filter values."""
    title = fill(assets.charts[name]["title"], assets.placeholders)
    chart = seen.get(f"chart/{identifier('chart', name)}")
    if chart is None:
        return ChartResult(name, title, "error", error="belum ada di Superset; jalankan push tanpa --verify.")
    began = time.monotonic()
    try:
        stored = api.get(f"/api/v1/chart/{chart['id']}")["result"]["query_context"]
        if not stored:
            return ChartResult(name, title, "error", error="tidak menyimpan query_context.")
        context = json.loads(stored)
        narrowing = [
            {"col": chosen[declared["name"]][0], "op": "IN", "val": [chosen[declared["name"]][1]]}
            for declared in assets.dashboards[slug].get("filters") or []
            if declared["name"] in chosen and name not in (declared.get("except") or [])
        ]
        context["queries"][0]["filters"][:0] = narrowing
        context["force"] = refresh
        (answer,) = api.post("/api/v1/chart/data", json=context)["result"]
    except ApiError as error:
        return ChartResult(name, title, "error", seconds=_since(began), error=str(error))
    if answer.get("error"):
        return ChartResult(
            name, title, "error", seconds=_since(began), error=" ".join(answer["error"].split())
        )
    rows = int(answer["rowcount"] or 0)
    return ChartResult(
        name, title, "ok" if rows else "empty", rows, _since(began), bool(answer.get("is_cached")), None
    )


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Menerapkan dasbor ke Superset dan memeriksa setiap grafik.")
    sample = parser.add_mutually_exclusive_group()
    sample.add_argument(
        "--sample", dest="sample", action="store_true", default=None, help="pasang spanduk DATA CONTOH"
    )
    sample.add_argument("--no-sample", dest="sample", action="store_false", help="tanpa spanduk DATA CONTOH")
    parser.add_argument(
        "--verify", action="store_true", help="hanya menanyai setiap grafik, tidak mengubah apa pun"
    )
    parser.add_argument("--force", action="store_true", help="impor walaupun tidak ada yang berubah")
    parser.add_argument("--json", action="store_true", help="cetak hasil sebagai JSON")
    parser.add_argument("--url", default=settings.service_url("superset"), help="alamat Superset")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> Report:
    """Everything that the command does, without printing."""
    began, report = time.monotonic(), Report()
    try:
        with only_one():
            assets = load_assets()
            is_sample = has_sample_data() if options.sample is None else options.sample
            uri = settings.dsn("bi_staff", "postgresql+psycopg2")
            files = compile_bundle(assets, load_marts(), uri, is_sample)
            api = SupersetApi(options.url)
            if options.verify:
                server = on_server(api)
                ask_every_chart(
                    api, assets, {key: server.get(key) for key in wanted_objects(assets)}, report, False
                )
                report.queried = True
            else:
                push(api, assets, files, report, options.force)
    except AssetError as error:
        report.problems += str(error).splitlines()
    except (settings.PendopoError, psycopg2.Error) as error:
        report.problems.append(" ".join(str(error).split()))
    report.status = "error" if report.problems else "ok"
    report.seconds = _since(began)
    return report


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    report = run(options)
    if options.json:
        print(json.dumps(asdict(report), ensure_ascii=False, indent=2))
    else:
        for problem in report.problems:
            print(problem, file=sys.stderr)
        charts = [chart for board in report.dashboards for chart in board["charts"]]
        empty = [chart["title"] for chart in charts if chart["status"] == "empty"]
        print(
            f"Dasbor: {'diterapkan' if report.imported else 'tidak berubah'}; "
            f"{len(charts)} grafik ditanyai, {len(empty)} kosong, {len(report.problems)} masalah; "
            f"{report.seconds:.1f} detik."
        )
        for title in empty:
            print(f"  kosong: {title}")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
