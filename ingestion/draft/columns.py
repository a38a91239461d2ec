"""What a column of a sample seems to hold: type, notation, allowed values, whether it speaks of persons."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property

from ingestion import dates, numbers
from ingestion.arrow import pa, pc
from ingestion.draft.condense import HEAD, Cell, text_of
from ingestion.draft.outline import MISSING

# Decimal and group mark, the Indonesian notation first: what all can read is Indonesian.
NOTATIONS = ((",", "."), (".", ""), (".", ","), (",", ""), (",", " "))
_DAYS = (
    *("dd/MM/yyyy", "yyyy-MM-dd", "d/M/yyyy", "dd-MM-yyyy", "d-M-yyyy", "dd/MM/yy", "d/M/yy", "dd.MM.yyyy"),
    *("d MMMM yyyy", "d-MMMM-yyyy", "d-MMMM-yy", "yyyy/MM/dd", "MM/dd/yyyy", "M/d/yyyy"),
    *("MM/dd/yy", "M/d/yy", "MM-dd-yyyy", "M-d-yyyy"),
)
_TIMES = ("HH:mm:ss", "HH:mm", "hh:mm:ss a", "hh:mm a", "H:mm:ss", "H:mm")
_LOOKS_LIKE_A_DAY = re.compile(r"\d{1,4}[/. -](?:\d{1,2}|[A-Za-z]{3,9})[/. -]\d{1,4}\b.*")
# A few damaged cells do not change what a column is; their rows are refused and shown.
_ENOUGH = 0.995
# Texts by which formats are compared, before the best one is tried on all.
_SAMPLE = 200

_CODES = {
    *(
        "kode",
        "kd",
        "code",
        "nik",
        "nip",
        "nib",
        "npwp",
        "no",
        "nomor",
        "kbli",
        "rekening",
        "pin",
        "zip",
        "kodepos",
    ),
    *("telp", "tlp", "telepon", "hp", "phone", "wa", "nisn", "kk", "ktp", "sk", "bbl", "kontrak", "rt", "rw"),
}
_PERSONAL = {
    *(
        "nik",
        "nip",
        "ktp",
        "kk",
        "npwp",
        "alamat",
        "address",
        "telp",
        "tlp",
        "telepon",
        "phone",
        "hp",
        "handphone",
    ),
    *(
        "whatsapp",
        "wa",
        "email",
        "surel",
        "lahir",
        "ttl",
        "pelapor",
        "pemilik",
        "pegawai",
        "pasien",
        "pelanggan",
    ),
    *(
        "penanggung",
        "pemohon",
        "penerima",
        "siswa",
        "warga",
        "ibu",
        "ayah",
        "kpa",
        "ppk",
        "pejabat",
        "latitude",
    ),
    *("longitude", "koordinat", "nisn", "pin"),
}
_PUBLIC = {
    *(
        "kode",
        "kd",
        "tahun",
        "bulan",
        "tanggal",
        "tgl",
        "periode",
        "status",
        "jenis",
        "kategori",
        "klasifikasi",
    ),
    *(
        "sektor",
        "provinsi",
        "propinsi",
        "kabupaten",
        "kab",
        "kota",
        "kecamatan",
        "kec",
        "desa",
        "kelurahan",
        "kel",
    ),
    *(
        "wilayah",
        "negara",
        "opd",
        "skpd",
        "dinas",
        "unit",
        "satuan",
        "uraian",
        "program",
        "kegiatan",
        "rekening",
    ),
    *(
        "urusan",
        "bidang",
        "instansi",
        "pulau",
        "regional",
        "resiko",
        "risiko",
        "kbli",
        "dokumen",
        "izin",
        "perizinan",
    ),
    *(
        "pemda",
        "daerah",
        "agency",
        "type",
        "tipe",
        "category",
        "province",
        "district",
        "kewenangan",
        "proyek",
    ),
    *(
        "tiket",
        "ticket",
        "rumah",
        "hospital",
        "bed",
        "weather",
        "holiday",
        "dssd",
        "definisi",
        "indikator",
        "triwulan",
        "versi",
    ),
}
_FULL_NAMES = ({"nama"}, {"name"}, {"nama", "lengkap"}, {"full", "name"})
_PLACES = {
    "provinsi",
    "propinsi",
    "kabupaten",
    "kab",
    "kota",
    "kecamatan",
    "desa",
    "kelurahan",
    "wilayah",
    "negara",
}
_VALUES = {
    "NIK": re.compile(r"\d{16}"),
    "NIP": re.compile(r"(?:19|20)\d{2}[01]\d[0-3]\d(?:19|20)\d{2}[01]\d[12]\d{3}"),
    "nomor telepon": re.compile(r"(?:\+62|62|0)8\d{7,11}"),
    "alamat surel": re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}"),
}


@dataclass(frozen=True)
class Guess:
    """A column as the draft will describe it. ``notes``: what a human must decide, in Indonesian."""

    name: str
    title: str
    kind: str
    scale: int = 0
    is_big: bool = False
    required: bool = False
    classification: str = "internal"
    allowed: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    notes: tuple[str, ...] = ()
    cells: tuple[Cell, ...] = field(default=(), repr=False)

    @property
    def words(self) -> set[str]:
        return words(self.title)

    @cached_property
    def texts(self) -> list[str]:
        """Trimmed texts, '' where missing."""
        return ["" if (text := text_of(cell)) in MISSING else text for cell in self.cells]

    @cached_property
    def is_counter(self) -> bool:
        """Whether it only numbers the rows: 1, 2, 3 …"""
        # Rows left out far down leave gaps.
        filled = [text for text in self.texts[: HEAD // 2] if text]
        return len(filled) > 1 and filled == [str(number) for number in range(1, len(filled) + 1)]


def words(title: str) -> set[str]:
    """Lower-case words of a header; camelCase and underscores part words too."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", title)
    return set(re.findall(r"[a-z]+", spaced.casefold()))


def notation_of(columns: Sequence[Sequence[Cell]]) -> tuple[str, str]:
    """The decimal and group mark in which most columns are numbers throughout."""
    texts = [_number_texts(cells) for cells in columns]
    texts = [found for found in texts if found]

    def read(notation: tuple[str, str]) -> int:
        # 0.125 with a group mark would be a hundred and twenty-five.
        return sum(
            _share_of_numbers(found, notation) > _ENOUGH
            and not (notation[1] and any(re.match(rf"-?0\{notation[1]}\d", text) for text in found))
            for found in texts
        )

    return max(NOTATIONS, key=lambda notation: (read(notation), -NOTATIONS.index(notation)))


def _number_texts(cells: Sequence[Cell]) -> list[str]:
    """Distinct texts of a column when most of them begin like numbers."""
    found = {cell for cell in cells if isinstance(cell, str) and text_of(cell) not in MISSING}
    like = [
        text.strip()
        for text in found
        if re.match(r"'?(?:Rp\.?\s*)?[-(]?\d[\d.,\s]*%?\)?$", text.strip(), re.I)
    ]
    return like if len(like) > 0.9 * len(found) else []


def _share_of_numbers(texts: list[str], notation: tuple[str, str]) -> float:
    plain = numbers.canonical(pa.array(texts, pa.string()), *notation)
    return 1 - int(plain.null_count) / len(texts)


def guess(name: str, title: str, cells: tuple[Cell, ...], notation: tuple[str, str], today: date) -> Guess:
    """Describe one column by its header and cells."""
    filled = [cell for cell in cells if text_of(cell) not in MISSING]
    found = Guess(name, title, "string", cells=cells, required=bool(filled) and len(filled) == len(cells))
    if not filled:
        found = replace(found, notes=("kosong di seluruh contoh: periksa tipenya",))
    else:
        found = _typed(found, filled, notation)
    found = _classified(found, filled)
    return _bounded(_allowed(found), today)


def _typed(found: Guess, filled: list[Cell], notation: tuple[str, str]) -> Guess:
    if day := _as_moment(found, filled):
        return day
    texts = [text_of(cell) for cell in filled]
    is_code = bool(found.words & _CODES) and not found.is_counter
    digits = [text for text in texts if text.isdigit()]
    has_zeros = any(len(text) > 1 and text.startswith("0") for text in digits)
    same_length = len(digits) == len(texts) and len(set(map(len, digits))) == 1 and len(digits[0]) >= 10
    if is_code or has_zeros or same_length:
        return found
    plain = [text if not isinstance(cell, str) else None for text, cell in zip(texts, filled, strict=True)]
    written = numbers.canonical(
        pa.array([None if p else t for p, t in zip(plain, texts, strict=True)], pa.string()), *notation
    )
    values = [p or w for p, w in zip(plain, written.to_pylist(), strict=True)]
    wrong = [text for text, value in zip(texts, values, strict=True) if value is None]
    if len(wrong) > (1 - _ENOUGH) * len(values):
        return found
    notes = (
        (f"{len(wrong)} nilai bukan angka, misalnya {wrong[0]!r}: barisnya akan ditolak",) if wrong else ()
    )
    known = [value for value in values if value]
    scale = max((len(value.partition(".")[2]) for value in known if "e" not in value), default=0)
    if not scale:
        is_big = max(abs(int(value)) for value in known if "e" not in value) > 2**31 - 1
        if is_big and any(len(value) > 18 for value in known):
            return found
        return replace(found, kind="integer", is_big=is_big, notes=notes)
    # Numbers of workbooks carry binary noise; fifteen digits are all a spreadsheet keeps.
    return replace(found, kind="number", scale=min(max(scale, 2), 16), notes=notes)


def _as_moment(found: Guess, filled: list[Cell]) -> Guess | None:
    native = [cell for cell in filled if isinstance(cell, date)]
    texts = sorted({text_of(cell) for cell in filled if not isinstance(cell, date)})
    looks = sum(bool(_LOOKS_LIKE_A_DAY.fullmatch(text)) for text in texts)
    if looks <= 0.9 * len(texts) and texts:
        return None
    has_time = any(isinstance(cell, datetime) and cell.time() != datetime.min.time() for cell in native)
    has_time |= any(":" in text for text in texts)
    forms = tuple(f"{day} {time}" for day in _DAYS for time in _TIMES) if has_time else _DAYS
    chosen: list[str] = []
    left = pa.array(texts, pa.string())
    while len(left) > (1 - _ENOUGH) * len(texts) and len(chosen) < 3:
        few = left.take(pa.array(range(0, len(left), max(1, len(left) // _SAMPLE))))
        best = max(forms, key=lambda form: (int(dates.parse(few, [form])[1].sum()), -forms.index(form)))
        valid = dates.parse(left, [best])[1]
        if not valid.any():
            return None
        chosen.append(best)
        left = left.filter(pc.invert(pa.array(valid)))
    kind = "timestamp" if has_time else "date"
    bad = (f"{len(left)} nilai bukan tanggal: barisnya akan ditolak",) if len(left) else ()
    return replace(found, kind=kind, formats=tuple(chosen), notes=bad + _order_of_day(chosen, texts))


def _order_of_day(chosen: Sequence[str], texts: Sequence[str]) -> tuple[str, ...]:
    """What to ask about days and months in numbers, which nobody can tell apart up to the twelfth."""
    if any(form.startswith("M") for form in chosen):
        if any(form.startswith("d") for form in chosen):
            return (
                "sebagian tanggal menulis bulan sebelum hari, sebagian sesudahnya: hari sampai 12 tidak "
                "dapat dibedakan, minta satu cara menulis",
            )
        return ("bulan ditulis sebelum hari: pastikan benar",)
    (first, *_) = chosen or ("",)
    if re.match(r"dd?[/-]MM?[/-]", first) and len(chosen) == 1:
        day, mark, rest = re.split(r"([/-])", first, maxsplit=1)
        month, _, rest = rest.partition(mark)
        swapped = [f"{month}{mark}{day}{mark}{rest}"]
        if dates.parse(pa.array(texts, pa.string()), swapped)[1].all():
            return ("hari dan bulan sama-sama tidak lebih dari 12: pastikan hari ditulis lebih dulu",)
    return ()


def _classified(found: Guess, filled: list[Cell]) -> Guess:
    texts = [text_of(cell) for cell in filled]
    for what, pattern in _VALUES.items():
        if texts and sum(bool(pattern.fullmatch(text.replace(" ", ""))) for text in texts) > 0.5 * len(texts):
            note = f"isinya seperti {what}"
            return replace(found, classification="personal", kind="string", notes=(*found.notes, note))
    if found.words & _PERSONAL or any(found.words == name for name in _FULL_NAMES):
        note = "judulnya seperti data pribadi: tetap personal kecuali pasti bukan"
        return replace(found, classification="personal", notes=(*found.notes, note))
    if found.kind == "string" and not found.words & _PUBLIC:
        note = "belum jelas, jadi personal: ubah ke internal atau publik bila tidak menyangkut orang"
        return replace(found, classification="personal", notes=(*found.notes, note))
    return found


def _allowed(found: Guess) -> Guess:
    """Few distinct texts, each seen often, are a list; names of places are not, and of persons never."""
    if found.kind != "string" or found.words & _PLACES or found.classification == "personal":
        return found
    counts = Counter(text for text in found.texts if text)
    spelled: dict[str, str] = {}
    for text, _ in counts.most_common():
        spelled.setdefault(text.casefold(), text)
    if all(re.fullmatch(r"[\d.]+", text) for text in spelled):
        # Numbers of a code: the next file brings others.
        return found
    total = sum(counts.values())
    if not 2 <= len(spelled) <= 12 or total < 40 or total < 8 * len(spelled) or max(map(len, spelled)) > 60:
        return found
    note = "nilai yang ada di contoh: lengkapi atau hapus daftarnya, nilai lain akan ditolak"
    return replace(found, allowed=tuple(sorted(spelled.values())), notes=(*found.notes, note))


def _bounded(found: Guess, today: date) -> Guess:
    """Limits of what certainly has some: years and months."""
    if found.kind != "integer":
        return found
    values = [int(text) for text in found.texts if text.lstrip("-").isdigit()]
    if (
        found.words & {"tahun", "thang", "year", "thn"}
        and values
        and 1900 <= min(values) <= max(values) <= 2100
    ):
        return replace(found, minimum=1990, maximum=2100)
    if found.words & {"bulan", "bln", "month"} and values and 0 <= min(values) <= max(values) <= 12:
        zeros = values.count(0)
        note = (f"{zeros} baris berbulan 0: tanyakan artinya",) if zeros else ()
        return replace(found, minimum=int(not zeros), maximum=12, notes=(*found.notes, *note))
    return found
