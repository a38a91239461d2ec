"""Numbers as Indonesian offices write them: ``1.234.567,89``, ``Rp 12.000,-``, ``80%``, ``'199.850.000``.

Grouping is strict: ``1.23.456`` and ``1,234.5`` are no numbers, because a guess is wrong by a thousand.
"""

from __future__ import annotations

import functools
import re

from ingestion.arrow import Array, pa, pc

# What surrounds a number: the apostrophe that makes a spreadsheet keep text, quotes that were quoted again,
# the currency before it, and ",-" ("no cents") or a percent sign behind it.
_DRESSING = r"""^["']+|["']+$|^(?i:rp|idr)\.?\s*|\s*%$|,-+$"""
# Accounting: a negative amount in brackets; the sign before the currency.
_IN_BRACKETS = r"^\((.*)\)$"
_SIGN_FIRST = r"^[-\x{2212}]\s*(?i:rp|idr)\.?\s*"


@functools.cache
def _shape(decimal_char: str, group_char: str) -> str:
    whole = r"\d+"
    if group_char:
        whole = rf"(?:\d{{1,3}}(?:{re.escape(group_char)}\d{{3}})+|\d+)"
    return rf"^[+-]?{whole}(?:{re.escape(decimal_char)}\d+)?$"


def canonical(values: Array, decimal_char: str, group_char: str, other: bool = False) -> Array:
    """Numbers in plain notation (``-1234567.89``, no trailing zeros); null where the text is no number.

    ``other``: texts that are no number in this notation are read in the one with comma and point exchanged.
    """
    plain = _read(values, decimal_char, group_char, other)
    if plain.null_count > values.null_count:
        unread = pc.if_else(pc.is_null(plain), values, pa.scalar(None, pa.string()))
        plain = pc.coalesce(plain, _read(undressed(unread), decimal_char, group_char, other))
    return plain


def _read(text: Array, decimal_char: str, group_char: str, other: bool) -> Array:
    plain = _plain(text, decimal_char, group_char)
    if other:
        plain = pc.coalesce(plain, _plain(text, "." if decimal_char == "," else ",", decimal_char))
    return plain


def undressed(values: Array) -> Array:
    """Numbers without currency, percent sign, apostrophe and quotes; a bracketed one gets its minus."""
    text = values
    for _ in range(2):
        text = pc.replace_substring_regex(text, _DRESSING, "")
    text = pc.replace_substring_regex(text, _SIGN_FIRST, "-")
    text = pc.replace_substring_regex(text, _IN_BRACKETS, r"-\1")
    return pc.replace_substring_regex(text, _SIGN_FIRST + r"|^\x{2212}", "-")


def _plain(text: Array, decimal_char: str, group_char: str) -> Array:
    is_number = pc.match_substring_regex(text, _shape(decimal_char, group_char))
    if group_char:
        text = pc.replace_substring(text, group_char, "")
    if decimal_char != ".":
        text = pc.replace_substring(text, decimal_char, ".")
    # Most columns hold whole numbers without a sign: a search is cheaper than replacing nothing.
    if pc.any(pc.match_substring(text, ".")).as_py():
        text = pc.replace_substring_regex(text, r"(\.\d*?)0+$", r"\1")
        text = pc.replace_substring_regex(text, r"\.$", "")
    if pc.any(pc.starts_with(text, "+")).as_py():
        text = pc.replace_substring_regex(text, r"^\+", "")
    return pc.if_else(is_number, text, pa.scalar(None, pa.string()))


def too_precise(numbers: Array, scale: int) -> Array:
    """Which canonical numbers have more decimals than ``scale``."""
    return pc.match_substring_regex(numbers, rf"\.\d{{{scale + 1},}}$")


def too_long(numbers: Array, digits: int) -> Array:
    """Which canonical numbers have more than ``digits`` digits before the decimal mark."""
    return pc.invert(pc.match_substring_regex(numbers, rf"^-?0*\d{{1,{digits}}}(?:\.|$)"))
