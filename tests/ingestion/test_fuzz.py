"""Whatever bytes arrive, a reader delivers whole batches or a refusal in words; nothing else comes out of it.

The documents are opened in this process, without the sandbox that would turn a crash into a refusal as well.
"""

from __future__ import annotations

import functools
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion import readers
from ingestion.contract import Contract, read_contract
from ingestion.outcome import FileRefused
from ingestion.readers import documents
from ingestion.readers.reading import Reading
from ingestion.readers.source import Source

from .own_source import DATE, INTEGER, NUMBER, TEXT, declare

COLUMNS = {"wilayah": TEXT, "tanggal": DATE, "jumlah": INTEGER, "nilai": NUMBER}
ROWS = [
    ["Laporan Contoh", "", "", ""],
    ["wilayah", "tanggal", "jumlah", "nilai"],
    ["Kabupaten Tuban", "31/01/2025", "12", "1.234,56"],
    ["Kabupaten Trenggalek", "01/02/2025", "-", '"0,03"'],
    ["Sumber: contoh", "", "", ""],
]


@functools.cache
def as_csv() -> bytes:
    return "\r\n".join(";".join(row) for row in ROWS).encode()


@functools.cache
def as_workbook() -> bytes:
    book = openpyxl.Workbook()
    for row in ROWS:
        book.active.append(row)
    book.active.merge_cells("A1:D1")
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


@functools.cache
def as_page() -> bytes:
    rows = "".join("<tr>" + "".join(f"<td colspan=1>{cell}</td>" for cell in row) + "</tr>" for row in ROWS)
    return f"<html><body><p>Judul</p><table><tbody>{rows}</tbody></table></body></html>".encode()


@functools.cache
def as_json() -> bytes:
    records = [dict(zip(ROWS[1], row, strict=True)) for row in ROWS[2:]]
    return json.dumps({"result": {"records": records}}).encode()


@functools.cache
def as_lines() -> bytes:
    return b"\n".join(json.dumps(dict(zip(ROWS[1], row, strict=True))).encode() for row in ROWS[2:])


@functools.cache
def as_archive() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.csv", as_csv())
        archive.writestr("data.json", as_lines())
    return target.getvalue()


SAMPLES: dict[str, Callable[[], bytes]] = {
    "csv": as_csv,
    "xlsx": as_workbook,
    "html": as_page,
    "json": as_json,
    "jsonl": as_lines,
    "zip": as_archive,
}


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> list[Contract]:
    """One reading of each kind: plain, several levels with periods, by position, by order."""
    folder = tmp_path_factory.mktemp("contracts")
    folder.joinpath("a").mkdir()
    plain = declare(folder, COLUMNS, source="dinas__biasa", records="result.records")
    levels = declare(
        folder,
        COLUMNS,
        source="dinas__bertingkat",
        headerRows=2,
        unpivot={"pattern": r"(?P<tanggal>.*)/.*", "value": "nilai"},
        attributes=[{"column": "jumlah", "of": "footer", "pattern": r"(\d+)"}],
    )
    placed = declare(
        folder,
        COLUMNS,
        source="dinas__letak",
        positions={"nilai": ["D", "B"], "jumlah": ["C"]},
        fields=["wilayah", "", "jumlah", "nilai"],
    )
    return [plain, levels, placed]


def consume(contents: bytes, contracts: list[Contract]) -> None:
    source = Source("contoh", len(contents), lambda: io.BytesIO(contents))
    for contract in contracts:
        reading = Reading.of(contract)
        try:
            tables = documents.open_document(source, reading).tables(reading)
            for table in tables:
                for batch in table.batches:
                    assert len(batch.cells) == len(table.names)
                    assert {len(cell) for cell in batch.cells} <= {len(batch.row_no)}
                    assert all(cell.null_count == 0 for cell in batch.cells)
        except FileRefused as refusal:
            assert "contoh" in str(refusal)


fuzz = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("kind", SAMPLES)
def test_the_sample_itself_is_read(kind: str, contracts: list[Contract]) -> None:
    contents = SAMPLES[kind]()
    source = Source("contoh", len(contents), lambda: io.BytesIO(contents))
    reading = Reading.of(contracts[0])
    tables = documents.open_document(source, reading).tables(reading)
    names = [text for table in tables for batch in table.batches for text in batch.cells[0].to_pylist()]
    assert names[:2] == ["Kabupaten Tuban", "Kabupaten Trenggalek"]


@fuzz
@given(
    st.sampled_from(
        [b"", b"PK\x03\x04", bytes.fromhex("d0cf11e0a1b11ae1"), b"<table>", b"{", b"[", b"\xff\xfe"]
    ),
    st.binary(max_size=400),
)
def test_no_random_bytes_break_a_reader(contracts: list[Contract], start: bytes, rest: bytes) -> None:
    consume(start + rest, contracts)


@pytest.mark.parametrize("kind", SAMPLES)
@fuzz
@given(st.data())
def test_no_damage_to_a_real_shape_breaks_a_reader(
    contracts: list[Contract], kind: str, data: st.DataObject
) -> None:
    contents = bytearray(SAMPLES[kind]())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(contents)))
        how = data.draw(st.sampled_from(["overwrite", "insert", "cut", "repeat"]))
        piece = data.draw(st.binary(min_size=1, max_size=8) | st.sampled_from(PIECES))
        if how == "overwrite":
            contents[place : place + len(piece)] = piece
        elif how == "insert":
            contents[place:place] = piece
        elif how == "cut":
            del contents[place : place + data.draw(st.integers(1, 200))]
        else:
            contents[place:place] = contents[max(0, place - 50) : place]
    consume(bytes(contents), contracts)


PIECES = [
    b"\0",
    b'"',
    b"\n",
    b";;;;;;",
    b"\xff\xfe",
    b"<td rowspan=9>",
    b"<table>",
    b"</table>",
    b"<tr>",
    b"{}",
    b"[]",
]
PIECES += [
    b"null",
    b"1e999",
    b'"\\ud800"',
    b"NaN",
    b"&amp;",
    b"<th colspan=x>",
    b"\r",
    b"\xc3",
    b"</tr></table>",
]


@fuzz
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["wilayah", "tanggal", "jumlah", "nilai", "", "_pendopo", "x.y"]),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
                lambda inner: (
                    st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
                ),
                max_leaves=4,
            ),
        )
        | st.integers(),
        max_size=6,
    ),
    st.booleans(),
)
def test_any_json_is_read_or_refused(contracts: list[Contract], records: list[object], lines: bool) -> None:
    text = "\n".join(map(json.dumps, records)) if lines else json.dumps({"result": {"records": records}})
    consume(text.encode(), contracts)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(
            st.sampled_from(["wilayah", "tanggal", "jumlah", "nilai", "_pendopo", "", "a / b"])
            | st.integers()
            | st.floats(allow_nan=False)
            | st.booleans()
            | st.dates()
            | st.times()
            | st.datetimes(),
            max_size=5,
        ),
        max_size=8,
    )
)
def test_any_native_cells_are_read_or_refused(contracts: list[Contract], rows: list[list[object]]) -> None:
    book = openpyxl.Workbook()
    for row in [*rows, ["wilayah", "tanggal", "jumlah", "nilai"], *rows]:
        book.active.append(row)
    target = io.BytesIO()
    book.save(target)
    consume(target.getvalue(), contracts)


def test_damage_beyond_python_ends_in_the_sandbox(tmp_path: Path) -> None:
    contract = declare(tmp_path, COLUMNS)
    file = tmp_path / "rusak.xlsx"
    contents = as_workbook()
    for length in range(0, len(contents), 400):
        file.write_bytes(contents[:length])
        with pytest.raises(FileRefused):
            list(readers.open_tables(file, read_contract(tmp_path / f"{contract.source_id}.yaml"), file.name))
