"""A Keeper whose Zoho grants marked tokens, and all that it is asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from evergrant import Accounts, Keeper, TokenStore
from evergrant._oauth.messages import HttpRequest, HttpResponse
from evergrant.aio import AsyncKeeper
from evergrant.events import Event
from tests.support.security.tracked_tokens import MARK, TOKEN

__all__ = ["KEEPING", "Scene"]

PAST = datetime(2020, 1, 1, tzinfo=UTC)


class Scene:
    """A Keeper whose Zoho grants marked tokens, and a user who is another one each time."""

    def __init__(self, store: TokenStore, folder: Path) -> None:
        self.store = store
        self._numbers = count()
        self.accounts = Accounts(
            "1000.ID", MARK * 12, redirect_url="https://app.example.com/cb", send=self._answer
        )
        self.events: list[Event] = []
        self.keeper = Keeper(
            store, self.accounts, lifeboat=folder / "boat", on_event=self.events.append
        )
        self.async_keeper = AsyncKeeper(self.keeper)

    def _answer(self, call: HttpRequest) -> HttpResponse:
        granted = {
            "access_token": f"1000.a{MARK * 10}{next(self._numbers)}",
            "refresh_token": f"1000.r{MARK * 10}{next(self._numbers)}",
            "api_domain": "https://www.zohoapis.com",
            "expires_in": 3600,
            "status": "success",
        }
        return HttpResponse(200, {}, json.dumps(granted).encode())

    def refresh_user(self) -> None:
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


KEEPING: dict[str, Callable[[Scene], object]] = {
    "access token": lambda scene: scene.keeper.access_token(scene.user),
    "refresh": lambda scene: scene.keeper.refresh(scene.user),
    "rejected": lambda scene: scene.keeper.replace_rejected(scene.user, scene.token),
    "revoke": lambda scene: scene.keeper.revoke(scene.user),
    "forget": lambda scene: scene.keeper.forget(scene.user),
    "code": lambda scene: scene.keeper.login_with_code(scene.code, scene.user),
    "browser": Scene.come_back,
    "keep fresh": lambda scene: scene.keeper.refresh_due(),
    "async": lambda scene: asyncio.run(scene.async_keeper.access_token(scene.user)),
}
