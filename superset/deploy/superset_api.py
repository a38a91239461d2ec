"""A signed-in connection to a running Superset.

The tool signs its own short token with Superset's secret key, as an active administrator of the metadata
database: it needs no password, works with any login system, and leaves no session behind.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from typing import Any

import jwt
import psycopg2
import requests

from ingestion import settings

TOKEN_SECONDS = 1800


class ApiError(settings.PendopoError):
    """Superset did not answer as it must; the message is for the user."""


class SupersetApi:
    """REST calls of an administrator; raises ApiError with Superset's own words on any refusal."""

    def __init__(self, url: str, wait_seconds: float = 60) -> None:
        self.url = url
        self.session = requests.Session()
        self._wait(wait_seconds)
        self.session.headers["Authorization"] = f"Bearer {_token()}"
        self.session.headers["Referer"] = url
        self.session.headers["X-CSRFToken"] = self.get("/api/v1/security/csrf_token/")["result"]

    def _wait(self, seconds: float) -> None:
        """Until the service is healthy; raises ApiError when it is not in time."""
        end = time.monotonic() + seconds
        while True:
            try:
                if self.session.get(f"{self.url}/health", timeout=5).ok:
                    return
            except requests.RequestException as error:
                if time.monotonic() > end:
                    raise ApiError(f"Superset di {self.url} tidak menjawab: {error}.") from None
            time.sleep(0.5)

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        return self._answer(self.session.get(self.url + path, params=parameters, timeout=120))

    def post(self, path: str, **arguments: Any) -> dict[str, Any]:
        return self._answer(self.session.post(self.url + path, timeout=300, **arguments))

    def delete(self, path: str) -> dict[str, Any]:
        return self._answer(self.session.delete(self.url + path, timeout=60))

    def everything(self, kind: str, columns: list[str]) -> list[dict[str, Any]]:
        """All objects of a kind (chart, dashboard, dataset, database) with some columns."""
        query = {"columns": columns, "page": 0, "page_size": 10_000}
        found: list[dict[str, Any]] = self.get(f"/api/v1/{kind}/", q=_rison(query))["result"]
        return found

    @staticmethod
    def _answer(response: requests.Response) -> dict[str, Any]:
        if not response.ok:
            raise ApiError(_reason(response))
        content: dict[str, Any] = response.json()
        return content


def _token() -> str:
    now = int(time.time())
    claims = {
        "sub": str(_administrator()),
        "type": "access",
        "fresh": True,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "nbf": now,
        "exp": now + TOKEN_SECONDS,
    }
    return jwt.encode(claims, settings.secret("superset_secret_key"), algorithm="HS256")


def _administrator() -> int:
    with contextlib.closing(psycopg2.connect(settings.dsn("superset_staff"))) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "select u.id from ab_user u join ab_user_role m on m.user_id = u.id"
            " join ab_role r on r.id = m.role_id"
            " where r.name = 'Admin' and u.active order by u.id limit 1"
        )
        if found := cursor.fetchone():
            number: int = found[0]
            return number
    raise ApiError("Superset belum punya pengguna dengan peran Admin; jalankan superset/deploy/prepare.py.")


def _reason(response: requests.Response) -> str:
    """Superset's own words for what went wrong, on one line."""
    try:
        content = response.json()
    except ValueError:
        return f"HTTP {response.status_code} dari {response.url}"
    errors = content.get("errors") or [{"message": content.get("message", content)}]
    texts = []
    for error in errors:
        extra = error.get("extra") or {}
        details = {key: value for key, value in extra.items() if key not in ("issue_codes",)}
        texts.append(
            f"{error.get('message')} {json.dumps(details, ensure_ascii=False) if details else ''}".strip()
        )
    return " ".join(f"HTTP {response.status_code}: {'; '.join(map(str, texts))}".split())


def _rison(value: Any) -> str:
    """The small part of Rison that list queries need."""
    if isinstance(value, dict):
        return "(" + ",".join(f"{key}:{_rison(item)}" for key, item in value.items()) + ")"
    if isinstance(value, list):
        return "!(" + ",".join(_rison(item) for item in value) + ")"
    return str(value)
