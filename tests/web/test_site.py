"""Which addresses of a site people may be sent to, and which requests are its own."""

from __future__ import annotations

import pytest

from evergrant.integrations.urls import LoginUrls, is_cross_site, safe_path


@pytest.mark.parametrize(
    ("target", "safe"),
    [
        (None, "/"), ("", "/"), ("/a?b=c#d", "/a?b=c#d"), ("a", "/"), ("http:/x", "/"),
        ("//x", "/"), ("/\\x", "/"), ("\\\\x", "/"), ("/a\nb", "/"), ("/ä", "/"),
        ("javascript:x", "/"),
    ],
)  # fmt: skip
def test_a_target_is_a_path_of_this_site(target: str | None, safe: str) -> None:
    assert safe_path(target) == safe


@pytest.mark.parametrize(
    ("target", "goes"),
    [
        ("/crm/leads?x=1", "/crm/leads?x=1"), (None, "/crm/"), ("//x", "/crm/"),
        ("/zoho/login", "/zoho/login"), ("/crm/zoho/loginx", "/crm/zoho/loginx"),
        ("/crm/zoho/login", "/crm/"), ("/crm/zoho/login?next=/a", "/crm/"),
        ("/crm/zoho/login/", "/crm/"), ("/crm//zoho/login#a", "/crm/"),
        ("/crm/a/../zoho/callback", "/crm/"), ("/crm/zoho/%6cogin", "/crm/"),
        ("/crm/zoho/logout", "/crm/"),
    ],
)  # fmt: skip
def test_nobody_is_sent_to_the_login_for_ever(target: str | None, goes: str) -> None:
    assert LoginUrls.mounted_at("/crm/", "/zoho").target(target) == goes


def test_what_an_app_is_mounted_below_may_be_anything() -> None:
    site = LoginUrls.mounted_at("/größe", "/zoho")
    assert site.login == "/gr%C3%B6%C3%9Fe/zoho/login"
    assert site.is_login_page("/gr%C3%B6%C3%9Fe/zoho/login")
    assert LoginUrls.mounted_at("", "/zoho") == LoginUrls()


@pytest.mark.parametrize(
    ("headers", "elsewhere"),
    [
        ({}, False),
        ({"Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://here:80", "Host": "here:80"}, True),
        ({"Origin": "http://here:80", "Host": "here:80"}, False),
        ({"Origin": "http://here:81", "Host": "here:80"}, True),
        ({"Origin": "null", "Host": "here:80"}, True),
        ({"Origin": "", "Host": "here:80"}, True),
        ({"Origin": "https://evil.example"}, True),
    ],
)
def test_a_form_of_another_site_is_told_from_our_own(
    headers: dict[str, str], *, elsewhere: bool
) -> None:
    assert is_cross_site(headers.get) is elsewhere
