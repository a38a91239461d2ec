"""A newer file replaces the slices it holds, and only those."""

from __future__ import annotations

from pathlib import Path

from .own_source import INTEGER, TEXT, declare, sift


def test_two_parts_with_a_slash_in_them_name_two_slices(tmp_path: Path) -> None:
    contract = declare(
        tmp_path, {"a": TEXT, "b": TEXT, "n": INTEGER}, delivery="snapshot", slice=["a", "b", "n"]
    )
    pairs = [("x/y", "z"), ("x", "y/z"), ("x\\", "y"), ("x\\/y", ""), ("x\\", "/y"), ("x", "y")]
    file = tmp_path / "data.csv"
    file.write_text("a;b;n\n" + "".join(f"{a};{b};1\n" for a, b in pairs))
    slices = sift(file, contract).column("_slice")
    assert len(set(slices)) == len(pairs)
    assert slices[0] == "x\\/y/z/1"
    assert slices[-1] == "x/y/1"


def test_a_slice_of_one_column_is_its_value(tmp_path: Path) -> None:
    contract = declare(tmp_path, {"a": TEXT, "n": INTEGER}, delivery="snapshot", slice=["a"])
    file = tmp_path / "data.csv"
    file.write_text("a;n\nx/y;1\n")
    assert sift(file, contract).column("_slice") == ["x/y"]
