"""Flask side of Airflow's login (FAB auth manager); read through ``[fab] config_file``."""

from flask_appbuilder.const import AUTH_DB

from ingestion import settings

AUTH_TYPE = AUTH_DB
WTF_CSRF_ENABLED = True
WTF_CSRF_TIME_LIMIT = None

# Cookies ignore ports: without a name of its own, this session and that of another program (or of a second
# Pendopo) on the same host would overwrite each other.
SESSION_COOKIE_NAME = f"pendopo_airflow_session_{settings.fingerprint()}"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = settings.service_url("airflow").startswith("https://")

# One api-server process: its own memory counts the logins.
RATELIMIT_STORAGE_URI = "memory://"
