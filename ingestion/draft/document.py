"""The text of a drafted contract: what a human wrote would look the same, plus the marks of what is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from ingestion.contract import API_VERSION
from ingestion.draft.columns import Guess

MARK = "# TINJAU:"


def flow(value: Any) -> str:
    """A value as YAML in one line."""
    text: str = yaml.safe_dump(
        value, default_flow_style=True, width=10**6, allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("\n...")


def column_lines(column: Guess, description: str, key_position: int | None) -> list[str]:
    """One property of the schema."""
    lines = [f"      {MARK} {note}" for note in column.notes]
    lines += [
        f"      - name: {flow(column.name)}",
        f"        businessName: {flow(column.title)}",
        f"        description: {flow(description)}",
        f"        logicalType: {column.kind}",
    ]
    if column.kind == "number":
        precision = 20 if column.scale <= 4 else min(38, 18 + column.scale)
        lines.append(f"        physicalType: numeric({precision},{column.scale})")
    elif column.is_big:
        lines.append("        physicalType: bigint")
    if key_position is not None:
        lines += ["        primaryKey: true", f"        primaryKeyPosition: {key_position}"]
    elif column.required:
        lines.append("        required: true")
    lines.append(f"        classification: {column.classification}")
    limits = {"minimum": column.minimum, "maximum": column.maximum}
    if limits := {name: value for name, value in limits.items() if value is not None}:
        lines.append(f"        logicalTypeOptions: {flow(limits)}")
    if column.name in ("data_month", "period") and not column.cells:
        lines.append("        logicalTypeOptions: {pattern: '\\d{4}[-_]\\d{2}'}")
    if column.allowed:
        lines += [
            "        quality:",
            "          - metric: invalidValues",
            f"            arguments: {flow({'validValues': list(column.allowed)})}",
            "            mustBe: 0",
        ]
    return lines


def contract_text(
    *,
    source_id: str,
    head: Iterable[str],
    title: str,
    domain: str,
    description: Mapping[str, str],
    team: str,
    frequency: tuple[int, str],
    columns: Iterable[Sequence[str]],
    ingest: Mapping[str, Any],
    notes: Mapping[str, str],
) -> str:
    """The whole document; ``notes``: key of ``ingest`` (or ``team``, ``domain``) → what to decide."""
    value, unit = frequency

    def remark(key: str, indent: str = "") -> list[str]:
        return [f"{indent}{MARK} {notes[key]}"] if key in notes else []

    lines = [
        *(f"# {line}" for line in head),
        f"apiVersion: {API_VERSION}",
        "kind: DataContract",
        f"id: {source_id}",
        f"name: {flow(title)}",
        "version: 1.0.0",
        "status: active",
        *remark("domain"),
        f"domain: {domain}",
        "description:",
        f"  {MARK} untuk apa data ini dipakai, dan apa keterbatasannya",
        *(f"  {key}: {flow(text)}" for key, text in description.items()),
        "team:",
        *remark("team", "  "),
        f"  name: {flow(team)}",
        "slaProperties:",
        f"  {MARK} kapan berkas dikirim dan berapa lama aslinya disimpan",
        f"  - {{property: frequency, value: {value}, unit: {unit}}}",
        "  - {property: latency, value: 10, unit: d, description: Hari kerja setelah akhir periode.}",
        "  - {property: retention, value: 5, unit: y}",
        "schema:",
        f"  - name: {source_id}",
        "    physicalType: file",
        "    properties:",
        *remark("primaryKey", "      "),
        *(line for column in columns for line in column),
        "customProperties:",
        "  - property: ingest",
        "    value:",
    ]
    for key, item in ingest.items():
        lines += remark(key, "      ")
        if isinstance(item, list) and item and isinstance(item[0], dict):
            lines += [f"      {key}:", *(f"        - {flow(entry)}" for entry in item)]
        elif isinstance(item, dict) and key in ("headers", "positions"):
            lines += [f"      {key}:", *(f"        {name}: {flow(entry)}" for name, entry in item.items())]
        else:
            lines.append(f"      {key}: {flow(item)}")
    return "\n".join(lines) + "\n"
