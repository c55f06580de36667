"""What the store knows is answered fresh, as the row that is meant and no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bridge_help import ALICE, BOB, CAROL, Asked
from evergrant import Token, TokenStore
from evergrant.errors import Throttled, UntrustedServer
from evergrant.sandbox import Sandbox
from evergrant.zohocrmsdk.desk import Desk
from evergrant.zohocrmsdk.surroundings import Surroundings

LogIn = Callable[[str], Token]


@pytest.fixture
def log_in(desk: Desk, around: Surroundings, asked: Asked, zoho: Sandbox) -> LogIn:
    def log_in(user: str) -> Token:
        token = desk.answer(asked(grant_token=zoho.grant_code(user)), around)
        assert token is not None
        return token

    return log_in


def refreshes(zoho: Sandbox) -> int:
    return zoho.calls.count(grant_type="refresh_token")


def test_a_valid_token_is_answered_without_asking_zoho(
    desk: Desk, around: Surroundings, zoho: Sandbox, log_in: LogIn
) -> None:
    alice = log_in(ALICE)
    calls = len(zoho.calls)
    for question in (Token(user_name=alice.user_name), Token(id=alice.id), replace(alice, id=None)):
        assert desk.answer(question, around) == alice
    assert len(zoho.calls) == calls


def test_an_expired_token_is_answered_renewed(
    desk: Desk, around: Surroundings, zoho: Sandbox, log_in: LogIn
) -> None:
    alice = log_in(ALICE)
    zoho.clock.advance(hours=1)
    answer = desk.answer(Token(user_name=alice.user_name), around)
    assert answer is not None
    assert answer.access_token != alice.access_token
    assert desk.answer(replace(alice), around) == answer, "a stale one in memory is kept"
    assert refreshes(zoho) == 1


def test_what_another_process_renewed_is_not_renewed_again(
    desk: Desk, new_desk: Callable[[], Desk], around: Surroundings, zoho: Sandbox, log_in: LogIn
) -> None:
    alice = log_in(ALICE)
    zoho.clock.advance(hours=1)
    answer = new_desk().answer(alice, around)
    assert desk.answer(alice, around) == answer
    assert refreshes(zoho) == 1


def test_the_id_decides_unless_it_is_another_users(
    desk: Desk, around: Surroundings, log_in: LogIn
) -> None:
    alice, bob = log_in(ALICE), log_in(BOB)
    assert desk.answer(Token(id=bob.id, user_name=bob.user_name), around) == bob
    assert desk.answer(Token(id=bob.id, user_name=alice.user_name), around) == alice
    other_client = Token(id=bob.id, client_id="1000.OTHER")
    assert desk.answer(other_client, around) is None


def test_a_row_that_was_deleted_since_does_not_come_back(
    desk: Desk, around: Surroundings, zoho: Sandbox, log_in: LogIn, store: TokenStore
) -> None:
    alice = log_in(ALICE)
    store.delete_tokens()
    assert desk.answer(alice, around) is None
    assert store.get_tokens() == []
    assert refreshes(zoho) == 0


def test_the_last_answer_is_at_hand_until_anybody_changes_the_store(
    desk: Desk, new_desk: Callable[[], Desk], around: Surroundings, zoho: Sandbox, log_in: LogIn
) -> None:
    alice = log_in(ALICE)
    question = (None, alice.user_name, alice.client_id)
    assert desk.recent(*question) is None
    answer = desk.answer(Token(user_name=alice.user_name, client_id=alice.client_id), around)
    assert desk.recent(*question) == answer == alice
    zoho.clock.advance(hours=1)
    assert desk.recent(*question) is None, "it has expired"
    zoho.clock.advance(hours=-1)
    assert desk.recent(*question) == alice
    new_desk().store.delete_token(str(alice.id))
    assert desk.recent(*question) is None, "another process has deleted it"


def test_nobody_is_at_hand_for_a_question_that_names_nobody(desk: Desk, log_in: LogIn) -> None:
    log_in(ALICE)
    assert desk.recent(None, None, None) is None


def test_a_token_of_another_data_center_is_renewed_there(
    desk: Desk, zoho: Sandbox, asked: Asked, around: Surroundings
) -> None:
    eu = zoho.data_center("eu")
    there = Surroundings(f"{eu.accounts_url}/oauth/v2/token", eu.api_url)
    carol = desk.answer(asked(grant_token=zoho.grant_code(CAROL)), there)
    assert carol is not None
    zoho.clock.advance(hours=1)
    assert desk.answer(Token(user_name=carol.user_name), around) != carol
    assert refreshes(zoho) == 1


def test_a_stranger_in_a_row_gets_no_secret(
    desk: Desk, around: Surroundings, zoho: Sandbox, log_in: LogIn, store: TokenStore
) -> None:
    alice = log_in(ALICE)
    store.save_token(replace(alice, api_domain="https://www.zohoapis.com.evil.example"))
    zoho.clock.advance(hours=1)
    with pytest.raises(UntrustedServer):
        desk.answer(Token(user_name=alice.user_name), around)
    assert refreshes(zoho) == 0


def test_a_rejected_token_is_renewed_once(
    desk: Desk, around: Surroundings, zoho: Sandbox, log_in: LogIn
) -> None:
    alice = log_in(ALICE)
    renewed = desk.renewed(alice, around)
    assert renewed.access_token != alice.access_token
    assert desk.renewed(alice, around) == renewed
    assert refreshes(zoho) == 1


def test_revoking_by_id_hits_that_one_and_deletes_it(
    desk: Desk, around: Surroundings, zoho: Sandbox, log_in: LogIn, store: TokenStore
) -> None:
    alice, bob = log_in(ALICE), log_in(BOB)
    assert desk.revoke(str(bob.id), around)
    assert store.get_tokens() == [alice]
    assert not desk.revoke(str(bob.id), around)
    zoho.clock.advance(hours=1)
    assert desk.answer(Token(user_name=alice.user_name), around) is not None


def test_a_client_secret_that_was_renewed_in_the_program_is_used_and_kept(
    desk: Desk, around: Surroundings, zoho: Sandbox, log_in: LogIn, store: TokenStore
) -> None:
    alice = log_in(ALICE)
    outdated = store.save_token(replace(alice, client_secret="outdated"))
    assert desk.answer(replace(outdated, client_secret=alice.client_secret), around) == outdated
    zoho.clock.advance(hours=1)
    answer = desk.answer(replace(outdated, client_secret=alice.client_secret), around)
    assert answer is not None
    assert answer.client_secret == alice.client_secret
    assert refreshes(zoho) == 1


def test_a_throttle_that_one_caller_met_keeps_all_others_from_asking(
    desk: Desk, around: Surroundings, zoho: Sandbox, log_in: LogIn
) -> None:
    alice = log_in(ALICE)
    zoho.clock.advance(hours=1)
    zoho.faults.throttle()
    for question in (Token(user_name=alice.user_name), alice, Token(id=alice.id), alice):
        with pytest.raises(Throttled):
            desk.answer(question, around)
    assert refreshes(zoho) == 1


def test_an_answer_that_a_grant_led_to_is_not_at_hand_for_another_grant(
    desk: Desk, around: Surroundings, asked: Asked, log_in: LogIn, store: TokenStore
) -> None:
    alice, bob = log_in(ALICE), log_in(BOB)
    store.save_token(Token(id="99", client_id="1000.OTHER", access_token="of another client"))
    for token in (alice, bob):
        question = asked(id="99", refresh_token=token.refresh_token)
        assert desk.answer(question, around) == token
        assert desk.recent("99", None, question.client_id) is None
