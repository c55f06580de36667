"""Zoho's own FileStore at work, told what to do by JSON lines on stdin, answering on stdout.

Runs in the virtual environment that has the package zohocrmsdk8_0. Nothing here knows evergrant.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store import FileStore
from zohocrmsdk.src.com.zoho.crm.api.exception import SDKException
from zohocrmsdk.src.com.zoho.crm.api.user_signature import UserSignature


def save(path: str, user: str, **fields: str) -> str:
    """Save a token as the SDK does after a refresh; return its id."""
    expires_in = fields.pop("expires_in")
    token = OAuthToken(user_signature=UserSignature(user), **fields)
    token.set_expires_in(expires_in)
    FileStore(path).save_token(token)
    return str(token.get_id())


def save_for_ever(path: str, users: int) -> None:
    """Renew tokens one after another without a pause, until the process is ended."""
    store = FileStore(path)
    for number in range(2**62):
        token = OAuthToken(user_signature=UserSignature(f"user{number % users}"), access_token="a")
        token.set_expires_in(str(number))
        store.save_token(token)
        if number == users:
            sys.stdout.write("null\n")
            sys.stdout.flush()


def find(path: str, user: str) -> Any:
    """Find a user's token."""
    return _told(FileStore(path).find_token(OAuthToken(user_signature=UserSignature(user))))


def find_by_id(path: str, id_: str) -> Any:
    """Find a token by its id."""
    return _told(FileStore(path).find_token_by_id(id_))


def tokens(path: str) -> Any:
    """Return all tokens."""
    return [_told(token) for token in FileStore(path).get_tokens()]


def delete(path: str, id_: str) -> bool:
    """Delete a token; say whether it was there."""
    try:
        FileStore(path).delete_token(id_)
    except SDKException:
        return False
    return True


def delete_all(path: str) -> None:
    """Delete all tokens."""
    FileStore(path).delete_tokens()


def time_finding(path: str, users: list[str]) -> float:
    """Return the seconds that it takes to find a user, on average."""
    store = FileStore(path)
    asked = [OAuthToken(user_signature=UserSignature(user)) for user in users]
    started = time.perf_counter()
    for token in asked:
        store.find_token(token)
    return (time.perf_counter() - started) / len(users)


def time_saving(path: str, users: list[str]) -> float:
    """Return the seconds that it takes to save a renewed token, on average."""
    store = FileStore(path)
    asked = [OAuthToken(user_signature=UserSignature(user), access_token="new") for user in users]
    started = time.perf_counter()
    for token in asked:
        store.save_token(token)
    return (time.perf_counter() - started) / len(users)


def _told(token: Any) -> Any:
    if token is None:
        return None
    return [
        token.get_id(),
        token.get_user_signature().get_name(),
        token.get_access_token(),
        token.get_refresh_token(),
        token.get_expires_in(),
        token.get_api_domain(),
    ]


STEPS = {
    step.__name__: step
    for step in (
        save,
        save_for_ever,
        find,
        find_by_id,
        tokens,
        delete,
        delete_all,
        time_finding,
        time_saving,
    )
}


def main() -> None:
    """Do what stdin asks, line by line."""
    for line in sys.stdin:
        name, arguments = json.loads(line)
        sys.stdout.write(json.dumps(STEPS[name](**arguments)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
