"""Whatever stands in a row: it is a token or a corrupt record, and never shows a secret."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evergrant.errors import CorruptRecord
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.stores.list import ListStore
from evergrant.stores.rows import COLUMNS, TIMESTAMP_COLUMNS, Row, decode, encode
from evergrant.testing.sample_tokens import ALICE
from evergrant.token import SECRET_FIELDS, Token
from tests.support.example_counts import rounds
from tests.support.security.fuzzing import SECRET, or_refused, texts

numbers = st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, 2**63 - 1]))
moments = st.one_of(
    st.none(),
    numbers,
    numbers.map(str),
    texts,
    st.sampled_from(["9" * 5_000, "1e3", "٣", "-1", " 7"]),
)
values = st.one_of(st.none(), texts, numbers, st.floats(), st.binary(max_size=8))
shown = st.one_of(st.none(), st.text(max_size=20), numbers, st.floats(), st.binary(max_size=8))
ids = st.one_of(st.none(), numbers, st.text(max_size=12), st.binary(max_size=4))
names = st.one_of(st.none(), st.text(max_size=12), st.just("alice"), numbers)


DOUBLE = encode(Token(id="7", user_name="bob", client_id="c", refresh_token=SECRET))[:-1]


@st.composite
def rows(draw: st.DrawFn) -> tuple[Any, ...]:
    """Return a token's row but for a few values, none of them a secret in a name's place."""
    row: list[Any] = list(
        encode(Token(id="7", user_name="bob", client_id="c", refresh_token=SECRET))
    )
    kinds = dict.fromkeys(COLUMNS, shown) | dict.fromkeys(SECRET_FIELDS, values)
    kinds |= dict.fromkeys((*TIMESTAMP_COLUMNS, "version"), moments)
    kinds |= {"id": ids, "user_name": names}
    for column in draw(st.lists(st.sampled_from(COLUMNS), max_size=4)):
        row[COLUMNS.index(column)] = draw(kinds[column])
    return tuple(row)


def check_all(store: TokenStore) -> None:
    problems: list[CorruptRecord] = []
    tokens = store.get_tokens(on_corrupt=problems.append)
    for token in tokens:
        assert or_refused(lambda id_=token.id: store.find_token_by_id(str(id_)))  # type: ignore[misc]
        assert SECRET not in f"{token!r}"
    for problem in problems:
        assert SECRET not in f"{problem} {problem!r}"
    or_refused(lambda: store.find_users("bob"))
    or_refused(lambda: store.find_token(Token(refresh_token=SECRET)))
    or_refused(lambda: store.save_token(Token(user_name="bob", client_id="c", access_token="new")))
    or_refused(lambda: store.save_token(ALICE))
    or_refused(lambda: store.delete_token("7"))


@rounds(150)
@given(rows())
@example((None, *encode(Token(id="7", refresh_token=SECRET))))
@example(())
@example(("7",))
def test_decoding(row: tuple[Any, ...]) -> None:
    token = or_refused(lambda: decode(Row(row)))
    if token:
        assert decode(encode(token)) == token


@rounds(60)
@given(st.lists(rows().map(list), max_size=3))
@example([[], ["1"], ["1", 2, 3], [*["1"] * 30]])
@example([[None, "bob", "c", "s", SECRET]])
@example([[*DOUBLE, SECRET], [*DOUBLE, 0]])
def test_a_list_of_the_callers_own(rows: list[list[Any]]) -> None:
    check_all(ListStore(rows))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.db"
    open_store(f"sqlite:///{path}").close()
    return path


@rounds(40)
@given(some=st.lists(rows(), max_size=3))
def test_a_table_that_another_program_fills(
    path: Path, caplog: pytest.LogCaptureFixture, some: list[tuple[Any, ...]]
) -> None:
    caplog.clear()
    caplog.set_level(logging.DEBUG, "evergrant")
    insert = f"INSERT OR IGNORE INTO oauthtoken VALUES ({', '.join('?' * len(COLUMNS))})"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM oauthtoken")
        for row in some:
            try:
                connection.execute(insert, row)
            except (UnicodeEncodeError, sqlite3.InterfaceError):
                continue
    with open_store(f"sqlite:///{path}") as store:
        check_all(store)
    assert SECRET not in caplog.text
