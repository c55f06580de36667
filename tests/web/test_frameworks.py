"""The login, the calls and the refusals, the same in every framework."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from evergrant import Keeper, Policy
from evergrant.sandbox import Sandbox
from tests.support.web.visitor import Visitor

ALICE, BOB = "alice@example.com", "bob@example.com"


def test_somebody_who_is_not_logged_in_is_sent_to_log_in_and_back(alice: Visitor) -> None:
    sent = alice.get("/leads?page=1")
    assert sent.status_code in (302, 303)
    where = urlsplit(sent.headers["location"])
    assert (where.path, parse_qs(where.query)) == ("/zoho/login", {"next": ["/leads?page=1"]})
    assert alice.log_in(ALICE, str(sent.headers["location"])) == "/leads?page=1"
    leads = alice.get("/leads")
    assert leads.status_code == 200, leads.text
    assert leads.json() == {"data": []}
    assert alice.get("/me").json()["user"].startswith(ALICE)


def test_a_program_is_told_and_not_sent_anywhere(alice: Visitor) -> None:
    answer = alice.get("/leads", headers={"Accept": "application/json"})
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Log in with Zoho to go on."}


def test_an_expired_token_is_refreshed_unnoticed(alice: Visitor, zoho: Sandbox) -> None:
    alice.log_in(ALICE)
    zoho.clock.advance(hours=2)
    assert alice.get("/leads").status_code == 200
    assert zoho.calls.count(path="/oauth/v2/token", grant_type="refresh_token") == 1


def test_two_people_never_mix(alice: Visitor, bob: Visitor) -> None:
    alice.log_in(ALICE)
    bob.log_in(BOB)
    with ThreadPoolExecutor(8) as pool:
        asked = [(who, visitor) for who, visitor in [(ALICE, alice), (BOB, bob)] * 10]
        answers = list(pool.map(lambda pair: pair[1].get("/me").json()["user"], asked))
    assert all(user.startswith(who) for user, (who, _) in zip(answers, asked, strict=True))


def test_a_login_that_was_begun_in_another_browser_is_refused(
    alice: Visitor, bob: Visitor, zoho: Sandbox, keeper: Keeper
) -> None:
    """Else somebody could make others work in their account, and read what they put there."""
    bob.get("/zoho/login")
    back = zoho.consent(alice.to_zoho(), ALICE)
    answer = bob.get(back)
    assert answer.status_code == 400
    assert bob.get("/me").status_code in (302, 303)
    assert keeper.store.get_tokens() == []
    assert alice.get(back).status_code in (302, 303), "in its own browser it is good"


def test_a_callback_out_of_the_blue_is_refused(alice: Visitor) -> None:
    for query in (
        "",
        "code=x",
        "code=x&state=y",
        "error=access_denied",
        "code=x&state=" + "z" * 5000,
    ):
        assert alice.get(f"/zoho/callback?{query}").status_code == 400


def test_a_hostile_callback_does_not_end_the_login_under_way(alice: Visitor, zoho: Sandbox) -> None:
    """Any page can send a browser there."""
    back = zoho.consent(alice.to_zoho(), ALICE)
    assert alice.get("/zoho/callback?code=x&state=y").status_code == 400
    assert alice.get(back).headers["location"] == "/"
    assert alice.get("/me").json()["user"].startswith(ALICE)
    calls = zoho.calls.count()
    assert alice.get(back).headers["location"] == "/", "a page that is loaded again"
    assert zoho.calls.count() == calls


def test_a_login_begun_in_a_second_tab_does_not_end_the_first(
    alice: Visitor, zoho: Sandbox, keeper: Keeper
) -> None:
    back = zoho.consent(alice.to_zoho("/zoho/login?next=/me"), ALICE)
    other = zoho.consent(alice.to_zoho("/zoho/login?next=/leads"), ALICE)
    assert alice.get(back).headers["location"] == "/me"
    assert alice.get(other).headers["location"] == "/leads"
    assert alice.get(back).headers["location"] == "/me"
    assert len(keeper.store.get_tokens()) == 1


def test_two_tabs_end_in_the_other_order(alice: Visitor, zoho: Sandbox) -> None:
    back = zoho.consent(alice.to_zoho("/zoho/login?next=/me"), ALICE)
    other = zoho.consent(alice.to_zoho("/zoho/login?next=/leads"), BOB)
    assert alice.get(other).headers["location"] == "/leads"
    assert alice.get("/me").json()["user"].startswith(BOB)
    assert alice.get(back).headers["location"] == "/me"
    assert alice.get("/me").json()["user"].startswith(ALICE)


def test_a_callback_that_comes_twice_at_once_logs_in_twice(
    alice: Visitor, zoho: Sandbox, keeper: Keeper
) -> None:
    """A browser that loads a page ahead, and then for its user."""
    back = zoho.consent(alice.to_zoho("/zoho/login?next=/me"), ALICE)
    cookies = dict(alice.browser.cookies)
    zoho.faults.latency(0.3, path="/oauth/v2/token")

    def come(_: int) -> tuple[int, str | None]:
        answer = httpx2.get(back, cookies=cookies, headers={"Accept": "text/html"}, trust_env=False)
        return answer.status_code, answer.headers.get("location")

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(come, range(2)))
    assert {where for _, where in answers} == {"/me"}, answers
    assert zoho.calls.count(path="/oauth/v2/token") == 1
    assert len(keeper.store.get_tokens()) == 1


def test_a_bookmark_of_a_callback_leads_who_is_logged_in_to_the_front_page(
    alice: Visitor, bob: Visitor, zoho: Sandbox
) -> None:
    alice.log_in(ALICE)
    assert alice.get("/zoho/callback?code=x&state=y").headers["location"] == "/"
    assert alice.get("/me").json()["user"].startswith(ALICE)
    back = zoho.consent(bob.to_zoho(), BOB)
    assert alice.get(back).headers["location"] == "/"
    assert alice.get("/me").json()["user"].startswith(ALICE)


def test_after_a_logout_a_callback_logs_nobody_in(alice: Visitor, zoho: Sandbox) -> None:
    back = zoho.consent(alice.to_zoho(), ALICE)
    alice.get(back)
    alice.log_out()
    assert alice.get(back).status_code == 400
    assert alice.get("/me").status_code in (302, 303)


def test_many_tabs_and_long_targets_fit_into_a_cookie(alice: Visitor, zoho: Sandbox) -> None:
    for number in range(20):
        url = alice.to_zoho(f"/zoho/login?next=/leads?{number}={'x' * 390}")
    assert sum(len(str(value)) for value in alice.browser.cookies.values()) < 4_000
    assert alice.get(zoho.consent(url, ALICE)).headers["location"].startswith("/leads?19=")
    assert alice.log_in(ALICE, f"/zoho/login?next=/{'x' * 5_000}") == "/"


def test_a_second_login_asks_for_consent_by_itself(
    alice: Visitor, zoho: Sandbox, keeper: Keeper
) -> None:
    alice.log_in(ALICE)
    keeper.store.delete_tokens()
    again = alice.get(zoho.consent(alice.to_zoho("/zoho/login?next=/me"), ALICE))
    address = str(again.headers["location"])
    assert "prompt=consent" in address
    assert alice.get(zoho.consent(address, ALICE)).headers["location"] == "/me"


def test_the_front_page_tells_whether_somebody_is_logged_in_without_zoho(
    alice: Visitor, zoho: Sandbox
) -> None:
    assert ">Log in<" in alice.get("/").text
    alice.log_in(ALICE)
    zoho.clock.advance(hours=2)
    calls = zoho.calls.count()
    assert ALICE in alice.get("/").text
    assert zoho.calls.count() == calls


def test_somebody_who_says_no_is_told(alice: Visitor, zoho: Sandbox) -> None:
    back = zoho.consent(alice.to_zoho("/zoho/login?next=/me"), ALICE, allow=False)
    answer = alice.get(back)
    assert answer.status_code == 400
    assert "Start it again" in answer.text
    assert "If you did accept at Zoho, wait ten minutes" in answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert 'href="/zoho/login?next=%2Fme"' in answer.text
    for accept in ("application/json", "*/*"):
        told = alice.get(back, headers={"Accept": accept})
        assert told.status_code == 400
        assert told.json() == {"detail": "The login did not succeed. Start it again."}


@pytest.mark.parametrize(
    "target",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/zoho/login", "/zoho/./%6cogin"],
)
def test_nobody_is_sent_to_another_site_or_round(alice: Visitor, target: str) -> None:
    assert alice.log_in(ALICE, f"/zoho/login?next={target}") == "/"


def test_a_revoked_user_logs_in_again(alice: Visitor, zoho: Sandbox) -> None:
    alice.log_in(ALICE)
    zoho.revoke(ALICE)
    zoho.clock.advance(hours=2)
    assert alice.get("/leads").status_code in (302, 303)
    alice.log_in(ALICE)
    assert alice.get("/leads").status_code == 200


def test_a_grant_that_is_too_old_takes_a_new_consent(
    alice: Visitor, zoho: Sandbox, keeper: Keeper
) -> None:
    """Without one, Zoho sends no refresh token, and the browser would go round for ever."""
    keeper._manager._enforcer.policy = Policy(max_age=timedelta(hours=5))
    alice.log_in(ALICE)
    zoho.clock.advance(hours=6)
    sent = alice.get("/leads")
    assert "again=1" in sent.headers["location"]
    assert "prompt=consent" in alice.to_zoho(sent.headers["location"])
    alice.log_in(ALICE, sent.headers["location"])
    assert alice.get("/leads").status_code == 200


def test_a_login_that_the_policy_refuses_ends_there(
    alice: Visitor, zoho: Sandbox, keeper: Keeper
) -> None:
    keeper._manager._enforcer.policy = Policy(allowed_scopes=("ZohoCRM.settings.*",))
    answer = alice.get(zoho.consent(alice.to_zoho(), ALICE))
    assert answer.status_code == 403
    assert keeper.store.get_tokens() == []


def test_a_throttled_user_is_told_when_to_come_back(alice: Visitor, zoho: Sandbox) -> None:
    alice.log_in(ALICE)
    zoho.clock.advance(hours=2)
    zoho.faults.throttle(times=None)
    answer = alice.get("/leads")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


def test_zoho_down_is_not_the_users_fault(alice: Visitor, zoho: Sandbox) -> None:
    alice.log_in(ALICE)
    zoho.clock.advance(hours=2)
    zoho.faults.server_error(times=None)
    assert alice.get("/leads").status_code == 503


def test_nothing_shows_a_secret(alice: Visitor, zoho: Sandbox, keeper: Keeper) -> None:
    shown = [alice.get("/leads").text]
    alice.log_in(ALICE)
    (token,) = keeper.store.get_tokens()
    zoho.faults.server_error(times=None)
    zoho.clock.advance(hours=2)
    shown += [alice.get("/leads").text, alice.get("/me").text, alice.get("/nowhere").text]
    shown += [str(alice.browser.cookies)]
    for secret in (token.access_token, token.refresh_token, token.client_secret):
        assert secret
        assert str.__str__(secret) not in "".join(shown)
