"""The `TokenStore` of Zoho's SDKs 5.0 to 8.0 (import package ``zohocrmsdk``), over any of ours."""

from __future__ import annotations

from typing import Any

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken as OfficialToken
from zohocrmsdk.src.com.zoho.api.authenticator.store.token_store import TokenStore
from zohocrmsdk.src.com.zoho.crm.api.exception import SDKException
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.user_signature import UserSignature

from evergrant.errors import TokenNotFound
from evergrant.masking import masks_methods
from evergrant.stores import open_store
from evergrant.token import Token
from evergrant.zohocrmsdk.desk import Desk
from evergrant.zohocrmsdk.oauth_token import OAuthToken
from evergrant.zohocrmsdk.surroundings import Surroundings, note_led, surroundings_of
from evergrant.zohocrmsdk.translation import (
    fill,
    identity,
    is_only_an_id,
    read,
    surfacing,
    wants_user_name,
)

__all__ = ["CustomStoreInMemory", "CustomStoreList", "CustomStoreSQLite", "SDKTokenStore"]


@masks_methods
class SDKTokenStore(TokenStore):
    """What the official ``Initializer`` takes as its store.

    ``find_token`` answers with a token that is fresh already, so that the SDK's own code for
    refreshing (no lock, no timeout, 5 s before the end) never runs. Every method raises the
    SDK's SDKException, with an `evergrant.errors.EvergrantError` as its cause.

    Args:
        desk: Answers for the tokens.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def find_token(self, token: Any) -> Any:
        """Fill an SDK token with the stored one that it means, fresh; return it, or None."""
        with surfacing(SDKException):
            if found := self.desk.recent(*identity(token)):
                return self._filled(token, found)
            asked = read(token)
            if is_only_an_id(asked):
                # The SDK is about to revoke it: this very one, and not somebody else's.
                found = self.desk.store.find_token_by_id(asked.id) if asked.id else None
            else:
                found = self.desk.answer(asked, self.around(), find_user=wants_user_name(token))
            return found and self._filled(token, found)

    def save_token(self, token: Any) -> None:
        """Save an SDK token; it is given its id."""
        with surfacing(SDKException):
            self._filled(token, self.desk.save(read(token), self.around()))

    def delete_token(self, id: str) -> None:  # noqa: A002 - the SDK's name
        """Delete one token; an unknown id is an error."""
        with surfacing(SDKException):
            self.desk.delete(id)

    def get_tokens(self) -> list[Any]:
        """Return all tokens as they are stored; each can be used at once."""
        with surfacing(SDKException):
            return [self._new(token) for token in self.desk.store.iter_tokens()]

    def delete_tokens(self) -> None:
        """Delete all tokens of this store, and nothing else."""
        with surfacing(SDKException):
            self.desk.delete_all()

    def find_token_by_id(self, id: str) -> Any:  # noqa: A002 - the SDK's name
        """Return the token with this id, fresh, or None."""
        with surfacing(SDKException):
            found = self.desk.answer(Token(id=id), self.around())
            if found is None:
                found = self._first_use(id)
            return found and self._new(found)

    def _first_use(self, id_: str) -> Token | None:
        """Return what the SDK's current token becomes under an id that its program chose for it.

        The SDKs 6.0 and 7.0 cannot go on with None here, and 8.0 would bring a token back that
        was deleted elsewhere.

        Raises:
            TokenNotFound: It was.
        """
        current = getattr(Initializer.get_initializer(), "token", None)
        if not isinstance(current, OfficialToken) or current.get_id() != id_:
            return None
        found = self.desk.answer(read(current), self.around(), find_user=wants_user_name(current))
        if found is None:
            raise TokenNotFound("the token was deleted from the store", token_id=id_)
        return found

    def around(self) -> Surroundings:
        """Return the SDK's surroundings in this thread."""
        return surroundings_of(Initializer.get_initializer())

    def close(self) -> None:
        """Close the store below, and the connections to Zoho."""
        self.desk.close()
        self.desk.store.close()

    def _new(self, token: Token) -> Any:
        return self._filled(OAuthToken(id=token.id), token)

    def _filled(self, sdk_token: Any, token: Token) -> Any:
        initializer = Initializer.get_initializer()
        led = self.desk.led(token, surroundings_of(initializer))
        note_led(initializer, led.api_domain)
        return fill(sdk_token, led, UserSignature)


class CustomStoreSQLite(SDKTokenStore):
    """In the place of Zoho's sample of this name: goes on with its ``zohooauth.db``."""

    def __init__(self, db_name: str = "zohooauth.db") -> None:
        super().__init__(Desk(open_store("sqlite:///" + db_name)))


class CustomStoreInMemory(SDKTokenStore):
    """In the place of Zoho's sample of this name, which keeps a SQLite database in memory."""

    def __init__(self) -> None:
        super().__init__(Desk(open_store("sqlite:///:memory:")))


class CustomStoreList(SDKTokenStore):
    """In the place of Zoho's sample of this name, which keeps a list of lists."""

    def __init__(self) -> None:
        super().__init__(Desk(open_store("list:")))
