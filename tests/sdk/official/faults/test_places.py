"""Where the SDK's calls go: faults 19 and 28. Nothing is sent."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evergrant.sandbox import Sandbox
from tests.support.sdk.process import SdkProcess
from tests.support.sdk.stores import OFFICIAL_FILE, OUR_SQLITE, OUR_TOKEN, sdk_token

Start = Callable[..., SdkProcess]

EU, PATH = "https://www.zohoapis.eu", "/crm/v8/Leads"


@pytest.mark.parametrize("version", ["8_0", "6_0"])
@pytest.mark.parametrize(
    ("store", "right"), [(OFFICIAL_FILE, False), (OUR_SQLITE, False), (OUR_TOKEN, True)]
)
def test_a_token_of_another_data_center_first_goes_astray_then_takes_everybody_along(
    start: Start, zoho: Sandbox, store: str, version: str, *, right: bool
) -> None:
    sdk = start(store, version)
    alice = sdk_token("alice", api_domain=None)
    sdk("save_token", **alice)
    sdk("initialize", user_name=alice["user_name"])
    # As after a login: Zoho says where the token belongs when it grants it.
    sdk("save_token", **alice | {"api_domain": EU})
    (first, then), (second, _) = (sdk("signed", path=PATH) for _ in range(2))
    assert (first, then) == ((EU + PATH, zoho.url) if right else (zoho.url + PATH, EU))
    assert second == EU + PATH
