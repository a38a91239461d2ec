"""Whether the parts of a contract fit each other: each may be right, and together they cannot be followed.

What is not found here would surface as a crash, or as silently wrong rows, when the first file arrives.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from ingestion.ingest_property import NeverFalls, NotBefore, SumOfChildren
from ingestion.spelling import normalise

if TYPE_CHECKING:
    from ingestion.contract import Column, Contract

Fault = tuple[str, str]
_MOMENTS = ("date", "timestamp")
_NUMBERS = ("number", "integer")
# A month as file names and columns of ``dataDate.period`` give it: 2025-01.
MONTH = r"[12]\d{3}-(?:0[1-9]|1[0-2])"
# PostgreSQL cuts names at 63 bytes; "__v1234_1234_1234" follows the name of a column that is set aside,
# "__closed" a table's.
_LONGEST_COLUMN, _LONGEST_SOURCE = 46, 55
# Columns that every PostgreSQL table has already.
_SYSTEM_COLUMNS = {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}


def faults(contract: Contract) -> Iterator[Fault]:
    """Key and what is wrong with it, one after the other."""
    yield from _names(contract)
    yield from _headers(contract)
    yield from _places(contract)
    yield from _notation(contract)
    yield from _slices(contract)
    yield from _time(contract)
    yield from _plausibility(contract)


def _names(contract: Contract) -> Iterator[Fault]:
    if len(contract.source_id) > _LONGEST_SOURCE:
        yield "id", f"has more than {_LONGEST_SOURCE} characters"
    names = {column.name for column in contract.columns}
    for column in contract.columns:
        key = f"schema.properties[{column.name}].name"
        if len(column.name) > _LONGEST_COLUMN:
            yield key, f"has more than {_LONGEST_COLUMN} characters"
        if column.name in _SYSTEM_COLUMNS:
            yield key, "is a name that PostgreSQL keeps for itself"
        if column.is_protected and column.key_name in names:
            yield f"schema.properties[{column.key_name}].name", f"is the hash of {column.name!r}"


def _headers(contract: Contract) -> Iterator[Fault]:
    """One header must not mean two columns: the file's second one would be taken for the first."""
    unpivot = contract.ingest.unpivot
    made = {unpivot.value, *unpivot.groups} if unpivot else set()
    owners: dict[str, str] = {}
    for column in contract.table_columns:
        if column.name in made:
            continue
        for position, text in enumerate(column.headers):
            key = f"ingest.headers.{column.name}" if position else _business_name(column)
            spelled = normalise(text)
            if not spelled:
                yield key, f"{text!r} holds no letter and no digit"
            owner = owners.setdefault(spelled, column.name)
            if owner != column.name:
                yield key, f"{text!r} is already a header of {owner!r}"


def _business_name(column: Column) -> str:
    return f"schema.properties[{column.name}].businessName"


def _places(contract: Contract) -> Iterator[Fault]:
    ingest = contract.ingest
    fields = [name for name in ingest.fields if name]
    if twice := _twice(fields):
        yield "ingest.fields", f"{twice!r} stands there twice"
    letters = [letter for places in ingest.positions.values() for letter in places]
    if twice := _twice(letters):
        yield "ingest.positions", f"column {twice} is given twice"
    if ingest.unpivot and ingest.unpivot.value in ingest.unpivot.groups:
        yield "ingest.unpivot.value", f"{ingest.unpivot.value!r} is also a group of the pattern"


def _notation(contract: Contract) -> Iterator[Fault]:
    ingest = contract.ingest
    if ingest.decimal_char == ingest.group_char:
        yield (
            "ingest.groupChar",
            f"must differ from decimalChar, which is {ingest.decimal_char!r} too; give both, for example "
            "decimalChar '.' with groupChar ',' or ''",
        )
    for name, texts in ingest.sentinels.items():
        if contract.column(name).logical_type in _NUMBERS:
            for text in texts:
                if not _is_number(text):
                    yield (
                        f"ingest.sentinels.{name}",
                        f"{text!r} is no number in plain notation like '9999' or '-1.5'; words belong into "
                        "missingValues",
                    )


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _slices(contract: Contract) -> Iterator[Fault]:
    ingest = contract.ingest
    if "*" in ingest.slice and len(ingest.slice) > 1:
        yield "ingest.slice", "'*' (everything) stands alone"
    if twice := _twice(list(ingest.slice)):
        yield "ingest.slice", f"{twice!r} stands there twice"
    if ingest.delivery != "increment" and not ingest.slice:
        yield (
            "ingest.slice",
            f"is missing: a {ingest.delivery} file replaces an older one; name the columns of what it "
            "replaces, or ['*']",
        )


def _time(contract: Contract) -> Iterator[Fault]:
    ingest = contract.ingest
    period, month = ingest.data_date.period, ingest.data_date.month
    if isinstance(month, int) and not 1 <= month <= 12:
        yield "ingest.dataDate.month", f"{month}; allowed: 1 to 12 or a column"
    for column in contract.columns:
        if column.name == period and column.logical_type != "string":
            yield "ingest.dataDate.period", f"{period!r} must be of type string (YYYY-MM)"
    example = contract.matches_file_name(ingest.file_example)
    groups = example.groupdict() if example else {}
    for group in dict.fromkeys(("period", period)):
        text = groups.get(group or "")
        if text is not None and not re.fullmatch(MONTH, text):
            yield (
                "ingest.filePattern",
                f"group {group!r} must take YYYY-MM; from fileExample it takes {text!r}",
            )


def _plausibility(contract: Contract) -> Iterator[Fault]:
    for rule in contract.ingest.plausibility:
        wanted: list[tuple[str, str, tuple[str, ...]]] = []
        match rule:
            case SumOfChildren():
                wanted = [("code", rule.code, ("string",)), ("value", rule.value, _NUMBERS)]
            case NeverFalls():
                wanted = [("value", rule.value, _NUMBERS)]
            case NotBefore():
                wanted = [("column", rule.column, _MOMENTS), ("start", rule.start, _MOMENTS)]
        for key, name, types in wanted:
            if contract.column(name).logical_type not in types:
                yield f"ingest.plausibility.{key}", f"{name!r} must be of type {' or '.join(types)}"


def _twice(values: list[str]) -> str | None:
    return next((value for value in values if values.count(value) > 1), None)


def limit_fault(value: object, logical_type: str, scale: int) -> str | None:
    """What is wrong with a ``minimum`` or ``maximum``; None when it can be compared with the column."""
    match logical_type:
        case "date":
            is_limit = _is_moment(value, r"\d{4}-\d\d-\d\d")
            return None if is_limit else "must be quoted text like '2000-01-01'"
        case "timestamp":
            is_limit = _is_moment(value, r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d:\d\d)?")
            return None if is_limit else "must be quoted text like '2000-01-01' or '2000-01-01 07:30:00'"
        case "integer":
            is_limit = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
            return None if is_limit else f"{value!r}; allowed: a whole number"
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not Decimal(str(value)).is_finite():
        return f"{value!r}; allowed: a number"
    exponent = Decimal(str(value)).normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > scale:
        return f"{value!r}; allowed: a number of at most {scale} decimals, as the column has"
    return (
        None if abs(value) < 10 ** (38 - scale) else f"{value!r}; allowed: a number that the column can hold"
    )


def _is_moment(value: object, shape: str) -> bool:
    """Whether a limit is a moment as text; YAML's own dates would be no JSON for the ledger."""
    if not isinstance(value, str) or not re.fullmatch(shape, value):
        return False
    try:
        datetime.datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
