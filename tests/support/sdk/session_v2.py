"""What tests do with Zoho's SDKs 2.0 and 2.1. Runs where one of them is installed."""

from __future__ import annotations

from typing import Any, ClassVar

from zcrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zcrmsdk.src.com.zoho.api.authenticator.store import DBStore, FileStore
from zcrmsdk.src.com.zoho.crm.api import ParameterMap
from zcrmsdk.src.com.zoho.crm.api.dc import DataCenter
from zcrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zcrmsdk.src.com.zoho.crm.api.user_signature import UserSignature
from zcrmsdk.src.com.zoho.crm.api.users import GetUsersParam, UsersOperations

from tests.support.sdk.session import AnySession, Fields


class Session(AnySession):
    """One process's use of the SDK, whose users are named beside their tokens."""

    official: ClassVar = {"official file": FileStore, "official table": DBStore}
    names = (*AnySession.names, "user_mail")

    def open(self, store: list[Any], url: str = "http://127.0.0.1:9") -> None:
        """Open a store, and say where Zoho is."""
        super().open(store, url)
        self.environment = DataCenter.Environment(url, f"{url}/oauth/v2/token", url, "PRD")

    def initialize(self, user: str, **token: Any) -> None:
        """Initialise the SDK as a program does that uses this token; it asks nobody yet."""
        Initializer.initialize(
            UserSignature(user),
            self.environment,
            OAuthToken(**token),
            store=self.store,
            resource_path=".",
        )

    def switch(self, user: str, **token: Any) -> None:
        """Switch to another user and their token."""
        Initializer.switch_user(user=UserSignature(user), token=OAuthToken(**token))

    def whoami(self) -> str:
        """Ask the CRM whose token the SDK uses; return the address, or the error's code."""
        return self._who(UsersOperations(), ParameterMap(), GetUsersParam.type, "CurrentUser")

    def current(self) -> Fields:
        """Return what the SDK holds as its current token."""
        return self.fields_of(Initializer.get_initializer().token)

    def find_token(self, user: str, **token: Any) -> Fields | None:
        """Ask the store for a user's token; return the token that was filled."""
        found = self.store.get_token(UserSignature(user), self.blank(token))
        return None if found is None else self.fields_of(found)

    def find_token_by_id(self, token_id: str) -> Fields | None:
        """Ask the store for an id."""
        found = self.store.get_token_by_id(token_id, self.blank({}))
        return None if found is None else self.fields_of(found)

    def save_token(self, user: str, **token: Any) -> Any:
        """Save a user's token in the store; return its id."""
        given = self.blank(token)
        self.store.save_token(UserSignature(user), given)
        return self.fields_of(given)["id"]

    def delete_token(self, user: str, **token: Any) -> None:
        """Delete the row of a user's token."""
        given = self.blank(token)
        given.set_user_mail(user)
        self.store.delete_token(given)

    def use_stored(self, token_id: str) -> str:
        """Use a token as ``get_tokens`` returns it; return whose it is."""
        (token,) = (one for one in self.store.get_tokens() if one.get_id() == token_id)
        Initializer.switch_user(user=UserSignature(token.get_user_mail()), token=token)
        return self.whoami()

    def remove(self) -> bool:
        """Delete the current token, through the SDK: it cannot revoke."""
        return bool(Initializer.get_initializer().token.remove())

    def blank(self, fields: Fields) -> Any:
        return self.filled(OAuthToken(id="-"), fields)
