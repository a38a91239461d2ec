"""Find the header of a messy table by the spellings the contract knows."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ingestion.outcome import FileRefused
from ingestion.readers.reading import Field, Reading
from ingestion.spelling import normalise

# Column that the workbook of refused rows carries: which row of which load a corrected row replaces.
REFERENCE = "_pendopo"

# Titles that differ by a letter or two are meant to be the same; the rest bounds the search.
_ALMOST = 0.8
_LOOKED_AT = 200
_LONGEST_TITLE = 100

Merge = tuple[int, int, int, int]
"""First row, first column, last row, last column of merged cells, counted from 0."""


@dataclass(frozen=True)
class Header:
    """A header: where it stands among the searched rows and what every column of the file is.

    ``first_row``, ``row``: its first and last row; ``row`` is -1 for a table without a header.
    ``first_column``: spreadsheet column (0 is A) of position 0. ``periods``: position of a column that
    becomes rows → texts of the unpivot pattern's groups. ``fallbacks``: position → positions of which the
    first filled cell counts. ``spelled``: contract column → header as the file spells it.
    """

    row: int
    names: tuple[str | None, ...]
    texts: tuple[str, ...]
    spelled: dict[str, str]
    first_row: int = 0
    first_column: int = 0
    periods: dict[int, dict[str, str]] = field(default_factory=dict)
    fallbacks: dict[int, tuple[int, ...]] = field(default_factory=dict)

    @property
    def places(self) -> dict[str, tuple[int, ...]]:
        """Header text and contract column → columns of the spreadsheet (0 is A) that it stands for."""
        places: dict[str, tuple[int, ...]] = {}
        for position, (name, text) in enumerate(zip(self.names, self.texts, strict=True)):
            columns = self.fallbacks.get(position, (position,)) if name else (position,)
            physical = tuple(column + self.first_column for column in columns)
            for key in filter(None, (text, name)):
                places.setdefault(key, physical)
        for name, text in self.spelled.items():
            # A header over another column than its data: cells are where the data is.
            places[text] = places.get(name, places[text])
        return places

    @property
    def score(self) -> int:
        return len(self.spelled) + bool(self.periods)

    @property
    def unknown(self) -> list[str]:
        used = {*self.periods, *(position for group in self.fallbacks.values() for position in group)}
        known = set(self.spelled.values())
        return [
            text
            for position, (name, text) in enumerate(zip(self.names, self.texts, strict=True))
            if not name and text and text != REFERENCE and text not in known and position not in used
        ]


def find(
    rows: Sequence[Sequence[str]], reading: Reading, merges: Sequence[Merge] = (), first_column: int = 0
) -> Header | None:
    """The rows that name most of the contract's columns; None when no row names at least two of them.

    ``first_column``: spreadsheet column of the first cell (0 is A), for columns given by letter.
    """
    if any(REFERENCE in row for row in rows[: reading.header_search_rows]):
        reading = plain(reading)
    spellings = {normalise(text): column.name for column in reading.standing for text in column.headers}
    pattern = re.compile(reading.unpivot_pattern, re.IGNORECASE) if reading.unpivot_pattern else None
    levels = reading.header_rows
    best: Header | None = None
    for first in range(min(len(rows) - levels + 1, reading.header_search_rows)):
        if levels > 1 and not any(cell.strip() for cell in rows[first]):
            continue
        texts = joined(rows[first : first + levels], first, merges)
        found = _match(texts, spellings, pattern)
        if best is None or found.score > best.score:
            best = replace(found, row=first + levels - 1, first_row=first)
    enough = min(2, len(reading.standing) + (pattern is not None))
    if best is None or best.score < enough:
        return None
    return _placed(best, reading.positions, first_column)


def plain(reading: Reading) -> Reading:
    """How to read a workbook of refused rows, which this program wrote: one header row, a row a record."""
    return replace(reading, header_rows=1, positions={}, unpivot_pattern=None, unpivot_value="", fields=())


def _match(texts: list[str], spellings: dict[str, str], pattern: re.Pattern[str] | None) -> Header:
    periods: dict[int, dict[str, str]] = {}
    if pattern:
        for position, text in enumerate(texts):
            if text and (match := pattern.fullmatch(text)):
                periods[position] = {name: value or "" for name, value in match.groupdict().items()}
    names = [None if place in periods else spellings.get(normalise(text)) for place, text in enumerate(texts)]
    # The lowest level names a column too, where no other has that name: "Identitas / NIP" is NIP.
    lowest = [
        None
        if name or place in periods or " / " not in text
        else spellings.get(normalise(text.split(" / ")[-1]))
        for place, (name, text) in enumerate(zip(names, texts, strict=True))
    ]
    for position, name in enumerate(lowest):
        if name and name not in names and lowest.count(name) == 1:
            names[position] = name
    spelled = {name: text for name, text in zip(names, texts, strict=True) if name}
    return Header(-1, tuple(names), tuple(texts), spelled, periods=periods)


def joined(rows: Sequence[Sequence[str]], first: int = 0, merges: Sequence[Merge] = ()) -> list[str]:
    """The levels of a header as one text a column: ``Perkotaan / 2020 / Semester 1``.

    ``first``: index of the first of the rows, as ``merges`` counts them.
    """
    if len(rows) == 1:
        return [" ".join(cell.split()) for cell in rows[0]]
    width = max(len(row) for row in rows)
    cells = [[" ".join(cell.split()) for cell in row] + [""] * (width - len(row)) for row in rows]
    inside = [merge for merge in merges if first <= merge[0] < first + len(rows)]
    if inside:
        # A column merged downwards has its text once, one merged sideways has it in every column.
        for top, left, _, right in inside:
            if left < width:
                cells[top - first][left : right + 1] = [cells[top - first][left]] * (
                    min(right + 1, width) - left
                )
    else:
        _fill_rightwards(cells)
    return [" / ".join(filter(None, column)) for column in zip(*cells, strict=True)]


def _fill_rightwards(cells: list[list[str]]) -> None:
    """Without merged cells, an empty cell above a filled one belongs to its left neighbour's group."""
    for level, row in enumerate(cells[:-1]):
        for position in range(1, len(row)):
            is_new_group = level and cells[level - 1][position] != cells[level - 1][position - 1]
            has_level_below = any(below[position] for below in cells[level + 1 :])
            if not row[position] and has_level_below and not is_new_group:
                row[position] = row[position - 1]


def _placed(header: Header, positions: dict[str, tuple[str, ...]], first_column: int) -> Header:
    """The header with the columns that the contract names by spreadsheet letter instead of by text."""
    header = replace(header, first_column=first_column)
    if not positions:
        return header
    names = [None if name in positions else name for name in header.names]
    fallbacks = {}
    for name, letters in positions.items():
        places = [place for letter in letters if 0 <= (place := _index(letter) - first_column) < len(names)]
        if places:
            names[places[0]] = name
            fallbacks[places[0]] = tuple(places)
    return replace(header, names=tuple(names), fallbacks=fallbacks)


def _index(letters: str) -> int:
    """Spreadsheet column from 0: A is 0, AA is 26."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def without(reading: Reading, rows: Sequence[Sequence[str]]) -> Header | None:
    """The columns of a table that has no header: as many as the contract's ``fields``, in their order."""
    fields = reading.fields
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    fitting = sum(len(row) == len(fields) for row in filled)
    if not fields or not filled or 2 * fitting <= len(filled):
        return None
    known = {normalise(text) for column in reading.columns for text in column.headers}
    if any(normalise(cell) in known for cell in filled[0] if cell.strip()):
        # A header that names one column and misspells the others is an error to tell, not a record.
        return None
    names = tuple(name or None for name in fields)
    return Header(-1, names, ("",) * len(names), {})


def _missing(header: Header, reading: Reading) -> list[Field]:
    if REFERENCE in header.texts:
        reading = plain(reading)
    missing = [column for column in reading.standing if column.required and column.name not in header.names]
    if reading.unpivot_pattern and not header.periods:
        missing.append(reading.column(reading.unpivot_value))
    return missing


def require(
    header: Header | None, reading: Reading, file_name: str, rows: Sequence[Sequence[str]] = ()
) -> Header:
    """Return the header when it is usable, otherwise raise FileRefused that says what is missing.

    ``rows``: the rows that were searched, to tell of titles that are spelled almost right.
    """
    if header is None:
        raise not_found(reading, file_name, _misspelt(rows, reading))
    refuse_too_many_columns(len(header.names), reading, file_name)
    if missing := _missing(header, reading):
        titles = ", ".join(column.title for column in missing)
        raise FileRefused(
            "missing_column",
            f"Berkas {file_name} tidak memuat kolom wajib: {titles}. Tambahkan kolom itu, dengan "
            f"judul persis seperti tertulis di sini, lalu kirim lagi.",
        )
    for name in header.names:
        if name and header.names.count(name) > 1:
            raise FileRefused(
                "column_twice",
                f"Berkas {file_name} memuat kolom {reading.column(name).title} lebih dari sekali. Hapus "
                "atau ganti judul salah satunya lalu kirim lagi.",
            )
    return header


def not_found(reading: Reading, file_name: str, misspelt: dict[str, str] | None = None) -> FileRefused:
    """The refusal of a file without a header; ``misspelt``: title in the file → title in the contract."""
    wanted = ", ".join(column.title for column in reading.columns)
    likely = ", ".join(f"'{text}' seharusnya '{title}'" for text, title in (misspelt or {}).items())
    return FileRefused(
        "header_misspelt" if likely else "header_not_found",
        f"Judul kolom tidak ditemukan pada berkas {file_name}. Berkas {reading.title} harus memuat satu "
        f"baris judul dengan kolom: {wanted}." + (f" Mungkin {likely}." if likely else ""),
    )


def _misspelt(rows: Sequence[Sequence[str]], reading: Reading) -> dict[str, str]:
    """Titles that are almost the contract's, in the first row that has such a one beside a right one."""
    spellings = {normalise(text): column.title for column in reading.standing for text in column.headers}
    for row in rows:
        titles = [" ".join(cell.split()) for cell in row[:_LOOKED_AT] if len(cell) <= _LONGEST_TITLE]
        exact = {spellings[text] for title in titles if (text := normalise(title)) in spellings}
        if not exact:
            continue
        almost = {
            title: spellings[near[0]]
            for title in titles
            if (near := difflib.get_close_matches(normalise(title), spellings, 1, _ALMOST))
            and spellings[near[0]] not in exact
        }
        if almost:
            return almost
    return {}


def refuse_too_many_columns(count: int, reading: Reading, file_name: str) -> None:
    if count > reading.max_columns:
        raise FileRefused(
            "too_many_columns",
            f"Berkas {file_name} memuat {count} kolom, paling banyak {reading.max_columns}. Hapus kolom dan "
            "sel terisi di kanan tabel lalu kirim lagi.",
        )


def warnings(header: Header, reading: Reading) -> list[str]:
    """What a clerk should know although the file loads: unknown columns and absent optional ones."""
    said = []
    if header.unknown:
        said.append(f"Kolom yang tidak dikenal dan dilewati: {', '.join(header.unknown)}.")
    absent = [column.title for column in reading.standing if column.name not in header.names]
    if absent:
        said.append(f"Kolom yang tidak ada, isinya dianggap kosong: {', '.join(absent)}.")
    return said


def title_of(rows: Sequence[Sequence[str]]) -> list[str]:
    """Each filled row as one text, its cells joined by a blank."""
    texts = (" ".join(" ".join(row).split()) for row in rows)
    return [text for text in texts if text]


def names_that_match(reading: Reading, names: Sequence[str], file_name: str, kind: str) -> set[str]:
    """The sheets (or members) that the contract names; raises FileRefused when there is none of them."""
    pattern = re.compile(reading.sheets or "", re.IGNORECASE)
    chosen = {name for name in names if pattern.fullmatch(name)}
    if not chosen:
        raise FileRefused(
            "sheet_missing",
            f"Berkas {file_name} tidak memuat {kind} yang berisi data {reading.title}. Yang ada: "
            f"{', '.join(names) or 'tidak satu pun'}. Periksa nama {kind} lalu kirim lagi.",
        )
    return chosen
