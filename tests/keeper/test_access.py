"""An access token that works, at the least cost: from memory, from the store, from Zoho."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from evergrant import Accounts, Keeper, Token, TokenStore
from evergrant.errors import AmbiguousUser, TokenNotFound, UntrustedServer
from evergrant.events import Event, LoggedIn, Refreshed
from evergrant.sandbox import Sandbox

LogIn = Callable[[str], Token]
Count = Callable[[], int]

ALICE = "alice@example.com"


def test_a_cached_token_costs_no_store_read_and_no_call(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(ALICE)
    token = keeper.access_token(ALICE)
    calls = len(zoho.calls)

    def touched(*args: object) -> list[Token]:
        raise AssertionError("the store was read")

    for method in ("_select", "_select_by_user", "_rows"):
        monkeypatch.setattr(keeper.store, method, touched)
    assert [keeper.access_token(ALICE) for _ in range(100)] == [token] * 100
    assert len(zoho.calls) == calls


def test_what_another_process_saves_is_seen(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, new_keeper: Callable[[], Keeper], refreshes: Count
) -> None:
    log_in(ALICE)
    first = keeper.access_token(ALICE)
    fresh = new_keeper().refresh(ALICE)
    assert keeper.access_token(ALICE) == fresh.access_token != first
    assert refreshes() == 1


def test_an_hour_later_the_token_is_refreshed_once(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count, events: list[Event]
) -> None:
    token = log_in(ALICE)
    zoho.clock.advance(minutes=54)
    assert keeper.access_token(ALICE) == token.access_token
    zoho.clock.advance(minutes=6)
    refreshed = keeper.token(ALICE)
    assert refreshed.access_token != token.access_token
    assert (refreshed.id, refreshed.refresh_token) == (token.id, token.refresh_token)
    assert keeper.store.get_tokens() == [refreshed]
    assert [keeper.token(ALICE) for _ in range(10)] == [refreshed] * 10
    assert refreshes() == 1
    assert [type(event) for event in events] == [LoggedIn, Refreshed]
    assert (events[1].token_id, events[1].user) == (token.id, token.user_name)


def test_a_token_is_not_handed_out_in_its_last_minute(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count
) -> None:
    token = log_in(ALICE)
    zoho.clock.advance(minutes=59, seconds=1)
    assert keeper.access_token(ALICE) != token.access_token
    assert refreshes() == 1


def test_a_day_is_24_refreshes_and_one_login(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count
) -> None:
    log_in(ALICE)
    seen = set()
    for _ in range(24):
        zoho.clock.advance(hours=1)
        seen.add(keeper.access_token(ALICE))
    assert len(seen) == refreshes() == 24
    assert len(keeper.store.get_tokens()) == 1


def test_a_restart_needs_no_login_and_no_refresh(
    zoho: Sandbox, log_in: LogIn, new_keeper: Callable[[], Keeper]
) -> None:
    token = log_in(ALICE)
    calls = len(zoho.calls)
    assert new_keeper().access_token(ALICE) == token.access_token
    assert len(zoho.calls) == calls


def test_refresh_refreshes_what_is_still_fresh(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count
) -> None:
    token = log_in(ALICE)
    assert keeper.refresh(ALICE).access_token != token.access_token
    assert keeper.access_token(ALICE) != token.access_token
    assert refreshes() == 1


def test_a_stored_token_without_an_access_token_is_refreshed(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count
) -> None:
    token = log_in(ALICE)
    bare = replace(token, access_token=None, expires_at=None)
    keeper.store.save_token(bare, expected_version=token.version)
    assert keeper.access_token(ALICE)
    assert refreshes() == 1


def test_nobody_has_no_token(keeper: Keeper, log_in: LogIn) -> None:
    log_in(ALICE)
    for nobody in ("bob@example.com", "alice", "", "alice@example", "alice@example.com:", "%", "_"):
        for ask in (keeper.access_token, keeper.refresh, keeper.revoke, keeper.forget):
            with pytest.raises(TokenNotFound):
                ask(nobody)
    assert len(keeper.store.get_tokens()) == 1


def test_a_bare_address_does_where_it_fits_one_and_lists_them_where_more(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn
) -> None:
    first = log_in(ALICE)
    assert keeper.find(ALICE) == keeper.find(first.user_name or "") == first
    other_org = zoho.add_org("Alice's own")
    zoho.join(ALICE, other_org)
    second = keeper.login_with_code(zoho.grant_code(ALICE, org=other_org))
    assert second.user_name == f"{ALICE}:{other_org.zgid}"
    assert len(keeper.store.get_tokens()) == 2
    with pytest.raises(AmbiguousUser) as caught:
        keeper.access_token(ALICE)
    assert len(caught.value.candidates) == 2
    for token in (first, second):
        assert any(token.user_name in name for name in caught.value.candidates if token.user_name)
        assert keeper.access_token(token.user_name or "") == token.access_token


def test_a_key_of_ones_own_means_no_longer_one(zoho: Sandbox, keeper: Keeper) -> None:
    keeper.login_with_code(zoho.grant_code(ALICE), user="acme:staging")
    assert keeper.find("acme:staging").user_name == "acme:staging"
    with pytest.raises(TokenNotFound):
        keeper.find("acme")


def test_two_clients_alice_are_two(
    zoho: Sandbox, store: TokenStore, keeper: Keeper, log_in: LogIn, refreshes: Count
) -> None:
    other = zoho.add_client()
    ours = log_in(ALICE)
    with Accounts(
        other.client_id, other.client_secret, data_centers=zoho.data_centers, clock=zoho.clock
    ) as accounts:
        theirs_keeper = Keeper(store, accounts)
        theirs = theirs_keeper.login_with_code(zoho.grant_code(ALICE, client=other))
        assert ours.user_name == theirs.user_name
        assert len(store.get_tokens()) == 2
        assert keeper.access_token(ALICE) == ours.access_token
        assert theirs_keeper.access_token(ALICE) == theirs.access_token
        zoho.clock.advance(hours=1)
        assert keeper.token(ALICE).refresh_token == ours.refresh_token
        assert theirs_keeper.token(ALICE).refresh_token == theirs.refresh_token
        assert refreshes() == 2


def test_a_keeper_without_a_client_serves_whatever_is_stored(
    zoho: Sandbox, store: TokenStore, log_in: LogIn, keeper: Keeper
) -> None:
    ours = log_in(ALICE)
    with Accounts(data_centers=zoho.data_centers, clock=zoho.clock) as accounts:
        nobody = Keeper(store, accounts)
        assert nobody.refresh(ALICE).access_token != ours.access_token
        app = zoho.add_client()
        with Accounts(
            app.client_id, app.client_secret, data_centers=zoho.data_centers, clock=zoho.clock
        ) as theirs:
            Keeper(store, theirs).login_with_code(zoho.grant_code(ALICE, client=app))
        with pytest.raises(AmbiguousUser) as caught:
            nobody.access_token(ALICE)
    assert all(
        any(client.client_id in name for name in caught.value.candidates)
        for client in (zoho.client, app)
    )


def test_a_stored_api_domain_of_a_stranger_is_sent_nothing(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count
) -> None:
    token = log_in(ALICE)
    moved = replace(token, api_domain="https://www.zohoapis.com.evil.example")
    keeper.store.save_token(moved, expected_version=token.version)
    zoho.clock.advance(hours=1)
    with pytest.raises(UntrustedServer):
        keeper.access_token(ALICE)
    with pytest.raises(UntrustedServer):
        keeper.revoke(ALICE)
    assert refreshes() == 0
    assert zoho.calls.count(path="/oauth/v2/token/revoke") == 0


def test_a_refresh_that_needs_its_own_result_is_refused_in_words_that_help(
    keeper: Keeper, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(ALICE)
    refresher = keeper._manager.upkeep._refresher
    monkeypatch.setattr(refresher, "_with_lease", refresher.refresh)
    with pytest.raises(RuntimeError, match="an event listener must not ask a Keeper"):
        keeper.refresh(ALICE)
