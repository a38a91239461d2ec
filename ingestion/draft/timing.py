"""Until when the rows of a sample speak, which part a newer file replaces, and how often it comes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from ingestion import dates
from ingestion.arrow import pa
from ingestion.draft import file_names
from ingestion.draft.columns import Guess, words
from ingestion.draft.file_names import NamePattern

_WHEN = {"tanggal", "tgl", "date", "waktu", "created", "dibuat", "diterima", "lapor", "time", "scraped"}
_NOT_WHEN = {"lahir", "due", "closed", "selesai", "berlaku", "akhir", "update", "resolution"}
_MONTHLY, _QUARTERLY, _YEARLY = (1, "m"), (3, "m"), (1, "y")


@dataclass(frozen=True)
class Timing:
    """Keys of the contract that tell time, and columns that stand in the file's name only."""

    name: NamePattern
    data_date: dict[str, Any]
    delivery: str
    slices: tuple[str, ...]
    frequency: tuple[int, str]
    file_period: dict[str, str] | None = None
    named_columns: tuple[Guess, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)


def timing(file_name: str, columns: Sequence[Guess], today: date) -> Timing:
    """Decide by the columns first, then by the file's name; without either the name must carry its month."""
    year, month = _column(columns, "tahun", "thang", "year", "thn"), _column(columns, "bulan", "bln", "month")
    name = file_names.with_time(file_name)
    in_name = _named(name)
    moment = _moment(columns, today)
    if moment and "data_month" in name.groups and _within(moment, file_name, name):
        # Rows of another month than the name says would replace that month: the loader refuses them.
        pattern = name.pattern.replace("(?P<data_month>", "(?P<period>")
        period = NamePattern(pattern, name.example, ("period",))
        where = {"column": moment.name}
        return Timing(period, where, "snapshot", ("period",), _MONTHLY, where, (_period_column(),))
    if moment:
        plain = file_names.without_time(file_name)
        if year:
            slices = tuple(column.name for column in (year, month) if column)
            return Timing(plain, {"column": moment.name}, "snapshot", slices, _MONTHLY if month else _YEARLY)
        return Timing(plain, {"column": moment.name}, "increment", (), _span(moment), notes=_INCREMENT)
    if year and month:
        where = {"year": year.name, "month": month.name}
        slices = (year.name, month.name)
        return Timing(file_names.without_time(file_name), where, "snapshot", slices, _MONTHLY)
    if "data_month" in name.groups:
        where = {"period": "data_month"}
        return Timing(name, where, "snapshot", ("data_month",), _MONTHLY, named_columns=in_name)
    if "month" in name.groups:
        where = {"year": "year", "month": "month"}
        return Timing(name, where, "snapshot", ("year", "month"), _MONTHLY, named_columns=in_name)
    if year:
        return _by_year(file_names.without_time(file_name), year, (), today)
    if "quarter" in name.groups:
        where = {"year": "year", "quarter": "quarter"}
        return Timing(name, where, "snapshot", ("year", "quarter"), _QUARTERLY, named_columns=in_name)
    if "year" in name.groups:
        return _by_year(name, in_name[0], in_name, today)
    added = file_names.with_month_added(file_name, f"{_month_before(today):%Y-%m}")
    note = "berkas tidak menyebut waktu datanya, jadi nama berkas harus memuat bulannya"
    return Timing(
        added,
        {"period": "data_month"},
        "snapshot",
        ("data_month",),
        _MONTHLY,
        named_columns=_named(added),
        notes={"filePattern": note},
    )


_INCREMENT = {
    "delivery": "increment: berkas baru menambah. Bila setiap berkas memuat seluruh data, tulis snapshot dan "
    "slice ['*']"
}


def _by_year(name: NamePattern, year: Guess, in_name: tuple[Guess, ...], today: date) -> Timing:
    years = [int(text) for text in year.texts if text]
    # The running year cannot be told to its end: rows that speak of the future are refused.
    month = 12 if not years or max(years) < today.year else _month_before(today).month
    note = f"data dianggap sampai akhir bulan {month}: sesuaikan"
    return Timing(
        name,
        {"year": year.name, "month": month},
        "snapshot",
        (year.name,),
        _YEARLY,
        named_columns=in_name,
        notes={"dataDate": note},
    )


def _month_before(today: date) -> date:
    return (today.replace(day=1) - timedelta(days=1)).replace(day=1)


def _column(columns: Sequence[Guess], *names: str) -> Guess | None:
    return next(
        (
            column
            for column in columns
            if column.words & set(names) and column.required and column.kind == "integer" and column.maximum
        ),
        None,
    )


def _named(name: NamePattern) -> tuple[Guess, ...]:
    """Columns that the groups of a file name fill."""
    year = Guess("year", "Tahun", "integer", required=True, minimum=2000, maximum=2100)
    known = {
        "data_month": Guess("data_month", "Bulan Data", "string", required=True),
        "year": year,
        "month": Guess("month", "Bulan", "integer", required=True, minimum=1, maximum=12),
        "quarter": Guess("quarter", "Triwulan", "integer", required=True, minimum=1, maximum=4),
    }
    return tuple(known[group] for group in name.groups)


def _period_column() -> Guess:
    return Guess("period", "Bulan Data", "string", required=True)


def _moment(columns: Sequence[Guess], today: date) -> Guess | None:
    """The date column that most likely says when a record came about."""
    usable = [
        column
        for column in columns
        if column.kind in ("date", "timestamp")
        and not column.words & _NOT_WHEN
        and column.classification in ("publik", "internal")
        and (days := _days(column))
        and max(days) <= today
    ]
    return max(
        usable,
        key=lambda column: (column.required, bool(column.words & _WHEN), -columns.index(column)),
        default=None,
    )


def _days(column: Guess) -> list[date]:
    found = [cell for cell in column.cells if isinstance(cell, date)]
    texts = sorted(
        {
            text
            for text, cell in zip(column.texts, column.cells, strict=True)
            if text and isinstance(cell, str)
        }
    )
    if texts:
        seconds, valid = dates.parse(pa.array(texts, pa.string()), column.formats)
        found += [date(1970, 1, 1) + timedelta(days=int(value // 86_400)) for value in seconds[valid]]
    return [date(cell.year, cell.month, cell.day) for cell in found]


def _within(moment: Guess, file_name: str, name: NamePattern) -> bool:
    """Whether all rows lie in the month of the file's name."""
    match = re.fullmatch(name.pattern, file_name, re.IGNORECASE)
    month = match["data_month"] if match else ""
    return moment.required and {f"{day:%Y-%m}" for day in _days(moment)} == {month.replace("_", "-")}


def _span(moment: Guess) -> tuple[int, str]:
    days = _days(moment)
    length = (max(days) - min(days)).days
    return _MONTHLY if length <= 45 or length > 400 else _QUARTERLY if length <= 100 else _YEARLY


def domain_of(text: str) -> str:
    """The domain that the words of names suggest; sectoral when none does."""
    known = {
        "complaints": {"aduan", "pengaduan", "lapor", "complaint"},
        "attendance": {"absensi", "absen", "kehadiran", "presensi", "pegawai", "attlog"},
        "poverty": {"kemiskinan", "miskin", "dtks", "bansos"},
        "budget": {"anggaran", "apbd", "realisasi", "belanja", "rekening", "serapan", "lra"},
        "permits": {"izin", "perizinan", "oss", "nib"},
        "health": {"kesehatan", "bed", "puskesmas", "rsud", "stunting", "pasien"},
        "traffic": {"lalu", "lintas", "traffic", "kendaraan"},
        "emergencies": {"darurat", "bencana", "kebakaran", "ambulans"},
        "population": {"penduduk", "kependudukan"},
        "investment": {"investasi", "penanaman", "modal"},
    }
    found = words(text)
    # "realisasi investasi" is investment: what fits more of the words, then what is more special.
    return (
        max(known, key=lambda name: (len(known[name] & found), name != "budget"))
        if any(names & found for names in known.values())
        else "sectoral"
    )
