"""Debian packages that only the tests need: installed as root, otherwise named in one exact line."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# Program that must be on the path → Debian package.
PACKAGES = {"chromium": "chromium", "docker-compose": "docker-compose", "sshd": "openssh-server"}
# Where Debian keeps servers; not on an ordinary user's path.
SEARCH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
POLICY = Path("/usr/sbin/policy-rc.d")


def missing() -> list[str]:
    """Packages whose program is not there."""
    return sorted(
        package for program, package in PACKAGES.items() if shutil.which(program, path=SEARCH) is None
    )


@contextlib.contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian starts the servers that it installs unless this file forbids it; the tests start their own."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


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
    with _no_service_starts():
        result = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL)
    if result.returncode != 0:
        print(f"Paket Debian tidak terpasang. Jalankan sendiri: {' '.join(command)}", file=sys.stderr)
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
