"""A month of 1,000 users on the sandbox's clock: how long it takes, and that nothing goes wrong."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from evergrant import Accounts, Keeper, open_store
from evergrant.sandbox import Sandbox
from evergrant.testing.in_process_transport import in_process_transport

LIMIT_S = 120.0
HOURS_A_DAY = 24


def simulate(users: int, days: int, folder: Path) -> tuple[float, int, int]:
    """Return seconds, refreshes and the refreshes there should have been."""
    with Sandbox(data_centers=("us",)) as zoho:
        accounts = Accounts(
            zoho.client.client_id,
            zoho.client.client_secret,
            data_centers=zoho.data_centers,
            send=in_process_transport(zoho),
            clock=zoho.clock,
        )
        keeper = Keeper(open_store("memory:"), accounts, lifeboat=folder)
        names = []
        for number in range(users):
            if number % 10 == 0:  # Zoho hands out ten codes in ten minutes to a client
                zoho.clock.advance(minutes=11)
            email = f"user{number}@example.com"
            zoho.add_user(email)
            code = zoho.grant_code(email, scopes=["ZohoCRM.modules.ALL"])
            names.append(keeper.login_with_code(code, user=f"tenant-{number}").user_name or "")
        zoho.calls.clear()
        began = time.perf_counter()
        for _ in range(days * HOURS_A_DAY):
            zoho.clock.advance(hours=1)
            for name in names:
                keeper.access_token(name)
        took = time.perf_counter() - began
        sent = zoho.calls.count(path="/oauth/v2/token", grant_type="refresh_token")
        return took, sent, users * days * HOURS_A_DAY


def main() -> int:
    """Print the figures; return 1 where a refresh was missing, superfluous or too slow."""
    users, days = (50, 7) if "--quick" in sys.argv else (1_000, 30)
    with tempfile.TemporaryDirectory() as folder:
        took, sent, expected = simulate(users, days, Path(folder))
    print(
        f"{days} days of {users} users: {took:.1f} s, {sent} refreshes, "
        f"{took / sent * 1e6:.0f} us each (limit {LIMIT_S:g} s)"
    )
    return int(sent != expected or took > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
