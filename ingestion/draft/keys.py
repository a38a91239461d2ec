"""Which columns of a sample name a row: the likely primary key."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from ingestion.draft.columns import Guess

_FIRST_ROWS = 3000
_CANDIDATES = 8
_FEW = 20
_IDENTIFYING = {"id", "kode", "kd", "nomor", "no", "key", "tiket", "ticket", "nik", "nip", "code", "unique"}


def primary_key(columns: Sequence[Guess]) -> tuple[str, ...]:
    """Names of the fewest complete columns, measures left out, whose values no two rows share; () if none."""
    candidates = [
        column
        for column in columns
        if column.required and column.kind in ("string", "integer", "date") and not column.is_counter
    ]
    rows = len(columns[0].cells) if columns else 0
    if rows < 2:
        return ()
    texts = {column.name: column.texts for column in candidates}
    distinct = {name: len(set(values)) for name, values in texts.items()}
    # Identifiers first, then dimensions in the order of the file; amounts are integers of many values.
    ranked = sorted(candidates, key=lambda column: _rank(column))
    ranked = [column for column in ranked if not _is_amount(column, distinct[column.name])]
    # Days that happen to differ name no row; the next file may hold two things of one day.
    single = [
        column.name
        for column in ranked
        if distinct[column.name] == rows and column.kind in ("string", "integer")
    ]
    if single:
        return (single[0],)
    dimensions = [column for column in ranked if distinct[column.name] > 1]
    dimensions = sorted(dimensions[: 2 * _CANDIDATES], key=lambda column: -distinct[column.name])[
        :_CANDIDATES
    ]
    order = [column.name for column in columns]
    for size in range(2, 6):
        for names in combinations(sorted((column.name for column in dimensions), key=order.index), size):
            if _is_unique([texts[name][:_FIRST_ROWS] for name in names]) and _is_unique(
                [texts[name] for name in names]
            ):
                return names
    return ()


def _is_unique(columns: list[list[str]]) -> bool:
    rows = list(zip(*columns, strict=True))
    return len(set(rows)) == len(rows)


def _rank(column: Guess) -> int:
    return 0 if column.words & _IDENTIFYING else {"string": 1, "integer": 2}.get(column.kind, 3)


def _is_amount(column: Guess, distinct: int) -> bool:
    """Whole numbers that measure: many different ones, and no header of an identifier, year or month."""
    is_known = bool(column.words & _IDENTIFYING) or column.maximum is not None
    return column.kind == "integer" and not is_known and distinct > _FEW
