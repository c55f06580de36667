"""A fleet on one store: three hosts with four processes each call for 200 users.

All begin at the same moment, when every token has expired; then they go on for some seconds. The
hosts are groups of processes on this machine, with one local Zoho. Counted are the calls that get
a token, the refreshes that Zoho sees, and how long callers wait.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from evergrant import Accounts, Keeper, open_store
from evergrant.clock import utc_now
from evergrant.sandbox import Sandbox
from tests.support.processes.storms import LATENCY, Answer, Storm, quantile
from tests.support.servers.databases import fresh_database
from tests.support.servers.redis_servers import Redis, Space
from tests.support.servers.sql_servers import PostgreSQL

HOSTS, PROCESSES, USERS, THREADS = 3, 4, 200, 8
QUICK_USERS = 20
SHARES = (0.5, 0.95, 0.99, 1.0)


@contextmanager
def postgresql() -> Iterator[str]:
    with closing(PostgreSQL()) as server, fresh_database(server) as database:
        yield database.url


@contextmanager
def redis() -> Iterator[str]:
    with closing(Redis()) as server:
        yield Space(server).url


def logged_in(zoho: Sandbox, url: str, folder: Path, users: int) -> list[str]:
    """Log users in, and let their tokens expire; return their names."""
    app, names = zoho.client, []
    with (
        open_store(url) as store,
        Accounts(app.client_id, app.client_secret, data_centers=zoho.data_centers) as accounts,
        Keeper(store, accounts, lifeboat=folder) as keeper,
    ):
        for number in range(users):
            email = f"user{number}@example.com"
            zoho.add_user(email)
            token = keeper.login_with_code(zoho.grant_code(email))
            past = utc_now() - timedelta(hours=1)
            store.save_token(replace(token, expires_at=past), expected_version=token.version)
            names.append(str(token.user_name))
    return names


def measure(name: str, url: str, users: int) -> bool:
    """Print the figures; say whether one refresh for each user was enough."""
    with Sandbox() as zoho, tempfile.TemporaryDirectory() as folder:
        names = logged_in(zoho, url, Path(folder), users)
        before = zoho.calls.count(path="/oauth/v2/token", grant_type="refresh_token")
        zoho.faults.latency(LATENCY)
        crowd = [names] * (HOSTS * PROCESSES)
        answers: list[Answer] = Storm(zoho, url, Path(folder))("keeper", crowd, threads=THREADS)
        sent = zoho.calls.count(path="/oauth/v2/token", grant_type="refresh_token") - before
    found = [answer.wait for answer in answers]
    without = sum(not answer.got.startswith("1000.") for answer in answers)
    shares = ", ".join(f"p{share * 100:g} {quantile(found, share):.2f} s" for share in SHARES)
    good = sent == users and not without
    print(
        f"{'PASS' if good else 'FAIL'}  {name}: {HOSTS} hosts x {PROCESSES} processes x "
        f"{users} users: {len(answers)} calls, {len(answers) / max(found):.0f} a second; "
        f"{sent} refreshes; {without} without a token; waits {shares}"
    )
    return good


def main(arguments: list[str]) -> int:
    """Print the figures; return 1 where more refreshes were sent than there are users."""
    users = QUICK_USERS if "--quick" in arguments else USERS
    good = True
    for name, place in (("PostgreSQL", postgresql), ("Redis", redis)):
        with place() as url:
            good &= measure(name, url, users)
    return int(not good)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
