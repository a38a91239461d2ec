"""A made-up attendance export of any size, as a personnel agency's application writes it.

About 105 bytes a row in ten columns; the messy form has title rows, a total row, a footer and, spread evenly,
the given share of bad rows of all kinds that are known from real exports. Everything follows from one seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.compute

pa: Any = pyarrow
pc: Any = pyarrow.compute

HEADER = "NIP;Lokasi;Kode OPD;Tanggal;Waktu Masuk;Jam Pulang;Status;Mesin;Lintang;Bujur"
TITLE = [
    "PEMERINTAH KABUPATEN CONTOH",
    "REKAPITULASI ABSENSI PEGAWAI",
    "Periode 2021 sampai 2025;;;;;;;;;",
    "",
]
_EMPLOYEES = 20_000
_BLOCK = 100_000
_FIRST_DAY = np.datetime64("2021-01-01")
_SITES = ("Kantor Camat", "Puskesmas", "SD Negeri", "SMP Negeri", "Balai Desa", "UPT Pasar", "Kantor Dinas")
_STATUS = ("Hadir", "Hadir", "Hadir", "Hadir", "Hadir", "Hadir", "Terlambat", "Sakit", "Izin", "Dinas Luar")


@dataclass(frozen=True)
class Made:
    """What a generated file holds, as the loader must count it."""

    good: int
    rejected: int
    duplicates: int


def write(file: Path, rows: int, bad: float = 0.0, *, plain: bool = False) -> Made:
    """Write ``rows`` records; ``bad`` is the share that must be refused, a tenth of it more is repeated.

    ``plain``: nothing but the header and records, as a database would export them.
    """
    random = np.random.default_rng(3)
    people = _people(random)
    rejected = duplicates = 0
    with file.open("wb") as target:
        if not plain:
            target.write(("\r\n".join(TITLE) + "\r\n").encode())
        target.write((HEADER + "\r\n").encode())
        for first in range(0, rows, _BLOCK):
            lines = _lines(random, people, first, min(_BLOCK, rows - first))
            if bad:
                texts = lines.to_pylist()
                refused, repeated = _spoil(random, texts, bad)
                rejected += refused
                duplicates += repeated
                lines = pa.array(texts)
            joined = pc.binary_join_element_wise(lines, "", "\r\n")
            target.write(memoryview(joined.buffers()[2])[: pc.sum(pc.binary_length(joined)).as_py()])
        if not plain:
            target.write(f"JUMLAH;;;;;;;{rows};;\r\n".encode())
            target.write(b";;;;;;;;;\r\nSumber: Aplikasi Absensi;;;;;;;;;\r\n")
    return Made(rows - rejected - duplicates, rejected, duplicates)


def _people(random: np.random.Generator) -> dict[str, Any]:
    # A thousand people share no day with the next thousand: the numbers below stay distinct.
    spread = random.integers(0, 365 * 35 // 20, _EMPLOYEES) * 20 + np.arange(_EMPLOYEES) // 1000
    birth = np.datetime64("1966-01-01") + spread
    entry = birth + 365 * 24
    return {
        "nip": pa.array(
            [
                f"{str(born).replace('-', '')}{str(start)[:4]}{str(start)[5:7]}{1 + n % 2}{n % 1000:03d}"
                for n, (born, start) in enumerate(zip(birth, entry, strict=True))
            ]
        ),
        "site": pa.array([f"{_SITES[n % 7]} {n % 120 + 1}" for n in range(_EMPLOYEES)]),
        "opd": pa.array([f"{1 + n % 9}.{n % 50:02d}" for n in range(_EMPLOYEES)]),
        "device": np.arange(_EMPLOYEES) % 120 + 1,
        "lat": -6_897_652 - (np.arange(_EMPLOYEES) % 50) * 2_310,
        "lon": 111_034_561 + (np.arange(_EMPLOYEES) % 50) * 3_170,
    }


def _lines(random: np.random.Generator, people: dict[str, Any], first: int, count: int) -> Any:
    """Records day by day, the people in the same order every day, as exports are sorted."""
    number = np.arange(first, first + count)
    person, day = number % _EMPLOYEES, number // _EMPLOYEES
    days = _FIRST_DAY + day
    who = pa.array(person)
    date = pc.strftime(pa.array(days), "%d/%m/%Y")
    seconds = 6 * 3600 + 1800 + random.integers(0, 5400, count)
    out = 15 * 3600 + random.integers(0, 7200, count)
    arrived = pc.strftime(pa.array(days.astype("datetime64[s]") + seconds), "%d/%m/%Y %H:%M:%S")
    left = pc.strftime(pa.array(out.astype("datetime64[s]")), "%H:%M:%S")
    status = pa.array(_STATUS).take(pa.array(random.integers(0, len(_STATUS), count)))
    return pc.binary_join_element_wise(
        people["nip"].take(who),
        people["site"].take(who),
        people["opd"].take(who),
        date,
        arrived,
        left,
        status,
        pa.array(people["device"][person]).cast(pa.string()),
        _degrees(people["lat"][person] + random.integers(-500, 500, count)),
        _degrees(people["lon"][person] + random.integers(-500, 500, count)),
        ";",
    )


def _degrees(micro: Any) -> Any:
    text = pa.array(np.abs(micro)).cast(pa.string())
    text = pc.utf8_lpad(text, 7, "0")
    split = pc.binary_join_element_wise(
        pc.utf8_slice_codeunits(text, 0, -6), pc.utf8_slice_codeunits(text, -6), ","
    )
    return pc.if_else(pa.array(micro < 0), pc.binary_join_element_wise("-", split, ""), split)


def _spoil(random: np.random.Generator, lines: list[str], share: float) -> tuple[int, int]:
    """Make a share of the lines bad in one of twelve ways, and repeat some lines exactly."""
    count = len(lines)
    wanted = round(count * share)
    repeats = round(count * share / 10)
    # Only odd places are spoiled, so that the line before one can be repeated as a good first row.
    places = random.permutation(np.arange(1, count, 2))[: wanted + repeats]
    for kind, place in enumerate(places[:wanted].tolist()):
        cells = lines[place].split(";")
        match kind % 12:
            case 0:
                cells[3] = "31/02/2025"
            case 1:
                cells[0] = ""
            case 2:
                cells[0] = cells[0][:17]
            case 3:
                cells[6] = "Entahlah"
            case 4:
                cells[8] = "tidak ada"
            case 5:
                cells[9] = "1.112.034,5"
            case 6:
                cells = cells[:-1]
            case 7:
                cells.append("lebih")
            case 8:
                cells[3] = "05/01/2098"
            case 9:
                cells[5] = "25:61:00"
            case 10:
                # The key of the line before, with other contents.
                before = lines[place - 1].split(";")
                cells[0], cells[3] = before[0], before[3]
            case 11:
                cells[4], cells[7] = "kemarin pagi", "satu"
        lines[place] = ";".join(cells)
    for place in places[wanted:].tolist():
        lines[place] = lines[place - 1]
    return wanted, min(repeats, max(0, len(places) - wanted))


def write_workbook(file: Path, rows: int) -> None:
    """The same records as an XLSX of one sheet, numbers and times as cells of their kind."""
    import csv
    import datetime
    import tempfile

    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Absensi")
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        text = Path(folder) / "rows.csv"
        write(text, rows, plain=True)
        with text.open(newline="") as lines:
            reader = csv.reader(lines, delimiter=";")
            sheet.append(next(reader))
            for cells in reader:
                moment = datetime.datetime.strptime(cells[4], "%d/%m/%Y %H:%M:%S")
                numbers = [float(cell.replace(",", ".")) for cell in cells[8:]]
                sheet.append([*cells[:4], moment, *cells[5:7], int(cells[7]), *numbers])
    book.save(file)
