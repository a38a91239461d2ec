"""The configuration as Superset really loads it: one test a line of hardening or of Indonesian form."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingestion import settings

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "superset" / "config"
PYTHON = Path(os.environ.get("PENDOPO_SUPERSET_PYTHON") or ROOT / ".venv-superset" / "bin" / "python")
DUMP = """
import json, superset.config as c
print(json.dumps({k: getattr(c, k) for k in dir(c) if k.isupper()}, default=repr, skipkeys=True))
"""
PACK = """
import json
from flask import Flask
from superset.config import BLUEPRINTS
app = Flask("pack")
for blueprint in BLUEPRINTS:
    app.register_blueprint(blueprint)
client = app.test_client()
print(json.dumps([client.get("/superset/language_pack/id/").json, client.get("/pendopo/logo.svg").text]))
"""


def _run(code: str, home: Path, **more: str) -> Any:
    environment = os.environ | {
        "PENDOPO_HOME": str(home),
        "REGION": "35.23",
        "SUPERSET_CONFIG_PATH": str(CONFIG / "superset_config_staff.py"),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [str(PYTHON), "-c", code],
        env=environment | more,
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("superset-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENDOPO_HOME", str(folder))
        patch.delenv("PENDOPO_SECRETS_FILE", raising=False)
        settings.generate_secrets()
    return folder


@pytest.fixture(scope="module")
def config(home: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = _run(DUMP, home)
    return loaded


@pytest.fixture(scope="module")
def policy(config: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = config["TALISMAN_CONFIG"]["content_security_policy"]
    return found


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("TALISMAN_ENABLED", True),
        ("WTF_CSRF_ENABLED", True),
        ("RATELIMIT_ENABLED", True),
        ("AUTH_RATE_LIMITED", True),
        ("ENABLE_CORS", False),
        ("ENABLE_PROXY_FIX", False),
        ("FAB_API_SWAGGER_UI", False),
        ("SHOW_STACKTRACE", False),
        ("SESSION_COOKIE_HTTPONLY", True),
        ("SESSION_COOKIE_SAMESITE", "Lax"),
        ("SESSION_COOKIE_SECURE", False),
        ("PERMANENT_SESSION_LIFETIME", "datetime.timedelta(seconds=28800)"),
        ("PUBLIC_ROLE_LIKE", None),
        ("DATASET_IMPORT_ALLOWED_DATA_URLS", []),
        ("PREVENT_UNSAFE_DB_CONNECTIONS", True),
        ("SQLALCHEMY_EXAMPLES_URI", None),
        ("HTML_SANITIZATION", True),
        ("DASHBOARD_AUTO_REFRESH_MODE", "fetch"),
        ("SQLLAB_TIMEOUT", 30),
        ("BABEL_DEFAULT_LOCALE", "id"),
        ("ENABLE_UI_THEME_ADMINISTRATION", False),
    ],
)
def test_setting(config: dict[str, Any], name: str, wanted: Any) -> None:
    assert config[name] == wanted


def test_secrets_are_generated_and_differ(config: dict[str, Any]) -> None:
    assert len(config["SECRET_KEY"]) >= 42
    assert len(config["GUEST_TOKEN_JWT_SECRET"]) >= 42
    assert config["SECRET_KEY"] != config["GUEST_TOKEN_JWT_SECRET"]
    assert config["GUEST_TOKEN_JWT_AUDIENCE"]


def test_cookie_name_tells_installations_apart(config: dict[str, Any], tmp_path: Path) -> None:
    assert re.fullmatch(r"pendopo_staff_session_[0-9a-f]{8}", config["SESSION_COOKIE_NAME"])


def test_cookie_is_secure_behind_https(home: Path) -> None:
    loaded = _run(DUMP, home, PENDOPO_SUPERSET_URL="https://data.tubankab.example")
    assert loaded["SESSION_COOKIE_SECURE"] and loaded["TALISMAN_CONFIG"]["session_cookie_secure"]


def test_only_this_host_may_frame_pages(policy: dict[str, Any]) -> None:
    assert policy["frame-ancestors"] == ["'self'"]


def test_pages_load_nothing_from_other_hosts(policy: dict[str, Any]) -> None:
    assert "http" not in json.dumps(policy), "the content security policy names another host"


def test_scripts_need_a_nonce(policy: dict[str, Any]) -> None:
    assert "'unsafe-eval'" not in policy["script-src"] and "'unsafe-inline'" not in policy["script-src"]


def test_guests_have_a_role_of_their_own(config: dict[str, Any]) -> None:
    assert config["GUEST_ROLE_NAME"] not in ("Public", "Gamma")


def test_caches_are_folders_of_the_installation(config: dict[str, Any], home: Path) -> None:
    for name in ("CACHE_CONFIG", "DATA_CACHE_CONFIG"):
        assert config[name]["CACHE_TYPE"] == "FileSystemCache"
        assert config[name]["CACHE_DIR"].startswith(str(home))


def test_numbers_and_months_are_indonesian(config: dict[str, Any]) -> None:
    assert config["D3_FORMAT"] == {
        "decimal": ",",
        "thousands": ".",
        "grouping": [3],
        "currency": ["Rp ", ""],
    }
    assert config["D3_TIME_FORMAT"]["months"][7] == "Agustus"


def test_theme_keeps_every_shipped_token_and_takes_the_regions_colour(config: dict[str, Any]) -> None:
    region = yaml.safe_load(settings.region_file("35.23").read_text())
    token = config["THEME_DEFAULT"]["token"]
    assert token["colorPrimary"] == region["theme"]["primary"]
    assert {"fontFamily", "colorError", "brandSpinnerUrl", "fontSizeXS"} <= set(token)


def test_trend_lines_are_straight_between_their_values(config: dict[str, Any]) -> None:
    overrides = config["THEME_DEFAULT"]["token"]["echartsOptionsOverridesByChartType"]
    assert overrides["big_number"]["series"] == {"smooth": False}


def test_event_log_keeps_what_matters_and_drops_spinners(home: Path) -> None:
    code = """
import json, superset.config as c, superset.utils.log as log
kept = []
log.DBEventLogger.log = lambda self, user, action, *rest, **more: kept.append(action)
for action in ("mount_dashboard", "ChartRestApi.put", "SqlLabRestApi.execute_sql_query", "spa_navigation",
               "load_chart", "ChartDataRestApi.data", "render_chart", "AuthDBView.login"):
    c.EVENT_LOGGER.log(1, action, None, None, None, None)
print(json.dumps(kept))
"""
    assert _run(code, home) == [
        "mount_dashboard",
        "ChartRestApi.put",
        "SqlLabRestApi.execute_sql_query",
        "AuthDBView.login",
    ]


def test_language_pack_and_logo_are_served_to_everyone(home: Path) -> None:
    pack, logo = _run(PACK, home)
    entries = pack["locale_data"]["superset"]
    assert entries[""]["lang"] == "id"
    assert entries["Sign in"] == ["Masuk"]
    assert "Pendopo Tuban" in logo


def test_translations_are_of_messages_that_exist() -> None:
    """A misspelt English message would never be looked up."""
    packages = next((PYTHON.parents[1] / "lib").glob("python3*/site-packages"))
    known = _messages(packages / "superset" / "translations" / "messages.pot")
    known |= _messages(packages / "flask_appbuilder" / "translations" / "de" / "LC_MESSAGES" / "messages.po")
    translated = yaml.safe_load((CONFIG / "indonesian.yaml").read_text())
    known.add("Select schema")  # newer than the catalogue that 6.1 ships
    assert not set(translated) - known


def test_translations_keep_their_placeholders() -> None:
    for english, indonesian in yaml.safe_load((CONFIG / "indonesian.yaml").read_text()).items():
        marks = re.compile(r"%(?:\(\w+\))?[sd]")
        assert sorted(marks.findall(english)) == sorted(marks.findall(indonesian)), english


def _messages(path: Path) -> set[str]:
    found = re.findall(r'^msgid(?:_plural)? (".*"(?:\n".*")*)', path.read_text(), re.MULTILINE)
    return {"".join(json.loads(line) for line in text.split("\n")) for text in found}
