"""Which rows repeat a key of an earlier row of the file, for any number of rows in bounded memory.

A Bloom filter of fixed size tells at once that the key of most rows is new. The few others are held back;
what is needed to judge them stands in a nameless temporary file (40 bytes a key) that is read once more at
the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from ingestion.arrow import pa
from ingestion.spool import nameless_file

Words = np.ndarray[Any, np.dtype[np.uint64]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

# 32 MB: of five million new keys about a thousand are held back in vain, of fifty million every twelfth.
_FILTER_BITS = 22
_PROBES = 4
# 256 kB, which stay in the processor's cache.
_TABLE_BITS = 18
_RECORD = np.dtype(
    [("low", "<u8"), ("high", "<u8"), ("contents", "<u8"), ("ordinal", "<i8"), ("row_no", "<i8")]
)
_BLOCK_RECORDS = 1 << 18
_JUDGED_AT_ONCE = 1 << 18


@dataclass
class Keys:
    """One key of some rows: ``words`` (n, 2) is its 128-bit hash, ``known`` says which rows have it whole."""

    words: Words
    known: Flags


class SeenKeys:
    """The keys of all rows so far."""

    def __init__(self) -> None:
        self._filter: Words = np.zeros(0, np.uint64)
        self._records: IO[bytes] = nameless_file()

    def note(self, words: Words, contents: Words, ordinals: Numbers, row_nos: Numbers) -> Flags:
        """Remember keys in the order of the file and say which may have been there before.

        ``contents``: one word of each row's hash. A flag that is not set is certain.
        """
        records = np.empty(len(words), _RECORD)
        low = np.ascontiguousarray(words[:, 0])
        records["low"], records["high"], records["contents"] = low, words[:, 1], contents
        records["ordinal"], records["row_no"] = ordinals, row_nos
        self._records.write(records.tobytes())
        ordered = np.sort(low)
        old = self._add(ordered)
        twice = ordered[1:] == ordered[:-1]
        if not old.any() and not twice.any():
            return np.zeros(len(low), np.bool_)
        return _later(low, np.unique(ordered[old]), np.unique(ordered[1:][twice]))

    def _add(self, ordered: Words) -> Flags:
        """Put keys into the filter; which of them were there, or look so."""
        if not len(self._filter):
            self._filter = np.zeros(1 << _FILTER_BITS, np.uint64)
        if not len(ordered):
            return np.zeros(0, np.bool_)
        # The upper bits choose a word, the lower ones bits in it, so keys in order visit words in order.
        word = (ordered >> np.uint64(64 - _FILTER_BITS)).astype(np.int64)
        bits = np.zeros(len(ordered), np.uint64)
        for probe in range(_PROBES):
            bits |= np.uint64(1) << ((ordered >> np.uint64(6 * probe)) & np.uint64(63))
        old: Flags = (self._filter[word] & bits) == bits
        starts = np.flatnonzero(np.concatenate(([True], word[1:] != word[:-1])))
        self._filter[word[starts]] |= np.bitwise_or.reduceat(bits, starts)
        return old

    def first(self, words: Words) -> np.ndarray[Any, Any]:
        """The first record with each key; ordinal -1 where a key was never noted."""
        wanted, back = np.unique(words[:, 0], return_inverse=True)
        firsts = np.zeros(len(wanted), _RECORD)
        firsts["ordinal"] = -1
        high = np.zeros(len(wanted), np.uint64)
        high[back] = words[:, 1]
        self._records.seek(0)
        while block := self._records.read(_BLOCK_RECORDS * _RECORD.itemsize):
            records = np.frombuffer(block, _RECORD)
            records = records[_maybe_among(wanted, np.ascontiguousarray(records["low"]))]
            place = np.minimum(np.searchsorted(wanted, records["low"]), len(wanted) - 1)
            hits = np.flatnonzero((wanted[place] == records["low"]) & (high[place] == records["high"]))
            found, which = np.unique(place[hits], return_index=True)
            is_new = firsts["ordinal"][found] < 0
            firsts[found[is_new]] = records[hits[which[is_new]]]
        return firsts[back]


def _later(keys: Words, old: Words, twice: Words) -> Flags:
    """Rows whose key is old, and all but the first of those whose key stands twice in the batch."""
    suspects = np.union1d(old, twice)
    rows = _maybe_among(suspects, keys)
    place = np.minimum(np.searchsorted(suspects, keys[rows]), len(suspects) - 1)
    rows = rows[suspects[place] == keys[rows]]
    flags = np.zeros(len(keys), np.bool_)
    flags[rows] = True
    values, first = np.unique(keys[rows], return_index=True)
    flags[rows[first[~np.isin(values, old)]]] = False
    return flags


def _maybe_among(wanted: Words, keys: Words) -> Numbers:
    """Places of the keys that may be among the wanted: one look at a small table tells most that are not."""
    table = np.zeros(1 << _TABLE_BITS, np.bool_)
    shift = np.uint64(64 - _TABLE_BITS)
    table[wanted >> shift] = True
    return np.flatnonzero(table[keys >> shift])


@dataclass
class Judged:
    """Rows that were held back: ``is_repeated`` have the contents of the first row with their key.

    ``conflicts``: for each key of the contract the number of the first row where its contents differ, else 0.
    ``sheets``: for each key the place of that first row's sheet in the order of ``begin``.
    """

    rows: Any
    is_repeated: Flags
    conflicts: list[Numbers]
    sheets: list[Numbers]


class Uniqueness:
    """The keys of one file and the rows that are held back until all keys are known."""

    def __init__(self, keys: int) -> None:
        """``keys``: how many keys the contract demands to be unique."""
        self._keys = keys
        self._noted = 0
        self._begins: list[int] = []
        self._seen = SeenKeys()
        self._held: IO[bytes] = nameless_file()
        self._held_keys: IO[bytes] = nameless_file()
        self._writer: Any = None

    def begin(self) -> None:
        """What is noted from now on stands on the next sheet."""
        self._begins.append(self._noted)

    def note(self, keys: list[Keys], contents: Words, row_nos: Numbers) -> Flags:
        """Note the keys of good rows in the order of the file; which rows must be held back."""
        ordinals = np.arange(self._noted, self._noted + len(row_nos), dtype=np.int64)
        self._noted += len(row_nos)
        doubtful = np.zeros(len(row_nos), np.bool_)
        for key in keys:
            known = np.flatnonzero(key.known)
            again = self._seen.note(key.words[known], contents[known], ordinals[known], row_nos[known])
            doubtful[known[again]] = True
        if doubtful.any():
            rows = np.flatnonzero(doubtful)
            # A key that is not whole is held as zero, which no hash is.
            words = [np.where(key.known[rows, None], key.words[rows], np.uint64(0)) for key in keys]
            table = np.column_stack([*words, contents[rows], ordinals[rows].astype(np.uint64)])
            self._held_keys.write(np.ascontiguousarray(table, np.uint64).tobytes())
        return doubtful

    def hold(self, rows: Any) -> None:
        """Keep the doubtful rows (a record batch) of the last ``note``."""
        if self._writer is None:
            self._writer = pa.ipc.new_stream(self._held, rows.schema)
        self._writer.write_batch(rows)

    def judge(self) -> Iterator[Judged]:
        """What the held rows turned out to be, in the order of the file; to be called once, at the end."""
        if self._writer is None:
            return
        self._writer.close()
        self._held.seek(0)
        self._held_keys.seek(0)
        verdicts = self._verdicts()
        repeated, firsts = next(verdicts)
        for batch in pa.ipc.open_stream(self._held):
            while len(repeated) < batch.num_rows:
                more, further = next(verdicts)
                repeated, firsts = np.concatenate([repeated, more]), np.concatenate([firsts, further])
            count = batch.num_rows
            yield Judged(batch, repeated[:count], list(firsts[:count, :, 0].T), list(firsts[:count, :, 1].T))
            repeated, firsts = repeated[count:], firsts[count:]

    def _verdicts(self) -> Iterator[tuple[Flags, Numbers]]:
        """Whether each held row is repeated, and (keys, 2) the first row it conflicts with and its sheet."""
        width = 2 * self._keys + 2
        while block := self._held_keys.read(_JUDGED_AT_ONCE * width * 8):
            table = np.frombuffer(block, np.uint64).reshape(-1, width)
            contents, ordinals = table[:, -2], table[:, -1].astype(np.int64)
            repeated = np.zeros(len(table), np.bool_)
            firsts = np.zeros((len(table), self._keys, 2), np.int64)
            for number in range(self._keys):
                first = self._seen.first(table[:, 2 * number : 2 * number + 2])
                is_later = (first["ordinal"] >= 0) & (first["ordinal"] != ordinals)
                is_same = first["contents"] == contents
                repeated |= is_later & is_same
                firsts[:, number, 0] = np.where(is_later & ~is_same, first["row_no"], 0)
                firsts[:, number, 1] = np.searchsorted(self._begins, first["ordinal"], side="right") - 1
            yield repeated & ~firsts[:, :, 0].any(axis=1), firsts
