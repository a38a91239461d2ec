"""What a column's check keeps from batch to batch changes nothing of what it says about a row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingestion.arrow import pa
from ingestion.checks import Checked, ColumnCheck

from .own_source import DATE, INTEGER, NUMBER, TEXT, declare, limits

CODE = TEXT | {"required": True, "logicalTypeOptions": {"pattern": r"\d{3}", "maxLength": 4}}
BATCHES = {
    "text": [["1", "b", "b", "1"], ["#REF!", "1", "1"], ["", "b", "\0", "b", "c" * 9]],
    "code": [["123", "123", "12345"], ["", "123", "123"], ["#N/A", "12345", "12345", "\0", "123"]],
    "amount": [["1,5", "1,5", "2"], ["x", "2", "2"], ["1.000,123", "-", "2", "2", "99.999.999,999"]],
    "count": [["1", "1", "1"], ["500", "x", "1", "1"], ["1,5", "x", "1", "", "1"]],
    "day": [["01/02/2025", "01/02/2025"], ["31/02/2025", "x", "01/02/2025", "x"], ["", "01/02/1999"]],
}
COLUMNS = {
    "text": TEXT,
    "code": CODE,
    "amount": NUMBER | limits(-5, 1000),
    "count": INTEGER | limits(0, 100),
    "day": DATE | {"logicalTypeOptions": {"minimum": "2000-01-01"}},
}


def rows_of(checked: Checked, count: int) -> list[tuple[Any, ...]]:
    """Everything that is said of each row."""
    entries = range(count) if checked.index is None else checked.index.tolist()
    return [
        (
            checked.typed[entry].as_py(),
            checked.text[entry].as_py(),
            checked.trimmed[entry].as_py(),
            bool(checked.is_missing[entry]),
            checked.hashes[entry : entry + 1].tobytes(),
            [failure.code for failure in checked.failures if failure.mask[entry]],
        )
        for entry in entries
    ]


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_row_is_judged_alike_in_every_batch(tmp_path: Path, name: str, is_chunked: bool) -> None:
    contract = declare(tmp_path, COLUMNS)
    kept = ColumnCheck(contract.column(name), contract)
    batches = BATCHES[name]
    # Forwards and backwards: rules are met in different orders. Entries pay only where texts are repeated.
    for texts in [*batches, *batches[::-1], [text for batch in batches for text in batch]]:
        cells = pa.array(texts * 4, pa.string())
        given = pa.chunked_array([cells[:1], cells[1:3], cells[3:3], cells[3:]]) if is_chunked else cells
        fresh = ColumnCheck(contract.column(name), contract).run(cells)
        checked = kept.run(given)
        assert checked.index is not None
        assert rows_of(checked, len(cells)) == rows_of(fresh, len(cells))
        assert all(failure.mask.any() for failure in checked.failures)


def test_mostly_distinct_and_empty_batches_are_judged_directly(tmp_path: Path) -> None:
    contract = declare(tmp_path, COLUMNS)
    check = ColumnCheck(contract.column("text"), contract)
    distinct = pa.chunked_array([[f"{number}"] for number in range(9)], pa.string())
    assert check.run(distinct).index is None
    assert check.run(pa.chunked_array([[], []], pa.string())).text.to_pylist() == []
    for _ in range(3):
        assert check.run(distinct).text.to_pylist() == [f"{number}" for number in range(9)]
