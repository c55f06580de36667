"""What the store knows is answered fresh, as the row that is meant and no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from evergrant import Token, TokenStore
from evergrant.errors import Throttled, UntrustedServer
from evergrant.sandbox import Sandbox
from evergrant.zohocrmsdk.bridge import SDKBridge
from evergrant.zohocrmsdk.sdk_config import SDKConfig
from tests.support.sdk.bridge import ALICE, BOB, CAROL, Asked

LogIn = Callable[[str], Token]


@pytest.fixture
def log_in(bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox) -> LogIn:
    def log_in(user: str) -> Token:
        token = bridge.resolve(asked(grant_token=zoho.grant_code(user)), config)
        assert token is not None
        return token

    return log_in


def refreshes(zoho: Sandbox) -> int:
    return zoho.calls.count(grant_type="refresh_token")


def test_a_valid_token_is_answered_without_asking_zoho(
    bridge: SDKBridge, config: SDKConfig, zoho: Sandbox, log_in: LogIn
) -> None:
    alice = log_in(ALICE)
    calls = len(zoho.calls)
    for question in (Token(user_name=alice.user_name), Token(id=alice.id), replace(alice, id=None)):
        assert bridge.resolve(question, config) == alice
    assert len(zoho.calls) == calls


def test_an_expired_token_is_answered_refreshed(
    bridge: SDKBridge, config: SDKConfig, zoho: Sandbox, log_in: LogIn
) -> None:
    alice = log_in(ALICE)
    zoho.clock.advance(hours=1)
    answer = bridge.resolve(Token(user_name=alice.user_name), config)
    assert answer is not None
    assert answer.access_token != alice.access_token
    assert bridge.resolve(replace(alice), config) == answer, "a stale one in memory is kept"
    assert refreshes(zoho) == 1


def test_what_another_process_refreshed_is_not_refreshed_again(
    bridge: SDKBridge,
    new_desk: Callable[[], SDKBridge],
    config: SDKConfig,
    zoho: Sandbox,
    log_in: LogIn,
) -> None:
    alice = log_in(ALICE)
    zoho.clock.advance(hours=1)
    answer = new_desk().resolve(alice, config)
    assert bridge.resolve(alice, config) == answer
    assert refreshes(zoho) == 1


def test_the_id_decides_unless_it_is_another_users(
    bridge: SDKBridge, config: SDKConfig, log_in: LogIn
) -> None:
    alice, bob = log_in(ALICE), log_in(BOB)
    assert bridge.resolve(Token(id=bob.id, user_name=bob.user_name), config) == bob
    assert bridge.resolve(Token(id=bob.id, user_name=alice.user_name), config) == alice
    other_client = Token(id=bob.id, client_id="1000.OTHER")
    assert bridge.resolve(other_client, config) is None


def test_a_row_that_was_deleted_since_does_not_come_back(
    bridge: SDKBridge, config: SDKConfig, zoho: Sandbox, log_in: LogIn, store: TokenStore
) -> None:
    alice = log_in(ALICE)
    store.delete_tokens()
    assert bridge.resolve(alice, config) is None
    assert store.get_tokens() == []
    assert refreshes(zoho) == 0


def test_the_last_answer_is_at_hand_until_anybody_changes_the_store(
    bridge: SDKBridge,
    new_desk: Callable[[], SDKBridge],
    config: SDKConfig,
    zoho: Sandbox,
    log_in: LogIn,
) -> None:
    alice = log_in(ALICE)
    question = (None, alice.user_name, alice.client_id)
    assert bridge.cached(*question) is None
    answer = bridge.resolve(Token(user_name=alice.user_name, client_id=alice.client_id), config)
    assert bridge.cached(*question) == answer == alice
    zoho.clock.advance(hours=1)
    assert bridge.cached(*question) is None, "it has expired"
    zoho.clock.advance(hours=-1)
    assert bridge.cached(*question) == alice
    new_desk().store.delete_token(str(alice.id))
    assert bridge.cached(*question) is None, "another process has deleted it"


def test_nobody_is_at_hand_for_a_question_that_names_nobody(
    bridge: SDKBridge, log_in: LogIn
) -> None:
    log_in(ALICE)
    assert bridge.cached(None, None, None) is None


def test_a_token_of_another_data_center_is_refreshed_there(
    bridge: SDKBridge, zoho: Sandbox, asked: Asked, config: SDKConfig
) -> None:
    eu = zoho.data_center("eu")
    there = SDKConfig(f"{eu.accounts_url}/oauth/v2/token", eu.api_url)
    carol = bridge.resolve(asked(grant_token=zoho.grant_code(CAROL)), there)
    assert carol is not None
    zoho.clock.advance(hours=1)
    assert bridge.resolve(Token(user_name=carol.user_name), config) != carol
    assert refreshes(zoho) == 1


def test_a_stranger_in_a_row_gets_no_secret(
    bridge: SDKBridge, config: SDKConfig, zoho: Sandbox, log_in: LogIn, store: TokenStore
) -> None:
    alice = log_in(ALICE)
    store.save_token(replace(alice, api_domain="https://www.zohoapis.com.evil.example"))
    zoho.clock.advance(hours=1)
    with pytest.raises(UntrustedServer):
        bridge.resolve(Token(user_name=alice.user_name), config)
    assert refreshes(zoho) == 0


def test_a_rejected_token_is_refreshed_once(
    bridge: SDKBridge, config: SDKConfig, zoho: Sandbox, log_in: LogIn
) -> None:
    alice = log_in(ALICE)
    refreshed = bridge.replace_rejected(alice, config)
    assert refreshed.access_token != alice.access_token
    assert bridge.replace_rejected(alice, config) == refreshed
    assert refreshes(zoho) == 1


def test_revoking_by_id_hits_that_one_and_deletes_it(
    bridge: SDKBridge, config: SDKConfig, zoho: Sandbox, log_in: LogIn, store: TokenStore
) -> None:
    alice, bob = log_in(ALICE), log_in(BOB)
    assert bridge.revoke(str(bob.id), config)
    assert store.get_tokens() == [alice]
    assert not bridge.revoke(str(bob.id), config)
    zoho.clock.advance(hours=1)
    assert bridge.resolve(Token(user_name=alice.user_name), config) is not None


def test_a_client_secret_that_was_refreshed_in_the_program_is_used_and_kept(
    bridge: SDKBridge, config: SDKConfig, zoho: Sandbox, log_in: LogIn, store: TokenStore
) -> None:
    alice = log_in(ALICE)
    outdated = store.save_token(replace(alice, client_secret="outdated"))
    assert bridge.resolve(replace(outdated, client_secret=alice.client_secret), config) == outdated
    zoho.clock.advance(hours=1)
    answer = bridge.resolve(replace(outdated, client_secret=alice.client_secret), config)
    assert answer is not None
    assert answer.client_secret == alice.client_secret
    assert refreshes(zoho) == 1


def test_a_throttle_that_one_caller_met_keeps_all_others_from_asking(
    bridge: SDKBridge, config: SDKConfig, zoho: Sandbox, log_in: LogIn
) -> None:
    alice = log_in(ALICE)
    zoho.clock.advance(hours=1)
    zoho.faults.throttle()
    for question in (Token(user_name=alice.user_name), alice, Token(id=alice.id), alice):
        with pytest.raises(Throttled):
            bridge.resolve(question, config)
    assert refreshes(zoho) == 1


def test_an_answer_that_a_grant_led_to_is_not_at_hand_for_another_grant(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, log_in: LogIn, store: TokenStore
) -> None:
    alice, bob = log_in(ALICE), log_in(BOB)
    store.save_token(Token(id="99", client_id="1000.OTHER", access_token="of another client"))
    for token in (alice, bob):
        question = asked(id="99", refresh_token=token.refresh_token)
        assert bridge.resolve(question, config) == token
        assert bridge.cached("99", None, question.client_id) is None
