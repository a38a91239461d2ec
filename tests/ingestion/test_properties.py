"""Whatever arrives: rows read = loaded + rejected + skipped, and nothing but a clear refusal is raised."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.load import check_file

from .conftest import HEADER, budget_row

lines = st.one_of(
    st.builds(budget_row, st.sampled_from(["Tuban", "Rembang", "Total"]), st.integers(0, 13)),
    st.sampled_from(
        ["", ";;;;;;;", HEADER, "JUMLAH;;;;1;1;1;1", "Sumber: DJPb", "Jumlah", '"', ';"', '"a\nb"']
    ),
    st.text("0123456789;\"',.-/ abJumlah\n\r\0\xa0é", max_size=40),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(lines, max_size=30), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_every_row_of_any_mess_is_accounted_for(mess: list[str], end: str, has_header: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "djpb_apbd.csv"
        file.write_bytes(end.join([HEADER, *mess] if has_header else mess).encode())
        outcome = check_file(file)
    assert outcome.read == outcome.loaded + outcome.rejected + outcome.skipped
    assert outcome.skipped == sum(outcome.skipped_by_kind.values())
    assert outcome.status in ("accepted", "refused")
    assert outcome.status == "accepted" or (outcome.loaded == 0 and outcome.messages)
    numbers = [reject.row_no for reject in outcome.rejects]
    assert numbers == sorted(set(numbers))


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=300), st.sampled_from(["djpb_apbd.csv", "1_attlog.dat", "pegawai_2024-01.xlsx", "x"])
)
def test_no_bytes_break_the_readers(contents: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(contents)
        outcome = check_file(file)
    assert outcome.read == outcome.loaded + outcome.rejected + outcome.skipped
