"""No secret in what trackers make of an error from a store on a server, at any failing step."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from evergrant import TokenStore, open_store
from evergrant._crypto.keys import Keyring
from evergrant.stores.encrypted import EncryptedStore
from tests.support.security.failing_steps import failures
from tests.support.security.tracked_tokens import TOKEN, WORK, Leaks
from tests.support.soak import Soak
from tests.support.stores.encrypted_rows import NEW

PLACES = ["redis_url", "mariadb", "postgresql", "dynamodb_url", "secrets_url"]
EVERY = {"dynamodb_url": 1009, "secrets_url": 1009}
"""Amazon's client takes thousands of steps for a request."""


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(place: str, request: pytest.FixtureRequest) -> Iterator[TokenStore]:
    found = request.getfixturevalue(place)
    with open_store(getattr(found, "url", found), keys=None) as store:
        yield store


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_a_server_s_store_that_fails_at_any_step(
    place: str, store: TokenStore, work: Callable[[TokenStore], object], leaks: Leaks, soak: Soak
) -> None:
    store.save_token(TOKEN)
    work(store)
    every = EVERY.get(place, 61) // soak.rounds(1, 10)
    errors = list(failures(lambda: work(store), every=every))
    assert errors
    assert [leak for error in errors for leak in leaks(error, quickly=True)] == []
    assert leaks(errors[-1]) == []


def test_a_sealed_one_that_fails_at_any_step(store: TokenStore, place: str, leaks: Leaks) -> None:
    sealed = EncryptedStore(store, Keyring([NEW]))
    sealed.save_token(TOKEN)
    for work in (WORK["find by access token"], WORK["compare and swap"]):
        for error in failures(lambda work=work: work(sealed), every=3 * EVERY.get(place, 61)):  # type: ignore[misc]
            assert leaks(error, quickly=True) == []
