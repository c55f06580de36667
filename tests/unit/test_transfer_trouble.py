"""Moving into a store that lies, is written to meanwhile, or is damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from evergrant.errors import StoreUnavailable
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.stores.memory import MemoryStore
from evergrant.token import Token
from evergrant.transfer import Outcome, move
from tests.support.stores.sqlite_store import execute
from tests.support.stores.transfer import LIARS, NOON, outcomes, user_token


@pytest.fixture
def source() -> Iterator[TokenStore]:
    with MemoryStore() as store:
        yield store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "target.db"


@pytest.fixture
def target(path: Path) -> Iterator[TokenStore]:
    with open_store(f"sqlite:///{path}") as store:
        yield store


SAYS_NO_LESS = {"makes something up", "forgets when"}
"""What such a store holds cannot be told from what another program put there."""


@pytest.mark.parametrize("liar", LIARS)
@pytest.mark.parametrize("delete_source", [False, True])
def test_a_target_that_lies_is_found_out(
    liar: str,
    delete_source: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    with MemoryStore() as source, LIARS[liar]() as target:
        if liar == "mixes":
            target.save_token(user_token("somebody else"))
        saved = source.save_token(user_token("alice"))
        [moved] = move(source, target, delete_source=delete_source)
        assert moved.outcome is Outcome.FAILED
        assert not moved.is_good
        assert not moved.verified
        assert "not found after saving" in moved.problem or "does not keep its" in moved.problem
        assert "canary" not in moved.problem
        assert source.get_tokens() == [saved]
        if liar not in SAYS_NO_LESS:
            [again] = move(source, target, delete_source=delete_source)
            assert not again.is_good
            assert source.get_tokens() == [saved]


@pytest.mark.parametrize("by", ["user", "id"])
def test_a_corrupt_row_in_the_target_is_left_alone(
    source: TokenStore, target: TokenStore, path: Path, by: str
) -> None:
    source.save_token(user_token("alice"))
    target.save_token(user_token("alice" if by == "user" else "bob"))
    execute(path, "update oauthtoken set expiry_time = 'noon'")
    before = execute(path, "select * from oauthtoken")
    [moved] = move(source, target)
    assert moved.outcome is (Outcome.FAILED if by == "user" else Outcome.NEW)
    assert (moved.target_id, "in the target" in moved.problem) == (
        (None, True) if by == "user" else ("2", False)
    )
    assert before[0] in execute(path, "select * from oauthtoken")


class Busy(MemoryStore):
    """Another program writes to it whenever somebody has just looked."""

    def __init__(self, answer: Callable[[TokenStore], object]) -> None:
        super().__init__()
        self._answer = answer
        self._left = 1

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        if self._left:
            self._left -= 1
            self._answer(self)
        return super().save_token(token, expected_version=expected_version)


LATER = user_token("alice", access_token="canary-later", expires_at=NOON + timedelta(hours=1))


def test_a_login_in_the_target_at_the_same_moment_is_not_overwritten() -> None:
    with MemoryStore() as source, Busy(lambda store: store.save_token(LATER)) as target:
        source.save_token(user_token("alice"))
        assert outcomes(move(source, target)) == {"fresher there": 1}
        [there] = target.get_tokens()
        assert there.access_token == "canary-later"


def test_a_refresh_in_the_target_at_the_same_moment_is_not_overwritten() -> None:
    with MemoryStore() as source, Busy(lambda store: store.save_token(LATER)) as target:
        old = {"access_token": "canary-old", "expires_at": NOON - timedelta(hours=1)}
        MemoryStore.save_token(target, user_token("alice", **old))
        source.save_token(user_token("alice"))
        assert outcomes(move(source, target)) == {"fresher there": 1}
        [there] = target.get_tokens()
        assert there.access_token == "canary-later"


def test_an_id_that_is_taken_at_the_same_moment_is_not_shared() -> None:
    """A login whose owner is not known yet could be taken for ours by its id alone."""
    nameless = Token(id="5", refresh_token="canary-nameless", client_id="1000.APP")
    with MemoryStore() as source, Busy(lambda store: store.save_token(nameless)) as target:
        source.save_token(user_token("alice", id="5"))
        [moved] = move(source, target)
        assert (moved.outcome, moved.target_id) == (Outcome.NEW, "6")
        assert len(target.get_tokens()) == 2


def test_what_the_source_refreshed_meanwhile_is_not_deleted() -> None:
    class Refreshing(MemoryStore):
        def find_token_by_id(self, id: str) -> Token | None:  # noqa: A002 - as in the store
            self.save_token(LATER)
            return super().find_token_by_id(id)

    with MemoryStore() as source, MemoryStore() as target:
        source.save_token(user_token("alice"))
        source.__class__ = Refreshing
        [moved] = move(source, target, delete_source=True)
        source.__class__ = MemoryStore
        assert not moved.deleted
        assert moved.outcome is Outcome.CONFLICT
        assert "meanwhile" in moved.problem
        [moved] = move(source, target, delete_source=True)
        assert (moved.outcome, moved.deleted) == (Outcome.UPDATED, True)


def test_a_target_that_is_gone_ends_it(source: TokenStore, target: TokenStore) -> None:
    source.save_token(user_token("alice"))
    target.close()
    with pytest.raises(StoreUnavailable):
        list(move(source, target, delete_source=True))
    assert len(source.get_tokens()) == 1


def test_a_value_that_the_target_cannot_hold_is_one_tokens_problem(
    source: TokenStore, target: TokenStore
) -> None:
    source.save_token(user_token("alice", redirect_url="lone \ud800 surrogate"))
    source.save_token(user_token("bob"))
    assert outcomes(move(source, target)) == {"failed": 1, "new": 1}
