"""Files as Zoho's SDKs wrote them open as they are, and stay readable to those SDKs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evergrant.errors import Conflict, StoreMissing, StoreUnavailable
from evergrant.stores import open_store
from evergrant.stores.file import FileStore
from evergrant.stores.rows import COLUMNS
from evergrant.testing.sample_tokens import ALICE, BOB, NOON, grant, refreshed
from evergrant.token import Token
from tests.support.stores.file_store import (
    HEADER,
    NOON_MS,
    OLD_HEADER,
    OLDEST_HEADER,
    old_row,
    put,
    row,
    rows,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.csv"


def users(store: FileStore) -> list[str | None]:
    return [token.user_name for token in store.get_tokens()]


def test_a_new_file_has_the_official_header_and_ours_behind_it(path: Path) -> None:
    with FileStore(path) as store:
        store.save_token(ALICE)
    [header, alice] = path.read_bytes().decode().splitlines()
    assert header == f"{HEADER},scopes,org_id,created_at,updated_at,last_used_at,version"
    assert alice.startswith(
        "1,alice@example.com:60001,1000.APP,planted-secret-1000.APP,planted-refresh-alice-1000.APP,"
        f"planted-access-alice-1000.APP,planted-grant-alice-1000.APP,{NOON_MS},"
        "https://app.example.com/callback,https://www.zohoapis.eu,ZohoCRM.modules.ALL ZohoCRM."
    )
    assert path.read_bytes().count(b"\r\n") == 2


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        HEADER.replace("redirect_uri", "redirect_url"),
        f"{HEADER},scopes,org_id,created_at,updated_at,last_used_at,version",
    ],
)
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\r\r\n", "\r\n\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_file_of_ten_columns_opens_as_it_is(path: Path, header: str, end: str, mark: str) -> None:
    before = put(path, mark + header, row("1", "alice"), row("2", "bob"), end=end)
    with FileStore(path) as store:
        alice, bob = store.get_tokens()
        assert path.read_bytes() == before
        assert (alice.id, alice.user_name) == ("1", "alice@example.com:60001")
        assert (alice.client_secret, alice.grant_token) == ("planted-secret", None)
        assert (alice.expires_at, alice.version) == (NOON, 0)
        assert store.find_token(Token(user_name=bob.user_name)) == bob
        store.save_token(replace(bob, access_token="new"))
        assert users(store) == [alice.user_name, bob.user_name]
    found = rows(path)
    assert [len(fields) for fields in found] == [len(COLUMNS), 10, len(COLUMNS)]
    assert found[1] == row("1", "alice").split(",")


@pytest.mark.parametrize("header", [OLD_HEADER, OLDEST_HEADER])
def test_a_file_of_nine_columns_opens_and_what_we_write_has_ten(path: Path, header: str) -> None:
    before = put(path, header, old_row("python_me_PRD_abcd", "alice"), old_row("7", "bob"))
    with FileStore(path) as store:
        alice = store.find_token(Token(user_name="alice@example.com:60001"))
        assert alice
        assert (alice.id, alice.api_domain) == ("python_me_PRD_abcd", None)
        assert path.read_bytes() == before
        assert store.save_token(grant("carol")).id == "8"
        assert store.find_token_by_id("python_me_PRD_abcd") == alice
    # The official SDK reads the tenth column of every row below a header of ten.
    assert [len(fields) for fields in rows(path)] == [16, 10, 10, 16]
    assert rows(path)[1] == [*old_row("python_me_PRD_abcd", "alice").split(","), ""]


def test_rows_that_the_official_store_rewrites_lose_ours_and_nothing_else(path: Path) -> None:
    with FileStore(path) as store:
        alice, bob = store.save_token(ALICE), store.save_token(BOB)
        header, first, second = rows(path)
        put(path, ",".join(header), ",".join(first[:10]), ",".join(second))
        found = store.find_token_by_id("1")
        assert found
        assert (found.access_token, found.version, found.scopes) == (alice.access_token, 0, ())
        assert store.find_token_by_id("2") == bob
        with pytest.raises(Conflict):
            store.save_token(alice, expected_version=1)
        assert store.save_token(refreshed(ALICE)).version > alice.version


def test_a_header_of_ten_above_our_rows_is_the_official_stores_and_fits(path: Path) -> None:
    with FileStore(path) as store:
        store.save_token(ALICE)
        header, alice = rows(path)
        put(path, ",".join(header[:10]), ",".join(alice))
        found = store.find_token_by_id("1")
        assert found
        assert found.version == 1


def test_a_link_stays_a_link(path: Path) -> None:
    target = path.with_name("real.csv")
    put(target, HEADER)
    path.symlink_to(target)
    with FileStore(path) as store, FileStore(target) as other:
        saved = store.save_token(ALICE)
        assert store.url == other.url == f"file://{target}"
        assert other.get_tokens() == [saved]
    assert path.is_symlink()


def test_an_empty_file_is_a_new_store(path: Path) -> None:
    path.touch()
    with FileStore(path) as store:
        assert store.get_tokens() == []
    assert len(rows(path)) == 1


def test_ids_go_on_after_the_largest_that_ever_was(path: Path) -> None:
    put(path, HEADER, row("41", "alice"), row("tenant-99", "bob"), row("99999999999", "carol"))
    with FileStore(path) as store:
        assert store.save_token(grant("dave")).id == "42"
        store.delete_token("42")
        assert store.save_token(grant("dave")).id == "43"
        store.delete_tokens()
    with FileStore(path) as store:
        assert store.save_token(grant("dave")).id == "44"


@pytest.mark.parametrize("left", [None, b"", b"{", b"[]", b'{"last_number": "x"}', b"\xff"])
def test_without_what_is_kept_beside_them_ids_go_on_after_the_largest_there_is(
    path: Path, left: bytes | None
) -> None:
    beside = path.with_name("tokens.csv.evergrant")
    with FileStore(path) as store:
        store.save_token(ALICE)
        if left is None:
            beside.unlink()
        else:
            beside.write_bytes(left)
        assert store.save_token(BOB).id == "2"
        with store.lease("2", 60) as lease:
            assert lease


def test_only_to_read_leaves_all_as_it_is(path: Path) -> None:
    before = put(path, HEADER, row("1", "alice"), row("1", "bob"), end="\n")
    path.chmod(0o644)
    with open_store(f"file://{path}", read_only=True) as store:
        assert [(token.id, token.user_name) for token in store.get_tokens()] == [
            ("1", "alice@example.com:60001"),
            ("2", "bob@example.com:60001"),
        ]
        assert store.find_token_by_id("2") is not None
        for use in (lambda: store.save_token(ALICE), lambda: store.lease("1", 1)):
            with pytest.raises(StoreUnavailable, match="opened read-only"):
                use()
        put(path, HEADER, row("1", "alice"))
        assert len(store.get_tokens()) == 1
        path.write_bytes(before)
    assert [file.name for file in path.parent.iterdir()] == ["tokens.csv"]


@pytest.mark.parametrize("name", ["none.csv", "folder"])
def test_only_to_read_what_is_not_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreMissing, match=f"there is no file of file://{tmp_path}/{name}"):
        open_store(f"file://{tmp_path}/{name}", read_only=True)
    assert [file.name for file in tmp_path.iterdir()] == ["folder"]


def test_one_file_is_one_store_however_it_is_named(path: Path) -> None:
    with FileStore(path) as store:
        path.with_name("link.csv").symlink_to(path)
        for url in (
            f"file:{path.parent}/../{path.parent.name}/link.csv",
            f"file://LOCALHOST{path}",
        ):
            with open_store(url) as other:
                assert other.storage_id() == store.storage_id()
