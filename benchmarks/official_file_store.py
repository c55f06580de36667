"""Zoho's own FileStore at work, told what to do by JSON lines on stdin, answering on stdout.

Runs in the virtual environment that has the package zohocrmsdk8_0. Nothing here knows evergrant.
"""

from __future__ import annotations

import json
import sys
import time

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store import FileStore
from zohocrmsdk.src.com.zoho.crm.api.user_signature import UserSignature


def time_finding(path: str, users: list[str]) -> float:
    """Return the seconds that it takes to find a user, on average."""
    store = FileStore(path)
    asked = [OAuthToken(user_signature=UserSignature(user)) for user in users]
    started = time.perf_counter()
    for token in asked:
        store.find_token(token)
    return (time.perf_counter() - started) / len(users)


def time_saving(path: str, users: list[str]) -> float:
    """Return the seconds that it takes to save a refreshed token, on average."""
    store = FileStore(path)
    asked = [OAuthToken(user_signature=UserSignature(user), access_token="new") for user in users]
    started = time.perf_counter()
    for token in asked:
        store.save_token(token)
    return (time.perf_counter() - started) / len(users)


STEPS = {step.__name__: step for step in (time_finding, time_saving)}


def main() -> None:
    """Do what stdin asks, line by line."""
    for line in sys.stdin:
        name, arguments = json.loads(line)
        sys.stdout.write(json.dumps(STEPS[name](**arguments)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
