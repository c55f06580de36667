"""Whatever a file holds, a search goes on to the next."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evergrant.adopt import suggest_change
from evergrant.adopt.documents import read_document
from evergrant.adopt.environment import parse_compose, parse_env, read_variables
from evergrant.datacenter import ZOHO
from tests.adopt.test_found import NOW, REFRESH
from tests.support.example_counts import rounds

NAMES = st.sampled_from(
    [
        "access_token", "refreshToken", "client_id", "client_secret", "expires_at", "expires_in",
        "created_at", "scope", "api_domain", "accounts_url", "dc", "org_id", "user_name", "email",
        "data", "auth", "credentials", "connection_config", "raw", "config_override", "type",
        "oauthTokenData", "dc_region", "start_date", "name", "extension",
    ]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(REFRESH),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
)


@rounds(100)
@given(VALUES)
def test_any_json_is_read(value: Any) -> None:
    text = BytesIO(json.dumps(value).encode())
    grants, clients, _ = read_document(text, "zoho.json", ZOHO, NOW, trusted=True)
    for found in (*grants, *clients):
        assert REFRESH not in repr(found)


@rounds(100)
@given(st.binary())
def test_any_bytes_are_read(content: bytes) -> None:
    read_document(BytesIO(content), "zoho.json", ZOHO, NOW, trusted=True)
    text = content.decode("utf-8", "replace")
    for parse in (parse_env, parse_compose):
        read_variables(parse(text), "zoho.env", ZOHO, NOW)


LINES = st.sampled_from(
    [
        "import requests", "def token():", "    return x", "    global t", "class A:",
        'r = requests.post("zoho/oauth/v2/token")', 't = r.json()["access_token"]',
        '    r = post(grant_type="refresh_token")', "    return r.json()", '"""Doc."""',
        "    async def f(self):", "        return await self.token", "x = 1; y = 2", "",
    ]
)  # fmt: skip


@rounds(100)
@given(st.lists(LINES, max_size=12).map("\n".join))
def test_any_program_is_read(text: str) -> None:
    change = suggest_change(text, "app.py")
    if change:
        assert bool(change.diff) != bool(change.by_hand)
