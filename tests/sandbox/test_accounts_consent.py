"""The consent page, and where the browser is sent."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import quote

import pytest

from evergrant.sandbox import ConsentError, Sandbox, Settings
from tests.support.sandbox.accounts_caller import ALICE, CAROL, REDIRECT, Caller, data, query_of


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str, **attrs: str) -> list[dict[str, str | None]]:
        return [has for name, has in self.tags if name == tag and attrs.items() <= has.items()]


def page_at(app: Caller, **params: str) -> Page:
    answer = app.get(app.auth_url(**params).removeprefix(app.base))
    assert answer.status == 200
    return Page(answer.body.decode())


def form_of(page: Page, decision: str) -> dict[str, str]:
    (ticket,), account = page.all("input", name="ticket"), page.all("input", name="account")[0]
    return {
        "ticket": ticket["value"] or "",
        "account": account["value"] or "",
        "decision": decision,
    }


def test_accept_redirects_as_zoho_does(zoho: Sandbox, app: Caller) -> None:
    location = zoho.consent(app.auth_url(state="a b&c"))
    start, _, rest = location.partition("code=")
    code, _, end = rest.partition("&")
    assert start == f"{REDIRECT}?state=a%20b%26c&"
    assert len(code) == len("1000.") + 32 + 1 + 32
    assert end == f"location=us&accounts-server={quote(zoho.url, safe='')}&"


def test_accept_without_state_returns_none(zoho: Sandbox, app: Caller) -> None:
    assert zoho.consent(app.auth_url()).startswith(f"{REDIRECT}?code=1000.")


def test_deny_redirects_with_access_denied(zoho: Sandbox, app: Caller) -> None:
    denied = zoho.consent(app.auth_url(state="s/1"), allow=False)
    assert denied == f"{REDIRECT}?error=access_denied&state=s%2F1"
    assert zoho.consent(app.auth_url(), allow=False) == f"{REDIRECT}?error=access_denied"


def test_a_redirect_uri_with_a_query_keeps_it(zoho: Sandbox) -> None:
    app = Caller(zoho, zoho.add_client(redirect_uris=["https://app.example.com/?a=1"]))
    location = zoho.consent(app.auth_url(redirect_uri="https://app.example.com/?a=1"))
    assert location.startswith("https://app.example.com/?a=1&code=")


def test_a_login_moves_to_the_users_own_data_center(zoho: Sandbox, app: Caller) -> None:
    answer = query_of(zoho.consent(app.auth_url(), CAROL))
    eu = zoho.data_center("eu").accounts_url
    assert (answer["location"], answer["accounts-server"]) == ("eu", eu)
    there = Caller(zoho, data_center="eu").exchange(answer["code"], redirect_uri=REDIRECT)
    assert "access_token" in data(there)


def test_china_is_a_world_of_its_own() -> None:
    with Sandbox(data_centers=("us", "cn")) as zoho:
        us, cn = Caller(zoho), Caller(zoho, data_center="cn")
        assert query_of(zoho.consent(cn.auth_url(), CAROL))["location"] == "cn"
        assert query_of(zoho.consent(us.auth_url()))["location"] == "us"
        for app, user in ((us, CAROL), (cn, ALICE)):
            with pytest.raises(LookupError, match="does not offer"):
                zoho.consent(app.auth_url(), user)


WRONG = [
    ({"client_id": "1000.NOBODY"}, "Invalid Client"),
    ({"redirect_uri": REDIRECT + "/"}, "Invalid Redirect Uri"),
    ({"redirect_uri": REDIRECT.replace("https", "http")}, "Invalid Redirect Uri"),
    ({"redirect_uri": ""}, "Invalid Redirect Uri"),
    ({"scope": "ZohoCRM.modules.ALL ZohoCRM.users.READ"}, "Invalid OAuth Scope"),
    ({"scope": ""}, "Invalid OAuth Scope"),
    ({"response_type": "token"}, "Invalid Response Type"),
    ({"code_challenge": "x", "code_challenge_method": "md5"}, "Invalid Code Challenge Method"),
]


@pytest.mark.parametrize(("params", "title"), WRONG)
def test_a_wrong_request_shows_a_page_and_redirects_nobody(
    zoho: Sandbox, app: Caller, params: dict[str, str], title: str
) -> None:
    with pytest.raises(ConsentError) as caught:
        zoho.consent(app.auth_url(**params))
    assert caught.value.title == title
    answer = app.get(app.auth_url(**params).removeprefix(app.base))
    assert answer.headers["content-type"].startswith("text/html")
    assert "location" not in answer.headers


def test_a_client_that_is_not_enabled_here_shows_a_page(zoho: Sandbox) -> None:
    client = zoho.add_client(redirect_uris=[REDIRECT], data_centers=["eu"])
    with pytest.raises(ConsentError, match="Invalid Client"):
        zoho.consent(Caller(zoho, client).auth_url())


def test_a_loopback_redirect_fits_any_port(zoho: Sandbox, app: Caller) -> None:
    uri = "http://127.0.0.1:54321/callback"
    assert zoho.consent(app.auth_url(redirect_uri=uri)).startswith(f"{uri}?code=")
    code = query_of(zoho.consent(app.auth_url(redirect_uri=uri)))["code"]
    assert "access_token" in data(app.exchange(code, redirect_uri=uri))


NOT_OURS = [
    "http://127.0.0.1:54321/other",
    "http://127.0.0.1:54321/callback?x=1",
    "http://127.0.0.1.evil.example:1/callback",
    "http://127.0.0.1:1@evil.example/callback",
    "http://127.0.0.1:x/callback",
    "http://127.0.0.1:1\r\nX: y/callback",
    "http://127.0.0.1:1/callback\r\nX: y",
    "https://127.0.0.1:1/callback",
    "https://app.example.com:8443/callback",
]


@pytest.mark.parametrize("uri", NOT_OURS)
def test_only_the_port_of_a_loopback_redirect_is_free(zoho: Sandbox, app: Caller, uri: str) -> None:
    with pytest.raises(ConsentError, match="Invalid Redirect Uri"):
        zoho.consent(app.auth_url(redirect_uri=uri))


def test_ports_are_compared_too_when_the_setting_says_so() -> None:
    with Sandbox(settings=Settings(loopback_any_port=False)) as zoho:
        app = Caller(zoho)
        with pytest.raises(ConsentError, match="Invalid Redirect Uri"):
            zoho.consent(app.auth_url(redirect_uri="http://127.0.0.1:54321/callback"))
        exact = app.auth_url(redirect_uri="http://127.0.0.1/callback")
        assert "code" in query_of(zoho.consent(exact))


def test_the_page_offers_every_user_with_every_org(zoho: Sandbox, app: Caller) -> None:
    trial = zoho.add_org("Trial", "sandbox")
    alice = zoho.join(ALICE, trial)
    offered = [radio["value"] for radio in page_at(app).all("input", name="account")]
    assert len(offered) == 4
    assert {f"{ALICE}:{org.zgid}" for org in alice.orgs} <= set(offered)


def test_the_chosen_org_decides_what_the_token_is_for(zoho: Sandbox, app: Caller) -> None:
    trial = zoho.add_org("Trial", "sandbox")
    zoho.join(ALICE, trial)
    for chosen in (trial, trial.zgid):
        code = query_of(zoho.consent(app.auth_url(), org=chosen))["code"]
        granted = data(app.exchange(code, redirect_uri=REDIRECT))
        assert granted["api_domain"] == zoho.data_center("us").sandbox_url


def test_the_page_can_be_used_without_script_sight_or_mouse(app: Caller) -> None:
    page = page_at(app)
    assert page.all("html", lang="en")
    assert page.all("meta", name="viewport")
    assert page.all("fieldset")
    assert page.all("legend")
    assert not page.all("script")
    assert [button["value"] for button in page.all("button")] == ["allow", "deny"]
    assert len(page.all("label")) == len(page.all("input", type="radio")) == 3
    assert sum("checked" in radio for radio in page.all("input", type="radio")) == 1


def test_names_on_the_page_are_escaped(zoho: Sandbox, app: Caller) -> None:
    zoho.add_user("eve'<b>@example.com", first_name="<script>alert(1)</script>")
    page = page_at(app)
    assert not page.all("script")
    assert not page.all("b")
    assert "code" in query_of(zoho.consent(app.auth_url(), "eve'<b>@example.com"))


def test_a_form_is_answered_once(app: Caller) -> None:
    form = form_of(page_at(app), "allow")
    assert app.post("/oauth/v2/approve", **form).status == 302
    again = app.post("/oauth/v2/approve", **form)
    assert again.status == 400
    assert "location" not in again.headers


@pytest.mark.parametrize("change", [{"ticket": "guessed"}, {"account": "eve@example.com:1"}])
def test_a_forged_form_grants_nothing(app: Caller, change: dict[str, str]) -> None:
    answer = app.post("/oauth/v2/approve", **{**form_of(page_at(app), "allow"), **change})
    assert answer.status == 400
    assert "location" not in answer.headers


def test_a_form_is_only_taken_by_post(app: Caller) -> None:
    form = form_of(page_at(app), "allow")
    query = "&".join(f"{name}={quote(value)}" for name, value in form.items())
    assert app.get(f"/oauth/v2/approve?{query}").status == 405


def test_open_pages_are_bounded(zoho: Sandbox, app: Caller) -> None:
    first = form_of(page_at(app), "allow")
    for _ in range(100):
        page_at(app)
    assert len(zoho._state.tickets._open) == 100
    assert app.post("/oauth/v2/approve", **first).status == 400


def test_nobody_may_frame_or_keep_the_page(app: Caller) -> None:
    answer = app.get(app.auth_url().removeprefix(app.base))
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
