"""The hosts that Zoho's own SDK calls, in the environments that its programs ask for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.sdk.process import NEWER, SdkProcess
from tests.support.sdk.stores import OUR_SQLITE

Start = Callable[..., SdkProcess]

US, EU = "https://www.zohoapis.com", "https://www.zohoapis.eu"
SANDBOX = "https://sandbox.zohoapis.com"
WITH_FLAG = ("8_0", "7_0")


@pytest.mark.parametrize("kind", ["sandbox", "developer"])
@pytest.mark.parametrize("version", NEWER)
def test_a_program_in_the_sandbox_is_not_led_to_production(
    start: Start, version: str, kind: str
) -> None:
    named = [US, None, EU, SANDBOX, f"{US}/", "HTTPS://WWW.zohoapis.com"]
    asked = {"center": "US", "kind": kind.upper(), "api_domains": named}
    us, eu = f"{kind}.zohoapis.com", f"{kind}.zohoapis.eu"
    assert start(OUR_SQLITE, version)("hosts_called", ours=True, **asked) == [
        us,
        us,
        eu,
        us,
        us,
        us,
    ]
    # The SDK's own token comes to another data center, and back from there, one call too late.
    assert set(start(OUR_SQLITE, version)("hosts_called", **asked)) == {us, eu}


@pytest.mark.parametrize("ours", [False, True])
@pytest.mark.parametrize("version", WITH_FLAG)
def test_a_program_that_does_not_follow_its_tokens_stays(
    start: Start, version: str, *, ours: bool
) -> None:
    for center, top in (("US", "com"), ("EU", "eu"), ("IN", "in")):
        for kind, name in (("PRODUCTION", "www"), ("SANDBOX", "sandbox")):
            process = start(OUR_SQLITE, version)
            asked = {"center": center, "kind": kind, "ours": ours, "follows": False}
            hosts = process("hosts_called", api_domains=[US, EU, SANDBOX, None], **asked)
            assert hosts == [f"{name}.zohoapis.{top}"] * 4


@pytest.mark.parametrize("version", NEWER)
def test_a_program_in_production_is_led_by_each_token_alone(start: Start, version: str) -> None:
    process = start(OUR_SQLITE, version)
    named = [SANDBOX, US, EU, None, SANDBOX]
    hosts = process("hosts_called", center="US", kind="PRODUCTION", api_domains=named, ours=True)
    us, eu, sandbox = "www.zohoapis.com", "www.zohoapis.eu", "sandbox.zohoapis.com"
    assert hosts == [sandbox, us, eu, us, sandbox]
