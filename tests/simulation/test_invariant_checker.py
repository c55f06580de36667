"""The invariant checker of the simulation sees what it is there to see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from evergrant import Accounts, Keeper, Token, open_store
from evergrant.errors import LoginRequired, StoreUnavailable, Throttled
from evergrant.sandbox import Sandbox
from tests.simulation.invariant_checker import LIVE, InvariantChecker
from tests.simulation.user import LONG_JOB, Person

ALICE, BOB = "alice@example.com", "bob@example.com"


class Game:
    """An invariant checker, a Keeper that it watches, and one person who has logged in."""

    def __init__(self, zoho: Sandbox, folder: Path) -> None:
        self.zoho = zoho
        self.checker = InvariantChecker(zoho, scheduler=True)
        app = zoho.client
        accounts = Accounts(
            app.client_id,
            app.client_secret,
            data_centers=zoho.data_centers,
            send=self.checker.send,
            clock=zoho.clock,
        )
        self.keeper = Keeper(open_store("memory:", clock=zoho.clock), accounts, lifeboat=folder)
        self.token = self.log_in(ALICE)
        self.alice = Person(ALICE, 60, timedelta(0), self.checker.newest_grant(ALICE))

    def log_in(self, email: str) -> Token:
        return self.keeper.login_with_code(self.zoho.grant_code(email))


@pytest.fixture
def game(zoho: Sandbox, tmp_path: Path) -> Game:
    return Game(zoho, tmp_path)


def anothers(game: Game) -> None:
    game.checker.handed_out(game.log_in(BOB), game.alice)


def dead(game: Game) -> None:
    game.zoho.clock.advance(hours=1)
    game.checker.handed_out(game.token, game.alice)


def short_lived(game: Game) -> None:
    game.zoho.clock.advance(minutes=20)
    game.checker.handed_out(game.token, replace(game.alice, min_ttl=LONG_JOB))


def throttled(game: Game) -> None:
    for _ in range(11):
        game.keeper.accounts.refresh(game.token)


def crowded_out(game: Game) -> None:
    for number in range(LIVE):
        game.zoho.clock.advance(minutes=11 if number == 9 else 0)
        game.keeper.accounts.refresh(game.token)


def lost(game: Game) -> None:
    game.checker.found(game.alice, [])


def in_the_way(game: Game) -> None:
    game.keeper.refresh(ALICE)
    game.checker.waited(game.alice)


def refused(game: Game) -> None:
    for error in (LoginRequired("no"), StoreUnavailable("gone")):
        game.checker.refused(error, game.alice)


def told_to_come_later(game: Game) -> None:
    game.checker.refused(Throttled("later", retry_at=game.zoho.clock()), game.alice)


@pytest.mark.parametrize(
    ("happens", "seen"),
    [
        (anothers, {"another user's token": 1}),
        (dead, {"a dead token, of a revoked grant": 1}),
        (short_lived, {"less life than was asked for": 1}),
        (crowded_out, {"a living access token is pushed out": 1}),
        (lost, {"a lost grant": 1}),
        (in_the_way, {"a caller waited": 1}),
        (refused, {"LoginRequired": 1, "StoreUnavailable": 1}),
        (told_to_come_later, {"Throttled": 1}),
    ],
)
def test_what_is_wrong_is_seen(
    game: Game, happens: Callable[[Game], None], seen: dict[str, int]
) -> None:
    assert not +game.checker.wrong
    happens(game)
    assert +game.checker.wrong == seen


def test_a_throttle_of_zohos_is_seen(game: Game) -> None:
    with pytest.raises(Throttled):
        throttled(game)
    assert +game.checker.wrong == {"Zoho said Access Denied": 1}


def test_what_is_right_is_not_taken_for_wrong(game: Game) -> None:
    game.checker.handed_out(game.token, game.alice)
    game.checker.found(game.alice, [str.__str__(game.token.refresh_token)])
    game.zoho.revoke(ALICE)
    game.alice.revoked = True
    game.checker.handed_out(game.token, game.alice)
    game.checker.refused(LoginRequired("no"), game.alice)
    game.checker.outage = "store"
    game.checker.refused(StoreUnavailable("gone"), game.alice)
    assert not +game.checker.wrong


def test_a_peak_is_found_wherever_ten_minutes_begin(game: Game) -> None:
    for minute, number in {3: 1, 14: 2, 22: 3, 23: 4, 31: 1}.items():
        game.checker._by_minute[minute] = number
    peak, mean = game.checker.peak([range(40)])
    assert peak == 9
    assert mean * 31 == pytest.approx(103)
    assert game.checker.peak([range(13), range(24, 40)])[0] == 1
