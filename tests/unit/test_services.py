"""The table of services: hosts, orgs and errors, as Zoho has them."""

from __future__ import annotations

import pytest

from evergrant import ZOHO, DataCenter
from evergrant.errors import ConfigError
from evergrant.services import SERVICES, Refusal, find_service

EVERY = sorted(SERVICES)
BASES = {
    ("books", "us"): "https://www.zohoapis.com/books/v3",
    ("books", "ca"): "https://www.zohoapis.ca/books/v3",
    ("desk", "us"): "https://desk.zoho.com/api/v1",
    ("desk", "au"): "https://desk.zoho.com.au/api/v1",
    ("desk", "ca"): "https://desk.zohocloud.ca/api/v1",
    ("desk", "ae"): "https://desk.zoho.ae/api/v1",
    ("analytics", "in"): "https://analyticsapi.zoho.in/restapi/v2",
    ("sprints", "eu"): "https://sprintsapi.zoho.eu/zsapi",
    ("workdrive", "cn"): "https://www.zohoapis.com.cn/workdrive/api/v1",
    ("sign", "uk"): "https://sign.zoho.uk/api/v1",
    ("catalyst", "us"): "https://api.catalyst.zoho.com/baas/v1",
}


@pytest.mark.parametrize(("name", "code"), BASES)
def test_a_service_is_where_zoho_has_it(name: str, code: str) -> None:
    assert SERVICES[name].base_url(ZOHO.by_code(code)) == BASES[name, code]


def test_there_are_more_than_twenty_services() -> None:
    assert len(SERVICES) > 20


@pytest.mark.parametrize("name", EVERY)
def test_a_service_is_served_by_its_own_hosts_in_its_own_data_centers_only(name: str) -> None:
    service = SERVICES[name]
    for code in ZOHO.codes:
        here = ZOHO.by_code(code)
        if code not in service.data_centers:
            with pytest.raises(ConfigError, match="not known to be in"):
                service.base_url(here)
            continue
        base = service.base_url(here)
        assert service.serves(f"{base}/anything?at=all", here)
        assert service.serves(base, here)
        assert not service.serves(base.replace("https:", "http:"), here)
        assert not service.serves(base.replace("https://", "https://user@"), here)
        assert not service.serves(f"{here.accounts_url}/oauth/v2/token", here)
        for other in set(service.data_centers) - {code}:
            assert not service.serves(base, ZOHO.by_code(other))


@pytest.mark.parametrize("name", EVERY)
def test_no_service_takes_the_requests_of_another(name: str) -> None:
    here = ZOHO.by_code("us")
    for other in SERVICES.values():
        shares_a_host = {"workdrive"} >= {name, other.name}
        if other.name != name and not shares_a_host:
            assert not SERVICES[name].serves(f"{other.base_url(here)}/x", here), other.name


def test_look_alike_hosts_and_paths_are_refused() -> None:
    books, desk, us = SERVICES["books"], SERVICES["desk"], ZOHO.by_code("us")
    for url in (
        "https://www.zohoapis.com.evil.example/books/v3/x",
        "https://www.zohoapis.com/booksx/v3",
        "https://www.zohoapis.com/inventory/v1",
        "https://www.zohoapis.com:444/books/v3",
        "https://www.zohoapis.com/../books/v3",
        "https://www.zohoapis.com/books/../inventory/v1",
        "https://www.zohoapis.com/books/%2e%2e/inventory/v1",
    ):
        assert not books.serves(url, us), url
    assert not desk.serves("https://desk.zoho.com.evil.example/api/v1", us)


def test_the_org_goes_where_the_service_wants_it() -> None:
    us = ZOHO.by_code("us")
    assert SERVICES["projects"].base_url(us, "77") == "https://projects.zoho.com/api/v3/portal/77"
    assert SERVICES["books"].base_url(us, "77") == "https://www.zohoapis.com/books/v3"
    with pytest.raises(ConfigError, match="takes no org"):
        SERVICES["recruit"].base_url(us, "77")
    for bad in ("", "7/8", "7 8", "7?x=1", "é", "..%2f"):
        with pytest.raises(ConfigError, match="cannot be the id"):
            SERVICES["desk"].base_url(us, bad)


@pytest.mark.parametrize(
    ("name", "status", "body", "meaning"),
    [
        ("crm", 401, '{"code":"INVALID_TOKEN"}', Refusal.DEAD_TOKEN),
        ("crm", 401, '{"code":"OAUTH_SCOPE_MISMATCH"}', Refusal.MISSING_SCOPE),
        ("crm", 401, '{"code":"SOMETHING_ELSE"}', None),
        ("crm", 429, "", Refusal.RATE_LIMIT),
        ("books", 401, '{"code":57,"message":"You are not authorized"}', Refusal.UNCLEAR),
        ("books", 401, '{"code":14,"message":"x"}', Refusal.DEAD_TOKEN),
        ("books", 400, '{"code":57}', None),
        ("books", 429, '{"code":44}', Refusal.RATE_LIMIT),
        ("inventory", 400, '{"code":1070}', Refusal.RATE_LIMIT),
        ("desk", 401, '{"errorCode":"INVALID_OAUTH","message":"x"}', Refusal.DEAD_TOKEN),
        ("desk", 403, '{"errorCode":"SCOPE_MISMATCH"}', Refusal.MISSING_SCOPE),
        ("desk", 403, '{"errorCode":"OAUTH_ORG_MISMATCH"}', None),
        ("analytics", 401, '{"summary":"x","data":{"errorCode":8535}}', Refusal.DEAD_TOKEN),
        ("analytics", 401, '{"data":{"errorCode":8540}}', Refusal.MISSING_SCOPE),
        ("creator", 401, '{"code":1030,"description":"x"}', Refusal.UNCLEAR),
        ("mail", 401, '{"data":{"errorCode":"INVALID_OAUTHTOKEN"}}', Refusal.DEAD_TOKEN),
        ("mail", 401, '[2,{"errorCode":"INVALID_OAUTHSCOPE"}]', Refusal.MISSING_SCOPE),
        ("calendar", 401, '{"error":[{"error_code":"INVALID_OAUTHTOKEN"}]}', Refusal.DEAD_TOKEN),
        ("projects", 401, '{"error":{"title":"INVALID_OAUTHTOKEN"}}', Refusal.DEAD_TOKEN),
        ("projects", 401, '{"error":{"title":"INVALID_OAUTHSCOPE"}}', Refusal.MISSING_SCOPE),
        ("workdrive", 401, '{"errors":[{"id":"F7003","title":"x"}]}', Refusal.DEAD_TOKEN),
        ("workdrive", 401, '{"errors":[{"id":"F7004"}]}', Refusal.MISSING_SCOPE),
        ("sign", 401, '{"code":9041,"status":"failure"}', Refusal.DEAD_TOKEN),
        ("sign", 400, '{"code":9040}', Refusal.MISSING_SCOPE),
        ("campaigns", 401, '{"status":"error","Code":"1007"}', Refusal.UNCLEAR),
        ("bookings", 401, "<html><body>x</body></html>", Refusal.UNCLEAR),
        ("cliq", 401, '{"code":"oauthtoken_scope_invalid"}', Refusal.MISSING_SCOPE),
        ("people", 401, '{"anything":"at all"}', Refusal.UNCLEAR),
        ("people", 200, '{"code":57}', None),
        ("books", 401, "[" * 20_000, None),
        ("books", 401, '{"code":true}', None),
        ("books", 401, "", None),
    ],
)  # fmt: skip
def test_an_answer_is_read_as_its_service_means_it(
    name: str, status: int, body: str, meaning: Refusal | None
) -> None:
    assert SERVICES[name].refusal(status, body.encode()) == meaning


def test_a_service_is_found_by_any_of_its_names() -> None:
    for name in ("books", "Books", "Zoho Books", "ZohoBooks", " zoho books "):
        assert find_service(name) is SERVICES["books"]
    assert find_service("subscriptions") is SERVICES["billing"]
    assert find_service(SERVICES["desk"]) is SERVICES["desk"]
    with pytest.raises(ConfigError, match="no service 'bokos'"):
        find_service("bokos")


def test_a_stand_in_serves_products_where_it_says() -> None:
    stand_in = DataCenter.custom(
        "http://127.0.0.1:1",
        "http://127.0.0.1:1",
        product_host="http://127.0.0.1:1/hosts/{product}",
    )
    desk, recruit = SERVICES["desk"], SERVICES["recruit"]
    assert desk.base_url(stand_in) == "http://127.0.0.1:1/hosts/desk/api/v1"
    assert desk.serves("http://127.0.0.1:1/hosts/desk/api/v1/tickets", stand_in)
    assert not desk.serves("http://127.0.0.1:1/hosts/recruit/recruit/v2", stand_in)
    assert not recruit.serves("http://127.0.0.1:1/recruit/v2", stand_in)
    bare = DataCenter.custom("http://127.0.0.1:1", "http://127.0.0.1:1")
    assert SERVICES["books"].base_url(bare) == "http://127.0.0.1:1/books/v3"
    with pytest.raises(ConfigError, match="has no host for 'desk'"):
        desk.base_url(bare)
    for bad in ("http://127.0.0.1:1/x", "http://evil.example/{product}", "ftp://x/{product}"):
        with pytest.raises(ConfigError):
            DataCenter.custom("http://127.0.0.1:1", "http://127.0.0.1:1", product_host=bad)
