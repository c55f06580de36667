"""Masks secrets, and parts of secrets, in text from other code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby

__all__ = ["MASK", "Redactor"]

MASK = "********"

SHORTEST_SECRET = 8
"""Length from which on a secret is looked for; Zoho's have more than forty characters. Shorter
texts occur in any sentence."""

PART = 12
"""Length of the parts of a secret that are looked for, since databases quote parts. Twelve of forty
characters are too few to guess the rest, and more than a sentence has by chance."""

LIKE_ZOHOS = re.compile(r"\b1000\.[0-9a-f]{16,}(?:\.[0-9a-f]+)?")
"""The form of Zoho's tokens and codes: a store may quote one that evergrant has not read yet."""


class Redactor:
    """Quotes text without the secrets in it.

    Args:
        secrets: Texts to mask; values that are no text, or too short, are ignored.
    """

    def __init__(self, secrets: Iterable[object]) -> None:
        texts = (str.__str__(secret) for secret in secrets if isinstance(secret, str))
        self._whole = {text for text in texts if len(text) >= SHORTEST_SECRET}
        self._all = "\n".join(self._whole)

    def redact(self, text: str) -> str:
        """Return a text with each secret masked."""
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
