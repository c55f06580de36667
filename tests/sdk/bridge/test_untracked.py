"""A store that cannot tell that it was changed: what the bridge changes itself, it knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evergrant import Token
from evergrant.sandbox import Sandbox
from evergrant.stores.adapter import adapt
from evergrant.zohocrmsdk.bridge import SDKBridge
from evergrant.zohocrmsdk.sdk_config import SDKConfig
from tests.support.sdk.bridge import ALICE, Asked
from tests.support.stores.six_methods import Plain

Change = Callable[[SDKBridge, Token, SDKConfig], object]

CHANGES: dict[str, Change] = {
    "delete": lambda bridge, token, _: bridge.delete(token.id or ""),
    "delete all": lambda bridge, _token, _config: bridge.delete_all(),
    "revoke": lambda bridge, token, config: bridge.revoke(token.id or "", config),
    "refresh": lambda bridge, token, config: bridge.replace_rejected(token, config),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_token_that_is_gone_is_still_at_hand(
    change: str, zoho: Sandbox, config: SDKConfig, asked: Asked, boat: Path
) -> None:
    bridge = SDKBridge(
        adapt(Plain()), data_centers=zoho.data_centers, clock=zoho.clock, lifeboat=boat
    )
    first = bridge.resolve(asked(grant_token=zoho.grant_code(ALICE)), config)
    assert first is not None
    assert (
        bridge.resolve(Token(id=first.id), config) == first == bridge.cached(first.id, None, None)
    )
    CHANGES[change](bridge, first, config)
    assert bridge.cached(first.id, None, None) is None
    bridge.close()
