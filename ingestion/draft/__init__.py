"""Draft a contract from a sample file, so that a human only has to decide and not to type.

What is certain is written down, what is a guess is marked TINJAU; nothing of a column that might speak of a
person leaves the raw layer before somebody says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from ingestion import settings
from ingestion.draft import columns as kinds
from ingestion.draft import document, file_names, keys, periods, sheets
from ingestion.draft.columns import Guess
from ingestion.draft.condense import Cell, text_of
from ingestion.draft.outline import MISSING, Outline, outline
from ingestion.draft.sheets import DraftError, Sample, Sheet
from ingestion.draft.timing import Timing, domain_of, timing
from ingestion.spelling import normalise

# Words of SQL that are no names.
_RESERVED = re.compile(
    """
    all|analyse|analyze|and|any|array|as|asc|asymmetric|both|case|cast|check|collate|column|constraint|create
    |current_date|current_role|current_time|current_timestamp|current_user|default|deferrable|desc|distinct|do
    |else|end|except|false|fetch|for|foreign|from|grant|group|having|in|initially|intersect|into|lateral|leading
    |limit|localtime|localtimestamp|not|null|offset|on|only|or|order|placing|primary|references|returning|select
    |session_user|some|symmetric|system_user|table|then|to|trailing|true|union|unique|user|using|variadic|when
    |where|window|with
    """,
    re.VERBOSE,
)
_NAME_LENGTH = 40
_FOOTER = "sumber|source|catatan|keterangan|dicetak|diunduh|mengetahui"


@dataclass(frozen=True)
class Draft:
    """A drafted contract; ``file_name``: the name under which the sample follows it."""

    source_id: str
    domain: str
    text: str
    file_name: str
    rows: int


def draft(
    path: Path, opd: str, dataset: str, *, domain: str | None = None, today: date | None = None
) -> Draft:
    """Draft the contract ``<opd>__<dataset>`` from a sample file; raises DraftError."""
    source_id = f"{opd}__{dataset}"
    if not re.fullmatch(r"[a-z][a-z0-9_]*?__[a-z][a-z0-9_]*", source_id) or source_id.count("__") != 1:
        raise DraftError(
            f"{source_id!r} bukan kode sumber: --opd dan --dataset hanya memakai huruf kecil, angka, dan _ "
            "(satu saja berturut-turut)."
        )
    if len(source_id) > _NAME_LENGTH:
        raise DraftError(f"{source_id!r} terlalu panjang: paling banyak {_NAME_LENGTH} huruf, __ termasuk.")
    return _Drafter(path, opd, dataset, domain, today or date.today()).draft()


class _Drafter:
    def __init__(self, path: Path, opd: str, dataset: str, domain: str | None, today: date) -> None:
        self.path, self.opd, self.dataset, self.today = path, opd, dataset, today
        self.domain = domain or domain_of(f"{dataset.replace('_', ' ')} {path.name}")
        self.notes: dict[str, str] = {}
        if not domain:
            self.notes["domain"] = "ditebak dari nama; sesuaikan"
        self.sample = sheets.read(path)
        self.sheet, self.outline = _largest(self.sample)
        self.ingest: dict[str, Any] = {}

    def draft(self) -> Draft:
        if _is_bps(self.sample, self.outline):
            columns, when = self._bps()
        else:
            columns, when = self._table()
        key = self._key(columns, when)
        self._formats(columns, when)
        team = self._team()
        lines = [
            document.column_lines(
                column, _description(column, when), key.index(column.name) + 1 if column.name in key else None
            )
            for column in (*when.named_columns, *columns)
        ]
        rows = len(self.outline.columns[0]) + self.sheet.left_out
        subject = self.dataset.replace("_", " ")
        text = document.contract_text(
            source_id=f"{self.opd}__{self.dataset}",
            head=(
                f"Rancangan dari berkas contoh {self.path.name} ({rows} baris yang dilihat).",
                "Putuskan setiap baris bertanda TINJAU, lalu hapus tandanya.",
            ),
            title=subject.capitalize(),
            domain=self.domain,
            description={
                "purpose": f"Memantau {subject} dari {team}.",
                "usage": f"Berkas seperti {when.name.example}.",
            },
            team=team,
            frequency=when.frequency,
            columns=lines,
            ingest=self.ingest,
            notes=self.notes | when.notes,
        )
        return Draft(f"{self.opd}__{self.dataset}", self.domain, text, when.name.example, rows)

    def _table(self) -> tuple[list[Guess], Timing]:
        """Columns of an ordinary table, those of periods made rows."""
        texts, cells = self.outline.texts, self.outline.columns
        if not texts:
            raise DraftError(f"Berkas {self.path.name} tidak memuat tabel dengan kolom yang terisi.")
        self._refuse_equal_headers(texts)
        found = periods.find(texts) if self.outline.header_row is not None else None
        value = [place for place in range(len(texts)) if not found or place not in found.places]
        notation = kinds.notation_of(cells)
        # Names that the columns of periods give to the rows they become.
        made = {"value", *found.groups} if found else set()
        names = _names([texts[place] for place in value], made)
        columns = [
            kinds.guess(name, _title(texts[place]), cells[place], notation, self.today)
            for name, place in zip(names, value, strict=True)
        ]
        self._notation(notation)
        if not found:
            when = timing(self.path.name, columns, self.today)
            named = {column.name for column in when.named_columns}
            if any(column.name in named for column in columns):
                columns = [replace(c, name=f"{c.name}_2") if c.name in named else c for c in columns]
                when = timing(self.path.name, columns, self.today)
            self._header(columns)
            return columns, when
        self._header(columns)
        long = self._unpivoted(found, columns, notation)
        return long, timing(self.path.name, long, self.today)

    def _refuse_equal_headers(self, texts: Sequence[str]) -> None:
        """The loader could not tell such columns apart: it refuses every file that has them."""
        spelled: dict[str, list[str]] = {}
        for text in texts:
            spelled.setdefault(normalise(text), []).append(text)
        equal = [" dan ".join(map(repr, alike)) for alike in spelled.values() if len(alike) > 1]
        if equal:
            raise DraftError(
                f"Berkas {self.path.name} memuat judul kolom yang sama: {'; '.join(equal)}. Minta pengirim "
                "memberi setiap kolom judul sendiri, atau ganti judulnya di contoh ini, lalu ulangi."
            )

    def _unpivoted(
        self, found: periods.Periods, columns: list[Guess], notation: tuple[str, str]
    ) -> list[Guess]:
        """The columns as they will be when every period is a row."""
        cells = self.outline.columns
        taken = [
            (row, number)
            for row in range(len(cells[0]))
            for number, place in enumerate(found.places)
            if text_of(cells[place][row]) not in MISSING
        ]
        self.ingest["unpivot"] = {"pattern": found.pattern, "value": "value"}
        self.notes["unpivot"] = (
            "kolom per periode menjadi baris; beri nama yang tepat untuk group_… dan value"
        )
        long = [replace(column, cells=tuple(column.cells[row] for row, _ in taken)) for column in columns]
        for name, texts in found.groups.items():
            group = tuple(texts[number] for _, number in taken)
            title = {"year": "Tahun", "month": "Bulan"}.get(name, name.replace("_", " ").capitalize())
            kind = "integer" if name in ("year", "month") else "string"
            limits = {"year": (1990, 2100), "month": (1, 12)}.get(name, (None, None))
            long.append(
                Guess(name, title, kind, required=True, minimum=limits[0], maximum=limits[1], cells=group)
            )
        values = tuple(cells[found.places[number]][row] for row, number in taken)
        guess = kinds.guess("value", "Nilai", values, notation, self.today)
        return [*long, replace(guess, classification="internal", notes=())]

    def _bps(self) -> tuple[list[Guess], Timing]:
        """The tables of two columns that BPS offers for download."""
        cells = self.outline.columns
        notation = kinds.notation_of(cells)
        self.ingest |= {
            "layout": "bps",
            "attributes": [
                {"column": "table_title", "of": "title", "pattern": "(.+)"},
                {"column": "year", "of": "year", "pattern": r"(\d{4})"},
            ],
        }
        self._notation(notation)
        area = kinds.guess("area_name", "Wilayah", cells[0], notation, self.today)
        value = kinds.guess("value", "Nilai", cells[1], notation, self.today)
        columns = [
            Guess("table_title", "Judul Tabel", "string", required=True, classification="publik"),
            Guess(
                "year", "Tahun", "integer", required=True, classification="publik", minimum=1990, maximum=2100
            ),
            replace(area, classification="publik", notes=(), required=True),
            replace(value, classification="publik"),
        ]
        when = Timing(
            file_names.without_time(self.path.name),
            {"year": "year", "month": 12},
            "snapshot",
            ("table_title", "year"),
            (1, "y"),
            notes={"dataDate": "data dianggap sampai akhir Desember: sesuaikan"},
        )
        return columns, when

    def _notation(self, notation: tuple[str, str]) -> None:
        if notation != kinds.NOTATIONS[0]:
            self.ingest |= {"decimalChar": notation[0], "groupChar": notation[1]}

    def _header(self, columns: list[Guess]) -> None:
        """Where the header stands and which columns are found by their letter."""
        o, sample = self.outline, self.sample
        if sample.kind == "text":
            self.ingest["delimiters"] = [sample.delimiter, *([","] if sample.delimiter == ";" else [])]
            if sample.encoding == "latin-1":
                self.ingest["encodings"] = ["latin-1"]
        if sample.records:
            self.ingest["records"] = sample.records
        if o.header_row is None:
            self.ingest["fields"] = [column.name for column in columns]
            self.notes["fields"] = "berkas tanpa judul kolom: beri nama kolom menurut urutannya"
            return
        if o.header_rows > 1:
            self.ingest["headerRows"] = o.header_rows
        if o.header_row + o.header_rows > 30:
            self.ingest["headerSearchRows"] = o.header_row + o.header_rows
        by_title = {_title(text): places for text, places in o.letters.items()}
        letters = {
            column.name: list(by_title[column.title]) for column in columns if column.title in by_title
        }
        if letters:
            self.ingest["positions"] = letters
            self.notes["positions"] = (
                "ditemukan menurut hurufnya: judulnya hanya tanda atau tidak di atas isinya"
            )
        if len(sample.sheets) > 1 and sample.kind == "workbook":
            alike = [sheet.name for sheet in sample.sheets if _texts(sheet) == o.texts]
            self.ingest["sheets"] = "|".join(re.escape(name).replace(r"\ ", " ") for name in alike)
            others = ", ".join(sheet.name for sheet in sample.sheets if sheet.name not in alike)
            self.notes["sheets"] = f"lembar lain ({others}) tidak dibaca: buat kontrak tersendiri bila perlu"

    def _key(self, columns: list[Guess], when: Timing) -> tuple[str, ...]:
        if self.ingest.get("layout") == "bps":
            return ("table_title", "year", "area_name")
        found = keys.primary_key([column for column in columns if column.name != "value"])
        if not found:
            self.notes["primaryKey"] = (
                "tidak ada kolom yang membedakan setiap baris; tandai primaryKey bila ada"
            )
            return ()
        unpivot = self.ingest.get("unpivot")
        if unpivot and set(found) <= set(re.compile(unpivot["pattern"]).groupindex):
            # A sample of one record does not need what names it.
            named = [c.name for c in columns if c.required and c.kind == "string" and c.name not in found]
            found = (*named[:1], *found)
        elif len(found) > 1:
            # One year's sample does not need the year to tell its rows apart, the next year's file does.
            own = {column.name for column in columns}
            found = (*(name for name in when.slices if name in own and name not in found), *found)
        self.notes["primaryKey"] = f"kunci yang ditemukan: {', '.join(found)}; pastikan selalu unik"
        # Files of one month each may hold the same record again.
        return (*(column.name for column in when.named_columns if column.name != "period"), *found)

    def _formats(self, columns: list[Guess], when: Timing) -> None:
        """Keys of ``ingest`` in the order in which contracts have them."""
        own = self.ingest
        ordered: dict[str, Any] = {"schedule": "*/5 * * * *"}
        if "layout" in own:
            ordered["layout"] = own.pop("layout")
        ordered |= {"filePattern": when.name.pattern, "fileExample": when.name.example}
        ordered |= own
        for kind, key in (("date", "dateFormats"), ("timestamp", "timestampFormats")):
            forms = dict.fromkeys(
                form for column in columns if column.kind == kind for form in column.formats
            )
            if forms:
                ordered[key] = list(forms)
        texts = {text_of(cell) for cells in self.outline.columns for cell in cells}
        if odd := [text for text in MISSING if text in texts and text not in ("", "-", "NULL", "N/A")]:
            ordered["missingValues"] = ["", "-", "NULL", "N/A", *odd]
        ordered["skip"] = [
            {"kind": "total", "pattern": r"^(sub\s*|grand\s*)?(jumlah|total)\b"},
            {"kind": "footer", "pattern": rf"^({'|'.join([_FOOTER, *self._footers()])})", "untilEnd": True},
        ]
        ordered |= {"delivery": when.delivery}
        if when.slices:
            ordered["slice"] = list(when.slices)
            self.notes.setdefault("slice", "berkas baru mengganti semua baris dengan nilai yang sama di sini")
        if when.file_period:
            ordered["filePeriod"] = when.file_period
        ordered["dataDate"] = when.data_date
        self.ingest = ordered

    def _footers(self) -> list[str]:
        """First words of lines below the table that no usual word begins."""
        starts = (" ".join(text.casefold().split()[:2]) for text in self.outline.footer)
        known = re.compile(_FOOTER)
        return list(
            dict.fromkeys(re.escape(s).replace(r"\ ", " ") for s in starts if s and not known.match(s))
        )

    def _team(self) -> str:
        region = yaml.safe_load(settings.region_file().read_text(encoding="utf-8"))
        for opd in region["opd"]:
            if opd["code"] == self.opd:
                return str(opd["name"])
        self.notes["team"] = (
            f"{self.opd} tidak ada di regions/{settings.region_code()}.yaml; pakai kode di sana"
        )
        return self.opd.upper()


def _largest(sample: Sample) -> tuple[Sheet, Outline]:
    """The sheet that holds most records; raises DraftError when none holds a table."""
    found: list[tuple[int, Sheet, Outline]] = []
    error = DraftError("Buku kerja tidak memuat lembar yang terlihat.")
    for sheet in sample.sheets:
        try:
            seen = outline(sheet)
        except DraftError as problem:
            error = problem
            continue
        filled = sum(bool(text_of(cell)) for cells in seen.columns for cell in cells)
        found.append((filled, sheet, seen))
    if not found:
        raise error
    _, sheet, seen = max(found, key=lambda item: item[0])
    return sheet, seen


def _texts(sheet: Sheet) -> tuple[str, ...]:
    try:
        return outline(sheet).texts
    except DraftError:
        return ()


def _is_bps(sample: Sample, o: Outline) -> bool:
    """Three rows above two columns: name of the first, title over the second, year."""
    if sample.kind != "text" or o.header_rows != 3 or o.header_row != 0 or len(o.texts) != 2:
        return False
    rows: Sequence[Sequence[Cell]] = sample.sheets[0].rows
    return bool(re.fullmatch(r"(?:19|20)\d{2}", text_of(rows[2][-1])))


def _title(header: str) -> str:
    """A header as a label: ``status_penanaman_modal`` is found under its words too."""
    if re.fullmatch(r"[a-z0-9]+(?:_[a-z0-9]+)*", header):
        return header.replace("_", " ").capitalize()
    return header


def _names(titles: Sequence[str], made: Set[str]) -> list[str]:
    """A column name for every header, each once and none of those ``made`` for other columns."""
    names: list[str] = []
    for title in titles:
        name = (
            re.sub(r"[^a-z0-9]+", "_", " ".join(title.casefold().split()))
            .strip("_")[:_NAME_LENGTH]
            .strip("_")
        )
        if not name or not name[0].isalpha():
            name = f"kolom_{name}".rstrip("_")
        if _RESERVED.fullmatch(name):
            name = f"{name}_asli"
        number, base = 2, name
        # <name>_key is the scrambled key of a column that is kept from others.
        while name in made or {name, f"{name}_key", name.removesuffix("_key")} & set(names):
            name, number = f"{base}_{number}", number + 1
        names.append(name)
    return names


def _description(column: Guess, when: Timing) -> str:
    if column in when.named_columns:
        return f"{column.title} dari nama berkas."
    return f"{column.title} seperti tertulis di berkas."
