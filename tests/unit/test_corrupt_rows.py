"""A row that cannot be read: named when it is asked for, harmless to the others, never shown."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from evergrant.errors import CorruptRecord
from evergrant.stores.base import TokenStore
from evergrant.stores.list import ListStore
from evergrant.token import Token

GOOD = ["1", "alice", "c1", "planted-s1", "planted-r1", "planted-a1", None, None, None, None]
CORRUPT = ["2", "bob", "c1", "planted-s2", "planted-r2", "planted-a2", "planted-g2", "soon", None]
QUESTIONS: list[Callable[[TokenStore], object]] = [
    lambda store: store.find_token(Token(user_name="bob")),
    lambda store: store.find_token(Token(access_token="planted-a2")),
    lambda store: store.find_token_by_id("2"),
    lambda store: store.find_users("bob"),
    lambda store: store.save_token(Token(user_name="bob", access_token="new")),
    lambda store: store.save_token(Token(id="2", access_token="new")),
    lambda store: store.get_tokens(on_corrupt=stop),
    lambda store: list(store.iter_tokens(on_corrupt=stop)),
]


def stop(error: CorruptRecord) -> None:
    raise error


def a_store(*rows: list[Any]) -> ListStore:
    return ListStore([list(row) for row in rows])


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_is_named_when_it_is_asked_for_and_left_as_it_is(
    question: Callable[[TokenStore], object],
) -> None:
    store = a_store(GOOD, CORRUPT)
    with pytest.raises(CorruptRecord, match=r"row 2 .* its expiry_time is unreadable") as refused:
        question(store)
    assert (refused.value.token_id, refused.value.user) == ("2", "bob")
    assert store.rows == [GOOD, CORRUPT]


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_error_holds_no_value_where_tools_may_look(
    question: Callable[[TokenStore], object],
) -> None:
    # Error trackers print the local variables of every frame.
    store = a_store(GOOD, CORRUPT)
    with pytest.raises(CorruptRecord) as refused:
        question(store)
    tail = refused.value.__traceback__ and refused.value.__traceback__.tb_next
    story = traceback.TracebackException(
        CorruptRecord, refused.value, tail and tail.tb_next, capture_locals=True
    )
    assert "planted" not in "".join(story.format())
    assert refused.value.__context__ is None
    assert b"planted" not in pickle.dumps(refused.value)


def test_it_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    store = a_store(CORRUPT, GOOD)
    with caplog.at_level(logging.WARNING):
        assert [token.id for token in store.get_tokens()] == ["1"]
    assert "row 2 of the token store is corrupt" in caplog.text
    assert "planted" not in caplog.text
    found = store.find_token(Token(user_name="alice"))
    assert found is not None
    assert store.save_token(Token(user_name="alice", access_token="new")).id == "1"
    assert store.save_token(Token(user_name="carol", access_token="new")).id == "3"


def test_a_readable_row_of_the_same_user_is_found_beside_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = a_store(CORRUPT, ["3", "bob", *GOOD[2:]])
    found = store.find_token(Token(user_name="bob"))
    assert found is not None
    assert found.id == "3"
    assert "row 2" in caplog.text


def test_a_listing_tells_of_each(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str | None] = []
    store = a_store(CORRUPT, GOOD, ["4", *CORRUPT[1:]])
    tokens = store.get_tokens(on_corrupt=lambda error: told.append(error.token_id))
    assert [token.id for token in tokens] == ["1"]
    assert told == ["2", "4"]
    assert caplog.text == ""


def test_it_can_be_deleted() -> None:
    store = a_store(GOOD, CORRUPT)
    store.delete_token("2")
    assert store.rows == [GOOD]
