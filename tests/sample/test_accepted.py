"""The loader takes every sample but the two that are made to be refused, and refuses what is damaged."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from ingestion import settings
from ingestion.load import check_file
from ingestion.outcome import Outcome

from .conftest import AS_OF


@pytest.fixture(scope="module")
def outcomes(landing: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Outcome]:
    patch = pytest.MonkeyPatch()
    patch.setenv("PENDOPO_HOME", str(tmp_path_factory.mktemp("home")))
    settings.generate_secrets()
    files = (file for file in sorted(landing.rglob("*")) if file.is_file())
    result = {
        file.relative_to(landing): check_file(
            file, "__".join(file.parent.relative_to(landing).parts) or None, received_on=AS_OF
        )
        for file in files
    }
    patch.undo()
    return result


def test_only_the_broken_and_the_unknown_file_are_refused(outcomes: dict[Path, Outcome]) -> None:
    refused = {str(name) for name, outcome in outcomes.items() if outcome.status != "accepted"}
    assert refused == {"diskominfo/aduan/aduan_2026-10_rev2.xlsx", "kunjungan_wisata_2026.csv"}


def test_every_row_is_accounted_for_and_few_are_refused(outcomes: dict[Path, Outcome]) -> None:
    by_source: dict[str, Counter[str]] = {}
    for outcome in outcomes.values():
        assert outcome.read == outcome.loaded + outcome.rejected + outcome.skipped, outcome.file_name
        counts = {"loaded": outcome.loaded, "rejected": outcome.rejected, "skipped": outcome.skipped}
        by_source.setdefault(str(outcome.source), Counter()).update(counts)
    by_source.pop("None")
    assert all(counts["rejected"] < 0.05 * counts["loaded"] for counts in by_source.values())
    # What BPS published is clean; everybody else sends something that must be refused.
    clean = {source for source, counts in by_source.items() if not counts["rejected"]}
    assert clean == {"bps__kemiskinan"}


def test_the_dirt_is_refused_for_the_reason_it_was_made_for(outcomes: dict[Path, Outcome]) -> None:
    reasons = {
        (outcome.source, reason.code, reason.column)
        for outcome in outcomes.values()
        for reject in outcome.rejects
        for reason in reject.reasons
    }
    assert {
        ("diskominfo__aduan", "not_a_timestamp", "received_at"),
        ("diskominfo__aduan", "required", "received_at"),
        ("diskominfo__aduan", "not_allowed", "status"),
        ("diskominfo__aduan_riwayat", "not_a_timestamp", "logged_at"),
        ("diskominfo__aduan_riwayat", "not_allowed", "action"),
        ("bkpsdm__pegawai", "identifier_precision_lost", "nip"),
        ("bkpsdm__pegawai", "pattern", "nip"),
        ("bkpsdm__pegawai", "not_a_date", "valid_from"),
        ("bkpsdm__absensi_mesin", "not_a_timestamp", "punched_at"),
        ("bkpsdm__absensi_mesin", "field_count", None),
        ("bkpsdm__ketidakhadiran", "not_allowed", "kind_code"),
        ("bkpsdm__ketidakhadiran", "not_a_date", "start_on"),
        ("bkpsdm__ketidakhadiran", "required", "end_on"),
        ("bkpsdm__jadwal_kerja", "not_allowed", "shift_code"),
        ("bkpsdm__jadwal_kerja", "not_a_date", "work_on"),
        ("bpkad__realisasi_apbd", "out_of_range", "physical_pct"),
        ("bpkad__realisasi_apbd", "out_of_range", "month"),
        ("bpkad__realisasi_apbd", "not_a_number", "realised_idr"),
        ("djpb__apbd", "not_a_date", "cutoff_on"),
    } <= reasons
    assert any(code == "duplicate_key" for _, code, _ in reasons)
