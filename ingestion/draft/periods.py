"""Columns of which each holds one year, month or other heading: they become rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ingestion.dates import MONTH_NUMBER

_YEAR = re.compile(r"(?:19|20)\d{2}")


@dataclass(frozen=True)
class Periods:
    """``pattern`` for the contract's ``unpivot``, the columns it takes, and the texts of its groups."""

    pattern: str
    places: tuple[int, ...]
    groups: dict[str, tuple[str, ...]]


def find(texts: Sequence[str]) -> Periods | None:
    """The columns that differ by a heading of time only; None when there are no two of them."""
    return _levels(texts) or _months(texts) or _years(texts)


def _years(texts: Sequence[str]) -> Periods | None:
    """``data_2019``, ``data_2020`` …"""
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for place, text in enumerate(texts):
        years = _YEAR.findall(text)
        if len(years) == 1 and " / " not in text:
            before, _, after = text.partition(years[0])
            found.setdefault((before, after), []).append((place, years[0]))
    (before, after), members = max(found.items(), key=lambda item: len(item[1]), default=(("", ""), []))
    if len(members) < 2:
        return None
    pattern = rf"{re.escape(before)}(?P<year>(?:19|20)\d{{2}}){re.escape(after)}".replace(r"\ ", " ")
    return Periods(
        pattern, tuple(place for place, _ in members), {"year": tuple(year for _, year in members)}
    )


def _months(texts: Sequence[str]) -> Periods | None:
    """``Januari``, ``Februari`` …"""
    members = [(place, text) for place, text in enumerate(texts) if _month(text)]
    if len(members) < 3:
        return None
    names = "|".join(text for _, text in members)
    places = tuple(place for place, _ in members)
    return Periods(rf"(?P<month>{names})", places, {"month": tuple(str(_month(text)) for _, text in members)})


def _month(text: str) -> int | None:
    return MONTH_NUMBER.get(text.strip().rstrip(".").casefold())


def _levels(texts: Sequence[str]) -> Periods | None:
    """``Perkotaan / 2020 / Semester 1``: every level is a year, a month or one of a few headings."""
    split = {place: text.split(" / ") for place, text in enumerate(texts) if " / " in text}
    sizes = [len(levels) for levels in split.values()]
    if not sizes:
        return None
    depth = max(set(sizes), key=sizes.count)
    members = {place: levels for place, levels in split.items() if len(levels) == depth}
    if len(members) < 2:
        return None
    pieces, groups = [], {}
    for level in range(depth):
        values = [levels[level] for levels in members.values()]
        distinct = list(dict.fromkeys(values))
        if len(distinct) == 1:
            pieces.append(_escaped(distinct[0]))
        elif all(_YEAR.fullmatch(value) for value in distinct) and "year" not in groups:
            pieces.append(r"(?P<year>(?:19|20)\d{2})")
            groups["year"] = tuple(values)
        elif all(_month(value) for value in distinct) and "month" not in groups:
            pieces.append(f"(?P<month>{'|'.join(map(_escaped, distinct))})")
            groups["month"] = tuple(str(_month(value)) for value in values)
        else:
            name = f"group_{level + 1}"
            pieces.append(f"(?P<{name}>{'|'.join(map(_escaped, distinct))})")
            groups[name] = tuple(values)
    if not {"year", "month"} & set(groups):
        return None
    return Periods(" / ".join(pieces), tuple(members), groups)


def _escaped(text: str) -> str:
    return re.escape(text).replace(r"\ ", " ")
