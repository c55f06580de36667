"""Zoho's sample store as Zoho's SDK takes it. Runs where the SDK is installed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store.token_store import TokenStore
from zohocrmsdk.src.com.zoho.crm.api.exception import SDKException
from zohocrmsdk.src.com.zoho.crm.api.user_signature import UserSignature

from benchmarks.seed_store import COLUMNS, SeedStore, SeedToken

CALLED_OTHERWISE = {"expiry_time": "expires_in", "user_name": "user_signature"}


class SampleStore(TokenStore):
    """The algorithm of ``CustomStoreSQLite`` behind the interface of the SDK."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._rows = SeedStore(path)

    def find_token(self, token: Any) -> Any:
        row = _raising(self._rows.find_token, _columns(token))
        return None if row is None else _filled(token, row)

    def save_token(self, token: Any) -> None:
        row = _columns(token)
        _raising(self._rows.save_token, row)
        token.set_id(row["id"])

    def delete_token(self, id: str) -> None:  # noqa: A002 - the SDK's name
        self._rows.delete_token(id)

    def get_tokens(self) -> list[Any]:
        return [_filled(OAuthToken(id=row["id"]), row) for row in self._rows.get_tokens()]

    def delete_tokens(self) -> None:
        connection = sqlite3.connect(self._path)
        connection.execute("delete from oauthtoken;")
        self.connection.commit()  # as in the article: there is no such attribute

    def find_token_by_id(self, id: str) -> Any:  # noqa: A002 - the SDK's name
        row = _raising(self._rows.find_token_by_id, id)
        return _filled(OAuthToken(id=id), row)


def _raising(call: Callable[[Any], Any], argument: Any) -> Any:
    try:
        return call(argument)
    except Exception as error:
        raise SDKException("TOKEN STORE", "the sample's", cause=error) from error


def _columns(token: Any) -> SeedToken:
    row = {name: getattr(token, f"get_{CALLED_OTHERWISE.get(name, name)}")() for name in COLUMNS}
    row["user_name"] = row["user_name"] and row["user_name"].get_name()
    return row


def _filled(token: Any, row: SeedToken) -> Any:
    for name in COLUMNS:
        called = CALLED_OTHERWISE.get(name, name)
        if getattr(token, f"get_{called}")() is None and (value := row[name]) is not None:
            getattr(token, f"set_{called}")(
                UserSignature(value) if called == "user_signature" else value
            )
    return token
