"""Sort the rows of a file: good ones typed and with lineage, bad ones with every reason, the rest counted."""

from __future__ import annotations

import csv
import datetime
import hmac
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xxhash

from ingestion import explain
from ingestion.arrow import Array, pa, pc
from ingestion.checks import Checked, ColumnCheck, arrow_type
from ingestion.contract import Column, Contract
from ingestion.outcome import FileRefused, Reason, Reject
from ingestion.readers.table import Batch, BrokenRow, Table
from ingestion.time_bounds import TimeBounds

_SEPARATOR = "\x1f"
Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass
class Sorted:
    """What became of one batch. ``good`` has the columns of the raw table except ``_load_id``."""

    read: int
    good: Any
    rejects: list[Reject]
    skipped: Counter[str]


@dataclass
class Totals:
    """Running sums over a file."""

    read: int = 0
    loaded: int = 0
    rejected: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    slices: set[str] = field(default_factory=set)
    data_from: datetime.date | None = None
    data_to: datetime.date | None = None


class Screen:
    """The contract's checks for one file; ``totals`` is complete when every table was sorted.

    Attributes of the file (parts of its name, title, footer) are checked like cells before any row is read:
    a wrong one refuses the file.
    """

    def __init__(
        self, contract: Contract, file_name: str, key: bytes | None, received_on: datetime.date | None
    ) -> None:
        """``key``: secret of the personal columns' hashes; None writes no hashes (``pendopo check``).

        ``received_on``: UTC day on which the file arrived; None lets rows speak of the future.
        """
        self.contract, self.file_name, self.key = contract, file_name, key
        self.totals = Totals()
        self.groups = self._file_groups()
        self.bounds = TimeBounds(contract, file_name, self.groups, received_on)
        self._checks = {column.name: ColumnCheck(column, contract) for column in contract.columns}
        self._skip = [
            (rule, re.compile(rule.pattern, re.IGNORECASE | re.DOTALL)) for rule in contract.ingest.skip
        ]
        # Key of a row → hash and number of its first appearance in this file.
        self._seen: dict[bytes, tuple[bytes, int]] = {}

    @property
    def revision(self) -> str:
        """What orders two files of one slice: digits padded, so that revision 10 follows revision 9."""
        revision = self.groups.get("revision", "")
        return revision.zfill(6) if revision.isdigit() else revision

    def _file_groups(self) -> dict[str, str]:
        match = self.contract.matches_file_name(self.file_name)
        if match:
            return {name: value for name, value in match.groupdict().items() if value is not None}
        if self.contract.ingest.file_groups:
            raise FileRefused(
                "file_name",
                f"Nama berkas {self.file_name} tidak sesuai untuk {self.contract.title}. Beri nama seperti "
                f"{self.contract.ingest.file_example} lalu kirim lagi.",
            )
        return {}

    def sort(self, table: Table) -> Iterator[Sorted]:
        """Sort a table batch by batch; raises FileRefused."""
        return _TableScreen(self, table).run()

    def finish(self) -> Iterator[Sorted]:
        """What could be decided only when every table was read; to be called once, after the last one."""
        yield from ()

    def _note(self, sorted_batch: Sorted) -> None:
        totals = self.totals
        totals.read += sorted_batch.read
        totals.loaded += sorted_batch.good.num_rows
        totals.rejected += len(sorted_batch.rejects)
        totals.skipped += sorted_batch.skipped
        if not sorted_batch.good.num_rows:
            return
        totals.slices |= {key for key in sorted_batch.good.column("_slice").unique().to_pylist() if key}
        for day in self._data_days(sorted_batch.good):
            totals.data_from = min(day, totals.data_from or day)
            totals.data_to = max(day, totals.data_to or day)

    def _data_days(self, good: Any) -> list[datetime.date]:
        """First and last data date of the rows."""
        wanted = self.contract.ingest.data_date
        if wanted.period:
            periods = (
                good.column(wanted.period).unique().to_pylist()
                if wanted.period in good.schema.names
                else [self.groups[wanted.period]]
            )
            return [_month_end(int(period[:4]), int(period[5:7])) for period in periods if period]
        if wanted.column:
            ends = pc.min_max(good.column(wanted.column)).as_py()
            days = [ends["min"], ends["max"]]
            return [day.date() if isinstance(day, datetime.datetime) else day for day in days if day]
        years = good.column(wanted.year or "").to_pylist()
        months = (
            good.column(wanted.month).to_pylist()
            if isinstance(wanted.month, str)
            else [wanted.month] * good.num_rows
        )
        return [_month_end(year, month) for year, month in set(zip(years, months, strict=True))]


class _TableScreen:
    """Sorts one table; a class of its own because footers are a state of the table."""

    def __init__(self, screen: Screen, table: Table) -> None:
        self.screen, self.table, self.contract = screen, table, screen.contract
        self.position = {name: index for index, name in enumerate(table.names) if name}
        self.attributes = self._attributes()
        self.required = [
            self.position[column.name]
            for column in self.contract.table_columns
            if column.required and column.name in self.position
        ]
        self.footer_from: int | None = None
        self.footer_kind = ""

    def run(self) -> Iterator[Sorted]:
        for batch in self.table.batches:
            result = self._sort(batch)
            self.screen._note(result)
            yield result

    def _attributes(self) -> dict[str, str]:
        """Texts of the columns that stand outside the table: groups of the file name, title, year, footer."""
        columns = {column.name for column in self.contract.columns}
        found = {name: value for name, value in self.screen.groups.items() if name in columns}
        for attribute in self.contract.ingest.attributes:
            for text in self.table.found.get(attribute.of, []):
                match = re.search(attribute.pattern, text, re.IGNORECASE)
                if match and attribute.column not in found:
                    found[attribute.column] = (
                        attribute.value if attribute.value is not None else match[1].strip()
                    )
        outside = [column for column in self.contract.columns if column not in self.contract.table_columns]
        for column in outside:
            checked = self.screen._checks[column.name].run(pa.array([found.get(column.name, "")]))
            if checked.failures:
                code = checked.failures[0].code
                why = explain.reason(code, column, found.get(column.name), self.contract, column.title)
                raise FileRefused(
                    "attribute",
                    f"Berkas {self.screen.file_name}, {why.message} Keterangan ini dibaca dari nama berkas, "
                    "judul atau kaki tabel.",
                )
        return found

    def _sort(self, batch: Batch) -> Sorted:
        skipped: Counter[str] = Counter()
        cells = batch.cells
        empty = self._is_blank(cells) if len(batch.row_no) else np.zeros(0, np.bool_)
        candidates = self._candidates(cells) if len(batch.row_no) else np.zeros(0, np.bool_)
        kinds = self._kinds(batch, candidates & ~empty, batch.broken)
        keep = ~empty
        if count := int(empty.sum()):
            skipped["blank"] += count
        numbers = batch.row_no.to_numpy()
        for row, kind in kinds.items():
            if row >= 0:
                keep[row] = False
            skipped[kind] += 1
        rejects = []
        for index, broken in enumerate(batch.broken):
            if -1 - index in kinds:
                continue
            why = explain.field_count(broken.fields, len(self.table.names))
            rejects.append(Reject(self.table.sheet, broken.row_no, (why,), _visible(broken.text)))
        kept = np.flatnonzero(keep)
        damaged = {
            position: np.isin(kept, np.asarray(rows)) for position, rows in batch.damaged.items() if rows
        }
        rows = pa.array(kept, pa.int64())
        if len(kept) < len(keep):
            cells = [cell.take(rows) for cell in cells]
        good, more, doubles = self._check(numbers[kept], cells, damaged)
        if doubles:
            skipped["duplicate"] += doubles
        rejects = sorted([*rejects, *more], key=lambda reject: reject.row_no)
        return Sorted(len(batch.row_no) + len(batch.broken), good, rejects, skipped)

    def _is_blank(self, cells: list[Array]) -> Flags:
        blank: Flags = np.ones(len(cells[0]), np.bool_)
        for cell in cells:
            rows = np.flatnonzero(blank)
            if not len(rows):
                break
            trimmed = pc.utf8_trim_whitespace(cell.take(pa.array(rows)))
            blank[rows] = pc.equal(trimmed, "").to_numpy(zero_copy_only=False)
        return blank

    def _candidates(self, cells: list[Array]) -> Flags:
        """Rows that may be something else than a record: a required cell is empty, or repeats the header."""
        flags: Flags = np.zeros(len(cells[0]), np.bool_)
        for position in self.required:
            missing = self.screen._checks[str(self.table.names[position])].missing
            trimmed = pc.utf8_trim_whitespace(cells[position])
            flags |= pc.is_in(trimmed, missing).to_numpy(zero_copy_only=False)
        for name, position in self.position.items():
            header = self.table.headers.get(name, "")
            if header:
                flags |= pc.equal(cells[position], header).to_numpy(zero_copy_only=False)
        return flags

    def _kinds(self, batch: Batch, candidates: Flags, broken: list[BrokenRow]) -> dict[int, str]:
        """Kind of every row that is no record: position in the batch, or -1 - index of a broken row."""
        numbers = batch.row_no.to_pylist() if candidates.any() else []
        looked = [
            (int(numbers[row]), int(row), [cell[int(row)].as_py() for cell in batch.cells])
            for row in np.flatnonzero(candidates)
        ]
        looked += [
            (row.row_no, -1 - index, next(csv.reader([row.text], delimiter=self.table.delimiter), []))
            for index, row in enumerate(broken)
        ]
        kinds: dict[int, str] = {}
        for row_no, position, values in sorted(looked, key=lambda item: item[0]):
            if kind := self._kind(row_no, [value.strip() for value in values], position >= 0):
                kinds[position] = kind
        return kinds

    def _kind(self, row_no: int, values: list[str], is_whole: bool) -> str | None:
        filled = [value for value in values if value]
        if not filled:
            return "blank"
        if is_whole and all(
            values[position] == header
            for name, position in self.position.items()
            if (header := self.table.headers.get(name))
        ):
            return "header"
        if is_whole and all(values[position] for position in self.required):
            return None
        for rule, pattern in self.screen._skip:
            if pattern.search(filled[0]):
                if rule.until_end and self.footer_from is None:
                    self.footer_from, self.footer_kind = row_no, rule.kind
                return rule.kind
        if self.footer_from is not None and row_no > self.footer_from:
            return self.footer_kind
        return None

    def _check(
        self, numbers: Any, cells: list[Array], damaged: dict[int, Flags]
    ) -> tuple[Any, list[Reject], int]:
        """Type and check complete rows: good rows, refused rows, and the count of exact repetitions."""
        count = len(numbers)
        checked: dict[str, Checked] = {}
        failed: list[tuple[Column, str, Flags]] = []
        for column in self.contract.columns:
            position = self.position.get(column.name)
            texts = (
                cells[position]
                if position is not None
                else pa.array([self.attributes.get(column.name, "")] * count, pa.string())
            )
            result = self.screen._checks[column.name].run(texts)
            checked[column.name] = result
            nul = pc.match_substring(texts, "\0").to_numpy(zero_copy_only=False)
            lost = damaged.get(position) if position is not None else None
            for failure in result.failures:
                mask = failure.mask.to_numpy(zero_copy_only=False)
                # A damaged identifier also breaks its pattern; the damage is what the clerk must know.
                failed.append((column, failure.code, mask & ~lost if lost is not None else mask))
            if nul.any():
                failed.append((column, "control_character", nul))
            if lost is not None and lost.any():
                failed.append((column, "identifier_precision_lost", lost))
        failed += self.screen.bounds.broken(checked)
        bad: Flags = np.zeros(count, np.bool_)
        for _, _, mask in failed:
            bad |= mask
        hashes = self._hashes([checked[column.name].text for column in self.contract.columns])
        repeated, conflicts = self._repeated(numbers, bad, hashes, checked)
        rejects = [
            Reject(
                self.table.sheet,
                int(numbers[row]),
                (*self._reasons(row, failed, checked), *conflicts.get(row, ())),
                self._raw_text(row, cells),
            )
            for row in sorted({*np.flatnonzero(bad).tolist(), *conflicts})
        ]
        drop = bad.copy()
        drop[[*repeated, *conflicts]] = True
        good = self._good(numbers, hashes, checked, np.flatnonzero(~drop))
        return good, rejects, len(repeated)

    def _reasons(
        self, row: int, failed: list[tuple[Column, str, Flags]], checked: dict[str, Checked]
    ) -> list[Reason]:
        return [
            explain.reason(
                code,
                column,
                _visible(checked[column.name].text[row].as_py() or ""),
                self.contract,
                self.table.headers.get(column.name, column.title),
                self.screen.bounds.expected.get(code, ""),
            )
            for column, code, mask in failed
            if mask[row]
        ]

    def _raw_text(self, row: int, cells: list[Array]) -> str:
        line = io.StringIO()
        csv.writer(line, delimiter=self.table.delimiter, lineterminator="").writerow(
            [cell[row].as_py() for cell in cells]
        )
        return _visible(line.getvalue())

    @staticmethod
    def _hashes(texts: list[Array]) -> list[bytes]:
        """xxh3-128 over the trimmed texts in contract order, joined by U+001F, a missing one empty."""
        joined = pc.binary_join_element_wise(*texts, _SEPARATOR, null_handling="replace", null_replacement="")
        digest = xxhash.xxh3_128_digest
        return [digest(text) for text in joined.cast(pa.binary()).to_pylist()]

    def _repeated(
        self, numbers: Any, bad: Flags, hashes: list[bytes], checked: dict[str, Checked]
    ) -> tuple[list[int], dict[int, tuple[Reason, ...]]]:
        """Rows with a key seen before in the file: the same row again, or another one under the same key."""
        keys = [[column] for column in self.contract.columns if column.unique]
        if self.contract.key_columns:
            keys.append(list(self.contract.key_columns))
        repeated: list[int] = []
        conflicts: dict[int, tuple[Reason, ...]] = {}
        for number, columns in enumerate(keys):
            # Typed values, so that 5 and 05 are one key where the contract says number.
            texts = [checked[column.name].typed.cast(pa.string()) for column in columns]
            known: Flags = np.ones(len(hashes), np.bool_)
            for text in texts:
                known &= pc.is_valid(text).to_numpy(zero_copy_only=False)
            marks = self._hashes([pa.array([str(number)] * len(hashes), pa.string()), *texts])
            for row in np.flatnonzero(~bad & known).tolist():
                first = self.screen._seen.setdefault(marks[row], (hashes[row], int(numbers[row])))
                if first[1] == numbers[row] and first[0] == hashes[row]:
                    continue
                if first[0] == hashes[row]:
                    repeated.append(row)
                    continue
                titles = [self.table.headers.get(column.name, column.title) for column in columns]
                why = explain.duplicate_key(titles, first[1])
                conflicts[row] = (*conflicts.get(row, ()), why)
        return sorted(set(repeated) - set(conflicts)), conflicts

    def _good(self, numbers: Any, hashes: list[bytes], checked: dict[str, Checked], rows: Any) -> Any:
        index = pa.array(rows, pa.int64())
        arrays: dict[str, Array] = {}
        for column in self.contract.columns:
            typed = checked[column.name].typed.take(index)
            arrays[column.name] = typed
            if column.is_protected:
                arrays[column.key_name] = self._keyed(column, typed)
        count = len(rows)
        arrays["_sheet"] = pa.array([self.table.sheet or None] * count, pa.string())
        arrays["_row_no"] = pa.array(numbers[rows], pa.int64())
        arrays["_row_hash"] = pa.array([hashes[row] for row in rows], pa.binary(16))
        arrays["_slice"] = self._slices(arrays, count)
        return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))

    def _slices(self, arrays: dict[str, Array], count: int) -> Array:
        by = self.contract.ingest.slice
        if not by:
            return pa.nulls(count, pa.string())
        if by == ("*",):
            return pa.array(["*"] * count, pa.string())
        texts = [arrays[name].cast(pa.string()) for name in by]
        return pc.binary_join_element_wise(*texts, "/", null_handling="replace", null_replacement="")

    def _keyed(self, column: Column, typed: Array) -> Array:
        """Hex HMAC-SHA256 over ``<column name>:<value>``: equal values of equally named columns join."""
        if self.screen.key is None:
            return pa.nulls(len(typed), pa.string())
        key, prefix = self.screen.key, f"{column.name}:"
        encoded = typed.cast(pa.string()).dictionary_encode()
        keyed = [
            hmac.digest(key, (prefix + value).encode(), "sha256").hex()
            for value in encoded.dictionary.to_pylist()
        ]
        return pa.array(keyed, pa.string()).take(encoded.indices)


def raw_schema(contract: Contract) -> Any:
    """Arrow schema of the rows that are copied into the raw table, ``_load_id`` first."""
    fields = [pa.field("_load_id", pa.int64())]
    for column in contract.columns:
        fields.append(pa.field(column.name, arrow_type(column)))
        if column.is_protected:
            fields.append(pa.field(column.key_name, pa.string()))
    fields += [
        pa.field("_sheet", pa.string()),
        pa.field("_row_no", pa.int64()),
        pa.field("_row_hash", pa.binary(16)),
        pa.field("_slice", pa.string()),
    ]
    return pa.schema(fields)


def _month_end(year: int, month: int) -> datetime.date:
    following = datetime.date(year + month // 12, month % 12 + 1, 1)
    return following - datetime.timedelta(days=1)


def _visible(text: str) -> str:
    """PostgreSQL text holds no NUL; show it where one stood."""
    return text.replace("\0", "␀")
