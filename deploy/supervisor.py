"""The process supervisor (supervisord) of the local runner and how to talk to it."""

from __future__ import annotations

import configparser
import contextlib
import http.client
import shlex
import socket
import subprocess
import time
import xmlrpc.client
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

from deploy import services
from ingestion import settings

# A supervisor answers within milliseconds; one that needs longer than this hangs.
ANSWER_SECONDS = 10.0


class SupervisorError(settings.PendopoError):
    """The supervisor does not answer or refuses; the message says what to do."""


def socket_path() -> Path:
    return settings.socket_dir() / "supervisor.sock"


class _Connection(http.client.HTTPConnection):
    """HTTP over the supervisor's socket; supervisor's own class waits for a hanging one for ever."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(socket_path()))


def proxy(seconds: float = 100) -> Any:
    """XML-RPC of the running supervisor (namespace ``supervisor``), with a limit for each answer."""
    transport = SupervisorTransport(None, None, f"unix://{socket_path()}")
    transport._get_connection = lambda: _Connection("localhost", timeout=seconds)
    return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor


def is_running() -> bool:
    """Whether the supervisor answers; one that hangs does not."""
    try:
        proxy(ANSWER_SECONDS).getState()
    except (OSError, xmlrpc.client.Error, http.client.HTTPException):
        return False
    return True


def end_hanging() -> None:
    """Kill a supervisor that is alive but does not answer; its services are ended when they start anew."""
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        process = psutil.Process(int((services.run_folder() / "supervisor.pid").read_text()))
        if str(services.run_folder() / "supervisord.conf") in process.cmdline():
            process.kill()
            process.wait(10)


def write_configuration() -> Path:
    """Configuration with one program per local service; none starts by itself, ``up`` decides when."""
    for folder in (settings.home(), services.WAREHOUSE_BIN):
        if "%" in str(folder):
            # supervisord expands it in every value, in some of them twice.
            raise SupervisorError(f"Nama folder {folder} memuat tanda persen; pindahkan ke folder lain.")
    logs = services.log_folder()
    run_folder = services.run_folder()
    settings.socket_dir().mkdir(mode=0o755, exist_ok=True)
    parser = configparser.RawConfigParser()
    parser["unix_http_server"] = {"file": str(socket_path()), "chmod": "0700"}
    parser["rpcinterface:supervisor"] = {
        "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
    }
    parser["supervisord"] = {
        "logfile": str(logs / "supervisor.log"),
        "pidfile": str(run_folder / "supervisor.pid"),
        "childlogdir": str(logs),
        "directory": str(run_folder),
        "nodaemon": "true",
        "silent": "true",
        "umask": "022",
    }
    for service in services.local_services():
        is_postgres = service.name == "postgres"
        parser[f"program:{service.name}"] = {
            "command": f"{shlex.quote(str(services.WAREHOUSE_BIN / 'pendopo'))} run {service.name}",
            "directory": str(run_folder),
            "priority": str(service.priority),
            "autostart": "false",
            "autorestart": "true",
            "startsecs": "3",
            "startretries": "1000",
            # SIGINT is PostgreSQL's fast shutdown, and it must reach the postmaster only.
            "stopsignal": "INT" if is_postgres else "TERM",
            "stopasgroup": "false" if is_postgres else "true",
            "killasgroup": "true",
            "stopwaitsecs": "30",
            # The watchdog outlives a killed supervisor, so it writes its log itself.
            "stdout_logfile": "NONE" if service.name == "watchdog" else str(logs / f"{service.name}.log"),
            "redirect_stderr": "true",
            "stdout_logfile_maxbytes": "20MB",
            "stdout_logfile_backups": "3",
        }
    path = run_folder / "supervisord.conf"
    with path.open("w") as file:
        parser.write(file)
    return path


def start(seconds: float = 20) -> None:
    """Start the supervisor in a session of its own unless it runs; raises SupervisorError."""
    if is_running():
        return
    end_hanging()
    configuration = write_configuration()
    log = services.log_folder() / "supervisor.out"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(services.WAREHOUSE_BIN / "supervisord"), "-c", str(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=services.run_folder(),
            start_new_session=True,
        )
    deadline = time.monotonic() + seconds
    while not is_running():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SupervisorError(f"Supervisor tidak dapat dijalankan; baca {log}.")
        time.sleep(0.1)


def start_service(name: str) -> None:
    """Start one service unless it runs already; returns without waiting for its health."""
    try:
        proxy().startProcess(name, False)
    except xmlrpc.client.Fault as fault:
        if "ALREADY_STARTED" not in fault.faultString:
            raise SupervisorError(f"{name} tidak dapat dijalankan: {fault.faultString}") from fault


def restart_service(name: str) -> None:
    """Stop (if needed) and start one service."""
    stop_service(name)
    start_service(name)


def stop_service(name: str) -> None:
    """Stop one service with its whole process group and wait for it."""
    try:
        proxy().stopProcess(name, True)
    except xmlrpc.client.Fault as fault:
        if "NOT_RUNNING" not in fault.faultString:
            raise SupervisorError(f"{name} tidak dapat dihentikan: {fault.faultString}") from fault
    services.end_leftovers(name)


def processes() -> dict[str, dict[str, Any]]:
    """What the supervisor knows: name → statename, pid, start (Unix seconds), spawnerr."""
    return {info["name"]: info for info in proxy().getAllProcessInfo()}


def shutdown(seconds: float = 90) -> None:
    """Stop all services in reverse order and the supervisor itself; nothing of ours survives."""
    if is_running():
        proxy().shutdown()
        deadline = time.monotonic() + seconds
        while is_running():
            if time.monotonic() > deadline:
                raise SupervisorError(f"Layanan belum berhenti setelah {seconds:.0f} detik.")
            time.sleep(0.2)
    for service in services.local_services():
        services.end_leftovers(service.name)
    socket_path().unlink(missing_ok=True)
