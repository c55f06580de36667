"""Amazon's services refuse requests for a while, or for good: nothing is written by halves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import botocore.endpoint
import pytest

from evergrant.errors import StoreUnavailable
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.testing.sample_tokens import ALICE
from evergrant.token import Token
from tests.support.servers.aws_servers import Emulator

THROTTLES = {
    "dynamodb": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
    "secrets": "ThrottlingException",
}
PAUSES = 10.0
"""Seconds that three pauses take at the most (of 1, 2 and 4, each times chance), and the work."""


@pytest.fixture(params=THROTTLES)
def kind(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def store(kind: str, request: pytest.FixtureRequest) -> Iterator[TokenStore]:
    with open_store(request.getfixturevalue(f"{kind}_url")) as store:
        yield store


@pytest.fixture
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore.endpoint.time, "sleep", lambda _: None)


@contextmanager
def throttled() -> Iterator[None]:
    """Let something be throttled, unless it was done before that."""
    problem: StoreUnavailable | None = None
    try:
        yield
    except StoreUnavailable as error:
        problem = error
    assert problem is None or (problem.retryable and "throttles requests" in str(problem))


def test_requests_that_are_throttled_for_a_while_are_sent_again(
    kind: str, store: TokenStore, emulator: Emulator
) -> None:
    emulator.refuse(THROTTLES[kind], times=3)
    began = time.monotonic()
    saved = store.save_token(ALICE)
    assert time.monotonic() - began < PAUSES
    assert emulator.relent() == 0
    assert store.get_tokens() == [saved]


@pytest.mark.usefixtures("without_pauses")
@pytest.mark.parametrize("after", [0, 1, 2, 4])
def test_a_save_that_is_throttled_for_good_at_any_point_is_whole_or_not_there(
    kind: str, store: TokenStore, emulator: Emulator, after: int
) -> None:
    before = store.save_token(ALICE)
    refreshed = replace(before, access_token="1000.refreshed")
    emulator.refuse(THROTTLES[kind], after=after)
    with throttled():
        store.save_token(refreshed, expected_version=before.version)
    emulator.relent()
    (found,) = store.get_tokens()
    assert found == store.find_token(ALICE)
    assert found.access_token in (before.access_token, refreshed.access_token)
    for token in (before, refreshed):
        by_text = store.find_token(Token(access_token=token.access_token))
        assert by_text == (found if token.access_token == found.access_token else None)
    again = store.save_token(refreshed)
    assert store.get_tokens() == [again]
    assert again.access_token == "1000.refreshed"


@pytest.mark.usefixtures("without_pauses")
@pytest.mark.parametrize("after", [0, 1, 2, 4])
def test_a_login_that_is_throttled_for_good_at_any_point_is_saved_once_in_the_end(
    kind: str, store: TokenStore, emulator: Emulator, after: int
) -> None:
    emulator.refuse(THROTTLES[kind], after=after)
    with throttled():
        store.save_token(ALICE)
    emulator.relent()
    saved = store.save_token(ALICE)
    assert store.get_tokens() == [saved]
    assert store.find_token(Token(access_token=ALICE.access_token)) == saved


def test_a_right_that_is_missing_is_named(store: TokenStore, emulator: Emulator) -> None:
    action = "dynamodb:ConditionCheckItem"
    emulator.refuse(
        "AccessDeniedException",
        f"User: arn:aws:sts::111122223333:assumed-role/app is not authorized to perform: {action} "
        "on resource: arn:aws:dynamodb:eu-central-1:111122223333:table/tokens because no "
        "identity-based policy allows the action",
    )
    with pytest.raises(StoreUnavailable, match=f"may not {action}") as caught:
        store.save_token(ALICE)
    assert not caught.value.retryable
