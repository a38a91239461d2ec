"""Airflow's configuration: environment variables made from Pendopo's settings, no ``airflow.cfg`` to edit.

The local runner and the containers use the same values; only addresses and the executor differ. An
operator's own ``AIRFLOW__…`` variable wins over what is set here.
"""

from __future__ import annotations

import os

import yaml

from ingestion import settings

LOCAL_EXECUTOR = "LocalExecutor"
CELERY_EXECUTOR = "CeleryExecutor"


def redis_url() -> str | None:
    """Broker of the Celery executor (``PENDOPO_REDIS_URL``), None on a single machine."""
    return os.environ.get("PENDOPO_REDIS_URL") or None


def time_zone() -> str:
    """IANA name of the region's time zone: schedules and dates of Airflow are read in it."""
    content = yaml.safe_load(settings.region_file().read_text())
    return str(content["time_zone"])


def airflow_environment() -> dict[str, str]:
    """Everything the four processes, the workers and ``prepare.py`` need.

    Raises SettingsError when the installation has no secrets yet or the region has no file.
    """
    home = settings.home() / "airflow"
    environment = {
        "AIRFLOW_HOME": str(home),
        # DAG files import ingestion and deploy.
        "PYTHONPATH": str(settings.ROOT),
    }
    environment |= _named(_core() | _api() | _scheduler() | _logging(str(home / "logs")))
    if url := redis_url():
        environment |= _named(_celery(url))
    return environment | {name: value for name, value in os.environ.items() if name.startswith("AIRFLOW__")}


def _named(options: dict[tuple[str, str], str]) -> dict[str, str]:
    """Airflow's spelling of an option as a variable."""
    return {
        f"AIRFLOW__{section.upper()}__{option.upper()}": value for (section, option), value in options.items()
    }


def _core() -> dict[tuple[str, str], str]:
    return {
        ("core", "dags_folder"): str(settings.ROOT / "dags"),
        ("core", "load_examples"): "False",
        ("core", "dags_are_paused_at_creation"): "False",
        ("core", "executor"): CELERY_EXECUTOR if redis_url() else LOCAL_EXECUTOR,
        # Each slot is a process that the executor keeps ready; the default of 32 would fork 32.
        ("core", "parallelism"): "4",
        ("core", "default_timezone"): time_zone(),
        ("core", "auth_manager"): "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        ("core", "fernet_key"): settings.secret("airflow_fernet_key"),
        ("core", "execution_api_server_url"): settings.service_url("airflow") + "/execution/",
        ("database", "sql_alchemy_conn"): settings.dsn("airflow", "postgresql+psycopg2"),
        # Many short processes, each with few sessions: small pools keep below max_connections.
        ("database", "sql_alchemy_pool_size"): "3",
        ("database", "sql_alchemy_max_overflow"): "7",
    }


def _api() -> dict[tuple[str, str], str]:
    return {
        ("api", "host"): settings.bind_address(),
        ("api", "port"): str(settings.port("airflow")),
        ("api", "base_url"): settings.service_url("airflow"),
        ("api", "instance_name"): "Pendopo",
        ("api", "workers"): "1",
        ("api", "secret_key"): settings.secret("airflow_secret_key"),
        ("api_auth", "jwt_secret"): settings.secret("airflow_jwt_secret"),
        ("api_auth", "jwt_issuer"): f"pendopo-{settings.fingerprint()}",
        # A busy machine of two cores answers a worker late, not never.
        ("workers", "execution_api_timeout"): "30",
        ("fab", "config_file"): str(settings.ROOT / "deploy" / "airflow" / "webserver_config.py"),
        # Roles and permissions are synchronised once by prepare.py instead of at every start.
        ("fab", "update_fab_perms"): "False",
        ("fab", "session_lifetime_minutes"): "720",
    }


def _scheduler() -> dict[tuple[str, str], str]:
    return {
        # Tasks of a killed scheduler or worker start anew within a minute or two, not after five.
        ("scheduler", "orphaned_tasks_check_interval"): "60",
        ("scheduler", "task_instance_heartbeat_timeout"): "90",
        ("scheduler", "catchup_by_default"): "False",
        # Parsing is the largest cost of an idle installation: files change at an upgrade or a new contract.
        ("dag_processor", "min_file_process_interval"): "60",
        ("dag_processor", "refresh_interval"): "60",
        ("dag_processor", "stale_dag_threshold"): "120",
        ("dag_processor", "parsing_processes"): "1",
        ("dag_processor", "print_stats_interval"): "600",
    }


def _logging(folder: str) -> dict[tuple[str, str], str]:
    return {
        ("logging", "base_log_folder"): folder,
        ("logging", "dag_processor_child_process_log_directory"): f"{folder}/dag_processor",
        # Into the service's own log, which the supervisor rotates; one file per DAG file grows for ever.
        ("logging", "dag_processor_log_target"): "stdout",
        ("logging", "colored_console_log"): "False",
        ("logging", "uvicorn_logging_level"): "WARNING",
        # Task logs name files and counts, never rows; still nobody else's business.
        ("logging", "file_task_handler_new_folder_permissions"): "0o700",
        ("logging", "file_task_handler_new_file_permissions"): "0o600",
    }


def _celery(url: str) -> dict[tuple[str, str], str]:
    return {
        ("celery", "broker_url"): url,
        ("celery", "result_backend"): "db+" + settings.dsn("airflow"),
        ("celery", "worker_concurrency"): "4",
    }
