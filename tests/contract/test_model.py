"""Any sequence of saves, finds and deletions: every store does what a plain dictionary does."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from databases import Database
from evergrant.errors import Conflict, TokenNotFound
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.token import Token

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
PEOPLE = [(user, client) for user in ("alice", "Alice", "bob'") for client in ("c1", "c2")]

people = st.sampled_from(PEOPLE)
numbers = st.integers(min_value=0, max_value=5)
steps = st.one_of(
    st.tuples(st.just("save"), people, numbers, numbers),
    st.tuples(st.just("swap"), people, numbers, numbers),
    st.tuples(st.just("edit"), people, numbers, numbers),
    st.tuples(st.just("delete"), people, numbers, numbers),
    st.tuples(st.just("clear"), people, numbers, numbers),
)


def a_token(who: tuple[str, str], grant: int, hour: int) -> Token:
    """The token that this person's client got for a grant at an hour."""
    user, client = who
    refresh_token = f"refresh {user} {client} {grant}" if grant else None
    return Token(
        user_name=user,
        client_id=client,
        client_secret="s",
        access_token=f"access {user} {client} {grant} {hour}",
        refresh_token=refresh_token,
        expires_at=NOON + timedelta(hours=hour),
    )


class Model:
    """The rules in their plainest form: one dictionary, one token per user and client."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Token] = {}

    def save(self, who: tuple[str, str], new: Token) -> Token:
        old = self.rows.get(who)
        if old is None:
            kept = replace(new, version=1)
        elif old.refresh_token is None and new.refresh_token:
            kept = replace(new, version=old.version + 1)
        elif new.expires_at and old.expires_at and new.expires_at < old.expires_at:
            same = new.access_token == old.access_token
            assert not same, "one access token has one expiry here"
            kept = replace(old, version=old.version + 1)
        else:
            refresh_token = new.refresh_token or old.refresh_token
            kept = replace(new, refresh_token=refresh_token, version=old.version + 1)
        return self.put(who, kept)

    def put(self, who: tuple[str, str], token: Token) -> Token:
        self.rows[who] = token
        return token


def plain(token: Token) -> Token:
    """A stored token without what the model leaves to the store."""
    return replace(token, id=None, created_at=None, updated_at=None)


def run(store: TokenStore, script: list[tuple[str, tuple[str, str], int, int]]) -> None:
    model = Model()
    ids: dict[tuple[str, str], str] = {}
    used: set[str] = set()
    for what, who, grant, hour in script:
        new = a_token(who, grant, hour)
        known = model.rows.get(who)
        if what == "save":
            saved = store.save_token(new)
            assert plain(saved) == model.save(who, new)
        elif what == "swap":
            current = known.version if known else 0
            with pytest.raises(Conflict):
                store.save_token(new, expected_version=current + 1)
            saved = store.save_token(new, expected_version=current)
            assert plain(saved) == model.put(who, replace(new, version=current + 1))
        elif what == "edit" and known:
            read = store.find_token_by_id(ids[who])
            assert read is not None
            saved = store.save_token(replace(read, expires_at=NOON + timedelta(hours=hour)))
            edited = replace(known, expires_at=saved.expires_at, version=known.version + 1)
            assert plain(saved) == model.put(who, edited)
        elif what == "delete":
            if known:
                store.delete_token(ids[who])
                del model.rows[who]
            with pytest.raises(TokenNotFound):
                store.delete_token(ids.pop(who, "none"))
            continue
        elif what == "clear":
            store.delete_tokens()
            model.rows.clear()
            ids.clear()
            continue
        else:
            continue
        assert ids.get(who, saved.id) == saved.id
        assert who in ids or saved.id not in used
        ids[who] = str(saved.id)
        used.add(ids[who])
        check(store, model, ids)
    check(store, model, ids)


def check(store: TokenStore, model: Model, ids: dict[tuple[str, str], str]) -> None:
    listed = {str(token.id): plain(token) for token in store.get_tokens()}
    assert listed == {ids[who]: token for who, token in model.rows.items()}
    for user, client in PEOPLE:
        found = store.find_token(Token(user_name=user, client_id=client))
        assert (found and plain(found)) == model.rows.get((user, client))


URLS: list[Callable[[str], str]] = [
    lambda _: "memory:",
    lambda _: "list:",
    lambda _: "sqlite:///:memory:",
    lambda folder: f"sqlite:///{folder}/tokens.db",
    lambda folder: f"file://{folder}/tokens.csv",
]


@pytest.mark.parametrize(
    "url", URLS, ids=["memory", "list", "sqlite-memory", "sqlite-file", "file"]
)
@settings(max_examples=40, derandomize=True, deadline=None, database=None)
@given(script=st.lists(steps, max_size=15))
def test_a_store_does_what_a_dictionary_does(
    url: Callable[[str], str], script: list[tuple[str, tuple[str, str], int, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder, open_store(url(folder)) as store:
        run(store, script)


@settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example empties it
)
@given(script=st.lists(steps, max_size=15))
def test_a_database_does_what_a_dictionary_does(
    database: Database, script: list[tuple[str, tuple[str, str], int, int]]
) -> None:
    with open_store(database.url) as store:
        store.delete_tokens()
        run(store, script)
