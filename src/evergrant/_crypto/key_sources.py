"""Where keys come from: the sources that the environment names."""

from __future__ import annotations

import os

from evergrant._crypto.key_file import FileKeyring
from evergrant._crypto.key_format import parse_keys
from evergrant._crypto.keys import Keyring
from evergrant._files.locations import path_from_environment
from evergrant._masking import masks_locals
from evergrant._text import without_line_end
from evergrant.errors import ConfigError, MissingExtra
from evergrant.token import Secret

__all__ = ["KEY", "KEYRING", "KEY_FILE", "keyring_from_environment", "keyring_source"]

KEY = "EVERGRANT_KEY"
"""Environment variable with one key: the base64 of 32 random bytes, or a key wrapped by KMS."""

KEY_FILE = "EVERGRANT_KEY_FILE"
"""Environment variable with the path of a key file: one key per line, the newest first."""

KEYRING = "EVERGRANT_KEYRING"
"""Environment variable with an entry of the operating system's keyring, ``service/name``, that
holds one key per line, the newest first."""


def keyring_source() -> str | None:
    """Return the name of the variable that is set, or None if none is set.

    Raises:
        ConfigError: More than one of them is set.
    """
    named = [variable for variable in (KEY, KEY_FILE, KEYRING) if os.environ.get(variable)]
    if len(named) > 1:
        raise ConfigError(
            f"only one of {', '.join(named)} may be set",
            hint=f"Put all keys into the file that {KEY_FILE} names, and set only that.",
        )
    return named[0] if named else None


@masks_locals
def keyring_from_environment() -> Keyring | None:
    """Return the keys that are set, or None if nothing is to be encrypted.

    Raises:
        ConfigError: A key is malformed or not available, the file cannot be read or other accounts
            can read it, or more than one variable is set.
        StoreUnavailable: A key is wrapped by AWS KMS, which cannot be reached.
        MissingExtra: The keyring package, or boto3, is needed and not installed.
    """
    match source := keyring_source():
        case None:
            return None
        case "EVERGRANT_KEY_FILE":
            return FileKeyring(path_from_environment(source) or "")
        case "EVERGRANT_KEYRING":
            text = _from_keyring(without_line_end(os.environ[source]))
        case _:
            text = Secret(os.environ[source])
    return Keyring(parse_keys(text, source))


def _no_keyring(error: Exception) -> ConfigError:
    return ConfigError(
        f"{KEYRING}: the system's keyring cannot be used: {type(error).__name__}",
        hint=f"Unlock it, or keep the keys in a file and set {KEY_FILE}.",
    )


def _from_keyring(entry: str) -> Secret:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ModuleNotFoundError:
        raise MissingExtra("a key in the system's keyring", extra="keyring") from None
    except (RuntimeError, KeyError, OSError) as error:  # an account without a home
        raise _no_keyring(error) from None
    service, _, name = entry.partition("/")
    try:
        found = keyring.get_password(service, name or "keys")
    except (KeyringError, RuntimeError, KeyError, OSError) as error:
        raise _no_keyring(error) from None
    if not found:
        raise ConfigError(
            f"{KEYRING}: the system's keyring has no entry {service}/{name or 'keys'}",
            hint=f"Put a key there: keyring set {service} {name or 'keys'}",
        )
    return Secret(found)
