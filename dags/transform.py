"""Builds the marts of the domains that are behind: one ``dbt build`` a domain, in the order they depend.

Any raw asset wakes it. Events that arrive while a run is under way wait for its end and then wake one more;
several collapse into one. That loses nothing: ``plan`` asks the ledger what is behind.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, AssetAny, TriggerRule, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from deploy.transform import DOMAINS, LEDGER_ASSET_URI, MARTS_ASSET_URI, SHARED, SUPPLY, raw_asset_uri
from ingestion.contract import load_contracts

with DAG(
    "transform",
    description="Bangun mart dari data yang sudah dimuat",
    schedule=AssetAny(
        Asset(LEDGER_ASSET_URI), *(Asset(raw_asset_uri(source_id)) for source_id in load_contracts())
    ),
    catchup=False,
    max_active_runs=1,
    tags=["transform"],
    default_args={"retries": 1, "retry_delay": timedelta(seconds=20)},
):

    @task.short_circuit(execution_timeout=timedelta(minutes=10))
    def plan() -> list[str]:
        """Domains that are behind; without any the run ends here."""
        from deploy import transform

        return transform.plan()

    @task(execution_timeout=timedelta(hours=2))
    def build(domain: str, planned: list[str]) -> None:
        """Build one domain, if it is behind."""
        from deploy import child, transform

        child.die_with_parent()
        if domain not in planned:
            raise AirflowSkipException(f"Domain {domain} sudah mutakhir.")
        try:
            transform.run_domain(domain)
        except transform.BuildError as error:
            # The same data fail the same test again: no second attempt, another load or a fix is needed.
            raise AirflowFailException(str(error)) from error

    planned = plan()
    shared = build.override(task_id=SHARED)(SHARED, planned)
    middle = [
        build.override(task_id=domain, trigger_rule=TriggerRule.NONE_FAILED)(domain, planned)
        for domain in DOMAINS
        if domain not in (SHARED, SUPPLY)
    ]
    # Deliveries and indicators are shown even when a domain could not be built: its last marts still stand.
    supply = build.override(
        task_id=SUPPLY, trigger_rule=TriggerRule.ALL_DONE, outlets=[Asset(MARTS_ASSET_URI)]
    )(SUPPLY, planned)
    # The run's state is that of its last task: without this one a failed domain would end in a green run.
    every_domain_built = EmptyOperator(task_id="every_domain_built", trigger_rule=TriggerRule.NONE_FAILED)

    shared >> middle >> supply
    [shared, *middle, supply] >> every_domain_built
