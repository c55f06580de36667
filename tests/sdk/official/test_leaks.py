"""Under Zoho's own SDK, evergrant's frames hold no secret where something fails."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evergrant.sandbox import Sandbox
from tests.support.sdk.process import SdkProcess, grant_of
from tests.support.sdk.stores import OUR_SQLITE, OUR_TOKEN
from tests.support.security.tracked_tokens import MARK


@pytest.mark.parametrize("store", [OUR_SQLITE, OUR_TOKEN])
def test_a_store_that_fails_at_any_step_under_the_sdk(
    start: Callable[..., SdkProcess], store: str, zoho: Sandbox
) -> None:
    process = start(store)
    process("initialize", **grant_of(zoho, "alice@example.com"))
    token = {
        "user_name": "bob@example.com:1",
        "client_id": "1000.ID",
        "client_secret": MARK * 5,
        "refresh_token": f"1000.r{MARK}",
        "access_token": f"1000.a{MARK}",
        "expires_in": "32503680000000",
        "api_domain": zoho.url,
    }
    *found, count = process("leaks", mark=MARK, every=3, **token)
    assert int(count) > 20
    assert found == []
