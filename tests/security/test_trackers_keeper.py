"""No secret in what trackers make of an error that leaves a Keeper, at any failing step."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from evergrant import Accounts, Keeper, TokenStore, open_store
from evergrant.aio import AsyncKeeper
from evergrant.crypto.keys import Keyring
from evergrant.http import HttpAnswer, HttpCall
from evergrant.stores.adapter import adapt
from evergrant.stores.encrypted import EncryptedStore
from failing_steps import failures
from sealed_rows import NEW
from six_methods import Plain
from tracked import MARK, TOKEN, Leaks

PLACES = ["sqlite", "file", "sealed", "six methods"]
SERVERS = ["redis_url", "mariadb", "postgresql", "dynamodb_url", "secrets_url"]
PAST = datetime(2020, 1, 1, tzinfo=UTC)
EVERY = {"dynamodb_url": 3989, "secrets_url": 3989}


class Scene:
    """A Keeper whose Zoho grants marked tokens, and a user who is another one each time."""

    def __init__(self, store: TokenStore, folder: Path) -> None:
        self.store = store
        self._numbers = count()
        self.accounts = Accounts(
            "1000.ID", MARK * 12, redirect_url="https://app.example.com/cb", send=self._answer
        )
        self.keeper = Keeper(store, self.accounts, lifeboat=folder / "boat")
        self.async_keeper = AsyncKeeper(self.keeper)

    def _answer(self, call: HttpCall) -> HttpAnswer:
        granted = {
            "access_token": f"1000.a{MARK * 10}{next(self._numbers)}",
            "refresh_token": f"1000.r{MARK * 10}{next(self._numbers)}",
            "api_domain": "https://www.zohoapis.com",
            "expires_in": 3600,
            "status": "success",
        }
        return HttpAnswer(200, {}, json.dumps(granted).encode())

    def renew_user(self) -> None:
        number = next(self._numbers)
        self.user, self.code = f"user-{number}", f"1000.c{MARK * 10}{number}"
        named = replace(TOKEN, user_name=self.user, grant_token=None, expires_at=PAST)
        self.token = self.store.save_token(
            replace(named, refresh_token=f"1000.r{MARK * 10}{number}")
        )
        url = self.keeper.authorization_url("ZohoCRM.modules.ALL", self.user, session=MARK)
        self.state = url.partition("state=")[2].partition("&")[0]

    def come_back(self) -> None:
        self.keeper.complete_login(f"?code={self.code}&state={self.state}", session=MARK)


WORK: dict[str, Callable[[Scene], object]] = {
    "access token": lambda scene: scene.keeper.access_token(scene.user),
    "refresh": lambda scene: scene.keeper.refresh(scene.user),
    "rejected": lambda scene: scene.keeper.renewed(scene.user, scene.token),
    "revoke": lambda scene: scene.keeper.revoke(scene.user),
    "forget": lambda scene: scene.keeper.forget(scene.user),
    "code": lambda scene: scene.keeper.login_with_code(scene.code, scene.user),
    "browser": Scene.come_back,
    "keep fresh": lambda scene: scene.keeper.keep_fresh(),
    "async": lambda scene: asyncio.run(scene.async_keeper.access_token(scene.user)),
}


@pytest.fixture(params=[*PLACES, *SERVERS])
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(place: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TokenStore]:
    if place == "six methods":
        yield adapt(Plain())
        return
    url = {"file": f"file://{tmp_path}/t.csv"}.get(place, f"sqlite:///{tmp_path}/t.db")
    if place in SERVERS:
        found = request.getfixturevalue(place)
        url = getattr(found, "url", found)
    with open_store(url, keys=None) as store:
        yield EncryptedStore(store, Keyring([NEW])) if place == "sealed" else store


@pytest.fixture
def scene(store: TokenStore, tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(store, tmp_path)
    yield scene
    scene.keeper.close()
    scene.accounts.close()


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_a_keeper_that_fails_at_any_step(
    scene: Scene, place: str, work: Callable[[Scene], object], leaks: Leaks
) -> None:
    scene.renew_user()
    work(scene)
    every = EVERY.get(place, 211)
    errors = list(failures(lambda: work(scene), every=every, first=20, before=scene.renew_user))
    assert errors
    assert [leak for error in errors for leak in leaks(error, quickly=True)] == []
