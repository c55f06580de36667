"""Zoho's own FileStore and ours take turns at one file, and neither loses what the other wrote."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evergrant.clock import from_epoch_ms, to_epoch_ms
from evergrant.errors import StoreUnavailable
from evergrant.stores.file import FileStore
from evergrant.testing.sample_tokens import HARD_TEXTS, grant, stored_contents
from evergrant.token import Token
from tests.support.sdk.process import SdkProcess
from tests.support.sdk.stores import OFFICIAL_FILE
from tests.support.stores.file_store import HEADER, NOON_MS, OLD_HEADER, old_row, put, row


@pytest.fixture
def official(start: Callable[..., SdkProcess]) -> SdkProcess:
    return start(OFFICIAL_FILE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.csv"


Told = dict[str, str | None]


def told(token: Token) -> Told:
    """What the official store can tell of a token."""
    return {
        "id": token.id,
        "user_name": token.user_name,
        "client_id": token.client_id,
        "client_secret": plain(token.client_secret),
        "access_token": plain(token.access_token),
        "refresh_token": plain(token.refresh_token),
        "expires_in": str(to_epoch_ms(token.expires_at)) if token.expires_at else None,
        "api_domain": token.api_domain,
    }


def plain(secret: str | None) -> str | None:
    return secret and str.__str__(secret)


def seen(fields: Told) -> Told:
    return {name: fields[name] for name in told(Token())}


def official_save(official: SdkProcess, token: Token) -> str:
    saved: str = official("save_token", **told(token))
    return saved


def test_two_hundred_turns_lose_nothing(official: SdkProcess, path: Path) -> None:
    random.seed(8)
    known: dict[str, Token] = {}
    deleted: set[str] = set()
    with FileStore(path) as store:
        for turn in range(200):
            who = f"user{random.randrange(12)}"
            theirs = turn % 2 == 0
            old = known.get(who)
            expires_at = from_epoch_ms(NOON_MS + turn * 1000)
            token = grant(who, access_token=f"{who} {turn:03}", grant_token=None)
            if old and random.random() < 0.15:
                if theirs:
                    official("delete_token", token_id=old.id)
                else:
                    store.delete_token(str(old.id))
                del known[who]
                deleted.add(str(old.id))
            elif theirs:
                new = replace(token, expires_at=expires_at, id=old.id if old else None)
                known[who] = replace(new, id=official_save(official, new))
            else:
                new = replace(token, expires_at=expires_at)
                known[who] = store.save_token(new)
                assert old is None or known[who].id == old.id
                assert old or known[who].id not in deleted
            assert {name: told(token) for name, token in known.items()} == {
                str(token.user_name).partition("@")[0]: told(token)
                for token in stored_contents(store).values()
            }
            listed = {fields["id"]: seen(fields) for fields in official("get_tokens")}
            assert listed == {token.id: told(token) for token in known.values()}
            if who in known:
                user = known[who].user_name
                assert seen(official("find_token", user_name=user)) == told(known[who])
                found = store.find_token(Token(user_name=user))
                assert found
                assert told(found) == told(known[who])
    assert len(deleted) > 10


def test_what_our_rows_hold_survives_the_official_rewriting(
    official: SdkProcess, path: Path
) -> None:
    texts = [text for text in HARD_TEXTS if "\r" not in text and text.strip()]
    with FileStore(path) as store:
        saved = [
            store.save_token(Token(user_name=text, client_id="c", access_token=text, org_id=text))
            for text in texts
        ]
        last = official_save(official, grant("carol"))
        assert int(last) == len(texts) + 1
        assert [token for token in store.get_tokens() if token.id != last] == saved
        for token in saved:
            assert seen(official("find_token_by_id", token_id=token.id)) == told(token)


def test_a_save_of_the_official_store_is_a_new_version(official: SdkProcess, path: Path) -> None:
    with FileStore(path) as store:
        saved = store.save_token(grant("alice"))
        generation = store.change_counter()
        official_save(official, replace(saved, access_token="theirs"))
        assert store.change_counter() != generation
        found = store.find_token_by_id(str(saved.id))
        assert found
        assert (found.access_token, found.version) == ("theirs", 0)


def test_an_old_file_that_we_have_written_is_readable_to_the_official_store(
    official: SdkProcess, path: Path
) -> None:
    put(path, OLD_HEADER, old_row("1", "alice"), old_row("2", "bob"))
    with FileStore(path) as store:
        store.save_token(grant("carol"))
        names = [token["user_name"] for token in official("get_tokens")]
        assert names == [f"{who}@example.com:60001" for who in ("alice", "bob", "carol")]
        official("delete_tokens")
        assert store.get_tokens() == []
        assert store.save_token(grant("carol")).id == "4"


def busily_rewritten(official: SdkProcess, path: Path) -> set[str]:
    """Let the official store rewrite a file of 200 users without a pause; return their names."""
    users = [f"user{number}" for number in range(200)]
    lines = [row(str(number), "x").split(",") for number in range(200)]
    put(
        path,
        HEADER,
        *(",".join([id_, user, *rest]) for user, (id_, _, *rest) in zip(users, lines, strict=True)),
    )
    official("keep_saving", users=200)
    return set(users)


def test_readers_beside_the_official_store_never_miss_a_token(
    official: SdkProcess, path: Path
) -> None:
    with FileStore(path, timeout=60) as store:
        users = busily_rewritten(official, path)
        for user in random.sample(sorted(users), 20):
            found = store.find_token(Token(user_name=user))
            assert found
            assert found.user_name == user
            assert {token.user_name for token in store.get_tokens()} == users


def test_a_save_beside_the_official_store_never_takes_a_torn_file_for_all_there_is(
    official: SdkProcess, path: Path
) -> None:
    refused: list[str] = []
    with FileStore(path, timeout=60) as store:
        users = busily_rewritten(official, path)
        for number in range(20):
            try:
                store.save_token(grant(f"ours{number}"))
            except StoreUnavailable as error:
                refused.append(str(error))
            assert users <= {str(token.user_name) for token in store.get_tokens()}
    assert all("at the same moment" in why for why in refused)
