"""What the transform DAG does: decide which domains are behind, build them with dbt, write down the result.

Asset events only wake the DAG. Several of them collapse into one run, and a run that is under way when
another load arrives does not see it, so nothing here counts events: the ledger says which domains are
behind, and a domain stays behind until a build that began after its last load is published.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.errors
from psycopg2.extras import execute_values

from deploy import child
from ingestion import landing, settings
from ingestion.contract import DOMAINS as SOURCE_DOMAINS
from ingestion.contract import load_contracts

SHARED = "shared"
SUPPLY = "supply"
# Order of building: what all stand on, what the sources feed, what reads the others' marts.
_DELIVERED = {contract.domain for contract in load_contracts().values()}
DOMAINS = (SHARED, *(domain for domain in SOURCE_DOMAINS if domain in _DELIVERED), SUPPLY)

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


def behind() -> list[str]:
    """Domains to build now, in order of building.

    Behind are the domains whose published marts were made of other loads or by other models, those never
    built and those whose last build failed. ``supply`` also counts refused files and says which domains could
    not be built, so it follows whatever becomes of the others.
    """
    from ingestion import ledger

    versions = models_versions()
    wanted = ledger.domains_behind()
    with _transformer() as cursor:
        cursor.execute(
            "select domain from ops.run_domain"
            " where status = 'success' and models_version = %s::jsonb ->> domain",
            (json.dumps(versions),),
        )
        wanted |= set(DOMAINS) - {domain for (domain,) in cursor.fetchall()}
        cursor.execute(_IS_SUPPLY_BEHIND, {"supply": SUPPLY})
        [(is_supply_behind,)] = cursor.fetchall()
    if wanted or is_supply_behind:
        wanted.add(SUPPLY)
    return [domain for domain in DOMAINS if domain in wanted]


# It has not seen every load, whatever became of it, or not the last build of every domain.
_IS_SUPPLY_BEHIND = """
    select
        exists (
            select from ops.load as load
            where not exists (
                select from ops.published_load as published
                where published.domain = %(supply)s and published.load_id = load.load_id
            )
        )
        or not exists (
            select from ops.build as build
            inner join ops.run_domain as run
                on run.domain = build.domain and run.invocation_id = build.invocation_id
            where
                build.domain = %(supply)s
                and build.runs_seen = (
                    select coalesce(jsonb_object_agg(domain, invocation_id), '{}') from ops.run_domain
                    where domain <> %(supply)s
                )
        )
"""


def models_versions(region: str | None = None) -> dict[str, str]:
    """Domain → fingerprint of what its marts are built from besides data.

    These are its own models, those of ``shared``, macros, seeds, variables and the region's facts. A domain
    of another version is built anew from its whole history: a change of one domain leaves the others alone.
    ``region``: digest of the region's facts; None: of its file as it is now.
    """
    from ingestion import reference

    if region is None:
        region = reference.digest(settings.region_file().read_bytes())
    project = settings.ROOT / "dbt_project"
    common = [project / "dbt_project.yml"]
    for folder in ("macros", "seeds", f"models/*/{SHARED}"):
        common += sorted(project.glob(f"{folder}/**/*"))
    return {
        domain: _digest(region, [*common, *sorted(project.glob(f"models/*/{domain}/**/*"))])
        for domain in (SHARED, *SOURCE_DOMAINS, SUPPLY)
    }


def _digest(region: str, files: list[Path]) -> str:
    digest = hashlib.sha256(region.encode())
    for path in files:
        if path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def dbt_environment() -> dict[str, str]:
    """Variables of a dbt that builds: the connection, and the versions that tell it a change of models.

    The marts are made of the region's facts in the database, so the versions name those, whatever the file
    says by now.
    """
    variables = settings.dbt_environment()
    return variables | {"PENDOPO_MODELS_VERSIONS": json.dumps(models_versions(_applied_region()))}


def _applied_region() -> str:
    """Digest of the file that the region's facts in the database are from; empty without any."""
    from ingestion import reference

    try:
        with _transformer() as cursor:
            cursor.execute("select value #>> '{}' from ops.setting where name = %s", (reference.APPLIED,))
            row = cursor.fetchone()
    except (psycopg2.OperationalError, psycopg2.errors.UndefinedTable):
        # A dbt that builds says itself that there is no database; one that parses needs none.
        row = None
    return row[0] if row else ""


def is_due() -> bool:
    """Whether a transform should start without a new load: something is behind and not just tried in vain."""
    wanted = behind()
    with _transformer() as cursor:
        cursor.execute(
            "select domain, finished_at from ops.run_domain"
            " where status = 'failed' and finished_at > now() - %s * interval '1 minute'",
            (RETRY_MINUTES,),
        )
        failed_at = dict(cursor.fetchall())
    just_failed = set(failed_at)
    if SHARED in just_failed:
        # All others wait for it; what may help is another region file.
        edited = settings.region_file().stat().st_mtime
        return bool(edited > failed_at[SHARED].timestamp())
    if just_failed:
        just_failed.add(SUPPLY)
    return bool(set(wanted) - just_failed)


def plan(say: Say = print) -> list[str]:
    """``behind()`` after the files that are being loaded right now, so that one build serves them all."""
    _settle(say)
    wanted = behind()
    say(f"Domain yang tertinggal: {', '.join(wanted) or 'tidak ada'}")
    return wanted


def _settle(say: Say) -> None:
    """Wait until no fresh file is on its way into the warehouse, at most SETTLE_SECONDS."""
    deadline = time.monotonic() + SETTLE_SECONDS
    said = 0
    while (count := _files_on_their_way()) and time.monotonic() < deadline:
        if count != said:
            say(f"Menunggu {count} berkas yang sedang dimuat")
            said = count
        time.sleep(2)


def _files_on_their_way() -> int:
    """Fresh files in the sources' drop folders and fresh deliveries that no load has finished."""
    with _transformer() as cursor:
        cursor.execute(
            "select count(*) from ops.delivery"
            " where status = 'received' and received_at > now() - %s * interval '1 minute'",
            (_STUCK_MINUTES,),
        )
        count: int = cursor.fetchone()[0]
    oldest = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=_STUCK_MINUTES)
    with landing.opened() as (filesystem, base):
        for contract in load_contracts().values():
            with contextlib.suppress(FileNotFoundError):
                for entry in filesystem.ls(f"{base}/{contract.opd}/{contract.dataset}", detail=True):
                    count += entry["type"] == "file" and filesystem.modified(entry["name"]) > oldest
    return count


def run_domain(domain: str, say: Say = print) -> None:
    """Build, test and publish one domain; what every node did goes into ops.run_result.

    ``shared`` first takes over what the region's file says. dbt itself publishes (macros/slices) and notes
    that in ops.run_domain. Two attempts of one domain never overlap: the second waits for the first. Raises
    BuildError when dbt fails or the region's file is wrong; the published marts then stand as they were and
    the domain is still behind.
    """
    from ingestion import reference

    folder = settings.home() / "dbt" / domain
    results_file = folder / "run_results.json"
    with _alone(domain, say) as began_at:
        # The last build's results must not be taken for this one's when dbt fails before it writes any.
        results_file.unlink(missing_ok=True)
        if domain == SHARED:
            try:
                reference.apply_region()
            except settings.SettingsError as error:
                _record(domain, None, began_at, is_success=False)
                raise BuildError(str(error)) from error
        _lend_parsed_project(folder)
        code = child.run(_dbt_command(domain, folder), os.environ | dbt_environment(), folder)
        results = json.loads(results_file.read_text()) if results_file.exists() else None
        failed = _record(domain, results, began_at, is_success=code == 0)
    if code != 0:
        what = "; ".join(failed) or "dbt berhenti sebelum membangun model, lihat baris di atas"
        raise BuildError(f"dbt gagal membangun domain {domain}: {what}")


def _dbt_command(domain: str, folder: Path) -> list[str]:
    return [
        str(Path(sys.executable).parent / "dbt"),
        *("--no-use-colors", "--log-format", "text", "--log-level-file", "none", "--no-version-check"),
        # Unit tests prove the code, which the suite does; here they would cost seconds and tell nothing.
        *("build", "--selector", domain, "--exclude-resource-type", "unit_test"),
        # Built only after a change of models or seeds: a seed with another header needs a table of its own.
        *(["--full-refresh"] if domain == SHARED else []),
        # One folder a domain: builds that run at the same time would overwrite each other's files.
        *("--target-path", str(folder), "--log-path", str(folder)),
    ]


def _lend_parsed_project(folder: Path) -> None:
    """Start a domain's first build from the project as ``shared`` has parsed it.

    Four builds at once would each parse the same files, a minute on two cores. dbt itself checks whether
    the saved state still fits the files, the profile and its own version.
    """
    parsed, own = folder.with_name(SHARED) / "partial_parse.msgpack", folder / "partial_parse.msgpack"
    if parsed.exists() and not own.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # Renamed into place: a build that starts at the same moment must not read half a file.
        copy = folder / f"partial_parse.{os.getpid()}"
        shutil.copyfile(parsed, copy)
        copy.replace(own)


def _record(
    domain: str, results: dict[str, Any] | None, began_at: datetime.datetime, *, is_success: bool
) -> list[str]:
    """Write the results down; returns a line for each failed node, at most five.

    What another build of the domain has published meanwhile (``pendopo dbt build``) is not called failed.
    """
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
        if not is_success:
            cursor.execute(
                """
                insert into ops.run_domain as known (domain, up_to_load_id, invocation_id, status)
                values (%s, 0, %s, 'failed')
                on conflict (domain) do update set
                    invocation_id = excluded.invocation_id, status = excluded.status, finished_at = default
                where known.status = 'failed' or known.finished_at < %s
                """,
                (domain, invocation_id, began_at),
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
def _alone(domain: str, say: Say) -> Iterator[datetime.datetime]:
    """Hold the domain's advisory lock, since when it gives; a killed holder's lock ends with its session."""
    connection = psycopg2.connect(settings.dsn("transformer"))
    # No open transaction while dbt runs: it would hold back vacuum.
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            while True:
                cursor.execute("select pg_try_advisory_lock(%s, hashtext(%s))", (_LOCK, domain))
                [(is_mine,)] = cursor.fetchall()
                if is_mine:
                    break
                say(f"Domain {domain} sedang dibangun oleh proses lain; menunggu")
                time.sleep(5)
            cursor.execute("select clock_timestamp()")
            [(began_at,)] = cursor.fetchall()
        yield began_at
    finally:
        connection.close()
