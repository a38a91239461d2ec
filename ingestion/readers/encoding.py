"""In which bytes a text file is written: byte order mark first, then the contract's list, always strictly."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingestion.outcome import FileRefused
from ingestion.readers.source import Source

_CHUNK = 4 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 4096
# Accented letters, signs, curly quotes, dashes and the euro in UTF-8. In a single-byte encoding they would
# be "Â" or "Ã" before a sign, which no word has.
_UTF_8_LETTER = re.compile(rb"[\xc2\xc3][\x80-\xbf]|\xe2\x80[\x80-\xbf]|\xe2\x82\xac")


@dataclass(frozen=True)
class TextForm:
    """How to read the text: Python's encoding name, bytes to skip at the start, and what occurs in it."""

    encoding: str
    start: int
    has_quotes: bool
    has_nul: bool


def detect(path: Path, allowed: Sequence[str], file_name: str) -> TextForm:
    """The encoding of a file; raises FileRefused when none of the list fits."""
    return form_of(Source.of(path, file_name), allowed)


def form_of(source: Source, allowed: Sequence[str], bytes_to_read: int | None = None) -> TextForm:
    """Find the encoding by decoding everything (or the first bytes); raises FileRefused when none fits.

    One wrong byte anywhere would stop the reader in the middle, so everything is decoded before.
    """
    start = source.start(_SAMPLE)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            candidates, offset = [encoding], len(mark)
            break
    else:
        candidates, offset = [name for name in allowed if name != "utf-16"], 0
        if wide := wide_encoding(start):
            # As UTF-8 it would be text with a NUL behind every letter.
            candidates = [wide] if "utf-16" in allowed else []
    for position, encoding in enumerate(candidates):
        form = _decode(source, encoding, offset, bytes_to_read)
        if form:
            if "utf-8" in candidates[:position]:
                _refuse_mixed(source, bytes_to_read)
            return form
    known = " atau ".join(candidates or allowed)
    raise FileRefused(
        "encoding",
        f"Berkas {source.name} memuat huruf yang tidak dapat dibaca sebagai {known}. "
        "Simpan ulang sebagai 'CSV UTF-8' lalu kirim lagi.",
    )


def _refuse_mixed(source: Source, bytes_to_read: int | None) -> None:
    """Refuse a file that is no UTF-8 as a whole but holds letters in it: two exports in one file.

    A single-byte encoding decodes such letters too, as two or three wrong ones each.
    """
    with source.open() as file:
        lines = file if bytes_to_read is None else io.BytesIO(file.read(bytes_to_read))
        has_letter, wrong = False, 0
        for number, line in enumerate(lines, 1):
            if line.isascii():
                continue
            has_letter = has_letter or _UTF_8_LETTER.search(line) is not None
            wrong = wrong or (0 if _is_utf_8(line) else number)
            if has_letter and wrong:
                raise FileRefused(
                    "encoding",
                    f"Berkas {source.name}, baris {wrong}: hurufnya ditulis dengan cara lain (Windows-1252) "
                    "daripada baris lain berkas ini (UTF-8), sehingga huruf seperti é menjadi Ã©. Buka "
                    "berkas asal masing-masing, simpan sebagai 'CSV UTF-8', gabungkan lalu kirim lagi.",
                )


def _is_utf_8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def wide_encoding(start: bytes) -> str | None:
    """UTF-16, by its mark or because every second byte of Latin letters is zero."""
    for mark, encoding in _MARKS[1:]:
        if start.startswith(mark):
            return encoding
    first, second = start[0::2], start[1::2]
    for encoding, zeros, letters in (("utf-16-le", second, first), ("utf-16-be", first, second)):
        if 2 * zeros.count(0) > len(zeros) and 10 * letters.count(0) <= len(letters):
            return encoding
    return None


def _decode(source: Source, encoding: str, offset: int, bytes_to_read: int | None) -> TextForm | None:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    has_quotes = has_nul = False
    wide = encoding.startswith("utf-16")
    with source.open() as file:
        file.read(offset)
        while chunk := file.read(bytes_to_read or _CHUNK):
            try:
                text = decoder.decode(chunk)
            except UnicodeDecodeError:
                return None
            has_quotes = has_quotes or b'"' in chunk
            # Every second byte of UTF-16 is zero: look at the text there, at the bytes elsewhere (faster).
            has_nul = has_nul or ("\0" in text if wide else b"\0" in chunk)
            if bytes_to_read:
                return TextForm(encoding, offset, has_quotes, has_nul)
    try:
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return None
    return TextForm(encoding, offset, has_quotes, has_nul)
