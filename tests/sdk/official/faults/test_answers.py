"""What the SDK makes of Zoho's answers to token requests: fault 23."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evergrant.sandbox import Sandbox
from tests.support.sdk.process import Refused, SdkProcess
from tests.support.sdk.stores import OFFICIAL_FILE, OUR_SQLITE, OUR_TOKEN

Start = Callable[..., SdkProcess]

ALICE = "alice@example.com"
NO_ANSWER = ["SDKException", "AccountsUnavailable"]


@pytest.mark.parametrize(
    ("store", "answer"), [(OFFICIAL_FILE, ALICE), (OUR_SQLITE, NO_ANSWER), (OUR_TOKEN, NO_ANSWER)]
)
def test_a_token_request_waits_longer_than_the_configured_timeout(
    start: Start, zoho: Sandbox, store: str, answer: object
) -> None:
    sdk = start(store)
    sdk.log_in(ALICE, timeout=1.0)
    zoho.clock.advance(hours=1)
    zoho.faults.latency(2.0)
    assert sdk.outcome("whoami") == answer


@pytest.mark.parametrize(
    ("store", "kinds", "text"),
    [
        (OFFICIAL_FILE, ["SDKException", "JSONDecodeError"], "Exception in saving tokens"),
        (OUR_SQLITE, NO_ANSWER, "answered a web page"),
        (OUR_TOKEN, NO_ANSWER, "answered a web page"),
    ],
)
def test_a_web_page_for_an_answer_is_called_a_failure_to_save(
    start: Start, zoho: Sandbox, store: str, kinds: list[str], text: str
) -> None:
    sdk = start(store)
    sdk.log_in(ALICE)
    zoho.clock.advance(hours=1)
    zoho.faults.html(times=None)
    with pytest.raises(Refused, match=text) as refused:
        sdk("whoami")
    assert refused.value.kinds == kinds
