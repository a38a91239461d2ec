"""One DAG per contract: receive what lies in the source's drop folder, load it, tell that marts are behind.

Everything a DAG needs stands in the contract. Nothing here may differ from one parse to the next (time,
environment, files): Airflow would store a new version of every DAG each time.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Asset, TriggerRule, task
from airflow.sdk.exceptions import AirflowSkipException

from deploy.transform import raw_asset_uri
from ingestion.contract import Contract, load_contracts


def ingest_dag(contract: Contract) -> DAG:
    """The DAG of one source."""
    source_id = contract.source_id
    with DAG(
        f"ingest__{source_id}",
        description=contract.title,
        doc_md=contract.purpose,
        schedule=contract.schedule,
        catchup=False,
        max_active_runs=1,
        tags=["ingest", contract.domain, contract.opd],
        default_args={"retries": 2, "retry_delay": timedelta(seconds=20)},
    ) as dag:

        @task.short_circuit(execution_timeout=timedelta(minutes=30))
        def receive() -> list[int]:
            """Ids of the deliveries that wait; without any the run ends here."""
            from ingestion import inbox

            return inbox.receive(source_id)

        @task(execution_timeout=timedelta(hours=4))
        def load(delivery_ids: list[int]) -> None:
            """Load each delivery; one that fails never stops the others."""
            from deploy import child, intake

            child.die_with_parent()
            intake.load_waiting(delivery_ids)

        @task(outlets=[Asset(raw_asset_uri(source_id))], trigger_rule=TriggerRule.ALL_DONE)
        def announce() -> None:
            """Wake the transform when marts are behind.

            The ledger decides and not what this run has loaded: a run killed between its commit and its
            end would otherwise never be announced, and a failed file must not hold back the others.
            """
            from deploy import transform

            if not transform.behind():
                raise AirflowSkipException("Tidak ada data baru.")

        load(receive()) >> announce()
    return dag


for contract in load_contracts().values():
    ingest_dag(contract)
