"""``pendopo source``: add a source from a sample file, and write what dbt needs of the contracts."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from ingestion import generate, report, settings
from ingestion.contract import DOMAINS, load_contracts, read_contract
from ingestion.outcome import Outcome

app = typer.Typer(no_args_is_help=True, help="Menambah dan merawat sumber data.")

_KINDS = {"missing": "belum ada", "different": "berbeda", "stale": "tanpa kontrak"}


@app.command()
def new(
    file: Annotated[
        Path, typer.Argument(help="Berkas contoh dari perangkat daerah.", exists=True, dir_okay=False)
    ],
    opd: Annotated[str, typer.Option(help="Kode perangkat daerah pengirim, misalnya dpmptsp.")],
    dataset: Annotated[str, typer.Option(help="Nama singkat data, misalnya realisasi_investasi.")],
    domain: Annotated[str | None, typer.Option(help="Bidang; kosong: ditebak dari nama.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Timpa kontrak yang sudah ada.")] = False,
) -> None:
    """Rancang kontrak dari berkas contoh, tulis modelnya, lalu periksa berkas itu terhadapnya."""
    from ingestion.draft import draft

    if domain and domain not in DOMAINS:
        raise typer.BadParameter(f"Tidak dikenal. Pilih: {', '.join(DOMAINS)}.", param_hint="--domain")
    place = settings.contracts_folder() / f"{opd}__{dataset}.yaml"
    if place.exists() and not force:
        raise settings.PendopoError(f"{place} sudah ada. Ubah di sana, atau timpa dengan --force.")
    drafted = draft(file, opd, dataset, domain=domain)
    with tempfile.TemporaryDirectory(prefix="pendopo-") as folder:
        # Read before it is put in place: a contract that cannot be read would stop every other source.
        beside = Path(folder, place.name)
        beside.write_text(drafted.text, encoding="utf-8")
        contract = read_contract(beside)
        outcome = _checked_in_place(beside, place, file, drafted.file_name)
    if not _fits(outcome):
        print(report.as_text(outcome))
        raise settings.PendopoError(
            f"Tidak ada yang ditulis: kontrak yang dirancang dari {file.name} tidak memuat satu pun "
            "barisnya. Perbaiki contohnya seperti disebut di atas, lalu ulangi."
        )
    print(f"Kontrak: {place} ({drafted.text.count('TINJAU:')} hal untuk ditinjau, bertanda TINJAU)")
    for path in generate.files_of(contract):
        print(f"Model: {generate.staging_folder() / path}")
    generate.write([contract], tidy=False)
    print(report.as_text(outcome))
    if outcome.status != "accepted":
        raise typer.Exit(1)


def _checked_in_place(drafted: Path, place: Path, file: Path, file_name: str) -> Outcome:
    """The check of the sample against the contract in its place; one that does not fit is taken back."""
    before = place.read_bytes() if place.exists() else None
    is_kept = False
    try:
        shutil.copyfile(drafted, place)
        outcome = _checked(file, file_name, place.stem)
        is_kept = _fits(outcome)
        return outcome
    finally:
        if not is_kept and before is None:
            place.unlink(missing_ok=True)
        elif not is_kept:
            place.write_bytes(before or b"")


def _fits(outcome: Outcome) -> bool:
    """Whether at least one row is good; too many bad ones are the contract's review to settle."""
    return outcome.status == "accepted" or outcome.skipped_by_kind.get("file_refused", 0) > 0


def _checked(file: Path, file_name: str, source_id: str) -> Outcome:
    """The check of a sample, under the name that the contract asks for."""
    from ingestion.load import check_file

    with tempfile.TemporaryDirectory(prefix="pendopo-") as folder:
        return check_file(Path(shutil.copy(file, Path(folder, file_name))), source_id)


@app.command("generate")
def generate_models(
    check: Annotated[
        bool, typer.Option("--check", help="Hanya periksa; kode keluar 1 bila berbeda.")
    ] = False,
) -> None:
    """Tulis model staging, sumber dbt, dan dokumentasinya dari semua kontrak."""
    if not check and settings.contracts_folder().resolve() != settings.OWN_CONTRACTS:
        # The models of every contract of this repository would be taken for leftovers and deleted.
        raise settings.PendopoError(
            "PENDOPO_CONTRACTS menunjuk folder lain; model staging hanya ditulis dari "
            f"{settings.OWN_CONTRACTS}. Kosongkan PENDOPO_CONTRACTS lalu ulangi."
        )
    contracts = load_contracts().values()
    found = generate.changes(contracts) if check else generate.write(contracts)
    for change in found:
        done = "dihapus" if change.kind == "stale" else "ditulis"
        print(f"{change.path}: {_KINDS[change.kind]}{'' if check else f', {done}'}")
    if not found:
        print(f"{len(contracts)} kontrak: semua model staging sesuai.")
    elif check:
        print("Jalankan: pendopo source generate")
        raise typer.Exit(1)
