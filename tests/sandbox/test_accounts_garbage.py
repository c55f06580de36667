"""Whatever is sent, an accounts server answers, and grants nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evergrant.sandbox import Sandbox
from tests.support.sandbox.accounts_caller import FORM, Ask, Caller

PATHS = (
    "/oauth/v2/auth",
    "/oauth/v2/approve",
    "/oauth/v2/token",
    "/oauth/v2/token/revoke",
    "/oauth/v2/revoke/token",
    "/oauth/user/info",
    "/oauth/",
    "/crm/v8/org",
    "/",
)
NAMES = ("client_id", "client_secret", "grant_type", "code", "scope", "soid", "ticket", "token")


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "X"]),
    path=st.sampled_from(PATHS),
    query=st.text(max_size=30),
    pairs=st.lists(st.tuples(st.sampled_from(NAMES), st.binary(max_size=10))),
    authorization=st.one_of(st.text(max_size=20), st.sampled_from(["Basic Og==", "Bearer "])),
)
def test_garbage_is_answered(
    shared: Sandbox,
    method: str,
    path: str,
    query: str,
    pairs: list[tuple[str, bytes]],
    authorization: str,
) -> None:
    body = b"&".join(name.encode() + b"=" + value for name, value in pairs)
    headers = {**FORM, "Authorization": authorization}
    answer = shared.send(Ask(method, f"{Caller(shared).base}{path}?{query}", headers, body))
    assert 200 <= answer.status <= 500
    assert b"access_token" not in answer.body
