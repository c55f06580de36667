"""What the locks of the command line and the integrations guard: see `test_locks`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from acts import Count, equal
from evergrant import Keeper
from evergrant.cli import callback
from evergrant.cli.callback import Answer
from evergrant.errors import ConfigError
from evergrant.integrations.django import keeping
from evergrant.keeping.custody import Custody
from evergrant.stores.memory import MemoryStore
from evergrant.token import Token
from evergrant.zohocrmsdk import desk
from evergrant.zohocrmsdk.desk import Desk
from evergrant.zohocrmsdk.surroundings import Surroundings
from stepping import Scene, step_through


class Login:
    """A login whose redirect comes back to this machine."""

    def __init__(self) -> None:
        self.complete = Count(Token(user_name="alice"))
        self.told: list[str] = []
        self.answer = Answer("right", self.complete)

    def offer(self) -> None:
        self.answer.offer("/callback?code=1&state=right", self.told.append, self.told.append)


def test_a_redirect_that_comes_twice_at_once_spends_its_code_once() -> None:
    def scene() -> Scene:
        it = Login()

        def check() -> None:
            equal((it.complete.calls, 1), (it.told, ["alice", "alice"]))
            equal((it.answer.wait(0).user_name, "alice"))

        return Scene(it.offer, it.offer, check)

    step_through(scene, callback)


def test_a_login_that_is_given_up_at_its_end_has_one_outcome() -> None:
    def scene() -> Scene:
        it = Login()

        def check() -> None:
            try:
                equal((it.answer.wait(0).user_name, "alice"))
            except ConfigError:
                equal((it.told, [""]))

        return Scene(it.offer, lambda: it.answer.give_up("the port is closed"), check)

    step_through(scene, callback)


def test_a_project_of_django_has_one_keeper(monkeypatch: pytest.MonkeyPatch) -> None:
    def scene() -> Scene:
        made, keepers = Count(), list[Keeper]()
        monkeypatch.setattr(keeping, "_made", {})
        monkeypatch.setattr(keeping, "_make", made)
        monkeypatch.setattr(keeping, "settings", SimpleNamespace(EVERGRANT={}))

        def ask() -> None:
            keepers.append(keeping.keeper())

        return Scene(ask, ask, lambda: equal((made.calls, 1), (len(keepers), 2)))

    step_through(scene, keeping)


AROUND = Surroundings()


def test_two_who_begin_at_the_desk_share_what_they_learn(tmp_path: Path) -> None:
    def scene() -> Scene:
        it, found = Desk(MemoryStore(), lifeboat=tmp_path), list[Custody]()

        def ask() -> None:
            found.append(it._custody(AROUND))

        def check() -> None:
            equal((found[0] is found[1], True))
            it.close()

        return Scene(ask, ask, check)

    step_through(scene, desk)


def test_a_desk_that_is_closed_while_somebody_begins_is_closed(tmp_path: Path) -> None:
    def scene() -> Scene:
        it = Desk(MemoryStore(), lifeboat=tmp_path)
        it._custody(AROUND)
        return Scene(it.close, lambda: it._custody(replace(AROUND, timeout=1.0)), lambda: None)

    step_through(scene, desk, within=("close",))
