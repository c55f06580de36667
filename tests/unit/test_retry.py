"""What brought no usable answer is asked again, but neither for ever nor a code twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from evergrant._oauth.messages import HttpResponse
from evergrant._oauth.retry import ATTEMPTS
from evergrant.errors import AccountsUnavailable, Throttled
from tests.support.keeper.scripted_accounts import (
    GRANT,
    LOST,
    MINTED,
    NOT_SENT,
    NOW,
    PAGE,
    TOKEN,
    Step,
    Wire,
    accounts,
    answer,
)


@pytest.mark.parametrize("trouble", [PAGE, HttpResponse(500), HttpResponse(200), LOST, NOT_SENT])
def test_a_refresh_without_an_answer_is_tried_again_but_not_for_ever(trouble: Step) -> None:
    wire = Wire(trouble)
    with pytest.raises(AccountsUnavailable):
        accounts(wire).refresh(TOKEN)
    assert len(wire.calls) == ATTEMPTS == 3
    assert len(wire.naps) == 2
    assert 0.125 <= wire.naps[0] <= 0.375
    assert 0.25 <= wire.naps[1] <= 0.75


@pytest.mark.parametrize("trouble", [PAGE, HttpResponse(500), LOST, NOT_SENT])
def test_the_next_attempt_may_succeed(trouble: Step) -> None:
    wire = Wire(trouble, answer(MINTED))
    assert accounts(wire).refresh(TOKEN).access_token == "1000.a2"
    assert len(wire.calls) == 2


@pytest.mark.parametrize(
    "trouble", [PAGE, HttpResponse(500), HttpResponse(200, {}, b'{"access_token":"10'), LOST]
)
def test_a_code_that_may_be_spent_is_not_spent_twice(trouble: Step) -> None:
    wire = Wire(trouble, answer(GRANT))
    with pytest.raises(AccountsUnavailable) as caught:
        accounts(wire).exchange("1000.c")
    assert len(wire.calls) == 1
    assert wire.naps == []
    assert not caught.value.retryable
    assert "log in again" in str(caught.value).lower()


def test_a_code_that_never_left_is_sent_again() -> None:
    wire = Wire(NOT_SENT, NOT_SENT, answer(GRANT))
    assert accounts(wire).exchange("1000.c").access_token == "1000.a"
    assert len(wire.calls) == 3


def test_a_code_that_never_left_at_all_may_be_tried_later() -> None:
    wire = Wire(NOT_SENT)
    with pytest.raises(AccountsUnavailable) as caught:
        accounts(wire).exchange("1000.c")
    assert len(wire.calls) == ATTEMPTS
    assert caught.value.retryable


def test_whoever_counts_sees_each_request_and_how_it_fails() -> None:
    seen: list[str] = []

    @contextmanager
    def count() -> Iterator[None]:
        try:
            yield
        except AccountsUnavailable:
            seen.append("failed")
            raise
        seen.append("answered")

    accounts(Wire(PAGE, LOST, answer(MINTED))).refresh(TOKEN, scope=count)
    assert seen == ["failed", "failed", "answered"]
    accounts(Wire(answer(MINTED))).refresh(TOKEN)
    assert len(seen) == 3, "only where it was handed in"


def test_whoever_counts_may_refuse_a_request() -> None:
    @contextmanager
    def refuse() -> Iterator[None]:
        raise Throttled("too many", retry_at=NOW)
        yield

    wire = Wire(answer(MINTED))
    with pytest.raises(Throttled):
        accounts(wire).refresh(TOKEN, scope=refuse)
    assert wire.calls == []


def test_who_is_in_no_hurry_asks_once() -> None:
    wire = Wire(PAGE)
    with pytest.raises(AccountsUnavailable):
        accounts(wire).refresh(TOKEN, attempts=1)
    assert len(wire.calls) == 1
