"""Which regular expressions hold for whole columns at once.

``logicalTypeOptions.pattern`` is matched by RE2, which takes time in proportion to the text whatever the
pattern, and therefore lacks some of what Python knows (https://github.com/google/re2/wiki/Syntax). Told from
the text of the pattern, because the scheduler reads contracts without pyarrow.
"""

from __future__ import annotations

import re

# Piece by piece: an escaped sign, a set of signs, the opening of a group, a repetition.
_PIECE = re.compile(
    r"(?P<escape>\\.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<group>\(\?[^A-Za-z:]?P?.)"
    r"|(?P<repeated>(?:[*+?]|\{\d*,?\d*\})\+?)",
    re.DOTALL,
)
_ESCAPES = set("AbBdDsSwWnrtfvax0")
# So many copies of a part at most, those of nested repetitions multiplied.
_REPETITIONS = 1000


def not_followed(pattern: str) -> str | None:
    """The first part of a valid Python pattern that RE2 does not know, None where it knows all."""
    of_groups, of_signs = 1, 1
    for piece in _PIECE.finditer(pattern):
        text = piece[0]
        if piece["escape"] and not _knows(text[1]):
            return text
        if piece["set"]:
            for sign in re.findall(r"\\(.)", text, re.DOTALL):
                if not _knows(sign) or sign in "bBA":
                    return f"\\{sign}"
        if piece["group"] and not re.match(r"\(\?(?:P<|:|[ims-])", text):
            return text
        if piece["repeated"]:
            if len(text) > 1 and text.endswith("+"):
                return text
            if text.startswith("{,"):
                return text
            most = max(map(int, re.findall(r"\d+", text)), default=1)
            if pattern[: piece.start()].endswith(")"):
                of_groups *= max(most, 1)
            else:
                of_signs = max(of_signs, most)
            # Nested ones multiply; every group counts as one around the others.
            if of_groups * of_signs > _REPETITIONS:
                return text
    return None


def _knows(sign: str) -> bool:
    return sign in _ESCAPES or (sign.isascii() and not sign.isalnum())
