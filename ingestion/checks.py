"""The contract's rules for one column, compiled to vectorised kernels.

A check takes the texts of a column and gives the typed values plus one boolean array for every rule that some
value broke. Columns with few distinct values are checked value by value of their dictionary, so a month of
complaints looks at five statuses, not at thousands.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from ingestion import dates, numbers
from ingestion.arrow import Array, pa, pc
from ingestion.contract import Column, Contract

_INT32 = 2**31 - 1
_PRECISION = 38


@dataclass
class Failure:
    """Rows that break one rule: ``mask`` has a flag for every row."""

    code: str
    mask: Array


@dataclass
class Checked:
    """Typed values (null where missing or wrong), trimmed texts (null where missing), and the failures."""

    typed: Array
    text: Array
    failures: list[Failure]


class ColumnCheck:
    """All rules of one column; ``run`` may be called batch after batch."""

    def __init__(self, column: Column, contract: Contract) -> None:
        self.column = column
        self.ingest = contract.ingest
        self.arrow_type = arrow_type(column)
        self.missing = pa.array(
            sorted({value.strip() for value in contract.ingest.missing_values}), pa.string()
        )
        self.allowed = {value.casefold(): value for value in column.allowed}

    def run(self, cells: Array) -> Checked:
        """Check the untrimmed texts of one batch; ``cells`` holds no nulls."""
        encoded = cells.dictionary_encode()
        distinct = encoded.dictionary
        if len(distinct) * 2 > len(cells):
            return self._evaluate(cells)
        result = self._evaluate(distinct)
        index = encoded.indices
        return Checked(
            result.typed.take(index),
            result.text.take(index),
            [Failure(failure.code, failure.mask.take(index)) for failure in result.failures],
        )

    def _evaluate(self, cells: Array) -> Checked:
        text = pc.utf8_trim_whitespace(cells)
        if self.column.name in self.ingest.compact:
            text = pc.replace_substring_regex(text, r"[\s'.]", "")
        text = pc.if_else(pc.is_in(text, self.missing), pa.scalar(None, pa.string()), text)
        failures: list[Failure] = []
        if self.column.required:
            failures.append(Failure("required", pc.is_null(text)))
        typed, found = self._TYPED[self.column.logical_type](self, text)
        failures += found
        bad = [failure for failure in failures if pc.any(failure.mask).as_py()]
        return Checked(typed, text, bad)

    def _string(self, text: Array) -> tuple[Array, list[Failure]]:
        failures = []
        if self.allowed:
            # Case is a matter of typing, not of meaning: store the contract's spelling.
            values = [None if value is None else value.casefold() for value in text.to_pylist()]
            known = pa.array([self.allowed.get(value) if value else None for value in values], pa.string())
            failures.append(Failure("not_allowed", pc.and_(pc.is_valid(text), pc.is_null(known))))
            text = known
        if self.column.pattern:
            matches = pc.match_substring_regex(text, f"^(?:{self.column.pattern})$")
            failures.append(Failure("pattern", pc.fill_null(pc.invert(matches), False)))
        if self.column.max_length:
            too_long = pc.greater(pc.utf8_length(text), self.column.max_length)
            failures.append(Failure("too_long", pc.fill_null(too_long, False)))
        return text, failures

    def _number(self, text: Array) -> tuple[Array, list[Failure]]:
        scale = self.column.scale
        digits = int(re.findall(r"\d+", self.column.postgres_type)[0]) - scale
        plain = numbers.canonical(text, self.ingest.decimal_char, self.ingest.group_char)
        not_number = _wrong(text, plain)
        too_precise = pc.fill_null(numbers.too_precise(plain, scale), False)
        too_long = pc.fill_null(numbers.too_long(plain, digits), False)
        usable = pc.if_else(pc.or_(too_precise, too_long), pa.scalar(None, pa.string()), plain)
        typed = usable.cast(pa.decimal128(_PRECISION, scale))
        out_of_range = pc.or_(too_long, self._out_of_range(typed, lambda limit: Decimal(str(limit))))
        return typed, [
            Failure("not_a_number", not_number),
            Failure("too_precise", too_precise),
            Failure("out_of_range", out_of_range),
        ]

    def _integer(self, text: Array) -> tuple[Array, list[Failure]]:
        plain = numbers.canonical(text, self.ingest.decimal_char, self.ingest.group_char)
        whole = pc.fill_null(pc.match_substring_regex(plain, r"^-?\d+$"), False)
        plain = pc.if_else(whole, plain, pa.scalar(None, pa.string()))
        not_integer = _wrong(text, plain)
        too_long = pc.fill_null(numbers.too_long(plain, 18), False)
        big = pc.if_else(too_long, pa.scalar(None, pa.string()), plain).cast(pa.int64())
        out_of_range = pc.or_(too_long, self._out_of_range(big, float))
        if self.arrow_type == pa.int32():
            beyond = pc.fill_null(pc.greater(pc.abs(big), _INT32), False)
            out_of_range = pc.or_(out_of_range, beyond)
            big = pc.if_else(beyond, pa.scalar(None, pa.int64()), big).cast(pa.int32())
        return big, [Failure("not_an_integer", not_integer), Failure("out_of_range", out_of_range)]

    def _moment(self, text: Array) -> tuple[Array, list[Failure]]:
        is_date = self.column.logical_type == "date"
        formats = self.ingest.date_formats if is_date else self.ingest.timestamp_formats
        rows = np.flatnonzero(pc.is_valid(text).to_numpy(zero_copy_only=False))
        seconds, valid = dates.parse(text.take(pa.array(rows, pa.int64())), formats)
        moments = np.zeros(len(text), np.int64)
        known = np.zeros(len(text), np.bool_)
        moments[rows], known[rows] = seconds, valid
        wrong = pc.and_(pc.is_valid(text), pa.array(~known))
        if is_date:
            days = pa.array((moments // 86_400).astype(np.int32), mask=~known)
            typed = days.cast(pa.date32())
            code = "not_a_date"
        else:
            typed = pa.array(moments * 1_000_000, mask=~known).cast(pa.timestamp("us"))
            code = "not_a_timestamp"
        return typed, [Failure(code, wrong), Failure("out_of_range", self._out_of_range(typed, str))]

    def _out_of_range(self, typed: Array, limit: Callable[[Any], Any]) -> Array:
        outside = pa.array(np.zeros(len(typed), np.bool_))
        if self.column.minimum is not None:
            lower = pa.scalar(limit(self.column.minimum)).cast(typed.type)
            outside = pc.or_(outside, pc.less(typed, lower))
        if self.column.maximum is not None:
            upper = pa.scalar(limit(self.column.maximum)).cast(typed.type)
            outside = pc.or_(outside, pc.greater(typed, upper))
        return pc.fill_null(outside, False)

    _TYPED: dict[str, Callable[[ColumnCheck, Array], tuple[Array, list[Failure]]]] = {  # noqa: RUF012
        "string": _string,
        "number": _number,
        "integer": _integer,
        "date": _moment,
        "timestamp": _moment,
    }


def arrow_type(column: Column) -> Any:
    """Arrow type whose binary COPY form PostgreSQL reads into the column's type."""
    return {
        "text": pa.string(),
        "integer": pa.int32(),
        "bigint": pa.int64(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
    }.get(column.postgres_type) or pa.decimal128(_PRECISION, column.scale)


def _wrong(text: Array, parsed: Array) -> Array:
    """Filled cells that could not be read."""
    return pc.and_(pc.is_valid(text), pc.is_null(parsed))
