"""docker-compose.yml: what can be proved without a container engine.

The containers themselves are not started by any test. What is proved is that the file is valid for
docker-compose 1.29 (its schema is the one Compose v2 grew from), and that a container runs nothing but what
the local runner runs, so that the end-to-end tests speak for its commands.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest
import yaml

from deploy import services
from deploy.airflow import environment as airflow_environment
from ingestion import settings

FILE = settings.ROOT / "docker-compose.yml"
OWN_IMAGE = "pendopo:"


def _resolved(tmp_path, variables: dict[str, str] | None = None) -> dict[str, Any]:
    """The file as docker-compose understands it: anchors merged, variables filled in."""
    program = shutil.which("docker-compose")
    if program is None:
        pytest.fail("docker-compose is missing: apt-get install docker-compose")
    result = subprocess.run(
        [program, "--file", str(FILE), "config"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)} | (variables or {}),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "WARNING" not in result.stderr, result.stderr
    content: dict[str, Any] = yaml.safe_load(result.stdout)
    return content


@pytest.fixture(scope="module")
def compose(tmp_path_factory) -> dict[str, Any]:
    return _resolved(tmp_path_factory.mktemp("compose"))


def _own(compose: dict[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in compose["services"].items() if item["image"].startswith(OWN_IMAGE)}


def test_every_command_is_one_of_the_local_runner(compose):
    for name, item in _own(compose).items():
        assert item["command"][:2] == ["pendopo", "run"], f"{name}: start it by `pendopo run NAME`"
        assert item["command"][2:] == [name]
        assert name == "prepare" or name in services.SERVICES
    for name in set(compose["services"]) - set(_own(compose)):
        assert "command" not in compose["services"][name], f"{name}: the image's own command does"


def test_every_service_of_the_runner_has_a_container(compose):
    # The watchdog restarts what hangs on one machine; containers have their health checks instead.
    assert set(services.SERVICES) - {"watchdog"} <= set(compose["services"])
    assert "redis" in compose["services"]


def test_every_service_has_a_health_check_of_its_own(compose):
    for name, item in compose["services"].items():
        if name == "prepare":
            continue
        check = item["healthcheck"]["test"]
        assert check[0] == "CMD"
        if name in _own(compose):
            assert check[1:] == ["pendopo", "health", name]


def test_nothing_runs_as_root_or_gains_rights(compose):
    for name, item in compose["services"].items():
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", item["user"]), name
        assert item["cap_drop"] == ["ALL"], name
        assert item["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in item
    last_user = re.findall(r"^USER (\w+)", (settings.ROOT / "deploy" / "Dockerfile").read_text(), re.M)[-1]
    assert last_user != "root"


def test_images_are_named_by_version_and_without_digest(compose):
    for name, item in compose["services"].items():
        assert re.fullmatch(r"[a-z]+:\d+(\.\d+)*", item["image"]), f"{name}: {item['image']}"
    dockerfile = (settings.ROOT / "deploy" / "Dockerfile").read_text()
    for image in re.findall(r"^FROM (\S+)", dockerfile, re.M):
        assert re.fullmatch(r"[a-z]+:\d+\.\d+[\w.-]*", image), image


def test_no_secret_stands_in_the_file_and_all_come_by_file(compose):
    for name, item in compose["services"].items():
        for key, value in item.get("environment", {}).items():
            if re.search(r"password|secret|key|token", key, re.I):
                assert key.endswith("_FILE"), f"{name}: {key} must name a file"
            assert not re.search(r"://[^/@\s]*:[^/@\s]+@", str(value)), f"{name}: {key} holds a password"
    assert all(set(secret) <= {"file", "name"} for secret in compose["secrets"].values())
    # Only the server and the init service see the administrator's password.
    holders = {name for name, item in compose["services"].items() if item.get("secrets")}
    assert holders == {"postgres", "prepare"}


def test_only_prepare_may_write_the_generated_secrets(compose):
    for name, item in _own(compose).items():
        mounts = {volume.split(":")[1]: volume.split(":")[2:] for volume in item["volumes"]}
        mode = mounts["/var/lib/pendopo/secrets"]
        assert (mode == ["ro"]) == (name != "prepare"), name
        assert item["environment"]["PENDOPO_SECRETS_FILE"].startswith("/var/lib/pendopo/secrets/")


def test_services_wait_for_what_they_need(compose):
    for name, item in _own(compose).items():
        wanted = (
            {"postgres": "service_healthy", "redis": "service_healthy"}
            if name == "prepare"
            else {"prepare": "service_completed_successfully"}
        )
        assert {key: value["condition"] for key, value in item["depends_on"].items()} == wanted


def test_ports_are_published_to_this_machine_only(compose, tmp_path):
    published = {name: item["ports"] for name, item in compose["services"].items() if "ports" in item}
    assert set(published) == {"airflow-api-server", "superset-staff"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    wider = _resolved(tmp_path, {"PENDOPO_BIND": "10.0.0.5", "PENDOPO_PORT_SUPERSET": "9088"})
    assert wider["services"]["superset-staff"]["ports"] == ["10.0.0.5:9088:8088/tcp"]


def test_a_folder_of_the_host_may_be_the_drop_folder(tmp_path):
    content = _resolved(tmp_path, {"PENDOPO_LANDING_DIR": "/srv/kotak-masuk"})
    for name, item in _own(content).items():
        assert "/srv/kotak-masuk:/var/lib/pendopo/landing:rw" in item["volumes"], name


@pytest.fixture
def scheduler_environment(compose, tmp_path, monkeypatch) -> dict[str, str]:
    """Airflow's variables in a container."""
    for name in list(os.environ):
        if name.startswith(("PENDOPO_", "AIRFLOW__")):
            monkeypatch.delenv(name)
    variables = dict(compose["services"]["airflow-scheduler"]["environment"])
    variables["PENDOPO_SECRETS_FILE"] = str(tmp_path / "secrets.json")
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    settings.generate_secrets()
    return airflow_environment.airflow_environment()


def test_the_containers_settings_give_celery_and_the_public_address(scheduler_environment):
    result = scheduler_environment
    assert result["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert result["AIRFLOW__CELERY__BROKER_URL"] == "redis://redis:6379/0"
    assert result["AIRFLOW__API__HOST"] == "0.0.0.0"
    assert result["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:8080"
    assert result["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://airflow-api-server:8080/execution/"
    assert "@postgres:5432/airflow" in result["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]


def test_the_celery_executor_of_the_lock_can_be_loaded(scheduler_environment, tmp_path):
    """Provider and celery are released apart: celery 5.7 dropped what the provider imports."""
    code = (
        "from airflow.providers.celery.executors.celery_executor import app;"
        "from airflow.executors.executor_loader import ExecutorLoader;"
        "print(ExecutorLoader.import_default_executor_cls()[0].__name__, app.conf.broker_url)"
    )
    environment = os.environ | scheduler_environment | {"AIRFLOW_HOME": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.split()[-2:] == ["CeleryExecutor", "redis://redis:6379/0"]
