"""Texts that match a pattern of a contract: file names, codes, titles."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import numpy as np

_TRIES = 60
_MORE = 3
_CATEGORIES = {
    sre.CATEGORY_DIGIT: string.digits,
    sre.CATEGORY_NOT_DIGIT: string.ascii_lowercase,
    sre.CATEGORY_SPACE: " ",
    sre.CATEGORY_NOT_SPACE: string.ascii_lowercase,
    sre.CATEGORY_WORD: string.ascii_lowercase,
    sre.CATEGORY_NOT_WORD: " ",
}
_PRINTABLE = string.ascii_letters + string.digits + " -_."


class NoMatch(ValueError):
    """No text was found that matches; the pattern asks for more than its parts say."""


def text_matching(
    pattern: str, rng: np.random.Generator, groups: Mapping[str | int, str] | None = None
) -> str:
    """A text that the whole pattern matches, case ignored.

    ``groups``: texts that groups (by name or number) shall hold; a text that breaks the pattern raises
    NoMatch, as do look-arounds that the parts do not satisfy by chance.
    """
    tree, wanted = parser.parse(pattern, re.IGNORECASE), groups or {}
    names = {number: name for name, number in tree.state.groupdict.items()}
    for _ in range(_TRIES):
        text = _Writer(rng, wanted, names).sequence(tree)
        match = re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL) or re.search(
            pattern, text, re.IGNORECASE | re.DOTALL
        )
        if match and all(match[key] == value for key, value in wanted.items()):
            return text
    raise NoMatch(f"no text found for the pattern {pattern!r} with {dict(wanted)}")


class _Writer:
    """Writes a text along the parse tree of a pattern."""

    def __init__(
        self, rng: np.random.Generator, wanted: Mapping[str | int, str], names: Mapping[int, str]
    ) -> None:
        self.rng, self.wanted, self.names = rng, wanted, names
        self.written: dict[int, str] = {}

    def sequence(self, items: Any) -> str:
        return "".join(self.item(kind, value) for kind, value in items)

    def item(self, kind: Any, value: Any) -> str:
        if kind is sre.LITERAL:
            return chr(value)
        if kind is sre.NOT_LITERAL:
            return self.one_of([sign for sign in _PRINTABLE if sign != chr(value)])
        if kind is sre.ANY:
            return self.one_of(string.ascii_lowercase)
        if kind is sre.IN:
            return self.one_of(_signs(value))
        if kind is sre.BRANCH:
            return self.sequence(value[1][self.rng.integers(len(value[1]))])
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            least, most, inner = value
            count = least if least else int(self.rng.integers(0, 1, endpoint=True))
            if most > least > 0:
                count = int(self.rng.integers(least, min(int(most), least + _MORE), endpoint=True))
            return "".join(self.sequence(inner) for _ in range(min(count, int(most))))
        if kind is sre.SUBPATTERN:
            number, _, _, inner = value
            wanted = self.wanted.get(self.names.get(number, ""), self.wanted.get(number))
            text = self.sequence(inner) if wanted is None else wanted
            self.written[number] = text
            return text
        if kind is sre.ATOMIC_GROUP:
            return self.sequence(value)
        if kind is sre.GROUPREF:
            return self.written.get(value, "")
        # Anchors and look-arounds write nothing; the match at the end tells whether they hold.
        return ""

    def one_of(self, signs: Any) -> str:
        return str(signs[int(self.rng.integers(len(signs)))])


def _signs(items: Any) -> list[str]:
    """Characters that a class like ``[a-z\\d-]`` allows."""
    found: list[str] = []
    for kind, value in items:
        if kind is sre.LITERAL:
            found.append(chr(value))
        elif kind is sre.RANGE:
            found += [chr(code) for code in range(value[0], min(value[1], value[0] + 200) + 1)]
        elif kind is sre.CATEGORY:
            found += _CATEGORIES[value]
    if items and items[0][0] is sre.NEGATE:
        return [sign for sign in _PRINTABLE if sign not in found]
    return found
