"""What the name of a sample file says: which parts change from file to file, and which of them tell time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

_MONTH_NAMES = (
    "januari|februari|pebruari|maret|april|mei|juni|juli|agustus|september|oktober|november|nopember|desember"
    "|jan|feb|mar|apr|jun|jul|agu|agt|ags|aug|sep|okt|oct|nov|des|dec"
)
_PART = re.compile(
    rf"""
    (?P<month>(?<!\d)20\d{{2}}[-_](?:0[1-9]|1[0-2])(?!\d))
    | (?P<stamp>(?<!\d)20\d{{2}}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])(?!\d))
    | (?P<quarter>(?:triwulan|tribulan|tw|q)[\s._-]*[1-4](?!\d))
    | (?P<year>(?<!\d)20\d{{2}}(?!\d))
    | (?P<month_name>(?<![a-z])(?:{_MONTH_NAMES})(?![a-z]))
    | (?P<digits>\d+)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_FAMILIES = ({"csv", "txt"}, {"xlsx", "xls", "ods"}, {"json", "jsonl"})


@dataclass(frozen=True)
class NamePattern:
    """A pattern that the sample's name matches; ``groups``: what its named groups hold.

    Groups are ``data_month`` (YYYY-MM), ``year``, ``month`` and ``quarter``.
    """

    pattern: str
    example: str
    groups: tuple[str, ...]


def without_time(name: str) -> NamePattern:
    """Digits and month names may change, nothing is taken from them."""
    return _build(name)


def with_time(name: str) -> NamePattern:
    """The name's month, or year with quarter or month, become groups."""
    kinds = {kind for match in _PART.finditer(PurePath(name).stem) if (kind := match.lastgroup)}
    for wanted in (("month",), ("stamp",), ("year", "quarter"), ("year",)):
        if kinds.issuperset(wanted):
            return _build(name, wanted)
    return _build(name)


def with_month_added(name: str, month: str) -> NamePattern:
    """A name that must carry its month: ``data_skpd.csv`` becomes ``data_skpd_2025-01.csv``."""
    path = PurePath(name)
    plain = _build(name)
    stem, suffix = plain.pattern.rsplit(r"\.", 1)
    pattern = rf"{stem}_(?P<data_month>20\d{{2}}-(?:0[1-9]|1[0-2]))\.{suffix}"
    return NamePattern(pattern, f"{path.stem}_{month}{path.suffix}", ("data_month",))


def _build(name: str, wanted: tuple[str, ...] = ()) -> NamePattern:
    path = PurePath(name)
    pieces, end, taken = [], 0, set()
    for match in _PART.finditer(path.stem):
        pieces.append(_escaped(path.stem[end : match.start()]))
        kind, text = match.lastgroup or "", match[0]
        is_wanted = kind in wanted and kind not in taken
        taken.add(kind)
        pieces.append(_piece(kind, text, is_wanted))
        end = match.end()
    pieces.append(_escaped(path.stem[end:]))
    extension = path.suffix.removeprefix(".").casefold()
    family = next((family for family in _FAMILIES if extension in family), {extension})
    others = "|".join([extension, *sorted(family - {extension})])
    groups = {"month": ("data_month",), "stamp": ("year", "month")}
    named = tuple(group for kind in wanted for group in groups.get(kind, (kind,)))
    pattern = "".join(pieces) + (rf"\.(?:{others})" if extension else "")
    return NamePattern(pattern, name, named)


def _escaped(text: str) -> str:
    """Only what a pattern would take for more than itself: blanks and hyphens stay readable."""
    return re.sub(r"\\([ -])", r"\1", re.escape(text))


def _piece(kind: str, text: str, is_wanted: bool) -> str:
    """Regular expression for one changing part."""
    if kind == "month":
        separator = text[4]
        month = rf"20\d{{2}}{separator}(?:0[1-9]|1[0-2])"
        return f"(?P<data_month>{month})" if is_wanted else month
    if kind == "stamp":
        if is_wanted:
            return r"(?P<year>20\d{2})(?P<month>0[1-9]|1[0-2])\d{2}"
        return r"20\d{6}"
    if kind == "quarter":
        lead = _escaped(text[:-1])
        return f"{lead}(?P<quarter>[1-4])" if is_wanted else f"{lead}[1-4]"
    if kind == "year":
        return r"(?P<year>20\d{2})" if is_wanted else r"20\d{2}"
    return "[a-z]+" if kind == "month_name" else r"\d+"
