"""The text form of encrypted data: version, key id, nonce and ciphertext, safe in any column.

evg1.<8 hex digits: the key's id>.<base64 of 12 bytes nonce, ciphertext, 16 bytes tag>
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from typing import NamedTuple, Self

from evergrant.errors import CorruptRecord

__all__ = ["ENVELOPE", "KEY_ID_DIGITS", "NONCE_BYTES", "Envelope", "associated_data", "key_id_of"]

KEY_ID_DIGITS = 8

NONCE_BYTES = 12
"""The recommended size for GCM (NIST SP 800-38D, 5.2.1.1)."""

_TAG_BYTES = 16
_VERSION = "evg1"
ENVELOPE = f"{_VERSION}."
"""Prefix of encrypted text."""


class Envelope(NamedTuple):
    """Encrypted data, and what is needed to decrypt it."""

    key_id: str
    nonce: bytes
    ciphertext: bytes

    def __str__(self) -> str:
        body = b2a_base64(self.nonce + self.ciphertext, newline=False).decode()
        return f"{_VERSION}.{self.key_id}.{body}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the text form.

        Raises:
            CorruptRecord: The text is not of this form, or of an unknown version.
        """
        version, key_id, body = [*text.split(".", 2), "", ""][:3]
        if version != _VERSION or len(key_id) != KEY_ID_DIGITS or not key_id.isalnum():
            raise CorruptRecord(
                "this is not encrypted text, or a newer evergrant encrypted it",
                hint="Open it with the version that wrote it.",
            )
        content = _decode_canonical(body)
        if len(content) < NONCE_BYTES + _TAG_BYTES:
            raise CorruptRecord("the encrypted text is cut short or changed")
        return cls(key_id, content[:NONCE_BYTES], content[NONCE_BYTES:])


_CANONICAL_TAIL = ("", "AQgw", "AEIMQUYcgkosw048")
"""By the number of bytes after the last whole group of three, the characters that a canonical
text may end with: those whose unused bits are 0."""


def _decode_canonical(body: str) -> bytes:
    """Return the data that a text is the base64 of; empty if the text is not canonical."""
    try:
        content = a2b_base64(body, strict_mode=True)
    except ValueError:
        return b""
    # The text of some data must be unique. Decoding alone ignores superfluous padding, and the
    # unused bits of the last character.
    odd = len(content) % 3
    one_way = len(body) % 4 == 0 and (not odd or body[odd - 4] in _CANONICAL_TAIL[odd])
    return content if one_way else b""


def associated_data(key_id: str, bound_to: str) -> bytes:
    """Return what is authenticated with the ciphertext: version, key, and what it is bound to."""
    return f"{_VERSION}.{key_id}.{bound_to}".encode("utf-8", "surrogatepass")


def key_id_of(text: str) -> str | None:
    """Return the id of the key that a text is encrypted with, or None if it is plain text."""
    return text[len(ENVELOPE) :][:KEY_ID_DIGITS] if text.startswith(ENVELOPE) else None
