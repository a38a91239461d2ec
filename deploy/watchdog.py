"""Finds what the supervisor cannot see: services that hang, and a supervisor that was killed itself."""

from __future__ import annotations

import os
import subprocess
import time
import xmlrpc.client

from deploy import services, supervisor
from ingestion import settings

ROUND_SECONDS = 5
# So many rounds in a row a service must be unhealthy before it is restarted: one slow answer is no hang.
PATIENCE = 6
DAY_SECONDS = 86_400


def watch() -> None:
    """Look at every service again and again; never returns."""
    unhealthy_rounds: dict[str, int] = {}
    wanted: set[str] = set()
    heartbeat = services.run_folder() / "watchdog.heartbeat"
    while True:
        heartbeat.touch()
        if not supervisor.is_running():
            _revive(wanted)
        try:
            wanted = _check(unhealthy_rounds)
        except (OSError, xmlrpc.client.Error, supervisor.SupervisorError) as error:
            _say(f"supervisor tidak menjawab: {error}")
        _tidy_daily()
        time.sleep(ROUND_SECONDS)


def _check(unhealthy_rounds: dict[str, int]) -> set[str]:
    """One round; returns the services that are meant to run."""
    known = supervisor.processes()
    for name, info in known.items():
        service = services.SERVICES[name]
        if name == "watchdog" or info["statename"] != "RUNNING":
            unhealthy_rounds[name] = 0
            continue
        seconds_up = info["now"] - info["start"]
        is_hanging = seconds_up > service.grace_seconds and service.health() == "unhealthy"
        unhealthy_rounds[name] = unhealthy_rounds.get(name, 0) + 1 if is_hanging else 0
        if unhealthy_rounds[name] >= PATIENCE:
            _say(f"{name} tidak menjawab; dijalankan ulang")
            supervisor.restart_service(name)
            unhealthy_rounds[name] = 0
    return {name for name, info in known.items() if info["statename"] not in ("STOPPED", "STOPPING")}


def _tidy_daily() -> None:
    """Start ``pendopo tidy`` once a day, beside the watching; its result is in the watchdog's log."""
    marker = services.run_folder() / "tidied"
    if not marker.exists():
        marker.touch()  # a new installation has nothing to tidy yet
    if time.time() - marker.stat().st_mtime > DAY_SECONDS:
        marker.touch()
        subprocess.Popen([str(services.WAREHOUSE_BIN / "pendopo"), "tidy"], stdin=subprocess.DEVNULL)


def _revive(wanted: set[str]) -> None:
    """Start a new supervisor after the old one was killed; its services end what they left and start anew."""
    if (services.run_folder() / "stopping").exists():
        raise SystemExit  # somebody is taking everything down
    _say("supervisor mati; dijalankan ulang")
    supervisor.start()
    for service in services.local_services():
        if service.name in wanted and service.name != "watchdog":
            supervisor.start_service(service.name)
    # The new supervisor's watchdog ends this one, as a leftover.
    supervisor.start_service("watchdog")


def _say(text: str) -> None:
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}", flush=True)


def _write_to_own_log() -> None:
    """The other services write into the supervisor's pipe, which breaks when it is killed."""
    log = settings.home() / "logs" / "watchdog.log"
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


if __name__ == "__main__":
    os.chdir(services.run_folder())
    _write_to_own_log()
    _say(f"mengawasi {settings.home()}")
    watch()
