"""What somebody who can write to the storage may try, and what somebody who reads it sees."""

from __future__ import annotations

import sqlite3
import traceback
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from evergrant._crypto.keys import Keyring
from evergrant.errors import ConfigError, CorruptRecord, StoreUnavailable
from evergrant.stores import open_store
from evergrant.stores.adapter import adapt
from evergrant.stores.encrypted import EncryptedStore
from evergrant.stores.memory import MemoryStore
from evergrant.stores.rows import COLUMNS
from evergrant.testing.sample_tokens import ALICE, BOB, SECRETS
from evergrant.token import SECRET_FIELDS, Token
from tests.support.stores.encrypted_rows import NEW, OLD, key, rows, write
from tests.support.stores.six_methods import Plain

SCOPES = ("ZohoCRM.canary.READ",)


@pytest.fixture
def inner() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def store(inner: MemoryStore) -> EncryptedStore:
    store = EncryptedStore(inner, Keyring([NEW]))
    store.save_token(replace(ALICE, scopes=SCOPES))
    store.save_token(BOB)
    return store


def flipped(text: str, position: int) -> str:
    return text[:position] + ("A" if text[position] != "A" else "B") + text[position + 1 :]


@pytest.mark.parametrize("column", [c for c in COLUMNS if c != "id"])
def test_no_value_of_a_row_can_be_changed(
    store: EncryptedStore, inner: MemoryStore, column: str
) -> None:
    row, at = rows(inner)[0], COLUMNS.index(column)
    value = row[at]
    row[at] = value + 1 if isinstance(value, int) else flipped(value or "A", 0)
    write(inner, row)
    with pytest.raises(CorruptRecord) as caught:
        store.find_token_by_id(str(row[0]))
    assert caught.value.token_id == row[0]
    assert store.find_token(BOB) is not None


def test_no_character_of_the_sealed_text_can_be_changed(
    store: EncryptedStore, inner: MemoryStore
) -> None:
    row, at = rows(inner)[0], COLUMNS.index("scopes")
    text = str(row[at])
    head = len("evg1.00000000.")
    for position in range(head, len(text)):
        write(inner, [*row[:at], flipped(text, position), *row[at + 1 :]])
        with pytest.raises(CorruptRecord):
            store.find_token_by_id(str(row[0]))


@pytest.mark.parametrize("left", [0, 5, 13, 14, 30, -1])
def test_a_text_that_is_cut_short_does_not_open(
    store: EncryptedStore, inner: MemoryStore, left: int
) -> None:
    row, at = rows(inner)[0], COLUMNS.index("scopes")
    row[at] = str(row[at])[:left] or None
    write(inner, row)
    with pytest.raises((CorruptRecord, ConfigError)):
        store.find_token_by_id(str(row[0]))


def test_rows_that_change_places_do_not_open(store: EncryptedStore, inner: MemoryStore) -> None:
    alice, bob = rows(inner)
    write(inner, [alice[0], *bob[1:]])
    write(inner, [bob[0], *alice[1:]])
    for row in (alice, bob):
        with pytest.raises(CorruptRecord):
            store.find_token_by_id(str(row[0]))


@pytest.mark.parametrize("between", ["\x1f", '"', ",", '","', "\0", "\\"])
def test_text_that_moves_from_a_column_to_the_next_does_not_open(
    store: EncryptedStore, inner: MemoryStore, between: str
) -> None:
    name = f"carol{between}1000.CLIENT"
    id_ = str(store.save_token(replace(ALICE, user_name=name, client_id="x")).id)
    (stored,) = [row for row in rows(inner) if row[0] == id_]
    assert store.find_token_by_id(id_) is not None
    write(inner, [id_, "carol", f"1000.CLIENT{between}x", *stored[3:]])
    with pytest.raises(CorruptRecord):
        store.find_token_by_id(id_)


def test_any_name_opens_again(store: EncryptedStore) -> None:
    for name in ("\ud800", "\x1f" * 20, "例え", '"'):
        saved = store.save_token(replace(BOB, user_name=name))
        assert store.find_token_by_id(str(saved.id)) == saved


def test_the_sealed_text_of_another_row_does_not_open(
    store: EncryptedStore, inner: MemoryStore
) -> None:
    alice, bob = rows(inner)
    secret = [COLUMNS.index(c) for c in ("refresh_token", "access_token", "grant_token", "scopes")]
    for at in secret:
        bob[at] = alice[at]
    write(inner, bob)
    with pytest.raises(CorruptRecord):
        store.find_token_by_id(str(bob[0]))


def test_a_row_that_is_not_sealed_is_nobodys_token(
    store: EncryptedStore, inner: MemoryStore
) -> None:
    """Who can write to the storage could plant it."""
    inner.save_token(replace(ALICE, user_name="carol@example.com", access_token="planted"))
    with pytest.raises(CorruptRecord, match="not encrypted"):
        store.find_users("carol@example.com")
    assert len(store.get_tokens()) == 2


def test_a_version_that_was_put_back_is_noticed(store: EncryptedStore, inner: MemoryStore) -> None:
    before = rows(inner)[0]
    assert store.save_token(replace(ALICE, refresh_token="newer")).version == 2
    assert store.find_token(ALICE) is not None
    write(inner, before)
    with pytest.raises(CorruptRecord, match="it was replaced by an older copy"):
        store.find_token(ALICE)


def test_what_this_process_saved_and_has_not_read_since_is_known_to_be_newer(
    store: EncryptedStore, inner: MemoryStore
) -> None:
    before = rows(inner)[0]
    store.save_token(replace(ALICE, refresh_token="newer"))
    write(inner, before)
    with pytest.raises(CorruptRecord, match="it was replaced by an older copy"):
        store.find_token(ALICE)


def test_a_save_that_did_not_come_about_makes_nothing_old(
    store: EncryptedStore, inner: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = inner._transaction

    @contextmanager
    def broken() -> Iterator[None]:
        before = rows(inner)
        with commit():
            yield
        for row in before:
            write(inner, row)
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(inner, "_transaction", broken)
    with pytest.raises(StoreUnavailable):
        store.save_token(replace(ALICE, refresh_token="newer"))
    monkeypatch.undo()
    assert store.find_token(ALICE) is not None


def test_a_row_that_was_deleted_and_made_anew_is_no_older_version(
    store: EncryptedStore, inner: MemoryStore
) -> None:
    own = replace(ALICE, id="mine", user_name="dora@example.com")
    for _ in range(3):
        former = store.save_token(own)
        assert store.find_token_by_id("mine") is not None
    store.delete_token("mine")
    assert store.save_token(own).version != former.version
    assert store.find_token_by_id("mine") is not None


def test_a_look_without_the_key_gives_nothing_away(
    store: EncryptedStore, inner: MemoryStore
) -> None:
    for look in (lambda: inner.find_token(ALICE), inner.get_tokens):
        with pytest.raises(ConfigError, match=f"encrypted with the key {NEW.id}, which is not set"):
            look()


def test_another_key_is_an_error_and_changes_nothing(
    store: EncryptedStore, inner: MemoryStore
) -> None:
    before = rows(inner)
    with pytest.raises(ConfigError, match=NEW.id):
        EncryptedStore(inner, Keyring([OLD]))
    assert rows(inner) == before


def test_a_key_of_the_same_name_does_not_open(store: EncryptedStore, inner: MemoryStore) -> None:
    other = key(3)
    other.id = NEW.id
    with pytest.raises(CorruptRecord):
        EncryptedStore(inner, Keyring([other])).find_token(ALICE)


def test_tokens_that_are_not_sealed_are_refused_and_adopted_when_told() -> None:
    inner = MemoryStore()
    plain = inner.save_token(replace(ALICE, scopes=SCOPES))
    before = rows(inner)
    with pytest.raises(ConfigError, match="not encrypted") as caught:
        EncryptedStore(inner, Keyring([NEW]))
    assert "evergrant keys rotate --adopt" in str(caught.value)
    assert rows(inner) == before
    store = EncryptedStore(inner, Keyring([NEW]), adopt=True)
    assert store.find_token(ALICE) == plain
    by_token = replace(ALICE, user_name=None, client_id=None, client_secret=None)
    assert store.find_token(by_token) == plain
    assert sum(store.reencrypt()) == 1
    assert EncryptedStore(inner, Keyring([NEW])).find_token(by_token) == plain


def test_what_a_sealed_row_shows_is_no_token_also_while_others_are_adopted(
    store: EncryptedStore, inner: MemoryStore
) -> None:
    shown = str(rows(inner)[0][COLUMNS.index("access_token")])
    adopting = EncryptedStore(inner, Keyring([NEW]), adopt=True)
    assert adopting.find_token(Token(access_token=shown)) is None
    assert adopting.find_token(Token(access_token=ALICE.access_token)) is not None


def test_a_store_that_does_not_keep_all_of_a_row_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not keep all of a row"):
        EncryptedStore(adapt(Plain()), Keyring([NEW]))


@pytest.mark.parametrize("url", ["sqlite:///{}/t.db", "file://{}/t.csv"])
def test_no_secret_is_in_any_file(tmp_path: Path, url: str) -> None:
    token = replace(ALICE, scopes=SCOPES, grant_token="1000.grant-canary")
    secrets = [str.__str__(getattr(token, name)) for name in SECRET_FIELDS] + list(SCOPES)
    assert all(secrets)
    with open_store(url.format(tmp_path), keys=Keyring([NEW])) as store:
        saved = store.save_token(token)
        store.save_token(replace(saved, access_token="1000.second-canary"))
        files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
        assert any(b"evg1." in content for content in files)
        for secret in [*secrets, "1000.second-canary"]:
            assert not any(secret.encode() in content for content in files)


def test_one_setting_turns_it_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGRANT_KEY", b64encode(b"\2" * 32).decode())
    with open_store(f"sqlite:///{tmp_path}/t.db") as store:
        saved = store.save_token(ALICE)
        assert store.find_token(ALICE) == saved
    with closing(sqlite3.connect(tmp_path / "t.db")) as other:
        (held,) = other.execute("SELECT access_token FROM oauthtoken")
    assert str(held[0]).startswith(f"evgd1.{NEW.id}.")
    monkeypatch.delenv("EVERGRANT_KEY")
    with (
        open_store(f"sqlite:///{tmp_path}/t.db") as store,
        pytest.raises(ConfigError, match="EVERGRANT_KEY"),
    ):
        store.find_token(ALICE)


def test_errors_show_no_secret(store: EncryptedStore, inner: MemoryStore) -> None:
    row = rows(inner)[0]
    write(inner, [*row[:1], "mallory@example.com", *row[2:]])
    with pytest.raises(CorruptRecord) as caught:
        store.find_token_by_id(str(row[0]))
    tail = caught.value.__traceback__
    told = traceback.TracebackException(
        CorruptRecord, caught.value, tail and tail.tb_next, capture_locals=True
    )
    assert SECRETS not in "".join(told.format())
