"""The region's agencies and targets from ``regions/<code>.yaml`` into schema ``reference``."""

from __future__ import annotations

import datetime
import hashlib
from typing import Any

import psycopg2
import yaml
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values

from ingestion import ledger, settings

# Name of the setting that holds the digest of the file that schema ``reference`` was written from.
APPLIED = "region_file"

_DAY = datetime.timedelta(days=1)
Version = tuple[str, int, str, str, datetime.date | None, datetime.date | None, str | None]


def apply_region(code: str | None = None) -> None:
    """Make schema ``reference`` say what the region's file says.

    Raises SettingsError when the region has no file, the file cannot be read, lacks a key or contradicts
    itself; the schema then stands as it was.
    """
    file = settings.region_file(code)
    content = file.read_bytes()
    try:
        region: dict[str, Any] = yaml.safe_load(content)
        agencies = [
            (
                *(item["code"], item["name"], item["short_name"], item["kind"], item.get("aliases", [])),
                *(item.get("valid_from"), item.get("valid_to"), item.get("successors", [])),
                item.get("source"),
            )
            for item in region["opd"]
        ]
        targets = [
            (item["kpi_code"], item["target"], item["unit"], item["higher_is_better"])
            for item in region.get("targets", [])
        ]
        _check_history(region["opd"])
        versions = [version for item in region["opd"] for version in _versions(item)]
    except (yaml.YAMLError, TypeError) as problem:
        raise settings.SettingsError(f"{file.name} tidak dapat dibaca: {problem}") from None
    except KeyError as missing:
        raise settings.SettingsError(
            f"{file.name}: kunci {missing} tidak ada pada salah satu OPD atau target."
        ) from None
    except ValueError as problem:
        raise settings.SettingsError(f"{file.name}: {problem}") from None
    with ledger.connect() as connection, connection.cursor() as cursor:
        ledger.lock(cursor, "reference")
        try:
            _write(cursor, agencies, versions, targets)
        except psycopg2.DatabaseError as problem:
            raise settings.SettingsError(f"{file.name}: {problem}") from None
        ledger.write_setting(cursor, APPLIED, digest(content))
        connection.commit()


def _write(cursor: Cursor, agencies: list[Any], versions: list[Version], targets: list[Any]) -> None:
    cursor.execute("delete from reference.opd where opd_code <> all(%s)", ([row[0] for row in agencies],))
    execute_values(
        cursor,
        """
        insert into reference.opd (
            opd_code, opd_name, opd_short_name, opd_kind, aliases,
            valid_from, valid_to, successors, source
        ) values %s
        on conflict (opd_code) do update set
            opd_name = excluded.opd_name, opd_short_name = excluded.opd_short_name,
            opd_kind = excluded.opd_kind, aliases = excluded.aliases,
            valid_from = excluded.valid_from, valid_to = excluded.valid_to,
            successors = excluded.successors, source = excluded.source
        """,
        agencies,
        template="(%s, %s, %s, %s, %s::text[], %s, %s, %s::text[], %s)",
    )
    cursor.execute("delete from reference.opd_version")
    execute_values(cursor, "insert into reference.opd_version values %s", versions)
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


def digest(content: bytes) -> str:
    """What tells one content of a region's file from another."""
    return hashlib.sha256(content).hexdigest()


def _versions(agency: dict[str, Any]) -> list[Version]:
    """The names that an agency bore, each from the day after the one before it ended."""
    versions: list[Version] = []
    start: datetime.date | None = agency.get("valid_from")
    for former in agency.get("former_names", []):
        if start and former["valid_to"] < start:
            raise ValueError(f"OPD {agency['code']}: nama lama {former['name']!r} berakhir sebelum dimulai.")
        versions.append(
            (
                *(agency["code"], len(versions) + 1, former["name"], former["short_name"]),
                *(start, former["valid_to"], former.get("source")),
            )
        )
        start = former["valid_to"] + _DAY
    end: datetime.date | None = agency.get("valid_to")
    if start and end and end < start:
        raise ValueError(f"OPD {agency['code']}: valid_to lebih awal daripada awal berlakunya.")
    name = (agency["code"], len(versions) + 1, agency["name"], agency["short_name"])
    return [*versions, (*name, start, end, agency.get("source"))]


def _check_history(agencies: list[dict[str, Any]]) -> None:
    """Days are days; a successor is another agency of the file, and only an agency that ended has one."""
    codes = {agency["code"] for agency in agencies}
    for agency in agencies:
        for dated in (agency, *agency.get("former_names", [])):
            for key in ("valid_from", "valid_to"):
                if not isinstance(dated.get(key, datetime.date.min), datetime.date):
                    raise ValueError(
                        f"OPD {agency['code']}: {key} harus berupa tanggal tanpa kutip, misalnya 2022-01-03."
                    )
        unknown = set(agency.get("successors", [])) - (codes - {agency["code"]})
        if unknown:
            raise ValueError(
                f"OPD {agency['code']}: successors menyebut {', '.join(sorted(unknown))}, "
                "yang bukan OPD lain dalam berkas ini."
            )
        if agency.get("successors") and not agency.get("valid_to"):
            raise ValueError(f"OPD {agency['code']}: punya successors, jadi valid_to harus diisi.")
