"""``env:``: the grant is in the environment; what processes share about it is in another store."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Hashable, Iterator
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from evergrant._environment import ZohoEnvironment, read_zoho_environment
from evergrant._files.locations import user_folder
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._masking import masks_locals
from evergrant.errors import ConfigError, Conflict, EvergrantError, StoreError
from evergrant.stores.base import TokenStore
from evergrant.stores.layered import LayeredStore
from evergrant.stores.matching import Criterion
from evergrant.stores.rows import Row
from evergrant.token import Token

__all__ = ["USER", "EnvironmentStore", "open_environment_store"]

_logger = RateLimitedLog()

ELSEWHERE = "(in the environment)"
"""What a row has in the place of the refresh token: without any it would count as damaged."""

USER = "env"
"""The user's name of the grant: a program that has one grant need not say whose it is."""


class EnvironmentStore(LayeredStore):
    """Holds one grant: refresh token and client are read from the environment, never written.

    Access token, expiry, API domain, scopes, leases and notes are kept in another store, so that
    all processes that have the same grant refresh it once. A row there is of one client, one
    refresh token and one Zoho (or sandbox): after a change of any of them a new row begins.

    Args:
        environment: The grant.
        inner: The store for what is shared; closed with this store.
        realm: What tells this Zoho from another, such as a sandbox's address.
    """

    is_persistent = False  # nothing in it is worth a key: the grant is not written

    def __init__(self, environment: ZohoEnvironment, inner: TokenStore, *, realm: str = "") -> None:
        super().__init__(inner)
        self._grant = environment
        self._id = _row_id(environment, realm)
        self.url = f"env:{self._id}"
        self._begin()

    def _begin(self) -> None:
        """Make the row, if no process has made it before."""
        if self._inner.find_token_by_id(self._id) is None:
            bare = Token(
                id=self._id,
                user_name=USER,
                client_id=self._grant.client_id,
                refresh_token=self._grant.refresh_token,
                org_id=self._grant.org,
            )
            with suppress(Conflict):  # another process was faster
                self.save_token(bare, expected_version=0)

    def _encode_row(self, row: Row) -> Row:
        bare = row._replace(refresh_token=ELSEWHERE, client_secret=None, grant_token=None)
        return super()._encode_row(bare)

    def _decode(self, row: Row) -> Token:
        return replace(
            super()._decode(row),
            client_id=self._grant.client_id,
            client_secret=self._grant.client_secret,
            refresh_token=self._grant.refresh_token,
        )

    @masks_locals
    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        """Keep the access token of the grant; see `TokenStore.save_token`.

        Raises:
            StoreError: It is another grant's.
        """
        if token.user_name is None:
            is_ours = token.id in (None, self._id)
        else:
            is_ours = token.user_name == USER
        if not is_ours:
            raise StoreError(
                "env: holds the one grant of the environment, and this is another one",
                token_id=token.id,
                user=token.user_name,
                hint="Name a store that takes logins: EVERGRANT_STORE, or open_store(url).",
            )
        kept = replace(token, id=self._id, user_name=USER)
        saved = super().save_token(kept, expected_version=expected_version)
        return replace(
            saved,
            client_secret=self._grant.client_secret,
            refresh_token=self._grant.refresh_token,
        )

    @masks_locals
    def delete_token(self, id: str, *, expected_version: int | None = None) -> None:  # noqa: A002, ARG002 - the official SDK's name
        """Refuse: the grant is in the environment.

        Raises:
            StoreError: Always.
        """
        raise StoreError(
            "the grant is in the environment, and cannot be deleted from here",
            token_id=str(id),
            hint="Unset ZOHO_REFRESH_TOKEN where the program is started.",
        )

    def delete_tokens(self) -> None:
        """Refuse, as `delete_token` does."""
        self.delete_token(self._id)

    def _select(self, criterion: Criterion) -> list[Row]:  # noqa: ARG002 - the caller compares
        return self._inner._select(Criterion(id=self._id))

    def _select_by_user(self, name: str) -> list[Row]:
        return self._inner._select(Criterion(id=self._id)) if name == USER else []

    def _rows(self) -> Iterator[Row]:
        return iter(self._inner._select(Criterion(id=self._id)))

    def storage_id(self) -> Hashable:
        """Return what identifies the storage."""
        return self._inner.storage_id(), self._id


def _row_id(grant: ZohoEnvironment, realm: str) -> str:
    text = f"{realm}\n{grant.client_id}\n{grant.refresh_token and grant.refresh_token.reveal()}"
    return f"env-{sha256(text.encode(errors='surrogatepass')).hexdigest()[:16]}"


def open_environment_store(inner_url: str | None, *, read_only: bool, **options: Any) -> TokenStore:
    """Open ``env:``: the grant of ZOHO_CLIENT_ID, ZOHO_CLIENT_SECRET and ZOHO_REFRESH_TOKEN.

    Args:
        inner_url: The store for what processes share; None: a file of this account, in its data
            folder, else its runtime folder, else the temporary folder; without any, the memory.

    Raises:
        ConfigError: There is no grant in the environment, or one by half.
        StoreUnavailable: The store that is named cannot be used.
    """
    environment = read_zoho_environment()
    if not environment.has_grant:
        raise ConfigError(
            "no grant is in the environment: ZOHO_REFRESH_TOKEN is not set",
            hint="Set ZOHO_CLIENT_ID, ZOHO_CLIENT_SECRET and ZOHO_REFRESH_TOKEN.",
        )
    inner = _open_shared(inner_url, read_only=read_only, **options)
    try:
        return EnvironmentStore(environment, inner, realm=os.environ.get("EVERGRANT_SANDBOX", ""))
    except BaseException:
        inner.close()
        raise


def _open_shared(url: str | None, *, read_only: bool, **options: Any) -> TokenStore:
    from evergrant.stores import open_store

    if url is not None:
        return open_store(url, read_only=read_only, **options)
    refused: list[str] = []
    for folder in _folders():
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = quote(os.fsencode(folder.absolute() / "env.db"))
            return open_store(f"sqlite:///{path}", **options)
        except (EvergrantError, OSError) as error:
            refused.append(f"{folder}: {error}")
    _logger.warning(
        "env: shares nothing with other processes: no folder can be written (%s). Each process "
        "refreshes by itself. Set EVERGRANT_HOME to a folder of this account.",
        "; ".join(refused),
    )
    return open_store("memory:", **options)


def _folders() -> Iterator[Path]:
    with suppress(ConfigError):  # this account has no home
        yield user_folder("data")
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime, "evergrant")
    # Of this account alone: the store refuses a file or folder that another one could write.
    yield Path(tempfile.gettempdir(), f"evergrant-{os.getuid()}")
