"""Where tokens are kept: one contract, many storages, each opened by its URL."""

from __future__ import annotations

import os
import re
from types import EllipsisType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from evergrant._crypto.key_sources import keyring_from_environment
from evergrant._crypto.keys import Keyring
from evergrant._files.locations import user_folder
from evergrant._masking import masks_locals
from evergrant.errors import ConfigError
from evergrant.stores import urls
from evergrant.token import Secret

if TYPE_CHECKING:
    from evergrant.stores.base import TokenStore

__all__ = ["default_store_url", "open_store"]


@masks_locals
def open_store(
    url: str,
    *,
    read_only: bool = False,
    keys: Keyring | EllipsisType | None = ...,
    adopt: bool = False,
    **options: Any,
) -> TokenStore:
    """Open the store that a URL names.

    ``memory:``, ``list:``, ``sqlite:///relative.db``, ``sqlite:////absolute/path.db`` or
    ``sqlite:///:memory:``; SQLite takes ``?table=name`` and ``?timeout=seconds``. An absolute
    ``file:///path/tokens.csv``. ``mysql://user:password@host/database`` or ``postgresql://...``,
    with ``?table=name`` and what the driver takes. ``redis://user:password@host/0`` and its
    kin (see `evergrant.stores.redis`). ``dynamodb://TABLE?region=...``,
    ``aws-secretsmanager://NAME?region=...``. ``env:`` is the grant of ZOHO_REFRESH_TOKEN, with
    ``?store=URL`` for what processes share of it. Characters that mean something in a URL are
    percent-encoded.

    Args:
        read_only: Create and change nothing, not even to extend a table of the official SDK.
        keys: Encrypt tokens with these keys (see `evergrant.stores.encrypted`); None means no
            encryption. The default is the keys that the environment names (EVERGRANT_KEY,
            EVERGRANT_KEY_FILE), if any. Stores that end with the process (``memory:``, ``list:``)
            are never encrypted.
        adopt: With keys, read also rows that are not encrypted yet.
        options: Arguments for the store's class, such as ``clock``; they override the URL's.

    Raises:
        ConfigError: The URL is malformed or names no kind of store that evergrant knows; or a key
            is missing, malformed, or set for a store whose tokens are not encrypted.
        StoreUnavailable: The storage cannot be used.
        StoreMissing: The store was to be opened read-only, and does not exist.
    """
    # A traceback may print local variables, and a URL may have a password.
    url = Secret(f"{os.fspath(url)}" if isinstance(url, os.PathLike) else url)
    if re.search("[\x01-\x1f\x7f-\x9f\u2028\u2029]", url):
        raise ConfigError(
            f"{urls.hide_password(url)!r} has a line break or a control character in it",
            hint="Take it out. If it belongs to a name, percent-encode it: %0A.",
        )
    keyring = keyring_from_environment() if keys is ... else keys
    store = _opened(url, read_only=read_only, **options)
    if keyring is None or not store.is_persistent:
        return store
    from evergrant.stores.encrypted import EncryptedStore

    try:
        return EncryptedStore(store, keyring, adopt=adopt)
    except BaseException:
        store.close()
        raise


def _opened(url: str, *, read_only: bool, **options: Any) -> TokenStore:  # noqa: C901, PLR0911 - a table
    if not re.match(r"[a-z][a-z0-9+._-]*:", url, re.IGNORECASE):
        named = f"For this file: {urls.url_of_file(urls.hide_password(url))}. " if url else ""
        raise ConfigError(
            f"{urls.hide_password(url)!r} is not the URL of a store",
            hint=f"{named}{urls.SUPPORTED_URLS}",
        )
    scheme, _, rest = map(Secret, url.partition(":"))
    match scheme.reveal().lower():
        case "memory":
            from evergrant.stores.memory import MemoryStore

            urls.require_bare_scheme(url, rest)
            return MemoryStore(**options)
        case "list":
            from evergrant.stores.list import ListStore

            urls.require_bare_scheme(url, rest)
            return ListStore(**options)
        case "env":
            from evergrant.stores.environment import open_environment_store

            given = urls.parse_query(url, rest.removeprefix("?"), {"store": str})
            return open_environment_store(given.get("store"), read_only=read_only, **options)
        case "file":
            from evergrant.stores.file import FileStore

            return FileStore(urls.file_path(url, rest), read_only=read_only, **options)
        case "sqlite":
            from evergrant.stores.sqlite import SQLiteStore

            location, _, query = rest.partition("?")
            given = urls.parse_query(url, query, {"table": str, "timeout": urls.parse_seconds})
            options["read_only"] = read_only
            return SQLiteStore(urls.sqlite_path(url, location), **(given | options))
        case name if urls.is_sql(name):
            from evergrant.stores.sql import SQLStore

            return SQLStore(url, read_only=read_only, **options)
        case name if name in urls.REDIS:
            from evergrant.stores.redis import RedisStore

            return RedisStore(url, read_only=read_only, **options)
        case "dynamodb":
            from evergrant.stores.aws.dynamodb import DynamoDBStore

            return DynamoDBStore(url, read_only=read_only, **options)
        case "aws-secretsmanager":
            from evergrant.stores.aws.secretsmanager import SecretsManagerStore

            return SecretsManagerStore(url, read_only=read_only, **options)
    raise ConfigError(
        f"{urls.hide_password(url)!r} names no store that evergrant knows", hint=urls.SUPPORTED_URLS
    )


def default_store_url() -> str:
    """Return the URL of the default store: SQLite in the user's data folder.

    EVERGRANT_HOME, if set, replaces that folder.
    """
    return f"sqlite:///{quote(os.fsencode(user_folder('data').absolute() / 'tokens.db'))}"
