"""The student portal, as those see it who would like to get in by another way."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import httpx2
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer

from evergrant.sandbox import Sandbox
from tests.support.web.portal import Portal, served
from tests.support.web.portal_visitor import ALICE, BOB, Visitor, said

TOKEN = "/oauth/v2/token"


def writes(zoho: Sandbox) -> int:
    return sum(call.method != "GET" and call.path.startswith("/crm/") for call in zoho.calls)


def cookies(key: str) -> URLSafeTimedSerializer:
    """Return what makes and reads cookies as the portal does, with this key."""
    app = Flask("forger")
    app.secret_key = key
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer
    return serializer


def cookie_of(visitor: Visitor, portal: Portal) -> dict[str, object]:
    session: dict[str, object] = cookies((portal.home / "cookie.key").read_text()).loads(
        visitor.http.cookies["portal"]
    )
    return session


def test_a_form_without_this_sessions_token_changes_nothing(
    alice: Visitor, stranger: Visitor, zoho: Sandbox
) -> None:
    alice.add("Lovelace")
    path, before = alice.student_path(), writes(zoho)
    stolen = re.search(r'value="([\w-]{20,})"', alice.get(path).text)
    assert stolen
    targets = ("/students", path, f"{path}/delete", "/logout", "/disconnect")
    for target in targets:
        for token in ({}, {"form_token": ""}, {"form_token": "Ä"}, {"form_token": "x" * 43}):
            answer = alice.http.post(target, data={"Last_Name": "Mallory", **token})
            assert (answer.status_code, "too old" in said(answer)) == (400, True)
        stranger.begin()
        answer = stranger.http.post(target, data={"form_token": stolen[1], "Last_Name": "M"})
        assert answer.status_code == 400
    assert (alice.students(), writes(zoho)) == ([" Lovelace"], before)


def test_the_callback_of_a_login_begun_elsewhere_is_refused_and_nothing_sent(
    portal: Portal, zoho: Sandbox, stranger: Visitor
) -> None:
    with Visitor(portal, zoho, BOB) as mallory:
        theirs = zoho.consent(mallory.begin(), BOB)
        ours = stranger.begin()
        assert ours
        for redirect in (
            theirs,
            re.sub("state=[^&]*", "state=", theirs),
            "/callback?code=1000.a.b",
        ):
            answer = stranger.get(redirect)
            assert (answer.status_code, "Not this login" in said(answer)) == (400, True)
        assert not stranger.logged_in()
        assert zoho.calls.count(TOKEN) == 0
        # The login that was under way is not disturbed by that.
        assert stranger.get(zoho.consent(ours, ALICE)).status_code == 303
        assert stranger.logged_in()


def test_a_redirect_to_a_foreign_accounts_server_is_refused_and_nothing_sent(
    stranger: Visitor, zoho: Sandbox
) -> None:
    evil = "accounts-server=https%3A%2F%2Faccounts.zoho.com.evil.example"
    for old, new in ((r"accounts-server=[^&]*", evil), ("location=us", "location=eu")):
        redirect = re.sub(old, new, zoho.consent(stranger.begin(), ALICE))
        assert new in redirect
        assert stranger.get(redirect).status_code == 400
    assert (stranger.logged_in(), zoho.calls.count(TOKEN)) == (False, 0)


def test_what_a_browser_held_before_the_login_is_worthless_after_it(
    portal: Portal, zoho: Sandbox
) -> None:
    with Visitor(portal, zoho) as victim, Visitor(portal, zoho) as attacker:
        attacker.begin()
        victim.http.cookies = attacker.http.cookies  # planted by the attacker
        before = cookie_of(victim, portal)
        victim.log_in()
        assert victim.logged_in()
        assert not set(before.values()) & set(cookie_of(victim, portal).values())
        assert not attacker.logged_in()


def test_the_cookie_is_signed_for_this_site_only_and_holds_no_secret(
    portal: Portal, zoho: Sandbox, stranger: Visitor
) -> None:
    answer = stranger.log_in()
    sent = answer.headers["set-cookie"].lower()
    assert "httponly" in sent
    assert "samesite=lax" in sent
    assert set(cookie_of(stranger, portal)) == {"_permanent", "user"}
    assert stat.S_IMODE((portal.home / "cookie.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(portal.home.stat().st_mode) == 0o700


def test_who_makes_a_cookie_without_the_key_is_nobody(
    portal: Portal, alice: Visitor, stranger: Visitor
) -> None:
    session, genuine = cookie_of(alice, portal), alice.http.cookies["portal"]
    payload, _, rest = genuine.partition(".")
    forged = [payload, f"A{payload}.{rest}", cookies("*" * 8).dumps(session), genuine[:-1]]
    for cookie in [*forged, genuine]:
        stranger.http.cookies.clear()
        stranger.http.cookies.set("portal", cookie)
        assert stranger.logged_in() is (cookie == genuine)


def test_every_page_is_sealed_against_framing_sniffing_and_foreign_scripts(
    alice: Visitor, stranger: Visitor
) -> None:
    pages = [stranger.get(path) for path in ("/", "/login", "/callback", "/nowhere", "/students")]
    pages += [alice.get(path) for path in ("/students", "/students/new", "/static/portal.css")]
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "same-origin"
        assert not re.search(r"<script|style=|\bon\w+=|javascript:", page.text)
    assert all(page.headers["cache-control"] == "no-store" for page in pages[:-1])


def test_a_hostile_name_stays_a_name(alice: Visitor) -> None:
    hostile = "<script>alert(1)</script>\"'{{7*7}}"
    alice.add(hostile)
    for page in (alice.get("/students"), alice.get(alice.student_path())):
        assert "<script" not in page.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;{{7*7}}" in page.text


def test_no_secret_gets_into_pages_addresses_or_the_log(
    portal: Portal, zoho: Sandbox, stranger: Visitor
) -> None:
    redirect = zoho.consent(stranger.begin(), ALICE)
    code = re.search(r"code=([^&]+)", redirect)
    assert code
    pages = [stranger.get(redirect), stranger.get("/students"), stranger.get(redirect)]
    zoho.clock.advance(hours=1)
    pages += [stranger.get("/students"), stranger.post("/disconnect"), stranger.get("/")]
    database = b"".join(path.read_bytes() for path in portal.home.glob("tokens.db*"))
    found = re.findall(rb"1000\.[0-9a-f]{32}\.[0-9a-f]{32}", database)
    secrets = {code[1], zoho.client.client_secret, (portal.home / "cookie.key").read_text()}
    secrets |= {text.decode() for text in found}
    assert len(secrets) > 3
    shown = portal.log() + "".join(f"{page.headers}{page.text}" for page in pages)
    assert "GET /callback" in shown
    assert [secret for secret in secrets if secret in shown] == []


def test_another_name_of_this_machine_is_led_to_the_portals_own(
    portal: Portal, stranger: Visitor
) -> None:
    for host in ("localhost:1", "evil.example", portal.url.replace("http://127", "evil.127")):
        answer = stranger.http.get("/login", headers={"Host": host})
        assert (answer.status_code, answer.headers["location"]) == (302, portal.url)


def test_behind_https_the_cookie_and_the_address_stay_there(zoho: Sandbox, tmp_path: Path) -> None:
    with served(zoho, tmp_path, PORTAL_URL="https://portal.example") as portal:
        answer = httpx2.get(
            f"{portal.url}/login", headers={"Host": "portal.example"}, trust_env=False, timeout=60
        )
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-portal=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "redirect_uri=https%3A%2F%2Fportal.example%2Fcallback" in answer.headers["location"]
    assert "max-age=" in answer.headers["strict-transport-security"]
