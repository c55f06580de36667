"""A row that cannot be read harms no other, and stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from evergrant.errors import CorruptRecord
from evergrant.stores.file import FileStore
from evergrant.testing.sample_tokens import ALICE, BOB, SECRETS, grant, refreshed
from evergrant.token import Token
from tests.support.stores.file_store import HEADER, OLD_HEADER, old_row, put, row, story

CAROL = Token(user_name="carol@example.com:60001")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.csv"


@pytest.mark.parametrize(
    "bad",
    [
        "2",
        "2,,,,,,,,,",
        "2,bob@example.com:60001,1000.APP",
        row("2", "bob").replace("1893499200000", "soon"),
        row("2", "bob") + ",one,more",
        row("2", "bob") + ",,,,,,x",
        row("", "bob"),
        row("2", "bob").replace("planted-access", '"planted-access'),
        f'2,"{row("9", "bob")}"x',
        ",bob",
        "planted-secret-without-a-comma",
        f"planted-{'x' * 70},bob",
        row("2", "bob").replace("bob@", "bob\udcff@"),
        row("2\udcff", "bob"),
    ],
)
def test_a_bad_row_harms_no_other_and_stays_byte_for_byte(
    path: Path, bad: str, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [text.encode("utf-8", "surrogateescape") for text in (HEADER, bad)]
    lines[1:1] = [row("1", "alice").encode()]
    lines.append(row("3", "carol").encode())
    path.write_bytes(b"\n".join([*lines, b""]))
    problems: list[CorruptRecord] = []
    with FileStore(path) as store:
        alice, carol = store.get_tokens(on_corrupt=problems.append)
        assert (alice.id, carol.id) == ("1", "3")
        assert store.find_token(CAROL) == carol
        assert SECRETS not in story(problems[0]) + caplog.text
        store.save_token(refreshed(ALICE))
        assert len(store.get_tokens(on_corrupt=problems.append)) == 2
    assert lines[2] + b"\n" in path.read_bytes()
    assert len(problems) == 2


def test_a_bad_row_is_said_to_be_there_when_it_is_asked_for(path: Path) -> None:
    put(path, HEADER, row("1", "alice"), "2,bob@example.com:60001,1000.APP,planted-")
    with FileStore(path) as store:
        for ask in (
            lambda: store.find_token_by_id("2"),
            lambda: store.find_token(BOB),
            lambda: store.find_users("bob@example.com"),
            lambda: store.save_token(BOB),
        ):
            with pytest.raises(
                CorruptRecord, match=r"row 2 .* the number of its columns"
            ) as caught:
                ask()
            assert caught.value.token_id == "2"
            assert SECRETS not in story(caught.value)
        store.delete_token("2")
        assert store.save_token(BOB).id == "3"


def test_a_quote_that_is_never_closed_takes_no_other_row_with_it(path: Path) -> None:
    open_quote = row("2", "bob").replace("planted-refresh", '"planted-refresh')
    closed = row("4", "eve").replace("planted-refresh-eve", '"planted-refresh-eve"')
    put(path, HEADER, row("1", "alice"), open_quote, row("3", "carol"), closed, row("5", "dave"))
    with FileStore(path) as store:
        assert [token.id for token in store.get_tokens()] == ["1", "3", "4", "5"]


def test_a_value_with_line_breaks_is_one_row(path: Path) -> None:
    with FileStore(path) as store:
        saved = store.save_token(Token(user_name="a\r\nb\nc\rd,\"e'", access_token="x"))
        store.save_token(ALICE)
    with FileStore(path) as store:
        assert store.find_token_by_id("1") == saved
        assert len(store.get_tokens()) == 2


def test_a_zero_byte_is_a_character_like_any_other(path: Path) -> None:
    put(path, HEADER, row("1", "alice"), row("2", "b\0b"))
    with FileStore(path) as store:
        found = store.find_token(Token(user_name="b\0b@example.com:60001"))
        assert found
        assert found.id == "2"


@pytest.mark.parametrize(
    ("header", "last", "readable"),
    [
        (HEADER, row("2", "bob"), True),
        (OLD_HEADER, old_row("2", "bob"), True),
        (HEADER, old_row("2", "bob"), False),
        (HEADER, row("2", "bob")[:60], False),
        (HEADER, row("2", "bob")[:60].replace("planted", '"planted'), False),
        (OLD_HEADER, old_row("2", "bob")[:90], False),
    ],
)
def test_an_unfinished_last_line_counts_if_all_of_it_is_there(
    path: Path, header: str, last: str, readable: object, caplog: pytest.LogCaptureFixture
) -> None:
    first = row("1", "alice") if header == HEADER else old_row("1", "alice")
    path.write_text(f"{header}\n{first}\n{last}")
    path.chmod(0o600)
    problems: list[CorruptRecord] = []
    with FileStore(path) as store:
        assert caplog.messages == [
            f"{path}: its last line is unfinished: was a program killed that wrote it?"
        ]
        found = [token.id for token in store.get_tokens(on_corrupt=problems.append)]
        assert found == (["1", "2"] if readable else ["1"])
        assert [problem.token_id for problem in problems] == ([] if readable else ["2"])
        store.save_token(grant("carol"))
        assert last.encode() in path.read_bytes()
    with FileStore(path) as store:
        assert store.find_token(CAROL) is not None
