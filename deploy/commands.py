"""The part of the ``pendopo`` command that starts, watches, saves and stops an installation."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ingestion import settings

console = Console(soft_wrap=True, highlight=False)


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for function in (up, down, status, logs, docs, backup, restore, reset, tidy, health):
        app.command()(function)
    app.command(hidden=True)(run)
    pass_through = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    app.command(context_settings=pass_through)(dbt)
    app.command(context_settings=pass_through)(superset)


def up(
    detach: Annotated[bool, typer.Option(help="Kembali setelah semua siap; layanan tetap berjalan.")] = False,
    sample: Annotated[bool, typer.Option(help="Buat data contoh pada penyalaan pertama.")] = True,
    as_of: Annotated[
        datetime.datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            envvar="PENDOPO_SAMPLE_AS_OF",
            help="Tanggal acuan data contoh; baku: hari ini.",
        ),
    ] = None,
    scale: Annotated[
        float, typer.Option(envvar="PENDOPO_SAMPLE_SCALE", help="Ukuran data contoh, 1 = satu kabupaten.")
    ] = 1.0,
) -> None:
    """Nyalakan semuanya: basis data, Airflow, Superset, dan isi dari kotak masuk."""
    from deploy import up as runner

    try:
        runner.up(console, sample=sample, as_of=as_of.date() if as_of else None, scale=scale)
        if detach:
            return
        console.print("Ctrl-C menghentikan semuanya.")
        while True:
            line = runner.status_line(runner.status())
            console.print(f"{time.strftime('%H:%M:%S')} {line}", end="\r" if console.is_terminal else "\n")
            time.sleep(2 if console.is_terminal else 60)
    except KeyboardInterrupt:
        console.print("\nMenghentikan layanan …")
        runner.down()
        raise typer.Exit(130) from None


def down() -> None:
    """Hentikan semua layanan; data tetap tersimpan."""
    from deploy import up as runner

    with runner.only_one():
        was_running = runner.down()
    console.print("Semua layanan berhenti." if was_running else "Tidak ada layanan yang berjalan.")


def status(as_json: Annotated[bool, typer.Option("--json", help="Keluaran JSON.")] = False) -> None:
    """Tunjukkan keadaan layanan dan data; kode keluar 1 bila ada yang tidak sehat."""
    from deploy import up as runner

    state = runner.status()
    if as_json:
        print(json.dumps(state, indent=2, ensure_ascii=False))
    else:
        for name, info in state["services"].items():
            mark = {"up": "[green]●[/]", "starting": "[yellow]●[/]"}.get(info["state"], "[red]●[/]")
            console.print(f"{mark} {name:24}{info['state']}")
        console.print(runner.status_line(state))
    if any(info["state"] != "up" for info in state["services"].values()):
        raise typer.Exit(1)


def logs(
    name: Annotated[str, typer.Argument(help="Nama layanan; kosong: semua.")] = "",
    lines: Annotated[int, typer.Option("--lines", "-n", help="Baris terakhir tiap berkas.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Ikuti terus.")] = False,
) -> None:
    """Tampilkan catatan layanan."""
    from deploy import services

    folder = services.log_folder()
    files = sorted(folder.glob(f"{name or '*'}.log"))
    if not files:
        known = ", ".join(sorted(path.stem for path in folder.glob("*.log"))) or "belum ada"
        raise typer.BadParameter(f"Tidak ada catatan untuk {name!r}. Yang ada: {known}.")
    command = ["tail", f"--lines={lines}", *(["--follow=name"] if follow else []), *map(str, files)]
    raise typer.Exit(subprocess.run(command).returncode)


def docs(
    output: Annotated[
        Path | None, typer.Option(help="Folder tujuan; baku: docs di folder instalasi.", file_okay=False)
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Sajikan di peramban sampai Ctrl-C (port: PENDOPO_PORT_DOCS).")
    ] = False,
) -> None:
    """Buat kamus data: arti, satuan, asal-usul, dan pemilik setiap kolom; kode keluar 1 bila gagal."""
    from deploy import docs_site

    folder = output or settings.home() / "docs"
    page = docs_site.build(folder, console.print)
    console.print(f"Kamus data: {page}")
    if not serve:
        return
    with docs_site.server(folder) as server:
        console.print(f"Buka {settings.service_url('docs')}  (Ctrl-C menghentikan)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            console.print("\nBerhenti.")
            raise typer.Exit(130) from None


def backup(
    file: Annotated[Path | None, typer.Argument(help="Berkas tujuan; baku: di folder backups.")] = None,
) -> None:
    """Simpan basis data, rahasia, berkas asli, dan kotak masuk ke satu berkas."""
    from deploy import backup as archive

    name = f"pendopo-{datetime.datetime.now():%Y%m%d-%H%M%S}.tar"
    target = archive.backup(file or settings.home() / "backups" / name)
    console.print(f"Cadangan tersimpan: {target} ({target.stat().st_size / 2**20:.1f} MB)")


def restore(
    file: Annotated[Path, typer.Argument(help="Berkas cadangan.", exists=True, dir_okay=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Jangan bertanya.")] = False,
) -> None:
    """Ganti seluruh isi instalasi ini dengan isi cadangan."""
    from deploy import backup as archive
    from deploy import postgres
    from deploy import up as runner

    if not yes:
        typer.confirm("Seluruh data instalasi ini akan diganti. Lanjutkan?", abort=True)
    with runner.only_one():
        runner.down()
        settings.generate_secrets()
        server = None if settings.external_database_url() else postgres.EmbeddedServer()
        if server:
            server.initialise()
            server.start()
        try:
            manifest = archive.restore(file.absolute())
        finally:
            if server:
                server.stop()
    console.print(f"Cadangan {manifest['created_at']} dipulihkan. Nyalakan dengan: make up")


def reset(yes: Annotated[bool, typer.Option("--yes", help="Jangan bertanya.")] = False) -> None:
    """Hapus data, rahasia, dan isi kotak masuk instalasi ini; cadangan tetap disimpan."""
    from deploy import postgres
    from deploy import up as runner

    if settings.external_database_url():
        raise settings.PendopoError(
            "Basis data di PENDOPO_DATABASE_URL tidak dihapus oleh pendopo, dan tanpa rahasia serta "
            "berkas asli di sini isinya tidak berguna. Hapus basis datanya, lalu kosongkan variabel itu."
        )
    home, landing = settings.home(), Path(settings.landing())
    # A drop folder that the operator named may be shared with others.
    has_own_landing = "PENDOPO_LANDING" not in os.environ
    targets = [path for path in (home.iterdir() if home.is_dir() else []) if path.name != "backups"]
    targets += [landing] if has_own_landing and landing.parent != home else []
    if not yes:
        names = f"{home} (kecuali backups)" + (f" dan {landing}" if has_own_landing else "")
        typer.confirm(f"Hapus {names}? Tidak dapat dibatalkan.", abort=True)
    with runner.only_one():
        runner.down()
        postgres.EmbeddedServer().remove()
        for path in targets:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    if left := [str(path) for path in targets if path.exists()]:
        raise settings.PendopoError(f"Tidak dapat dihapus: {', '.join(left)}. Periksa hak aksesnya.")
    console.print("Instalasi ini kosong kembali.")


def tidy() -> None:
    """Buang catatan dan riwayat Airflow yang lama; dijalankan sendiri oleh pengawas sekali sehari."""
    from deploy import tidy as cleaning

    console.print(f"{cleaning.tidy()} berkas catatan lama dibuang, riwayat lama dibersihkan.")


def health(name: Annotated[str, typer.Argument(help="Nama layanan.")]) -> None:
    """Periksa satu layanan (pemeriksaan kesehatan kontainer)."""
    from deploy import services

    if name not in services.SERVICES:
        raise typer.BadParameter(f"Tidak dikenal. Pilih: {', '.join(services.SERVICES)}.")
    state = services.SERVICES[name].health()
    print(state)
    raise typer.Exit(0 if state != "unhealthy" else 1)


def run(name: Annotated[str, typer.Argument(help="Nama layanan, atau prepare.")]) -> None:
    """Jadilah satu layanan (dipakai supervisor dan kontainer)."""
    from deploy import prepare, services

    if name == "prepare":
        prepare.run()
        return
    if name not in services.SERVICES:
        raise typer.BadParameter(f"Tidak dikenal. Pilih: prepare, {', '.join(services.SERVICES)}.")
    services.run(name)


def dbt(context: typer.Context) -> None:
    """Jalankan dbt dengan koneksi instalasi ini, misalnya: pendopo dbt build --selector budget."""
    from deploy import transform

    program = Path(sys.executable).parent / "dbt"
    os.chdir(settings.ROOT / "dbt_project")
    os.execve(program, [str(program), *context.args], os.environ | transform.dbt_environment())


def superset(context: typer.Context) -> None:
    """Terbitkan aset Superset: pendopo superset push [--verify]."""
    from deploy import publish

    if not context.args or context.args[0] != "push":
        raise typer.BadParameter("Perintah yang ada: push.")
    raise typer.Exit(publish.push(context.args[1:]))
