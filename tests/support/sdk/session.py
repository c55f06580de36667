"""What tests do with any version of Zoho's SDK; each public method of a session is a step."""

from __future__ import annotations

import threading
from typing import Any, ClassVar

Fields = dict[str, Any]

TABLE = """
CREATE TABLE IF NOT EXISTS oauthtoken (
    id varchar(10) NOT NULL, user_name varchar(255), client_id varchar(255),
    client_secret varchar(255), refresh_token varchar(255), access_token varchar(255),
    grant_token varchar(255), expiry_time varchar(20), redirect_url varchar(255),
    api_domain varchar(255), PRIMARY KEY (id)
)
"""
"""As Zoho's documents have people make it, for the SDKs 5.0 and later."""


class AnySession:
    """One process's use of the SDK.

    Args:
        version: The SDK's, as in its package's name.
    """

    official: ClassVar[dict[str, Any]]
    """The SDK's own stores."""

    names: tuple[str, ...] = (
        "id",
        "client_id",
        "client_secret",
        "refresh_token",
        "access_token",
        "grant_token",
        "expires_in",
        "redirect_url",
    )
    """The fields of its tokens that have a getter and a setter; each version has one more."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.kind = ""
        self.store: Any = None
        self.environment: Any = None

    def open(self, store: list[Any], url: str) -> None:
        """Open a store, and say where Zoho is.

        Args:
            store: What kind of store (``ours``, Zoho's ``sample``, or one of `official`), and
                its arguments.
            url: The sandbox's.
        """
        self.kind, *arguments = store
        if self.kind.startswith("ours"):
            from evergrant.zohocrmsdk import token_store

            self.store = token_store(*arguments)
        elif self.kind == "sample":
            from tests.support.sdk.sample_store import SampleStore

            self.store = SampleStore(*arguments)
        elif self.kind == "official table":
            self.store = self.official[self.kind](**self._table(*arguments))
        elif self.kind in self.official:
            self.store = self.official[self.kind](*arguments)

    def _table(self, url: str) -> Fields:
        """Return the arguments of the official store for a database, in which its table is."""
        from sqlalchemy import create_engine, text

        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text(TABLE))
        engine.dispose()
        where = engine.url
        return {
            "host": where.host,
            "database_name": where.database,
            "user_name": where.username,
            "password": where.password,
            "port_number": str(where.port),
            "table_name": "oauthtoken",
        }

    def whoami(self, *headers: Any) -> str:
        """Ask the CRM whose token the SDK uses; return the address, or the error's code."""
        raise NotImplementedError

    def whoami_in_threads(self, number: int) -> list[str]:
        """Ask in many threads that begin together; return what each got, in order."""
        gate, answers = threading.Barrier(number), [""] * number

        def ask(index: int) -> None:
            gate.wait()
            try:
                answers[index] = self.whoami()
            except Exception as error:  # noqa: BLE001 - what the SDK raises is what is tested
                answers[index] = f"{type(error).__name__}: {error}"

        threads = [threading.Thread(target=ask, args=(index,)) for index in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def get_tokens(self) -> list[Fields]:
        """List the store."""
        return [self.fields_of(token) for token in self.store.get_tokens()]

    def wrap(self) -> None:
        """Hand the SDK's store to ours."""
        from evergrant.zohocrmsdk import token_store

        token_store(self.store)

    def delete_tokens(self) -> None:
        """Delete every token of the store."""
        self.store.delete_tokens()

    def _who(self, operations: Any, asked: Any, param: Any, me: Any, *headers: Any) -> str:
        asked.add(param, me)
        found = operations.get_users(asked, *headers).get_object()
        if hasattr(found, "get_users"):
            return str(found.get_users()[0].get_email())
        return str(found.get_code().get_value())

    def filled(self, token: Any, fields: Fields) -> Any:
        """Return a token of which nothing is set but this, which its constructor would refuse."""
        for name in self.names:
            getattr(token, f"set_{name}")(fields.get(name))
        return token

    def fields_of(self, token: Any) -> Fields:
        return {name: getattr(token, f"get_{name}")() for name in self.names}

    @staticmethod
    def kinds(error: BaseException | None) -> list[str]:
        """Return the class of an error, and those of its causes."""
        kinds: list[str] = []
        while error is not None:
            kinds.append(type(error).__name__)
            # The SDK keeps causes in an attribute of its own.
            error = getattr(error, "cause", None) or error.__cause__
        return kinds

    @staticmethod
    def plain(value: object) -> str:
        """Return what JSON does not know as text."""
        return str(value)
