"""Keyed hashes of personal values: equal ones join, and nobody without the key can tell whose they are."""

from __future__ import annotations

import hmac

from ingestion.arrow import Array, pa, pc

# Values whose hash is kept from batch to batch, some 10 MB a column.
_KEPT = 200_000
# 128 bits: of a billion people not two share a hash by chance, and PostgreSQL holds it as uuid.
_BYTES = 16
KEY_TYPE = pa.binary(_BYTES)


class KeyedHash:
    """HMAC-SHA256 over ``<column name>:<value>``, its first 128 bits, so equally named columns join."""

    def __init__(self, column: str, key: bytes | None) -> None:
        """``key``: the installation's secret; None hashes nothing (``pendopo check``)."""
        self._prefix, self._key = f"{column}:", key
        self._forget()

    def of(self, typed: Array, index: Array) -> Array:
        """Hashes of the values at some places of a column, null for null."""
        if self._key is None:
            return pa.nulls(len(index), KEY_TYPE)
        if len(self._values) > _KEPT:
            self._forget()
        if len(index) < len(typed):
            typed, index = typed.take(index), None
        values = typed.cast(pa.string())
        place = pc.index_in(values, value_set=self._values)
        if place.null_count > values.null_count:
            self._learn(values.filter(pc.and_(pc.is_null(place), pc.is_valid(values))).unique())
            place = pc.index_in(values, value_set=self._values)
        return self._hashes.take(place if index is None else place.take(index))

    def _forget(self) -> None:
        self._values, self._hashes = pa.array([], pa.string()), pa.array([], KEY_TYPE)

    def _learn(self, values: Array) -> None:
        key, prefix = self._key or b"", self._prefix
        hashes = [
            hmac.digest(key, (prefix + value).encode(), "sha256")[:_BYTES] for value in values.to_pylist()
        ]
        self._values = pa.concat_arrays([self._values, values])
        self._hashes = pa.concat_arrays([self._hashes, pa.array(hashes, KEY_TYPE)])
