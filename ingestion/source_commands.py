"""``pendopo source``: add a source from a sample file, and write what dbt needs of the contracts."""

from __future__ import annotations

from typing import Annotated

import typer

from ingestion import generate
from ingestion.contract import load_contracts

app = typer.Typer(no_args_is_help=True, help="Menambah dan merawat sumber data.")

_KINDS = {"missing": "belum ada", "different": "berbeda", "stale": "tanpa kontrak"}


@app.command("generate")
def generate_models(
    check: Annotated[
        bool, typer.Option("--check", help="Hanya periksa; kode keluar 1 bila berbeda.")
    ] = False,
) -> None:
    """Tulis model staging, sumber dbt, dan dokumentasinya dari semua kontrak."""
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
