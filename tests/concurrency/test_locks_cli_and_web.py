"""What the locks of the command line and the integrations guard: see `test_locks`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from evergrant import Keeper
from evergrant._core.manager import TokenManager
from evergrant.cli import login_callback
from evergrant.cli.login_callback import PendingLogin
from evergrant.errors import ConfigError
from evergrant.integrations.django import conf
from evergrant.stores.memory import MemoryStore
from evergrant.token import Token
from evergrant.zohocrmsdk import bridge
from evergrant.zohocrmsdk.bridge import SDKBridge
from evergrant.zohocrmsdk.sdk_config import SDKConfig
from tests.support.concurrency.acts import Count, equal
from tests.support.concurrency.stepping import Scene, step_through


class Login:
    """A login whose redirect comes back to this machine."""

    def __init__(self) -> None:
        self.complete = Count(Token(user_name="alice"))
        self.told: list[str] = []
        self.answer = PendingLogin("right", self.complete)

    def offer(self) -> None:
        self.answer.complete("/callback?code=1&state=right", self.told.append, self.told.append)


def test_a_redirect_that_comes_twice_at_once_spends_its_code_once() -> None:
    def scene() -> Scene:
        it = Login()

        def check() -> None:
            equal((it.complete.calls, 1), (it.told, ["alice", "alice"]))
            equal((it.answer.wait(0).user_name, "alice"))

        return Scene(it.offer, it.offer, check)

    step_through(scene, login_callback)


def test_a_login_that_is_given_up_at_its_end_has_one_outcome() -> None:
    def scene() -> Scene:
        it = Login()

        def check() -> None:
            try:
                equal((it.answer.wait(0).user_name, "alice"))
            except ConfigError:
                equal((it.told, [""]))

        return Scene(it.offer, lambda: it.answer.fail("the port is closed"), check)

    step_through(scene, login_callback)


def test_a_project_of_django_has_one_keeper(monkeypatch: pytest.MonkeyPatch) -> None:
    def scene() -> Scene:
        made, keepers = Count(), list[Keeper]()
        monkeypatch.setattr(conf, "_keepers", {})
        monkeypatch.setattr(conf, "_make_keeper", made)
        monkeypatch.setattr(conf, "settings", SimpleNamespace(EVERGRANT={}))

        def ask() -> None:
            keepers.append(conf.keeper())

        return Scene(ask, ask, lambda: equal((made.calls, 1), (len(keepers), 2)))

    step_through(scene, conf)


AROUND = SDKConfig()


def test_two_who_begin_at_the_desk_share_what_they_learn(tmp_path: Path) -> None:
    def scene() -> Scene:
        it, found = SDKBridge(MemoryStore(), lifeboat=tmp_path), list[TokenManager]()

        def ask() -> None:
            found.append(it._manager(AROUND))

        def check() -> None:
            equal((found[0] is found[1], True))
            it.close()

        return Scene(ask, ask, check)

    step_through(scene, bridge)


def test_a_desk_that_is_closed_while_somebody_begins_is_closed(tmp_path: Path) -> None:
    def scene() -> Scene:
        it = SDKBridge(MemoryStore(), lifeboat=tmp_path)
        it._manager(AROUND)
        return Scene(it.close, lambda: it._manager(replace(AROUND, timeout=1.0)), lambda: None)

    step_through(scene, bridge, within=("close",))
