"""Through the bridge too nobody waits, is sent to Zoho twice, or stopped by an outage."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from evergrant import Token
from evergrant.errors import CodeSpent, StoreUnavailable
from evergrant.events import Event, StoreFailed
from evergrant.sandbox import Sandbox
from evergrant.zohocrmsdk.bridge import SDKBridge
from evergrant.zohocrmsdk.sdk_config import SDKConfig
from tests.support.keeper.idle import until_idle
from tests.support.sdk.bridge import ALICE, Asked


@pytest.fixture
def alice(bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox) -> Token:
    token = bridge.resolve(asked(grant_token=zoho.grant_code(ALICE)), config)
    assert token is not None
    return token


def refreshes(zoho: Sandbox) -> int:
    return zoho.calls.count(grant_type="refresh_token")


def test_a_token_in_its_last_minutes_is_answered_while_it_is_refreshed(
    bridge: SDKBridge,
    new_desk: Callable[[], SDKBridge],
    config: SDKConfig,
    zoho: Sandbox,
    alice: Token,
) -> None:
    question = Token(user_name=alice.user_name)
    bridge.resolve(question, config)
    zoho.clock.advance(minutes=57)
    zoho.faults.latency(0.3)
    desks = [bridge, new_desk()]
    for one in desks * 5:
        assert one.cached(None, alice.user_name, None) is None
        assert one.resolve(question, config) == alice
    for one in desks:
        until_idle(one._manager(config))
    assert refreshes(zoho) == 1
    refreshed = bridge.resolve(question, config)
    assert refreshed is not None
    assert refreshed.access_token != alice.access_token
    assert bridge.cached(None, alice.user_name, None) == refreshed


def test_a_store_that_is_gone_does_not_stop_who_has_a_token(
    bridge: SDKBridge,
    config: SDKConfig,
    alice: Token,
    events: list[Event],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreUnavailable("the server is gone")

    question = Token(user_name=alice.user_name)
    bridge.resolve(question, config)
    for name in ("change_counter", "find_token", "find_token_by_id"):
        monkeypatch.setattr(bridge.store, name, fail)
    for _ in range(100):
        assert bridge.resolve(question, config) == alice
    assert len([event for event in events if isinstance(event, StoreFailed)]) == 1
    with pytest.raises(StoreUnavailable):
        bridge.resolve(Token(user_name="nobody"), config)


def test_workers_that_begin_with_one_code_send_it_once(
    new_desk: Callable[[], SDKBridge], config: SDKConfig, asked: Asked, zoho: Sandbox, alice: Token
) -> None:
    code = zoho.grant_code("bob@example.com")
    found = [new_desk().resolve(asked(grant_token=code), config) for _ in range(3)]
    assert len({token.id for token in found if token}) == 1
    assert zoho.calls.count(grant_type="authorization_code") == 2, "alice's, and this one"
    for token in found:
        assert token is not None
        assert token.user_name != alice.user_name


def test_workers_wait_for_the_one_that_exchanges_however_slow_zoho_is(
    new_desk: Callable[[], SDKBridge],
    config: SDKConfig,
    asked: Asked,
    zoho: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evergrant.zohocrmsdk.bridge.SAVING_S", 0.01)
    question = asked(grant_token=zoho.grant_code(ALICE))
    zoho.faults.latency(0.5)
    desks = [new_desk() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda bridge: bridge.resolve(question, config), desks))
    assert len({token.access_token for token in found if token}) == 1
    assert zoho.calls.count(grant_type="authorization_code") == 1


def test_a_code_whose_answer_was_lost_is_an_error_in_every_worker(
    new_desk: Callable[[], SDKBridge],
    config: SDKConfig,
    asked: Asked,
    zoho: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evergrant.zohocrmsdk.bridge.SAVING_S", 0.01)
    monkeypatch.setattr("evergrant._core.code_registry.EXCHANGE_TIMEOUT_MS", 10)
    code = zoho.grant_code(ALICE)
    zoho.faults.drop_answer()
    errors = []
    for _ in range(3):
        try:
            new_desk().resolve(asked(grant_token=code), config)
        except Exception as error:  # noqa: BLE001 - which ones is the question
            errors.append(type(error).__name__)
    assert errors == ["AccountsUnavailable", CodeSpent.__name__, CodeSpent.__name__]
    assert zoho.calls.count(grant_type="authorization_code") == 1
