"""``pendopo up``: from nothing to a filled command center, step by step, with times.

Every step can be repeated; an interrupted ``up`` goes on where it stopped. The data come in by the
ordinary way: the Airflow scheduler loads, transforms and publishes, this file only starts and watches.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import json
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg2
from rich.console import Console

from deploy import postgres, prepare, services, supervisor, transform
from deploy.airflow_api import AirflowApi, AirflowApiError
from ingestion import settings

NEEDED_FREE_BYTES = 2 * 2**30
# No progress at all for so long means that something is stuck, not slow.
STUCK_SECONDS = 600


class UpError(settings.PendopoError):
    """The command center cannot start; the message says why and what to do."""


class Steps:
    """Prints each step with its time, and remembers the times."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.started = time.monotonic()
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        began = time.monotonic()
        self.console.print(f"[dim]{self._clock()}[/] … {title}")
        yield
        self.seconds[title] = round(time.monotonic() - began, 1)
        self.console.print(f"[dim]{self._clock()}[/] [green]✓[/] {title} ({self.seconds[title]:.1f} detik)")

    def say(self, text: str) -> None:
        self.console.print(f"[dim]{self._clock()}[/]   {text}")

    def _clock(self) -> str:
        return f"{time.monotonic() - self.started:6.0f} d"


def up(console: Console, sample: bool, as_of: datetime.date | None, scale: float) -> None:
    """Start everything and return when the marts are filled; raises UpError and its relatives."""
    with only_one():
        steps = Steps(console)
        (services.run_folder() / "stopping").unlink(missing_ok=True)
        with steps.step("Memeriksa mesin"):
            settings.generate_secrets()
            settings.region_file()
            is_running = supervisor.is_running()
            if is_running and has_changed():
                steps.say("program atau pengaturan berubah; layanan dijalankan ulang")
                supervisor.shutdown()
                is_running = False
            check_machine(is_running)
            if not is_running:
                _started_with().write_text(program_fingerprint())
        with steps.step("Menjalankan PostgreSQL"):
            start_postgres()
        with steps.step("Menyiapkan gudang data"):
            prepare.warehouse()
        preparing = {"airflow": prepare.start_airflow(), "superset": prepare.start_superset()}
        if sample:
            with steps.step("Menyiapkan data contoh"):
                generate_sample(steps, as_of, scale)
        _start_services(steps, preparing)
        with steps.step("Menunggu semua layanan sehat"):
            wait_until_healthy()
        with steps.step("Memuat, mengolah, dan menerbitkan data"):
            fill(steps)
        steps.seconds["Seluruhnya"] = round(time.monotonic() - steps.started, 1)
        (services.run_folder() / "steps.json").write_text(json.dumps(steps.seconds, indent=2))
        print_result(console, steps)


def _started_with() -> Path:
    return services.run_folder() / "started-with"


def has_changed() -> bool:
    """Whether the running services were started from other code, packages or settings than the present."""
    path = _started_with()
    return not path.exists() or path.read_text() != program_fingerprint()


def program_fingerprint() -> str:
    """Fingerprint of what a service reads only when it starts."""
    digest = hashlib.sha256(json.dumps(settings.summary(), sort_keys=True).encode())
    for name in sorted(settings.DEFAULT_PORTS):
        digest.update(f"{name} {settings.port(name)} {settings.service_url(name)}".encode())
    root = settings.ROOT
    files = [settings.secrets_file(), *(root / "deploy" / "locks").glob("*.txt")]
    for folder in ("deploy", "ingestion", "superset/config"):
        files += (root / folder).rglob("*.py")
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Starting, stopping, restoring and resetting at the same time would get in each other's way."""
    with (services.run_folder() / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UpError("Perintah lain sedang menyalakan atau menghentikan instalasi ini.") from None
        yield


def check_machine(is_running: bool) -> None:
    """Disk and ports, before anything is started."""
    free = shutil.disk_usage(services.run_folder()).free
    if free < NEEDED_FREE_BYTES:
        raise UpError(
            f"Disk hampir penuh: {free / 2**30:.1f} GB tersisa di {settings.home()}, "
            f"dibutuhkan {NEEDED_FREE_BYTES / 2**30:.0f} GB. Kosongkan disk lalu ulangi."
        )
    if is_running:
        return
    for service in services.local_services():
        services.end_leftovers(service.name)
    for service in services.local_services():
        if service.port_name is None:
            continue
        port = settings.port(service.port_name)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.bind_address(), port))
            except OSError as error:
                name = f"PENDOPO_PORT_{service.port_name.upper()}"
                raise UpError(
                    f"Port {port} untuk {service.title} tidak dapat dipakai "
                    f"({error.strerror}{_holder(port)}). "
                    f"Hentikan pemakainya, atau pilih port lain: {name}={port + 1000} make up"
                ) from error


def _holder(port: int) -> str:
    """Which process listens on a port, as far as this user may know."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.pid:
                return f", dipakai oleh {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""


def start_postgres() -> None:
    supervisor.start()
    if settings.external_database_url() is None:
        postgres.EmbeddedServer().initialise()
        supervisor.start_service("postgres")
    postgres.wait_until_ready()


def generate_sample(steps: Steps, as_of: datetime.date | None, scale: float) -> None:
    """Write the sample exports once; a later start leaves the drop folder alone."""
    from ingestion import ledger, sample

    if _sample_setting():
        steps.say("data contoh sudah ada")
        return
    if "://" in settings.landing():
        steps.say("kotak masuk ada di server lain; data contoh tidak dibuat")
        return
    day = as_of or datetime.date.today()
    files = sample.generate(
        settings.landing(), as_of=day, scale=scale, before_publish=ledger.record_sample_files
    )
    value = {"as_of": day.isoformat(), "scale": scale, "files": len(files)}
    ledger.record_setting("sample_data", value)
    steps.say(f"{len(files)} berkas contoh per {day:%d-%m-%Y} di {settings.landing()}")


def _sample_setting() -> dict[str, Any] | None:
    with contextlib.closing(psycopg2.connect(settings.dsn("loader"))) as connection:
        cursor = connection.cursor()
        cursor.execute("select value from ops.setting where name = 'sample_data'")
        row = cursor.fetchone()
        return row[0] if row else None


def _start_services(steps: Steps, preparing: dict[str, Any]) -> None:
    """Start each program as soon as its metadata is ready: Airflow need not wait for Superset."""
    names = [service.name for service in services.local_services()]
    for kind, title in (("airflow", "Menyiapkan Airflow"), ("superset", "Menyiapkan Superset")):
        with steps.step(title):
            prepare.finish(kind, preparing[kind])
            for name in names:
                if name.startswith(kind):
                    supervisor.start_service(name)
    supervisor.start_service("watchdog")


def wait_until_healthy(seconds: float = 300) -> None:
    """Return when every local service is up; raises UpError that names those that are not."""
    deadline = time.monotonic() + seconds
    while True:
        states = {name: info["state"] for name, info in service_states().items()}
        late = [name for name, state in states.items() if state != "up"]
        if not late:
            return
        if time.monotonic() > deadline:
            raise UpError(
                f"Layanan belum sehat setelah {seconds:.0f} detik: {', '.join(late)}. "
                f"Baca: pendopo logs {late[0]}"
            )
        time.sleep(1)


def service_states() -> dict[str, dict[str, Any]]:
    """State of every local service: up, starting, unhealthy, down or stopped."""
    if not supervisor.is_running():
        return {service.name: {"state": "down"} for service in services.local_services()}
    known = supervisor.processes()
    states = {}
    for service in services.local_services():
        info = known.get(service.name)
        if info is None:
            states[service.name] = {"state": "down"}
            continue
        seconds_up = max(0, info["now"] - info["start"])
        state = services.state_of(service, info["statename"], seconds_up, info["pid"])
        states[service.name] = state | {"pid": info["pid"], "seconds_up": seconds_up}
    return states


def fill(steps: Steps) -> None:
    """Let Airflow take in what waits in the drop folder, and follow it until dashboards are published."""
    from ingestion.contract import load_contracts

    api = AirflowApi()
    contracts = load_contracts()
    ingest_dags = {source: f"ingest__{source}" for source in contracts}
    api.wait_for_dags({*ingest_dags.values(), "transform", "publish", "watch"}, seconds=180)
    waiting, has_strays = _lying(set(contracts))
    for source in waiting:
        api.trigger(ingest_dags[source])
    if has_strays:
        api.trigger("watch")
    began = datetime.datetime.now(datetime.UTC)
    if waiting:
        steps.say(f"Airflow memuat {len(waiting)} sumber data")
    elif transform.behind():
        # After an upgrade of the models, or a build that failed: no new data announce it.
        api.trigger("transform")
    else:
        # No new data, but perhaps other dashboards; and every chart is asked for an answer.
        api.trigger("publish")
    follow(steps, api, [ingest_dags[source] for source in waiting], began)


def _lying(sources: set[str]) -> tuple[list[str], bool]:
    """Sources with files in their folders or waiting in the ledger, and whether files lie elsewhere."""
    from ingestion import landing

    with contextlib.closing(psycopg2.connect(settings.dsn("loader"))) as connection:
        cursor = connection.cursor()
        cursor.execute("select distinct source_id from ops.delivery where status = 'received'")
        waiting = {source for (source,) in cursor.fetchall()} & sources
    folders = {source.replace("__", "/", 1): source for source in sources}
    has_strays = False
    with landing.opened() as (filesystem, base):
        for path in filesystem.find(base) if filesystem.exists(base) else []:
            folder = path[len(base) :].strip("/").rpartition("/")[0]
            if folder in folders:
                waiting.add(folders[folder])
            else:
                has_strays = True
    return sorted(waiting), has_strays


def follow(steps: Steps, api: AirflowApi, ingest_dags: list[str], began: datetime.datetime) -> None:
    """Print what changes until nothing waits, nothing is behind and the last publish is done."""
    last, last_change = "", time.monotonic()
    while True:
        state = progress(api, ingest_dags, began)
        if state["problem"]:
            raise UpError(state["problem"])
        if state["done"]:
            return
        if state["text"] != last:
            last, last_change = state["text"], time.monotonic()
            steps.say(last)
        if time.monotonic() - last_change > STUCK_SECONDS:
            raise UpError(
                f"Tidak ada kemajuan selama {STUCK_SECONDS // 60} menit ({last}). "
                f"Buka {settings.service_url('airflow')} atau baca: pendopo logs airflow-scheduler"
            )
        time.sleep(2)


def progress(api: AirflowApi, ingest_dags: list[str], began: datetime.datetime) -> dict[str, Any]:
    """One look at ledger and scheduler: ``done``, ``problem`` (a sentence or None) and ``text``.

    Runs that failed before ``began`` are history.
    """
    facts = ledger_facts()
    behind = transform.behind()
    try:
        newest = {dag: (api.runs(dag, 1) or [{}])[0] for dag in (*ingest_dags, "transform", "publish")}
    except AirflowApiError:
        return {"done": False, "problem": None, "text": "menunggu Airflow"}
    states = {dag: run.get("state") for dag, run in newest.items()}
    problem = None
    for dag, state in states.items():
        if state == "failed" and _started_at(newest[dag]) >= began:
            problem = (
                f"DAG {dag} gagal. Lihat {settings.service_url('airflow')}/dags/{dag} "
                f"atau berkas log di {settings.home() / 'airflow' / 'logs'}"
            )
    is_loading = any(states[dag] != "success" for dag in ingest_dags)
    transformed = max(facts["transformed_at"].values(), default=None)
    is_published = (
        states["publish"] == "success"
        and transformed is not None
        and _started_at(newest["publish"]) >= transformed
    )
    is_idle = states["transform"] in ("success", "failed", None)
    done = not is_loading and not facts["waiting"] and not behind and is_idle and is_published
    parts = [f"{facts['loaded']} berkas dimuat ({facts['rows']:,} baris)".replace(",", ".")]
    if facts["waiting"]:
        parts.append(f"{facts['waiting']} menunggu")
    if facts["refused"]:
        parts.append(f"{facts['refused']} ditolak")
    if not is_loading and behind:
        parts.append("dbt mengolah " + ", ".join(sorted(behind)))
    elif not is_loading and not is_published:
        parts.append("Superset menerbitkan dasbor")
    return {"done": done, "problem": problem, "text": ", ".join(parts)}


def _started_at(run: dict[str, Any]) -> datetime.datetime:
    """When a run began, or was due if it has not begun."""
    return datetime.datetime.fromisoformat(run.get("start_date") or run["run_after"])


def ledger_facts() -> dict[str, Any]:
    """Counts of the ledger: files loaded, refused, unknown, waiting; rows; when each domain was built."""
    query = """
        select
            count(*) filter (where status = 'loaded'),
            count(*) filter (where status = 'refused'),
            count(*) filter (where status = 'unknown'),
            count(*) filter (where status = 'received')
        from ops.delivery
        -- Replays are queued by Pendopo itself: work to do, but no files of an agency.
        where replays_load_id is null or status = 'received'
    """
    with contextlib.closing(psycopg2.connect(settings.dsn("transformer"))) as connection:
        cursor = connection.cursor()
        cursor.execute(query)
        [(loaded, refused, unknown, waiting)] = cursor.fetchall()
        cursor.execute("select coalesce(sum(rows_loaded), 0) from ops.load where status = 'loaded'")
        [(rows,)] = cursor.fetchall()
        cursor.execute("select domain, finished_at from ops.run_domain where status = 'success'")
        transformed_at = dict(cursor.fetchall())
        cursor.execute("select domain from ops.run_domain where status = 'failed' order by 1")
        failed = [domain for (domain,) in cursor.fetchall()]
    return {
        "loaded": loaded,
        "refused": refused,
        "unknown": unknown,
        "waiting": waiting,
        "rows": int(rows),
        "transformed_at": transformed_at,
        "failed_domains": failed,
    }


def print_result(console: Console, steps: Steps) -> None:
    """Times, addresses and logins, as plain lines: a narrow terminal must not break an address."""
    console.print("\n[bold]Waktu tiap langkah[/]")
    for title, seconds in steps.seconds.items():
        console.print(f"  {seconds:7.1f} detik  {title}")
    superset = settings.service_url("superset")
    console.print("\n[bold]Pendopo siap[/]")
    for purpose, address, user in (
        ("Dasbor pimpinan", f"{superset}/superset/dashboard/pimpinan/", "leader"),
        ("Analis", superset, "analyst"),
        ("Insinyur data", superset, "data_engineer"),
        ("Admin Superset", superset, "admin"),
        ("Airflow", settings.service_url("airflow"), "admin"),
    ):
        console.print(f"  {purpose:16} {address}", style="bold")
        console.print(f"  {'':16} pengguna {user}, kata sandi {settings.secret(f'login_{user}')}")
    console.print(f"  Kotak masuk      {settings.landing()}\n")


def status() -> dict[str, Any]:
    """Everything ``pendopo status`` shows; the ledger only when the database answers."""
    answer: dict[str, Any] = {"services": service_states(), "settings": settings.summary()}
    try:
        facts = ledger_facts()
    except (psycopg2.Error, settings.SettingsError):
        return answer
    facts["transformed_at"] = {name: at.isoformat() for name, at in facts["transformed_at"].items()}
    return answer | {"ledger": facts}


def status_line(state: dict[str, Any]) -> str:
    """One line for a person who keeps an eye on it."""
    states = [info["state"] for info in state["services"].values()]
    sick = [name for name, info in state["services"].items() if info["state"] != "up"]
    text = f"{states.count('up')}/{len(states)} layanan sehat"
    if sick:
        text += f" (tidak: {', '.join(sick)})"
    if facts := state.get("ledger"):
        text += f" · berkas: {facts['loaded']} dimuat, {facts['refused']} ditolak"
        text += f", {facts['unknown']} tidak dikenal"
        if facts["failed_domains"]:
            text += f" · dbt gagal: {', '.join(facts['failed_domains'])}"
    return text


def down() -> bool:
    """Stop everything; False when nothing ran."""
    was_running = supervisor.is_running()
    marker = services.run_folder() / "stopping"
    marker.touch()
    try:
        supervisor.shutdown()
    finally:
        marker.unlink(missing_ok=True)
    return was_running
