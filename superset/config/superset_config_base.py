"""Configuration that every Superset of Pendopo shares; read by ``superset_config_staff.py``.

Only names in capital letters reach Superset. What each line changes against the shipped default, and why,
stands beside it; the tests in ``tests/superset/test_config.py`` hold one line each.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import yaml
from indonesian_pack import blueprint
from superset.utils.log import DBEventLogger

from ingestion import settings
from superset.config import DEFAULT_FEATURE_FLAGS as SHIPPED_FLAGS
from superset.config import TALISMAN_CONFIG as SHIPPED_TALISMAN
from superset.config import THEME_DEFAULT as SHIPPED_THEME

REGION = yaml.safe_load(settings.region_file().read_text())
_THEME = REGION.get("theme", {})
_STATE = settings.home() / "superset"
_HOUR = int(timedelta(hours=1).total_seconds())

# --- What people read ------------------------------------------------------------------------------
APP_NAME = f"Pendopo {REGION['short_name']}"
BABEL_DEFAULT_LOCALE = "id"
# Superset ships no Indonesian pack: the browser gets it from the blueprint, the server from a catalogue.
LANGUAGES = {"id": {"flag": "id", "name": "Bahasa Indonesia"}, "en": {"flag": "us", "name": "English"}}
BABEL_TRANSLATION_DIRECTORIES = f"translations;{_STATE / 'translations'}"
BLUEPRINTS = [blueprint]
D3_FORMAT = {"decimal": ",", "thousands": ".", "grouping": [3], "currency": ["Rp ", ""]}
D3_TIME_FORMAT = {
    "dateTime": "%A, %-d %B %Y %H.%M.%S",
    "date": "%d/%m/%Y",
    "time": "%H.%M.%S",
    "periods": ["", ""],
    "days": ["Minggu", "Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu"],
    "shortDays": ["Min", "Sen", "Sel", "Rab", "Kam", "Jum", "Sab"],
    "months": [
        "Januari", "Februari", "Maret", "April", "Mei", "Juni",
        "Juli", "Agustus", "September", "Oktober", "November", "Desember",
    ],
    "shortMonths": ["Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"],
}  # fmt: skip
CURRENCIES = ["IDR"]


def _tint(colour: str, share: float) -> str:
    """``colour`` (#rrggbb) with ``share`` of white (or of black when negative)."""
    towards = 255 if share > 0 else 0
    parts = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return "#" + "".join(f"{round(part + (towards - part) * abs(share)):02x}" for part in parts)


_PRIMARY = _THEME.get("primary", SHIPPED_THEME["token"]["colorPrimary"])
# Full copies of the shipped tokens: a theme replaces all of them, it does not merge.
THEME_DEFAULT = {
    **SHIPPED_THEME,
    "token": {
        **SHIPPED_THEME["token"],
        "brandAppName": APP_NAME,
        "brandLogoAlt": APP_NAME,
        "brandLogoUrl": "/pendopo/logo.svg",
        "brandLogoHref": "/superset/dashboard/pimpinan/",
        "colorPrimary": _PRIMARY,
        "colorLink": _PRIMARY,
        # Derived from a dark colour these would turn grey and hide the words on buttons.
        "colorPrimaryBg": _tint(_PRIMARY, 0.92),
        "colorPrimaryBgHover": _tint(_PRIMARY, 0.84),
        "colorPrimaryBorder": _tint(_PRIMARY, 0.6),
        "colorPrimaryBorderHover": _tint(_PRIMARY, 0.45),
        "colorPrimaryHover": _tint(_PRIMARY, 0.15),
        "colorPrimaryActive": _tint(_PRIMARY, -0.25),
        # The legend's "All" and "Inv" have no translation; long names wrap instead of pressing the bars.
        "echartsOptionsOverrides": {"legend": {"selector": False}},
        "echartsOptionsOverridesByChartType": {
            "echarts_timeseries_bar": {
                "yAxis": {"axisLabel": {"width": 240, "overflow": "break", "fontSize": 11, "lineHeight": 12}},
            },
            # A smoothed line shows lows and highs that no period had.
            "big_number": {"series": {"smooth": False}},
        },
    },
}
# One appearance for all until the dark one is checked for contrast; the key stays so that it can be added.
THEME_DARK: dict[str, Any] | None = None
ENABLE_UI_THEME_ADMINISTRATION = False
# Okabe and Ito, distinguishable with every common colour blindness; black last because text is black too.
EXTRA_CATEGORICAL_COLOR_SCHEMES = [
    {
        "id": "pendopo",
        "description": "Okabe-Ito",
        "label": "Pendopo (Okabe-Ito)",
        "isDefault": True,
        "colors": [
            "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000",
        ],
    }
]  # fmt: skip

# --- Sessions and requests -------------------------------------------------------------------------
PERMANENT_SESSION_LIFETIME = timedelta(hours=8)
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
WTF_CSRF_ENABLED = True
WTF_CSRF_TIME_LIMIT = 8 * _HOUR
# Off by default unless SUPERSET_ENV is production. A dashboard asks about 40 times when it opens.
RATELIMIT_ENABLED = True
RATELIMIT_APPLICATION = "150 per second"
AUTH_RATE_LIMITED = True
AUTH_RATE_LIMIT = "5 per second"
# Behind the reverse proxy the visitor's address and scheme come from its headers; without one anybody could
# write them.
ENABLE_PROXY_FIX = bool(os.environ.get("PENDOPO_BEHIND_PROXY"))
ENABLE_CORS = False
TALISMAN_ENABLED = True
FAB_API_SWAGGER_UI = False
SHOW_STACKTRACE = False
# Classes, not styles: the sample-data banner and the notes need a look, nobody needs to cover a page.
HTML_SANITIZATION = True
HTML_SANITIZATION_SCHEMA_EXTENSIONS = {"attributes": {"*": ["className"]}}


def talisman(secure: bool, frame_ancestors: list[str]) -> dict[str, Any]:
    """Content security policy: nothing from other hosts, framed only by ``frame_ancestors``."""
    policy = {
        **SHIPPED_TALISMAN["content_security_policy"],
        "img-src": ["'self'", "blob:", "data:"],
        "connect-src": ["'self'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "font-src": ["'self'"],
        "frame-ancestors": frame_ancestors,
    }
    return {
        **SHIPPED_TALISMAN,
        "content_security_policy": policy,
        "force_https": False,
        "session_cookie_secure": secure,
    }


# --- Roles, tokens, imports ------------------------------------------------------------------------
# The role of visitors stays empty: `superset init` would otherwise copy a role's rights to it.
PUBLIC_ROLE_LIKE = None
GUEST_TOKEN_JWT_SECRET = settings.secret("superset_guest_token_secret")
GUEST_TOKEN_JWT_EXP_SECONDS = 300
GUEST_ROLE_NAME = "Tamu"
GLOBAL_ASYNC_QUERIES_JWT_SECRET = settings.secret("superset_guest_token_secret")
PREVENT_UNSAFE_DB_CONNECTIONS = True
DATASET_IMPORT_ALLOWED_DATA_URLS: list[str] = []
# The example data would need a download and a database of their own.
SQLALCHEMY_EXAMPLES_URI = None
ALLOWED_EXTENSIONS: set[str] = set()

# --- Caches: folders of this installation, no Redis needed -----------------------------------------


def file_cache(name: str, seconds: int, files: int) -> dict[str, Any]:
    """A cache of its own folder; the least used files go first when there are more than ``files``."""
    return {
        "CACHE_TYPE": "FileSystemCache",
        "CACHE_DIR": str(_STATE / "cache" / name),
        "CACHE_DEFAULT_TIMEOUT": seconds,
        "CACHE_THRESHOLD": files,
        "CACHE_KEY_PREFIX": f"{name}_",
    }


CACHE_CONFIG = file_cache("metadata", _HOUR, 2_000)
# Marts change once a day; push.py warms this cache after every publish.
DATA_CACHE_CONFIG = file_cache("data", 24 * _HOUR, 20_000)
DASHBOARD_AUTO_REFRESH_MODE = "fetch"  # "force" would go past the cache with every wall and every tab

# --- Queries ---------------------------------------------------------------------------------------
SQLLAB_TIMEOUT = 30
SQLLAB_ASYNC_TIME_LIMIT_SEC = 60
SUPERSET_WEBSERVER_TIMEOUT = 60
SQL_MAX_ROW = 100_000
DEFAULT_SQLLAB_LIMIT = 1_000
FEATURE_FLAGS = {
    **SHIPPED_FLAGS,
    "ALLOW_FULL_CSV_EXPORT": False,
    "EMBEDDABLE_CHARTS": False,
    "EMBEDDED_SUPERSET": False,
    "ENABLE_JAVASCRIPT_CONTROLS": False,
    "ENABLE_TEMPLATE_PROCESSING": False,
    # SQL Lab answers within the request: there is no Celery in the local runner.
    "SQLLAB_FORCE_RUN_ASYNC": False,
}


class SlimEventLogger(DBEventLogger):
    """Records who signed in, looked at what, ran or exported SQL and changed assets; drops the rest.

    The shipped logger writes 20 to 40 rows for one look at a dashboard, most of them spinners.
    """

    KEPT = ("login", "logout", "mount_dashboard", "mount_explorer", "execute_sql", "export", "import")
    CHANGES = (".post", ".put", ".delete", ".bulk_delete")

    def log(  # type: ignore[override]
        self,
        user_id: int | None,
        action: str,
        dashboard_id: int | None,
        duration_ms: int | None,
        slice_id: int | None,
        referrer: str | None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        name = action.lower()
        if any(part in name for part in self.KEPT) or name.endswith(self.CHANGES):
            super().log(user_id, action, dashboard_id, duration_ms, slice_id, referrer, *args, **kwargs)


EVENT_LOGGER = SlimEventLogger()
