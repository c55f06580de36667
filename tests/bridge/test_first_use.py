"""A grant that the store does not know yet is taken in: once, and before anything can fail."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from bridge_help import ALICE, BOB, Asked
from evergrant import Token, TokenStore
from evergrant.errors import (
    CodeSpent,
    InvalidClient,
    LoginRequired,
    StoreUnavailable,
    TokenNotSaved,
)
from evergrant.events import Event, SaveFailed
from evergrant.sandbox import Sandbox
from evergrant.zohocrmsdk.desk import Desk
from evergrant.zohocrmsdk.surroundings import Surroundings

THREADS = 20


def test_a_token_that_means_nobody_is_answered_by_none(
    desk: Desk, around: Surroundings, asked: Asked, zoho: Sandbox
) -> None:
    for nobody in (Token(), Token(id="9"), Token(user_name="carol"), asked()):
        assert desk.answer(nobody, around) is None
    assert len(zoho.calls) == 0


def test_a_code_is_exchanged_and_stored_under_its_owners_name(
    desk: Desk, around: Surroundings, asked: Asked, zoho: Sandbox, store: TokenStore
) -> None:
    answer = desk.answer(asked(grant_token=zoho.grant_code(ALICE)), around)
    assert answer is not None
    assert answer.user_name == f"{ALICE}:{answer.org_id}"
    assert answer.freshness(zoho.clock()).value == "fresh"
    assert store.get_tokens() == [answer]


def test_a_program_that_names_the_user_itself_is_not_corrected(
    desk: Desk, around: Surroundings, asked: Asked, zoho: Sandbox
) -> None:
    code = zoho.grant_code(ALICE)
    answer = desk.answer(asked(grant_token=code, user_name="our@own.name"), around)
    assert answer is not None
    assert answer.user_name == "our@own.name"
    assert zoho.calls.count(path="/crm/v8/users") == 0


def test_a_program_that_wants_no_name_gets_none(
    desk: Desk, around: Surroundings, asked: Asked, zoho: Sandbox
) -> None:
    code = zoho.grant_code(ALICE)
    answer = desk.answer(asked(grant_token=code), around, find_user=False)
    assert answer is not None
    assert answer.user_name is None
    assert zoho.calls.count(path="/crm/v8/users") == 0


def test_a_grant_without_the_scope_to_ask_whose_it_is_works_without_a_name(
    desk: Desk, around: Surroundings, asked: Asked, zoho: Sandbox
) -> None:
    code = zoho.grant_code(ALICE, scopes=["ZohoCRM.modules.ALL"])
    partial = asked(grant_token=code)
    answer = desk.answer(partial, around)
    assert answer is not None
    assert answer.user_name is None
    calls = len(zoho.calls)
    assert desk.answer(partial, around) == answer
    assert len(zoho.calls) == calls, "each save without a name asks Zoho again"


def test_an_id_that_the_program_chose_is_kept(
    desk: Desk, around: Surroundings, asked: Asked, zoho: Sandbox
) -> None:
    answer = desk.answer(asked(id="tenant-7", grant_token=zoho.grant_code(ALICE)), around)
    assert answer is not None
    assert answer.id == "tenant-7"
    assert desk.answer(Token(id="tenant-7"), around) == answer


def test_twenty_threads_with_one_new_code_exchange_it_once(
    desk: Desk, around: Surroundings, asked: Asked, zoho: Sandbox, store: TokenStore
) -> None:
    partial = asked(grant_token=zoho.grant_code(ALICE))
    answers = at_once(lambda: desk.answer(partial, around))
    assert {answer.access_token for answer in answers if answer} == {
        token.access_token for token in store.get_tokens()
    }
    assert None not in answers
    assert zoho.calls.count(grant_type="authorization_code") == 1


def test_a_process_that_comes_second_with_a_code_takes_what_the_first_one_got(
    desk: Desk, new_desk: Callable[[], Desk], around: Surroundings, asked: Asked, zoho: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    partial = asked(grant_token=zoho.grant_code(ALICE))
    second = new_desk()
    find = second.store.find_token
    late: list[Token | None] = []

    def find_too_early(token: Token) -> Token | None:
        if not late:
            late.append(desk.answer(partial, around))
            return None
        return find(token)

    monkeypatch.setattr(second.store, "find_token", find_too_early)
    assert second.answer(partial, around) == late[0]


def test_a_spent_code_that_nobody_here_exchanged_is_an_error(
    desk: Desk, around: Surroundings, asked: Asked, zoho: Sandbox, store: TokenStore
) -> None:
    partial = asked(grant_token=zoho.grant_code(ALICE))
    desk.answer(partial, around)
    store.delete_tokens()
    with pytest.raises(CodeSpent):
        desk.answer(partial, around)


def test_a_refresh_token_is_used_once_by_all_threads_of_all_processes(
    new_desk: Callable[[], Desk], around: Surroundings, asked: Asked, zoho: Sandbox
) -> None:
    partial = asked(refresh_token=refresh_token_of(ALICE, new_desk(), around, asked, zoho))
    desks = [new_desk(), new_desk()]
    turns = iter(desks * (THREADS // 2))
    answers = at_once(lambda: next(turns).answer(partial, around))
    assert len({answer and answer.access_token for answer in answers}) == 1
    assert zoho.calls.count(grant_type="refresh_token") == 1
    [stored] = desks[0].store.get_tokens()
    assert stored.user_name == f"{ALICE}:{stored.org_id}"


def refresh_token_of(
    user: str, desk: Desk, around: Surroundings, asked: Asked, zoho: Sandbox
) -> str | None:
    """Log in, and forget all but the refresh token."""
    token = desk.answer(asked(grant_token=zoho.grant_code(user)), around)
    desk.store.delete_tokens()
    assert token is not None
    return token.refresh_token


def at_once(work: Callable[[], Token | None]) -> list[Token | None]:
    start = Barrier(THREADS)

    def job(_: int) -> Token | None:
        start.wait()
        return work()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(job, range(THREADS)))


def test_a_refresh_token_that_never_worked_leaves_no_row(
    desk: Desk, around: Surroundings, asked: Asked, store: TokenStore
) -> None:
    with pytest.raises(LoginRequired):
        desk.answer(asked(refresh_token="1000.unknown"), around)
    assert store.get_tokens() == []


def test_a_refresh_token_of_a_client_that_zoho_does_not_know_leaves_no_row(
    desk: Desk, around: Surroundings, asked: Asked, zoho: Sandbox, store: TokenStore
) -> None:
    refresh_token = refresh_token_of(ALICE, desk, around, asked, zoho)
    with pytest.raises(InvalidClient):
        desk.answer(asked(refresh_token=refresh_token, client_id="1000.TYPO"), around)
    assert store.get_tokens() == []


def test_an_id_that_cannot_be_kept_is_told(
    desk: Desk, around: Surroundings, asked: Asked, zoho: Sandbox, store: TokenStore,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    first = desk.answer(asked(grant_token=zoho.grant_code(ALICE)), around)
    again = desk.answer(asked(id="tenant-7", grant_token=zoho.grant_code(ALICE)), around)
    assert first is not None
    assert again is not None
    assert again.id == first.id
    assert "the id tenant-7 is not kept" in caplog.text
    assert len(store.get_tokens()) == 1


def test_an_access_token_alone_is_stored_as_it_is(
    desk: Desk, around: Surroundings, asked: Asked, zoho: Sandbox, store: TokenStore
) -> None:
    known = desk.answer(asked(grant_token=zoho.grant_code(BOB)), around)
    assert known is not None
    store.delete_tokens()
    answer = desk.answer(Token(access_token=known.access_token), around)
    assert answer is not None
    assert (answer.access_token, answer.user_name) == (known.access_token, known.user_name)


def test_a_grant_that_cannot_be_saved_is_said_to_wait_and_is_found_afterwards(
    desk: Desk, around: Surroundings, asked: Asked, zoho: Sandbox, boat: Path,
    events: list[Event], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("evergrant.keeping.saver.PAUSES", ())
    partial = asked(grant_token=zoho.grant_code(ALICE))
    with monkeypatch.context() as broken:
        broken.setattr(desk.store, "save_token", refuse)
        with pytest.raises(TokenNotSaved):
            desk.answer(partial, around)
        assert list(boat.glob("*.json"))
    assert any(isinstance(event, SaveFailed) for event in events)
    answer = desk.answer(partial, around)
    assert answer is not None
    assert answer.user_name == f"{ALICE}:{answer.org_id}"
    assert zoho.calls.count(grant_type="authorization_code") == 1


def refuse(*_: object, **__: object) -> Token:
    raise StoreUnavailable("the disk is full")


def test_a_user_who_logs_in_again_after_a_revocation_is_taken_in(
    desk: Desk, around: Surroundings, asked: Asked, zoho: Sandbox
) -> None:
    first = desk.answer(asked(grant_token=zoho.grant_code(ALICE)), around)
    assert first is not None
    zoho.revoke(ALICE)
    zoho.clock.advance(hours=1)
    named = replace(asked(), user_name=first.user_name)
    with pytest.raises(LoginRequired):
        desk.answer(named, around)
    again = desk.answer(replace(named, grant_token=zoho.grant_code(ALICE)), around)
    assert again is not None
    assert (again.id, again.user_name) == (first.id, first.user_name)
    assert again.refresh_token != first.refresh_token


def test_a_foreign_api_domain_after_the_code_is_spent(
    desk: Desk,
    around: Surroundings,
    asked: Asked,
    zoho: Sandbox,
    store: TokenStore,
    caplog: pytest.LogCaptureFixture,
) -> None:
    foreign = "https://api.zoho.example"
    body = b'{"access_token": "1000.a", "refresh_token": "1000.r", "api_domain": "%s"}'
    zoho.faults.server_error(200, body % foreign.encode())
    answer = desk.answer(asked(grant_token=zoho.grant_code(ALICE), user_name="me"), around)
    (row,) = store.get_tokens()
    assert answer == row
    assert (row.refresh_token, row.api_domain) == ("1000.r", around.api_url)
    assert foreign in caplog.text
