"""Every reason to refuse a row, as a sentence that tells a clerk what to do."""

from __future__ import annotations

import datetime
import re

from ingestion import dates
from ingestion.contract import Column, Contract
from ingestion.outcome import Reason

# Every reason that a single cell can be refused for.
CELL_CODES = (
    "required",
    "not_a_number",
    "too_precise",
    "not_an_integer",
    "out_of_range",
    "outside_period",
    "in_future",
    "not_a_date",
    "not_a_timestamp",
    "not_allowed",
    "pattern",
    "too_long",
    "identifier_precision_lost",
    "control_character",
    "error_cell",
)
_SHOWN = 60
_MOMENTS = ("date", "timestamp")


def reason(
    code: str, column: Column, value: str | None, contract: Contract, header: str, expected: str = ""
) -> Reason:
    """The reason for one cell.

    ``header`` is the column's header as the file spells it; ``expected`` is what the contract alone does not
    know: the month of the file (``outside_period``), the day it was received (``in_future``).
    """
    sentence = _sentence(code, column, value, contract, expected)
    return Reason(code, column.name, value, f"kolom {header}: {sentence}", header)


def _sentence(code: str, column: Column, value: str | None, contract: Contract, expected: str) -> str:
    shown = _shorten(value or "")
    ingest = contract.ingest
    match code:
        case "required":
            return "kosong, padahal wajib diisi. Isi kolom ini."
        case "not_a_number":
            example = f"1{ingest.group_char}234{ingest.group_char}567{ingest.decimal_char}89"
            return f"'{shown}' bukan angka. Tulis seperti {example}."
        case "too_precise":
            return f"'{shown}' terlalu rinci. Bulatkan, paling banyak {column.scale} angka di belakang koma."
        case "not_an_integer":
            return f"'{shown}' bukan bilangan bulat. Tulis angka saja, misalnya 12."
        case "out_of_range":
            what = "tanggalnya" if column.logical_type in _MOMENTS else "angkanya"
            return f"'{shown}' di luar batas yang wajar{_limits(column, contract)}. Periksa {what}."
        case "outside_period":
            return (
                f"'{shown}' bukan bulan berkas ini, yaitu {expected} menurut nama berkas. Perbaiki isinya, "
                "atau kirim baris ini dalam berkas bulannya."
            )
        case "in_future":
            return (
                f"'{shown}' adalah waktu di masa depan; berkas ini diterima {expected}. Periksa tahun, bulan "
                "dan jam pada aplikasi atau mesin asalnya."
            )
        case "not_a_date":
            return f"'{shown}' bukan tanggal{_lost_format(value)}. {dates.advice(ingest.date_formats[0])}"
        case "not_a_timestamp":
            return f"'{shown}' bukan waktu{_lost_format(value)}. {dates.advice(ingest.timestamp_formats[0])}"
        case "not_allowed":
            return f"'{shown}' tidak dikenal. Pilihannya: {', '.join(column.allowed)}."
        case "pattern" if column.name == ingest.data_date.period:
            return f"'{shown}' bukan bulan. Tulis tahun dan bulan, misalnya 2025-01."
        case "pattern":
            return f"'{shown}' tidak sesuai bentuknya. {column.description}"
        case "too_long":
            return f"'{shown}' lebih dari {column.max_length} huruf. Persingkat."
        case "identifier_precision_lost":
            return (
                f"'{shown}' rusak karena disimpan sebagai angka; Excel hanya menyimpan 15 angka pertama. "
                "Ubah format kolom menjadi Teks, lalu isi ulang nomornya."
            )
        case "control_character":
            return f"'{shown}' memuat karakter yang tidak terlihat (NUL). Hapus isi sel lalu ketik ulang."
        case "error_cell":
            return f"'{shown}' adalah tanda rumus yang gagal. Perbaiki rumusnya atau ketik isinya."
    raise ValueError(code)


def _lost_format(value: str | None) -> str:
    """Five digits in a date column are a day as Excel counts, which lost its format."""
    is_serial = re.fullmatch(r"[234]\d{4}(?:[.,]\d+)?", value or "")
    return "; angka ini tampaknya tanggal Excel yang kehilangan formatnya" if is_serial else ""


def _limits(column: Column, contract: Contract) -> str:
    lower, upper = _limit(column.minimum, column, contract), _limit(column.maximum, column, contract)
    if column.logical_type in _MOMENTS:
        least, most = "paling awal", "paling akhir"
    else:
        least, most = "paling sedikit", "paling banyak"
    if lower and upper:
        return f" ({lower} sampai {upper})"
    if lower:
        return f" ({least} {lower})"
    return f" ({most} {upper})" if upper else ""


def _limit(value: float | str | None, column: Column, contract: Contract) -> str:
    """A limit as the office writes such values itself."""
    if value is None:
        return ""
    if column.logical_type not in _MOMENTS:
        return str(value).replace(".", contract.ingest.decimal_char)
    moment = datetime.datetime.fromisoformat(str(value))
    if column.logical_type == "date":
        return dates.write(moment, contract.ingest.date_formats[0])
    form = contract.ingest.timestamp_formats[0]
    if moment.time() == datetime.time():
        # Midnight says nothing: the part of the form before the hours.
        form = re.sub(r"[\s'T,]*[Hh].*", "", form) or form
    return dates.write(moment, form)


def field_count(found: int, expected: int) -> Reason:
    """A record with more or fewer fields than the header."""
    return Reason(
        "field_count",
        None,
        None,
        f"berisi {found} kolom, seharusnya {expected}. Periksa pemisah kolom; teks yang memuat pemisah harus "
        "diapit tanda kutip.",
    )


def not_json() -> Reason:
    """A line of JSON lines that is no object."""
    return Reason(
        "not_json",
        None,
        None,
        "bukan satu catatan JSON yang utuh. Satu baris harus memuat satu objek, dari '{' sampai '}'. Ekspor "
        "ulang dari aplikasi asal.",
    )


def duplicate_key(columns: list[str], first_row: int, other_sheet: str = "") -> Reason:
    """Same key as an earlier row of the file (on ``other_sheet``, if given), but other contents."""
    where = f" lembar {other_sheet}" if other_sheet else ""
    return Reason(
        "duplicate_key",
        None,
        None,
        f"{' + '.join(columns)} sama dengan baris {first_row}{where}, tetapi isi lainnya berbeda. "
        "Hapus baris yang salah.",
    )


def _shorten(value: str) -> str:
    visible = value.replace("\0", "␀")
    return visible if len(visible) <= _SHOWN else visible[: _SHOWN - 1] + "…"
