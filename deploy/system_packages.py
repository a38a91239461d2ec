"""Debian packages that only the tests need: installed as root, otherwise named in one exact line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

# Program that must be on the path → Debian package.
PACKAGES = {"chromium": "chromium", "docker-compose": "docker-compose"}


def missing() -> list[str]:
    """Packages whose program is not there."""
    return sorted(package for program, package in PACKAGES.items() if shutil.which(program) is None)


def main() -> int:
    packages = missing()
    if not packages:
        return 0
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    if os.geteuid() != 0:
        print(f"Pengujian butuh paket Debian. Jalankan dulu: sudo {' '.join(command)}", file=sys.stderr)
        return 1
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    print(f"Memasang paket Debian: {', '.join(packages)}", flush=True)
    subprocess.run(["apt-get", "update", "--quiet"], check=False, env=environment, stdout=subprocess.DEVNULL)
    result = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL)
    if result.returncode != 0:
        print(f"Paket Debian tidak terpasang. Jalankan sendiri: {' '.join(command)}", file=sys.stderr)
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
