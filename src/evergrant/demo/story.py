"""The steps of the demo. Each yields what happened, and raises `StepFailed` if it did not."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier

import httpx2

from evergrant.demo.workers import Worker
from evergrant.errors import LoginRequired
from evergrant.keeper import Keeper
from evergrant.sandbox import Sandbox
from evergrant.stores.base import TokenStore

__all__ = ["STEPS", "DemoContext", "StepFailed"]

USERS = ALICE, BOB = ("alice@example.com", "bob@example.com")
THREADS = 20
CALLS_BEFORE_KILL = 2 * len(USERS)
"""How many calls a worker makes before it is killed."""

REFRESH_LATENCY_S = 0.2
"""How long Zoho takes to refresh a token, so that many threads ask at the same time."""


class StepFailed(Exception):  # noqa: N818 - named for what happened, as all our errors
    """Something that the demo expects did not happen."""


@dataclass(frozen=True, slots=True)
class DemoContext:
    """What the steps work with; ``stack`` closes what they start."""

    zoho: Sandbox
    store: TokenStore
    keeper: Keeper
    folder: Path
    stack: ExitStack

    def call(self, user: str, method: str = "GET", body: object = None) -> httpx2.Response:
        """Call the Leads API as a user, signed by the keeper."""
        auth = self.keeper.auth(user)
        with httpx2.Client(base_url=self.zoho.url, auth=auth, trust_env=False) as crm:
            fields = {"fields": "Last_Name"} if method == "GET" else None
            return crm.request(method, "/crm/v8/Leads", params=fields, json=body)

    def worker(self) -> Worker:
        """Start a worker process, which is killed at the end of the demo at the latest."""
        return self.stack.enter_context(
            Worker(self.store.url, self.zoho.url, USERS, home=self.folder)
        )

    def logins(self) -> int:
        """Return how often any user logged in."""
        return self.zoho.calls.count(grant_type="authorization_code")

    def refreshes(self, user: str) -> int:
        """Return how often a user's token was refreshed at Zoho."""
        return self.zoho.calls.count(grant_type="refresh_token", user=user)


def expect(happened: object, what: str) -> None:
    """Check that something happened.

    Raises:
        StepFailed: It did not happen.
    """
    if not happened:
        raise StepFailed(f"this did not happen: {what}")


def log_in(scene: DemoContext) -> Iterator[str]:
    """Two users log in, once."""
    for user in USERS:
        url = scene.keeper.authorization_url(["ZohoCRM.modules.ALL"], user)
        token = scene.keeper.complete_login(scene.zoho.consent(url, user))
        expect(token.refresh_token, f"{user} gets a refresh token")
        yield f"{token.user_name} accepted on Zoho's page, and is logged in"
    expect(scene.logins() == len(USERS), "one login for each reaches Zoho")
    expect(len(scene.store.get_tokens()) == len(USERS), "the store holds a token for each")


def call_the_api(scene: DemoContext) -> Iterator[str]:
    """They work in the CRM."""
    for user, lead in ((ALICE, "Lovelace"), (BOB, "Babbage")):
        created = scene.call(user, "POST", {"data": [{"Last_Name": lead, "Company": "Engines"}]})
        expect(created.status_code == httpx2.codes.CREATED, f"{user} creates a lead")
        names = [record["Last_Name"] for record in scene.call(user).json()["data"]]
        expect(lead in names, f"{user} finds the lead")
        yield f"{user} created the lead {lead} and lists: {', '.join(sorted(names))}"


def let_an_hour_pass(scene: DemoContext) -> Iterator[str]:
    """An hour passes, and the access tokens expire."""
    old = scene.keeper.find(ALICE)
    scene.zoho.clock.advance(hours=1)
    header = {"Authorization": "Zoho-oauthtoken " + (old.access_token or "")}
    url = f"{scene.zoho.url}/crm/v8/Leads?fields=Last_Name"
    answer = httpx2.get(url, headers=header, trust_env=False)
    expect(answer.status_code == httpx2.codes.UNAUTHORIZED, "Zoho rejects the old token")
    yield f"without evergrant, the next call gets: {answer.status_code} {answer.json()['code']}"


def refresh_once(scene: DemoContext) -> Iterator[str]:
    """The next call refreshes its token by itself, once."""
    expect(scene.call(ALICE).is_success, "alice's next call works")
    expect(scene.refreshes(ALICE) == 1, "alice's token is refreshed once")
    yield f"{ALICE} calls the API: it works, after 1 refresh (counted at Zoho)"
    scene.zoho.faults.latency(REFRESH_LATENCY_S, times=1)
    start = Barrier(THREADS)

    def work(_: int) -> bool:
        start.wait()
        return scene.call(BOB).is_success

    with ThreadPoolExecutor(THREADS) as pool:
        worked = sum(pool.map(work, range(THREADS)))
    expect(worked == THREADS, f"{THREADS} calls of bob's work")
    expect(scene.refreshes(BOB) == 1, "bob's token is refreshed once for all threads")
    yield f"{BOB} calls it from {THREADS} threads at once: all work, after 1 refresh for all"


def kill_and_restart(scene: DemoContext) -> Iterator[str]:
    """A worker process is killed in the middle of its work, and started again."""
    first = scene.worker()
    expect(first.wait_for_calls(CALLS_BEFORE_KILL) == CALLS_BEFORE_KILL, "the worker calls the API")
    expect(first.kill() == -signal.SIGKILL, "the worker is killed, and does not end by itself")
    yield f"worker {first.pid} made {CALLS_BEFORE_KILL} calls with the stored tokens; then: kill -9"
    scene.zoho.clock.advance(hours=1)
    before = [scene.refreshes(user) for user in USERS]
    second = scene.worker()
    expect(
        second.wait_for_calls(CALLS_BEFORE_KILL) == CALLS_BEFORE_KILL,
        "the restarted worker calls the API",
    )
    second.kill()
    refreshed = [scene.refreshes(user) for user in USERS]
    expect(refreshed == [count + 1 for count in before], "it refreshes each token once")
    expect(scene.logins() == len(USERS), "nobody logs in again")
    yield f"an hour later worker {second.pid} goes on: 1 refresh for each, and no login"


def revoke_one(scene: DemoContext) -> Iterator[str]:
    """One user is revoked centrally; the other is not disturbed."""
    scene.zoho.revoke(BOB)
    scene.zoho.clock.advance(hours=1)
    try:
        scene.call(BOB)
    except LoginRequired as error:
        yield f"LoginRequired: {error}"
    else:
        raise StepFailed("this did not happen: bob is asked to log in again")
    answer = scene.call(ALICE)
    expect(answer.is_success, "alice's calls still work")
    yield f"{ALICE} still works: {answer.status_code}, {len(answer.json()['data'])} leads"


STEPS: tuple[Callable[[DemoContext], Iterator[str]], ...] = (
    log_in,
    call_the_api,
    let_an_hour_pass,
    refresh_once,
    kill_and_restart,
    revoke_one,
)
