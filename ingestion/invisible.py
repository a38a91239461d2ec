"""Characters that nobody sees: of two values that look the same, one would not be found or would be refused.

Web pages and messengers leave them: a byte order mark, a zero-width blank before a NIK, a blank that must not
break inside ``1 250 000``.
"""

from __future__ import annotations

from ingestion.arrow import Array, pc
from ingestion.contract import Column
from ingestion.ingest_property import Ingest

# Zero-width blank, non-joiner, joiner, word joiner, byte order mark.
_WITHOUT_WIDTH = "\u200b\u200c\u200d\u2060\ufeff"
# Blanks that are no U+0020: no-break, of a figure's width, thin, narrow no-break.
_BLANKS = "\u00a0\u2007\u2009\u202f"
_IN_BYTES = tuple(sign.encode() for sign in _WITHOUT_WIDTH + _BLANKS)
_AT_THE_ENDS = rf"^[\s{_BLANKS}{_WITHOUT_WIDTH}]+|[\s{_BLANKS}{_WITHOUT_WIDTH}]+$"


def is_compared(column: Column, ingest: Ingest) -> bool:
    """Whether the signs of a column's texts count, not their look; in free text joiners have a meaning."""
    return (
        column.logical_type != "string"
        or column.primary_key
        or column.unique
        or column.is_protected
        or bool(column.allowed or column.pattern)
        or column.name in (*ingest.codes, *ingest.compact, *ingest.slice)
    )


def removed(cells: Array, is_compared: bool) -> Array:
    """Texts (null stays) without invisible characters at their ends, and with one kind of blank.

    ``is_compared``: inside a text, characters without width are removed too and every blank is U+0020.
    """
    data = cells.buffers()[2]
    held = b"" if data is None else memoryview(data).tobytes()
    if held.isascii() or not any(sign in held for sign in _IN_BYTES):
        return cells
    text = pc.replace_substring_regex(cells, _AT_THE_ENDS, "")
    if is_compared:
        text = pc.replace_substring_regex(text, f"[{_WITHOUT_WIDTH}]", "")
        text = pc.replace_substring_regex(text, f"[{_BLANKS}]", " ")
    return text
