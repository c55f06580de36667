"""The text form of what is sealed: version, key id, nonce and ciphertext, safe in any column.

evg1.<8 hex digits: the key's id>.<base64url of 12 bytes nonce, ciphertext, 16 bytes tag>
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Self

from evergrant.errors import CorruptRecord

__all__ = ["KEY_ID_DIGITS", "NONCE_BYTES", "SEALED", "Envelope", "associated", "key_id_of"]

KEY_ID_DIGITS = 8

NONCE_BYTES = 12
"""What GCM is made for (NIST SP 800-38D, 5.2.1.1)."""

_TAG_BYTES = 16
_VERSION = "evg1"
SEALED = f"{_VERSION}."
"""How sealed text begins."""

_FORM = re.compile(rf"{_VERSION}\.([0-9a-f]{{{KEY_ID_DIGITS}}})\.([A-Za-z0-9_-]+)")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is sealed, and what it takes to open it."""

    key_id: str
    nonce: bytes
    ciphertext: bytes

    def __str__(self) -> str:
        body = urlsafe_b64encode(self.nonce + self.ciphertext).rstrip(b"=").decode()
        return f"{_VERSION}.{self.key_id}.{body}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text form.

        Raises:
            CorruptRecord: It is none, or one of a version that is not known here.
        """
        form = _FORM.fullmatch(text)
        if form is None:
            raise CorruptRecord(
                "this is not sealed text, or a newer evergrant sealed it",
                hint="Open it with the version that wrote it.",
            )
        key_id, body = form.groups()
        content = urlsafe_b64decode(body + "=" * (-len(body) % 4)) if len(body) % 4 != 1 else b""
        envelope = cls(key_id, content[:NONCE_BYTES], content[NONCE_BYTES:])
        # The last character may have bits that decoding ignores: one text, one meaning.
        if len(envelope.ciphertext) < _TAG_BYTES or str(envelope) != text:
            raise CorruptRecord("the sealed text is cut short or changed")
        return envelope


def associated(key_id: str, bound_to: str) -> bytes:
    """Return what is authenticated beside the ciphertext: how it was sealed, and for what."""
    return f"{_VERSION}.{key_id}.{bound_to}".encode()


def key_id_of(text: str) -> str | None:
    """Return the id of the key that a text is sealed under; None: it is not sealed."""
    return text[len(SEALED) :][:KEY_ID_DIGITS] if text.startswith(SEALED) else None
