"""The contract's custom property ``ingest``: how files are found, read and loaded.

Key names in the document are camelCase; an unknown key is an error. Each key, with an example, stands in
docs/kontrak.md.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_camel

# JDK patterns, as in the standard; ingestion/dates.py reads them.
_FORMAT_TOKEN = re.compile(r"yyyy|yy|MMMM|MM|M|dd|d|HH|H|hh|h|mm|ss|a")
_CRON = re.compile(r"(?:[\d*,/-]+\s+){4}[\d*,/-]+")
_CRON_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))


def _checked_pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    return value


def _is_cron_part(part: str, least: int, most: int) -> bool:
    """Whether one of ``*``, ``5``, ``1-5``, each also with ``/2``, lies within the field's limits."""
    match = re.fullmatch(r"(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?", part)
    if not match or (match[3] and int(match[3]) < 1):
        return False
    if match[1] is None:
        return True
    first, last = int(match[1]), int(match[2] or match[1])
    return least <= first <= last <= most


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class SkipRule(_Strict):
    """Rows that carry no record: counted as skipped under ``kind``, never as rejected.

    ``pattern`` is searched (case ignored) in the first filled cell of a row in which a required column is
    empty; a complete record is therefore never skipped. ``untilEnd``: incomplete rows after a match belong to
    it too (signature blocks hold names that no pattern can list).
    """

    kind: Literal["total", "footer", "machine"]
    pattern: str
    until_end: bool = False

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        return _checked_pattern(value)


class Attribute(_Strict):
    """Value of a column that stands above or below the table, the same for every row of the file.

    The first attribute of a column whose ``pattern`` is found gives the value: ``value`` or else group 1.
    """

    column: str
    of: Literal["title", "year", "footer", "sheet"]
    pattern: str
    value: str | None = None

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        return _checked_pattern(value)

    @model_validator(mode="after")
    def _gives_a_value(self) -> Attribute:
        if self.value is None and not re.compile(self.pattern).groups:
            raise ValueError("either value, or a pattern with a group that holds it")
        return self


class Code(_Strict):
    """A code that spreadsheets damage: ``2``, ``02`` and ``2.0`` are one.

    A whole number written as a float loses its ``.0``; every dotted part is filled with zeros on the left to
    its width (the last width holds for all further parts).
    """

    widths: tuple[Annotated[int, Field(ge=1)], ...] = ()


class Unpivot(_Strict):
    """Columns that hold one period (or area type …) each become rows.

    ``pattern`` must match a whole header (levels of a header of several rows are joined by `` / ``), case
    ignored; its named groups are columns of the contract and take the matched text, ``value`` takes the cell.
    A month name becomes its number where the column is an integer. Cells without a value are skipped.
    """

    pattern: str
    value: str

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        return _checked_pattern(value)

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(re.compile(self.pattern).groupindex)


class SumOfChildren(_Strict):
    """Warn where a parent of a dotted ``code`` differs from the sum of its children, within ``by``."""

    kind: Literal["sumOfChildren"]
    code: str
    value: str
    by: tuple[str, ...] = ()


class NeverFalls(_Strict):
    """Warn where a running total falls along ``order`` (for each combination of ``by``)."""

    kind: Literal["neverFalls"]
    value: str
    order: tuple[str, ...]
    by: tuple[str, ...] = ()


class NotBefore(_Strict):
    """Warn where ``column`` lies before ``start``, for example closed before it was created."""

    kind: Literal["notBefore"]
    column: str
    start: str


PlausibilityRule = Annotated[SumOfChildren | NeverFalls | NotBefore, Field(discriminator="kind")]
"""What may look wrong without being refused, told apart by ``kind``."""


class Rejects(_Strict):
    """How much may be refused before the whole file is: rows above both limits."""

    max_ratio: float = Field(default=0.05, ge=0, le=1)
    max_rows: int = Field(default=20, ge=0)


class DataDate(_Strict):
    """Until when the rows speak.

    One of ``column`` (date or timestamp), ``period`` (column or group of the file name holding YYYY-MM) or
    ``year`` (a column) with ``month`` (a column or a number) or ``quarter`` (a column); months and quarters
    count to their last day. Empty for reference data that speak of no time.
    """

    column: str | None = None
    period: str | None = None
    year: str | None = None
    month: str | int | None = None
    quarter: str | None = None


class FilePeriod(_Strict):
    """Where a row states its month, which must be the one in the file's name; other rows are refused.

    The name holds it as group ``period`` (YYYY-MM). One of ``column`` (date or timestamp) or ``year`` with
    ``month`` (integer columns). Needed wherever files of a period replace slices: one row of a wrong month
    would otherwise take the place of all true rows of that month.
    """

    column: str | None = None
    year: str | None = None
    month: str | None = None


class Ingest(_Strict):
    """How to read and load the files of a source; key names in the document are camelCase."""

    schedule: str
    # "python": a module of the same name beside the contract reads the file (docs/kontrak.md).
    layout: Literal["table", "bps", "attlog", "python"] = "table"
    # Full match with the file name, case ignored. A named group with the name of a column fills that column;
    # the group "revision" orders versions of one slice, the group "period" (YYYY-MM) is the file's month.
    file_pattern: str
    file_example: str
    encodings: tuple[Literal["utf-8", "utf-16", "cp1252", "latin-1"], ...] = Field(
        default=("utf-8", "cp1252"), min_length=1
    )
    delimiters: tuple[Literal[",", ";", "\t", "|"], ...] = Field(default=(";", ",", "\t"), min_length=1)
    header_search_rows: int = Field(default=30, ge=1, le=200)
    # Rows of a header of several levels, joined by " / " after merged cells were filled.
    header_rows: int = Field(default=1, ge=1, le=8)
    # Spreadsheet columns (letters) of a column whose header stands elsewhere; the first filled cell counts.
    positions: dict[str, tuple[str, ...]] = {}
    # Sheets of a workbook, or members of an archive, that hold data (full match); None: all with the header.
    sheets: str | None = None
    # Where the records of a JSON document stand, as dotted keys: "result.records"; "": at the top.
    records: str = ""
    unpivot: Unpivot | None = None
    # Further spellings of a header, besides businessName; case, blanks and punctuation are ignored.
    headers: dict[str, tuple[str, ...]] = {}
    # Column order of files without a header (layout attlog always; layout table when no header is found).
    # "" is a column that nobody needs.
    fields: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    decimal_char: Literal[",", "."] = ","
    # Must differ from decimal_char: a point that is both would make 1.5 fifteen.
    group_char: Literal[".", ",", "", " "] = "."
    date_formats: tuple[str, ...] = Field(default=("dd/MM/yyyy", "yyyy-MM-dd", "d MMMM yyyy"), min_length=1)
    timestamp_formats: tuple[str, ...] = Field(
        default=("dd/MM/yyyy HH:mm:ss", "yyyy-MM-dd HH:mm:ss"), min_length=1
    )
    missing_values: tuple[str, ...] = ("", "-", "NULL", "N/A")
    # Values that stand for "unknown", by column, compared after reading: 0, 0001-01-01.
    sentinels: dict[str, tuple[str, ...]] = {}
    # Number columns in which 1,234.5 stands beside 1.234,5; what both notations can read is Indonesian.
    mixed_numbers: tuple[str, ...] = ()
    # Date columns in which a bare number is the day as Excel counts (45658 is 1 January 2025).
    serial_dates: tuple[str, ...] = ()
    codes: dict[str, Code] = {}
    # Columns whose values lose inner blanks, apostrophes and dots: 19770304 1995 11 1 001.
    compact: tuple[str, ...] = ()
    skip: tuple[SkipRule, ...] = ()
    delivery: Literal["increment", "snapshot", "cumulative"]
    # Columns that name the part a newer file replaces; ["*"]: a file replaces everything; []: nothing.
    slice: tuple[str, ...] = ()
    file_period: FilePeriod | None = None
    rejects: Rejects = Rejects()
    plausibility: tuple[PlausibilityRule, ...] = ()
    # Above these a file is refused before it is read.
    max_file_mb: int = Field(default=10_240, ge=1)
    max_workbook_mb: int = Field(default=50, ge=1)
    max_columns: int = Field(default=500, ge=1, le=16_384)
    # Rows whose data date lies after the day the file was received are refused.
    data_date: DataDate

    @field_validator("file_pattern", "sheets")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        return value if value is None else _checked_pattern(value)

    @field_validator("date_formats", "timestamp_formats")
    @classmethod
    def _are_formats(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for form in value:
            bare = re.sub(r"'[^']*'", "", form)
            rest = _FORMAT_TOKEN.sub("", bare)
            if letter := re.search(r"[A-SU-Ya-z]", rest):
                raise ValueError(
                    f"{form!r} holds {letter[0]!r}; allowed: {_FORMAT_TOKEN.pattern}, text in quotes"
                )
            if not all(part in bare for part in "yMd"):
                raise ValueError(f"{form!r} lacks a year, month or day")
            parts = [token[0] for token in _FORMAT_TOKEN.findall(bare)]
            if twice := next((part for part in parts if parts.count(part) > 1), None):
                raise ValueError(f"{form!r} holds {twice} twice")
            if "h" in parts and "H" in parts:
                raise ValueError(f"{form!r} holds the hour twice")
            if ("h" in bare) != ("a" in bare):
                raise ValueError(f"{form!r}: hh or h (12 hours) goes with a (AM/PM)")
        return value

    @field_validator("positions")
    @classmethod
    def _are_letters(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for letters in value.values():
            if not letters or any(not re.fullmatch(r"[A-Z]{1,3}", letter) for letter in letters):
                raise ValueError("spreadsheet columns like [D] or [H, I]")
        return value

    @field_validator("schedule")
    @classmethod
    def _is_cron(cls, value: str) -> str:
        if not _CRON.fullmatch(value):
            raise ValueError("five cron fields, for example '*/2 * * * *'")
        for field, (name, least, most) in zip(value.split(), _CRON_FIELDS, strict=True):
            for part in field.split(","):
                if not _is_cron_part(part, least, most):
                    raise ValueError(f"{part!r} is no {name} ({least} to {most})")
        return value

    @property
    def file_groups(self) -> tuple[str, ...]:
        return tuple(re.compile(self.file_pattern).groupindex)

    @property
    def calendar_parts(self) -> dict[str, str]:
        """Columns that hold a year, month or quarter → which of them."""
        found = {}
        for where in filter(None, (self.data_date, self.file_period)):
            for part in ("year", "month", "quarter"):
                name = getattr(where, part, None)
                if isinstance(name, str):
                    found[name] = part
        return found
