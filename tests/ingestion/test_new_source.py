"""docs/menambah-sumber.md, followed as written in a copy of the repository, on a file of the same shape."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestion import settings

DOCUMENT = settings.ROOT / "docs" / "menambah-sumber.md"
HEADER = (
    "periode,status_penanaman_modal,regional,negara,sektor_utama,nama_sektor,deskripsi_kbli_2digit,provinsi,"
    "kabupaten_kota,jawa_luar_jawa,pulau,investasi_rp_juta,investasi_us_ribu,tki"
)


@pytest.fixture(scope="module")
def installation(new_warehouse: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any]]:
    """A copy of the repository with the command ``pendopo`` and a PostgreSQL of its own."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("ingestion", "deploy", "dbt_project", "regions"):
        ignored = shutil.ignore_patterns("__pycache__", "target", "logs")
        shutil.copytree(settings.ROOT / name, copy / name, ignore=ignored)
    command = copy / "bin" / "pendopo"
    command.parent.mkdir()
    command.write_text(
        f"#!/bin/sh\nexec {sys.executable} -c 'from ingestion.cli import main; main()' \"$@\"\n",
        encoding="utf-8",
    )
    command.chmod(0o755)
    with new_warehouse("pendopo-source-") as warehouse:
        yield copy, warehouse


def commands() -> str:
    """Every command of the document, in its order."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.M | re.S))


def write_sample(folder: Path) -> int:
    """A file like the one the document names: same name, columns and notation, invented rows."""
    (name,) = re.findall(r'^BERKAS="(.+)"$', commands(), re.M)
    rows = [
        f"2024 - Triwulan 2,{'PMA' if country % 2 else 'PMDN'},{'Asia' if country % 3 else 'Eropa'},"
        f"Negara {country},Sektor {('Primer', 'Sekunder', 'Tersier')[branch % 3]},Sektor Rekaan {branch},"
        f'"({branch}-2020) Usaha, Rekaan",Jawa Timur,Kabupaten Contoh {regency},Jawa,Jawa,'
        f"{country * branch}.{regency}25,{branch * 0.5},{country + regency}"
        for country, branch, regency in itertools.product(range(1, 9), range(10, 16), range(1, 6))
    ]
    text = "\r\n".join([HEADER, *rows]) + "\r\n"
    (folder / name).write_bytes(text.encode("utf-8-sig"))
    return len(rows)


def run(copy: Path, warehouse: Any, script: str) -> str:
    """What the commands print; each of them must succeed."""
    environment = os.environ | {
        "PATH": f"{copy / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(copy),
        "DBT_TARGET_PATH": str(warehouse.home / "dbt"),
        "DBT_LOG_PATH": str(warehouse.home / "dbt"),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=copy, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def test_the_walk_through_ends_with_loaded_rows_and_a_staging_view(installation: tuple[Path, Any]) -> None:
    copy, warehouse = installation
    count = write_sample(copy)
    environment = os.environ | {
        "PATH": f"{copy / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(copy),
        "DBT_TARGET_PATH": str(warehouse.home / "dbt"),
        "DBT_LOG_PATH": str(warehouse.home / "dbt"),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands()],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert f"{count} dapat dimuat, 0 ditolak" in done.stdout
    assert re.search(rf"\|\s+{count}\s+\|", done.stdout), done.stdout[-2000:]
    with warehouse.connect("admin") as connection, connection.cursor() as cursor:
        cursor.execute("select count(*), min(jawa_luar_jawa) from raw.dpmptsp__realisasi_investasi")
        assert cursor.fetchone() == (count, "Jawa")
        cursor.execute("select count(*), max(data_to)::text from ops.load where status = 'loaded'")
        assert cursor.fetchone() == (1, "2024-06-30")
        cursor.execute("select count(*) from staging.stg_dpmptsp__realisasi_investasi where year = 2024")
        assert cursor.fetchone() == (count,)


def test_staging_keeps_the_newest_version_of_a_key_whichever_file_arrives_last(
    installation: tuple[Path, Any],
) -> None:
    copy, warehouse = installation
    lines = [f"IZ-{number:03d};{number:02d}/10/2025;Proses" for number in range(1, 21)]
    # The second file knows more of two permits and brings one more; it was written a day later.
    later = [line.replace("Proses", "Terbit") for line in lines[:2]] + ["IZ-021;21/10/2025;Proses"]
    for age, (place, rows) in enumerate((("baru", later), ("lama", lines))):
        file = copy / place / "izin.csv"
        file.parent.mkdir()
        file.write_text("\n".join(["nomor izin;tanggal;status", *rows]) + "\n", encoding="utf-8")
        os.utime(file, (1_760_000_000 - 86_400 * age,) * 2)
    script = "".join(
        f"pendopo source new lama/izin.csv --opd dpmptsp --dataset {dataset} --domain permits\n"
        + "".join(f"pendopo load {place}/izin.csv --source dpmptsp__{dataset}\n" for place in order)
        for dataset, order in (("izin_a", ("lama", "baru")), ("izin_b", ("baru", "lama")))
    )
    run(copy, warehouse, script + "pendopo dbt build --selector permits\n")
    with warehouse.connect("admin") as connection, connection.cursor() as cursor:
        results = []
        for dataset in ("izin_a", "izin_b"):
            cursor.execute(f"select count(*) from raw.dpmptsp__{dataset}")
            assert cursor.fetchone() == (23,)
            cursor.execute(f"select nomor_izin, status from staging.stg_dpmptsp__{dataset} order by 1")
            results.append(cursor.fetchall())
    assert results[0] == results[1]
    assert len(results[0]) == 21
    assert [number for number, status in results[0] if status == "Terbit"] == ["IZ-001", "IZ-002"]


def test_the_document_names_only_commands_that_exist() -> None:
    for command in re.findall(r"pendopo ((?:source )?[a-z]+)", commands()):
        words = [sys.executable, "-c", "from ingestion.cli import main; main()", *command.split(), "--help"]
        if command != "dbt":
            assert subprocess.run(words, capture_output=True, cwd=settings.ROOT).returncode == 0, command
