"""Every reason to refuse a row, as a sentence that tells a clerk what to do."""

from __future__ import annotations

from ingestion import dates
from ingestion.contract import Column, Contract
from ingestion.outcome import Reason

_SHOWN = 60


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
    example = f"1{ingest.group_char}234{ingest.group_char}567{ingest.decimal_char}89"
    match code:
        case "required":
            return "kosong, padahal wajib diisi. Isi kolom ini."
        case "not_a_number":
            return f"'{shown}' bukan angka. Tulis seperti {example}."
        case "too_precise":
            return f"'{shown}' terlalu rinci. Paling banyak {column.scale} angka di belakang koma."
        case "not_an_integer":
            return f"'{shown}' bukan bilangan bulat. Tulis angka saja, misalnya 12."
        case "out_of_range":
            return f"'{shown}' di luar batas yang wajar{_limits(column)}. Periksa angkanya."
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
            return f"'{shown}' bukan tanggal. {dates.advice(ingest.date_formats[0])}"
        case "not_a_timestamp":
            return f"'{shown}' bukan waktu. {dates.advice(ingest.timestamp_formats[0])}"
        case "not_allowed":
            return f"'{shown}' tidak dikenal. Pilihannya: {', '.join(column.allowed)}."
        case "pattern":
            return f"'{shown}' tidak sesuai bentuknya. {column.description}"
        case "too_long":
            return f"isinya lebih dari {column.max_length} huruf. Persingkat."
        case "identifier_precision_lost":
            return (
                f"'{shown}' rusak karena disimpan sebagai angka; Excel hanya menyimpan 15 angka pertama. "
                "Ubah format kolom menjadi Teks, lalu isi ulang nomornya."
            )
        case "control_character":
            return f"'{shown}' memuat karakter yang tidak terlihat (NUL). Hapus isi sel lalu ketik ulang."
    raise ValueError(code)


def _limits(column: Column) -> str:
    lower, upper = column.minimum, column.maximum
    if column.logical_type in ("date", "timestamp"):
        least, most = "paling awal", "paling akhir"
    else:
        least, most = "paling sedikit", "paling banyak"
    if lower is not None and upper is not None:
        return f" ({lower} sampai {upper})"
    if lower is not None:
        return f" ({least} {lower})"
    return f" ({most} {upper})" if upper is not None else ""


def field_count(found: int, expected: int) -> Reason:
    """A record with more or fewer fields than the header."""
    return Reason(
        "field_count",
        None,
        None,
        f"berisi {found} kolom, seharusnya {expected}. Periksa pemisah kolom; teks yang memuat pemisah harus "
        "diapit tanda kutip.",
    )


def duplicate_key(columns: list[str], first_row: int) -> Reason:
    """Same key as an earlier row of the file, but other contents."""
    return Reason(
        "duplicate_key",
        None,
        None,
        f"{' + '.join(columns)} sama dengan baris {first_row}, tetapi isi lainnya berbeda. Hapus baris yang "
        "salah.",
    )


def _shorten(value: str) -> str:
    visible = value.replace("\0", "␀")
    return visible if len(visible) <= _SHOWN else visible[: _SHOWN - 1] + "…"
