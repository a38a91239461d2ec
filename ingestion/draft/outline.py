"""Where the table of a sheet stands: title, header of one or more rows, body, footer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date
from statistics import median_high

from ingestion.draft.condense import Cell, Row, text_of
from ingestion.draft.sheets import DraftError, Sheet
from ingestion.readers import header as headers
from ingestion.spelling import normalise

_SEARCHED = 40
_LEVELS = 8
TOTAL = re.compile(r"(?:sub|grand)?\s*(?:jumlah|total)\b", re.IGNORECASE)
_NUMBER = re.compile(r"['(]?\s*(?:rp\.?\s*)?-?\d[\d.,\s]*%?\)?", re.IGNORECASE)
_DAY = re.compile(r"\d{1,4}[/.-](?:\d{1,2}|[A-Za-z]{3,9})[/.-]\d{1,4}\b.*|\d{1,2} [A-Za-z]{3,9} \d{4}.*")
MISSING = ("", "-", "--", "–", "NULL", "null", "N/A", "n/a", "NA", "NaN", "nan", "None", "#N/A", "...", "..")


@dataclass(frozen=True)
class Outline:
    """A sheet cut into its parts.

    ``header_row``: index of the first header row, None without a header. ``texts``: header of every column
    that is kept, its levels joined. ``columns``: the cells of each kept column in the body. ``letters``:
    header that stands over another column, or is made of signs → spreadsheet letters of its column.
    ``footer``: first cells of what stands below.
    """

    header_row: int | None
    header_rows: int
    texts: tuple[str, ...]
    columns: tuple[tuple[Cell, ...], ...]
    letters: dict[str, tuple[str, ...]] = field(default_factory=dict)
    title: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()
    totals: tuple[str, ...] = ()


def outline(sheet: Sheet) -> Outline:
    """Find the parts of a sheet; raises DraftError when it holds no table."""
    rows = [[cell if not isinstance(cell, str) else cell.strip() for cell in row] for row in sheet.rows]
    counts = [sum(text_of(cell) not in MISSING for cell in row) for row in rows]
    wide = [count for count in counts if count >= 2]
    if not wide:
        raise DraftError("Tidak ada tabel: tidak satu baris pun berisi dua sel atau lebih.")
    typical = max(2, median_high(wide) // 2)
    width = max(len(row) for row in rows)
    rows = [row + [""] * (width - len(row)) for row in rows]
    first = _first_data_row(rows, counts, typical, sheet)
    last = max(index for index, count in enumerate(counts) if count >= typical)
    body = [row for row, count in zip(rows[first : last + 1], counts[first : last + 1], strict=True) if count]
    used = [place for place in range(width) if any(text_of(row[place]) for row in body)]
    header_row, levels, texts = _header(rows, first, used, sheet)
    records, totals = _without_totals(body)
    outlined = Outline(
        header_row,
        levels,
        (),
        (),
        title=tuple(headers.title_of([[text_of(cell) for cell in row] for row in rows[: header_row or 0]])),
        footer=tuple(filter(None, (_first_text(row) for row in rows[last + 1 :]))),
        totals=tuple(totals),
    )
    return _columns(outlined, texts, used, records)


def _first_data_row(rows: list[Row], counts: list[int], typical: int, sheet: Sheet) -> int:
    """The first of the rows that look like what follows below."""
    # A row that cells merged from above reach into belongs to the header.
    covered = {row for top, _, bottom, _ in sheet.merges for row in range(top + 1, bottom + 1)}
    body = [row for row, count in zip(rows, counts, strict=True) if count >= typical]
    width = len(rows[0])
    sample = body[len(body) // 5 :][:2000]
    kinds = [_majority([row[place] for row in sample]) for place in range(width)]
    always = [place for place in range(width) if _share_filled(sample, place) > 0.9]
    telling = [place for place, kind in enumerate(kinds) if kind in ("number", "date")]

    def looks_like_data(row: Row) -> bool:
        filled = [place for place in telling if text_of(row[place]) not in MISSING]
        fits = sum(_kind(row[place]) == kinds[place] for place in filled)
        is_full = sum(bool(text_of(row[place])) for place in always) >= 0.8 * len(always)
        return is_full and bool(filled) and 2 * fits > len(filled)

    if telling:
        # A row that states years above numbers looks like data, but then the next row does not.
        head = enumerate(counts[: _SEARCHED + 4])
        places = [index for index, count in head if count >= typical and index not in covered]
        for number, index in enumerate(places):
            following = places[number : number + 3]
            if all(looks_like_data(rows[place]) for place in following):
                return index
    start = next(index for index, count in enumerate(counts) if count >= typical)
    return next((index for index in range(start + 1, len(rows)) if counts[index] >= typical), start)


def _share_filled(rows: list[Row], place: int) -> float:
    return sum(bool(text_of(row[place])) for row in rows) / len(rows)


def _kind(cell: Cell) -> str:
    if isinstance(cell, date):
        return "date"
    if not isinstance(cell, str) or _NUMBER.fullmatch(cell):
        return "number"
    return "date" if _DAY.fullmatch(cell) else "text"


def _majority(cells: list[Cell]) -> str:
    kinds = [_kind(cell) for cell in cells if text_of(cell) not in MISSING]
    return next((kind for kind in ("number", "date") if kinds.count(kind) > 0.6 * len(kinds)), "text")


def _header(
    rows: list[Row], first: int, used: list[int], sheet: Sheet
) -> tuple[int | None, int, dict[int, str]]:
    """Index of the first header row, number of rows, and position → text; None without a header."""
    bottom = next((index for index in range(first - 1, -1, -1) if any(map(text_of, rows[index]))), None)
    if bottom is None:
        return None, 1, {}

    def joined(levels: int) -> dict[int, str]:
        top = bottom - levels + 1
        cells = [[text_of(cell) for cell in row] for row in rows[top : bottom + 1]]
        texts = headers.joined(cells, top, sheet.merges)
        return {place: text for place, text in enumerate(texts) if text}

    def named(texts: dict[int, str]) -> int:
        return len({texts.get(place, "") for place in used} - {""})

    best, levels = joined(1), 1
    for count in range(2, _LEVELS + 1):
        above = bottom - count + 1
        if named(best) == len(used) or above < 0 or not any(map(text_of, rows[above])):
            break
        filled = [place for place, cell in enumerate(rows[above]) if text_of(cell)]
        if filled == [0] and 0 in best:
            # A title, not a level.
            break
        if named(texts := joined(count)) > named(best):
            best, levels = texts, count
    return bottom - levels + 1, levels, best


def _without_totals(body: list[Row]) -> tuple[list[Row], list[str]]:
    """Records and the first texts of rows that add up others: named so, and not as full as a record."""
    fullest = max(sum(bool(text_of(cell)) for cell in row) for row in body)
    records, totals = [], []
    for row in body:
        start = _first_text(row)
        if TOTAL.match(start) and sum(bool(text_of(cell)) for cell in row) < fullest:
            totals.append(start)
            continue
        records.append(row)
    return records, totals


def _first_text(row: Row) -> str:
    return next((text for cell in row if (text := text_of(cell))), "")


def _columns(outlined: Outline, texts: dict[int, str], used: list[int], records: list[Row]) -> Outline:
    """Bring header texts and filled columns together."""
    if outlined.header_row is None:
        names = tuple(f"Kolom {letter(place)}" for place in range(used[-1] + 1))
        return replace(outlined, texts=names, columns=_cells(records, [[p] for p in range(used[-1] + 1)]))
    # A header of signs only, like %, is found by its letter as no contract can spell it.
    signs = {place for place, text in texts.items() if not normalise(text)}
    texts = {
        place: f"Kolom {letter(place)}" if place in signs else text for place, text in sorted(texts.items())
    }
    groups = _groups(records, used, texts)
    bare = [group for group in groups if not any(place in texts for place in group)]
    if bare and len(groups) == len(texts):
        # Every header has its column, though not above it: positions by letter.
        names = tuple(texts[place] for place in sorted(texts))
        letters = {
            name: tuple(letter(place) for place in group)
            for name, group, place in zip(names, groups, sorted(texts), strict=True)
            if group != [place] or place in signs
        }
        return replace(outlined, texts=names, columns=_cells(records, groups), letters=letters)
    named = sorted(texts)
    return replace(
        outlined,
        texts=tuple(texts[place] for place in named),
        columns=_cells(records, [[place] for place in named]),
        letters={texts[place]: (letter(place),) for place in named if place in signs},
    )


def _groups(records: list[Row], used: list[int], texts: dict[int, str]) -> list[list[int]]:
    """Filled columns; neighbours without a header that are never filled in the same row are one column."""
    groups: list[list[int]] = []
    for place in used:
        before = groups[-1] if groups else None
        if (
            before
            and place not in texts
            and before[-1] not in texts
            and not any(text_of(row[place]) and any(text_of(row[p]) for p in before) for row in records)
        ):
            before.append(place)
        else:
            groups.append([place])
    return groups


def _cells(records: list[Row], groups: list[list[int]]) -> tuple[tuple[Cell, ...], ...]:
    return tuple(
        tuple(next((row[place] for place in group if text_of(row[place])), "") for row in records)
        for group in groups
    )


def letter(place: int) -> str:
    """Name of a spreadsheet column: 0 is A, 26 is AA."""
    name = ""
    while place >= 0:
        place, rest = divmod(place, 26)
        name, place = chr(ord("A") + rest) + name, place - 1
    return name
