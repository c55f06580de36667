"""What the environment says of Zoho, by the names that programs have already."""

from __future__ import annotations

import pytest

from evergrant._environment import ZohoEnvironment, read_zoho_environment
from evergrant.config import load_settings
from evergrant.errors import ConfigError

CLIENT = {"ZOHO_CLIENT_ID": "1000.A", "ZOHO_CLIENT_SECRET": "canary-secret"}
GRANT = {**CLIENT, "ZOHO_REFRESH_TOKEN": "canary-refresh"}


def test_nothing_is_there() -> None:
    assert read_zoho_environment({"PATH": "/bin", "ZOHO_DC": ""}) == ZohoEnvironment()


@pytest.mark.parametrize("around", ["{}", "{}\n", "{}\r\n", ' "{}" ', "'{}'", '"{}"\n'])
def test_line_ends_and_quotes_are_no_part_of_a_value(around: str) -> None:
    found = read_zoho_environment({name: around.format(value) for name, value in GRANT.items()})
    assert found.client_id == "1000.A"
    assert found.client_secret is not None
    assert found.client_secret.reveal() == "canary-secret"
    assert found.refresh_token is not None
    assert found.refresh_token.reveal() == "canary-refresh"
    assert "canary" not in repr(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ZOHO_DC", "EU"), ("ZOHO_REGION", ".eu"), ("ZOHO_DATA_CENTER", "zoho.eu"),
        ("ZOHO_ACCOUNTS_URL", "https://accounts.zoho.eu"),
        ("ZOHO_ACCOUNTS_HOST", "accounts.zoho.eu"),
        ("ZOHO_TOKEN_URL", "https://accounts.zoho.eu/oauth/v2/token"),
        ("ZOHO_API_DOMAIN", "https://www.zohoapis.eu"),
    ],
)  # fmt: skip
def test_the_data_center_has_many_names(name: str, value: str) -> None:
    assert read_zoho_environment({name: value}).data_center == "eu"


@pytest.mark.parametrize("name", ["ZOHO_ACCOUNTS_URL", "ZOHO_TOKEN_URL", "ZOHO_API_DOMAIN"])
def test_the_address_of_a_sandbox_counts_only_where_a_sandbox_is_used(name: str) -> None:
    variables = {name: "http://127.0.0.1:8790/x", "ZOHO_DC": "eu"}
    sandboxed = {**variables, "EVERGRANT_SANDBOX": "http://127.0.0.1:8790"}
    assert read_zoho_environment(sandboxed).data_center == "eu"
    with pytest.raises(ConfigError, match="names no data center"):
        read_zoho_environment(variables)
    elsewhere = {**sandboxed, name: "http://canary.example"}
    with pytest.raises(ConfigError, match="names no data center"):
        read_zoho_environment(elsewhere)


def test_org_and_redirect_have_two_names() -> None:
    found = read_zoho_environment(
        {"ZOHO_ORGANIZATION_ID": "7", "ZOHO_REDIRECT_URI": "http://127.0.0.1/x"}
    )
    assert (found.org, found.redirect_url) == ("7", "http://127.0.0.1/x")
    same = {"ZOHO_ORG_ID": "7", "ZOHO_ORGANIZATION_ID": "7"}
    assert read_zoho_environment(same).org == "7"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"ZOHO_DC": "eu", "ZOHO_ACCOUNTS_URL": "https://accounts.zoho.com"},
         r"ZOHO_DC \(eu\) and ZOHO_ACCOUNTS_URL \(us\) contradict"),
        ({"ZOHO_ORG_ID": "7", "ZOHO_ORGANIZATION_ID": "8"},
         "ZOHO_ORG_ID and ZOHO_ORGANIZATION_ID contradict"),
        ({"ZOHO_DC": "canary"}, "ZOHO_DC names no data center"),
        ({"ZOHO_ACCOUNTS_URL": "https://canary.example"}, "ZOHO_ACCOUNTS_URL names no data center"),
        ({"ZOHO_CLIENT_ID": "canary"}, "ZOHO_CLIENT_ID is set, and ZOHO_CLIENT_SECRET is not"),
        ({"ZOHO_REFRESH_TOKEN": "canary"},
         "ZOHO_REFRESH_TOKEN is set, and ZOHO_CLIENT_ID and ZOHO_CLIENT_SECRET is not"),
        ({**CLIENT, "ZOHO_CLIENT_ID": "", "ZOHO_REFRESH_TOKEN": "canary"},
         "ZOHO_CLIENT_SECRET and ZOHO_REFRESH_TOKEN are set, and ZOHO_CLIENT_ID is not"),
    ],
)  # fmt: skip
def test_halves_and_contradictions_are_told_without_values(
    variables: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        read_zoho_environment(variables)
    assert "canary" not in str(caught.value)
    assert caught.value.hint


def test_settings_take_the_client_where_nothing_else_names_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {**CLIENT, "ZOHO_DC": "in"}.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert (settings.client_id, settings.data_center) == ("1000.A", "in")
    assert settings.client_secret == "canary-secret"
    assert not settings.names_store
    monkeypatch.setenv("EVERGRANT_CLIENT_ID", "1000.B")
    settings = load_settings()
    assert (settings.client_id, settings.client_secret, settings.data_center) == (
        "1000.B", None, None,
    )  # fmt: skip
    monkeypatch.setenv("EVERGRANT_CLIENT_ID", "1000.A")
    monkeypatch.setenv("EVERGRANT_DATA_CENTER", "jp")
    settings = load_settings()
    assert (settings.client_secret, settings.data_center) == ("canary-secret", "jp")
