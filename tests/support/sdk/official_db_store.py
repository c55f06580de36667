"""Zoho's own DBStore, told what to do by JSON lines on stdin, answering on stdout.

Runs where the package zohocrmsdk8_0 is; the first line has the arguments of its constructor.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store import DBStore
from zohocrmsdk.src.com.zoho.crm.api.user_signature import UserSignature

FIELDS = ("client_id", "client_secret", "refresh_token", "access_token", "grant_token")


def token_of(values: dict[str, str]) -> Any:
    # Its constructor wants to be given something to find a token by; a user name is set later.
    token = OAuthToken(id="?", **{name: values[name] for name in FIELDS if name in values})
    token.set_id(values.get("id"))
    if "user_name" in values:
        token.set_user_signature(UserSignature(values["user_name"]))
    for name in ("expires_in", "api_domain"):
        if name in values:
            getattr(token, f"set_{name}")(values[name])
    return token


def values_of(token: Any) -> dict[str, str] | None:
    if token is None:
        return None
    values = {name: getattr(token, f"get_{name}")() for name in (*FIELDS, "id", "expires_in")}
    signature = token.get_user_signature()
    return values | {"user_name": signature.get_name() if signature else None}


def answer(store: Any, step: str, argument: Any) -> Any:
    if step == "save":
        return store.save_token(token_of(argument))
    if step == "find":
        return values_of(store.find_token(token_of(argument)))
    if step == "find_by_id":
        return values_of(store.find_token_by_id(argument))
    if step == "all":
        return [values_of(token) for token in store.get_tokens()]
    if step == "delete":
        return store.delete_token(argument)
    assert step == "time"
    started = time.perf_counter()
    for values in argument:
        store.find_token(token_of(values))
    return (time.perf_counter() - started) / len(argument) * 1e6


def main() -> None:
    store = DBStore(**json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(store, *json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
