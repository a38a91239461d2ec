"""What the dbt project says about its marts: the only place column names, labels and units come from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ingestion import settings

MARTS = settings.ROOT / "dbt_project" / "models" / "marts"
# Superset's kinds of column: what may be a time axis, what a number.
_TEMPORAL = ("date", "timestamp")
_NUMERIC = ("bigint", "integer", "smallint", "numeric", "double precision", "real")


@dataclass(frozen=True)
class Column:
    """One column of a mart as its YAML declares it."""

    name: str
    data_type: str
    label: str
    description: str
    unit: str

    @property
    def is_temporal(self) -> bool:
        return self.data_type.startswith(_TEMPORAL)

    @property
    def is_numeric(self) -> bool:
        return self.data_type.startswith(_NUMERIC)


@dataclass(frozen=True)
class Mart:
    """One mart with what a person must know before using it."""

    name: str
    label: str
    description: str
    grain: str
    owner: str
    classification: str
    columns: dict[str, Column]


def load_marts(folder: Path = MARTS) -> dict[str, Mart]:
    """All marts by name, read from the YAML beside every model; needs no dbt run."""
    marts: dict[str, Mart] = {}
    for path in sorted(folder.rglob("*.yml")):
        for model in (yaml.safe_load(path.read_text()) or {}).get("models", []):
            marts[model["name"]] = _mart(model)
    return marts


def fingerprint(marts: dict[str, Mart]) -> str:
    """Changes with everything that datasets take from the marts."""
    return hashlib.sha256(repr(sorted(marts.items())).encode()).hexdigest()


def _mart(model: dict[str, Any]) -> Mart:
    meta = model.get("config", {}).get("meta", {})
    return Mart(
        name=model["name"],
        label=meta.get("label", model["name"]),
        description=_one_line(model.get("description", "")),
        grain=meta.get("grain", ""),
        owner=meta.get("owner", ""),
        classification=meta.get("classification", "personal"),
        columns={column["name"]: _column(column) for column in model.get("columns", [])},
    )


def _column(column: dict[str, Any]) -> Column:
    meta = column.get("config", {}).get("meta", {})
    return Column(
        name=column["name"],
        data_type=column["data_type"],
        label=meta.get("label", column["name"]),
        description=_one_line(column.get("description", "")),
        unit=meta.get("unit", ""),
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())
