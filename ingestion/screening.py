"""Sort the rows of a file: good ones typed and with lineage, bad ones with every reason, the rest counted."""

from __future__ import annotations

import csv
import datetime
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ingestion import explain
from ingestion.arrow import Array, pa, pc
from ingestion.checks import Checked, ColumnCheck, Hashes, arrow_type, digests
from ingestion.contract import Column, Contract
from ingestion.keyed_hash import KEY_TYPE, KeyedHash
from ingestion.outcome import FileRefused, Reason
from ingestion.readers.table import NO_JSON, Batch, BrokenRow, Table
from ingestion.spool import RefusedRow as Refused
from ingestion.spool import RejectBlock
from ingestion.time_bounds import Broken, TimeBounds
from ingestion.uniqueness import Judged, Keys, Uniqueness

_REASONS_KEPT = 10_000
_RAW_TEXT = "_raw_text"
Flags = np.ndarray[Any, np.dtype[np.bool_]]
Rows = np.ndarray[Any, np.dtype[np.int64]]


@dataclass
class Sorted:
    """What became of one batch. ``good`` has the columns of the raw table except ``_load_id``."""

    read: int
    good: Any
    rejects: RejectBlock
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
        # Columns whose values together may stand in a file once.
        self._keys = [[column] for column in contract.columns if column.unique]
        if contract.key_columns:
            self._keys.append(list(contract.key_columns))
        self._uniqueness = Uniqueness(len(self._keys))
        self._key_titles: list[list[str]] = []
        self._sheets: list[str] = []
        self._keyed = {
            column.name: KeyedHash(column.name, key) for column in contract.columns if column.is_protected
        }

    def _file_groups(self) -> dict[str, str]:
        match = self.contract.matches_file_name(self.file_name)
        if match:
            return {name: value for name, value in match.groupdict().items() if value is not None}
        if self.contract.ingest.file_groups:
            # What the name says holds for the whole file: several months in one archive cannot say theirs.
            is_archive = self.file_name.lower().endswith(".zip")
            unpack = "Kirim isi arsip satu per satu, tanpa ZIP. " if is_archive else ""
            raise FileRefused(
                "file_name",
                f"Nama berkas {self.file_name} tidak sesuai untuk {self.contract.title}. {unpack}Beri nama "
                f"seperti {self.contract.ingest.file_example} lalu kirim lagi.",
            )
        return {}

    def sort(self, table: Table) -> Iterator[Sorted]:
        """Sort a table batch by batch; raises FileRefused."""
        return _TableScreen(self, table).run()

    def finish(self) -> Iterator[Sorted]:
        """Rows that had to wait for the end, because an earlier row may have their key; to be called once."""
        for judged in self._uniqueness.judge():
            rows = judged.rows
            conflicts = np.logical_or.reduce([firsts > 0 for firsts in judged.conflicts])
            refused = [
                (
                    rows["_sheet"][row].as_py() or "",
                    rows["_row_no"][row].as_py(),
                    self._duplicates(judged, row),
                    rows[_RAW_TEXT][row].as_py(),
                )
                for row in np.flatnonzero(conflicts).tolist()
            ]
            repeated = int(judged.is_repeated.sum())
            good = rows.filter(pa.array(~conflicts & ~judged.is_repeated)).drop_columns([_RAW_TEXT])
            skipped = Counter({"duplicate": repeated} if repeated else {})
            result = Sorted(0, good, RejectBlock.of(refused), skipped)
            self._note(result)
            yield result

    def _duplicates(self, judged: Judged, row: int) -> list[Reason]:
        """One reason for each key that an earlier row has, which may stand on another sheet."""
        own = judged.rows["_sheet"][row].as_py() or ""
        return [
            explain.duplicate_key(titles, int(firsts[row]), sheet if sheet != own else "")
            for titles, firsts, sheets in zip(self._key_titles, judged.conflicts, judged.sheets, strict=True)
            if firsts[row]
            for sheet in [self._sheets[sheets[row]]]
        ]

    def _note(self, sorted_batch: Sorted) -> None:
        totals = self.totals
        totals.read += sorted_batch.read
        totals.loaded += sorted_batch.good.num_rows
        totals.rejected += sorted_batch.rejects.count
        totals.skipped += sorted_batch.skipped
        if not sorted_batch.good.num_rows:
            return
        if self.contract.ingest.slice:
            totals.slices |= {key for key in sorted_batch.good.column("_slice").unique().to_pylist() if key}
        for day in self._data_days(sorted_batch.good):
            totals.data_from = min(day, totals.data_from or day)
            totals.data_to = max(day, totals.data_to or day)

    def _data_days(self, good: Any) -> list[datetime.date]:
        """First and last data date of the rows; that of a month is its end, or the file's day before that."""
        wanted = self.contract.ingest.data_date
        if wanted.period:
            periods = (
                good.column(wanted.period).unique().to_pylist()
                if wanted.period in good.schema.names
                else [self.groups.get(wanted.period)]
            )
            return [self._covered(int(period[:4]), int(period[5:7])) for period in periods if period]
        if wanted.column:
            ends = pc.min_max(good.column(wanted.column)).as_py()
            days = [ends["min"], ends["max"]]
            return [day.date() if isinstance(day, datetime.datetime) else day for day in days if day]
        if wanted.year is None:
            return []
        # One number a row, 202512 for December 2025: distinct ones are few.
        coded = pc.multiply(good.column(wanted.year).cast(pa.int64()), 100)
        if wanted.quarter:
            coded = pc.add(coded, pc.multiply(good.column(wanted.quarter).cast(pa.int64()), 3))
        elif isinstance(wanted.month, str):
            coded = pc.add(coded, good.column(wanted.month).cast(pa.int64()))
        else:
            coded = pc.add(coded, wanted.month)
        return [self._covered(*divmod(month, 100)) for month in coded.unique().to_pylist() if month]

    def _covered(self, year: int, month: int) -> datetime.date:
        """Last day of a month that the file can know of.

        Never before the month: a file that came on its first day, which is a day earlier in UTC, is newer
        than those of the month before.
        """
        end = _month_end(year, month)
        received_on = self.bounds.received_on
        return min(end, max(received_on, end.replace(day=1))) if received_on else end


class _TableScreen:
    """Sorts one table; a class of its own because footers are a state of the table."""

    def __init__(self, screen: Screen, table: Table) -> None:
        self.screen, self.table, self.contract = screen, table, screen.contract
        self.position = {name: index for index, name in enumerate(table.names) if name}
        self.attributes = self._attributes()
        self.required = [
            column.name
            for column in self.contract.table_columns
            if column.required and column.name in self.position
        ]
        self.spelled = {name: header for name in self.position if (header := table.headers.get(name))}
        self.footer_from: int | None = None
        self.footer_kind = ""
        self._reasons: dict[tuple[str, ...], Reason] = {}
        screen._key_titles = [[self._header(column) for column in columns] for columns in screen._keys]

    def run(self) -> Iterator[Sorted]:
        self.screen._uniqueness.begin()
        self.screen._sheets.append(self.table.sheet)
        for batch in self.table.batches:
            result = self._sort(batch)
            # The texts are not needed while the result waits for the database.
            del batch
            self.screen._note(result)
            yield result

    def _header(self, column: Column) -> str:
        return self.table.headers.get(column.name, column.title)

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
            checked = self.screen._checks[column.name].constant(found.get(column.name, ""), 1)
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
        checked = self._check(batch)
        kinds, blank = self._kinds(batch, checked)
        skipped = Counter(kinds.values())
        skipped["blank"] += int(blank.sum())
        keep = ~blank
        keep[[row for row in kinds if row >= 0]] = False
        failed = self._failed(batch, checked, keep)
        bad: Flags = np.zeros(len(keep), np.bool_)
        for _, _, mask in failed:
            bad |= mask
        refused = self._broken(batch.broken, kinds)
        if bad.any():
            refused += self._refused(batch, checked, failed, np.flatnonzero(bad))
            refused.sort(key=lambda row: row[1])
        good = self._good(batch, checked, np.flatnonzero(keep & ~bad))
        skipped["no_value"] += batch.without_value
        read = len(keep) + len(batch.broken) + batch.without_value
        return Sorted(read, good, RejectBlock.of(refused), +skipped)

    def _check(self, batch: Batch) -> dict[str, Checked]:
        """The columns of the contract, each distinct text checked once."""
        checked: dict[str, Checked] = {}
        for column in self.contract.columns:
            check, position = self.screen._checks[column.name], self.position.get(column.name)
            if position is None:
                text = self.attributes.get(column.name, "")
                checked[column.name] = check.constant(text, len(batch.row_no))
            else:
                checked[column.name] = check.run(batch.cells[position])
        return checked

    def _kinds(self, batch: Batch, checked: dict[str, Checked]) -> tuple[dict[int, str], Flags]:
        """Rows that are no records, and blank ones.

        The first are given by kind: position in the batch, or -1 - index of a broken row.
        """
        blank = self._is_blank(batch, checked)
        candidates = np.flatnonzero(self._candidates(checked, len(blank)) & ~blank)
        looked: list[tuple[int, int, Sequence[str]]] = []
        if len(candidates):
            index = pa.array(candidates)
            values = zip(*(cell.take(index).to_pylist() for cell in batch.cells), strict=True)
            row_nos = batch.row_no.take(index).to_pylist()
            looked = list(zip(row_nos, candidates.tolist(), values, strict=True))
        looked += [
            (row.row_no, -1 - index, _split(row.text, self.table.delimiter))
            for index, row in enumerate(batch.broken)
        ]
        looked.sort(key=lambda item: item[:2])
        kinds: dict[int, str] = {}
        for row_no, position, cells in looked:
            if kind := self._kind(row_no, [value.strip() for value in cells], position >= 0):
                kinds[position] = kind
        return kinds, blank

    def _is_blank(self, batch: Batch, checked: dict[str, Checked]) -> Flags:
        blank: Flags = np.ones(len(batch.row_no), np.bool_)
        for name in self.position:
            empty = pc.equal(checked[name].trimmed, "")
            if not pc.any(empty).as_py():
                return np.zeros(len(blank), np.bool_)
            blank &= checked[name].of_rows(empty.to_numpy(zero_copy_only=False))
        rows = np.flatnonzero(blank)
        unknown = [cell for cell, known in zip(batch.cells, self.table.names, strict=True) if not known]
        for cell in unknown:
            if len(rows):
                trimmed = pc.utf8_trim_whitespace(cell.take(pa.array(rows)))
                rows = rows[pc.equal(trimmed, "").to_numpy(zero_copy_only=False)]
        blank[:] = False
        blank[rows] = True
        return blank

    def _candidates(self, checked: dict[str, Checked], count: int) -> Flags:
        """Rows that may be no records: a required cell is empty, or all cells repeat the header."""
        flags: Flags = np.zeros(count, np.bool_)
        for name in self.required:
            if checked[name].is_missing.any():
                flags |= checked[name].of_rows(checked[name].is_missing)
        header: Flags = np.ones(count, np.bool_)
        for name, spelled in self.spelled.items():
            equal = pc.equal(checked[name].trimmed, spelled)
            if not pc.any(equal).as_py():
                return flags
            header &= checked[name].of_rows(equal.to_numpy(zero_copy_only=False))
        return flags | header if self.spelled else flags

    def _kind(self, row_no: int, values: list[str], is_whole: bool) -> str | None:
        filled = [value for value in values if value]
        if not filled:
            return "blank"
        is_header = all(values[self.position[name]] == header for name, header in self.spelled.items())
        if is_whole and is_header and self.spelled:
            return "header"
        if is_whole and all(values[self.position[name]] for name in self.required):
            return None
        for rule, pattern in self.screen._skip:
            if pattern.search(filled[0]):
                if rule.until_end and self.footer_from is None:
                    self.footer_from, self.footer_kind = row_no, rule.kind
                return rule.kind
        if self.footer_from is not None and row_no > self.footer_from:
            return self.footer_kind
        return None

    def _failed(self, batch: Batch, checked: dict[str, Checked], keep: Flags) -> list[Broken]:
        """Cells of records that break a rule: column, rule and a flag for every row."""
        failed: list[Broken] = []
        for column in self.contract.columns:
            result, position = checked[column.name], self.position.get(column.name)
            lost: Flags = np.zeros(len(keep), np.bool_)
            if position is not None and batch.damaged.get(position):
                lost[batch.damaged[position]] = True
            for failure in result.failures:
                # A damaged identifier also breaks its pattern; the damage is what the clerk must know.
                failed.append((column, failure.code, result.of_rows(failure.mask) & keep & ~lost))
            if lost.any():
                failed.append((column, "identifier_precision_lost", lost & keep))
        failed += [(column, code, mask & keep) for column, code, mask in self.screen.bounds.broken(checked)]
        return failed

    def _broken(self, broken: list[BrokenRow], kinds: dict[int, str]) -> list[Refused]:
        why = {
            fields: [
                explain.not_json() if fields == NO_JSON else explain.field_count(fields, self.table.fields)
            ]
            for fields in {row.fields for row in broken}
        }
        return [
            (self.table.sheet, row.row_no, why[row.fields], _visible(row.text))
            for index, row in enumerate(broken)
            if -1 - index not in kinds
        ]

    def _refused(
        self, batch: Batch, checked: dict[str, Checked], failed: list[Broken], rows: Rows
    ) -> list[Refused]:
        """Refused rows with every reason, in the order of the columns."""
        reasons: dict[int, list[Reason]] = {row: [] for row in rows.tolist()}
        unpivot = self.contract.ingest.unpivot
        for column, code, mask in failed:
            where = np.flatnonzero(mask)
            if not len(where):
                continue
            result = checked[column.name]
            values = result.text.take(pa.array(result.of(where))).to_pylist()
            headers: Iterable[str] = itertools.repeat(self._header(column))
            if batch.origin is not None and unpivot and column.name == unpivot.value:
                headers = batch.origin.take(pa.array(where)).to_pylist()
            for row, value, header in zip(where.tolist(), values, headers, strict=False):
                reasons[row].append(self._reason(code, column, value or "", header))
        raw_texts = self._raw_texts(batch.cells, rows)
        row_nos = batch.row_no.take(pa.array(rows)).to_pylist()
        return [
            (self.table.sheet, row_no, why, text)
            for row_no, why, text in zip(row_nos, reasons.values(), raw_texts, strict=True)
        ]

    def _reason(self, code: str, column: Column, value: str, header: str) -> Reason:
        known = self._reasons.get((code, column.name, value, header))
        if known is None:
            expected = self.screen.bounds.expected.get(code, "")
            known = explain.reason(code, column, _visible(value), self.contract, header, expected)
            if len(self._reasons) >= _REASONS_KEPT:
                self._reasons.clear()
            self._reasons[code, column.name, value, header] = known
        return known

    def _raw_texts(self, cells: list[Array], rows: Rows) -> list[str]:
        """Rows as lines of the file; those with quotes or line breaks are written as such one by one."""
        index, mark = pa.array(rows), self.table.delimiter
        taken = [cell.take(index) for cell in cells]
        special = np.full(len(rows), len(cells) == 1)
        for cell in taken:
            odd = pc.match_substring_regex(cell, f'[\\x00"\r\n{re.escape(mark)}]')
            special |= odd.to_numpy(zero_copy_only=False)
        texts: list[str] = pc.binary_join_element_wise(*taken, mark).to_pylist()
        for row in np.flatnonzero(special).tolist():
            line = io.StringIO()
            csv.writer(line, delimiter=mark, lineterminator="").writerow(
                [cell[row].as_py() for cell in taken]
            )
            texts[row] = _visible(line.getvalue())
        return texts

    def _good(self, batch: Batch, checked: dict[str, Checked], rows: Rows) -> Any:
        """The rows that break no rule; those whose key may be an earlier row's are held back."""
        hashes = self._hashes(checked, rows)
        row_nos = batch.row_no.to_numpy()[rows]
        doubtful: Flags = np.zeros(len(rows), np.bool_)
        if self.screen._keys:
            keys = self._keys_of(checked, rows)
            doubtful = self.screen._uniqueness.note(keys, hashes.view(np.uint64)[::2], row_nos)
        if not doubtful.any():
            return self._typed(checked, rows, row_nos, hashes)
        held = rows[doubtful]
        waiting = self._typed(checked, held, row_nos[doubtful], hashes[doubtful])
        raw_texts = pa.array(self._raw_texts(batch.cells, held), pa.string())
        self.screen._uniqueness.hold(waiting.append_column(_RAW_TEXT, raw_texts))
        certain = ~doubtful
        return self._typed(checked, rows[certain], row_nos[certain], hashes[certain])

    def _hashes(self, checked: dict[str, Checked], rows: Rows) -> Hashes:
        """Hash of each row.

        A row's hash is the exclusive or over the contract's columns, counted from 1, of xxh3-128 of the
        trimmed text (a missing one empty) with the column's number as seed: the same for the same texts
        wherever they stand, and cheap because each distinct text is hashed once.
        """
        total: Hashes = np.zeros(len(rows), np.complex128)
        words = total.view(np.uint64)
        for result in checked.values():
            np.bitwise_xor(words, result.hashes[result.of(rows)].view(np.uint64), out=words)
        return total

    def _keys_of(self, checked: dict[str, Checked], rows: Rows) -> list[Keys]:
        """The keys of rows, hashed like rows but from typed values: 5 and 05 are one where numbers are."""
        found = []
        for number, columns in enumerate(self.screen._keys):
            words = np.repeat(digests(pa.array(["key"]), number), len(rows)).view(np.uint64)
            known: Flags = np.ones(len(rows), np.bool_)
            for column in columns:
                result = checked[column.name]
                entries = result.of(rows)
                digest = result.hashes
                if result.typed is not result.text:
                    digest = digests(result.typed.cast(pa.string()), self.contract.columns.index(column) + 1)
                np.bitwise_xor(words, digest[entries].view(np.uint64), out=words)
                if result.typed.null_count:
                    known &= result.typed.is_valid().to_numpy(zero_copy_only=False)[entries]
            found.append(Keys(words.reshape(-1, 2), known))
        return found

    def _typed(self, checked: dict[str, Checked], rows: Rows, row_nos: Rows, hashes: Hashes) -> Any:
        """Rows as the raw table takes them."""
        count = len(rows)
        arrays: dict[str, Array] = {}
        for column in self.contract.columns:
            result = checked[column.name]
            index = pa.array(result.of(rows))
            arrays[column.name] = result.typed.take(index)
            if column.is_protected:
                arrays[column.key_name] = self.screen._keyed[column.name].of(result.typed, index)
        arrays["_sheet"] = _repeat(self.table.sheet or None, count)
        arrays["_row_no"] = pa.array(row_nos, pa.int64())
        arrays["_row_hash"] = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(16), count, [None, pa.py_buffer(hashes)]
        )
        arrays["_slice"] = self._slices(arrays, count)
        return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))

    def _slices(self, arrays: dict[str, Array], count: int) -> Array:
        by = self.contract.ingest.slice
        if not by or by == ("*",):
            return _repeat("*" if by else None, count)
        texts = [arrays[name].cast(pa.string()) for name in by]
        if len(by) > 1:
            texts = [_escaped(text) for text in texts]
        return pc.binary_join_element_wise(*texts, "/", null_handling="replace", null_replacement="")


def _split(line: str, delimiter: str) -> list[str]:
    """The fields of a line; the csv module is asked only where quotes or line breaks may stand in one."""
    if line.isprintable() and '"' not in line:
        return line.split(delimiter)
    return next(csv.reader([line], delimiter=delimiter), [])


def _escaped(part: Array) -> Array:
    """A part of a slice's name with ``\\/`` for ``/``: x/y + z is another slice than x + y/z."""
    if not pc.any(pc.match_substring_regex(part, r"[/\\]")).as_py():
        return part
    return pc.replace_substring_regex(part, r"[/\\]", r"\\\0")


def _repeat(value: str | None, count: int) -> Array:
    if value is None:
        return pa.nulls(count, pa.string())
    return pa.array([value], pa.string()).take(pa.array(np.zeros(count, np.int64)))


def raw_schema(contract: Contract) -> Any:
    """Arrow schema of the rows that are copied into the raw table, ``_load_id`` first."""
    fields = [pa.field("_load_id", pa.int64())]
    for column in contract.columns:
        fields.append(pa.field(column.name, arrow_type(column)))
        if column.is_protected:
            fields.append(pa.field(column.key_name, KEY_TYPE))
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
