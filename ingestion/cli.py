"""The ``pendopo`` command; what is heavy is imported where it is used."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import psycopg2
import typer
from typer import rich_utils

from ingestion import report, settings, source_commands
from ingestion.contract import load_contracts
from ingestion.outcome import Outcome

_EXIT_CODES = "Kode keluar: 0 berhasil, 1 berkas ditolak atau perintah gagal, 2 salah pemakaian."
# A terminal that waits longer than this is told how far the work is.
_SILENT_SECONDS = 2.0
_SHOWN_LOADS = 20

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Pendopo: dari ekspor perangkat daerah sampai ke layar pusat kendali.",
    epilog=_EXIT_CODES,
)
app.add_typer(source_commands.app, name="source")

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


@app.command(epilog=f"Contoh: pendopo check aduan_2026-10.xlsx --marked aduan_ditandai.xlsx. {_EXIT_CODES}")
def check(
    file: Annotated[Path, typer.Argument(help="Berkas yang diperiksa.", exists=True, dir_okay=False)],
    source: _Source = None,
    marked: Annotated[
        Path | None,
        typer.Option(
            "--marked",
            help="Tulis salinan .xlsx dengan sel yang salah ditandai; memuat isi berkas, jadi hanya terbaca "
            "oleh pemiliknya.",
            dir_okay=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Keluaran JSON dengan semua baris yang ditolak.")
    ] = False,
) -> None:
    """Periksa berkas tanpa menulis apa pun: baris mana yang akan dimuat, mana yang ditolak dan mengapa.

    Gudang data tidak disentuh dan tidak perlu menyala.
    """
    from ingestion.load import check_file
    from ingestion.spool import RejectSpool

    _must_be_workbook(marked, "--marked")
    with RejectSpool() as rejects:
        with _progress() as progress:
            outcome = check_file(file, source, rejects=rejects, progress=progress)
        if marked and outcome.source:
            from ingestion.marked import mark_file

            contract = load_contracts()[outcome.source]
            mark_file(marked, file, contract, outcome, rejects, datetime.datetime.now(datetime.UTC))
        written = marked if outcome.source else None
        if as_json:
            report.write_json(outcome, rejects, written, sys.stdout)
        else:
            print(report.as_text(outcome))
            _say_marked(outcome, written)
    _leave([outcome])


@app.command(epilog=f"Contoh: pendopo load aduan_2026-10.xlsx --source diskominfo__aduan. {_EXIT_CODES}")
def load(
    files: Annotated[list[Path], typer.Argument(help="Berkas yang dimuat.", exists=True, dir_okay=False)],
    source: _Source = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Keluaran JSON: satu objek, atau satu daftar bila berkasnya beberapa."),
    ] = False,
) -> None:
    """Muat berkas ke gudang data; berkas yang sama dua kali tidak mengubah apa pun.

    Baris yang salah ditolak dan disebut sebabnya; baris lain tetap dimuat, kecuali terlalu banyak yang salah.
    """
    from ingestion.load import load_file

    outcomes = []
    for file in files:
        with _progress() as progress:
            outcomes.append(load_file(file, source, progress=progress))
    _show(outcomes, as_json)


@app.command("report", epilog=f"Contoh: pendopo report 12 --output laporan.xlsx. {_EXIT_CODES}")
def report_load(
    load_id: Annotated[int, typer.Argument(help="Nomor muatan, seperti disebut oleh 'pendopo load'.")],
    output: Annotated[
        Path | None,
        typer.Option(help="Berkas .xlsx tujuan; kosong: folder reports di instalasi.", dir_okay=False),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Keluaran JSON dengan semua baris yang ditolak; buku kerja hanya dengan --output.",
        ),
    ] = False,
) -> None:
    """Tulis laporan sebuah muatan: berkas aslinya dengan sel yang salah ditandai, dan yang perlu dilakukan.

    Kode keluar 0 bila laporannya jadi, juga untuk berkas yang ditolak.
    """
    from ingestion import ledger, past_load
    from ingestion.marked import write

    _must_be_workbook(output, "--output")
    written = write(load_id, output) if output or not as_json else None
    with ledger.connect() as connection:
        past = past_load.read(connection, load_id)
        outcome = past.outcome
        if as_json:
            report.write_json(outcome, past_load.rejects(connection, load_id), written, sys.stdout)
            return
        outcome.rejects = past_load.first_rejects(connection, load_id)
    if settled := outcome.rejected - past.open_rejects:
        outcome.messages.append(
            f"{report.number(settled)} dari {report.number(outcome.rejected)} baris yang ditolak sudah "
            "masuk lewat kiriman sesudahnya."
        )
    print(report.as_text(outcome))
    _say_marked(outcome, written)


@app.command(epilog=f"Contoh: pendopo corrections 12 --output perbaikan_12.xlsx. {_EXIT_CODES}")
def corrections(
    load_id: Annotated[int, typer.Argument(help="Nomor muatan yang barisnya ditolak.")],
    output: Annotated[Path, typer.Option(help="Berkas .xlsx tujuan.", dir_okay=False)],
) -> None:
    """Tulis formulir perbaikan: hanya baris yang ditolak, untuk diperbaiki lalu dikirim lagi.

    Kolom _pendopo menghubungkan setiap baris dengan baris yang ditolak; jangan diubah.
    """
    from ingestion.corrections import write

    _must_be_workbook(output, "--output")
    form = write(load_id, output)
    contract = form.contract
    print(
        f"{output}: {report.number(form.rows)} baris dari {form.file_name}. Perbaiki isinya, simpan sebagai "
        f".xlsx, lalu kirim ke folder {contract.opd}/{contract.dataset} atau jalankan: "
        f"pendopo load {output.name} --source {contract.source_id}"
    )
    if form.left:
        print(
            f"{report.number(form.left)} baris lain belum termuat di formulir ini; setelah yang ini dikirim, "
            "jalankan perintah ini sekali lagi."
        )


@app.command(epilog=f"Contoh: pendopo replay bpkad__realisasi_apbd --rejects. {_EXIT_CODES}")
def replay(
    source: Annotated[str, typer.Argument(help="Kode sumber; 'pendopo sources' menyebut semuanya.")],
    rejects: Annotated[
        bool,
        typer.Option("--rejects", help="Hanya baris yang dahulu ditolak dan kini benar; langsung dimuat."),
    ] = False,
    as_json: _Json = False,
) -> None:
    """Baca lagi berkas yang sudah diterima, menurut kontrak yang berlaku sekarang.

    Tanpa --rejects berkasnya hanya diantrekan; Airflow memuatnya pada giliran sumber itu berikutnya. Baris
    yang masih salah tetap ditolak seperti semula; itu bukan kegagalan.
    """
    from ingestion import replay

    if rejects:
        outcomes = replay.rejects(source)
        if as_json:
            print(json.dumps([outcome.as_json() for outcome in outcomes], ensure_ascii=False))
        else:
            texts = [report.as_text(outcome) for outcome in outcomes]
            print("\n".join(texts) or f"Tidak ada baris {source} yang masih ditolak.")
        return
    waiting, beyond = replay.queue(source), replay.beyond(source)
    if as_json:
        print(json.dumps({"source": source, "waiting": waiting, "beyond_replay": beyond}))
        return
    if waiting:
        print(f"{report.number(len(waiting))} berkas {source} menunggu dimuat menurut kontrak sekarang.")
    if beyond:
        shown = ", ".join(map(str, beyond[:_SHOWN_LOADS])) + (" …" if len(beyond) > _SHOWN_LOADS else "")
        print(
            f"{report.number(len(beyond))} muatan {source} tidak dapat dimuat ulang karena berkas aslinya "
            f"sudah dibersihkan: {shown}. Barisnya tetap berlaku seperti dimuat dahulu; kolom yang berganti "
            "tipe memuat nilai lama yang terbaca sebagai tipe baru, kolom wajib dan kunci data pribadi yang "
            "ditambahkan tetap kosong."
        )
    if not waiting and not beyond:
        print(f"Semua berkas {source} sudah dimuat menurut kontrak sekarang.")


@app.command(epilog=f"Contoh: pendopo purge --dry-run. {_EXIT_CODES}")
def purge(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Hanya sebut apa yang akan dihapus; tidak menghapus apa pun.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Hapus berkas asli, isi baris yang ditolak dan laporan yang lewat masa simpannya.

    Masa simpan ada pada kontrak (retention). Buku penerimaan dan data yang sudah dimuat tetap ada.
    """
    from ingestion import purge

    gone = purge.purge(datetime.datetime.now(datetime.UTC).date(), dry_run)
    if as_json:
        print(json.dumps(vars(gone) | {"dry_run": dry_run}))
        return
    done = "Akan dihapus" if dry_run else "Dihapus"
    print(
        f"{done}: {report.number(gone.originals)} berkas asli ({gone.size_bytes / 2**20:.1f} MB), isi "
        f"{report.number(gone.rejected_rows)} baris yang ditolak, {report.number(gone.workbooks)} laporan."
    )


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
    _leave(outcomes)


def _leave(outcomes: list[Outcome]) -> None:
    if any(outcome.status == "refused" for outcome in outcomes):
        raise typer.Exit(1)


def _say_marked(outcome: Outcome, file: Path | None) -> None:
    if file:
        print(f"{'Sel yang salah ditandai di' if outcome.rejected else 'Laporan ditulis di'} {file}")


def _must_be_workbook(file: Path | None, option: str) -> None:
    if file and file.suffix.casefold() != ".xlsx":
        raise typer.BadParameter(f"{file.name} harus berakhiran .xlsx.", param_hint=option)
    if file and not file.absolute().parent.is_dir():
        raise typer.BadParameter(f"Folder {file.parent} tidak ada.", param_hint=option)


class _Progress:
    """One line on a terminal with the rows read so far."""

    def __init__(self) -> None:
        self.started = self.shown = time.monotonic()
        self.is_visible = False

    def __call__(self, rows: int) -> None:
        now = time.monotonic()
        if now - self.started < _SILENT_SECONDS or now - self.shown < 0.2:
            return
        self.shown, self.is_visible = now, True
        speed = report.number(int(rows / (now - self.started)))
        text = f"\r{report.number(rows)} baris dibaca, {speed} baris per detik "
        print(text, end="", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _progress() -> Iterator[_Progress | None]:
    """Something to call with the rows read so far; None where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    line = _Progress()
    try:
        yield line
    finally:
        if line.is_visible:
            print("\r" + " " * 60, end="\r", file=sys.stderr, flush=True)


def main() -> None:
    """Entry point: errors that have a sentence for the user end with it and exit code 1."""
    from deploy import commands

    commands.register(app)
    _translate()
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


def _translate() -> None:
    """The words that typer puts around ours."""
    rich_utils.ARGUMENTS_PANEL_TITLE = "Argumen"
    rich_utils.OPTIONS_PANEL_TITLE = "Opsi"
    rich_utils.COMMANDS_PANEL_TITLE = "Perintah"
    rich_utils.ERRORS_PANEL_TITLE = "Salah pemakaian"
    rich_utils.REQUIRED_LONG_STRING = "[wajib]"
    rich_utils.RICH_HELP = "Bantuan: [blue]'{command_path} {help_option}'[/]"


def _stop(message: str) -> None:
    print(message.strip(), file=sys.stderr)
    sys.exit(1)
