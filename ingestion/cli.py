"""The ``pendopo`` command; what is heavy is imported where it is used."""

from __future__ import annotations

import datetime
import json
import os
import sys
from pathlib import Path
from typing import Annotated

import psycopg2
import typer

from ingestion import report, settings
from ingestion.contract import load_contracts
from ingestion.outcome import Outcome

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Pendopo: dari ekspor perangkat daerah sampai ke layar pusat kendali.",
)

_Source = Annotated[
    str | None,
    typer.Option("--source", help="Kode sumber; kosong: dikenali dari nama berkas atau judul kolom."),
]
_Json = Annotated[bool, typer.Option("--json", help="Keluaran JSON.")]


@app.command()
def sources(as_json: _Json = False) -> None:
    """Daftar sumber data: siapa mengirim apa, seberapa sering, dan ke folder mana."""
    contracts = load_contracts().values()
    if as_json:
        rows = [
            {
                "source": contract.source_id,
                "title": contract.title,
                "domain": contract.domain,
                "opd": contract.opd,
                "version": contract.version,
                "frequency": contract.frequency,
                "due_working_days": contract.due_working_days,
                "folder": f"{contract.opd}/{contract.dataset}",
                "file_example": contract.ingest.file_example,
            }
            for contract in contracts
        ]
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    frequency = {"daily": "harian", "monthly": "bulanan", "quarterly": "triwulanan", "yearly": "tahunan"}
    for contract in contracts:
        print(f"{contract.source_id}: {contract.title}")
        print(
            f"  {contract.opd_name}, {frequency[contract.frequency]}, paling lambat "
            f"{contract.due_working_days} hari kerja setelah akhir periode"
        )
        print(f"  folder {contract.opd}/{contract.dataset}, berkas seperti {contract.ingest.file_example}")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="Berkas yang diperiksa.", exists=True, dir_okay=False)],
    source: _Source = None,
    as_json: _Json = False,
) -> None:
    """Periksa berkas tanpa menulis apa pun: baris mana yang akan dimuat, mana yang ditolak dan mengapa."""
    from ingestion.load import check_file

    _show([check_file(file, source)], as_json)


@app.command()
def load(
    files: Annotated[list[Path], typer.Argument(help="Berkas yang dimuat.", exists=True, dir_okay=False)],
    source: _Source = None,
    as_json: _Json = False,
) -> None:
    """Muat berkas ke gudang data; berkas yang sama dua kali tidak mengubah apa pun."""
    from ingestion.load import load_file

    _show([load_file(file, source) for file in files], as_json)


@app.command()
def sample(
    seed: Annotated[
        int, typer.Option(help="Benih acak; benih yang sama memberi berkas yang sama.")
    ] = 20230523,
    as_of: Annotated[
        datetime.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Tanggal acuan; kosong: hari ini.")
    ] = None,
    scale: Annotated[float, typer.Option(help="Ukuran, 1 = satu kabupaten.")] = 1.0,
    into: Annotated[str | None, typer.Option(help="Folder tujuan; kosong: kotak masuk instalasi.")] = None,
) -> None:
    """Buat berkas ekspor contoh di kotak masuk; muatannya ditandai sebagai data contoh."""
    from ingestion import ledger
    from ingestion.sample import generate

    day = as_of.date() if as_of else datetime.date.today()
    inbox = Path(settings.landing()).resolve()
    target = into or settings.landing()
    # Known as samples before the scheduler can see them.
    mark = ledger.record_sample_files if Path(target).resolve().is_relative_to(inbox) else None
    files = generate(target, seed=seed, as_of=day, scale=scale, before_publish=mark)
    print(f"{len(files)} berkas contoh dibuat di {target}.")


def _show(outcomes: list[Outcome], as_json: bool) -> None:
    """Print outcomes and leave with 1 when one was refused; a single file is one JSON object."""
    if as_json:
        documents = [outcome.as_json() for outcome in outcomes]
        print(json.dumps(documents if len(documents) > 1 else documents[0], ensure_ascii=False))
    else:
        print("\n".join(report.as_text(outcome) for outcome in outcomes))
    if any(outcome.status == "refused" for outcome in outcomes):
        raise typer.Exit(1)


def main() -> None:
    """Entry point: errors that have a sentence for the user end with it and exit code 1."""
    from deploy import commands

    commands.register(app)
    # Whatever the shell says: the database's user must reach its folders. What is secret says so itself.
    os.umask(0o022)
    try:
        app()
    except settings.PendopoError as error:
        _stop(str(error))
    except psycopg2.OperationalError as error:
        _stop(f"Basis data tidak dapat dihubungi. Nyalakan dengan 'make up', lalu ulangi. ({error})")
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        _stop(f"Sistem berkas atau jaringan menolak: {error.strerror or error}{place}.")


def _stop(message: str) -> None:
    print(message.strip(), file=sys.stderr)
    sys.exit(1)
