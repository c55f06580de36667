"""A network in between answers in Zoho's place, for some of the workers: trouble that passes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from evergrant import Accounts, Keeper, Token, open_store
from evergrant._oauth.messages import HttpRequest, HttpResponse
from evergrant._oauth.transport import HttpxTransport
from evergrant.errors import OAuthError
from evergrant.sandbox import Sandbox

LogIn = Callable[[str], Token]
Count = Callable[[], int]

ALICE = "alice@example.com"
HTML = {"content-type": "text/html; charset=utf-8"}
PORTALS = {
    "a page": HttpResponse(200, HTML, b"<!doctype html><form>Accept our terms</form>"),
    "a page without its type": HttpResponse(200, {}, b"\n <html>"),
    "a page of a proxy": HttpResponse(403, HTML, b"<html>Forbidden by your proxy</html>"),
    "elsewhere": HttpResponse(302, {"location": "http://portal.example/login"}, b""),
    "elsewhere, with a page": HttpResponse(307, HTML | {"location": "http://p.example"}, b"<html>"),
    "the status that is made for it": HttpResponse(511, HTML, b"<html>"),
}


class Worker:
    """A process of its own on the store that all share, behind a network that may answer."""

    def __init__(self, zoho: Sandbox, url: str, boat: Path, stack: ExitStack) -> None:
        self.portal: HttpResponse | None = None
        self.asked = 0
        self.hold: threading.Event | None = None
        self._sender = HttpxTransport(10.0)
        accounts = Accounts(
            zoho.client.client_id,
            zoho.client.client_secret,
            data_centers=zoho.data_centers,
            clock=zoho.clock,
            send=self.send,
            sleep=lambda seconds: None,
        )
        store = stack.enter_context(open_store(url, clock=zoho.clock))
        self.keeper = stack.enter_context(Keeper(store, accounts, lifeboat=boat))
        stack.callback(self._sender.close)

    def send(self, call: HttpRequest) -> HttpResponse:
        if self.portal is None:
            return self._sender(call)
        self.asked += 1
        if self.hold:
            self.hold.wait(10)
        return self.portal


@pytest.fixture
def worker(zoho: Sandbox, store_url: str, boat: Path) -> Iterator[Callable[[], Worker]]:
    with ExitStack() as stack:
        yield lambda: Worker(zoho, store_url.replace("timeout=0", "timeout=5"), boat, stack)


@pytest.fixture(params=PORTALS)
def portal(request: pytest.FixtureRequest) -> HttpResponse:
    return PORTALS[request.param]


def test_nothing_is_dead_and_nothing_is_spent(
    zoho: Sandbox,
    log_in: LogIn,
    refreshes: Count,
    worker: Callable[[], Worker],
    portal: HttpResponse,
) -> None:
    token = log_in(ALICE)
    broken, healthy = worker(), worker()
    zoho.clock.advance(hours=1)
    broken.portal = portal
    for _ in range(12):
        with pytest.raises(OAuthError) as caught:
            broken.keeper.access_token(ALICE)
        assert caught.value.retryable
    for act in (broken.keeper.revoke, broken.keeper.refresh):
        with pytest.raises(OAuthError) as caught:
            act(ALICE)
        assert caught.value.retryable
    assert broken.keeper.store.get_tokens() == [token]
    assert refreshes() == 0
    for _ in range(10):
        healthy.keeper.refresh(ALICE)
    broken.portal = None
    assert broken.keeper.access_token(ALICE) == healthy.keeper.access_token(ALICE)


def test_whose_grant_it_is_can_be_asked_again(
    zoho: Sandbox, log_in: LogIn, worker: Callable[[], Worker], portal: HttpResponse
) -> None:
    token = log_in(ALICE)
    broken = worker()
    broken.portal = portal
    with pytest.raises(OAuthError) as caught:
        broken.keeper.accounts.fetch_owner(token)
    assert caught.value.retryable


def test_who_waits_for_a_worker_behind_a_portal_asks_for_itself(
    zoho: Sandbox, log_in: LogIn, worker: Callable[[], Worker], portal: HttpResponse
) -> None:
    log_in(ALICE)
    broken, healthy = worker(), worker()
    zoho.clock.advance(hours=1)
    broken.portal, broken.hold = portal, threading.Event()
    failed: list[OAuthError] = []

    def ask() -> None:
        try:
            broken.keeper.access_token(ALICE)
        except OAuthError as error:
            failed.append(error)

    got: list[str] = []
    first = threading.Thread(target=ask)
    first.start()
    while not broken.asked:
        pass  # it holds the lease now
    second = threading.Thread(target=lambda: got.append(healthy.keeper.access_token(ALICE)))
    second.start()
    second.join(0.2)
    assert second.is_alive(), "one at a time"
    broken.hold.set()
    first.join(20)
    second.join(20)
    assert got
    # Whichever came first: the broken one failed, or has what the healthy one got.
    assert failed or broken.keeper.access_token(ALICE) == got[0]


def test_others_go_on_refreshing_in_the_background(
    zoho: Sandbox,
    log_in: LogIn,
    refreshes: Count,
    worker: Callable[[], Worker],
    portal: HttpResponse,
) -> None:
    log_in(ALICE)
    broken, healthy = worker(), worker()
    zoho.clock.advance(minutes=56)
    broken.portal = portal
    broken.keeper.refresh_due()
    while not broken.keeper._manager.is_idle:
        pass
    assert broken.asked == 1
    healthy.keeper.refresh_due()
    while not healthy.keeper._manager.is_idle:
        pass
    assert refreshes() == 1
