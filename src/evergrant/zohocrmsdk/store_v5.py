"""The `TokenStore` for Zoho's SDKs 5.0 to 8.0 (import package ``zohocrmsdk``), on any of ours."""

from __future__ import annotations

from typing import Any

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken as OfficialToken
from zohocrmsdk.src.com.zoho.api.authenticator.store.token_store import TokenStore
from zohocrmsdk.src.com.zoho.crm.api.exception import SDKException
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.user_signature import UserSignature

from evergrant._masking import masks_methods
from evergrant.errors import TokenNotFound
from evergrant.stores import open_store
from evergrant.token import Token
from evergrant.zohocrmsdk.bridge import SDKBridge
from evergrant.zohocrmsdk.oauth_token import OAuthToken
from evergrant.zohocrmsdk.sdk_config import SDKConfig, remember_followed, sdk_config
from evergrant.zohocrmsdk.token_mapping import (
    copy_from_sdk,
    copy_to_sdk,
    is_only_an_id,
    raising_sdk_errors,
    token_identity,
    wants_user_name,
)

__all__ = ["CustomStoreInMemory", "CustomStoreList", "CustomStoreSQLite", "SDKTokenStore"]


@masks_methods
class SDKTokenStore(TokenStore):
    """A store for the official ``Initializer``.

    ``find_token`` returns a token that is already fresh, so that the SDK's own refresh code (no
    lock, no timeout, 5 s before the expiry) never runs. Every method raises the SDK's
    SDKException, with an `evergrant.errors.EvergrantError` as its cause.

    Args:
        bridge: Finds, refreshes and saves the tokens.
    """

    def __init__(self, bridge: SDKBridge) -> None:
        self.bridge = bridge

    def find_token(self, token: Any) -> Any:
        """Fill an SDK token with the stored one, refreshed if needed; return it, or None."""
        with raising_sdk_errors(SDKException):
            if found := self.bridge.cached(*token_identity(token)):
                return self._fill(token, found)
            asked = copy_from_sdk(token)
            if is_only_an_id(asked):
                # The SDK is about to revoke it: exactly this one, never another user's.
                found = self.bridge.store.find_token_by_id(asked.id) if asked.id else None
            else:
                found = self.bridge.resolve(asked, self.config(), find_user=wants_user_name(token))
            return found and self._fill(token, found)

    def save_token(self, token: Any) -> None:
        """Save an SDK token, and set its id."""
        with raising_sdk_errors(SDKException):
            self._fill(token, self.bridge.save(copy_from_sdk(token), self.config()))

    def delete_token(self, id: str) -> None:  # noqa: A002 - the SDK's name
        """Delete one token; raise if the id is unknown."""
        with raising_sdk_errors(SDKException):
            self.bridge.delete(id)

    def get_tokens(self) -> list[Any]:
        """Return all tokens as they are stored; each can be used at once."""
        with raising_sdk_errors(SDKException):
            return [self._new(token) for token in self.bridge.store.iter_tokens()]

    def delete_tokens(self) -> None:
        """Delete all tokens of this store, and nothing else."""
        with raising_sdk_errors(SDKException):
            self.bridge.delete_all()

    def find_token_by_id(self, id: str) -> Any:  # noqa: A002 - the SDK's name
        """Return the token with this id, fresh, or None."""
        with raising_sdk_errors(SDKException):
            found = self.bridge.resolve(Token(id=id), self.config())
            if found is None:
                found = self._resolve_current(id)
            return found and self._new(found)

    def _resolve_current(self, id_: str) -> Token | None:
        """Return the stored token for the SDK's current token, whose id the program chose.

        The SDKs 6.0 and 7.0 fail if they get None here, and 8.0 would restore a token that was
        deleted elsewhere.

        Raises:
            TokenNotFound: The token was deleted.
        """
        current = getattr(Initializer.get_initializer(), "token", None)
        if not isinstance(current, OfficialToken) or current.get_id() != id_:
            return None
        found = self.bridge.resolve(
            copy_from_sdk(current), self.config(), find_user=wants_user_name(current)
        )
        if found is None:
            raise TokenNotFound("the token was deleted from the store", token_id=id_)
        return found

    def config(self) -> SDKConfig:
        """Return the SDK's configuration in this thread."""
        return sdk_config(Initializer.get_initializer())

    def close(self) -> None:
        """Close the store below, and the connections to Zoho."""
        self.bridge.close()
        self.bridge.store.close()

    def _new(self, token: Token) -> Any:
        return self._fill(OAuthToken(id=token.id), token)

    def _fill(self, sdk_token: Any, token: Token) -> Any:
        initializer = Initializer.get_initializer()
        led = self.bridge.routed(token, sdk_config(initializer))
        remember_followed(initializer, led.api_domain)
        return copy_to_sdk(sdk_token, led, UserSignature)


class CustomStoreSQLite(SDKTokenStore):
    """Replaces Zoho's sample of this name, and uses its ``zohooauth.db``."""

    def __init__(self, db_name: str = "zohooauth.db") -> None:
        super().__init__(SDKBridge(open_store("sqlite:///" + db_name)))


class CustomStoreInMemory(SDKTokenStore):
    """Replaces Zoho's sample of this name, with a SQLite database in memory."""

    def __init__(self) -> None:
        super().__init__(SDKBridge(open_store("sqlite:///:memory:")))


class CustomStoreList(SDKTokenStore):
    """Replaces Zoho's sample of this name, with a list in memory."""

    def __init__(self) -> None:
        super().__init__(SDKBridge(open_store("list:")))
