"""The token files of other tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adopt.test_found import ACCESS, LATER, REFRESH, found_in, write

TOOLS: dict[str, tuple[object, str, str | None]] = {
    "singer": (
        {"refresh_token": REFRESH, "client_id": "1000.C", "client_secret": "s",
         "start_date": "2020-01-01T00:00:00Z", "user_agent": "tap", "request_timeout": 300},
        "Singer configuration", None,
    ),
    "airbyte": (
        {"connectionConfiguration": {"client_id": "1000.C", "client_secret": "s", "edition": "Free",
         "refresh_token": REFRESH, "dc_region": "AU", "environment": "Production"}},
        "Airbyte configuration", "au",
    ),
    "nango": (
        [{"connection_id": "acme", "provider": "zoho-crm", "connection_config": {"extension": "ca"},
          "credentials": {"type": "OAUTH2", "access_token": ACCESS, "refresh_token": REFRESH,
            "expires_at": "2026-03-01T12:30:00.000Z", "raw": {"expires_in": 3600},
            "config_override": {"client_id": "1000.C", "client_secret": "s"}}}],
        "Nango export", "ca",
    ),
    "n8n": (
        [{"name": "Zoho account", "type": "zohoOAuth2Api", "data": {
            "clientId": "1000.C", "clientSecret": "s", "scope": "ZohoCRM.modules.ALL",
            "accessTokenUrl": "https://accounts.zoho.eu/oauth/v2/token",
            "oauthTokenData": {"access_token": ACCESS, "refresh_token": REFRESH,
                               "api_domain": "https://www.zohoapis.eu", "expires_in": 3600}}}],
        "n8n credential", "eu",
    ),
    "pipeshub": (
        {"auth": {"clientId": "1000.C", "clientSecret": "s", "domain": "US"},
         "credentials": {"access_token": ACCESS, "refresh_token": REFRESH}},
        "PipesHub connector", "us",
    ),
    "zoho-cli": (
        {"refresh_token": REFRESH, "access_token": ACCESS, "dc": "eu", "client_id": "1000.C",
         "access_token_expires_at": "2026-03-01T12:30:00Z", "scopes": "Desk.x.y,ZohoCRM.a.ALL",
         "accounts_url": "https://accounts.zoho.eu", "api_domain": "https://www.zohoapis.eu"},
        "JSON token file", "eu",
    ),
    "camel case": (
        {"accessToken": ACCESS, "refreshToken": REFRESH, "clientId": "1000.C",
         "expiresAt": int(LATER.timestamp() * 1000), "tokenType": "Bearer"},
        "JSON in camelCase", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("tool", TOOLS)
def test_the_files_of_other_tools(tmp_path: Path, tool: str) -> None:
    document, shape, code = TOOLS[tool]
    write(tmp_path, "config/settings.json", document)
    [found] = found_in(tmp_path)
    assert (found.shape, found.data_center) == (shape, code)
    assert found.token.refresh_token == REFRESH
    assert found.token.client_id == "1000.C"
    assert found.source == "config/settings.json"
