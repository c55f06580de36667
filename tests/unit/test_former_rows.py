"""An id that a caller chose comes again after a deletion: its old copies must not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evergrant.errors import Conflict
from evergrant.stores.memory import MemoryStore
from evergrant.testing.sample_tokens import ALICE
from evergrant.token import Token
from tests.support.stores.store_client import ticking

TENANT = replace(ALICE, id="tenant-1")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(clock=ticking())


@pytest.fixture
def former(store: MemoryStore) -> Token:
    """Return a copy of a row that was deleted; another one with its id is there."""
    former = store.save_token(TENANT)
    store.delete_token("tenant-1")
    store.save_token(replace(TENANT, refresh_token="another login's"))
    return former


def test_a_refresh_begun_before_a_logout_spares_the_login_after_it(
    store: MemoryStore, former: Token
) -> None:
    with pytest.raises(Conflict):
        store.save_token(replace(former, access_token="new"), expected_version=former.version)
    saved = store.find_token(TENANT)
    assert saved
    assert saved.refresh_token == "another login's"


def test_a_copy_of_a_former_row_does_not_count_as_read(store: MemoryStore, former: Token) -> None:
    stored = store.find_token(TENANT)
    assert stored
    assert stored.expires_at
    older = replace(former, expires_at=stored.expires_at.replace(year=2020), access_token="older")
    assert store.save_token(older).access_token == stored.access_token


def test_what_a_caller_made_itself_is_compared_by_its_version_only(
    store: MemoryStore, former: Token
) -> None:
    own = replace(TENANT, access_token="own")
    with pytest.raises(Conflict):
        store.save_token(own, expected_version=former.version)
    stored = store.find_token(TENANT)
    assert stored
    assert store.save_token(own, expected_version=stored.version).access_token == "own"
