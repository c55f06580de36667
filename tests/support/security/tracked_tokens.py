"""Tokens that trackers must not see, and all that stores do with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from evergrant import Token, TokenStore, open_store
from evergrant.transfer import move

__all__ = ["CODE", "MARK", "OTHER", "REFRESHED", "TOKEN", "WORK", "Leaks"]

MARK = "songbird"
CODE = "codeword"
"""What is in one-time codes where a web server's frames have them with the address."""
LATER = datetime(2999, 1, 1, tzinfo=UTC)
TOKEN = Token(
    user_name="alice@example.com:1",
    client_id="1000.ID",
    client_secret=MARK * 12,
    refresh_token=f"1000.r{MARK * 12}",
    access_token=f"1000.a{MARK * 12}",
    grant_token=f"1000.g{MARK * 12}",
    expires_at=LATER,
)
OTHER = replace(TOKEN, user_name="bob@example.com:1", refresh_token=f"1000.b{MARK * 12}")
BY_ACCESS = Token(access_token=TOKEN.access_token)
BY_REFRESH = Token(refresh_token=TOKEN.refresh_token, client_id="1000.ID")
REFRESHED = replace(TOKEN, access_token=f"1000.n{MARK * 12}")

Leaks = Callable[..., list[str]]
"""Returns what the trackers show of an error; ``quickly`` without the slow ones."""


def _swap(store: TokenStore) -> None:
    stored = store.find_token(TOKEN)
    assert stored
    store.save_token(
        replace(stored, access_token=REFRESHED.access_token), expected_version=stored.version
    )


def _delete(store: TokenStore) -> None:
    stored = store.save_token(OTHER)
    store.delete_token(stored.id or "", expected_version=stored.version)


def _lease(store: TokenStore) -> None:
    with store.lease(f"{TOKEN.id}", ttl=0.001) as lease:
        lease.extend()


def _move(store: TokenStore) -> None:
    with open_store("memory:") as target:
        list(move(store, target))
        list(move(target, store))


WORK: dict[str, Callable[[TokenStore], object]] = {
    "find": lambda store: store.find_token(TOKEN),
    "find by access token": lambda store: store.find_token(BY_ACCESS),
    "find by refresh token": lambda store: store.find_token(BY_REFRESH),
    "find users": lambda store: store.find_users("alice@example.com"),
    "list": lambda store: store.get_tokens(),
    "save": lambda store: store.save_token(REFRESHED),
    "compare and swap": _swap,
    "delete": _delete,
    "lease": _lease,
    "note": lambda store: (
        store.update_note("a-note", lambda _: MARK, life=60) + store.get_note("a-note")
    ),
    "was deleted": lambda store: store.was_deleted(TOKEN),
    "keys": lambda store: store.key_ids(),
    "move": _move,
}
