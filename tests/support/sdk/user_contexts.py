"""Several users of Zoho's SDK in one process: steps of a session."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context, copy_context
from datetime import UTC, datetime
from typing import Any

from zohocrmsdk.src.com.zoho.crm.api import HeaderMap
from zohocrmsdk.src.com.zoho.crm.api.exception import SDKException
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.users import GetUsersHeader
from zohocrmsdk.src.com.zoho.crm.api.util import APIHTTPConnector


class Contexts:
    """What a session does as several users, in one of two ways: switch_user or acting_as."""

    store: Any
    whoami: Callable[..., str]
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

    def decorated(self, user: str) -> list[str]:
        """Ask whose data one gets in a function, and in a coroutine, that acts as a user."""
        from evergrant.zohocrmsdk import acting_as

        @acting_as(user)
        def function() -> str:
            return self.whoami()

        @acting_as(user)
        async def coroutine() -> str:
            await asyncio.sleep(0)
            return self.whoami()

        return [function(), asyncio.run(coroutine()), self.whoami()]

    def decorate_a_generator(self, user: str) -> None:
        """Let a generator act as a user."""
        from evergrant.zohocrmsdk import acting_as

        @acting_as(user)
        def generator() -> Iterator[str]:
            yield self.whoami()

        list(generator())

    def after_generators(self, first: str, second: str) -> list[str]:
        """End generators that act as users in the order in which they began; then ask."""

        def generator(user: str) -> Generator[None]:
            with self._become("acting_as", user):
                yield

        one, other = generator(first), generator(second)
        next(one)
        next(other)
        one.close()
        then = self.whoami()
        other.close()
        elsewhere = generator(first)
        copy_context().run(next, elsewhere)
        with self._become("acting_as", second):
            elsewhere.close()
            return [then, self.whoami(), self._outside()]

    def _outside(self) -> str:
        return Context().run(self.whoami)

    def nested(self, first: str, second: str) -> list[str]:
        """Ask at each step into, and out of, nested users; one of them twice."""
        from evergrant.zohocrmsdk import acting_as

        one, answers = acting_as(first), []
        with one:
            with acting_as(second), one:
                answers.append(self.whoami())
            self.switch(user_name=second)
            answers.append(self.whoami())
        return [*answers, self.whoami()]

    def of_client(self, user: str, client_id: str) -> str:
        """Ask as a user that several clients have."""
        from evergrant.zohocrmsdk import acting_as

        with acting_as(user, client_id=client_id):
            return self.whoami()

    def with_one_header_map(self, way: str, users: list[str]) -> list[str]:
        """Ask as several users, each time with the same headers."""
        headers = HeaderMap()
        headers.add(GetUsersHeader.if_modified_since, datetime(2000, 1, 1, tzinfo=UTC))
        answers = []
        for user in users:
            with self._become(way, user):
                answers.append(self.whoami(headers))
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
