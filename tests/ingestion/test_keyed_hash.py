"""Keyed hashes: what they are made of, and how those of an older warehouse became the same."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from typing import Any

from deploy import migrations
from ingestion.arrow import pa
from ingestion.keyed_hash import KeyedHash

from .conftest import query


def expected(column: str, value: str, key: bytes = b"secret") -> bytes:
    return hmac.new(key, f"{column}:{value}".encode(), hashlib.sha256).digest()[:16]


def test_a_hash_is_the_start_of_an_hmac_over_column_and_value() -> None:
    hashes = KeyedHash("nip", b"secret")
    first = hashes.of(pa.array(["1", None, "2"]), pa.array([2, 1, 0, 0]))
    assert first.to_pylist() == [expected("nip", "2"), None, expected("nip", "1"), expected("nip", "1")]
    assert hashes.of(pa.array(["3", "1"]), pa.array([1, 0])).to_pylist()[0] == expected("nip", "1")
    assert KeyedHash("pin", b"secret").of(pa.array(["1"]), pa.array([0]))[0].as_py() == expected("pin", "1")
    assert KeyedHash("nip", None).of(pa.array(["1"]), pa.array([0])).to_pylist() == [None]


def test_an_older_warehouse_keeps_its_hashes(database: Any, warehouse: Any) -> None:
    (migration,) = (file for file in migrations.migration_files() if file.name == "0004_key_uuid.sql")
    whole = hmac.new(b"secret", b"pin:126", hashlib.sha256).hexdigest()
    table = "raw.bkpsdm__absensi_mesin"
    with warehouse.connect("admin") as connection, connection.cursor() as cursor:
        # Views that a test before this one let dbt build; all of this is rolled back.
        cursor.execute("drop schema staging cascade; create schema staging authorization transformer")
        cursor.execute(f"alter table {table} alter column pin_key type text using null")
        cursor.execute(
            f"""
            insert into {table} (_load_id, _row_no, _row_hash, pin_key)
            values (1, 1, gen_random_uuid(), '{whole}'), (1, 2, gen_random_uuid(), null);
            create view staging.punch as select pin_key from {table};
            create view staging.person as select distinct pin_key from staging.punch;
            insert into ops.run_domain (domain, up_to_load_id, invocation_id, status, models_version)
            values ('attendance', 1, 'x', 'success', 'built')
            on conflict (domain) do update set models_version = excluded.models_version;
            """
        )
        cursor.execute(migration.read_text())
        assert query(cursor, f"select pin_key from {table} order by _row_no") == [
            (str(uuid.UUID(bytes=expected("pin", "126"))),),
            (None,),
        ]
        assert query(cursor, "select models_version from ops.run_domain where domain = 'attendance'") == [
            ("",)
        ]
        assert query(cursor, "select to_regclass('staging.person')") == [(None,)]
        cursor.execute("select has_column_privilege('transformer', %s, 'pin_key', 'select')", (table,))
        assert cursor.fetchone() == (True,)
        connection.rollback()
    connection.close()
