"""The tokens at hand: trusted while the store says that nothing has changed."""

from __future__ import annotations

import time

import pytest

from evergrant._core.token_cache import UNTRACKED_TTL_S, Entry, TokenCache
from evergrant.token import Token

TOKEN = Token(id="1", user_name="alice@example.com:42", access_token="a")


def token_of(entry: Entry | None) -> Token | None:
    return entry.token if entry else None


def test_a_token_is_trusted_at_the_generation_at_which_it_was_read() -> None:
    cache = TokenCache()
    assert cache.get("alice", 1) is None
    cache.put("alice", TOKEN, 1)
    assert token_of(cache.get("alice", 1)) is TOKEN
    assert cache.get("bob", 1) is None


@pytest.mark.parametrize("generation", [0, 2, None])
def test_a_token_of_another_generation_is_known_but_not_trusted(generation: int | None) -> None:
    cache = TokenCache()
    cache.put("alice", TOKEN, 1)
    assert cache.get("alice", generation) is None
    assert token_of(cache.get_stale("alice")) is TOKEN


def test_what_a_store_cannot_date_is_not_trusted_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    cache = TokenCache()
    cache.put("alice", TOKEN, None)
    now += UNTRACKED_TTL_S - 0.01
    assert token_of(cache.get("alice", None)) is TOKEN
    now += 0.01
    assert cache.get("alice", None) is None
    assert token_of(cache.get_stale("alice")) is TOKEN


def test_what_took_long_to_read_is_trusted_as_long_as_if_it_had_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    cache = TokenCache()
    cache.put("alice", TOKEN, None, read_at=1000.0 - UNTRACKED_TTL_S)
    assert cache.get("alice", None) is None, "another host may have removed it for that long"


def test_what_is_dropped_is_not_known_any_more() -> None:
    cache = TokenCache()
    for user in ("alice", "bob"):
        cache.put(user, TOKEN, 1)
    cache.drop("alice")
    cache.drop("nobody")
    assert (cache.get("alice", 1), cache.get_stale("alice")) == (None, None)
    assert token_of(cache.get("bob", 1)) is TOKEN
    cache.clear()
    assert (cache.get("bob", 1), cache.get_stale("bob")) == (None, None)
