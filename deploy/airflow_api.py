"""The few calls the runner makes to Airflow's REST API, as the administrator."""

from __future__ import annotations

import time
from typing import Any

import requests

from ingestion import settings


class AirflowApiError(settings.PendopoError):
    """Airflow answered with an error or not at all."""


class AirflowApi:
    """Signed-in session; signs in anew when the token ends."""

    def __init__(self) -> None:
        self.base = settings.service_url("airflow")
        self.session = requests.Session()

    def _sign_in(self) -> None:
        credentials = {"username": "admin", "password": settings.secret("login_admin")}
        answer = self.session.post(f"{self.base}/auth/token", json=credentials, timeout=20)
        if not answer.ok:
            raise AirflowApiError(f"Airflow menolak login admin ({answer.status_code}).")
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """One call under ``/api/v2``; raises AirflowApiError."""
        try:
            if "Authorization" not in self.session.headers:
                self._sign_in()
            url = f"{self.base}/api/v2{path}"
            answer = self.session.request(method, url, timeout=30, **arguments)
            if answer.status_code == 401:
                self._sign_in()
                answer = self.session.request(method, url, timeout=30, **arguments)
        except requests.RequestException as error:
            raise AirflowApiError(f"Airflow tidak menjawab: {error}") from error
        if not answer.ok:
            raise AirflowApiError(f"Airflow: {method} {path} → {answer.status_code}: {answer.text[:300]}")
        content: dict[str, Any] = answer.json() if answer.content else {}
        return content

    def dag_ids(self) -> set[str]:
        """Ids of the DAGs that the dag-processor has read."""
        return {dag["dag_id"] for dag in self.call("GET", "/dags?limit=200")["dags"]}

    def wait_for_dags(self, wanted: set[str], seconds: float) -> None:
        """Return when all wanted DAGs are read; raises AirflowApiError with what is missing and why."""
        deadline = time.monotonic() + seconds
        while missing := wanted - self.dag_ids():
            if time.monotonic() > deadline:
                errors = self.call("GET", "/importErrors")["import_errors"]
                why = "; ".join(f"{item['filename']}: {item['stack_trace'][-300:]}" for item in errors)
                raise AirflowApiError(f"DAG belum terbaca: {', '.join(sorted(missing))}. {why}")
            time.sleep(1)

    def trigger(self, dag_id: str) -> str:
        """Start one run; returns its id."""
        answer = self.call("POST", f"/dags/{dag_id}/dagRuns", json={"logical_date": None})
        return str(answer["dag_run_id"])

    def runs(self, dag_id: str, limit: int = 5) -> list[dict[str, Any]]:
        """The newest runs of a DAG, newest first (run id, state, queued, started and ended at)."""
        answer = self.call("GET", f"/dags/{dag_id}/dagRuns?order_by=-run_after&limit={limit}")
        runs: list[dict[str, Any]] = answer["dag_runs"]
        return runs
