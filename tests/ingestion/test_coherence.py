"""A contract that could not be followed is refused when it is read, not when the first file arrives."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ingestion import patterns
from ingestion.contract import ContractError, read_contract

from .own_source import DATE, INTEGER, NUMBER, TEXT, TIMESTAMP, declare

COLUMNS = {
    "kode": TEXT,
    "nama": TEXT,
    "bulan": INTEGER,
    "nilai": NUMBER,
    "tanggal": DATE,
    "waktu": TIMESTAMP,
}
VALUES = {"metric": "invalidValues", "arguments": {"validValues": ["A"]}, "mustBe": 0}


def options(**given: Any) -> dict[str, Any]:
    return {"logicalTypeOptions": given}


def refusal(folder: Path, columns: dict[str, dict[str, Any]] | None = None, **ingest: Any) -> str:
    with pytest.raises(ContractError) as error:
        declare(folder, COLUMNS | (columns or {}), **ingest)
    return str(error.value)


@pytest.mark.parametrize(
    ("ingest", "said"),
    [
        ({"decimalChar": "."}, "ingest.groupChar: must differ from decimalChar, which is '.' too"),
        ({"groupChar": ","}, "ingest.groupChar: must differ from decimalChar, which is ',' too"),
        ({"encodings": []}, "encodings: Tuple should have at least 1 item"),
        ({"delimiters": []}, "delimiters: Tuple should have at least 1 item"),
        ({"dateFormats": []}, "dateFormats: Tuple should have at least 1 item"),
        ({"timestampFormats": []}, "timestampFormats: Tuple should have at least 1 item"),
        ({"dateFormats": ["d/M/yyyy/yy"]}, "'d/M/yyyy/yy' holds y twice"),
        ({"timestampFormats": ["dd/MM/yyyy HH:hh a"]}, "holds the hour twice"),
        ({"codes": {"kode": {"widths": [2, 0]}}}, "codes.kode.widths.1: Input should be greater than"),
        ({"headers": {"nilai": ["KO-DE"]}}, "ingest.headers.nilai: 'KO-DE' is already a header of 'kode'"),
        ({"headers": {"nilai": ["%"]}}, "ingest.headers.nilai: '%' holds no letter and no digit"),
        ({"fields": ["kode", "", "kode"]}, "ingest.fields: 'kode' stands there twice"),
        ({"positions": {"kode": ["A"], "nama": ["B", "A"]}}, "ingest.positions: column A is given twice"),
        ({"unpivot": {"pattern": r"(?P<nilai>\d+)", "value": "nilai"}}, "is also a group of the pattern"),
        ({"slice": ["*", "kode"]}, "ingest.slice: '*' (everything) stands alone"),
        ({"slice": ["kode", "kode"]}, "ingest.slice: 'kode' stands there twice"),
        ({"delivery": "snapshot"}, "ingest.slice: is missing: a snapshot file replaces an older one"),
        ({"delivery": "cumulative"}, "ingest.slice: is missing: a cumulative file replaces an older one"),
        ({"sentinels": {"nilai": ["1.000,5"]}}, "ingest.sentinels.nilai: '1.000,5' is no number"),
        ({"sentinels": {"nilai": ["NaN"]}}, "ingest.sentinels.nilai: 'NaN' is no number"),
        ({"dataDate": {"year": "bulan", "month": 13}}, "ingest.dataDate.month: 13; allowed: 1 to 12"),
        ({"dataDate": {"period": "bulan"}}, "ingest.dataDate.period: 'bulan' must be of type string"),
        (
            {"filePattern": r"data_(?P<period>\d{4})\.csv", "fileExample": "data_2025.csv"},
            "group 'period' must take YYYY-MM; from fileExample it takes '2025'",
        ),
        (
            {"attributes": [{"column": "nama", "of": "title", "pattern": "Tahun"}]},
            "either value, or a pattern with a group that holds it",
        ),
        (
            {"plausibility": [{"kind": "sumOfChildren", "code": "bulan", "value": "nilai"}]},
            "ingest.plausibility.code: 'bulan' must be of type string",
        ),
        (
            {"plausibility": [{"kind": "sumOfChildren", "code": "kode", "value": "nama"}]},
            "ingest.plausibility.value: 'nama' must be of type number or integer",
        ),
        (
            {"plausibility": [{"kind": "neverFalls", "value": "tanggal", "order": ["bulan"]}]},
            "ingest.plausibility.value: 'tanggal' must be of type number or integer",
        ),
        (
            {"plausibility": [{"kind": "notBefore", "column": "nama", "start": "tanggal"}]},
            "ingest.plausibility.column: 'nama' must be of type date or timestamp",
        ),
        ({"schedule": "61 * * * *"}, "'61' is no minute (0 to 59)"),
        ({"schedule": "0 9-25 * * *"}, "'9-25' is no hour (0 to 23)"),
        ({"schedule": "*/0 * * * *"}, "'*/0' is no minute"),
        ({"schedule": "0 0 0 * *"}, "'0' is no day (1 to 31)"),
    ],
)
def test_keys_that_contradict_each_other_are_named(tmp_path: Path, ingest: dict[str, Any], said: str) -> None:
    assert said in refusal(tmp_path, **ingest)


@pytest.mark.parametrize("schedule", ["*/2 * * * *", "0,30 6-18/2 1 1-12 1-5", "59 23 31 12 7"])
def test_schedules_within_the_clock_are_followed(tmp_path: Path, schedule: str) -> None:
    assert declare(tmp_path, COLUMNS, schedule=schedule).schedule == schedule


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"nama": TEXT | {"businessName": "Kode"}}, "businessName: 'Kode' is already a header of 'kode'"),
        ({"nama": TEXT | {"businessName": "-"}}, "businessName: '-' holds no letter and no digit"),
        ({"nama": TEXT | {"classification": "personal"}, "nama_key": TEXT}, "is the hash of 'nama'"),
        ({"a" * 47: TEXT}, "has more than 46 characters"),
        ({"xmin": TEXT}, "is a name that PostgreSQL keeps for itself"),
        ({"nilai": NUMBER | {"quality": [VALUES]}}, "quality: only for string; use minimum and maximum"),
        ({"kode": TEXT | {"quality": [VALUES, VALUES]}}, "quality: one rule: invalidValues"),
        ({"kode": TEXT | {"quality": [VALUES | {"arguments": {"validValues": [1]}}]}}, "numbers in quotes"),
        ({"kode": TEXT | options(maxLength="abc")}, "maxLength: 'abc'; allowed: a whole number from 1"),
        ({"kode": TEXT | options(maxLength=0)}, "maxLength: 0; allowed: a whole number from 1"),
        ({"kode": TEXT | options(maxLength=True)}, "maxLength: True; allowed: a whole number from 1"),
        ({"kode": TEXT | options(pattern=5)}, "pattern: 5; allowed: a regular expression in quotes"),
        ({"kode": TEXT | options(pattern="(?!0).+")}, "pattern: (?!0 is not followed; allowed: what RE2"),
        ({"nilai": NUMBER | options(minimum=True)}, "minimum: True; allowed: a number"),
        ({"nilai": NUMBER | options(maximum=float("nan"))}, "maximum: nan; allowed: a number"),
        ({"nilai": NUMBER | options(minimum=0.001)}, "allowed: a number of at most 2 decimals"),
        ({"nilai": NUMBER | options(maximum=1e40)}, "allowed: a number that the column can hold"),
        ({"bulan": INTEGER | options(maximum=2**63)}, "allowed: a whole number"),
        ({"tanggal": DATE | options(minimum="2020-01-01T05:00:00")}, "must be quoted text like '2000-01-01'"),
        ({"waktu": TIMESTAMP | options(minimum="2020-01-01T05:00:00+07:00")}, "must be quoted text like"),
    ],
)
def test_a_rule_that_a_column_cannot_follow_is_named(
    tmp_path: Path, columns: dict[str, dict[str, Any]], said: str
) -> None:
    assert said in refusal(tmp_path, columns)


@pytest.mark.parametrize("name", ["latency", "retention", "frequency"])
def test_yes_is_no_number_of_days(tmp_path: Path, name: str) -> None:
    declare(tmp_path, COLUMNS)
    file = tmp_path / "dinas__data.yaml"
    text = re.sub(rf"(property: {name}\n +value: )\d+", r"\1true", file.read_text())
    file.write_text(text)
    with pytest.raises(ContractError, match=f"slaProperties.{name}: True"):
        read_contract(file)


def test_a_promise_given_twice_is_none(tmp_path: Path) -> None:
    declare(tmp_path, COLUMNS)
    file = tmp_path / "dinas__data.yaml"
    twice = "slaProperties:\n- {property: retention, value: 2, unit: y}\n"
    file.write_text(file.read_text().replace("slaProperties:\n", twice))
    with pytest.raises(ContractError, match=r"slaProperties\.retention: stands there twice"):
        read_contract(file)


@pytest.mark.parametrize("version", ["x y", "1.0.0-beta", "v1"])
def test_a_version_is_numbers_because_columns_are_named_after_it(tmp_path: Path, version: str) -> None:
    with pytest.raises(ContractError, match="allowed: numbers joined by dots"):
        declare(tmp_path, COLUMNS, version=version)


# What Python's regular expressions and RE2 both know, and what only Python does.
@pytest.mark.parametrize(
    "pattern",
    [
        r"\d{4}-\d{2}",
        r"[A-Z]{1,50} [A-Z]{1,50} \d{100}",
        r"(?i:a)(?P<n>b)(?:c|d)*?",
        r"[*+]x\++[]a](?s-i:.)?",
        r"[^\]]\(\?![(?!]",
        r"(a{30}){30}",
        r"(?!0).+",
        r"(?=0).+",
        r"(?<=a)b",
        r"(?<!a)b",
        r"(a)\1",
        r"(?P<n>a)(?P=n)",
        r"(?>a)",
        r"a++",
        r"a{2,}+",
        r"(a)(?(1)b|c)",
        r"a\Z",
        r"\u0041",
        r"[\b]",
        r"(?x)a",
        r"a{1001}",
        r"(?:a{100}){100}",
    ],
)
def test_a_pattern_is_refused_exactly_if_the_check_of_whole_columns_cannot_follow_it(pattern: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        re.compile(pattern)
    try:
        pc.match_substring_regex(pa.array(["a"]), f"^(?:{pattern})$")
    except pa.ArrowInvalid:
        assert patterns.not_followed(pattern)
    else:
        assert patterns.not_followed(pattern) is None
