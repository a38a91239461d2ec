"""Hands the dashboards of the repository to Superset and warms its cache whenever marts were built."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Asset, task

from deploy.transform import MARTS_ASSET_URI

with DAG(
    "publish",
    description="Terbitkan dasbor dan hangatkan tembolok Superset",
    schedule=[Asset(MARTS_ASSET_URI)],
    catchup=False,
    max_active_runs=1,
    tags=["publish"],
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
):

    @task(execution_timeout=timedelta(minutes=30))
    def push() -> None:
        """Apply and verify the assets; fails when a chart does not answer."""
        from deploy import child, publish

        child.die_with_parent()
        if code := publish.push():
            raise RuntimeError(f"Dasbor belum diterbitkan (kode {code}); sebabnya di baris-baris di atas.")

    push()
