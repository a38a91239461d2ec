"""In which bytes a text file is written: byte order mark first, then the contract's list, always strictly."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ingestion.outcome import FileRefused

_CHUNK = 4 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class TextForm:
    """How to read the text: Python's encoding name, bytes to skip at the start, and what occurs in it."""

    encoding: str
    start: int
    has_quotes: bool
    has_nul: bool


def detect(path: Path, allowed: Iterable[str], file_name: str) -> TextForm:
    """Find the encoding by decoding the whole file; raises FileRefused when none of the list fits.

    One wrong byte anywhere would stop the reader in the middle, so everything is decoded before.
    """
    with path.open("rb") as file:
        start = file.read(4)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            candidates, offset = [encoding], len(mark)
            break
    else:
        candidates, offset = [name for name in allowed if name != "utf-16"], 0
    for encoding in candidates:
        form = _decode(path, encoding, offset)
        if form:
            return form
    raise FileRefused(
        "encoding",
        f"Berkas {file_name} memuat huruf yang tidak dapat dibaca sebagai {' atau '.join(candidates)}. "
        "Simpan ulang sebagai 'CSV UTF-8' lalu kirim lagi.",
    )


def _decode(path: Path, encoding: str, offset: int) -> TextForm | None:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    has_quotes = has_nul = False
    wide = encoding.startswith("utf-16")
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(_CHUNK):
            try:
                text = decoder.decode(chunk)
            except UnicodeDecodeError:
                return None
            has_quotes = has_quotes or b'"' in chunk
            # Every second byte of UTF-16 is zero: look at the text there, at the bytes elsewhere (faster).
            has_nul = has_nul or ("\0" in text if wide else b"\0" in chunk)
    try:
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return None
    return TextForm(encoding, offset, has_quotes, has_nul)
