"""Logging out: by a button of one's own, at once, and with the grant where that is wanted."""

from __future__ import annotations

from evergrant import Keeper
from evergrant.sandbox import Sandbox
from tests.support.web.visitor import Visitor

ALICE = "alice@example.com"


def logged_in(visitor: Visitor) -> bool:
    return visitor.get("/me").status_code == 200


def test_a_logout_ends_the_session_and_keeps_the_grant(
    alice: Visitor, keeper: Keeper, zoho: Sandbox
) -> None:
    alice.log_in(ALICE)
    answer = alice.log_out()
    assert answer.status_code in (302, 303)
    assert answer.headers["location"] == "/"
    assert "no-store" in answer.headers["cache-control"]
    assert not logged_in(alice)
    assert len(keeper.store.get_tokens()) == 1
    assert zoho.calls.count(path="/oauth/v2/token/revoke") == 0


def test_a_logout_ends_the_grant_too_where_that_is_asked(
    alice: Visitor, keeper: Keeper, zoho: Sandbox
) -> None:
    alice.log_in(ALICE)
    assert alice.log_out(revoke=True).status_code in (302, 303)
    assert not logged_in(alice)
    assert keeper.store.get_tokens() == []
    assert zoho.calls.count(path="/oauth/v2/token/revoke") == 1


def test_a_logout_whose_grant_is_gone_already_succeeds(alice: Visitor, keeper: Keeper) -> None:
    alice.log_in(ALICE)
    keeper.store.delete_tokens()
    assert alice.log_out(revoke=True).status_code in (302, 303)


def test_a_grant_that_zoho_does_not_revoke_is_told_and_nobody_stays_logged_in(
    alice: Visitor, keeper: Keeper, zoho: Sandbox
) -> None:
    alice.log_in(ALICE)
    zoho.faults.server_error(path="/oauth/v2/token/revoke", times=None)
    assert alice.log_out(revoke=True).status_code == 503
    assert not logged_in(alice)
    assert len(keeper.store.get_tokens()) == 1


def test_neither_another_sites_form_nor_a_link_logs_anybody_out(alice: Visitor) -> None:
    alice.log_in(ALICE)
    for name, value in (
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
    ):
        answer = alice.browser.post("/zoho/logout?revoke=1", headers={name: value})
        assert answer.status_code == 403
    assert alice.get("/zoho/logout").status_code == 405
    assert logged_in(alice)
