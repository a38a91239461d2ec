"""Looks after what no other DAG sees: files outside their source's folder, and loads nobody announced."""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Asset, task
from airflow.sdk.exceptions import AirflowSkipException

from deploy.transform import LEDGER_ASSET_URI

with DAG(
    "watch",
    description="Periksa berkas tersesat dan muatan yang belum diolah",
    schedule="*/2 * * * *",
    catchup=False,
    max_active_runs=1,
    tags=["watch"],
    default_args={"retries": 1, "retry_delay": timedelta(seconds=20)},
):

    @task(execution_timeout=timedelta(minutes=30))
    def receive_strays() -> list[str]:
        """Ids of the DAGs whose sources have files waiting."""
        from deploy import intake

        return [f"ingest__{source_id}" for source_id in intake.receive_strays()]

    @task(outlets=[Asset(LEDGER_ASSET_URI)])
    def announce() -> None:
        """Wake the transform for loads of the command line, of killed runs, and for another try."""
        from deploy import transform

        if not transform.is_due():
            raise AirflowSkipException("Semua domain mutakhir.")

    TriggerDagRunOperator.partial(task_id="ingest", logical_date=None).expand(trigger_dag_id=receive_strays())
    announce()
