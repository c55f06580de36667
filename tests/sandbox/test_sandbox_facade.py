"""What a test can set up and disturb."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from evergrant.datacenter import DataCenter, DataCenters
from evergrant.sandbox import Sandbox
from tests.support.sandbox.accounts_caller import (
    ALICE,
    BOB,
    CAROL,
    REDIRECT,
    Ask,
    Caller,
    data,
    query_of,
)


def test_the_default_world(zoho: Sandbox) -> None:
    alice, bob, carol = (zoho.user(email) for email in (ALICE, BOB, CAROL))
    assert [user.data_center for user in (alice, bob, carol)] == ["us", "us", "eu"]
    assert alice.orgs == bob.orgs
    assert alice.orgs != carol.orgs
    assert alice.orgs[0].members == [alice, bob]
    assert re.fullmatch(r"1000\.[A-Z0-9]{30}", zoho.client.client_id)
    assert re.fullmatch(r"[0-9a-f]{42}", zoho.client.client_secret)


def test_data_centers_are_an_allow_list_of_stand_ins(zoho: Sandbox) -> None:
    assert isinstance(zoho.data_centers, DataCenters)
    assert zoho.data_centers.codes == ("us", "eu")
    us, eu = zoho.data_center("us"), zoho.data_center("eu")
    assert isinstance(us, DataCenter)
    assert zoho.url == us.accounts_url == us.api_url
    assert len({url for home in (us, eu) for url in home.api_urls}) == 6
    assert zoho.data_centers.by_accounts_url(eu.accounts_url) == eu
    with pytest.raises(LookupError, match="'jp'"):
        zoho.data_center("jp")


def test_one_data_center_is_enough() -> None:
    with Sandbox(data_centers=("us",)) as zoho:
        assert "access_token" in Caller(zoho).login()
        with pytest.raises(LookupError, match="no user"):
            zoho.user(CAROL)


def test_an_address_of_nobody_refuses_the_connection(zoho: Sandbox) -> None:
    for url in ("http://127.0.0.1:1/oauth/v2/token", "https://accounts.zoho.com/oauth/v2/token"):
        with pytest.raises(ConnectionRefusedError):
            zoho.send(Ask("GET", url))


def test_a_new_user_joins_the_first_org_or_the_one_that_is_named(zoho: Sandbox) -> None:
    org = zoho.add_org("Other", data_center="eu")
    assert zoho.add_user("dora@example.com").orgs == zoho.user(ALICE).orgs
    dora = zoho.add_user("dora@example.eu", org=org)
    assert (dora.orgs, dora.data_center, dora.full_name) == ([org], "eu", "Dora Example")
    assert zoho.user("DORA@example.EU") is dora


def test_what_contradicts_itself_is_refused(zoho: Sandbox) -> None:
    org = zoho.add_org("Other", data_center="eu")
    with pytest.raises(ValueError, match="has an account"):
        zoho.add_user(ALICE)
    with pytest.raises(ValueError, match="different data centers"):
        zoho.add_user("x@example.com", data_center="us", org=org)
    with pytest.raises(ValueError, match="different data centers"):
        zoho.join(ALICE, org)
    with pytest.raises(ValueError, match="'jp'"):
        zoho.add_user("x@example.com", data_center="jp")
    with pytest.raises(ValueError, match="'club'"):
        zoho.add_org("Other", "club")
    with pytest.raises(ValueError, match="registered already"):
        zoho.add_client(client_id=zoho.client.client_id)
    with pytest.raises(ValueError, match=r"service\.name\.operation"):
        zoho.grant_code(ALICE, ["ZohoCRM"])
    with pytest.raises(LookupError, match="no user"):
        zoho.grant_code("eve@example.com")
    with pytest.raises(LookupError, match="not in this org"):
        zoho.grant_code(ALICE, org=org)


def test_a_client_may_be_given_its_id_and_secrets(zoho: Sandbox) -> None:
    client = zoho.add_client(
        client_id="1000.MINE", client_secret="s", secrets={"eu": "e"}, data_centers=["eu"]
    )
    assert (client.secret_in("us"), client.secret_in("eu")) == ("s", "e")
    assert (client.enabled_in("us"), client.enabled_in("eu")) == (False, True)


def test_grant_codes_set_the_scene_without_counting(zoho: Sandbox, app: Caller) -> None:
    for _ in range(30):
        zoho.grant_code(ALICE)
    assert "code" in query_of(zoho.consent(app.auth_url()))


def test_a_grant_code_can_be_bound_to_a_redirect_uri(zoho: Sandbox, app: Caller) -> None:
    code = zoho.grant_code(ALICE, redirect_uri=REDIRECT)
    assert data(app.exchange(code)) == {"error": "invalid_redirect_uri"}
    assert "access_token" in data(app.exchange(code, redirect_uri=REDIRECT))


def test_an_online_grant_code_gives_no_refresh_token(app: Caller) -> None:
    assert "refresh_token" not in app.login(offline=False)


def test_access_tokens_can_be_ended_before_their_time(zoho: Sandbox, app: Caller) -> None:
    first, second, bobs = app.login(), app.login(), app.login(BOB)
    zoho.kill_access_token(first["access_token"])
    with pytest.raises(LookupError, match="dead already"):
        zoho.kill_access_token(first["access_token"])
    tokens = [granted["access_token"] for granted in (first, second, bobs)]
    assert [app.status_of(token) for token in tokens] == [401, 200, 200]
    assert zoho.expire_access_tokens(ALICE) == 1
    assert [app.status_of(token) for token in tokens] == [401, 401, 200]
    assert "access_token" in data(app.refresh(first["refresh_token"]))


def test_the_sandbox_is_independent_of_the_client_side() -> None:
    listing = "import sys, evergrant.sandbox; print(*sorted(sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", listing], check=True, capture_output=True, text=True
    )
    ours = {name for name in ran.stdout.split() if name.startswith("evergrant")}
    shared = {"evergrant", "evergrant.clock", "evergrant.datacenter", "evergrant.errors"}
    assert {name for name in ours if not name.startswith("evergrant.sandbox")} == shared
    assert not {"httpx", "httpx2", "requests"} & set(ran.stdout.split())
