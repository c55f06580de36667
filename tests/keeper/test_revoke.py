"""The end of a grant: told to Zoho, then out of the store; or out of the store alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import httpx2
import pytest

from evergrant import Keeper, Token
from evergrant.errors import AccountsUnavailable, LoginRequired, Throttled, TokenNotFound
from evergrant.events import Event, Forgotten, Revoked
from evergrant.sandbox import Sandbox

LogIn = Callable[[str], Token]

ALICE, BOB = "alice@example.com", "bob@example.com"
REVOKE = "/oauth/v2/token/revoke"


def alive(zoho: Sandbox, token: Token) -> bool:
    """Ask Zoho's API itself."""
    header = "Zoho-oauthtoken " + (token.access_token or "")
    url = f"{token.api_domain}/crm/v8/users?type=CurrentUser"
    return httpx2.get(url, headers={"Authorization": header}).status_code == 200


def test_a_revoked_token_is_dead_at_zoho_and_gone_from_the_store(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, events: list[Event]
) -> None:
    alice, bob = log_in(ALICE), log_in(BOB)
    keeper.access_token(ALICE)
    assert alive(zoho, alice)
    keeper.revoke(ALICE)
    assert not alive(zoho, alice)
    assert alive(zoho, bob)
    assert zoho.calls.count(path=REVOKE) == 1
    assert zoho.calls.count(path=REVOKE, user=ALICE) == 1
    assert keeper.store.get_tokens() == [bob]
    assert isinstance(events[-1], Revoked)
    assert (events[-1].token_id, events[-1].user) == (alice.id, alice.user_name)
    with pytest.raises(TokenNotFound):
        keeper.access_token(ALICE)
    with pytest.raises(TokenNotFound):
        keeper.revoke(ALICE)
    assert zoho.calls.count(path=REVOKE) == 1


def test_one_of_several_tokens_of_a_name_is_revoked_by_itself(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn
) -> None:
    """As a list shows them; the other is another client's."""
    ours = log_in(ALICE)
    other = keeper.store.save_token(
        replace(ours, id=None, version=0, client_id="1000.OTHER", refresh_token="planted-other")
    )
    keeper.access_token(ALICE)
    keeper.revoke(other)
    assert keeper.store.get_tokens() == [ours]
    assert alive(zoho, ours)
    keeper.revoke(ours)
    assert not alive(zoho, ours)
    with pytest.raises(TokenNotFound):
        keeper.access_token(ALICE)


def test_an_expired_token_is_revoked_without_a_refresh(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Callable[[], int]
) -> None:
    log_in(ALICE)
    zoho.clock.advance(hours=5)
    keeper.revoke(ALICE)
    assert keeper.store.get_tokens() == []
    assert refreshes() == 0


def test_a_user_of_another_data_center_is_revoked_there(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn
) -> None:
    carol = log_in("carol@example.eu")
    keeper.revoke("carol@example.eu")
    assert not alive(zoho, carol)
    (call,) = (call for call in zoho.calls if call.path == REVOKE)
    assert call.data_center == "eu"


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (lambda zoho: zoho.faults.server_error(path=REVOKE, times=None), AccountsUnavailable),
        (lambda zoho: zoho.faults.html(path=REVOKE, times=None), AccountsUnavailable),
        (lambda zoho: zoho.faults.refuse(path=REVOKE, times=None), AccountsUnavailable),
        (lambda zoho: zoho.faults.empty(path=REVOKE, times=None), AccountsUnavailable),
        (lambda zoho: zoho.faults.throttle(path=REVOKE, times=None), Throttled),
    ],
)
def test_a_zoho_that_was_not_told_keeps_the_row(
    zoho: Sandbox,
    keeper: Keeper,
    log_in: LogIn,
    trouble: Callable[[Sandbox], None],
    error: type[Exception],
) -> None:
    token = log_in(ALICE)
    trouble(zoho)
    with pytest.raises(error):
        keeper.revoke(ALICE)
    assert zoho.calls.count(path=REVOKE) <= 3
    assert keeper.store.get_tokens() == [token]
    assert keeper.access_token(ALICE) == token.access_token
    zoho.faults.clear()
    keeper.revoke(ALICE)
    assert keeper.store.get_tokens() == []


def test_an_answer_that_was_lost_does_not_keep_the_row(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn
) -> None:
    token = log_in(ALICE)
    zoho.faults.drop_answer(path=REVOKE)
    keeper.revoke(ALICE)
    assert zoho.calls.count(path=REVOKE) == 2
    assert keeper.store.get_tokens() == []
    assert not alive(zoho, token)


def test_what_zoho_has_revoked_already_is_deleted(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn
) -> None:
    log_in(ALICE)
    zoho.revoke(ALICE)
    keeper.revoke(ALICE)
    assert keeper.store.get_tokens() == []


def test_a_forgotten_token_lives_on_at_zoho(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, events: list[Event]
) -> None:
    token = log_in(ALICE)
    keeper.access_token(ALICE)
    keeper.forget(ALICE)
    assert isinstance(events[-1], Forgotten)
    assert alive(zoho, token)
    assert zoho.calls.count(path=REVOKE) == 0
    assert keeper.store.get_tokens() == []
    with pytest.raises(TokenNotFound):
        keeper.access_token(ALICE)


def test_another_process_notices_both(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, new_keeper: Callable[[], Keeper]
) -> None:
    log_in(ALICE)
    log_in(BOB)
    other = new_keeper()
    assert other.access_token(ALICE)
    assert other.access_token(BOB)
    keeper.revoke(ALICE)
    keeper.forget(BOB)
    for user in (ALICE, BOB):
        with pytest.raises(TokenNotFound):
            other.access_token(user)


def test_after_a_revocation_a_consent_is_a_first_one_again(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn
) -> None:
    log_in(ALICE)
    keeper.revoke(ALICE)
    code = zoho.grant_code(ALICE, prompt_consent=False)
    assert keeper.login_with_code(code).refresh_token


def test_a_refresh_after_the_revocation_at_zoho_does_not_resurrect(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, new_keeper: Callable[[], Keeper]
) -> None:
    log_in(ALICE)
    other = new_keeper()
    stale = other.find(ALICE)
    keeper.revoke(ALICE)
    with pytest.raises((TokenNotFound, LoginRequired)):
        other.replace_rejected(ALICE, stale)
    assert keeper.store.get_tokens() == []


@pytest.mark.parametrize("way", ["revoke", "forget"])
@pytest.mark.parametrize("moment", ["find_token_by_id", "delete_token"])
def test_what_another_process_has_refreshed_meanwhile_is_deleted(
    keeper: Keeper,
    log_in: LogIn,
    new_keeper: Callable[[], Keeper],
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    moment: str,
) -> None:
    """Before the look at what is stored, or between that and the deletion."""
    token, other = log_in(ALICE), new_keeper().store
    real, newer = getattr(keeper.store, moment), list[Token]()

    def after_a_refresh(id_: str, **how: int) -> object:
        monkeypatch.undo()
        newer.append(other.save_token(replace(token, access_token="planted-newer")))
        return real(id_, **how)

    monkeypatch.setattr(keeper.store, moment, after_a_refresh)
    getattr(keeper, way)(ALICE)
    assert newer
    assert keeper.store.get_tokens() == []


def test_a_login_during_a_revocation_stays(
    zoho: Sandbox,
    keeper: Keeper,
    log_in: LogIn,
    new_keeper: Callable[[], Keeper],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_in(ALICE)
    real, anew = keeper.accounts.revoke, []

    def revoke(token: Token) -> bool:
        alive = real(token)
        anew.append(new_keeper().login_with_code(zoho.grant_code(ALICE)))
        return alive

    monkeypatch.setattr(keeper.accounts, "revoke", revoke)
    keeper.revoke(ALICE)
    assert keeper.store.get_tokens() == anew
    assert keeper.token(ALICE) == anew[0]
    assert alive(zoho, anew[0])


@pytest.mark.parametrize("way", ["revoke", "forget"])
def test_a_login_in_the_very_moment_of_the_deletion_stays(
    keeper: Keeper, log_in: LogIn, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """After the look at what is stored, and before that is deleted."""
    log_in(ALICE)
    delete, later = keeper.store.delete_token, list[Token]()

    def delete_after_a_login(id_: str, **how: int) -> None:
        monkeypatch.undo()
        later.append(log_in(ALICE))
        delete(id_, **how)

    monkeypatch.setattr(keeper.store, "delete_token", delete_after_a_login)
    getattr(keeper, way)(ALICE)
    assert keeper.store.get_tokens() == later
    assert keeper.access_token(ALICE) == later[0].access_token


@pytest.mark.parametrize("end", [Keeper.revoke, Keeper.forget])
def test_a_thread_that_reads_meanwhile_does_not_keep_it_where_changes_go_unseen(
    keeper: Keeper,
    log_in: LogIn,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[Keeper, str], None],
) -> None:
    log_in(ALICE)
    real = keeper.store.delete_token

    def delete_token(id_: str, **how: int) -> None:
        assert keeper.access_token(ALICE)
        real(id_, **how)

    monkeypatch.setattr(keeper.store, "change_counter", lambda: None)
    monkeypatch.setattr(keeper.store, "delete_token", delete_token)
    end(keeper, ALICE)
    with pytest.raises(TokenNotFound):
        keeper.access_token(ALICE)
