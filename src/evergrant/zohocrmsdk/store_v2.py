"""The `TokenStore` for Zoho's SDKs 2.0 and 2.1 (import package ``zcrmsdk``), on any of ours."""

from __future__ import annotations

import copy
from contextlib import suppress
from dataclasses import replace
from typing import Any

from zcrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zcrmsdk.src.com.zoho.api.authenticator.store.token_store import TokenStore
from zcrmsdk.src.com.zoho.crm.api.exception import SDKException
from zcrmsdk.src.com.zoho.crm.api.initializer import Initializer

from evergrant._masking import masks_methods
from evergrant.errors import TokenNotFound
from evergrant.token import Token
from evergrant.zohocrmsdk.bridge import SDKBridge
from evergrant.zohocrmsdk.sdk_config import SDKConfig, sdk_config
from evergrant.zohocrmsdk.token_mapping import copy_from_sdk, copy_to_sdk, raising_sdk_errors

__all__ = ["OlderSDKTokenStore"]


@masks_methods
class OlderSDKTokenStore(TokenStore):
    """A store for the ``Initializer`` of 2.0 and 2.1, in which users are e-mail addresses.

    These SDKs keep an access token for as long as their own token object lives. So the store
    returns copies, and the object itself never gets an access token: each call asks the store.

    Args:
        bridge: Finds, refreshes and saves the tokens.
    """

    def __init__(self, bridge: SDKBridge) -> None:
        self.bridge = bridge

    def get_token(self, user: Any, token: Any) -> Any:
        """Return a fresh copy of the stored token for a user and an SDK token, or None."""
        with raising_sdk_errors(SDKException):
            asked = copy_from_sdk(token, user_name=self._name_of(user.get_email(), token))
            found = self.bridge.resolve(asked, self._config(), find_user=False)
            return found and _fill(copy.copy(token), found)

    def save_token(self, user: Any, token: Any) -> None:
        """Save a user's SDK token, and set its id."""
        with raising_sdk_errors(SDKException):
            asked = copy_from_sdk(token, user_name=self._name_of(user.get_email(), token))
            _fill(token, self.bridge.save(asked, self._config()))

    def delete_token(self, token: Any) -> None:
        """Delete the stored token for an SDK token; raise if it does not exist."""
        with raising_sdk_errors(SDKException):
            asked = copy_from_sdk(token, user_name=self._name_of(token.get_user_mail(), token))
            found = self.bridge.lookup.find(asked)
            if found is None or found.id is None:
                raise TokenNotFound("there is no such token", token_id=asked.id)
            self.bridge.delete(found.id)

    def get_tokens(self) -> list[Any]:
        """Return all tokens as they are stored."""
        with raising_sdk_errors(SDKException):
            tokens = self.bridge.store.iter_tokens()
            return [_fill(OAuthToken(id=token.id), token) for token in tokens]

    def delete_tokens(self) -> None:
        """Delete all tokens of this store, and nothing else."""
        with raising_sdk_errors(SDKException):
            self.bridge.delete_all()

    def get_token_by_id(self, id: str, token: Any) -> Any:  # noqa: A002 - the SDK's name
        """Return the token with this id, fresh; raise if it does not exist."""
        with raising_sdk_errors(SDKException):
            asked = replace(copy_from_sdk(token), id=id)
            found = self.bridge.resolve(asked, self._config(), find_user=False)
            if found is None:
                raise TokenNotFound("there is no such token", token_id=id)
            return _fill(copy.copy(token), found)

    def close(self) -> None:
        """Close the store below, and the connections to Zoho."""
        self.bridge.close()
        self.bridge.store.close()

    def _name_of(self, email: str | None, token: Any) -> str | None:
        """Return the user's name in the store: newer SDKs add the org to the address."""
        found = self.bridge.store.find_users(email or "")
        # A user in two orgs has two rows: the token may tell which one is meant.
        own = [one for one in found if _is_of(token, one)]
        with suppress(TokenNotFound):
            return (
                self.bridge.lookup.find_by_name(email or "", token.get_client_id(), own).user_name
                or email
            )
        return email

    def _config(self) -> SDKConfig:
        return sdk_config(Initializer.get_initializer(), follows_tokens=False)


def _is_of(sdk_token: Any, stored: Token) -> bool:
    grant = sdk_token.get_refresh_token()
    return stored.id == sdk_token.get_id() or bool(grant and grant == stored.refresh_token)


def _fill(sdk_token: Any, token: Token) -> Any:
    sdk_token.set_user_mail((token.user_name or "").partition(":")[0] or None)
    return copy_to_sdk(sdk_token, token)
