"""Send sorted rows to the raw table: pgpq encodes typed Arrow batches, psycopg2 sends the binary COPY."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pgpq
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from ingestion.arrow import pa
from ingestion.contract import Contract
from ingestion.screening import Sorted, raw_schema
from ingestion.spool import RejectSpool

_SEND_BYTES = 8 << 20
# Some 3 MB: memory that is used again and stays in the processor's cache, and the server begins early.
_ENCODED_ROWS = 16_384


def copy_rows(
    cursor: Cursor, contract: Contract, load_id: int, batches: Iterator[Sorted], rejects: RejectSpool
) -> int:
    """Send the good rows under a load id, put the refused ones into the spool.

    Returns how many rows the database took; an exception of ``batches`` comes out as it is.
    """
    schema = raw_schema(contract)
    statement = sql.SQL("copy {} ({}) from stdin with (format binary)").format(
        sql.Identifier("raw", contract.source_id),
        sql.SQL(", ").join(map(sql.Identifier, schema.names)),
    )
    pull = _Pull(_encoded(schema, load_id, batches, rejects))
    try:
        cursor.copy_expert(statement.as_string(cursor), pull, _SEND_BYTES)
    except psycopg2.DatabaseError:
        # psycopg2 tells of an exception in the reader only by name: the reader's own one counts.
        if pull.error is not None:
            raise pull.error from None
        raise
    return int(cursor.rowcount)


def _encoded(schema: Any, load_id: int, batches: Iterator[Sorted], rejects: RejectSpool) -> Iterator[bytes]:
    encoder = pgpq.ArrowToPostgresBinaryEncoder(schema)
    yield encoder.write_header()
    for batch in batches:
        rejects.extend(batch.rejects)
        if rows := batch.good.num_rows:
            ids = pa.array([load_id], pa.int64()).take(pa.array([0] * rows))
            arrays = [ids, *(batch.good.column(name) for name in schema.names[1:])]
            whole = pa.RecordBatch.from_arrays(arrays, schema=schema)
            for first in range(0, rows, _ENCODED_ROWS):
                yield encoder.write_batch(whole.slice(first, _ENCODED_ROWS))
    yield encoder.finish()


class _Pull:
    """A file object over an iterator of bytes, for COPY."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")
        self.error: Exception | None = None

    def readline(self, size: int = _SEND_BYTES, /) -> bytes:
        """Never called for COPY, but asked for by the type of a file."""
        return self.read(size)

    def read(self, size: int = _SEND_BYTES, /) -> bytes:
        while not self._rest:
            try:
                chunk = next(self._chunks, None)
            except Exception as error:
                self.error = error
                raise
            if chunk is None:
                return b""
            # The encoder keeps small parts back; an empty one is not the end.
            if 0 < len(chunk) <= size:
                return chunk
            self._rest = memoryview(chunk)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return bytes(taken)
