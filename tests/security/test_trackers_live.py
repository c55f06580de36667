"""No secret in what sentry-sdk sends of log lines, their live stacks, breadcrumbs and spans."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.security.tracked_tokens import MARK

ROOT = Path(__file__).parents[2]

PROGRAM = """
import json, logging, sys
from pathlib import Path
import sentry_sdk
from sentry_sdk.integrations.httpx2 import Httpx2Integration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.integrations.redis import RedisIntegration
from sentry_sdk.integrations.sqlalchemy import SqlalchemyIntegration
from tests.support.security.trackers import Memory

transport = Memory()
sentry_sdk.init(
    dsn="https://key@sentry.invalid/1", transport=transport, attach_stacktrace=True,
    include_local_variables=True, max_value_length=1_000_000, max_breadcrumbs=10_000,
    traces_sample_rate=1.0,
    # Those of web frameworks take longer to load than all the rest.
    auto_enabling_integrations=False,
    integrations=[
        LoggingIntegration(event_level=logging.WARNING),
        Httpx2Integration(), RedisIntegration(), SqlalchemyIntegration(),
    ],
)

from itertools import count
from evergrant import Accounts, Keeper, open_store
from evergrant.sandbox import Sandbox

MARK, url, folder = sys.argv[1], sys.argv[2], Path(sys.argv.pop())
del sys.argv[1:]
numbers = count()
def new_token():
    return f"1000.{MARK * 5}{next(numbers):02x}.{MARK * 5}00"
from evergrant.sandbox.accounts import consent, grants, self_client
consent.new_token = grants.new_token = self_client.new_token = new_token
CALLBACK = "https://app.example.com/cb"

folder.joinpath("boat").write_text("no folder: what is put there stays in memory")
with (
    Sandbox() as zoho,
    open_store(url, keys=None) as store,
    sentry_sdk.start_transaction(name="everything"),
):
    app = zoho.add_client(redirect_uris=[CALLBACK], client_secret=MARK * 6)
    with Accounts(
        app.client_id, app.client_secret, redirect_url=CALLBACK, data_centers=zoho.data_centers,
        sleep=lambda _: None,
    ) as accounts, Keeper(store, accounts, lifeboat=folder / "boat") as keeper:
        def log_in():
            link = keeper.authorization_url("ZohoCRM.users.READ", "alice", session=MARK)
            keeper.complete_login(zoho.consent(link, "alice@example.com"), session=MARK)
        log_in()
        keeper.access_token("alice")
        keeper.refresh("alice")
        zoho.faults.server_error(times=3)
        for attempt in (lambda: keeper.refresh("alice"), log_in):
            save, store._update = store._update, lambda *_: 1 / 0
            try:
                attempt()
            except Exception:
                logging.getLogger("app").exception("it failed")
            finally:
                store._update = save
        logging.getLogger("app").error("stack")
        keeper.revoke("alice")
sentry_sdk.flush()
from tests.support.security.frames import is_the_tests_own
for event in transport.events:
    for part in ("exception", "threads", "stacktrace"):
        for one in event.get(part, {}).get("values", []):
            frames = (one.get("stacktrace") or {}).get("frames", [])
            frames[:] = [
                frame for frame in frames
                if frame["abs_path"] != "<string>" and not is_the_tests_own(frame["abs_path"])
            ]
print(json.dumps(transport.events))
"""


@pytest.mark.parametrize("place", ["sqlite", "redis_url", "postgresql"])
def test_log_lines_breadcrumbs_and_spans(
    place: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/t.db"
    if place != "sqlite":
        found = request.getfixturevalue(place)
        url = getattr(found, "url", found)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, MARK, url, tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = done.stdout
    assert told.count('"breadcrumbs"') > 1
    assert told.count('"vars"') > 1
    assert "/oauth/v2/token" in told
    at = told.find(MARK)
    assert at < 0, told[max(0, at - 300) : at + 30]
