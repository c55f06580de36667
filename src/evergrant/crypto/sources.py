"""Where keys come from: EVERGRANT_KEY, or the file that EVERGRANT_KEY_FILE names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from evergrant.crypto.keys import Key, Keyring
from evergrant.errors import ConfigError
from evergrant.token import Secret

__all__ = ["KEY", "KEY_FILE", "keyring_from_environment"]

KEY = "EVERGRANT_KEY"
"""The environment variable with one key: the base64 of 32 random bytes."""

KEY_FILE = "EVERGRANT_KEY_FILE"
"""The environment variable with the path of a file of keys, one a line, the newest first."""


def keyring_from_environment() -> Keyring | None:
    """Return the keys that are set; None: nothing is to be sealed.

    Raises:
        ConfigError: A key is malformed, the file cannot be read or others can read it, or both
            variables are set.
    """
    key, file = Secret(os.environ.get(KEY, "")), os.environ.get(KEY_FILE)
    if key and file:
        raise ConfigError(
            f"both {KEY} and {KEY_FILE} are set",
            hint="Put the key into the file, as its first line, and set the file only.",
        )
    if file:
        return Keyring(_read(file))
    return Keyring([_key(key, KEY)]) if key else None


def _read(path: str) -> Iterator[Key]:
    try:
        # Any byte is a character of Latin-1; what is no key is refused as such.
        with Path(path).open(encoding="latin-1") as file:
            _refuse_exposed(path, os.fstat(file.fileno()))
            lines = [Secret(line) for line in file.read().split()]
    except OSError as error:
        raise ConfigError(f"the key file {path} cannot be read: {error.strerror}") from None
    if not lines:
        raise ConfigError(f"the key file {path} is empty", hint="Write one key a line.")
    for number, line in enumerate(lines, 1):
        yield _key(line, f"{path}, line {number}")


def _refuse_exposed(path: str, found: os.stat_result) -> None:
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        raise ConfigError(
            f"others can read the key file {path} (mode {mode:03o}); it was not read",
            hint=f"Run: chmod 600 {path}. If others may have read it, make a new key.",
        )


def _key(text: Secret, where: str) -> Key:
    try:
        return Key(text)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}", hint=error.hint) from None
