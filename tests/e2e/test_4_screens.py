"""What a person sees: every dashboard in a real browser, signed in as the leader."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from ingestion import settings

pytestmark = pytest.mark.e2e

FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SLUGS = ("pimpinan", "aduan", "absensi", "kemiskinan", "anggaran")
ERRORS = re.compile(r"Unexpected error|An error occurred|Error:|tidak ada data|No data|No results", re.I)


@pytest.fixture(scope="module")
def page(center) -> Iterator[Page]:
    chromium = shutil.which("chromium")
    assert chromium, "Chromium is missing; 'make test' installs it"
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=chromium,
            args=FLAGS,
            viewport={"width": 1366, "height": 768},
            locale="id-ID",
        )
        page = context.new_page()
        page.goto(f"{settings.service_url('superset')}/login/")
        page.fill("#username", "leader")
        page.fill("#password", settings.secret("login_leader"))
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/login" not in url, timeout=60_000)
        yield page
        context.close()


def drawn_text(page: Page, slug: str) -> str:
    """Text of a dashboard once every chart has been drawn, whether in view or not."""
    page.set_viewport_size({"width": 1366, "height": 4000})
    page.goto(f"{settings.service_url('superset')}/superset/dashboard/{slug}/")
    page.wait_for_selector(".dashboard-component-chart-holder", timeout=90_000)
    page.wait_for_function(
        "() => document.querySelectorAll('.dashboard-component-chart-holder').length > 0"
        " && document.querySelectorAll('.loading, [data-test=loading-indicator]').length === 0",
        timeout=90_000,
    )
    page.wait_for_timeout(1000)
    text: Any = page.inner_text("body")
    return str(text)


@pytest.mark.parametrize("slug", SLUGS)
def test_a_leader_sees_the_dashboard_drawn_labelled_and_without_an_error(page, slug):
    text = drawn_text(page, slug)
    assert "DATA CONTOH" in text.upper()
    assert not ERRORS.search(text), ERRORS.search(text)


MONTHS = (
    *("Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli"),
    *("Agustus", "September", "Oktober", "November", "Desember"),
)


def test_the_leaders_tiles_name_the_period_of_their_value(page, center):
    rows = center.query(
        "select kpi_code, period_on, value from marts.agg_kpi where value is not null", role="bi_staff"
    )
    by_code = {code: (period, value) for code, period, value in rows}
    text = drawn_text(page, "pimpinan")
    for title, code in (("Serapan", "absorption_pct"), ("Kehadiran", "attendance_pct")):
        period, value = by_code[code]
        number = f"{value:.1f}".replace(".", ",")
        assert re.search(rf"{title}\s+{MONTHS[period.month - 1]} {period.year}\s+{number}", text), title
    period, _ = by_code["poverty_p0"]
    assert re.search(rf"Penduduk miskin\s+{period.year}\s", text)
