"""Where granted tokens wait for their store: nothing is lost, and nobody else reads it."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock

from evergrant.errors import StoreUnavailable
from evergrant.keeping.boarding import Boarding, Fate
from evergrant.keeping.lifeboat import Lifeboat
from evergrant.token import Token

TOKEN = Token(
    id="7",
    user_name="o'brien@例え.jp:42",
    client_id="1000.ID",
    client_secret="s3cret",
    refresh_token="1000.r",
    access_token="1000.a",
    expires_at=datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
    api_domain="https://www.zohoapis.eu",
    scopes=("A.b.READ", "C.d.ALL"),
    org_id="42",
    version=3,
)
LOGIN = Token(client_id="1000.ID", refresh_token="1000.r2", access_token="1000.a2")


def boat(folder: Path, url: str = "sqlite:///t.db") -> Lifeboat:
    return Lifeboat(folder, url)


def taken(lifeboat: Lifeboat) -> list[Token]:
    aboard: list[Token] = []

    def save(token: Token) -> Boarding:
        aboard.append(token)
        return Boarding(token, Fate.ABOARD)

    lifeboat.take_aboard(save)
    return aboard


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_token_comes_back_whole_after_a_restart(tmp_path: Path) -> None:
    path = boat(tmp_path).put(TOKEN)
    assert path is not None
    assert path.is_file()
    again = boat(tmp_path)
    assert again.occupied
    assert taken(again) == [TOKEN]
    assert not again.occupied
    assert not path.exists()


def test_only_the_owner_can_read_it_even_with_a_careless_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = boat(tmp_path / "new" / "folder").put(TOKEN)
        assert path is not None
        assert [mode(path.parent), mode(path)] == [0o700, 0o600]
        assert {mode(other) for other in path.parent.iterdir()} == {0o600}
    finally:
        os.umask(before)


def test_no_draft_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    lifeboat = boat(tmp_path)
    assert lifeboat.put(TOKEN) is None
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".lock"]
    monkeypatch.undo()
    assert taken(lifeboat) == [TOKEN]


def test_a_newer_token_of_the_same_row_replaces_the_older(tmp_path: Path) -> None:
    newer = replace(TOKEN, access_token="1000.newer")
    first = boat(tmp_path)
    first.put(TOKEN)
    boat(tmp_path).put(newer)
    assert first.find("7") == TOKEN
    assert taken(boat(tmp_path)) == [newer]


def test_a_newer_token_that_another_process_put_is_not_dropped(tmp_path: Path) -> None:
    newer = replace(TOKEN, access_token="1000.newer")
    first = boat(tmp_path)
    first.put(TOKEN)
    boat(tmp_path).put(newer)
    assert newer in taken(first)


def test_a_grant_that_got_its_owners_name_is_not_kept_twice(tmp_path: Path) -> None:
    named = replace(LOGIN, user_name="alice@example.com:42", org_id="42")
    lifeboat = boat(tmp_path)
    lifeboat.put(LOGIN)
    lifeboat.put(named)
    assert taken(boat(tmp_path)) == [named]


def test_two_grants_without_an_id_are_two(tmp_path: Path) -> None:
    other = replace(LOGIN, access_token="1000.a3", refresh_token="1000.r3")
    lifeboat = boat(tmp_path)
    lifeboat.put(LOGIN)
    lifeboat.put(other)
    lifeboat.put(TOKEN)
    assert taken(boat(tmp_path)) == [LOGIN, other, TOKEN]


def test_stores_do_not_share_a_lifeboat(tmp_path: Path) -> None:
    boat(tmp_path, "sqlite:///a.db").put(TOKEN)
    assert not boat(tmp_path, "sqlite:///b.db").occupied


def test_what_the_store_does_not_take_waits_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def locked(token: Token) -> None:
        if token == TOKEN:
            raise StoreUnavailable("the database is locked")

    lifeboat = boat(tmp_path)
    lifeboat.put(TOKEN)
    lifeboat.put(LOGIN)
    lifeboat.take_aboard(locked)
    assert lifeboat.occupied
    assert lifeboat.find("7") == TOKEN
    assert "the database is locked" in caplog.text
    assert taken(boat(tmp_path)) == [TOKEN]


def test_a_save_that_fails_unexpectedly_loses_nothing(tmp_path: Path) -> None:
    def broken(token: Token) -> None:
        raise ZeroDivisionError

    lifeboat = boat(tmp_path)
    lifeboat.put(TOKEN)
    with pytest.raises(ZeroDivisionError):
        lifeboat.take_aboard(broken)
    assert lifeboat.find("7") == TOKEN
    assert taken(boat(tmp_path)) == [TOKEN]


def test_what_was_deleted_on_purpose_does_not_wait(tmp_path: Path) -> None:
    lifeboat = boat(tmp_path)
    lifeboat.put(TOKEN)
    lifeboat.put(LOGIN)
    lifeboat.drop("7")
    assert lifeboat.find("7") is None
    assert taken(boat(tmp_path)) == [LOGIN]


@pytest.mark.parametrize(
    "damage",
    [
        *(b"", b"[", b"null", b"7", b'{"a": 1}', b"[7]", b'[["7", "alice"]]', b"\xff\xfe\x00"),
        *(b"[[]]", b"[" * 200_000),
    ],
    ids=lambda damage: repr(damage[:9]),
)
def test_a_damaged_lifeboat_is_left_as_it_is_and_said_so(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = boat(tmp_path).path
    path.write_bytes(damage)
    lifeboat = boat(tmp_path)
    assert taken(lifeboat) == []
    assert lifeboat.put(TOKEN) is None
    assert lifeboat.find("7") == TOKEN
    lifeboat.drop("8")
    assert path.read_bytes() == damage
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 3
    assert f"the lifeboat {path} is damaged. Mend it, or move it away." in caplog.text
    path.unlink()
    assert taken(lifeboat) == [TOKEN]


def test_a_damaged_lifeboat_does_not_tell_what_is_in_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lifeboat = boat(tmp_path)
    path = lifeboat.put(TOKEN)
    assert path is not None
    rows = json.loads(path.read_bytes())
    rows[0][7] = "1000.misplaced"
    path.write_text(json.dumps(rows))
    assert taken(boat(tmp_path)) == []
    assert "damaged" in caplog.text
    for secret in ("s3cret", "1000.r", "1000.a", "1000.misplaced"):
        assert secret not in caplog.text


def test_a_folder_that_cannot_be_made_leaves_the_token_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    lifeboat = boat(tmp_path / "file")
    assert not lifeboat.occupied
    assert lifeboat.put(TOKEN) is None
    assert lifeboat.find("7") == TOKEN
    assert taken(lifeboat) == [TOKEN]
    assert not lifeboat.occupied


def test_another_process_that_holds_the_file_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_TIMEOUT", 0.01)
    lifeboat = boat(tmp_path)
    with FileLock(f"{lifeboat.path}.lock"):
        assert lifeboat.put(TOKEN) is None
    assert lifeboat.find("7") == TOKEN
    assert lifeboat.put(TOKEN) == lifeboat.path
    assert taken(boat(tmp_path)) == [TOKEN]


def test_threads_that_put_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    lifeboats = [boat(tmp_path) for _ in range(4)]
    start = threading.Barrier(4)

    def put(lane: int) -> None:
        start.wait(10)
        for number in range(5):
            lifeboats[lane].put(replace(LOGIN, access_token=f"1000.{lane}.{number}"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(4)))
    assert len({token.access_token for token in taken(boat(tmp_path))}) == 20


PUT = """
import sys
from pathlib import Path
from evergrant.keeping.lifeboat import Lifeboat
from evergrant.token import Token

for number in range(10):
    token = Token(client_id="c", access_token=f"1000.{sys.argv[2]}.{number}")
    assert Lifeboat(Path(sys.argv[1]), "sqlite:///t.db").put(token)
"""


def test_processes_that_put_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PUT, str(tmp_path)]
    processes = [subprocess.Popen([*command, str(lane)]) for lane in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert len(taken(boat(tmp_path))) == 30
