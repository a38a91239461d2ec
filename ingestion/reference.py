"""The region's agencies and targets from ``regions/<code>.yaml`` into schema ``reference``."""

from __future__ import annotations

from typing import Any

import yaml
from psycopg2.extras import execute_values

from ingestion import ledger, settings


def apply_region(code: str | None = None) -> None:
    """Make ``reference.opd`` and ``reference.target`` say what the region's file says.

    Raises SettingsError when the region has no file or the file lacks a key.
    """
    file = settings.region_file(code)
    region: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    try:
        agencies = [
            (item["code"], item["name"], item["short_name"], item["kind"], item.get("aliases", []))
            for item in region["opd"]
        ]
        targets = [
            (item["kpi_code"], item["target"], item["unit"], item["higher_is_better"])
            for item in region.get("targets", [])
        ]
    except KeyError as missing:
        raise settings.SettingsError(
            f"{file.name}: kunci {missing} tidak ada pada salah satu OPD atau target."
        ) from None
    with ledger.connect() as connection, connection.cursor() as cursor:
        ledger.lock(cursor, "reference")
        cursor.execute("delete from reference.opd where opd_code <> all(%s)", ([row[0] for row in agencies],))
        execute_values(
            cursor,
            """
            insert into reference.opd (opd_code, opd_name, opd_short_name, opd_kind, aliases) values %s
            on conflict (opd_code) do update set
                opd_name = excluded.opd_name, opd_short_name = excluded.opd_short_name,
                opd_kind = excluded.opd_kind, aliases = excluded.aliases
            """,
            agencies,
            template="(%s, %s, %s, %s, %s::text[])",
        )
        cursor.execute(
            "delete from reference.target where kpi_code <> all(%s::text[])", ([row[0] for row in targets],)
        )
        if targets:
            execute_values(
                cursor,
                """
                insert into reference.target (kpi_code, target, unit, higher_is_better) values %s
                on conflict (kpi_code) do update set
                    target = excluded.target, unit = excluded.unit,
                    higher_is_better = excluded.higher_is_better
                """,
                targets,
            )
        connection.commit()
