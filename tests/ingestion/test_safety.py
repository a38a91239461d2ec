"""What a stranger's file may try: it is refused with a sentence, or read harmlessly, in bounded memory."""

from __future__ import annotations

import os
import resource
import signal
import stat
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from ingestion import readers
from ingestion.contract import Contract
from ingestion.outcome import FileRefused
from ingestion.readers import sandbox

from .own_source import INTEGER, TEXT, declare

MB = 1 << 20
# What the loader itself may grow by while it reads the worst of these files.
GROWTH_MB = 300


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    folder = tmp_path / "contracts"
    folder.mkdir()
    return declare(folder, {"kode": TEXT, "nama": TEXT})


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """No test here may make this process grow: that is what the reading process is for."""
    before = resident_mb()
    yield
    assert resident_mb() - before < GROWTH_MB


def resident_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // MB


def read(file: Path, contract: Contract) -> list[dict[str, Any]]:
    found = []
    for table in readers.open_tables(file, contract, file.name):
        for batch in table.batches:
            columns = {name: batch.cells[place].to_pylist() for place, name in enumerate(table.names) if name}
            found += [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return found


def refusal(file: Path, contract: Contract) -> str:
    with pytest.raises(FileRefused) as caught:
        read(file, contract)
    assert file.name in str(caught.value)
    return str(caught.value)


def write_workbook(file: Path, *rows: list[Any], sheet: str = "Data") -> Path:
    book = openpyxl.Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(row)
    book.save(file)
    return file


def with_sheet_xml(file: Path, xml: bytes) -> Path:
    """A workbook whose first sheet is the given XML."""
    write_workbook(file, ["kode", "nama"], ["1", "a"])
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["xl/worksheets/sheet1.xml"] = xml
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in members.items():
            archive.writestr(name, contents)
    return file


def write_zip(file: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in members.items():
            archive.writestr(name, contents)
    return file


def zeros(file: Path, member: str, size: int) -> Path:
    """An archive with a member of zeros that packs to a thousandth."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(member, "w") as target:
        for _ in range(size // MB):
            target.write(bytes(MB))
    return file


def test_an_archive_that_unpacks_to_a_thousand_times_its_size_is_refused(
    tmp_path: Path, contract: Contract
) -> None:
    file = zeros(tmp_path / "bom.zip", "data.csv", 200 * MB)
    assert "arsip seperti ini tidak wajar" in refusal(file, contract)


def test_a_workbook_that_unpacks_beyond_its_limit_is_refused_before_it_is_parsed(
    tmp_path: Path, contract: Contract
) -> None:
    file = zeros(tmp_path / "bom.xlsx", "[Content_Types].xml", 1100 * MB)
    said = refusal(file, contract)
    assert "1100 MB setelah dibuka, paling besar 1000 MB" in said
    assert "simpan sebagai .csv" in said


def test_a_workbook_that_lies_about_its_unpacked_size_runs_into_the_limit_of_memory(
    tmp_path: Path, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "LIMITS", sandbox.Limits(memory_mb=400))
    head = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    row = b'<row><c t="inlineStr"><is><t>%s</t></is></c></row>' % (b"a" * 1000)
    file = with_sheet_xml(tmp_path / "bohong.xlsx", head + row * 400_000 + b"</sheetData></worksheet>")
    contents = bytearray(file.read_bytes())
    # The directory at the end says how large members become: 10 bytes each, it says now.
    place = contents.find(b"PK\x01\x02")
    while place >= 0:
        contents[place + 24 : place + 28] = (10).to_bytes(4, "little")
        place = contents.find(b"PK\x01\x02", place + 4)
    file.write_bytes(contents)
    refusal(file, contract)


def test_a_cell_far_outside_the_table_costs_the_reading_process_its_memory_and_nobody_else(
    tmp_path: Path, contract: Contract
) -> None:
    book = openpyxl.Workbook()
    book.active.append(["kode", "nama"])
    book.active["XFD1048576"] = "x"
    file = tmp_path / "jauh.xlsx"
    book.save(file)
    assert "sel terisi jauh di luar tabel" in refusal(file, contract)


def test_a_workbook_above_the_declared_size_names_the_limit_and_the_way_out(tmp_path: Path) -> None:
    contract = declare(tmp_path, {"kode": TEXT, "nama": TEXT}, maxWorkbookMb=1)
    file = tmp_path / "besar.xlsx"
    file.write_bytes(b"PK\x03\x04" + bytes(2 * MB))
    assert "rusak" in refusal(file, contract)
    write_workbook(file, ["kode", "nama"], ["1", "a"])
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("xl/media/foto.bin", os.urandom(2 * MB))
    said = refusal(file, contract)
    assert "berukuran 2 MB, paling besar 1 MB" in said
    assert "simpan sebagai .csv" in said


@pytest.mark.parametrize("name", ["huge.csv", "huge.xlsx", "huge.zip"])
def test_a_file_of_11_gb_is_refused_without_reading_it(tmp_path: Path, contract: Contract, name: str) -> None:
    file = tmp_path / name
    with file.open("wb") as target:
        target.truncate(11 << 30)
    started = time.monotonic()
    assert "paling besar 10240 MB" in refusal(file, contract)
    assert time.monotonic() - started < 1


def test_an_archive_in_an_archive_is_refused(tmp_path: Path, contract: Contract) -> None:
    inner = write_zip(tmp_path / "dalam.zip", {"data.csv": b"kode;nama\n1;a\n"})
    file = write_zip(tmp_path / "luar.zip", {"dalam.zip": inner.read_bytes()})
    assert "arsip di dalam arsip" in refusal(file, contract)


@pytest.mark.parametrize(
    "name", ["../../data.csv", "/etc/data.csv", "C:\\Windows\\data.csv", "..\\..\\data.csv", "a/./b/data.csv"]
)
def test_a_members_name_is_a_label_and_reaches_no_path(tmp_path: Path, contract: Contract, name: str) -> None:
    file = write_zip(tmp_path / "jalan.zip", {name: b"kode;nama\n1;a\n"})
    before = sorted(tmp_path.rglob("*"))
    (table,) = readers.open_tables(file, contract, file.name)
    assert table.sheet == name.replace("\\", "/")
    assert read(file, contract) == [{"kode": "1", "nama": "a"}]
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_in_an_archive_is_passed_over(tmp_path: Path, contract: Contract) -> None:
    file = tmp_path / "tautan.zip"
    link = zipfile.ZipInfo("data.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "kosong" in refusal(file, contract)


def test_an_archive_with_a_password_is_refused(tmp_path: Path, contract: Contract) -> None:
    file = write_zip(tmp_path / "sandi.zip", {"data.csv": b"kode;nama\n1;a\n"})
    contents = bytearray(file.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        contents[contents.find(mark) + offset] |= 1
    file.write_bytes(contents)
    assert "kata sandi" in refusal(file, contract)


def test_a_pipe_a_device_or_a_folder_is_no_file(tmp_path: Path, contract: Contract) -> None:
    pipe = tmp_path / "pipa.csv"
    os.mkfifo(pipe)
    assert "bukan berkas biasa" in refusal(pipe, contract)
    assert "bukan berkas biasa" in refusal(Path("/dev/zero"), contract)
    assert "bukan berkas biasa" in refusal(tmp_path, contract)


ENTITIES = b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 12))
LAUGHS = b'<!DOCTYPE x [<!ENTITY e0 "ha">' + ENTITIES + b'<!ENTITY file SYSTEM "file:///etc/passwd">]>'


def test_entities_of_a_workbook_are_never_expanded(tmp_path: Path, contract: Contract) -> None:
    rows = b"".join(
        b'<row><c t="inlineStr"><is><t>%s</t></is></c><c t="inlineStr"><is><t>%s</t></is></c></row>' % pair
        for pair in ((b"kode", b"nama"), (b"1", b"&e11;&file;"))
    )
    xml = b'<?xml version="1.0"?>' + LAUGHS
    xml += b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    file = with_sheet_xml(tmp_path / "entitas.xlsx", xml + rows + b"</sheetData></worksheet>")
    harmless_or_refused(file, contract)


@pytest.mark.parametrize("start", [b"", b'<?xml version="1.0"?>'])
def test_entities_of_a_page_are_never_expanded(tmp_path: Path, contract: Contract, start: bytes) -> None:
    file = tmp_path / "entitas.xls"
    table = b"<table><tr><th>kode</th><th>nama</th></tr><tr><td>1</td><td>&e11;&file;</td></tr></table>"
    file.write_bytes(start + LAUGHS + b"<html><body>" + table + b"</body></html>")
    harmless_or_refused(file, contract)


def harmless_or_refused(file: Path, contract: Contract) -> None:
    try:
        rows = read(file, contract)
    except FileRefused:
        return
    text = "".join(row["nama"] for row in rows)
    assert "root:" not in text
    assert len(text) < 1000


def test_a_million_columns_are_counted_not_loaded(tmp_path: Path, contract: Contract) -> None:
    file = tmp_path / "lebar.csv"
    file.write_text("kode;nama" + ";x" * 1_000_000 + "\n1;a" + ";" * 1_000_000 + "\n")
    assert "paling banyak 500" in refusal(file, contract)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Data")
    sheet.append(["kode", "nama"] + [None] * 16_000 + ["x"])
    book.save(tmp_path / "lebar.xlsx")
    assert "16003 kolom, paling banyak 500" in refusal(tmp_path / "lebar.xlsx", contract)


def test_a_page_with_absurd_spans_stays_small(tmp_path: Path, contract: Contract) -> None:
    file = tmp_path / "rentang.xls"
    cells = '<td rowspan="99999999" colspan="99999999">x</td>' * 50
    file.write_text(f"<table><tr><th>kode</th><th>nama</th></tr><tr>{cells}</tr></table>")
    refusal(file, contract)


def test_a_page_nested_ten_thousand_deep_breaks_nothing(tmp_path: Path, contract: Contract) -> None:
    file = tmp_path / "dalam.xls"
    file.write_text("<table><tr><td>" * 10_000 + "kode")
    refusal(file, contract)
    file.write_text("<div>" * 100_000 + "<table><tr><td>x</td></tr></table>")
    refusal(file, contract)


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_field_of_a_gigabyte_is_refused_in_bounded_memory(
    tmp_path: Path, contract: Contract, quote: str
) -> None:
    file = tmp_path / "panjang.csv"
    with file.open("wb") as target:
        target.write(f"kode;nama\n1;a\n2;{quote}".encode())
        # A hole in the file: zeros that take no disk.
        target.truncate(1 << 30)
    assert "satu baris lebih panjang dari 4 MB" in refusal(file, contract)


def test_json_nested_a_hundred_thousand_deep_is_refused(tmp_path: Path, contract: Contract) -> None:
    file = tmp_path / "dalam.json"
    file.write_text("[" * 100_000 + "]" * 100_000)
    assert "bukan JSON yang utuh" in refusal(file, contract)


def test_control_characters_and_formulas_stay_text(tmp_path: Path, contract: Contract) -> None:
    texts = ['=HYPERLINK("http://contoh.test","klik")', "=cmd|' /C calc'!A0", "+1+1", "@SUM(1)", "a\x07b"]
    file = tmp_path / "rumus.csv"
    lines = "".join('{};"{}"\n'.format(number, text.replace('"', '""')) for number, text in enumerate(texts))
    file.write_text("kode;nama\n" + lines)
    assert [row["nama"] for row in read(file, contract)] == texts


def test_a_formula_counts_by_its_kept_value_and_one_without_is_empty(
    tmp_path: Path, contract: Contract
) -> None:
    rows = b"".join(
        b'<row r="%d"><c r="B%d" t="inlineStr"><is><t>%s</t></is></c><c r="C%d" %s</row>'
        % (number, number, code, number, cell)
        for number, (code, cell) in enumerate(
            [
                (b"kode", b't="inlineStr"><is><t>nama</t></is></c>'),
                (b"1", b't="str"><f>HYPERLINK("http://contoh.test")</f><v>klik</v></c>'),
                (b"2", b"><f>SUM(A1:A9)</f></c>"),
                (b"3", b't="e"><f>1/0</f><v>#DIV/0!</v></c>'),
                (b"4", b't="b"><v>1</v></c>'),
            ],
            3,
        )
    )
    xml = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    file = with_sheet_xml(tmp_path / "rumus.xlsx", xml + rows + b"</sheetData></worksheet>")
    assert [row["nama"] for row in read(file, contract)] == ["klik", "", "#DIV/0!", "TRUE"]


def test_sql_in_headers_and_sheet_names_is_only_text(tmp_path: Path) -> None:
    sheet = "x'; drop table raw; --"
    contract = declare(tmp_path, {"kode": TEXT, "nama": TEXT})
    file = write_workbook(tmp_path / "sql.xlsx", ["kode", "nama", sheet], ["1", sheet, "a"], sheet=sheet)
    (table,) = readers.open_tables(file, contract, file.name)
    assert (table.sheet, table.names) == (sheet, ("kode", "nama", None))
    assert read(file, contract) == [{"kode": "1", "nama": sheet}]


READER = """
import os, signal, time
from ingestion.arrow import pa
from ingestion.readers.table import Batch, Table

def open_tables(path, contract, file_name):
    def batches():
        yield Batch(pa.array([1]), [pa.array(["1"]), pa.array(["a"])])
        {deed}
        yield Batch(pa.array([2]), [pa.array(["2"]), pa.array(["b"])])
    return [Table(names=("kode", "nama"), headers={{}}, batches=batches())]
"""


# Generous where a limit is not what the test is about: a busy machine needs seconds to start a process.
PATIENT = sandbox.Limits(memory_mb=600, cpu_seconds=60, silent_seconds=90)


@pytest.mark.parametrize(
    ("deed", "limits", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", PATIENT, "pembacanya berhenti di tengah jalan"),
        ("os._exit(0)", PATIENT, "pembacanya berhenti di tengah jalan"),
        ("os.kill(os.getpid(), signal.SIGKILL)", PATIENT, "tidak dapat dibaca dengan memori 600 MB"),
        ("huge = bytearray(900 << 20)", PATIENT, "tidak dapat dibaca dengan memori 600 MB"),
        ("while True: pass", replace(PATIENT, cpu_seconds=2), "tidak selesai dibaca dalam waktu yang wajar"),
        ("time.sleep(60)", replace(PATIENT, silent_seconds=4), "tidak selesai dibaca dalam waktu yang wajar"),
        ("path.with_name('bekas').write_text('x')", PATIENT, "OSError"),
        ("1 / 0", PATIENT, "ZeroDivisionError"),
        ("raise SystemExit", PATIENT, "SystemExit"),
    ],
)
def test_a_reader_that_dies_hangs_or_writes_refuses_the_file_and_keeps_the_loader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str, limits: sandbox.Limits, said: str
) -> None:
    monkeypatch.setattr(sandbox, "LIMITS", limits)
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(tmp_path))
    (tmp_path / "dinas__data.py").write_text(READER.format(deed=deed))
    contract = declare(tmp_path, {"kode": TEXT, "nama": TEXT}, layout="python")
    file = tmp_path / "data.bin"
    file.write_bytes(b"\x01")
    assert said in refusal(file, contract)
    assert not any(path.stat().st_size for path in tmp_path.glob("bekas"))


def test_a_reading_process_that_an_operator_ends_is_not_the_files_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(tmp_path))
    (tmp_path / "dinas__data.py").write_text(READER.format(deed="os.kill(os.getpid(), signal.SIGTERM)"))
    contract = declare(tmp_path, {"kode": TEXT, "nama": TEXT}, layout="python")
    file = tmp_path / "data.bin"
    file.write_bytes(b"\x01")
    with pytest.raises(sandbox.ReaderStopped):
        read(file, contract)


def children() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


def test_a_reader_nobody_listens_to_any_more_is_ended(tmp_path: Path, contract: Contract) -> None:
    file = write_workbook(
        tmp_path / "data.xlsx", ["kode", "nama"], *([str(n), "a" * 99] for n in range(9000))
    )
    before = children()
    tables = readers.open_tables(file, contract, file.name)
    assert children() - before
    del tables
    assert children() == before
    (table,) = readers.open_tables(file, contract, file.name)
    next(table.batches)
    table.batches.close()  # type: ignore[attr-defined]
    assert children() == before


def test_a_reader_dies_with_its_loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(tmp_path))
    (tmp_path / "dinas__data.py").write_text(READER.format(deed="time.sleep(60)"))
    contract = declare(tmp_path, {"kode": TEXT, "nama": TEXT}, layout="python")
    file = tmp_path / "data.bin"
    file.write_bytes(b"\x01")
    told, telling = os.pipe()
    loader = os.fork()
    if loader == 0:
        (table,) = readers.open_tables(file, contract, file.name)
        next(table.batches)
        os.write(telling, str(max(children())).encode())
        os.kill(os.getpid(), signal.SIGKILL)
    reader = int(os.read(told, 20))
    os.waitpid(loader, 0)
    os.close(told)
    os.close(telling)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{reader}").exists() and "Z" not in Path(f"/proc/{reader}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_reading_process_knows_no_secret_of_the_loader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(tmp_path))
    monkeypatch.setenv("PENDOPO_DATABASE_URL", "postgresql://admin:rahasia@db/x")
    (tmp_path / "dinas__data.py").write_text(
        READER.format(deed="yield Batch(pa.array([2]), [pa.array([str(dict(os.environ))]), pa.array([''])])")
    )
    contract = declare(tmp_path, {"kode": TEXT, "nama": TEXT}, layout="python")
    file = tmp_path / "data.bin"
    file.write_bytes(b"\x01")
    rows = read(file, contract)
    assert len(rows) == 3
    assert "rahasia" not in rows[1]["kode"]


def test_two_files_can_be_read_side_by_side(tmp_path: Path, contract: Contract) -> None:
    file = write_workbook(tmp_path / "data.xlsx", ["kode", "nama"], *([str(n), "a"] for n in range(500)))
    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(len(read(file, contract)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [500] * 3


def test_numbers_of_any_size_in_json_are_kept_digit_by_digit(tmp_path: Path) -> None:
    contract = declare(tmp_path, {"kode": TEXT, "nilai": INTEGER})
    file = tmp_path / "data.json"
    file.write_text('[{"kode": 199704122021042787, "nilai": 1e999999999}]')
    rows = read(file, contract)
    assert rows[0]["kode"] == "199704122021042787"
    assert len(rows[0]["nilai"]) < 1000
