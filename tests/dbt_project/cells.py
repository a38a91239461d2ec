"""Cell-by-cell comparison of a mart with what was computed for it elsewhere."""

from __future__ import annotations

import pandas as pd


def assert_cells_equal(actual: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Same rows, and in every column of ``expected`` the same cells; both are indexed by the key.

    An empty cell equals an empty cell only; numbers may differ by what marts round away.
    """
    assert actual.index.is_unique and expected.index.is_unique
    missing, extra = expected.index.difference(actual.index), actual.index.difference(expected.index)
    assert missing.empty and extra.empty, f"rows missing: {list(missing[:5])}, too many: {list(extra[:5])}"
    actual = actual.reindex(expected.index)
    told = []
    for column in expected.columns:
        left, right = _plain(actual[column]), _plain(expected[column])
        differs = ~((left == right) | (left.isna() & right.isna()))
        numbers = [pd.to_numeric(side[differs], errors="coerce") for side in (left, right)]
        if differs.any():
            near = (numbers[0] - numbers[1]).abs() <= 0.00501
            differs[near[near].index] = False
        if differs.any():
            cells = pd.DataFrame({"mart": left[differs], "expected": right[differs]})
            told.append(f"{column}: {differs.sum()} of {len(differs)} cells differ\n{cells.head(8)}")
    assert not told, "\n".join(told)


def _plain(values: pd.Series) -> pd.Series:
    """Booleans, numbers, days and texts as Python objects that compare alike wherever they came from."""
    if pd.api.types.is_datetime64_any_dtype(values):
        values = values.dt.strftime("%Y-%m-%d %H:%M:%S").where(values.notna())
    return values.map(_cell).astype(object)


def _cell(value: object) -> object:
    if value is None or value is pd.NaT or (isinstance(value, float) and pd.isna(value)):
        return None
    if isinstance(value, bool) or (hasattr(value, "dtype") and value.dtype == bool):
        return bool(value)
    if hasattr(value, "isoformat"):
        return str(pd.Timestamp(value).strftime("%Y-%m-%d %H:%M:%S"))  # type: ignore[arg-type]
    if isinstance(value, int | float) or hasattr(value, "dtype") or type(value).__name__ == "Decimal":
        return round(float(value), 6)  # type: ignore[arg-type]
    return value
