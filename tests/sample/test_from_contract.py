"""A source without a scene has a sample too: drawn from its contract, loaded without a refused row."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion import settings
from ingestion.contract import Contract, load_contracts
from ingestion.load import check_file
from ingestion.sample import from_contract, generate
from ingestion.sample.matching import NoMatch, text_matching
from ingestion.sample.scene import Scene

from .conftest import AS_OF

FOLDERS = (settings.ROOT / "ingestion" / "contracts", settings.ROOT / "tests" / "ingestion" / "contracts")
CONTRACTS = [(folder, source) for folder in FOLDERS for source in sorted(load_contracts(folder))]


def contract_of(folder: Path, source: str) -> Contract:
    contract = load_contracts(folder)[source]
    module = folder / f"{source}.py"
    if contract.ingest.layout == "python" and "write_sample" not in module.read_text():
        pytest.skip(f"{module.name} has no write_sample")
    return contract


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("folder", "source"), CONTRACTS, ids=[source for _, source in CONTRACTS])
def test_a_sample_follows_its_contract_row_by_row(
    folder: Path, source: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(folder))
    contract = contract_of(folder, source)
    scene = Scene.load(seed=seed, as_of=AS_OF, scale=1.0)
    for file in from_contract.write(tmp_path, contract, scene):
        assert contract.matches_file_name(file.name)
        assert file.parent == tmp_path / contract.opd / contract.dataset
        outcome = check_file(file, source, received_on=AS_OF)
        assert outcome.status == "accepted", outcome.messages
        assert outcome.rejected == 0, outcome.rejects[0].reasons
        assert outcome.loaded >= 5


@pytest.mark.parametrize("as_of", [date(2025, 1, 1), date(2024, 2, 29), date(2026, 7, 15)])
@pytest.mark.parametrize("source", ["bpkad__realisasi_apbd", "bps__kemiskinan", "djpb__apbd"])
def test_a_sample_never_speaks_of_the_future(source: str, as_of: date, tmp_path: Path) -> None:
    contract = load_contracts(FOLDERS[0])[source]
    (file,) = from_contract.write(tmp_path, contract, Scene.load(seed=1, as_of=as_of, scale=0.2))
    outcome = check_file(file, source, received_on=as_of)
    assert (outcome.status, outcome.rejected) == ("accepted", 0), outcome.messages


def test_the_same_seed_and_day_give_the_same_bytes(tmp_path: Path) -> None:
    contract = load_contracts(FOLDERS[0])["bkpsdm__pegawai"]
    first, second = (
        from_contract.write(tmp_path / place, contract, Scene.load(seed=3, as_of=AS_OF, scale=0.5))[0]
        for place in ("a", "b")
    )
    assert first.read_bytes() == second.read_bytes()


def test_a_source_of_ones_own_gets_a_plain_sample_and_no_other_source_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "contracts"
    own.mkdir()
    text = (FOLDERS[0] / "djpb__apbd.yaml").read_text(encoding="utf-8")
    (own / "djpb__ringkasan.yaml").write_text(text.replace("djpb__apbd", "djpb__ringkasan"), encoding="utf-8")
    monkeypatch.setenv("PENDOPO_CONTRACTS", str(own))
    made = generate(tmp_path / "landing", as_of=AS_OF, scale=0.02)
    places = {str(path.parent.relative_to(tmp_path / "landing")) for path in made}
    assert places == {"djpb/ringkasan", "."}


PATTERNS = (
    r"\d{4}-(?:0[1-9]|1[0-2])",
    r"(?P<device_no>\d{1,9})_attlog(?:_(?P<period>20\d{2}-\d\d))?\.dat",
    r"\d(\.\d{1,4}){1,5}",
    r"[A-Z]{2}\d+|R-\d{3,}",
    r"(?:Persentase|Garis) .+ / (?P<year>(?:19|20)\d{2})",
    r"^Sumber\s*:\s*(.+)",
    r"[^;]+\.(?:csv|xlsx?)",
)


@given(pattern=st.sampled_from(PATTERNS), seed=st.integers(0, 10_000))
def test_a_text_for_a_pattern_matches_it(pattern: str, seed: int) -> None:
    text = text_matching(pattern, np.random.default_rng(seed))
    assert re.fullmatch(pattern, text, re.IGNORECASE)


def test_a_group_takes_the_text_it_is_given_or_there_is_none() -> None:
    rng = np.random.default_rng(1)
    assert text_matching(r"data_(?P<year>20\d{2})", rng, {"year": "2024"}) == "data_2024"
    assert text_matching(r"tahun (\d{4})", rng, {1: "2024"}) == "tahun 2024"
    with pytest.raises(NoMatch, match="data_"):
        text_matching(r"data_(?P<year>20\d{2})", rng, {"year": "1999"})
