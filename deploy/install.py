"""Install both environments from their locks. Runs on a bare Python 3.11 or 3.12, standard library only.

Called by ``make``. Does nothing when both environments already match their locks.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "deploy" / "locks"
TOOLS = ROOT / ".pendopo" / "tools"
NEEDED_FREE_BYTES = 5 * 2**30
ENVIRONMENTS = {".venv": "warehouse", ".venv-superset": "superset"}


def stop(message: str) -> None:
    """End with one sentence for the user."""
    raise SystemExit(f"pendopo: {message}")


def check_machine() -> None:
    if sys.version_info[:2] not in ((3, 11), (3, 12)):
        stop(
            f"butuh Python 3.11 atau 3.12, ini {platform.python_version()}. "
            "Pilih yang lain dengan: make up PYTHON=python3.12"
        )
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        stop(f"hanya Linux x86-64 yang didukung, ini {platform.system()} {platform.machine()}.")


def is_current(environment: str, lock: str) -> bool:
    marker = ROOT / environment / "pendopo-lock"
    return marker.exists() and marker.read_text() == fingerprint(lock)


def fingerprint(lock: str) -> str:
    """Changes with the lock, the interpreter and the place of the checkout (scripts carry its path)."""
    digest = hashlib.sha256((LOCKS / f"{lock}.txt").read_bytes())
    digest.update((ROOT / "pyproject.toml").read_bytes())
    digest.update(f"{platform.python_version()} {ROOT}".encode())
    return digest.hexdigest()


def install_uv() -> Path:
    """Put the pinned uv into a folder of its own; returns its path."""
    program = TOOLS / "bin" / "uv"
    marker = TOOLS / "uv-lock"
    wanted = (LOCKS / "uv.txt").read_text()
    if program.exists() and marker.exists() and marker.read_text() == wanted:
        return program
    TOOLS.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--upgrade", "--require-hashes", "--target", str(TOOLS), "-r", str(LOCKS / "uv.txt")),
    ]
    if not has_pip():
        environment = TOOLS / "pip"
        made = subprocess.run(
            [sys.executable, "-m", "venv", str(environment)], capture_output=True, text=True
        )
        if made.returncode != 0:
            stop("Python ini tanpa pip dan venv. Di Debian: apt-get install python3-pip python3-venv")
        command[0] = str(environment / "bin" / "python")
    run(command, "uv")
    marker.write_text(wanted)
    return program


def has_pip() -> bool:
    return subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode == 0


def run(command: list[str], what: str, tries: int = 3) -> None:
    """Run a download; a broken connection is tried again, then explained."""
    for attempt in range(1, tries + 1):
        result = subprocess.run(command, stderr=subprocess.PIPE, text=True, env=tool_environment())
        if result.returncode == 0:
            return
        if attempt < tries:
            print(f"  {what}: percobaan {attempt} gagal, diulang …", flush=True)
            time.sleep(2 * attempt)
    detail = "\n".join(result.stderr.strip().splitlines()[-8:])
    stop(
        f"{what} tidak terpasang. Periksa jaringan atau cermin indeks paket, lalu ulangi 'make install'; "
        f"yang sudah terunduh tidak diunduh lagi.\n{detail}"
    )


def tool_environment() -> dict[str, str]:
    """uv must use this interpreter, and the index that pip was told to use."""
    environment = os.environ | {"UV_PYTHON_DOWNLOADS": "never", "UV_LINK_MODE": "copy"}
    environment.pop("VIRTUAL_ENV", None)
    for setting, variable in (("index-url", "UV_DEFAULT_INDEX"), ("cert", "SSL_CERT_FILE")):
        own = os.environ.get("PIP_" + setting.replace("-", "_").upper()) or pip_settings().get(setting)
        if own and variable not in environment:
            environment[variable] = own
    return environment


@functools.cache
def pip_settings() -> dict[str, str]:
    """Settings in pip's files: an operator's mirror is configured once."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    lines = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    pairs = [line.partition("=") for line in lines]
    # Names look like global.cert and install.cert.
    return {name.rpartition(".")[2]: value.strip("'\"") for name, _, value in pairs}


def install(uv: Path, environment: str, lock: str) -> None:
    folder = ROOT / environment
    python = folder / "bin" / "python"
    began = time.monotonic()
    print(f"  {environment}: paket dari {lock}.txt …", flush=True)
    marker = folder / "pendopo-lock"
    marker.unlink(missing_ok=True)
    if not python.exists():
        shutil.rmtree(folder, ignore_errors=True)
        run([str(uv), "venv", "--quiet", "--python", sys.executable, str(folder)], environment)
    quiet = [str(uv), "pip", "sync", "--quiet", "--require-hashes"]
    run([*quiet, "--python", str(python), str(LOCKS / f"{lock}.txt")], environment)
    if lock == "warehouse":
        flags = ["--quiet", "--no-deps", "--no-build-isolation", "--python", str(python)]
        run([str(uv), "pip", "install", *flags, "--editable", str(ROOT)], "perintah pendopo")
    marker.write_text(fingerprint(lock))
    print(f"  {environment}: siap ({time.monotonic() - began:.0f} detik)", flush=True)


def main() -> None:
    check_machine()
    wanted = {name: lock for name, lock in ENVIRONMENTS.items() if not is_current(name, lock)}
    if not wanted:
        return
    free = shutil.disk_usage(ROOT).free
    if free < NEEDED_FREE_BYTES:
        needed = NEEDED_FREE_BYTES / 2**30
        stop(f"disk hampir penuh: {free / 2**30:.1f} GB tersisa, dibutuhkan {needed:.0f} GB.")
    print("Memasang lingkungan Python (sekali saja):", flush=True)
    uv = install_uv()
    for environment, lock in wanted.items():
        install(uv, environment, lock)


if __name__ == "__main__":
    main()
