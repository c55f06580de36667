"""Whatever stands in a token file: its good rows work, its bad ones stay, nothing else fails."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evergrant.stores.file import FileStore
from evergrant.stores.file.csv_format import parse
from evergrant.stores.rows import COLUMNS
from evergrant.testing.sample_tokens import ALICE
from evergrant.token import Token
from tests.support.example_counts import rounds
from tests.support.security.fuzzing import SECRET, mutated, or_refused
from tests.support.stores.file_store import HEADER, OLD_HEADER, OLDEST_HEADER, old_row, row

OURS = ",".join([HEADER, *COLUMNS[10:]])
FILES = [
    "\r\n".join([HEADER, row("1", "alice"), row("2", "bob"), ""]),
    "\n".join([OLD_HEADER, old_row("1", "alice"), old_row("1", "bob")]),
    "\r\n".join([OLDEST_HEADER, old_row("python_me_PRD_abcd", "alice"), ""]),
    "\r\n".join([OURS, f"{row('9999999999', 'alice')},a b,1,2,3,4,5", row("3", "bob"), ""]),
    f'{HEADER}\r\n1,"al\r\nice",{SECRET},"{SECRET}",r,"a""b",,9,,\r\n',
]

files = st.one_of(
    st.sampled_from(FILES).flatmap(lambda text: mutated(text.encode())),
    st.binary(max_size=60),
    st.binary(max_size=60).map(lambda rest: f"{HEADER}\n".encode() + rest),
)


@rounds(200)
@given(files)
@example(b"\xef\xbb\xbf" + FILES[0].encode())
@example(FILES[0].encode("utf-16"))
@example(f'{HEADER}\n1,"{"x" * 200_000}'.encode())
@example(f"{HEADER}\n1,{'x' * 200_000},".encode())
def test_every_byte_of_a_file_is_some_rows(content: bytes) -> None:
    lines = parse(content)
    for line in lines or ():
        assert SECRET not in f"{line!r}"
        assert line.raw.endswith((b"\r", b"\n"))
    if lines is not None:
        body = content.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True)[1:]
        kept = b"".join(line.raw for line in lines)
        assert b"".join(body).translate(None, b"\r\n,") == kept.translate(None, b"\r\n,")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.csv"


@rounds(60)
@given(files)
@example(b"\x00" * 40)
@example(f"{HEADER}\n{SECRET},a,b\n".encode())
@example(f"{HEADER}\n{'9' * 5_000},u,c,s,r,a,g,{'9' * 5_000},u,d\n".encode())
@example(f"{OURS}\n1,u,c,s,r,a,g,9,u,d,s,o,1,1,1,{'9' * 5_000}\n".encode())
def test_a_store_on_it_takes_a_token_or_leaves_it_as_it_is(
    path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    caplog.clear()
    caplog.set_level(logging.DEBUG, "evergrant")
    for file in path.parent.iterdir():
        file.unlink()
    path.write_bytes(content)
    path.chmod(0o600)
    store = or_refused(lambda: FileStore(path, timeout=0))
    assert store or path.read_bytes() == content
    if store:
        use(store)
        there = {token.id: token for token in store.get_tokens()}
        store.close()
        with FileStore(path, timeout=0) as again:
            assert {token.id: token for token in again.get_tokens()} == there
    if not any(SECRET in f"{line.row[:2]}" for line in parse(content) or ()):
        assert SECRET not in caplog.text


def use(store: FileStore) -> None:
    before = {token.id: token for token in store.get_tokens()}
    for token in before.values():
        assert store.find_token_by_id(str(token.id)) == token
    saved = or_refused(lambda: store.save_token(ALICE))
    if saved:
        assert store.find_token_by_id(str(saved.id)) == saved
        whose = Token(user_name=ALICE.user_name, client_id=ALICE.client_id, org_id=ALICE.org_id)
        assert store.find_token(whose) == saved
    or_refused(lambda: store.find_users("alice"))
    or_refused(lambda: store.delete_token("2"))
    left = {token.id: token for token in store.get_tokens()}
    others = {id_: token for id_, token in before.items() if token.user_name != ALICE.user_name}
    assert {id_: left.get(id_) for id_ in others if id_ != "2"} == {
        id_: token for id_, token in others.items() if id_ != "2"
    }
