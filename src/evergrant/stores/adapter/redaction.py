"""Masks secrets in text that somebody else has made, whole ones and parts of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby

__all__ = ["MASK", "Redactor"]

MASK = "********"

SHORTEST_SECRET = 8
"""Characters from which on a text is looked for; Zoho's have more than forty. Shorter ones occur
in any sentence."""

PART = 12
"""Characters of a secret that are looked for where only a part of it is quoted, as databases do:
too few of forty to guess the rest by, and more than a sentence has by chance."""

LIKE_ZOHOS = re.compile(r"\b1000\.[0-9a-f]{16,}(?:\.[0-9a-f]+)?")
"""What Zoho's tokens and codes look like: a store may tell of one that nobody has read yet."""


class Redactor:
    """Quotes text without the secrets in it.

    Args:
        secrets: What must not show; what is no text, or too short, is left out.
    """

    def __init__(self, secrets: Iterable[object]) -> None:
        texts = (str.__str__(secret) for secret in secrets if isinstance(secret, str))
        self._whole = {text for text in texts if len(text) >= SHORTEST_SECRET}
        self._all = "\n".join(self._whole)

    def redact(self, text: str) -> str:
        """Return a text with a mask in the place of each secret."""
        for secret in self._whole:
            text = text.replace(secret, MASK)
        text = LIKE_ZOHOS.sub(MASK, text)
        hidden = bytearray(len(text))
        for at in range(len(text) - PART + 1):
            if text[at : at + PART] in self._all:
                hidden[at : at + PART] = b"\1" * PART
        runs = groupby(zip(hidden, text, strict=True), key=lambda pair: pair[0])
        return "".join(MASK if hides else "".join(c for _, c in run) for hides, run in runs)

    def contains_secret(self, text: str) -> bool:
        """Return True if there is anything to mask in a text."""
        return self.redact(text) != text
