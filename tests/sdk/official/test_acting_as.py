"""`acting_as` binds a user to what runs in it, however that begins and ends: never to another."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evergrant import Token, open_store
from evergrant.sandbox import Sandbox
from tests.support.sdk.process import NEWER, Refused, SdkProcess, name_of
from tests.support.sdk.stores import OUR_SQLITE

ALICE, BOB = "alice@example.com", "bob@example.com"

every_version = pytest.mark.parametrize("sdk", NEWER, indirect=True)
newest = pytest.mark.parametrize("sdk", NEWER[:1], indirect=True)


@pytest.fixture
def sdk(start: Callable[..., SdkProcess], request: pytest.FixtureRequest) -> SdkProcess:
    """Return a process of Bob's in which Alice has a token too."""
    process = start(OUR_SQLITE, request.param)
    for user in (ALICE, BOB):
        process.log_in(user)
    return process


@every_version
def test_a_decorated_coroutine_runs_as_the_program(sdk: SdkProcess, zoho: Sandbox) -> None:
    assert sdk("decorated", user=name_of(zoho, ALICE)) == [ALICE, ALICE, BOB]


@newest
def test_a_decorated_generator_runs_as_the_program(sdk: SdkProcess, zoho: Sandbox) -> None:
    with pytest.raises(Refused, match="generator") as refused:
        sdk("decorate_a_generator", user=name_of(zoho, ALICE))
    assert refused.value.kinds == ["ConfigError"]


@newest
def test_a_user_stays_when_generators_end_in_any_order(sdk: SdkProcess, zoho: Sandbox) -> None:
    users = {"first": name_of(zoho, ALICE), "second": name_of(zoho, BOB)}
    sdk.log_in(ALICE)
    assert sdk("after_generators", **users) == [BOB, BOB, ALICE]


@every_version
def test_what_was_before_is_not_restored(sdk: SdkProcess, zoho: Sandbox) -> None:
    users = {"first": name_of(zoho, ALICE), "second": name_of(zoho, BOB)}
    assert sdk("nested", **users) == [ALICE, BOB, BOB]


@newest
def test_a_user_of_two_clients_cannot_be_chosen(
    sdk: SdkProcess, zoho: Sandbox, tmp_path: object
) -> None:
    alice = name_of(zoho, ALICE)
    other = Token(user_name=alice, client_id="1000.OTHER", client_secret="s", refresh_token="r")
    with open_store(f"sqlite:///{tmp_path}/zohooauth.db") as store:
        store.save_token(other)
    with pytest.raises(Refused, match="AmbiguousUser"):
        sdk("in_pool", way="acting_as", users=[alice])
    assert sdk("of_client", user=alice, client_id=zoho.client.client_id) == ALICE
