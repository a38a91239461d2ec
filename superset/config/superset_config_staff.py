"""Configuration of the Superset for staff, read by ``SUPERSET_CONFIG_PATH``.

Needs the repository on ``PYTHONPATH`` (for ``ingestion.settings``) and a working folder outside it,
because the repository's ``superset`` folder is no package.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from superset_config_base import *  # noqa: F403
from superset_config_base import talisman

from ingestion import settings

SECRET_KEY = settings.secret("superset_secret_key")
SQLALCHEMY_DATABASE_URI = settings.dsn("superset_staff", "postgresql+psycopg2")
# Two workers of eight threads; PostgreSQL sees at most 24 sessions of this service.
SQLALCHEMY_ENGINE_OPTIONS = {"pool_size": 8, "max_overflow": 4, "pool_pre_ping": True, "pool_recycle": 1800}

# Cookies ignore ports: two installations on one host would sign each other out.
SESSION_COOKIE_NAME = f"pendopo_staff_session_{settings.fingerprint()}"
SESSION_COOKIE_SECURE = settings.service_url("superset").startswith("https://")
GUEST_TOKEN_JWT_AUDIENCE = f"pendopo_staff_{settings.fingerprint()}"
TALISMAN_CONFIG = talisman(
    secure=SESSION_COOKIE_SECURE,
    frame_ancestors=os.environ.get("PENDOPO_STAFF_FRAME_ANCESTORS", "'self'").split(),
)

LOGO_TARGET_PATH = "/superset/dashboard/pimpinan/"
