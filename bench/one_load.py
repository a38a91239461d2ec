"""One load by one method, in a process of its own: ``python -m bench.one_load METHOD FILE``.

Prints the seconds of the load as JSON, without the time that Python takes to import what is needed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from deploy import postgres
from ingestion import settings


def pendopo(file: Path) -> float:
    """The loader in full: original kept and hashed, rows checked, copied and recorded."""
    from ingestion import load, screening  # noqa: F401  (what load_file would import later)

    started = time.perf_counter()
    outcome = load.load_file(file)
    seconds = time.perf_counter() - started
    if outcome.status != "loaded":
        raise SystemExit(f"not loaded: {outcome.messages}")
    return seconds


def dlt(file: Path) -> float:
    """dlt with its CSV reader and PostgreSQL destination, as its documentation shows them."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["DLT_DATA_DIR"] = str(Path(os.environ["PENDOPO_HOME"]) / "dlt")
    import dlt as tool
    import pandas

    def rows() -> object:
        for part in pandas.read_csv(file, sep=";", dtype=str, chunksize=10_000):
            yield part.to_dict(orient="records")

    started = time.perf_counter()
    pipeline = tool.pipeline(
        "bench",
        pipelines_dir=str(Path(os.environ["PENDOPO_HOME"]) / "dlt"),
        # The socket's folder as a host; the server asks the administrator for no password.
        destination=tool.destinations.postgres(
            f"postgresql://postgres:unused@{quote(str(settings.socket_dir()), safe='')}/{settings.DATABASE}"
        ),
        dataset_name="bench",
    )
    pipeline.run(tool.resource(rows, name="attendance"), write_disposition="replace")
    return time.perf_counter() - started


def pandas(file: Path) -> float:
    """pandas' own reader and ``to_sql``, rows in parts of ten thousand."""
    import pandas as tool
    import sqlalchemy

    engine = sqlalchemy.create_engine(postgres.admin_dsn().replace("postgresql:", "postgresql+psycopg2:"))
    started = time.perf_counter()
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("create schema if not exists bench"))
        for part in tool.read_csv(file, sep=";", dtype=str, chunksize=10_000):
            part.to_sql("plain", connection, schema="bench", if_exists="append", index=False)
    return time.perf_counter() - started


def calamine(file: Path) -> float:
    """A workbook read by calamine and copied as text, without any check: the limit of workbooks."""
    import csv
    import io

    import psycopg2
    from python_calamine import CalamineWorkbook

    started = time.perf_counter()
    rows = CalamineWorkbook.from_path(str(file)).get_sheet_by_index(0).to_python()
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    text.seek(0)
    connection = psycopg2.connect(postgres.admin_dsn())
    with connection, connection.cursor() as cursor:
        cursor.execute("create schema if not exists bench")
        columns = ", ".join(f"c{number} text" for number in range(len(rows[0])))
        cursor.execute(f"create table bench.sheet ({columns})")
        cursor.copy_expert("copy bench.sheet from stdin with (format csv)", text)
    connection.close()
    return time.perf_counter() - started


METHODS: dict[str, Callable[[Path], float]] = {
    method.__name__: method for method in (pendopo, dlt, pandas, calamine)
}

if __name__ == "__main__":
    print(json.dumps({"seconds": METHODS[sys.argv[1]](Path(sys.argv[2]))}))
