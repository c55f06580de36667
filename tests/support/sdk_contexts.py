"""Several users of Zoho's SDK in one process: steps of a session."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from zohocrmsdk.src.com.zoho.crm.api.exception import SDKException
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.util import APIHTTPConnector


class Contexts:
    """What a session does as several users, in one of two ways: switch_user or acting_as."""

    store: Any
    whoami: Callable[[], str]
    switch: Callable[..., None]
    initialize: Callable[..., None]

    def in_pool(self, way: str, users: list[str | None]) -> list[str]:
        """Let the jobs of a pool's one thread ask whose data they get.

        Args:
            way: How a job becomes a user.
            users: Whom each job wants to be; None: whoever the program is.
        """

        def job(user: str | None) -> str:
            with self._become(way, user):
                return self.whoami()

        with ThreadPoolExecutor(1) as pool:
            return list(pool.map(job, users))

    def in_tasks(self, way: str, users: list[str]) -> list[str]:
        """Let tasks of one thread become their users, then ask whose data each gets."""

        async def task(user: str, gate: asyncio.Barrier) -> str:
            with self._become(way, user):
                await gate.wait()
                return self.whoami()

        async def together() -> list[str]:
            gate = asyncio.Barrier(len(users))
            return await asyncio.gather(*(task(user, gate) for user in users))

        return asyncio.run(together())

    def after_a_failure(self, way: str, user: str) -> str:
        """Fail to become a user who is not there; then ask whose data one gets."""
        try:
            with self._become(way, user):
                pass
        except SDKException:
            return self.whoami()
        raise AssertionError(user)

    def in_initialised_threads(self, way: str, users: list[str]) -> list[str]:
        """Initialise the SDK in a thread for each user, then ask in each whose data it gets."""
        gate, answers = threading.Barrier(len(users)), [""] * len(users)

        def ask(index: int, user: str) -> None:
            if way == "initialize":
                self.initialize(user_name=user)
            with self._become("acting_as" if way == "acting_as" else "", user):
                gate.wait()
                answers[index] = self.whoami()

        threads = [threading.Thread(target=ask, args=pair) for pair in enumerate(users)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def use_stored(self, token_id: str) -> str:
        """Use a token as ``get_tokens`` returns it; return whose it is."""
        (token,) = (one for one in self.store.get_tokens() if one.get_id() == token_id)
        Initializer.switch_user(token=token)
        return self.whoami()

    def _become(self, way: str, user: str | None) -> AbstractContextManager[Any]:
        if way == "acting_as" and user:
            from evergrant.zohocrmsdk import acting_as

            return acting_as(user)
        if way == "switch_user" and user:
            self.switch(user_name=user)
        return nullcontext()

    def signed(self, path: str) -> list[str]:
        """Sign a call as the SDK does; return where it goes, and what the environment is then."""
        connector = APIHTTPConnector()
        connector.url = Initializer.get_initializer().environment.url + path
        Initializer.get_initializer().token.authenticate(connector)
        return [connector.url, Initializer.get_initializer().environment.url]
