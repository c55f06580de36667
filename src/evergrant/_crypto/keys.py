"""Keys, which encrypt text for one place and decrypt it there."""

from __future__ import annotations

import hmac
import os
from base64 import b64decode
from collections.abc import Iterable
from hashlib import sha256

from evergrant._crypto.envelope import KEY_ID_DIGITS, NONCE_BYTES, Envelope, associated_data
from evergrant.errors import ConfigError, CorruptRecord
from evergrant.token import Secret

__all__ = ["KEY_BYTES", "Key", "Keyring", "missing_key"]

KEY_BYTES = 32
"""AES-256."""

DIGEST_BYTES = 24
"""192 bits: no two values have the same digest, and base64 needs no padding."""

_DIGEST_VERSION = "evgd1"


class Key:
    """A key for AES-256-GCM; its repr shows only its id.

    Its nonces are random, so it should encrypt at most four billion texts (NIST SP 800-38D, 8.3).

    Args:
        text: Base64 of 32 random bytes, in either alphabet.

    Attributes:
        id: Identifies the key, and reveals nothing about it.

    Raises:
        ConfigError: The text is no such key.
    """

    __slots__ = ("_cipher", "_digesting", "_invalid", "_signing", "id")

    def __init__(self, text: Secret) -> None:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._invalid = InvalidTag
        self.id = ""  # set first: a traceback may print this object before it is complete
        # The key's bytes never get a name, since a traceback may print local variables.
        if _length(text) != KEY_BYTES:
            raise ConfigError(
                f"a key must be the base64 of {KEY_BYTES} random bytes",
                hint="Make one with: openssl rand -base64 32",
            )
        self._cipher = AESGCM(_decoded(text))
        # A derived key for each purpose (NIST SP 800-108, with HMAC).
        self._digesting = hmac.new(
            hmac.digest(_decoded(text), b"evergrant digests", sha256), digestmod=sha256
        )
        self._signing = hmac.digest(_decoded(text), b"evergrant signatures", sha256)
        self.id = sha256(b"evergrant key id\0" + _decoded(text)).hexdigest()[:KEY_ID_DIGITS]

    def __repr__(self) -> str:
        return f"Key(id={self.id!r})"

    def encrypt(self, text: str, bound_to: str) -> Envelope:
        """Encrypt text for one place; it cannot be decrypted in another."""
        nonce = os.urandom(NONCE_BYTES)
        hidden = self._cipher.encrypt(nonce, str.encode(text), associated_data(self.id, bound_to))
        return Envelope(self.id, nonce, hidden)

    def decrypt(self, envelope: Envelope, bound_to: str) -> Secret:
        """Return the text that was encrypted with this key for this place.

        Raises:
            CorruptRecord: It was changed since, or encrypted for another place.
        """
        beside = associated_data(self.id, bound_to)
        try:
            return Secret(
                self._cipher.decrypt(envelope.nonce, envelope.ciphertext, beside).decode()
            )
        except self._invalid:
            raise CorruptRecord(
                "the encrypted text was changed, or was encrypted for another place"
            ) from None

    def digest(self, column: str, value: str) -> str:
        """Return the digest by which a value is found in a column; it needs the key."""
        code = self._digesting.copy()  # a third faster than starting with the key each time
        # As plain str, since a Secret would put its mask into the text.
        code.update(b"%b\0%b" % (column.encode(), str.encode(value, "utf-8", "surrogatepass")))
        return f"{_DIGEST_VERSION}.{self.id}.{code.digest()[:DIGEST_BYTES].hex()}"

    def sign(self, data: bytes) -> str:
        """Return the HMAC-SHA256 of some data, in hex."""
        return hmac.digest(self._signing, data, "sha256").hex()


def _decoded(text: Secret) -> bytes:
    return b64decode(text.reveal().replace("-", "+").replace("_", "/"), validate=True)


def _length(text: Secret) -> int:
    try:
        return len(_decoded(text))
    except ValueError:
        return 0


def missing_key(key_id: str) -> ConfigError:
    """Return the error to raise if the key of an encrypted text is missing."""
    return ConfigError(
        f"it is encrypted with the key {key_id}, which is not set",
        hint="Set it in EVERGRANT_KEY, or add it to the file that EVERGRANT_KEY_FILE names.",
    )


class Keyring:
    """Keys, the newest first. The newest encrypts, and any of them decrypts.

    Raises:
        ConfigError: There is no key.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys: dict[str, Key] = {}  # set first: a traceback may print this object
        self._keys = {key.id: key for key in reversed(list(keys))}
        if not self._keys:
            raise ConfigError("a keyring without a key")

    @property
    def newest(self) -> Key:
        """The key that encrypts and signs."""
        return next(reversed(self._known().values()))

    @property
    def oldest_first(self) -> tuple[Key, ...]:
        """All keys."""
        return tuple(self._known().values())

    def _known(self) -> dict[str, Key]:
        return self._keys

    def reload(self) -> bool:
        """Look for new keys, if there may be any; return True if the keys have changed."""
        return False

    def get(self, key_id: str) -> Key | None:
        """Return the key with this id, or None."""
        return self._known().get(key_id)

    def __repr__(self) -> str:
        return f"Keyring({', '.join(reversed(self._known()))})"

    def encrypt(self, text: str, bound_to: str) -> str:
        """Encrypt text for one place, such as a row; it cannot be decrypted in another."""
        return str(self.newest.encrypt(text, bound_to))

    def decrypt(self, encrypted: str, bound_to: str) -> Secret:
        """Return the text that was encrypted for this place.

        Raises:
            ConfigError: It was encrypted with a key that is not here.
            CorruptRecord: It was changed since, encrypted for another place, or is plain text.
        """
        envelope = Envelope.parse(encrypted)
        key = self.get(envelope.key_id)
        if key is None:
            raise missing_key(envelope.key_id)
        return key.decrypt(envelope, bound_to)
