"""The supervisor's configuration holds for any folder, and a lost supervisor is told from a living one."""

from __future__ import annotations

import dataclasses
import socket
import time

import pytest
from supervisor.options import ServerOptions

from deploy import services, supervisor
from ingestion import settings


@pytest.mark.parametrize("name", ["plain", "with a space", "it's"])
def test_any_folder_name_survives_the_configuration(tmp_path, monkeypatch, name):
    home, programs = tmp_path / name / "home", tmp_path / name / "bin"
    monkeypatch.setenv("PENDOPO_HOME", str(home))
    monkeypatch.delenv("PENDOPO_DATABASE_URL", raising=False)
    monkeypatch.setattr(services, "WAREHOUSE_BIN", programs)
    programs.mkdir(parents=True)
    (programs / "pendopo").write_text("#!/bin/sh\n")
    (programs / "pendopo").chmod(0o755)
    options = ServerOptions()
    options.configfile = str(supervisor.write_configuration())
    options.process_config(do_usage=False)
    processes = {
        config.name: config for group in options.process_group_configs for config in group.process_configs
    }
    assert set(processes) == {service.name for service in services.local_services()}
    for service_name, config in processes.items():
        program, arguments = config.get_path(), config.command
        assert service_name in arguments
        assert program
    log = processes["superset-staff"].stdout_logfile
    assert log == str(home / "logs" / "superset-staff.log")
    settings.socket_dir().rmdir()


def test_a_percent_sign_in_the_folder_is_refused_with_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("PENDOPO_HOME", str(tmp_path / "50% off"))
    with pytest.raises(supervisor.SupervisorError, match="tanda persen"):
        supervisor.write_configuration()


def test_a_supervisor_that_accepts_but_never_answers_does_not_count(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "socket_path", lambda: tmp_path / "s")
    monkeypatch.setattr(supervisor, "ANSWER_SECONDS", 0.3)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        began = time.monotonic()
        assert supervisor.is_running() is False
        assert time.monotonic() - began < 5


def test_the_answer_of_a_killed_predecessor_is_not_taken_for_the_service(tmp_path, monkeypatch):
    monkeypatch.setenv("PENDOPO_HOME", str(tmp_path))
    service = dataclasses.replace(services.SERVICES["superset-staff"], health=lambda: "up")
    recorded = services.run_folder() / f"{service.name}.pgid"
    recorded.write_text("100")
    assert services.state_of(service, "RUNNING", 5, pid=200) == {"state": "starting"}
    recorded.write_text("200")
    assert services.state_of(service, "RUNNING", 5, pid=200) == {"state": "up"}
