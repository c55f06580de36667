"""Zoho's data centers: every documented host is known, and nothing that only looks like one."""

from __future__ import annotations

import pytest

from evergrant.datacenter import ZOHO, DataCenter, DataCenters
from evergrant.errors import ConfigError, UntrustedServer

HOSTS = {
    "us": ("accounts.zoho.com", "zohoapis.com", "content.zohoapis.com"),
    "eu": ("accounts.zoho.eu", "zohoapis.eu", "content.zohoapis.eu"),
    "in": ("accounts.zoho.in", "zohoapis.in", "content.zohoapis.in"),
    "au": ("accounts.zoho.com.au", "zohoapis.com.au", "content.zohoapis.com.au"),
    "cn": ("accounts.zoho.com.cn", "zohoapis.com.cn", "content.zohoapis.com.cn"),
    "jp": ("accounts.zoho.jp", "zohoapis.jp", "content.zohoapis.jp"),
    "ca": ("accounts.zohocloud.ca", "zohoapis.ca", "upload.zohocloud.ca"),
    "sa": ("accounts.zoho.sa", "zohoapis.sa", "files.zoho.sa"),
    "uk": ("accounts.zoho.uk", "zohoapis.uk", None),
    "ae": ("accounts.zoho.ae", "zohoapis.ae", None),
}
"""Accounts host, API domain and upload host by location, as Zoho's pages and its SDK have them."""

LOOK_ALIKES = [
    "https://{host}.evil.io",
    "https://evil.io/{host}",
    "https://evil.io?{host}",
    "https://evil.io#{host}",
    "https://{host}@evil.io",
    "https://evil.io@{host}",
    "https://user:password@{host}",
    "https://evil.io\\@{host}",
    "https://{host}\\.evil.io",
    "https://{host}\\@evil.io",
    "https://evil-{host}",
    "https://evil{host}",
    "https://x.{host}",
    "http://{host}",
    "ftp://{host}",
    "javascript://{host}",
    "//{host}",
    "{host}",
    "https:{host}",
    "https:/{host}",
    "https:///{host}",
    "https://{host}:8443",
    "https://{host}:80",
    "https://{host}:99999",
    "https://{host}:x",
    "https://{host}:-1",
    "https://{host}/oauth",
    "https://{host}//",
    "https://{host}/.",
    "https://{host}/%2e",
    "https://{host}?x=1",
    "https://{host}#x",
    "https://{host}.",
    "https://{host}..",
    "https://.{host}",
    "https://{host}%2eevil.io",
    "https://{host}%00.evil.io",
    "https://{host}\x00.evil.io",
    "https://{host}\t",
    "https://{host}\n.evil.io",
    "\thttps://{host}",
    " https://{host}",
    "https://{host} ",
    "https://{host}\u00a0",
    "https://{host}\u200b",
    "https://{host}\u202e",
    "https://{host}\uff0fevil.io",
    "https://[{host}]",
    "https://[::1]",
    "https://[",
    "https://127.0.0.1",
    "",
    " ",
    "https://",
]


def lettered(host: str, letter: str, other: str) -> str:
    return host.replace(letter, other, 1)


@pytest.mark.parametrize("code", HOSTS)
def test_every_documented_host_is_known(code: str) -> None:
    accounts, api, upload = HOSTS[code]
    center = ZOHO.by_code(code)
    assert center.accounts_url == f"https://{accounts}"
    assert center.api_url == f"https://www.{api}"
    assert center.upload_url == (upload and f"https://{upload}")
    assert ZOHO.by_accounts_url(f"https://{accounts}") is center
    assert ZOHO.by_api_domain(f"https://www.{api}") is center


@pytest.mark.parametrize("code", [code for code in HOSTS if code not in ("uk", "ae")])
@pytest.mark.parametrize("environment", ["sandbox", "developer"])
def test_sandbox_and_developer_orgs_have_hosts_of_their_own(code: str, environment: str) -> None:
    url = f"https://{environment}.{HOSTS[code][1]}"
    center = ZOHO.by_code(code)
    assert getattr(center, f"{environment}_url") == url
    assert ZOHO.by_api_domain(url) is center


def test_the_list_is_complete_and_begins_in_the_us() -> None:
    assert ZOHO.codes == tuple(HOSTS)


@pytest.mark.parametrize("spelling", ["US", "Us", "us"])
def test_a_code_is_known_in_any_case(spelling: str) -> None:
    assert ZOHO.by_code(spelling).code == "us"


@pytest.mark.parametrize("code", ["", "xx", "us ", "u\u017f", "us,eu", "../us"])
def test_an_unknown_code_is_refused_with_the_list(code: str) -> None:
    with pytest.raises(ConfigError, match="us, eu, in"):
        ZOHO.by_code(code)


@pytest.mark.parametrize(
    "spelling",
    [
        "https://accounts.zoho.eu/",
        "HTTPS://ACCOUNTS.ZOHO.EU",
        "https://accounts.zoho.eu:443",
        "https://accounts.zoho.eu:443/",
    ],
)
def test_other_spellings_of_the_same_server_are_the_same_server(spelling: str) -> None:
    assert ZOHO.by_accounts_url(spelling) is ZOHO.by_code("eu")


@pytest.mark.parametrize("code", HOSTS)
@pytest.mark.parametrize("look_alike", LOOK_ALIKES)
def test_a_look_alike_is_refused(code: str, look_alike: str) -> None:
    accounts, api, _ = HOSTS[code]
    with pytest.raises(UntrustedServer):
        ZOHO.by_accounts_url(look_alike.format(host=accounts))
    with pytest.raises(UntrustedServer):
        ZOHO.by_api_domain(look_alike.format(host=f"www.{api}"))


@pytest.mark.parametrize(
    ("letter", "other"),
    [
        ("o", "\u043e"),
        ("a", "\u0430"),
        ("o", "\u03bf"),
        ("o", "0"),
        ("c", "\uff43"),
        (".", "\u3002"),
    ],
)
def test_a_letter_of_another_alphabet_is_another_host(letter: str, other: str) -> None:
    with pytest.raises(UntrustedServer):
        ZOHO.by_accounts_url(f"https://{lettered('accounts.zoho.com', letter, other)}")
    with pytest.raises(UntrustedServer):
        ZOHO.by_accounts_url("https://xn--accunts-zjg.zoho.com")
    assert not ZOHO.by_code("us").serves(
        f"https://{lettered('www.zohoapis.com', letter, other)}/crm"
    )


def test_a_kelvin_sign_is_no_k() -> None:
    # Its lower case is a plain k.
    with pytest.raises(UntrustedServer):
        ZOHO.by_accounts_url("https://accounts.zoho.u\u212a")


def test_an_api_host_is_no_accounts_server_and_the_other_way_round() -> None:
    with pytest.raises(UntrustedServer):
        ZOHO.by_accounts_url("https://www.zohoapis.com")
    with pytest.raises(UntrustedServer):
        ZOHO.by_api_domain("https://accounts.zoho.com")


def test_canadas_accounts_server_is_not_built_from_its_api() -> None:
    with pytest.raises(UntrustedServer):
        ZOHO.by_accounts_url("https://accounts.zoho.ca")


def test_a_refusal_shows_what_was_refused_on_one_line() -> None:
    with pytest.raises(UntrustedServer) as refused:
        ZOHO.by_accounts_url("https://evil.io/\nall is well")
    assert "evil.io" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


# --- Whose URL is it --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://www.zohoapis.eu/crm/v8/Leads",
        "https://www.zohoapis.eu",
        "https://www.zohoapis.eu:443/crm/v8/Leads",
        "https://sandbox.zohoapis.eu/crm/v8/Leads",
        "https://developer.zohoapis.eu/crm/v8/Leads",
        "https://content.zohoapis.eu/crm/v8/upload",
        "https://accounts.zoho.eu/oauth/user/info",
        "https://download-accl.zoho.eu/file",
        "https://www.zohoapis.eu/crm/v8/Leads/search?email=alice@example.com",
        "https://www.zohoapis.eu/crm/v8/users/alice@example.com",
        "https://www.zohoapis.eu/crm/v8/Leads?next=https://evil.io",
    ],
)
def test_a_data_center_owns_its_urls(url: str) -> None:
    assert ZOHO.by_code("eu").serves(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.zohoapis.com/crm/v8/Leads",
        "https://accounts.zoho.com/oauth/v2/token",
        "http://www.zohoapis.eu/crm/v8/Leads",
        "https://www.zohoapis.eu:8443/crm/v8/Leads",
        "https://www.zohoapis.eu.evil.io/crm/v8/Leads",
        "https://evilzohoapis.eu/crm/v8/Leads",
        "https://evil.io/www.zohoapis.eu",
        "https://evil.io?.zohoapis.eu",
        "https://evil.io#.zohoapis.eu",
        "https://evil.io\\.zohoapis.eu",
        "https://evil.io%2f.zohoapis.eu/crm",
        "https://evil.io%23.zohoapis.eu/crm",
        "https://evil.io;.zohoapis.eu/crm",
        "https://evil.io,.zohoapis.eu/crm",
        "https://evil.io\u2044.zohoapis.eu/crm",
        "https://www.zohoapis.eu@evil.io/crm",
        "https://user@www.zohoapis.eu/crm",
        "https://.zohoapis.eu/crm",
        "https://a..zohoapis.eu/crm",
        "https://www.zohoapis.eu./crm",
        "https://[::1].zohoapis.eu/crm",
        "//www.zohoapis.eu/crm",
        "www.zohoapis.eu",
        "",
    ],
)
def test_a_data_center_does_not_own_what_is_elsewhere(url: str) -> None:
    assert not ZOHO.by_code("eu").serves(url)


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("eu", "eu"), ("EU", "eu"), ("US", "us"), ("com", "us"), (".com", "us"), ("com.au", "au"),
        (".com.cn", "cn"), ("in", "in"), (".in", "in"), ("zoho.eu", "eu"), ("zohocloud.ca", "ca"),
        ("accounts.zoho.eu", "eu"), ("https://accounts.zoho.com.au", "au"),
        ("https://accounts.zoho.in/oauth/v2/token", "in"), ("https://www.zohoapis.jp", "jp"),
        ("https://desk.zoho.com/api/v1", "us"), ("https://accounts.zohocloud.ca/", "ca"),
    ],
)  # fmt: skip
def test_a_data_center_is_found_by_what_people_write(word: str, code: str) -> None:
    assert ZOHO.by_name(word).code == code
    local = "http://127.0.0.1:1"
    stand_ins = DataCenters(DataCenter.custom(local, local, code=code))
    assert stand_ins.by_name(word).accounts_url == local
    assert stand_ins.by_name(f"{local}/oauth/v2/token").code == code


@pytest.mark.parametrize(
    "word", ["", "mars", "zoho.com.evil.example", "https://accounts.zoho.eu@evil.example", "co.uk"]
)
def test_what_names_no_data_center_is_refused(word: str) -> None:
    with pytest.raises(ConfigError, match="is no data center of Zoho"):
        ZOHO.by_name(word)
