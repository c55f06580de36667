"""Which row a save belongs to: by id, by user, by grant; and when it is better not to say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evergrant.errors import Conflict
from evergrant.stores.matching import Criterion, SaveTarget, resolve_save
from evergrant.token import Token

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def row(id_: str, user: str | None = "alice", client: str | None = "c1", **more: Any) -> Token:
    fields = {"refresh_token": f"r{id_}", "access_token": f"a{id_}", "version": 1, **more}
    return Token(id=id_, user_name=user, client_id=client, **fields)


def place(token: Token, *rows: Token, expected_version: int | None = None) -> SaveTarget:
    def lookup(criterion: Criterion) -> list[Token]:
        return [r for r in rows if all(getattr(r, c) == v for c, v in criterion.items())]

    by_id = next((r for r in rows if r.id == token.id), None)
    return resolve_save(token, by_id, lookup, expected_version)


def test_an_id_decides_before_the_user() -> None:
    token = row("2")
    assert place(token, row("1"), row("2")).row == row("2")


@pytest.mark.parametrize("other", [row("1", "bob"), row("1", client="c2"), row("1", org_id="2")])
def test_an_id_of_another_owner_is_refused(other: Token) -> None:
    with pytest.raises(Conflict, match=f"id 1 belongs to {other.user_name}, not to alice"):
        place(row("1", org_id="1"), other)


def test_an_unknown_id_is_the_users_row_unless_a_version_is_expected() -> None:
    known = row("1")
    assert place(row("9"), known).row == known
    assert place(row("9"), known, expected_version=0).row == known
    assert place(row("9"), known, expected_version=1).row is None


def test_the_row_of_the_very_client_comes_before_one_without_a_client() -> None:
    exact, unknown = row("1"), row("2", client=None)
    assert place(row("", client="c1"), unknown, exact).row == exact
    assert place(row("", client=None), unknown, exact).row == unknown
    assert place(row("", client="c3"), unknown, exact).row == unknown
    assert place(row("", client="c3"), exact).row is None


def test_the_row_of_the_very_org_comes_before_one_without_an_org() -> None:
    exact, unknown = row("1", org_id="60001"), row("2")
    assert place(row("", org_id="60001"), unknown, exact).row == exact
    assert place(row("", org_id="60002"), unknown, exact).row == unknown
    assert place(row("", org_id="60002"), exact).row is None


@pytest.mark.parametrize(
    "rows",
    [
        [row("1", client="c1"), row("2", client="c2")],
        [row("1", org_id="60001"), row("2", org_id="60002")],
    ],
)
def test_a_user_who_may_be_two_is_refused_and_trying_again_does_not_help(rows: list[Token]) -> None:
    token = Token(user_name="alice", access_token="a", client_id=None)
    with pytest.raises(Conflict) as refused:
        place(token, *rows)
    assert not refused.value.retryable
    assert "client" in refused.value.hint


def test_of_several_rows_that_another_program_made_the_freshest_goes_on() -> None:
    old, new = row("1", expires_at=NOON), row("2", expires_at=NOON + timedelta(hours=1))
    assert place(row(""), new, old).row == place(row(""), old, new).row == new


@pytest.mark.parametrize("column", ["grant_token", "refresh_token", "access_token"])
def test_a_nameless_token_is_known_by_what_it_holds(column: str) -> None:
    shared: dict[str, Any] = {column: "shared"}
    for stored in (Token(id="1", **shared), Token(id="1", user_name="alice", **shared)):
        assert place(Token(**shared), stored).row == stored
    assert place(Token(**shared), Token(id="1", client_id="c2")).row is None
    stranger = Token(id="1", client_id="c2", **shared)
    assert place(Token(client_id="c1", **shared), stranger).row is None


def test_a_named_token_is_not_the_row_of_somebody_who_holds_the_same() -> None:
    assert place(row("", "bob", refresh_token="r1"), row("1")).row is None


def test_a_nameless_row_joins_its_owners_and_brings_what_it_has() -> None:
    owner = row("1", expires_at=NOON)
    nameless = row("2", None, expires_at=NOON + timedelta(hours=1), version=5)
    by_id = place(Token(id="2", user_name="alice", access_token="a2"), owner, nameless)
    by_grant = place(Token(user_name="alice", refresh_token="r2"), owner, nameless)
    for joined in (by_id, by_grant):
        assert (joined.row, joined.duplicate_id) == (owner, "2")
        assert joined.token.refresh_token == "r2"
        assert joined.token.expires_at == NOON + timedelta(hours=1)
        # Its version is that of another row: it must not pass for knowledge of the owner's.
        assert joined.token.version == 0


def test_a_nameless_row_whose_owner_has_none_gets_the_name() -> None:
    nameless = row("2", None)
    named = replace(nameless, user_name="alice")
    assert place(named, nameless) == (nameless, named, None)
    assert place(replace(named, id=None), nameless) == (nameless, replace(named, id=None), None)


def test_a_version_of_the_nameless_row_says_nothing_about_the_owners() -> None:
    with pytest.raises(Conflict) as refused:
        place(row("2"), row("1"), row("2", None), expected_version=1)
    assert refused.value.retryable


def test_a_save_that_expects_a_version_joins_nothing() -> None:
    owner = row("1")
    login = row("", refresh_token="r2")
    assert place(login, owner, row("2", None), expected_version=1) == (owner, login, None)


def test_a_token_that_is_new_has_no_row() -> None:
    assert place(row(""), row("1", "bob"), row("2", None, None)) == (None, row(""), None)


def test_what_names_no_client_is_placed_by_its_access_token_first() -> None:
    both = Token(refresh_token="r1", access_token="a2")
    assert place(both, row("1"), row("2", "bob")).row == row("2", "bob")
    of_client = Token(refresh_token="r1", access_token="a2", client_id="c1")
    assert place(of_client, row("1"), row("2", "bob")).row == row("1")
