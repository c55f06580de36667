"""What is missing is told in the answer, in the log and in the sandbox's list of calls."""

from __future__ import annotations

import logging
from urllib.parse import urlencode

import pytest

from evergrant.sandbox import ConsentError, Sandbox, Settings
from evergrant.sandbox.consent_client import BrowserCall
from tests.support.sandbox.accounts_caller import Caller

LEADS = "/crm/v8/Leads?fields=Last_Name&territory_id=1"


def get(zoho: Sandbox, path: str) -> tuple[int, str | None]:
    answer = zoho.send(BrowserCall("GET", zoho.url + path))
    return answer.status, answer.headers.get("x-sandbox-missing")


def leads(zoho: Sandbox, app: Caller) -> tuple[int, str | None]:
    token = app.login()["access_token"]
    call = BrowserCall("GET", zoho.url + LEADS, {"Authorization": f"Zoho-oauthtoken {token}"})
    answer = zoho.send(call)
    return answer.status, answer.headers.get("x-sandbox-missing")


def test_the_answer_the_log_and_the_calls_tell(
    zoho: Sandbox, app: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "evergrant.sandbox"):
        assert leads(zoho, app) == (501, "parameter territory_id")
    assert caplog.messages == ["not in the sandbox: parameter territory_id (GET)"]
    assert zoho.calls[-1].missing == "parameter territory_id"
    assert zoho.calls[0].missing is None
    assert zoho.calls.missing() == {"parameter territory_id": 1}
    zoho.calls.clear()
    assert zoho.calls.missing() == {}


def test_a_sandbox_that_is_not_strict_goes_on_and_tells() -> None:
    with Sandbox(strict=False) as zoho:
        assert leads(zoho, Caller(zoho)) == (204, "parameter territory_id")
        assert zoho.calls[-1].missing == "parameter territory_id"
    assert Sandbox(settings=Settings(strict=False)).settings.strict is False
    assert Sandbox().settings.strict is True


@pytest.mark.parametrize(
    "path", ["/oauth/v3/device/code", "/oauth/v2/userinfo", "/oauth/v2/introspect"]
)
def test_an_address_of_zohos_accounts_that_is_not_served(zoho: Sandbox, path: str) -> None:
    assert get(zoho, path) == (501, f"address {path}")


def test_an_address_that_the_accounts_do_not_have_either(zoho: Sandbox) -> None:
    assert get(zoho, "/oauth/nonsense") == (404, None)


def asked(zoho: Sandbox, **more: str) -> str:
    params = {
        "client_id": zoho.client.client_id,
        "redirect_uri": "http://127.0.0.1/callback",
        "response_type": "code",
        "scope": "ZohoCRM.modules.ALL",
        **more,
    }
    return f"/oauth/v2/auth?{urlencode(params)}"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("prompt", "login", "prompt=login"),
        ("access_type", "offlin", "access_type=offlin"),
        ("scope", "openid,email", "the scopes of OpenID Connect"),
    ],
)
def test_what_consent_does_not_know_is_refused(
    zoho: Sandbox, name: str, value: str, told: str
) -> None:
    assert get(zoho, asked(zoho, **{name: value})) == (501, told)
    with pytest.raises(ConsentError, match="Not In The Sandbox"):
        zoho.consent(zoho.url + asked(zoho, **{name: value}))


def test_the_implicit_grant_is_refused_as_zoho_would_and_told(zoho: Sandbox) -> None:
    path = asked(zoho, response_type="token")
    assert get(zoho, path) == (400, "response_type=token (the implicit grant)")


def test_an_unknown_value_is_passed_over_and_told_where_the_sandbox_is_not_strict() -> None:
    with Sandbox(strict=False) as zoho:
        assert get(zoho, asked(zoho, prompt="login")) == (200, "prompt=login")


def test_a_parameter_that_oauth_does_not_know_is_passed_over_and_told(zoho: Sandbox) -> None:
    assert get(zoho, asked(zoho, nonce="1")) == (200, "parameter nonce")
    assert get(zoho, asked(zoho, prompt="consent", state="x")) == (200, None)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"grant_type": "device_token"}, "grant_type=device_token"),
        ({"grant_type": "refresh_token", "tenant": "1"}, "parameter tenant"),
    ],
)
def test_what_the_token_endpoint_does_not_know_is_told(
    zoho: Sandbox, fields: dict[str, str], told: str
) -> None:
    client = {
        "client_id": zoho.client.client_id,
        "client_secret": zoho.client.client_secret,
    }
    form = urlencode({**client, **fields}).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = zoho.send(BrowserCall("POST", f"{zoho.url}/oauth/v2/token", kind, form))
    assert answer.headers["x-sandbox-missing"] == told
