"""What the transform DAG does: decide which domains are behind, build them with dbt, write down the result.

Asset events only wake the DAG. Several of them collapse into one run, and a run that is under way when
another load arrives does not see it, so nothing here counts events: the ledger says which domains are
behind, and a domain stays behind until a build that began after its last load has succeeded.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extras import execute_values

from deploy import child
from ingestion import settings
from ingestion.contract import DOMAINS as SOURCE_DOMAINS

SHARED = "shared"
SUPPLY = "supply"
# Order of building: what all stand on, what the sources feed, what reads the others' marts.
DOMAINS = (SHARED, *SOURCE_DOMAINS, SUPPLY)

# Assets: "the ledger holds loads that nobody announced" and "marts were built".
LEDGER_ASSET_URI = "pendopo://ledger"
MARTS_ASSET_URI = "pendopo://marts"

# First number of the advisory locks of this module; the loader's differ.
_LOCK = 7_020_002
# Files that arrive together are built together: planning waits so long for deliveries being loaded.
SETTLE_SECONDS = 90
# A delivery older than this is not being loaded, it is stuck, and holds nobody back.
_STUCK_MINUTES = 10
# A domain whose build failed is tried again without a new load after so long.
RETRY_MINUTES = 60


Say = Callable[[str], None]


class BuildError(settings.PendopoError):
    """dbt could not build a domain; the message names the first failed nodes."""


def raw_asset_uri(source_id: str) -> str:
    """URI of the asset that a source's ingest DAG updates."""
    return f"pendopo://raw/{source_id}"


def behind() -> dict[str, int]:
    """Domains to build now → the load up to which their marts will then reach, in order of building.

    Behind are the domains with newer loads, those never built and those whose last build failed. ``supply``
    also counts refused files; it reads the other domains' marts, so it is built whenever one of them is.
    """
    from ingestion import ledger

    wanted = dict(ledger.domains_behind())
    with _transformer() as cursor:
        cursor.execute("select domain, up_to_load_id from ops.run_domain where status = 'success'")
        built = dict(cursor.fetchall())
        cursor.execute("select coalesce(max(load_id), 0) from ops.load")
        newest: int = cursor.fetchone()[0]
    for domain in DOMAINS:
        if domain not in built:
            wanted.setdefault(domain, 0)
    if wanted or newest > built[SUPPLY]:
        wanted[SUPPLY] = newest
    return {domain: wanted[domain] for domain in DOMAINS if domain in wanted}


def is_due() -> bool:
    """Whether a transform should start without a new load: something is behind and not just tried in vain."""
    wanted = behind()
    with _transformer() as cursor:
        cursor.execute(
            "select domain from ops.run_domain"
            " where status = 'failed' and finished_at > now() - %s * interval '1 minute'",
            (RETRY_MINUTES,),
        )
        just_failed = {domain for (domain,) in cursor.fetchall()}
    if just_failed:
        just_failed.add(SUPPLY)
    return bool(set(wanted) - just_failed)


def plan(say: Say = print) -> dict[str, int]:
    """``behind()`` after the files that are being loaded right now, so that one build serves them all."""
    _settle(say)
    wanted = behind()
    say(f"Domain yang tertinggal: {', '.join(wanted) or 'tidak ada'}")
    return wanted


def _settle(say: Say) -> None:
    """Wait until no fresh delivery is on its way into the warehouse, at most SETTLE_SECONDS."""
    deadline = time.monotonic() + SETTLE_SECONDS
    query = """
        select count(*) from ops.delivery
        where status = 'received' and received_at > now() - %s * interval '1 minute'
    """
    with _transformer() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(query, (_STUCK_MINUTES,))
            if (count := cursor.fetchone()[0]) == 0:
                return
            say(f"Menunggu {count} berkas yang sedang dimuat")
            time.sleep(2)


def run_domain(domain: str, up_to_load_id: int, say: Say = print) -> None:
    """Build one domain and write what became of it into ops.run_result and ops.run_domain.

    Two attempts of one domain never overlap: the second waits for the first. Raises BuildError when dbt
    fails; ``up_to_load_id`` then stays as it was, so the domain is still behind.
    """
    folder = settings.home() / "dbt" / domain
    results_file = folder / "run_results.json"
    with _alone(domain, say):
        # The last build's results must not be taken for this one's when dbt fails before it writes any.
        results_file.unlink(missing_ok=True)
        code = child.run(_dbt_command(domain, folder), os.environ | settings.dbt_environment(), folder)
        results = json.loads(results_file.read_text()) if results_file.exists() else None
        failed = _record(domain, up_to_load_id, results, is_success=code == 0)
    if code != 0:
        what = "; ".join(failed) or "dbt berhenti sebelum membangun model, lihat baris di atas"
        raise BuildError(f"dbt gagal membangun domain {domain}: {what}")


def _dbt_command(domain: str, folder: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "dbt.cli.main"),
        *("--no-use-colors", "--log-format", "text", "--log-level-file", "none", "--no-version-check"),
        *("build", "--selector", domain),
        # One folder a domain: builds that run at the same time would overwrite each other's files.
        *("--target-path", str(folder), "--log-path", str(folder)),
    ]


def _record(
    domain: str, up_to_load_id: int, results: dict[str, Any] | None, *, is_success: bool
) -> list[str]:
    """Write the results down; returns a line for each failed node, at most five."""
    invocation_id = results["metadata"]["invocation_id"] if results else str(uuid.uuid4())
    nodes = results["results"] if results else []
    rows = [
        (
            invocation_id,
            domain,
            node["unique_id"],
            node["status"],
            node["failures"],
            node["adapter_response"].get("rows_affected"),
            node["execution_time"],
            node["message"],
        )
        for node in nodes
    ]
    with _transformer() as cursor:
        execute_values(
            cursor,
            "insert into ops.run_result (invocation_id, domain, node_id, status, failures, rows_affected,"
            " execution_seconds, message) values %s",
            rows,
        )
        cursor.execute(
            """
            insert into ops.run_domain as known (domain, up_to_load_id, invocation_id, status)
            values (%s, %s, %s, %s)
            on conflict (domain) do update set
                up_to_load_id = greatest(known.up_to_load_id, excluded.up_to_load_id),
                invocation_id = excluded.invocation_id,
                status = excluded.status,
                finished_at = now()
            """,
            (
                domain,
                up_to_load_id if is_success else 0,
                invocation_id,
                "success" if is_success else "failed",
            ),
        )
    failed = [node for node in nodes if node["status"] in ("error", "fail")]
    return [f"{node['unique_id']}: {node['message']}" for node in failed[:5]]


@contextlib.contextmanager
def _transformer() -> Iterator[Any]:
    """Cursor of the role transformer; commits at the end."""
    connection = psycopg2.connect(settings.dsn("transformer"))
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


@contextlib.contextmanager
def _alone(domain: str, say: Say) -> Iterator[None]:
    """Hold the domain's advisory lock; a killed holder's lock ends with its session."""
    connection = psycopg2.connect(settings.dsn("transformer"))
    # No open transaction while dbt runs: it would hold back vacuum.
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            while True:
                cursor.execute("select pg_try_advisory_lock(%s, hashtext(%s))", (_LOCK, domain))
                if cursor.fetchone()[0]:
                    break
                say(f"Domain {domain} sedang dibangun oleh proses lain; menunggu")
                time.sleep(5)
        yield
    finally:
        connection.close()
