"""When two spellings of a header are one."""

from __future__ import annotations

import unicodedata


def normalise(text: str) -> str:
    """Letters and digits only, case folded: 'No. Tiket' and 'NO_TIKET ' are the same header."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).casefold() if sign.isalnum())
