"""The data dictionary: what the marts hold, in words of those who use them, on one page without network.

All of it is read from dbt's manifest, the contracts and the dashboards' files; nothing is written twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import yaml

from ingestion import settings
from ingestion.contract import Contract

TEMPLATE = Path(__file__).with_name("dictionary.html.jinja")
DASHBOARDS = settings.ROOT / "superset" / "assets" / "dashboards"
CHARTS = settings.ROOT / "superset" / "assets" / "charts"
# In the order in which they are built; a domain without marts does not appear.
DOMAINS = {
    "complaints": "Pengaduan masyarakat",
    "attendance": "Kehadiran pegawai",
    "poverty": "Kemiskinan",
    "budget": "Anggaran dan realisasi",
    "permits": "Perizinan",
    "health": "Kesehatan",
    "traffic": "Lalu lintas",
    "emergencies": "Kedaruratan dan bencana",
    "population": "Kependudukan",
    "investment": "Investasi",
    "sectoral": "Statistik sektoral",
    "supply": "Kiriman data dan indikator",
    "shared": "Dimensi bersama",
}
FREQUENCIES = {
    "daily": "setiap hari",
    "monthly": "setiap bulan",
    "quarterly": "setiap triwulan",
    "yearly": "setiap tahun",
}
CLASSIFICATIONS = {
    "publik": "publik: boleh diumumkan",
    "internal": "internal: untuk pegawai pemerintah daerah",
    "personal": "pribadi: hanya kunci teracak yang dipakai",
    "spesifik": "pribadi spesifik: hanya kunci teracak yang dipakai",
}
TYPES = (
    (r"(small|big)?int(eger)?", "bilangan bulat"),
    (r"numeric.*|double precision|real", "bilangan pecahan"),
    (r"date", "tanggal"),
    (r"time", "jam"),
    (r"timestamp.*", "tanggal dan jam"),
    (r"boolean", "ya/tidak"),
    (r"uuid", "kunci teracak"),
    (r"text.*", "teks"),
)
# The way of the data, step by step: layers that stand beside each other, with their titles.
STEPS = (
    {"source": "Sumber", "seed": "Daftar rujukan"},
    {"staging": "Staging"},
    {"intermediate": "Antara"},
    {"marts": "Mart", "open_data": "Data terbuka"},
)


@dataclass(frozen=True)
class Column:
    name: str
    label: str
    unit: str
    data_type: str
    kind: str
    """The type in words."""
    description: str
    is_key: bool
    is_required: bool
    is_personal: bool


@dataclass(frozen=True)
class Mart:
    name: str
    schema: str
    label: str
    description: str
    domain: str
    grain: str
    owner: str
    classification: str
    columns: tuple[Column, ...]
    upstream: dict[str, tuple[str, ...]]
    """Names of all that the mart is made of, by layer."""
    downstream: tuple[str, ...]
    """Marts that read this one."""
    dashboards: tuple[str, ...]
    slice: str
    """Column by whose values the mart is replaced; empty: always as a whole."""


@dataclass(frozen=True)
class Source:
    source_id: str
    title: str
    purpose: str
    limitations: str
    owner: str
    domain: str
    folder: str
    frequency: str
    due_working_days: int
    warn_after_days: int
    error_after_days: int
    version: str
    retention_years: int
    columns: tuple[Column, ...]
    marts: tuple[str, ...]


@dataclass(frozen=True)
class Dictionary:
    region: str
    theme: dict[str, str]
    marts: dict[str, tuple[Mart, ...]]
    """Marts by the title of their domain."""
    sources: tuple[Source, ...]

    @property
    def mart_count(self) -> int:
        return sum(map(len, self.marts.values()))

    @property
    def column_count(self) -> int:
        return sum(len(mart.columns) for marts in self.marts.values() for mart in marts)


def collect(manifest: dict[str, Any], contracts: dict[str, Contract]) -> Dictionary:
    """Read the dictionary from dbt's manifest and the contracts in force."""
    region: dict[str, Any] = yaml.safe_load(settings.region_file().read_text(encoding="utf-8"))
    nodes: dict[str, Any] = manifest["nodes"] | manifest["sources"]
    keys = _keys(nodes)
    used_on = _dashboards(region["name"])
    owners = {agency["code"]: agency["name"] for agency in region["opd"]}
    marts: dict[str, list[Mart]] = {title: [] for title in DOMAINS.values()}
    for unique_id, node in nodes.items():
        if node["resource_type"] == "model" and node["fqn"][1] in ("marts", "open_data"):
            domain = DOMAINS.get(node["fqn"][2], node["fqn"][2])
            mart = _mart(node, nodes, keys.get(unique_id, ()), owners, used_on, domain)
            marts.setdefault(domain, []).append(mart)
    every = [mart for group in marts.values() for mart in group]
    return Dictionary(
        region=region["name"],
        theme=region["theme"],
        marts={
            title: tuple(sorted(group, key=lambda mart: mart.name)) for title, group in marts.items() if group
        },
        sources=tuple(
            _source(contract, nodes[f"source.pendopo.raw.{source_id}"], every)
            for source_id, contract in contracts.items()
        ),
    )


def render(dictionary: Dictionary, dbt_page: str | None) -> str:
    """The page; ``dbt_page`` is the address of dbt's own one."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        dictionary=dictionary, dbt_page=dbt_page, classifications=CLASSIFICATIONS, steps=STEPS
    )


def _keys(nodes: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Columns of the primary-key tests by the model they are attached to."""
    found: dict[str, tuple[str, ...]] = {}
    for node in nodes.values():
        test = node.get("test_metadata") or {}
        if test.get("name") == "primary_key":
            found[node["attached_node"]] = tuple(test["kwargs"]["columns"])
    return found


def _mart(
    node: dict[str, Any],
    nodes: dict[str, Any],
    key: tuple[str, ...],
    owners: dict[str, str],
    used_on: dict[str, list[str]],
    domain: str,
) -> Mart:
    meta = node["config"]["meta"]
    upstream: dict[str, set[str]] = {}
    for parent in _ancestors(node, nodes):
        upstream.setdefault(_layer(parent), set()).add(_name(parent))
    return Mart(
        name=node["name"],
        schema=node["schema"],
        label=meta.get("label", node["name"]),
        description=_one_line(node["description"]),
        domain=domain,
        grain=meta.get("grain", ""),
        owner=owners.get(meta.get("owner", ""), meta.get("owner", "")),
        classification=meta.get("classification", "personal"),
        columns=tuple(_column(column, key) for column in node["columns"].values()),
        upstream={layer: tuple(sorted(names)) for layer, names in upstream.items()},
        downstream=tuple(
            sorted(
                other["name"]
                for other in nodes.values()
                if other["resource_type"] == "model" and node["unique_id"] in other["depends_on"]["nodes"]
            )
        ),
        dashboards=tuple(used_on.get(node["name"], ())),
        slice=node["config"].get("slice") or "",
    )


def _ancestors(node: dict[str, Any], nodes: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Everything a model is made of, each once."""
    seen: set[str] = set()
    waiting = list(node["depends_on"]["nodes"])
    while waiting:
        unique_id = waiting.pop()
        if unique_id in seen:
            continue
        seen.add(unique_id)
        parent = nodes[unique_id]
        yield parent
        waiting += parent.get("depends_on", {}).get("nodes", [])


def _name(node: dict[str, Any]) -> str:
    """A contract's source goes by its id; what ingestion writes beside it by schema and table."""
    outside = node["resource_type"] == "source" and node["source_name"] != "raw"
    return f"{node['source_name']}.{node['name']}" if outside else str(node["name"])


def _layer(node: dict[str, Any]) -> str:
    return node["fqn"][1] if node["resource_type"] == "model" else str(node["resource_type"])


def _column(column: dict[str, Any], key: tuple[str, ...]) -> Column:
    meta = column["config"]["meta"]
    required = any(constraint["type"] == "not_null" for constraint in column["constraints"])
    data_type = column["data_type"] or "text"
    return Column(
        name=column["name"],
        label=meta.get("label", column["name"]),
        unit=meta.get("unit", ""),
        data_type=data_type,
        kind=_kind(data_type),
        description=_one_line(column["description"]),
        is_key=column["name"] in key,
        is_required=required,
        is_personal=meta.get("classification") in ("personal", "spesifik"),
    )


def _kind(data_type: str) -> str:
    return next((words for pattern, words in TYPES if re.fullmatch(pattern, data_type)), data_type)


def _source(contract: Contract, node: dict[str, Any], marts: list[Mart]) -> Source:
    description = contract.document.get("description", {})
    freshness = node["freshness"] or {}
    return Source(
        source_id=contract.source_id,
        title=contract.title,
        purpose=_one_line(contract.purpose),
        limitations=_one_line(description.get("limitations", "")),
        owner=contract.opd_name,
        domain=DOMAINS.get(contract.domain, contract.domain),
        folder=f"landing/{contract.opd}/{contract.dataset}/",
        frequency=FREQUENCIES.get(contract.frequency, contract.frequency),
        due_working_days=contract.due_working_days,
        warn_after_days=freshness.get("warn_after", {}).get("count", 0),
        error_after_days=freshness.get("error_after", {}).get("count", 0),
        version=contract.version,
        retention_years=round(contract.retention_days / 365),
        columns=tuple(
            Column(
                name=column.name,
                label=column.title,
                unit=CLASSIFICATIONS[column.classification].partition(":")[0],
                data_type=column.postgres_type,
                kind=_kind(column.postgres_type),
                description=_one_line(column.description),
                is_key=column.primary_key,
                is_required=column.required,
                is_personal=column.is_protected,
            )
            for column in contract.columns
        ),
        marts=tuple(
            sorted(mart.name for mart in marts if contract.source_id in mart.upstream.get("source", ()))
        ),
    )


def _dashboards(region: str) -> dict[str, list[str]]:
    """Titles of the dashboards that show a mart, by the mart's name."""
    datasets = {path.stem: _yaml(path)["dataset"] for path in sorted(CHARTS.glob("*.yaml"))}
    found: dict[str, list[str]] = {}
    for path in sorted(DASHBOARDS.glob("*.yaml")):
        dashboard = _yaml(path)
        title = dashboard["title"].replace("$region_name", region)
        charts = {item["chart"] for row in dashboard["rows"] for item in row["items"] if "chart" in item}
        for mart in sorted({datasets[chart] for chart in charts}):
            found.setdefault(mart, []).append(title)
    return found


def _yaml(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def _one_line(text: str) -> str:
    return " ".join(text.split())
