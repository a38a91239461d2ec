"""What nobody sees makes no difference: not in numbers, dates and keys, nor at the ends of a text."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from .own_source import DATE, KEY, NUMBER, TEXT, declare, sift

# No-break blank, narrow no-break blank, thin blank, blank of a figure's width.
BLANKS = ("\u00a0", "\u202f", "\u2009", "\u2007")
WITHOUT_WIDTH = ("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff")


def file_with(folder: Path, *lines: str) -> Path:
    file = folder / "data.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.mark.parametrize("blank", BLANKS)
def test_a_blank_that_does_not_break_groups_digits_like_any_other(tmp_path: Path, blank: str) -> None:
    contract = declare(tmp_path, {"nama": TEXT, "nilai": NUMBER}, groupChar=" ")
    file = file_with(tmp_path, "nama;nilai", f"A;1{blank}250{blank}000,5", "B;1 250 000,5", f"C;7{blank}")
    assert sift(file, contract).column("nilai") == [Decimal("1250000.50")] * 2 + [Decimal("7.00")]


@pytest.mark.parametrize("sign", [*BLANKS, *WITHOUT_WIDTH])
def test_currency_and_dates_are_read_whatever_stands_unseen_around_them(tmp_path: Path, sign: str) -> None:
    contract = declare(tmp_path, {"nilai": NUMBER, "tanggal": DATE})
    blank = sign if sign in BLANKS else f" {sign}"
    file = file_with(tmp_path, "nilai;tanggal", f"{sign}Rp{blank}12.000{sign};5{blank}Januari{blank}2025")
    (row,) = sift(file, contract).rows
    assert (row["nilai"], row["tanggal"]) == (Decimal(12000), datetime.date(2025, 1, 5))


@pytest.mark.parametrize("sign", WITHOUT_WIDTH)
def test_a_key_is_the_same_with_and_without_what_has_no_width(tmp_path: Path, sign: str) -> None:
    contract = declare(tmp_path, {"kode": KEY, "nama": TEXT})
    file = file_with(tmp_path, "kode;nama", "A1;Siti", f"{sign}A{sign}1 {sign};{sign} Siti{sign}")
    result = sift(file, contract)
    assert [(row["kode"], row["nama"]) for row in result.rows] == [("A1", "Siti")]
    assert result.skipped == {"duplicate": 1}


def test_a_cell_of_nothing_but_invisible_signs_is_empty(tmp_path: Path) -> None:
    contract = declare(tmp_path, {"kode": KEY, "nama": TEXT})
    file = file_with(tmp_path, "kode;nama", "A1;\u200b\u00a0", "\ufeff;Budi")
    result = sift(file, contract)
    assert result.column("nama") == [None]
    assert result.reasons == [(3, "required", "kode")]


def test_free_text_keeps_its_joiners_and_blanks(tmp_path: Path) -> None:
    contract = declare(tmp_path, {"kode": KEY, "nama": TEXT})
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u00a0ini"
    assert sift(file_with(tmp_path, "kode;nama", f"A1;{family}"), contract).column("nama") == [family]
