"""The rules: what a partial token asks for, which row a save belongs to, and which side wins."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from evergrant.errors import Conflict
from evergrant.stores import matching
from evergrant.stores.matching import Criterion, compatible, criterion_for, freshest
from evergrant.stores.merging import merge
from evergrant.token import Token

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CLIENT = {"client_id": "c1", "client_secret": "s1"}
FULL = Token(
    user_name="alice",
    refresh_token="r1",
    access_token="a1",
    grant_token="g1",
    org_id="60001",
    **CLIENT,  # type: ignore[arg-type]
)


def stored(**changes: Any) -> Token:
    """A row as it comes out of a store."""
    unit = {"access_token": "a1", "refresh_token": "r1", "grant_token": "g1", "expires_at": NOON}
    more = {"api_domain": "https://www.zohoapis.eu", "scopes": ("old",), "redirect_url": "u1"}
    row = {"id": "7", "user_name": "alice", "version": 3, "created_at": NOON - HOUR}
    return Token(**{**CLIENT, **unit, **more, **row, **changes})


def unit(token: Token) -> tuple[str | None, str | None, str | None, datetime | None, str | None]:
    """What is granted together."""
    return (
        token.access_token,
        token.refresh_token,
        token.grant_token,
        token.expires_at,
        token.api_domain,
    )


# --- What a partial token asks for ------------------------------------------------------------


@pytest.mark.parametrize(
    ("partial", "asks_for"),
    [
        (FULL, {"user_name": "alice", "client_id": "c1"}),
        (replace(FULL, client_id=None), {"user_name": "alice"}),
        (Token(access_token="a1"), {"access_token": "a1"}),
        (Token(access_token="a1", refresh_token="r1"), {"access_token": "a1"}),
        (replace(FULL, user_name=None), {"grant_token": "g1", "client_id": "c1"}),
        (replace(FULL, user_name=""), {"grant_token": "g1", "client_id": "c1"}),
        (
            replace(FULL, user_name=None, grant_token=None),
            {"refresh_token": "r1", "client_id": "c1"},
        ),
        (replace(FULL, user_name=None, grant_token=""), {"refresh_token": "r1", "client_id": "c1"}),
    ],
)
def test_the_first_thing_named_decides(partial: Token, asks_for: dict[str, str]) -> None:
    assert criterion_for(partial) == asks_for


@pytest.mark.parametrize(
    "partial",
    [
        Token(),
        Token(id="7"),
        Token(user_name=""),
        Token(user_name="", access_token="", refresh_token="", grant_token="", client_id=""),
        Token(access_token="a1", client_id="c1"),
        Token(access_token="a1", client_secret="s1"),
        Token(access_token="a1", **CLIENT),  # type: ignore[arg-type]
        Token(refresh_token="r1"),
        Token(refresh_token="r1", client_id="c1"),
        Token(refresh_token="r1", client_secret="s1"),
        Token(grant_token="g1"),
        Token(grant_token="g1", client_id="c1"),
        Token(**CLIENT),  # type: ignore[arg-type]
        Token(org_id="60001", redirect_url="u", api_domain="d", scopes=("s",)),
    ],
)
def test_what_names_nobody_asks_for_nobody(partial: Token) -> None:
    assert criterion_for(partial) is None


def test_a_criterion_holds_plain_text_and_does_not_show_it() -> None:
    criterion = criterion_for(Token(access_token="planted"))
    assert criterion == {"access_token": "planted"}
    assert criterion is not None
    assert type(criterion["access_token"]) is str
    assert repr(criterion) == "Criterion(access_token)"


# --- Whose row it is --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["user_name", "client_id", "org_id"])
def test_another_owner_is_not_compatible(name: str) -> None:
    other: dict[str, Any] = {name: "other"}
    nobody: dict[str, Any] = {name: None}
    assert compatible(FULL, FULL)
    assert not compatible(FULL, replace(FULL, **other))
    assert not compatible(replace(FULL, **other), FULL)
    assert compatible(FULL, replace(FULL, **nobody))
    assert compatible(replace(FULL, **nobody), FULL)


def test_an_id_of_another_owner_is_refused_and_trying_again_does_not_help() -> None:
    with pytest.raises(Conflict) as refused:
        matching.refuse_another_owner(stored(), replace(FULL, user_name="bob"))
    assert not refused.value.retryable
    assert refused.value.token_id == "7"
    matching.refuse_another_owner(stored(), FULL)


def test_the_freshest_is_the_one_that_lives_longest_in_any_order() -> None:
    old = stored(expires_at=NOON - HOUR, version=9)
    new = stored(expires_at=NOON, version=1)
    unknown = stored(expires_at=None, version=99)
    for order in permutations([old, new, unknown]):
        assert freshest(order) is new
    assert freshest([]) is None


def test_among_equals_the_freshest_is_the_one_saved_last() -> None:
    first = stored(updated_at=NOON)
    assert freshest([stored(version=4), first]) == stored(version=4)
    later = stored(updated_at=NOON + HOUR)
    assert freshest([later, first]) is later
    assert freshest([first, later]) is later


# --- Which side wins --------------------------------------------------------------------------


def later(**changes: Any) -> Token:
    """What a refresh or a login brings, an hour later; its writer has not read the row."""
    fields = {"access_token": "a2", "expires_at": NOON + HOUR, "user_name": "alice", **CLIENT}
    return Token(**{**fields, **changes})


def test_a_fresher_grant_replaces_the_stored_one_as_a_whole() -> None:
    new = later(refresh_token="r2", grant_token="g2", api_domain="https://www.zohoapis.com")
    assert unit(merge(stored(), new, compared=False)) == unit(new)


def test_nothing_of_another_grant_fills_the_gaps_of_a_new_one() -> None:
    row = merge(stored(), later(refresh_token="r2"), compared=False)
    assert unit(row) == ("a2", "r2", None, NOON + HOUR, None)
    assert row.scopes == ()


def test_a_refresh_keeps_what_zoho_sends_only_once() -> None:
    row = merge(stored(), later(), compared=False)
    assert unit(row) == ("a2", "r1", "g1", NOON + HOUR, "https://www.zohoapis.eu")
    assert row.scopes == ("old",)
    assert unit(merge(stored(), later(refresh_token="r1"), compared=False)) == unit(row)


def test_a_stale_token_changes_nothing_of_the_unit() -> None:
    stale = later(
        expires_at=NOON - HOUR,
        refresh_token="r0",
        grant_token="g0",
        api_domain="https://www.zohoapis.com",
        scopes=("stale",),
    )
    row = merge(stored(), stale, compared=False)
    assert unit(row) == unit(stored())
    assert row.scopes == ("old",)


def test_a_stale_token_still_fills_in_who_it_is() -> None:
    row = merge(
        stored(user_name=None, org_id=None),
        later(expires_at=NOON - HOUR, org_id="60001"),
        compared=False,
    )
    assert (row.user_name, row.org_id) == ("alice", "60001")
    assert unit(row) == unit(stored())


def test_the_later_expiry_wins_to_the_millisecond_and_a_tie_goes_to_the_writer() -> None:
    tick = timedelta(milliseconds=1)
    for left, winner in ((-tick, "a1"), (timedelta(0), "a2"), (tick, "a2")):
        row = merge(stored(), later(expires_at=NOON + left), compared=False)
        assert row.access_token == winner


def test_a_refresh_token_alone_replaces_the_grant() -> None:
    row = merge(stored(), later(access_token=None, expires_at=None, refresh_token="r2"),
                 compared=False)  # fmt: skip
    assert unit(row) == (None, "r2", None, None, None)


def test_a_new_grant_whose_expiry_nobody_noted_is_not_taken_for_an_old_one() -> None:
    row = merge(stored(), later(refresh_token="r2", expires_at=None), compared=False)
    assert unit(row) == ("a2", "r2", None, None, None)


def test_the_only_refresh_token_is_never_turned_down() -> None:
    online = stored(refresh_token=None)
    row = merge(online, later(refresh_token="r2", expires_at=NOON - HOUR), compared=False)
    assert unit(row) == ("a2", "r2", None, NOON - HOUR, None)


def test_the_same_access_token_without_its_expiry_does_not_erase_it() -> None:
    partial = Token(user_name="alice", access_token="a1")
    assert unit(merge(stored(), partial, compared=False)) == unit(stored())


def test_a_token_without_any_unit_leaves_it_alone() -> None:
    partial = Token(user_name="alice", refresh_token="r1", client_secret="s2", client_id="c1")
    row = merge(stored(), partial, compared=False)
    assert unit(row) == unit(stored())
    assert row.client_secret == "s2"


def test_an_edit_of_the_row_just_read_wins_whatever_its_expiry() -> None:
    edit = stored(access_token="a0", refresh_token=None, expires_at=NOON - HOUR)
    assert unit(merge(stored(), edit, compared=False))[:4] == ("a0", None, "g1", NOON - HOUR)
    cleared = stored(access_token=None, expires_at=None)
    assert merge(stored(), cleared, compared=False).access_token is None


def test_an_edit_of_an_older_version_competes_by_freshness() -> None:
    edit = stored(access_token="a0", expires_at=NOON - HOUR, version=2)
    assert unit(merge(stored(), edit, compared=False)) == unit(stored())


def test_a_version_of_zero_proves_no_reading() -> None:
    foreign = stored(version=0)
    edit = stored(version=0, access_token="a0", expires_at=NOON - HOUR)
    assert merge(foreign, edit, compared=False).access_token == "a1"


def test_a_decided_save_wins_whatever_its_expiry() -> None:
    edit = stored(access_token="a0", expires_at=NOON - HOUR, version=0)
    assert merge(stored(), edit, compared=True).access_token == "a0"


def test_the_row_keeps_its_id_and_its_birth() -> None:
    row = merge(stored(), later(id="99", created_at=NOON), compared=False)
    assert (row.id, row.created_at) == ("7", NOON - HOUR)
    born_elsewhere = merge(stored(created_at=None), later(created_at=NOON), compared=False)
    assert born_elsewhere.created_at == NOON


def test_another_grant_begins_when_it_says_so_or_else_with_its_save() -> None:
    now = NOON + HOUR
    said = later(refresh_token="r2", created_at=NOON)
    assert merge(stored(), said, compared=True, updated_at=now).created_at == NOON
    copied = later(refresh_token="r2", created_at=NOON - HOUR)  # with the rest of the former row
    assert merge(stored(), copied, compared=True, updated_at=now).created_at == now


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("client_secret", "s2"),
        ("redirect_url", "u2"),
        ("last_used_at", NOON + HOUR),
        ("org_id", "60001"),
    ],
)
def test_of_the_rest_what_is_given_is_taken_and_what_is_left_out_is_kept(
    name: str, new: Any
) -> None:
    given: dict[str, Any] = {name: new}
    assert getattr(merge(stored(), later(**given), compared=False), name) == new
    left_out: dict[str, Any] = {name: None}
    kept = merge(stored(**given), later(**left_out), compared=False)
    assert getattr(kept, name) == new


def test_merging_twice_changes_no_more_than_once() -> None:
    once = merge(stored(), later(refresh_token="r2"), compared=False)
    assert merge(once, later(refresh_token="r2"), compared=False) == replace(once, version=0)


def test_no_field_is_forgotten_by_a_save_over_nothing_but_an_id() -> None:
    whole = replace(FULL, expires_at=NOON, redirect_url="u", api_domain="d", scopes=("s",),
                    last_used_at=NOON, created_at=NOON)  # fmt: skip
    bare = Token(id="7", grant_token="g1")
    assert merge(bare, whole, compared=False) == replace(whole, id="7")


def test_a_criterion_is_a_dictionary_of_columns() -> None:
    assert Criterion(id="1") == {"id": "1"}
