"""``pendopo docs``: the data dictionary says what the project says, stands alone and can be searched."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright
from typer.testing import CliRunner

from deploy import commands, dictionary, docs_site
from ingestion import settings
from ingestion.cli import app
from ingestion.contract import load_contracts

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]


@pytest.fixture(scope="module")
def site() -> Iterator[Path]:
    """The pages of an installation that was never started: nothing but the checkout is needed."""
    with tempfile.TemporaryDirectory(prefix="pendopo-docs-") as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENDOPO_HOME", home)
        patch.setenv("REGION", "35.23")
        said: list[str] = []
        docs_site.build(Path(home) / "docs", said.append)
        assert "Basis data tidak berjalan" in said[0]
        yield Path(home) / "docs"


@pytest.fixture(scope="module")
def text(site: Path) -> str:
    return (site / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def manifest(site: Path) -> dict[str, Any]:
    """What dbt's own page carries."""
    page = (site / "dbt.html").read_text(encoding="utf-8")
    start = page.index('{"metadata"')
    content: dict[str, Any] = json.JSONDecoder().raw_decode(page, start)[0]
    return content


class Ids(HTMLParser):
    """Targets and links of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.assets: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name == "href" and tag == "a":
                self.links.add(str(value))
            if name == "src" or (name == "href" and tag != "a"):
                self.assets.append(str(value))


def test_every_mart_and_every_column_stands_on_the_page(text: str, manifest: dict[str, Any]) -> None:
    found = dictionary.collect(manifest, load_contracts())
    marts = {mart.name: mart for group in found.marts.values() for mart in group}
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert set(marts) == {node["name"] for node in models if node["fqn"][1] == "marts"}
    ids = Ids(text).ids
    for name, mart in marts.items():
        assert name in ids
        assert (
            mart.label != name and mart.grain and mart.owner and mart.classification in ("publik", "internal")
        )
        assert any(column.is_key for column in mart.columns), name
        for column in mart.columns:
            assert column.label and column.unit and column.description, f"{name}.{column.name}"
            # The words for a type must be words: an unknown type shows its SQL name.
            assert column.kind in {words for _, words in dictionary.TYPES}, column.data_type


def test_every_contract_stands_with_its_promise_and_what_uses_it(text: str, manifest: dict[str, Any]) -> None:
    found = {source.source_id: source for source in dictionary.collect(manifest, load_contracts()).sources}
    assert set(found) == set(load_contracts())
    aduan = found["diskominfo__aduan"]
    assert {"fct_complaint", "agg_complaint_month"} <= set(aduan.marts)
    assert aduan.error_after_days > aduan.warn_after_days > 0
    for source in found.values():
        assert source.marts, f"{source.source_id}: no mart uses it"
        assert source.folder in text


def test_the_way_of_a_mart_ends_at_the_files(manifest: dict[str, Any]) -> None:
    found = dictionary.collect(manifest, load_contracts())
    marts = {mart.name: mart for group in found.marts.values() for mart in group}
    upstream = marts["agg_complaint_month"].upstream
    assert "diskominfo__aduan" in upstream["source"] and "stg_diskominfo__aduan" in upstream["staging"]
    assert "fct_complaint" in upstream["marts"]
    assert "agg_complaint_month" in marts["fct_complaint"].downstream
    assert marts["dim_region"].upstream.keys() >= {"seed"}
    steps = {layer for step in dictionary.STEPS for layer in step}
    assert {layer for mart in marts.values() for layer in mart.upstream} <= steps


def test_links_lead_somewhere_and_nothing_comes_from_the_network(text: str) -> None:
    page = Ids(text)
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        assert link == docs_site.DBT_PAGE or link.removeprefix("#") in page.ids, link
    assert not page.assets
    assert not re.search(r"url\(|@import|https?://", text)


def test_what_a_contract_says_cannot_become_markup(manifest: dict[str, Any]) -> None:
    node = next(n for n in manifest["nodes"].values() if n["name"] == "fct_complaint")
    before = node["description"]
    node["description"] = "<script>alert(1)</script>"
    page = dictionary.render(dictionary.collect(manifest, load_contracts()), None)
    node["description"] = before
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    chromium = shutil.which("chromium")
    assert chromium, "Chromium is missing; 'make test' installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser.new_page()
        browser.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_a_search_leaves_only_what_fits_on_every_width(site: Path, page: Page, width: int) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: request.url.startswith("file:") or problems.append(request.url))
    page.set_viewport_size({"width": width, "height": 844})
    page.goto((site / "index.html").as_uri())
    assert page.locator(".card:visible").count() == page.locator(".card").count()
    assert page.locator("nav ul:visible").count() == (0 if width < 760 else page.locator("nav ul").count())

    page.fill("#query", "TEPAT waktu")
    cards = page.locator(".card:visible")
    assert 0 < cards.count() < page.locator(".card").count()
    rows = page.locator("tbody tr:visible").all_inner_texts()
    assert rows and all("tepat" in row.lower() and "waktu" in row.lower() for row in rows)
    assert f"{cards.count()} tabel, {len(rows)} kolom cocok" == page.inner_text("#count")

    page.fill("#query", "tidakadayangbegini")
    assert page.locator(".card:visible").count() == 0 and page.is_visible("#none")

    page.fill("#query", "")
    page.goto((site / "index.html").as_uri() + "#fct_complaint")
    assert page.is_visible("#fct_complaint tbody tr:first-child")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert problems == []


def test_dbts_own_page_opens_without_the_network(site: Path, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((site / "dbt.html").as_uri())
    page.wait_for_selector("text=pendopo", state="attached")
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_server_gives_the_two_pages_and_nothing_else(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENDOPO_PORT_DOCS", str(free_port()))
    (site / "rahasia.txt").write_text("tidak untuk dibaca")
    with docs_site.server(site) as server:
        assert server.server_address[0] == "127.0.0.1"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for path in ("/", "/index.html", "/dbt.html", "/?cari=1"):
            with urllib.request.urlopen(settings.service_url("docs") + path) as answer:
                assert answer.status == 200 and answer.headers["Cache-Control"] == "no-cache"
        for path in ("/rahasia.txt", "/..%2fsecrets.json", "/.."):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(settings.service_url("docs") + path)
            assert refused.value.code == 404
        server.shutdown()
    (site / "rahasia.txt").unlink()


def test_a_port_in_use_is_said_with_the_way_out(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("PENDOPO_PORT_DOCS", str(port))
        with pytest.raises(docs_site.DocsError, match=f"Port {port} tidak dapat dipakai.*PENDOPO_PORT_DOCS="):
            docs_site.server(site)


def test_the_command_serves_until_it_is_interrupted(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(folder: Path, say: docs_site.Say) -> Path:
        shutil.copytree(site, folder)
        return folder / "index.html"

    def interrupted(self: Any, poll_interval: float = 0.5) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(docs_site, "build", build)
    monkeypatch.setattr(docs_site.http.server.ThreadingHTTPServer, "serve_forever", interrupted)
    monkeypatch.setenv("PENDOPO_PORT_DOCS", str(free_port()))
    if "docs" not in {command.name or command.callback.__name__ for command in app.registered_commands}:
        commands.register(app)
    result = CliRunner().invoke(app, ["docs", "--serve", "--output", str(site.parent / "lain")])
    assert result.exit_code == 130, result.output
    assert settings.service_url("docs") in result.output and "Berhenti." in result.output


def test_a_project_that_dbt_refuses_ends_with_its_words(tmp_path: Path) -> None:
    program = "from ingestion.cli import main; main()"
    environment = os.environ | {"PENDOPO_HOME": str(tmp_path), "REGION": "99.99"}
    command = [sys.executable, "-c", program, "docs"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 1
    assert "REGION=99.99 tidak punya berkas" in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "docs").exists()
