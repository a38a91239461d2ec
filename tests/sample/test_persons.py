"""Nobody in the samples can be taken for a living person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from ingestion.sample.people import FAMILY_NAMES


@pytest.fixture(scope="module")
def cells(landing: Path) -> list[str]:
    return [text for file in landing.rglob("*") if file.is_file() for text in _texts(file)]


def _texts(file: Path) -> Iterator[str]:
    if file.suffix == ".xlsx":
        for row in openpyxl.load_workbook(file, read_only=True).worksheets[0].iter_rows(values_only=True):
            yield from (str(cell) for cell in row if cell is not None)
    else:
        yield from re.split(r"[;\t\r\n]", file.read_bytes().decode("cp1252", errors="replace"))


def test_no_nik_can_exist(cells: list[str]) -> None:
    niks = [text for text in cells if re.fullmatch(r"\d{16}", text)]
    assert len(niks) > 500
    # Region codes of NIK run from 11 (Aceh) to 96.
    assert all(nik.startswith("99") for nik in niks)


def test_no_telephone_can_ring(cells: list[str]) -> None:
    numbers = [number for text in cells for number in re.findall(r"(?<!\d)(?:\+62|0)8\d{8,11}(?!\d)", text)]
    assert len(numbers) > 500
    assert all(number.startswith("0800") for number in numbers)


def test_no_nip_has_been_given(cells: list[str]) -> None:
    nips = [re.sub(r"\s", "", text.removeprefix("NIP.")) for text in cells]
    nips = [nip for nip in nips if re.fullmatch(r"\d{18}", nip)]
    assert len(nips) > 400
    assert all(nip[15] == "9" for nip in nips)


def test_names_say_that_they_are_invented(landing: Path) -> None:
    for folder, title in (("diskominfo/aduan", "Nama Pelapor"), ("bkpsdm/pegawai", "Nama")):
        for file in (landing / folder).glob("*.xlsx"):
            rows = list(
                openpyxl.load_workbook(file, read_only=True).worksheets[0].iter_rows(values_only=True)
            )
            start = next(number for number, row in enumerate(rows) if title in row)
            names = [row[rows[start].index(title)] for row in rows[start + 1 : -2]]
            assert names
            assert all(any(family in name for family in FAMILY_NAMES) for name in names)
