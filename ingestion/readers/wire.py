"""How the reading process hands its tables to the loader: one line of JSON, then one Arrow stream a table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

from ingestion.arrow import Array, pa
from ingestion.outcome import FileRefused
from ingestion.readers.table import Batch, BrokenRow, Table

_END = "end"
_BESIDE = ("origin", "reference")


def write_line(sink: IO[bytes], value: Any) -> None:
    sink.write(json.dumps(value).encode() + b"\n")
    sink.flush()


def describe(table: Table) -> dict[str, Any]:
    """Everything about a table but its rows."""
    values = vars(table).copy()
    del values["batches"]
    return values


def restore(description: dict[str, Any], batches: Iterator[Batch]) -> Table:
    names = tuple(description.pop("names"))
    places = {header: tuple(columns) for header, columns in description.pop("places").items()}
    return Table(names=names, places=places, batches=batches, **description)


def write_batches(sink: IO[bytes], table: Table) -> None:
    """Stream the rows; what a batch lacks in all its rows (origin, reference) is null.

    A refusal in the middle of the file becomes the last, empty batch.
    """
    names = ["row_no", *map(str, range(len(table.names))), *_BESIDE]
    types = [pa.int64(), *[pa.string()] * (len(names) - 1)]
    schema = pa.schema(list(zip(names, types, strict=True)))
    with pa.ipc.new_stream(sink, schema) as stream:
        try:
            for batch in table.batches:
                _write(stream, schema, batch)
                sink.flush()
        except FileRefused as refusal:
            nothing = pa.RecordBatch.from_arrays([pa.array([], kind) for kind in types], schema=schema)
            stream.write_batch(nothing, custom_metadata={"refused": json.dumps([refusal.code, str(refusal)])})
    # A stream that breaks off between two batches looks like one that ended: the end is said.
    write_line(sink, _END)


def _write(stream: Any, schema: Any, batch: Batch) -> None:
    count = len(batch.row_no)
    beside = [getattr(batch, name) for name in _BESIDE]
    arrays = [
        batch.row_no,
        *map(_whole, batch.cells),
        *(pa.nulls(count, pa.string()) if array is None else _whole(array) for array in beside),
    ]
    more = {
        "broken": [[row.row_no, row.text, row.fields] for row in batch.broken],
        "damaged": list(batch.damaged.items()),
        "has": [array is not None for array in beside],
        "without_value": batch.without_value,
    }
    stream.write_batch(
        pa.RecordBatch.from_arrays(arrays, schema=schema), custom_metadata={"more": json.dumps(more)}
    )


def _whole(array: Array) -> Array:
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def read_batches(source: IO[bytes]) -> Iterator[Batch]:
    """The rows of the next table of the stream; raises FileRefused as the reader did, EOFError if it died."""
    with pa.ipc.open_stream(source) as stream:
        while True:
            try:
                rows, metadata = stream.read_next_batch_with_custom_metadata()
            except StopIteration:
                break
            if b"refused" in metadata:
                raise FileRefused(*json.loads(metadata[b"refused"]))
            # The other process read a stranger's file: its offsets are not trusted.
            rows.validate(full=True)
            more = json.loads(metadata[b"more"])
            *columns, origin, reference = rows.columns
            has_origin, has_reference = more["has"]
            yield Batch(
                columns[0],
                columns[1:],
                [BrokenRow(*row) for row in more["broken"]],
                origin=origin if has_origin else None,
                damaged=dict(more["damaged"]),
                reference=reference if has_reference else None,
                without_value=more["without_value"],
            )
    end = json.loads(source.readline() or "null")
    if isinstance(end, dict):
        raise FileRefused(*end["refused"])
    if end != _END:
        raise EOFError
