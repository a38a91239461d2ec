"""What a source promised to deliver: ODCS v3 documents and the rules the loader follows.

A contract is one file ``ingestion/contracts/<opd>__<dataset>.yaml`` in the Open Data Contract Standard. What
the standard has no word for (how to find the header, how numbers are written, which slice a newer file
replaces) stands in the custom property ``ingest``. Everything is checked here, before any data moves: a wrong
contract raises ContractError with file, key and what is allowed.

Light on purpose: the scheduler imports this while it parses DAG files, so no pandas and no pyarrow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import yaml
from open_data_contract_standard.model import (
    DataQuality,
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
    ServiceLevelAgreementProperty,
)
from pydantic import BaseModel, ValidationError

from ingestion import coherence, patterns, settings
from ingestion.ingest_property import Ingest

API_VERSION = "v3.1.0"
DOMAINS = (
    "complaints",
    "attendance",
    "poverty",
    "budget",
    "permits",
    "health",
    "traffic",
    "emergencies",
    "population",
    "investment",
    "sectoral",
)
CLASSIFICATIONS = ("publik", "internal", "personal", "spesifik")
# Standard's logical type → PostgreSQL types that hold it.
TYPES = {
    "string": ("text",),
    "integer": ("integer", "bigint"),
    "number": ("numeric",),
    "date": ("date",),
    "timestamp": ("timestamp",),
}
FREQUENCIES = {(1, "d"): "daily", (1, "m"): "monthly", (3, "m"): "quarterly", (1, "y"): "yearly"}
_MOMENTS = ("date", "timestamp")
# Limits of the columns that ``dataDate`` and ``filePeriod`` read as parts of a date.
_CALENDAR = {"year": (1900, 2100), "month": (1, 12), "quarter": (1, 4)}
# It becomes part of the names of columns that a change of type sets aside.
_VERSION = re.compile(r"\d{1,4}(?:\.\d{1,4}){0,2}")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class ContractError(settings.PendopoError):
    """A contract that cannot be followed; the message names the file, the key and what is allowed."""


@dataclass(frozen=True)
class Column:
    """One declared column; ``postgres_type`` is text, integer, bigint, numeric(p,s), date or timestamp."""

    name: str
    title: str
    description: str
    logical_type: str
    postgres_type: str
    scale: int
    required: bool
    primary_key: bool
    unique: bool
    classification: str
    allowed: tuple[str, ...]
    pattern: str | None
    max_length: int | None
    minimum: float | str | None
    maximum: float | str | None
    headers: tuple[str, ...]

    @property
    def is_protected(self) -> bool:
        """Whether plain values stay with the loader and staging sees only the keyed hash."""
        return self.classification in ("personal", "spesifik")

    @property
    def key_name(self) -> str:
        return f"{self.name}_key"


@dataclass(frozen=True)
class Contract:
    """A checked contract; ``source_id`` is ``<opd>__<dataset>`` and names the raw table."""

    source_id: str
    title: str
    purpose: str
    domain: str
    opd: str
    opd_name: str
    dataset: str
    version: str
    columns: tuple[Column, ...]
    ingest: Ingest
    frequency: str
    due_working_days: int
    # How long originals, refused rows and marked workbooks are kept.
    retention_days: int
    document: dict[str, Any]

    @property
    def schedule(self) -> str:
        return self.ingest.schedule

    @property
    def key_columns(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.primary_key)

    @property
    def table_columns(self) -> tuple[Column, ...]:
        """Columns that stand in the table of the file (not in its name, title or footer)."""
        outside = {attribute.column for attribute in self.ingest.attributes} | set(self.ingest.file_groups)
        return tuple(column for column in self.columns if column.name not in outside)

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def matches_file_name(self, name: str) -> re.Match[str] | None:
        return re.fullmatch(self.ingest.file_pattern, name, re.IGNORECASE)


def load_contracts(folder: Path | None = None) -> dict[str, Contract]:
    """All contracts of a folder by source id, in order of their names; raises ContractError."""
    folder = folder or settings.contracts_folder()
    return {file.stem: read_contract(file) for file in sorted(folder.glob("*.yaml"))}


def read_contract(file: Path) -> Contract:
    """Read and check one contract; raises ContractError."""
    try:
        document = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ContractError(f"{file.name}: not readable as YAML: {error}") from None
    if not isinstance(document, dict):
        raise ContractError(f"{file.name}: a contract is a mapping with kind, id, schema and so on.")
    try:
        standard = OpenDataContractStandard(**document)
    except ValidationError as error:
        raise ContractError(f"{file.name}: {_explain(error)}") from None
    return _Checker(file, document, standard).contract()


_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Checker:
    """Turns one parsed document into a Contract; every failure names file and key."""

    def __init__(self, file: Path, document: dict[str, Any], standard: OpenDataContractStandard) -> None:
        self.file, self.document, self.standard = file, document, standard

    def fail(self, key: str, message: str) -> ContractError:
        return ContractError(f"{self.file.name}: {key}: {message}")

    def need(self, key: str, value: str | None) -> str:
        if not value:
            raise self.fail(key, "is missing")
        return value

    def contract(self) -> Contract:
        standard = self.standard
        if standard.apiVersion != API_VERSION or standard.kind != "DataContract":
            raise self.fail("apiVersion/kind", f"must be {API_VERSION} and DataContract")
        source_id = self.need("id", standard.id)
        opd, separator, dataset = source_id.partition("__")
        if source_id != self.file.stem or not separator or not _NAME.fullmatch(opd + "_" + dataset):
            raise self.fail("id", f"{source_id!r} must be <opd>__<dataset> and the name of the file")
        if standard.domain not in DOMAINS:
            raise self.fail("domain", f"{standard.domain!r}; allowed: {', '.join(DOMAINS)}")
        if not standard.schema_ or len(standard.schema_) != 1 or standard.schema_[0].name != source_id:
            raise self.fail("schema", f"exactly one object, named {source_id}")
        team = self.document.get("team")
        if not isinstance(team, dict) or not team.get("name"):
            raise self.fail("team.name", "is missing; the name of the office that delivers")
        self._no_unknown_keys()

        version = self.need("version", standard.version)
        if not _VERSION.fullmatch(version):
            raise self.fail("version", f"{version!r}; allowed: numbers joined by dots, for example 1.0.0")
        ingest = self._ingest()
        columns = tuple(self._column(item, ingest) for item in standard.schema_[0].properties or [])
        contract = Contract(
            source_id=source_id,
            title=self.need("name", standard.name),
            purpose=self.need(
                "description.purpose", standard.description.purpose if standard.description else None
            ),
            domain=standard.domain,
            opd=opd,
            opd_name=team["name"],
            dataset=dataset,
            version=version,
            columns=columns,
            ingest=ingest,
            frequency=self._frequency(),
            due_working_days=self._due_working_days(),
            retention_days=self._retention_days(),
            document=self.document,
        )
        self._check_references(contract)
        return contract

    def _no_unknown_keys(self) -> None:
        """Misspelt keys pass the standard's package below the top level; a lost "required" loads bad rows."""
        for item in self.document.get("slaProperties") or []:
            self._known(item, ServiceLevelAgreementProperty, "slaProperties")
        for table in self.document["schema"]:
            self._known(table, SchemaObject, "schema")
            for item in table.get("properties") or []:
                where = f"schema.properties[{item.get('name')}]"
                self._known(item, SchemaProperty, where)
                for rule in item.get("quality") or []:
                    self._known(rule, DataQuality, f"{where}.quality")

    def _known(self, item: dict[str, Any], model: type[BaseModel], where: str) -> None:
        if unknown := set(item) - set(model.model_fields):
            raise self.fail(f"{where}.{min(unknown)}", f"unknown; allowed: {', '.join(model.model_fields)}")

    def _ingest(self) -> Ingest:
        values = [item.value for item in self.standard.customProperties or [] if item.property == "ingest"]
        if len(values) != 1 or not isinstance(values[0], dict):
            raise self.fail("customProperties", "exactly one property 'ingest' with a mapping as its value")
        try:
            return Ingest.model_validate(values[0])
        except ValidationError as error:
            raise self.fail("ingest", _explain(error)) from None

    def _column(self, item: SchemaProperty, ingest: Ingest) -> Column:
        name = self.need("schema.properties[].name", item.name)
        key = f"schema.properties[{name}]"
        if not _NAME.fullmatch(name):
            raise self.fail(f"{key}.name", "must be lower case letters, digits and _")
        if item.logicalType not in TYPES:
            raise self.fail(f"{key}.logicalType", f"{item.logicalType!r}; allowed: {', '.join(TYPES)}")
        allowed_types = TYPES[item.logicalType]
        physical = re.fullmatch(r"([a-z]+)(?:\((\d+),(\d+)\))?", item.physicalType or allowed_types[0])
        if (
            not physical
            or physical[1] not in allowed_types
            or (physical[1] == "numeric") != bool(physical[2])
            or (physical[2] is not None and not int(physical[3]) <= int(physical[2]) <= 38)
        ):
            allowed = ", ".join(allowed_types).replace("numeric", "numeric(precision up to 38,scale)")
            raise self.fail(f"{key}.physicalType", f"{item.physicalType!r}; allowed: {allowed}")
        classification = item.classification or "personal"
        if classification not in CLASSIFICATIONS:
            raise self.fail(
                f"{key}.classification", f"{classification!r}; allowed: {', '.join(CLASSIFICATIONS)}"
            )
        options = item.logicalTypeOptions or {}
        known = {"string": {"pattern", "maxLength"}}.get(item.logicalType, {"minimum", "maximum"})
        if unknown := set(options) - known:
            raise self.fail(
                f"{key}.logicalTypeOptions.{min(unknown)}",
                f"not followed; allowed: {', '.join(sorted(known))}",
            )
        self._check_text_rules(key, options)
        self._check_limits(item, key, options, scale=int(physical[3] or 0))
        # What stands for a month is one, whether the contract says so or not.
        lowest, highest = _CALENDAR.get(ingest.calendar_parts.get(name, ""), (None, None))
        title = self.need(f"{key}.businessName", item.businessName)
        return Column(
            name=name,
            title=title,
            description=self.need(f"{key}.description", item.description),
            logical_type=item.logicalType,
            postgres_type=physical[0],
            scale=int(physical[3] or 0),
            required=bool(item.required or item.primaryKey),
            primary_key=bool(item.primaryKey),
            unique=bool(item.unique),
            classification=classification,
            allowed=self._allowed_values(item, key),
            pattern=options.get("pattern"),
            max_length=options.get("maxLength"),
            minimum=options.get("minimum", lowest),
            maximum=options.get("maximum", highest),
            headers=(title, *ingest.headers.get(name, ())),
        )

    def _check_text_rules(self, key: str, options: dict[str, Any]) -> None:
        where = f"{key}.logicalTypeOptions"
        length = options.get("maxLength", 1)
        if not _is_whole(length) or length < 1:
            raise self.fail(f"{where}.maxLength", f"{length!r}; allowed: a whole number from 1")
        pattern = options.get("pattern", "")
        if not isinstance(pattern, str):
            raise self.fail(f"{where}.pattern", f"{pattern!r}; allowed: a regular expression in quotes")
        try:
            re.compile(pattern)
        except re.error as error:
            raise self.fail(f"{where}.pattern", str(error)) from None
        if part := patterns.not_followed(pattern):
            raise self.fail(f"{where}.pattern", f"{part} is not followed; allowed: what RE2 knows")

    def _check_limits(self, item: SchemaProperty, key: str, options: dict[str, Any], scale: int) -> None:
        where = f"{key}.logicalTypeOptions"
        for limit in ("minimum", "maximum"):
            if limit in options:
                fault = coherence.limit_fault(options[limit], item.logicalType or "", scale)
                if fault:
                    raise self.fail(f"{where}.{limit}", fault)
        if {"minimum", "maximum"} <= set(options) and options["minimum"] > options["maximum"]:
            raise self.fail(
                f"{where}.minimum", f"{options['minimum']} lies above maximum {options['maximum']}"
            )

    def _allowed_values(self, item: SchemaProperty, key: str) -> tuple[str, ...]:
        """Values of the standard's library rule ``invalidValues: 0``; other rules are not the loader's."""
        if not item.quality:
            return ()
        values = (item.quality[0].arguments or {}).get("validValues")
        if len(item.quality) > 1 or item.quality[0].metric != "invalidValues" or item.quality[0].mustBe != 0:
            raise self.fail(f"{key}.quality", "one rule: invalidValues with arguments.validValues, mustBe 0")
        if item.logicalType != "string":
            raise self.fail(f"{key}.quality", "only for string; use minimum and maximum")
        if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
            raise self.fail(f"{key}.quality.arguments.validValues", "a list of texts, numbers in quotes")
        return tuple(values)

    def _sla(self, name: str) -> tuple[Any, str]:
        found = [item for item in self.standard.slaProperties or [] if item.property == name]
        if len(found) != 1:
            raise self.fail(f"slaProperties.{name}", "stands there twice" if found else "is missing")
        return found[0].value, found[0].unit or ""

    def _frequency(self) -> str:
        value, unit = self._sla("frequency")
        if isinstance(value, bool) or (value, unit) not in FREQUENCIES:
            allowed = ", ".join(f"{number} {unit}" for number, unit in FREQUENCIES)
            raise self.fail("slaProperties.frequency", f"{value} {unit}; allowed: {allowed}")
        return FREQUENCIES[value, unit]

    def _due_working_days(self) -> int:
        value, unit = self._sla("latency")
        if unit != "d" or not _is_whole(value) or value < 0:
            raise self.fail("slaProperties.latency", f"{value} {unit}; allowed: whole working days, unit d")
        return value

    def _retention_days(self) -> int:
        value, unit = self._sla("retention")
        days = {"d": 1, "m": 31, "y": 366}.get(unit)
        if days is None or not _is_whole(value) or value < 1:
            raise self.fail(
                "slaProperties.retention", f"{value} {unit}; allowed: a whole number of d, m or y"
            )
        return value * days

    def _check_references(self, contract: Contract) -> None:
        """Every column that the ingest property names must be declared, and every declared one readable."""
        ingest = contract.ingest
        names = [column.name for column in contract.columns]
        if len(set(names)) != len(names) or not names:
            raise self.fail("schema.properties", "at least one column, each name once")
        mentioned = {
            "headers": set(ingest.headers),
            "fields": set(ingest.fields) - {""},
            "positions": set(ingest.positions),
            "sentinels": set(ingest.sentinels),
            "mixedNumbers": set(ingest.mixed_numbers),
            "serialDates": set(ingest.serial_dates),
            "codes": set(ingest.codes),
            "unpivot": {ingest.unpivot.value, *ingest.unpivot.groups} if ingest.unpivot else set(),
            "plausibility": {
                name
                for rule in ingest.plausibility
                for key, value in rule
                if key != "kind"
                for name in ([value] if isinstance(value, str) else value)
            },
            "compact": set(ingest.compact),
            "attributes": {attribute.column for attribute in ingest.attributes},
            "slice": set(ingest.slice) - {"*"},
            "filePattern": set(ingest.file_groups) - {"revision", "period"},
            "dataDate": {
                name
                for name in (
                    ingest.data_date.column,
                    ingest.data_date.year,
                    ingest.data_date.month,
                    ingest.data_date.quarter,
                )
                if isinstance(name, str)
            },
            "filePeriod": set(ingest.file_period.model_dump(exclude_none=True).values())
            if ingest.file_period
            else set(),
        }
        for key, columns in mentioned.items():
            if unknown := columns - set(names):
                raise self.fail(
                    f"ingest.{key}", f"{min(unknown)!r} is no column; columns: {', '.join(names)}"
                )
        if ingest.layout == "attlog" and not ingest.fields:
            raise self.fail("ingest.fields", "needed by layout attlog")
        if ingest.fields and ingest.layout not in ("attlog", "table"):
            raise self.fail("ingest.fields", "only for layout attlog or table")
        if ingest.layout == "python" and not self.file.with_suffix(".py").is_file():
            raise self.fail("ingest.layout", f"python needs {self.file.stem}.py beside the contract")
        if not contract.matches_file_name(ingest.file_example):
            raise self.fail("ingest.fileExample", f"{ingest.file_example!r} does not match filePattern")
        period = ingest.data_date.period
        given = [ingest.data_date.column, period, ingest.data_date.year]
        if sum(value is not None for value in given) > 1:
            raise self.fail("ingest.dataDate", "at most one of column, period, year (with month or quarter)")
        if period and period not in (*names, *ingest.file_groups):
            raise self.fail("ingest.dataDate.period", f"{period!r} is no column and no group of filePattern")
        parts = sum(value is not None for value in (ingest.data_date.month, ingest.data_date.quarter))
        if parts != (ingest.data_date.year is not None):
            raise self.fail("ingest.dataDate.year", "goes with either month or quarter, and they with it")
        self._check_file_period(contract)
        self._check_types(contract)
        for key, message in coherence.faults(contract):
            raise self.fail(key, message)

    def _check_file_period(self, contract: Contract) -> None:
        ingest = contract.ingest
        has_period = "period" in ingest.file_groups
        if ingest.file_period is None:
            if has_period and ingest.slice and ingest.slice != ("*",):
                raise self.fail("ingest.filePeriod", "needed: files of a period replace slices")
            return
        if not has_period:
            raise self.fail("ingest.filePeriod", "filePattern has no group 'period'")
        if set(ingest.file_period.model_dump(exclude_none=True)) not in ({"column"}, {"year", "month"}):
            raise self.fail("ingest.filePeriod", "either column, or year with month")

    def _check_types(self, contract: Contract) -> None:
        """Columns that tell time must be of a type that can."""
        ingest = contract.ingest
        for key, where in (("dataDate", ingest.data_date), ("filePeriod", ingest.file_period)):
            if where is None:
                continue
            for part, types in (
                ("column", _MOMENTS),
                ("year", ("integer",)),
                ("month", ("integer",)),
                ("quarter", ("integer",)),
            ):
                name = getattr(where, part, None)
                if isinstance(name, str):
                    self._must_be(contract, f"{key}.{part}", name, types)
        for key, names, types in (
            ("serialDates", ingest.serial_dates, _MOMENTS),
            ("mixedNumbers", ingest.mixed_numbers, ("number", "integer")),
            ("codes", tuple(ingest.codes), ("string",)),
        ):
            for name in names:
                self._must_be(contract, key, name, types)

    def _must_be(self, contract: Contract, key: str, name: str, types: tuple[str, ...]) -> None:
        if contract.column(name).logical_type not in types:
            raise self.fail(f"ingest.{key}", f"{name!r} must be of type {' or '.join(types)}")


def _is_whole(value: object) -> TypeGuard[int]:
    """Whether YAML gave a whole number; ``true`` is one for Python."""
    return isinstance(value, int) and not isinstance(value, bool)


def _explain(error: ValidationError) -> str:
    """Pydantic's findings as ``key: message`` in one line."""
    found = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"])
        message = "unknown key" if item["type"] == "extra_forbidden" else item["msg"]
        found.append(f"{key}: {message}")
    return "; ".join(found)
