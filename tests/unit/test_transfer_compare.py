"""Which of two tokens of one owner wins a move: only what is certainly fresher replaces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.testing.sample_tokens import ALICE, NOON
from evergrant.token import Token
from evergrant.transfer import Moved, Outcome, copy

HOUR = timedelta(hours=1)
FULL = replace(ALICE, id=None, access_token="a1", refresh_token="r1", expires_at=NOON)


@pytest.fixture(params=["memory:", "list:", "sqlite:///:memory:"])
def target(request: pytest.FixtureRequest) -> Iterator[TokenStore]:
    with open_store(request.param) as store:
        yield store


def only(token: Token, target: TokenStore, *, dry_run: bool = False) -> Moved:
    [moved] = copy([token], target, dry_run=dry_run)
    return moved


def say(**changes: object) -> Token:
    return replace(FULL, **changes)  # type: ignore[arg-type]


LATER = {"access_token": "a2", "expires_at": NOON + HOUR}
EARLIER = {"access_token": "a0", "expires_at": NOON - HOUR}
BARE = {"access_token": None, "expires_at": None}
CASES = {
    "the same": (FULL, say(), "same"),
    "the same, which says less": (say(scopes=(), org_id=None), FULL, "same"),
    "refreshed in the source": (say(**LATER), FULL, "updated"),
    "refreshed in the target": (FULL, say(**LATER), "fresher there"),
    "another grant, later": (
        say(**LATER, refresh_token="r2"), FULL, "updated",
    ),
    "another grant, earlier": (
        say(**EARLIER, refresh_token="r2"), FULL, "fresher there",
    ),
    "another grant at the same moment": (
        say(access_token="a2", refresh_token="r2"), FULL, "conflict",
    ),
    "another grant, not refreshed yet": (
        say(**BARE, refresh_token="r2"), FULL, "conflict",
    ),
    "another grant over one not refreshed yet": (
        say(access_token="a2", refresh_token="r2"), say(**BARE), "conflict",
    ),
    "the same grant, not refreshed yet": (say(**BARE), FULL, "same"),
    "the same grant, not refreshed yet, with an old secret": (
        say(**BARE, client_secret="old"), FULL, "fresher there",
    ),
    "the same grant, refreshed for the first time": (
        FULL, say(**BARE), "updated",
    ),
    "an expiry that nobody noted": (say(access_token="a2", expires_at=None), FULL, "conflict"),
    "later, but cannot be refreshed there": (
        FULL, say(**LATER, refresh_token=None), "conflict",
    ),
    "a refresh token for an access token without one": (
        say(**BARE), say(refresh_token=None), "conflict",
    ),
    "a gap there": (FULL, say(redirect_url=None, scopes=(), refresh_token=None), "updated"),
    "another secret for the same access token": (say(client_secret="other"), FULL, "conflict"),
    "another expiry for the same access token": (say(expires_at=NOON + HOUR), FULL, "conflict"),
    "later, and without the refresh token": (
        say(**LATER, refresh_token=None), FULL, "updated",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("source", "there", "said"), CASES.values(), ids=CASES)
def test_only_what_is_certainly_fresher_replaces(
    target: TokenStore, source: Token, there: Token, said: str
) -> None:
    outcome = Outcome(said)
    before = target.save_token(there)
    assert only(source, target, dry_run=True).outcome is outcome
    assert target.get_tokens() == [before]
    assert only(source, target).outcome is outcome
    [after] = target.get_tokens()
    if outcome is not Outcome.UPDATED:
        assert after == before
        return
    assert after.refresh_token == (source.refresh_token or before.refresh_token)
    assert (after.access_token, after.expires_at) == (source.access_token, source.expires_at)
    assert only(source, target).outcome is Outcome.SAME


def test_a_fresher_one_of_the_same_grant_makes_the_source_superfluous(target: TokenStore) -> None:
    target.save_token(say(**LATER))
    assert only(FULL, target).verified
    another = only(say(**EARLIER, refresh_token="r0"), target)
    assert another.outcome is Outcome.FRESHER
    assert not another.verified
    assert "grant is older" in another.problem


def test_two_clients_of_one_user_stay_two(target: TokenStore) -> None:
    other = say(client_id="1000.OTHER", access_token="b", refresh_token="rb")
    target.save_token(FULL)
    assert only(other, target).outcome is Outcome.NEW
    assert {token.client_id for token in target.get_tokens()} == {FULL.client_id, "1000.OTHER"}


def test_who_does_not_say_which_client_is_left(target: TokenStore) -> None:
    target.save_token(FULL)
    target.save_token(say(client_id="1000.OTHER", access_token="b", refresh_token="rb"))
    moved = only(say(client_id=None, access_token="c", refresh_token="rc"), target)
    assert moved.outcome is Outcome.CONFLICT
    assert "several clients" in moved.problem
    assert len(target.get_tokens()) == 2


@pytest.mark.parametrize("lacking", [{}, {"client_secret": None}, {"client_id": None}])
def test_a_grant_without_a_name_is_not_doubled(
    target: TokenStore, lacking: dict[str, None]
) -> None:
    nameless = say(user_name=None, org_id=None, **lacking)
    assert [only(nameless, target).outcome for _ in range(2)] == [Outcome.NEW, Outcome.SAME]
    named = only(FULL, target)
    assert named.outcome is Outcome.UPDATED
    [stored] = target.get_tokens()
    assert stored.user_name == FULL.user_name
    assert only(nameless, target).outcome is Outcome.SAME


@pytest.mark.parametrize("kept", ["refresh_token", "grant_token", "access_token"])
def test_a_nameless_grant_is_known_again_by_whatever_it_has(target: TokenStore, kept: str) -> None:
    grant = Token(client_id="1000.APP", client_secret="s", **{kept: "planted"})  # type: ignore[arg-type]
    assert [only(grant, target).outcome for _ in range(2)] == [Outcome.NEW, Outcome.SAME]


def test_a_nameless_row_of_somebody_else_is_not_taken_for_its_id(target: TokenStore) -> None:
    theirs = target.save_token(Token(id="7", refresh_token="r9", client_id=FULL.client_id))
    moved = only(replace(FULL, id="7"), target)
    assert moved.outcome is Outcome.NEW
    assert moved.target_id != "7"
    assert target.find_token_by_id("7") == theirs


def test_a_version_of_another_store_counts_for_nothing(target: TokenStore) -> None:
    """The source's third version of a stale token is not the target's third of a fresh one."""
    for hour in (1, 2, 3):
        there = target.save_token(say(access_token=f"t{hour}", expires_at=NOON + hour * HOUR))
    assert there.version == 3
    assert only(say(version=3), target).outcome is Outcome.FRESHER
    assert target.get_tokens() == [there]
