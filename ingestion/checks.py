"""The contract's rules for one column, compiled to vectorised kernels.

A check looks at each distinct text of a batch once ("entries"): a month of attendance has six statuses and a
few thousand clock times, whatever its number of rows. What rows need is taken from the entries by index.
Entries of earlier batches are kept: a batch brings few that are new.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
import xxhash

from ingestion import dates, invisible, notation, numbers
from ingestion.arrow import Array, pa, pc
from ingestion.coherence import MONTH
from ingestion.contract import Column, Contract

_INT32 = 2**31 - 1
# Whole numbers of so many digits fit for certain.
_INTEGER_DIGITS, _BIGINT_DIGITS = 9, 18
_PRECISION = 38
# Batches at most for which a column of mostly distinct texts is not even tried to be encoded.
_LONGEST_PAUSE = 8
# Entries that are kept from batch to batch, some 6 MB a column.
_KNOWN = 1 << 16
# What a spreadsheet shows for a failed formula, also in a CSV that it exported.
_ERROR_CELL = r"^#(?:REF!|DIV/0!|N/A|VALUE!|NAME\?|NUM!|NULL!|SPILL!|CALC!)$"
_NOTHING = pa.scalar(None, pa.string())

Flags = np.ndarray[Any, np.dtype[np.bool_]]
Index = np.ndarray[Any, np.dtype[np.int64]]
# 128-bit hashes as one element each: only their bytes count.
Hashes = np.ndarray[Any, np.dtype[np.complex128]]


@dataclass
class Failure:
    """Entries that break one rule: ``mask`` has a flag for every entry."""

    code: str
    mask: Flags


@dataclass
class Checked:
    """One column of a batch.

    ``typed``: values, null where missing or wrong; ``text``: texts as they were judged, null where missing;
    ``trimmed``: texts as they stand; ``hashes``: xxh3-128 of the texts, seeded with the column's number in
    the contract, counted from 1; one element for every entry each, and there may be entries that no row has.
    ``index``: entry of each row, None: row i has entry i.
    """

    typed: Array
    text: Array
    trimmed: Array
    is_missing: Flags
    hashes: Hashes
    failures: list[Failure]
    index: Index | None = None

    def of_rows(self, entries: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """What stands in an array of entries, for every row."""
        return entries if self.index is None else entries[self.index]

    def of(self, rows: Index) -> Index:
        """The entries of some rows."""
        return rows if self.index is None else self.index[rows]

    def of_batch(self, index: Index | None) -> Checked:
        """The same entries for some rows, without rules that none of them breaks."""
        return replace(self, failures=[one for one in self.failures if one.mask.any()], index=index)

    def followed_by(self, other: Checked) -> Checked:
        """These entries and then the other ones; the rules keep the order in which both tell them."""
        text = pa.concat_arrays([self.text, other.text])
        is_same = self.typed is self.text and other.typed is other.text
        return Checked(
            text if is_same else pa.concat_arrays([self.typed, other.typed]),
            text,
            pa.concat_arrays([self.trimmed, other.trimmed]),
            np.concatenate([self.is_missing, other.is_missing]),
            np.concatenate([self.hashes, other.hashes]),
            _merged(self, other),
        )


class ColumnCheck:
    """All rules of one column; ``run`` may be called batch after batch."""

    def __init__(self, column: Column, contract: Contract) -> None:
        self.column = column
        self.number = contract.columns.index(column) + 1
        self.ingest = contract.ingest
        self.arrow_type = arrow_type(column)
        self.missing = pa.array(
            sorted({value.strip() for value in contract.ingest.missing_values}), pa.string()
        )
        self.allowed = {value.casefold(): value for value in column.allowed}
        self.shapes = [f"^(?:{column.pattern})$"] if column.pattern else []
        if column.name == contract.ingest.data_date.period:
            self.shapes.append(f"^{MONTH}$")
        self.is_compared = invisible.is_compared(column, contract.ingest)
        self.is_mixed = column.name in contract.ingest.mixed_numbers
        if column.logical_type == "integer":
            self.digits = _INTEGER_DIGITS if column.postgres_type == "integer" else _BIGINT_DIGITS
        elif column.logical_type == "number":
            self.digits = int(re.findall(r"\d+", column.postgres_type)[0]) - column.scale
        self.plain_shape = self._plain_shape()
        self._pause = self._next_pause = 0
        self._known = pa.array([], pa.string())
        self._judged: Checked | None = None

    def _plain_shape(self) -> str | None:
        """Numbers that need neither cleaning nor a look at their length: ``-12.345,67``."""
        if self.column.logical_type not in ("number", "integer") or not self.digits:
            return None
        whole = rf"\d{{1,{self.digits}}}"
        if self.ingest.group_char and self.digits >= 6:
            group = re.escape(self.ingest.group_char)
            whole = rf"(?:{whole}|\d{{1,3}}(?:{group}\d{{3}}){{1,{self.digits // 3 - 1}}})"
        decimals = rf"(?:{re.escape(self.ingest.decimal_char)}\d{{1,{self.column.scale}}})?"
        return rf"^-?{whole}{decimals if self.column.scale else ''}$"

    def run(self, cells: Array) -> Checked:
        """Check the untrimmed texts of one batch, maybe chunked; ``cells`` holds no nulls."""
        if self._pause or not len(cells):
            self._pause = max(0, self._pause - 1)
            return self._evaluate(_whole(cells)).of_batch(None)
        known, judged = self._known, self._judged
        parts = cells.chunks if isinstance(cells, pa.ChunkedArray) else [cells]
        # All chunks are encoded by one dictionary, in which the known entries come first.
        chunks = pa.chunked_array([known, *parts] if len(known) else parts).dictionary_encode().chunks
        entries = chunks[0].dictionary
        new = entries.slice(len(known))
        if len(cells) > 1 and 4 * len(new) > 3 * len(cells):
            self._known, self._judged = known.slice(0, 0), None
            # A first, small batch says little: each trial in vain makes the next pause longer.
            self._pause = self._next_pause
            self._next_pause = min(_LONGEST_PAUSE, 2 * self._next_pause + 1)
            return self._evaluate(_whole(cells)).of_batch(None)
        self._next_pause = 0
        if judged is None:
            judged = self._evaluate(new)
        elif len(new):
            judged = judged.followed_by(self._evaluate(new))
        is_small = len(entries) <= _KNOWN
        self._known, self._judged = (entries, judged) if is_small else (known.slice(0, 0), None)
        of_rows = chunks[1:] if len(known) else chunks
        return judged.of_batch(np.concatenate([part.indices.to_numpy() for part in of_rows], dtype=np.int64))

    def constant(self, text: str, count: int) -> Checked:
        """Check one text that stands for all rows."""
        return self._evaluate(pa.array([text], pa.string())).of_batch(np.zeros(count, np.int64))

    def _evaluate(self, cells: Array) -> Checked:
        """The entries with all rules, also those that none of them breaks."""
        trimmed = text = pc.utf8_trim_whitespace(invisible.removed(cells, self.is_compared))
        if self.column.name in self.ingest.compact:
            text = pc.replace_substring_regex(text, r"[\s'.]", "")
        missing = pc.is_in(text, self.missing)
        if pc.any(missing).as_py():
            text = pc.if_else(missing, _NOTHING, text)
        text = notation.tidy(text, self.column, self.ingest)
        typed, failures = self._TYPED[self.column.logical_type](self, text)
        if self.column.name in self.ingest.sentinels:
            unknown = notation.drop_sentinels(typed, self.column, self.ingest)
            if pc.any(unknown).as_py():
                flags = _flags(unknown)
                text = pc.if_else(unknown, _NOTHING, text)
                typed = pc.if_else(unknown, pa.scalar(None, typed.type), typed)
                failures = [(code, _flags(mask) & ~flags) for code, mask in failures]
        if self.column.required and text.null_count:
            failures = [("required", pc.is_null(text)), *failures]
        found = [Failure(code, _flags(mask)) for code, mask in failures]
        nul = _holds_nul(cells)
        if nul is not None:
            found.append(Failure("control_character", nul))
        is_missing = _flags(missing) if text is trimmed else _flags(pc.is_null(text)) | _flags(missing)
        return Checked(typed, text, trimmed, is_missing, digests(text, self.number), found)

    def _string(self, text: Array) -> tuple[Array, list[tuple[str, Any]]]:
        failures = []
        if pc.any(pc.starts_with(text, "#")).as_py():
            is_error = pc.match_substring_regex(text, _ERROR_CELL)
            failures.append(("error_cell", is_error))
            text = pc.if_else(is_error, _NOTHING, text)
        if self.allowed:
            # Case is a matter of typing, not of meaning: store the contract's spelling.
            values = [None if value is None else value.casefold() for value in text.to_pylist()]
            known = pa.array([self.allowed.get(value) if value else None for value in values], pa.string())
            failures.append(("not_allowed", pc.and_(pc.is_valid(text), pc.is_null(known))))
            text = known
        if self.shapes:
            fits = [pc.match_substring_regex(text, shape) for shape in self.shapes]
            failures.append(("pattern", pc.invert(functools.reduce(pc.and_, fits))))
        if self.column.max_length:
            failures.append(("too_long", pc.greater(pc.utf8_length(text), self.column.max_length)))
        return text, failures

    def _number(self, text: Array) -> tuple[Array, list[tuple[str, Any]]]:
        """Most files write all numbers in the plainest form, which one cheap pattern tells from the rest."""
        if self.plain_shape is None:
            return self._read_number(text)
        is_plain = _flags(pc.match_substring_regex(text, self.plain_shape))
        rest = np.flatnonzero(~is_plain & _flags(pc.is_valid(text)))
        if not len(rest):
            typed = self._plain_number(text)
            return typed, [("out_of_range", self._out_of_range(typed))]
        typed = self._plain_number(pc.if_else(pa.array(is_plain), text, _NOTHING))
        others, failures = self._read_number(text.take(pa.array(rest)))
        where = np.zeros(len(text), np.bool_)
        where[rest] = True
        masks = {"out_of_range": _flags(self._out_of_range(typed)).copy()}
        for code, mask in failures:
            masks.setdefault(code, np.zeros(len(text), np.bool_))[rest] |= _flags(mask)
        return pc.replace_with_mask(typed, pa.array(where), others), list(masks.items())

    def _plain_number(self, text: Array) -> Array:
        if self.ingest.group_char:
            text = pc.replace_substring(text, self.ingest.group_char, "")
        if self.ingest.decimal_char != ".":
            text = pc.replace_substring(text, self.ingest.decimal_char, ".")
        return text.cast(self.arrow_type)

    def _read_number(self, text: Array) -> tuple[Array, list[tuple[str, Any]]]:
        plain = numbers.canonical(text, self.ingest.decimal_char, self.ingest.group_char, other=self.is_mixed)
        if self.column.logical_type == "integer":
            return self._read_integer(text, plain)
        too_precise = pc.fill_null(numbers.too_precise(plain, self.column.scale), False)
        too_long = pc.fill_null(numbers.too_long(plain, self.digits), False)
        usable = pc.if_else(pc.or_(too_precise, too_long), _NOTHING, plain)
        typed = usable.cast(self.arrow_type)
        return typed, [
            ("not_a_number", _wrong(text, plain)),
            ("too_precise", too_precise),
            ("out_of_range", pc.or_(too_long, self._out_of_range(typed))),
        ]

    def _read_integer(self, text: Array, plain: Array) -> tuple[Array, list[tuple[str, Any]]]:
        whole = pc.fill_null(pc.match_substring_regex(plain, r"^-?\d+$"), False)
        plain = pc.if_else(whole, plain, _NOTHING)
        too_long = pc.fill_null(numbers.too_long(plain, _BIGINT_DIGITS), False)
        typed = pc.if_else(too_long, _NOTHING, plain).cast(pa.int64())
        out_of_range = pc.or_(too_long, self._out_of_range(typed))
        if self.arrow_type == pa.int32():
            beyond = pc.fill_null(pc.greater(pc.abs(typed), _INT32), False)
            out_of_range = pc.or_(out_of_range, beyond)
            typed = pc.if_else(beyond, pa.scalar(None, pa.int64()), typed).cast(pa.int32())
        return typed, [("not_an_integer", _wrong(text, plain)), ("out_of_range", out_of_range)]

    def _moment(self, text: Array) -> tuple[Array, list[tuple[str, Any]]]:
        is_date = self.column.logical_type == "date"
        formats = self.ingest.date_formats if is_date else self.ingest.timestamp_formats
        rows = np.flatnonzero(_flags(pc.is_valid(text)))
        seconds, valid = dates.parse(text if len(rows) == len(text) else text.take(pa.array(rows)), formats)
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
        return typed, [(code, wrong), ("out_of_range", self._out_of_range(typed))]

    def _out_of_range(self, typed: Array) -> Array:
        """Values outside the contract's limits; those are texts for moments, numbers for numbers."""
        outside = None
        for bound, is_outside in ((self.column.minimum, pc.less), (self.column.maximum, pc.greater)):
            if bound is not None:
                beyond = is_outside(typed, _limit(bound, typed.type))
                outside = beyond if outside is None else pc.or_(outside, beyond)
        if outside is None:
            return pa.array(np.zeros(len(typed), np.bool_))
        return pc.fill_null(outside, False)

    _TYPED: dict[str, Callable[[ColumnCheck, Array], tuple[Array, list[tuple[str, Any]]]]] = {  # noqa: RUF012
        "string": _string,
        "number": _number,
        "integer": _number,
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


def _whole(cells: Array) -> Array:
    return cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells


def digests(texts: Array, seed: int) -> Hashes:
    """xxh3-128 of each text, nulls as empty ones."""
    plain = texts.fill_null("") if texts.null_count else texts
    values = plain.cast(pa.binary()).to_pylist()
    joined = b"".join(map(xxhash.xxh3_128_digest, values, itertools.repeat(seed)))
    return np.frombuffer(joined, np.complex128)


def _merged(first: Checked, second: Checked) -> list[Failure]:
    """The failures of two lists of entries that follow each other, in the order of the rules."""
    codes = [failure.code for failure in first.failures]
    place = 0
    for failure in second.failures:
        if failure.code not in codes:
            codes.insert(place, failure.code)
        place = codes.index(failure.code) + 1
    masks = [{failure.code: failure.mask for failure in one.failures} for one in (first, second)]
    blank = [np.zeros(len(one.text), np.bool_) for one in (first, second)]
    return [
        Failure(code, np.concatenate([masks[0].get(code, blank[0]), masks[1].get(code, blank[1])]))
        for code in codes
    ]


def _limit(bound: Any, kind: Any) -> Any:
    """A limit of the contract (number, or a moment as text) as it compares with the column's type."""
    if pa.types.is_integer(kind):
        return pa.scalar(bound)
    return pa.scalar(Decimal(str(bound)) if pa.types.is_decimal(kind) else bound).cast(kind)


def _wrong(text: Array, parsed: Array) -> Array:
    """Filled cells that could not be read."""
    return pc.and_(pc.is_valid(text), pc.is_null(parsed))


def _flags(mask: Any) -> Flags:
    """An Arrow mask as flags, null counting as false."""
    if isinstance(mask, np.ndarray):
        return mask
    flags: Flags = (mask.fill_null(False) if mask.null_count else mask).to_numpy(zero_copy_only=False)
    return flags


def _holds_nul(cells: Array) -> Flags | None:
    """Which texts hold a NUL; None where none does, which one look over the bytes tells."""
    data = cells.buffers()[2]
    if data is None or b"\0" not in memoryview(data).tobytes():
        return None
    flags = _flags(pc.match_substring(cells, "\0"))
    return flags if flags.any() else None
