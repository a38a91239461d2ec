"""Numbers as Indonesian offices write them: ``1.234.567,89``, ``Rp 12.000``, ``80%``, ``'199.850.000``.

Grouping is strict: ``1.23.456`` and ``1,234.5`` are no numbers, because a guess is wrong by a thousand.
"""

from __future__ import annotations

import functools
import re

from ingestion.arrow import Array, pa, pc

_DRESSING = r"^'|^(?i:rp)\.?\s*|\s*%$"


@functools.cache
def _shape(decimal_char: str, group_char: str) -> str:
    whole = r"\d+"
    if group_char:
        whole = rf"(?:\d{{1,3}}(?:{re.escape(group_char)}\d{{3}})+|\d+)"
    return rf"^[+-]?{whole}(?:{re.escape(decimal_char)}\d+)?$"


def canonical(values: Array, decimal_char: str, group_char: str) -> Array:
    """Numbers in plain notation (``-1234567.89``, no trailing zeros); null where the text is no number."""
    text = values
    for _ in range(2):
        text = pc.replace_substring_regex(text, _DRESSING, "")
    is_number = pc.match_substring_regex(text, _shape(decimal_char, group_char))
    if group_char:
        text = pc.replace_substring(text, group_char, "")
    if decimal_char != ".":
        text = pc.replace_substring(text, decimal_char, ".")
    text = pc.replace_substring_regex(text, r"(\.\d*?)0+$", r"\1")
    text = pc.replace_substring_regex(text, r"^\+|\.$", "")
    return pc.if_else(is_number, text, pa.scalar(None, pa.string()))


def too_precise(numbers: Array, scale: int) -> Array:
    """Which canonical numbers have more decimals than ``scale``."""
    return pc.match_substring_regex(numbers, rf"\.\d{{{scale + 1},}}$")


def too_long(numbers: Array, digits: int) -> Array:
    """Which canonical numbers have more than ``digits`` digits before the decimal mark."""
    return pc.invert(pc.match_substring_regex(numbers, rf"^-?0*\d{{1,{digits}}}(?:\.|$)"))
