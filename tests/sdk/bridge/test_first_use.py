"""A grant that the store does not know yet is taken in: once, and before anything can fail."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

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
from evergrant.zohocrmsdk.bridge import SDKBridge
from evergrant.zohocrmsdk.sdk_config import SDKConfig
from tests.support.sdk.bridge import ALICE, BOB, Asked

THREADS = 20


def test_a_token_that_means_nobody_is_answered_by_none(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox
) -> None:
    for nobody in (Token(), Token(id="9"), Token(user_name="carol"), asked()):
        assert bridge.resolve(nobody, config) is None
    assert len(zoho.calls) == 0


def test_a_code_is_exchanged_and_stored_under_its_owners_name(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox, store: TokenStore
) -> None:
    answer = bridge.resolve(asked(grant_token=zoho.grant_code(ALICE)), config)
    assert answer is not None
    assert answer.user_name == f"{ALICE}:{answer.org_id}"
    assert answer.freshness(zoho.clock()).value == "fresh"
    assert store.get_tokens() == [answer]


def test_a_program_that_names_the_user_itself_is_not_corrected(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox
) -> None:
    code = zoho.grant_code(ALICE)
    answer = bridge.resolve(asked(grant_token=code, user_name="our@own.name"), config)
    assert answer is not None
    assert answer.user_name == "our@own.name"
    assert zoho.calls.count(path="/crm/v8/users") == 0


def test_a_program_that_wants_no_name_gets_none(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox
) -> None:
    code = zoho.grant_code(ALICE)
    answer = bridge.resolve(asked(grant_token=code), config, find_user=False)
    assert answer is not None
    assert answer.user_name is None
    assert zoho.calls.count(path="/crm/v8/users") == 0


def test_a_grant_without_the_scope_to_ask_whose_it_is_works_without_a_name(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox
) -> None:
    code = zoho.grant_code(ALICE, scopes=["ZohoCRM.modules.ALL"])
    partial = asked(grant_token=code)
    answer = bridge.resolve(partial, config)
    assert answer is not None
    assert answer.user_name is None
    calls = len(zoho.calls)
    assert bridge.resolve(partial, config) == answer
    assert len(zoho.calls) == calls, "each save without a name asks Zoho again"


def test_an_id_that_the_program_chose_is_kept(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox
) -> None:
    answer = bridge.resolve(asked(id="tenant-7", grant_token=zoho.grant_code(ALICE)), config)
    assert answer is not None
    assert answer.id == "tenant-7"
    assert bridge.resolve(Token(id="tenant-7"), config) == answer


def test_twenty_threads_with_one_new_code_exchange_it_once(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox, store: TokenStore
) -> None:
    partial = asked(grant_token=zoho.grant_code(ALICE))
    answers = at_once(lambda: bridge.resolve(partial, config))
    assert {answer.access_token for answer in answers if answer} == {
        token.access_token for token in store.get_tokens()
    }
    assert None not in answers
    assert zoho.calls.count(grant_type="authorization_code") == 1


def test_a_process_that_comes_second_with_a_code_takes_what_the_first_one_got(
    bridge: SDKBridge, new_desk: Callable[[], SDKBridge], config: SDKConfig, asked: Asked,
    zoho: Sandbox, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    partial = asked(grant_token=zoho.grant_code(ALICE))
    second = new_desk()
    find = second.store.find_token
    late: list[Token | None] = []

    def find_too_early(token: Token) -> Token | None:
        if not late:
            late.append(bridge.resolve(partial, config))
            return None
        return find(token)

    monkeypatch.setattr(second.store, "find_token", find_too_early)
    assert second.resolve(partial, config) == late[0]


def test_a_spent_code_that_nobody_here_exchanged_is_an_error(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox, store: TokenStore
) -> None:
    partial = asked(grant_token=zoho.grant_code(ALICE))
    bridge.resolve(partial, config)
    store.delete_tokens()
    with pytest.raises(CodeSpent):
        bridge.resolve(partial, config)


def test_a_refresh_token_is_used_once_by_all_threads_of_all_processes(
    new_desk: Callable[[], SDKBridge], config: SDKConfig, asked: Asked, zoho: Sandbox
) -> None:
    partial = asked(refresh_token=refresh_token_of(ALICE, new_desk(), config, asked, zoho))
    desks = [new_desk(), new_desk()]
    turns = iter(desks * (THREADS // 2))
    answers = at_once(lambda: next(turns).resolve(partial, config))
    assert len({answer and answer.access_token for answer in answers}) == 1
    assert zoho.calls.count(grant_type="refresh_token") == 1
    [stored] = desks[0].store.get_tokens()
    assert stored.user_name == f"{ALICE}:{stored.org_id}"


def refresh_token_of(
    user: str, bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox
) -> str | None:
    """Log in, and forget all but the refresh token."""
    token = bridge.resolve(asked(grant_token=zoho.grant_code(user)), config)
    bridge.store.delete_tokens()
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
    bridge: SDKBridge, config: SDKConfig, asked: Asked, store: TokenStore
) -> None:
    with pytest.raises(LoginRequired):
        bridge.resolve(asked(refresh_token="1000.unknown"), config)
    assert store.get_tokens() == []


def test_a_refresh_token_of_a_client_that_zoho_does_not_know_leaves_no_row(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox, store: TokenStore
) -> None:
    refresh_token = refresh_token_of(ALICE, bridge, config, asked, zoho)
    with pytest.raises(InvalidClient):
        bridge.resolve(asked(refresh_token=refresh_token, client_id="1000.TYPO"), config)
    assert store.get_tokens() == []


def test_an_id_that_cannot_be_kept_is_told(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox, store: TokenStore,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    first = bridge.resolve(asked(grant_token=zoho.grant_code(ALICE)), config)
    again = bridge.resolve(asked(id="tenant-7", grant_token=zoho.grant_code(ALICE)), config)
    assert first is not None
    assert again is not None
    assert again.id == first.id
    assert "the id tenant-7 is not kept" in caplog.text
    assert len(store.get_tokens()) == 1


def test_an_access_token_alone_is_stored_as_it_is(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox, store: TokenStore
) -> None:
    known = bridge.resolve(asked(grant_token=zoho.grant_code(BOB)), config)
    assert known is not None
    store.delete_tokens()
    answer = bridge.resolve(Token(access_token=known.access_token), config)
    assert answer is not None
    assert (answer.access_token, answer.user_name) == (known.access_token, known.user_name)


def test_a_grant_that_cannot_be_saved_is_said_to_wait_and_is_found_afterwards(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox, boat: Path,
    events: list[Event], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("evergrant._core.saver.PAUSES_S", ())
    partial = asked(grant_token=zoho.grant_code(ALICE))
    with monkeypatch.context() as broken:
        broken.setattr(bridge.store, "save_token", refuse)
        with pytest.raises(TokenNotSaved):
            bridge.resolve(partial, config)
        assert list(boat.glob("*.json"))
    assert any(isinstance(event, SaveFailed) for event in events)
    answer = bridge.resolve(partial, config)
    assert answer is not None
    assert answer.user_name == f"{ALICE}:{answer.org_id}"
    assert zoho.calls.count(grant_type="authorization_code") == 1


def refuse(*_: object, **__: object) -> Token:
    raise StoreUnavailable("the disk is full")


def test_a_user_who_logs_in_again_after_a_revocation_is_taken_in(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox
) -> None:
    first = bridge.resolve(asked(grant_token=zoho.grant_code(ALICE)), config)
    assert first is not None
    zoho.revoke(ALICE)
    zoho.clock.advance(hours=1)
    named = replace(asked(), user_name=first.user_name)
    with pytest.raises(LoginRequired):
        bridge.resolve(named, config)
    again = bridge.resolve(replace(named, grant_token=zoho.grant_code(ALICE)), config)
    assert again is not None
    assert (again.id, again.user_name) == (first.id, first.user_name)
    assert again.refresh_token != first.refresh_token


def test_a_foreign_api_domain_after_the_code_is_spent(
    bridge: SDKBridge,
    config: SDKConfig,
    asked: Asked,
    zoho: Sandbox,
    store: TokenStore,
    caplog: pytest.LogCaptureFixture,
) -> None:
    foreign = "https://api.zoho.example"
    body = b'{"access_token": "1000.a", "refresh_token": "1000.r", "api_domain": "%s"}'
    zoho.faults.server_error(200, body % foreign.encode())
    answer = bridge.resolve(asked(grant_token=zoho.grant_code(ALICE), user_name="me"), config)
    (row,) = store.get_tokens()
    assert answer == row
    assert (row.refresh_token, row.api_domain) == ("1000.r", config.api_url)
    assert foreign in caplog.text
