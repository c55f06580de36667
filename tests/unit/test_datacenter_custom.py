"""Stand-ins for Zoho: unencrypted on this machine only, and knowing nothing but themselves."""

from __future__ import annotations

import pytest

from evergrant.datacenter import DataCenter, DataCenters
from evergrant.errors import ConfigError, UntrustedServer


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000",
        "http://127.0.0.1:8000",
        "http://127.8.9.1:8000",
        "http://[::1]:8000",
        "https://zoho.test",
        "https://zoho.test:8443",
    ],
)
def test_a_stand_in_is_https_or_on_this_machine(url: str) -> None:
    center = DataCenter.custom(url, f"{url}/")
    assert center.accounts_url == center.api_url == url
    assert center.serves(f"{url}/crm/v8/Leads")
    assert DataCenters(center).by_accounts_url(url) is center


@pytest.mark.parametrize(
    "url",
    [
        "http://zoho.test",
        "http://192.168.1.7:8000",
        "http://0.0.0.0:8000",
        "http://[::]:8000",
        "http://localhost.evil.io",
        "http://127.0.0.1.evil.io",
        "http://2130706433",
        "http://127.1",
        "http://localhost@evil.io",
        "http://evil.io#localhost",
        "http://localhost\\@evil.io",
        "ftp://localhost",
        "localhost:8000",
        "http://",
        "http://[",
        "http://[::1",
        "http://localhost:port",
        "http://localhost:8000/path",
        "http://localhost:8000?x=1",
        "http://localhost:8000#x",
        "",
    ],
)
@pytest.mark.parametrize("place", ["accounts_url", "api_url", "sandbox_url", "developer_url"])
def test_a_stand_in_that_would_leak_is_refused(url: str, place: str) -> None:
    if url == "" and place in ("sandbox_url", "developer_url"):
        return  # as good as none
    urls = {"accounts_url": "http://localhost", "api_url": "http://localhost", place: url}
    with pytest.raises(ConfigError):
        DataCenter.custom(**urls)


@pytest.mark.parametrize("url", ["http://LOCALHOST:80/", "http://localhost?", "http://localhost/#"])
def test_a_stand_ins_address_is_kept_in_its_plain_form(url: str) -> None:
    assert DataCenter.custom(url, url).accounts_url == "http://localhost"


def test_a_stand_in_knows_only_its_own_ports() -> None:
    center = DataCenter.custom("http://localhost:8001", "http://localhost:8002")
    assert not center.serves("http://localhost:8003/crm")
    assert not center.serves("http://localhost/crm")
    assert not center.serves("https://localhost:8001/crm")
    with pytest.raises(UntrustedServer):
        DataCenters(center).by_accounts_url("http://localhost:8002")


def test_a_list_of_stand_ins_does_not_know_zoho() -> None:
    center = DataCenter.custom("http://localhost:8001", "http://localhost:8002")
    with pytest.raises(UntrustedServer):
        DataCenters(center).by_accounts_url("https://accounts.zoho.com")
