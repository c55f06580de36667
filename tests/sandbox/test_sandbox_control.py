"""The sandbox's own addresses, for tests in other processes."""

from __future__ import annotations

import httpx2
import pytest

from evergrant.sandbox import Sandbox
from tests.support.sandbox.accounts_caller import ALICE, TOKEN, Caller


def test_other_processes_move_time_and_count_calls(zoho: Sandbox, app: Caller) -> None:
    app.refresh(app.login()["refresh_token"])
    with httpx2.Client(trust_env=False, base_url=zoho.url) as http:
        before = http.get("/_sandbox/clock").json()["now"]
        after = http.post("/_sandbox/clock/advance", json={"seconds": 3600}).json()["now"]
        assert after == before + 3_600_000 == http.get("/_sandbox/clock").json()["now"]
        row = {"path": TOKEN, "user": ALICE, "count": 1}
        rows = [
            {**row, "grant_type": "authorization_code"},
            {**row, "grant_type": "refresh_token"},
        ]
        assert http.get("/_sandbox/calls").json() == {"count": 2, "calls": rows}
        only = http.get("/_sandbox/calls", params={"grant_type": "refresh_token"}).json()
        assert only == {"count": 1, "calls": rows[1:]}
        assert http.get("/_sandbox/nothing").status_code == 404
    assert zoho.calls.count() == 2


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"3", b'{"seconds":"x"}', b'{"seconds":1e999}', b'{"seconds":NaN}']
)
def test_a_nonsensical_advance_moves_nothing(zoho: Sandbox, body: bytes) -> None:
    before = zoho.clock.now()
    with httpx2.Client(trust_env=False, base_url=zoho.url) as http:
        assert http.post("/_sandbox/clock/advance", content=body).status_code == 400
    assert zoho.clock.now() == before


def test_control_addresses_are_never_struck_by_faults(zoho: Sandbox) -> None:
    zoho.faults.server_error(path="/", times=None)
    with httpx2.Client(trust_env=False, base_url=zoho.url) as http:
        assert http.get("/_sandbox/clock").status_code == 200
