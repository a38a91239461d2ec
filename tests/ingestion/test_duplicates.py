"""A row whose key an earlier row has says where that row stands."""

from __future__ import annotations

from pathlib import Path

import openpyxl

from .own_source import INTEGER, KEY, declare, sift


def test_a_duplicate_on_another_sheet_names_that_sheet_and_one_on_its_own_only_the_row(
    tmp_path: Path,
) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in {
        "Asli": [("A", 1), ("B", 2), ("A", 5)],
        "Salinan": [("C", 3), ("B", 9), ("C", 4), ("A", 1)],
    }.items():
        sheet = book.create_sheet(title)
        for row in [("kode", "nilai"), *rows]:
            sheet.append(row)
    file = tmp_path / "data.xlsx"
    book.save(file)
    result = sift(file, declare(tmp_path, {"kode": KEY, "nilai": INTEGER}))
    assert [(reject.sheet, reject.row_no, reject.reasons[0].message) for reject in result.rejects] == [
        ("Asli", 4, "kode sama dengan baris 2, tetapi isi lainnya berbeda. Hapus baris yang salah."),
        (
            "Salinan",
            3,
            "kode sama dengan baris 3 lembar Asli, tetapi isi lainnya berbeda. Hapus baris yang salah.",
        ),
        ("Salinan", 4, "kode sama dengan baris 2, tetapi isi lainnya berbeda. Hapus baris yang salah."),
    ]
    assert result.skipped == {"duplicate": 1}
