"""An app that a server mounts below a prefix; nothing of ours leads out of it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.web.visitor import Visitor

ALICE = "alice@example.com"


@pytest.fixture
def root() -> str:
    return "/crm"


def test_a_login_stays_below_the_prefix(alice: Visitor) -> None:
    sent = alice.get("/crm/leads?page=1")
    where = urlsplit(sent.headers["location"])
    assert where.path == "/crm/zoho/login"
    assert parse_qs(where.query) == {"next": ["/crm/leads?page=1"]}
    assert alice.log_in(ALICE, sent.headers["location"]) == "/crm/leads?page=1"
    assert alice.get("/crm/leads?page=1").status_code == 200


def test_who_wants_nothing_lands_on_the_apps_own_front_page(alice: Visitor) -> None:
    assert alice.log_in(ALICE, "/crm/zoho/login") == "/crm/"
    assert alice.log_out("/crm/").headers["location"] == "/crm/"
    assert ">Log in<" in alice.get("/crm/").text


def test_a_login_that_fails_does_not_go_round(alice: Visitor) -> None:
    assert alice.get("/crm/zoho/callback?code=x&state=y").status_code == 400
    assert alice.log_in(ALICE, "/crm/zoho/login?next=/crm/zoho/login") == "/crm/"
