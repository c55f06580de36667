"""What tests do with Zoho's SDKs 5.0 to 8.0. Runs where one of them is installed."""

from __future__ import annotations

from typing import Any, ClassVar

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store import DBStore, FileStore
from zohocrmsdk.src.com.zoho.crm.api import ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.dc import DataCenter, USDataCenter
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig
from zohocrmsdk.src.com.zoho.crm.api.user_signature import UserSignature
from zohocrmsdk.src.com.zoho.crm.api.users import GetUsersParam, UsersOperations
from zohocrmsdk.src.com.zoho.crm.api.util import Choice

from tests.support.sdk.canary import Canary
from tests.support.sdk.environments import Environments
from tests.support.sdk.loads import Loads
from tests.support.sdk.records import Records
from tests.support.sdk.session import AnySession, Fields
from tests.support.sdk.uploads import Uploads
from tests.support.sdk.user_contexts import Contexts


class Session(Canary, Records, Contexts, Environments, Loads, Uploads, AnySession):
    """One process's use of the SDK, whose tokens carry the names of their users."""

    official: ClassVar = {"official file": FileStore, "official table": DBStore}
    names = (*AnySession.names, "api_domain")

    def open(self, store: list[Any], url: str = "http://127.0.0.1:9") -> None:
        """Open a store, and say where Zoho is."""
        super().open(store, url)
        name = ["PRD"] if self.version == "5_0" else []
        self.environment = DataCenter.Environment(url, f"{url}/oauth/v2/token", url, *name)

    def initialize(self, timeout: float | None = None, **token: Any) -> None:
        """Initialise the SDK as a program does that uses this token."""
        Initializer.initialize(
            self.environment,
            self._token(token),
            store=self.store,
            sdk_config=SDKConfig(read_timeout=timeout, connect_timeout=timeout),
            resource_path=".",
        )

    def init_record(self, program: str, **arguments: str) -> None:
        """Run a program that has a function ``init``, for which the data center us is here."""
        USDataCenter.PRODUCTION = classmethod(lambda _: self.environment)
        names: dict[str, Any] = {}
        exec(program, names)  # noqa: S102 - as a person would who pasted it
        names["init"](None, **arguments)
        self.store = Initializer.get_initializer().store

    def run_examples(self, blocks: list[str], grant_token: str, **client: str) -> str:
        """Run the examples of a document in one program; return whose data the last one got."""
        token = OAuthToken(grant_token=grant_token, **client)
        names = {**globals(), **client, "environment": self.environment, "token": token}
        names["code"] = grant_token
        for block in blocks:
            exec(block, names)  # noqa: S102 - our own document
        return str(names["users"].get_object().get_users()[0].get_email())

    def switch(self, **token: Any) -> None:
        """Switch to the user of another token."""
        Initializer.switch_user(token=self._token(token))

    def whoami(self, *headers: Any) -> str:
        """Ask the CRM whose token the SDK uses; return the address, or the error's code."""
        me = "CurrentUser" if self.version in {"5_0", "8_0"} else Choice("CurrentUser")
        return self._who(UsersOperations(), ParameterMap(), GetUsersParam.type, me, *headers)

    def current(self) -> Fields:
        """Return what the SDK holds as its current token."""
        return self.fields_of(Initializer.get_initializer().token)

    def find_token(self, **token: Any) -> Fields | None:
        """Ask the store for what a partial token means; return the token that was filled."""
        asked = self.blank(token)
        return None if self.store.find_token(asked) is None else self.fields_of(asked)

    def find_token_by_id(self, token_id: str) -> Fields | None:
        """Ask the store for an id."""
        found = self.store.find_token_by_id(token_id)
        return None if found is None else self.fields_of(found)

    def save_token(self, **token: Any) -> Any:
        """Save a token in the store; return its id."""
        given = self.blank(token)
        self.store.save_token(given)
        return self.fields_of(given)["id"]

    def delete_token(self, token_id: str) -> None:
        """Delete one token of the store."""
        self.store.delete_token(token_id)

    def differences(self, **asked: Any) -> Fields:
        """Compare stores; see `sdk_differential.differences`."""
        from tests.support.sdk.differential import differences

        return differences(self, **asked)

    def revoke(self, token_id: str) -> bool:
        """Revoke a token at Zoho, as the SDK does."""
        return bool(Initializer.get_initializer().token.revoke(token_id))

    def revoke_as_ours(self, token_id: str) -> bool:
        """Revoke a token at Zoho, as evergrant's OAuthToken does."""
        from evergrant.zohocrmsdk import OAuthToken as OurToken

        return OurToken(id=token_id).revoke()

    def _token(self, fields: Fields) -> Any:
        """Return a token as a program makes it."""
        given = dict(fields)
        if "user_name" in given:
            given["user_signature"] = UserSignature(given.pop("user_name"))
        return self._token_class()(**given)

    def _token_class(self) -> Any:
        if self.kind == "ours, and our OAuthToken":
            from evergrant.zohocrmsdk import OAuthToken as OurToken

            return OurToken
        return OAuthToken

    def blank(self, fields: Fields) -> Any:
        token = self.filled(OAuthToken(id="-"), fields)
        if "user_name" in fields:
            token.set_user_signature(UserSignature(fields["user_name"]))
        return token

    def fields_of(self, token: Any) -> Fields:
        signature = token.get_user_signature()
        return {"user_name": signature and signature.get_name(), **super().fields_of(token)}
