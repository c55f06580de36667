"""A new key takes over from an old one, row by row, while others go on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from evergrant._crypto.keys import Keyring
from evergrant.errors import ConfigError, CorruptRecord
from evergrant.stores.base import TokenStore
from evergrant.stores.encrypted import EncryptedStore
from evergrant.stores.matching import Criterion
from evergrant.stores.memory import MemoryStore
from evergrant.stores.rows import Row
from evergrant.testing.sample_tokens import ALICE
from tests.support.stores.encrypted_rows import NEW, OLD, rows, write


@pytest.fixture
def inner() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def store(inner: MemoryStore) -> Iterator[TokenStore]:
    old = EncryptedStore(inner, Keyring([OLD]))
    for number in range(7):
        old.save_token(replace(ALICE, user_name=f"u{number}@example.com", refresh_token=None))
    with EncryptedStore(inner, Keyring([NEW, OLD])) as store:
        yield store


def test_every_row_is_sealed_anew_and_stays_what_it_was(
    store: EncryptedStore, inner: MemoryStore
) -> None:
    before = store.get_tokens()
    assert list(store.reencrypt(batch=3)) == [3, 3, 1]
    assert store.key_ids() == {NEW.id: 7}
    assert EncryptedStore(inner, Keyring([NEW])).get_tokens() == before


def test_what_was_done_stays_done_and_the_rest_is_done_next(
    store: EncryptedStore, inner: MemoryStore
) -> None:
    assert next(store.reencrypt(batch=3)) == 3
    assert store.key_ids() == {NEW.id: 3, OLD.id: 4}
    done = rows(inner)[:3]
    assert sum(store.reencrypt(batch=3)) == 7
    assert rows(inner)[:3] == done


def test_a_row_is_found_by_its_token_at_any_moment(
    store: EncryptedStore, inner: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it is sealed anew between the looks for one key and for the next."""
    select = inner._select

    def then_rotate(criterion: Criterion) -> list[Row]:
        found = select(criterion)
        monkeypatch.undo()
        sum(store.reencrypt())
        return found

    wanted = replace(ALICE, user_name=None, client_id=None, client_secret=None)
    monkeypatch.setattr(inner, "_select", then_rotate)
    assert store.find_token(wanted) is not None


def test_a_save_in_between_wins(
    store: EncryptedStore, inner: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    update, wanted = inner._update, replace(ALICE, user_name="u3@example.com")

    def after_a_save(row: Row, version: int) -> bool:
        monkeypatch.undo()
        store.save_token(replace(wanted, refresh_token="saved meanwhile"))
        return update(row, version)

    monkeypatch.setattr(inner, "_update", after_a_save)
    sum(store.reencrypt())
    found = store.find_token(wanted)
    assert found is not None
    assert found.refresh_token == "saved meanwhile"
    assert store.key_ids() == {NEW.id: 7}


def test_a_row_that_cannot_be_read_is_reported_and_stops_nothing(
    store: EncryptedStore, inner: MemoryStore
) -> None:
    bad = rows(inner)[3]
    write(inner, [*bad[:1], "mallory@example.com", *bad[2:]])
    told: list[CorruptRecord] = []
    assert sum(store.reencrypt(on_corrupt=told.append, batch=3)) == 7
    assert [error.token_id for error in told] == [str(bad[0])]
    assert store.key_ids() == {NEW.id: 6, OLD.id: 1}


def test_a_row_of_an_unknown_key_stops_it(inner: MemoryStore, store: TokenStore) -> None:
    fresh = EncryptedStore(MemoryStore(), Keyring([NEW]))
    fresh._inner = inner
    with pytest.raises(ConfigError, match=OLD.id):
        sum(fresh.reencrypt())
