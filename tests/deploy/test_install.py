"""The installer stops with one sentence, before anything is half done."""

from __future__ import annotations

import collections
import subprocess
import sys

import pytest

from deploy import install, system_packages

Usage = collections.namedtuple("Usage", "total used free")


def test_an_unfit_python_is_named_with_the_way_out(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 14, 0, "final", 0))
    with pytest.raises(SystemExit, match=r"Python 3\.11 atau 3\.12.*PYTHON="):
        install.check_machine()


def test_a_full_disk_is_said_before_anything_is_downloaded(monkeypatch):
    monkeypatch.setattr(install, "is_current", lambda environment, lock: False)
    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: Usage(10**12, 10**12, 2**30))
    monkeypatch.setattr(install, "install_uv", lambda: pytest.fail("downloaded with a full disk"))
    with pytest.raises(SystemExit, match=r"disk hampir penuh: 1\.0 GB"):
        install.main()


def test_a_broken_download_is_tried_again_and_then_explained(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(install.time, "sleep", lambda seconds: None)
    tries = tmp_path / "tries"
    script = f"echo x >> {tries}; echo 'connection reset by peer' >&2; exit 1"
    with pytest.raises(SystemExit, match=r"(?s)Periksa jaringan.*ulangi 'make install'.*connection reset"):
        install.run(["sh", "-c", script], "uv")
    assert len(tries.read_text().splitlines()) == 3
    assert "diulang" in capsys.readouterr().out


def test_a_download_that_works_the_second_time_is_enough(monkeypatch, tmp_path):
    monkeypatch.setattr(install.time, "sleep", lambda seconds: None)
    mark = tmp_path / "mark"
    install.run(["sh", "-c", f"test -e {mark} || {{ touch {mark}; exit 1; }}"], "uv")


def test_the_mirror_that_pip_knows_is_used_for_everything(monkeypatch):
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "https://cermin.example/simple")
    monkeypatch.setenv("PIP_CERT", "/etc/ssl/cermin.pem")
    install.pip_settings.cache_clear()
    environment = install.tool_environment()
    install.pip_settings.cache_clear()
    assert environment["UV_DEFAULT_INDEX"] == "https://cermin.example/simple"
    assert environment["SSL_CERT_FILE"] == "/etc/ssl/cermin.pem"
    assert environment["UV_PYTHON_DOWNLOADS"] == "never"


def test_the_mirror_in_pips_own_file_is_used_too(monkeypatch):
    listing = "global.cert='/etc/ssl/cermin.pem'\nglobal.index-url='https://cermin.example/simple'\n"
    for name in ("UV_DEFAULT_INDEX", "SSL_CERT_FILE", "PIP_INDEX_URL", "PIP_CERT"):
        monkeypatch.delenv(name, raising=False)
    answer = subprocess.CompletedProcess([], 0, stdout=listing)
    monkeypatch.setattr(install.subprocess, "run", lambda *arguments, **options: answer)
    install.pip_settings.cache_clear()
    environment = install.tool_environment()
    install.pip_settings.cache_clear()
    assert environment["UV_DEFAULT_INDEX"] == "https://cermin.example/simple"
    assert environment["SSL_CERT_FILE"] == "/etc/ssl/cermin.pem"


def test_a_changed_lock_or_interpreter_installs_anew(monkeypatch):
    before = install.fingerprint("warehouse")
    assert before != install.fingerprint("superset")
    monkeypatch.setattr(install.platform, "python_version", lambda: "3.12.99")
    assert before != install.fingerprint("warehouse")


def test_missing_debian_packages_are_named_in_one_exact_line(monkeypatch, capsys):
    monkeypatch.setattr(system_packages, "missing", lambda: ["chromium"])
    monkeypatch.setattr(system_packages.os, "geteuid", lambda: 1000)
    assert system_packages.main() == 1
    line = "sudo apt-get install --yes --quiet --no-install-recommends chromium"
    assert line in capsys.readouterr().err
