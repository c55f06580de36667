"""A grant that one process has found dead is dead to all who share its store, on every store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
import requests

from evergrant import Accounts, Keeper, Token, TokenStore
from evergrant._core.token_cache import UNTRACKED_TTL_S
from evergrant.aio import AsyncKeeper
from evergrant.errors import LoginRequired
from evergrant.sandbox import Sandbox
from evergrant.zohocrmsdk.bridge import SDKBridge
from evergrant.zohocrmsdk.sdk_config import SDKConfig
from tests.support.processes.keeper_process import WarmProcess
from tests.support.stores.every_store import EVERY_STORE, OF_THIS_PROCESS, OWN_NOTES, Storage

ALICE, BOB = "alice@example.com", "bob@example.com"
LogIn = Callable[[str], Token]


@pytest.fixture(params=EVERY_STORE)
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def storage(request: pytest.FixtureRequest, place: str, zoho: Sandbox, tmp_path: Path) -> Storage:
    return EVERY_STORE[place](request, tmp_path, zoho.clock)


@pytest.fixture
def store(storage: Storage) -> Iterator[TokenStore]:
    with storage.open() as store:
        yield store


@pytest.fixture
def process(storage: Storage, accounts: Accounts, boat: Path) -> Iterator[Callable[[], Keeper]]:
    """Return what begins one more process: with a handle, a Keeper and a cache of its own."""
    with ExitStack() as stack:

        def begin() -> Keeper:
            store = stack.enter_context(storage.open())
            return stack.enter_context(Keeper(store, accounts, lifeboat=boat))

        yield begin


class Surfaces:
    """All that hands an access token out in a process."""

    def __init__(self, keeper: Keeper, zoho: Sandbox, folder: Path) -> None:
        self._keeper = keeper
        self._tasks = AsyncKeeper(keeper)
        self._url = f"{zoho.url}/crm/v8/org"
        self.bridge = SDKBridge(
            keeper.store, data_centers=zoho.data_centers, clock=zoho.clock, lifeboat=folder
        )
        home = zoho.data_center("us")
        self._around = SDKConfig(home.accounts_url, home.api_url)
        self._asked = Token(user_name=ALICE, client_id=zoho.client.client_id)

    def __iter__(self) -> Iterator[Callable[[], object]]:
        yield lambda: self._keeper.access_token(ALICE)
        yield lambda: asyncio.run(self._tasks.access_token(ALICE))
        yield self._by_httpx
        yield lambda: asyncio.run(self._by_async_httpx())
        yield self._by_requests
        yield lambda: self.bridge.resolve(self._asked, self._around)

    def _by_httpx(self) -> None:
        with httpx2.Client(auth=self._keeper.auth(ALICE), trust_env=False) as client:
            client.get(self._url).raise_for_status()

    async def _by_async_httpx(self) -> None:
        auth = self._tasks.auth(ALICE)
        async with httpx2.AsyncClient(auth=auth, trust_env=False) as client:
            (await client.get(self._url)).raise_for_status()

    def _by_requests(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            auth = self._keeper.requests_auth(ALICE)
            session.get(self._url, auth=auth, timeout=30).raise_for_status()

    def at_hand(self) -> object:
        """Return what any of them would hand out without a look."""
        return self._keeper.cached_token(ALICE) or self.bridge.cached(
            None, ALICE, self._asked.client_id
        )


def states(keeper: Keeper) -> dict[str, str]:
    """Return how the tokens in the store stand, by address."""
    tokens = keeper.store.get_tokens()
    return {
        str(token.user_name).partition(":")[0]: keeper.states.describe(token) for token in tokens
    }


def test_one_learns_it_and_another_with_a_warm_cache_hands_out_nothing(
    process: Callable[[], Keeper],
    zoho: Sandbox,
    log_in: LogIn,
    place: str,
    refreshes: Callable[[], int],
    tmp_path: Path,
) -> None:
    log_in(ALICE)
    bobs = log_in(BOB).access_token
    learner, other = process(), process()
    surfaces = Surfaces(other, zoho, tmp_path / "desk")
    for warm in (*surfaces, lambda: learner.access_token(ALICE)):
        warm()
    assert other.store.change_counter() is None or surfaces.at_hand()
    zoho.revoke(ALICE)
    with pytest.raises(LoginRequired):
        learner.refresh(ALICE)
    if place not in OWN_NOTES:
        assert states(process()) == {ALICE: "needs login", BOB: "fresh"}, "without asking anybody"
    if other.store.change_counter() is None:
        time.sleep(UNTRACKED_TTL_S)  # what docs/reliability.md says
    for hand_out in surfaces:
        assert surfaces.at_hand() is None
        with pytest.raises(LoginRequired):
            hand_out()
    assert other.access_token(BOB) == bobs
    for one in (learner, other, process()):
        assert one.cached_token(ALICE) is None
        with pytest.raises(LoginRequired):
            one.access_token(ALICE)
        assert states(one) == {ALICE: "needs login", BOB: "fresh"}
    assert refreshes() == (3 if place in OWN_NOTES else 1)
    surfaces.bridge.close()


def test_a_new_login_elsewhere_is_served_by_all(
    process: Callable[[], Keeper], zoho: Sandbox, log_in: LogIn
) -> None:
    log_in(ALICE)
    learner, other = process(), process()
    other.access_token(ALICE)
    zoho.revoke(ALICE)
    for one in (learner, other):
        with pytest.raises(LoginRequired):
            one.refresh(ALICE)
    anew = log_in(ALICE)
    for one in (learner, other, process()):
        assert one.access_token(ALICE) == anew.access_token
        assert one.states.describe(one.find(ALICE)) == "fresh"


@pytest.mark.parametrize("place", ["official file", "official table"])
def test_the_row_of_a_program_with_zoho_s_own_sdk_says_it_too(
    process: Callable[[], Keeper], storage: Storage, zoho: Sandbox, log_in: LogIn
) -> None:
    log_in(ALICE)
    storage.lose_our_columns()
    learner, other = process(), process()
    assert other.access_token(ALICE)
    assert learner.find(ALICE).version == 0
    zoho.revoke(ALICE)
    with pytest.raises(LoginRequired):
        learner.refresh(ALICE)
    storage.lose_our_columns()
    time.sleep(UNTRACKED_TTL_S)
    for one in (learner, other, process()):
        with pytest.raises(LoginRequired):
            one.access_token(ALICE)
        assert states(one) == {ALICE: "needs login"}


@pytest.mark.parametrize("place", sorted(EVERY_STORE.keys() - OF_THIS_PROCESS))
def test_a_warm_process_learns_it_from_the_store(
    storage: Storage,
    store: TokenStore,
    zoho: Sandbox,
    log_in: LogIn,
    keeper: Keeper,
    tmp_path: Path,
) -> None:
    log_in(ALICE)
    with WarmProcess(storage.url, zoho.url, tmp_path / "its own") as process:
        assert process.ask(ALICE) == {"got": "a token", "state": "fresh"}
        zoho.revoke(ALICE)
        with pytest.raises(LoginRequired):
            keeper.refresh(ALICE)
        if store.change_counter() is None:
            time.sleep(UNTRACKED_TTL_S)
        assert process.ask(ALICE) == {"got": "LoginRequired", "state": "needs login"}
        log_in(ALICE)
        assert process.ask(ALICE) == {"got": "a token", "state": "fresh"}
