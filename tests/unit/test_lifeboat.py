"""Where granted tokens wait for their store: nothing is lost, and nobody else reads it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from evergrant._lifeboat.restore_result import RestoreOutcome, RestoreResult
from evergrant.errors import StoreError
from evergrant.token import Token
from tests.support.keeper.lifeboat import LOGIN, TOKEN, boat, files, locked, taken


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_token_comes_back_whole_after_a_restart(tmp_path: Path) -> None:
    path = boat(tmp_path).add(TOKEN)
    assert path is not None
    assert path.is_file()
    again = boat(tmp_path)
    assert again.has_pending
    assert taken(again) == [TOKEN]
    assert not again.has_pending
    assert not path.exists()


def test_only_the_owner_can_read_it_even_with_a_careless_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = boat(tmp_path / "new" / "folder").add(TOKEN)
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
    assert lifeboat.add(TOKEN) is None
    assert files(tmp_path) == []
    monkeypatch.undo()
    assert taken(lifeboat) == [TOKEN]


def test_a_newer_token_of_the_same_row_replaces_the_older(tmp_path: Path) -> None:
    newer = replace(TOKEN, access_token="1000.newer")
    boat(tmp_path).add(TOKEN)
    boat(tmp_path).add(newer)
    assert len(files(tmp_path)) == 1
    assert taken(boat(tmp_path)) == [newer]


def test_a_newer_token_that_another_process_put_is_not_dropped(tmp_path: Path) -> None:
    newer = replace(TOKEN, access_token="1000.newer")
    first = boat(tmp_path)
    first.add(TOKEN)
    boat(tmp_path).add(newer)
    assert newer in taken(first)


def test_a_grant_that_got_its_owners_name_is_not_kept_twice(tmp_path: Path) -> None:
    named = replace(LOGIN, user_name="alice@example.com:42", org_id="42")
    lifeboat = boat(tmp_path)
    lifeboat.add(LOGIN)
    lifeboat.add(named)
    assert taken(boat(tmp_path)) == [named]


def test_two_grants_without_an_id_are_two(tmp_path: Path) -> None:
    other = replace(LOGIN, access_token="1000.a3", refresh_token="1000.r3")
    lifeboat = boat(tmp_path)
    lifeboat.add(LOGIN)
    lifeboat.add(other)
    lifeboat.add(TOKEN)
    assert taken(boat(tmp_path)) == [LOGIN, other, TOKEN]


def test_stores_do_not_share_a_lifeboat(tmp_path: Path) -> None:
    boat(tmp_path, "sqlite:///a.db").add(TOKEN)
    assert not boat(tmp_path, "sqlite:///b.db").has_pending


def test_what_the_store_does_not_take_waits_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def picky(token: Token) -> RestoreResult:
        if token == TOKEN:
            raise StoreError("the row cannot be read")
        return RestoreResult(token, RestoreOutcome.RESTORED)

    lifeboat = boat(tmp_path)
    lifeboat.add(TOKEN)
    lifeboat.add(LOGIN)
    lifeboat.restore(picky)
    assert lifeboat.has_pending
    assert lifeboat.find("7") == TOKEN
    assert "the row cannot be read" in caplog.text
    assert taken(boat(tmp_path)) == [TOKEN]


def test_a_store_that_is_down_is_not_asked_for_one_token_after_the_other(tmp_path: Path) -> None:
    lifeboat, asked = boat(tmp_path), list[str | None]()
    for number in "123":
        lifeboat.add(replace(TOKEN, id=number, access_token=number))

    def down(token: Token) -> RestoreResult:
        asked.append(token.id)
        return locked(token)

    fates = [boarding.outcome for boarding in lifeboat.restore(down)]
    assert (asked, fates) == (["1"], [RestoreOutcome.STILL_PENDING] * 3)
    assert lifeboat.find("3")


def test_a_save_that_fails_unexpectedly_loses_nothing(tmp_path: Path) -> None:
    def broken(token: Token) -> RestoreResult:
        raise ZeroDivisionError

    lifeboat = boat(tmp_path)
    lifeboat.add(TOKEN)
    with pytest.raises(ZeroDivisionError):
        lifeboat.restore(broken)
    assert lifeboat.find("7") == TOKEN
    assert taken(boat(tmp_path)) == [TOKEN]


def test_what_was_deleted_on_purpose_does_not_wait(tmp_path: Path) -> None:
    lifeboat = boat(tmp_path)
    lifeboat.add(TOKEN)
    lifeboat.add(LOGIN)
    lifeboat.discard(TOKEN)
    assert lifeboat.find("7") is None
    assert taken(boat(tmp_path)) == [LOGIN]


@pytest.mark.parametrize("end", ["replaced", "saved", "deleted"])
def test_what_waits_for_another_user_whose_row_had_the_same_id_stays(
    tmp_path: Path, end: str
) -> None:
    lifeboat = boat(tmp_path)
    lifeboat.add(TOKEN)
    bob = replace(TOKEN, user_name="bob@example.com:42", refresh_token="r", access_token="a")
    if end == "replaced":
        lifeboat.add(bob)
    elif end == "saved":
        lifeboat.remove(bob)
    else:
        lifeboat.discard(bob)
    assert TOKEN in taken(boat(tmp_path))


def test_what_another_process_put_is_seen_while_this_one_runs(tmp_path: Path) -> None:
    ours = boat(tmp_path)
    assert not ours.has_pending
    boat(tmp_path).add(TOKEN)
    assert ours.has_pending
    assert taken(ours) == [TOKEN]


def test_what_another_process_restored_is_not_taken_again(tmp_path: Path) -> None:
    ours = boat(tmp_path)
    ours.add(LOGIN)
    assert taken(boat(tmp_path)) == [LOGIN]
    assert not ours.has_pending
    assert taken(ours) == []


def test_a_folder_that_is_gone_takes_no_token_along(tmp_path: Path) -> None:
    folder = tmp_path / "mounted"
    lifeboat = boat(folder)
    path = lifeboat.add(TOKEN)
    assert path
    path.unlink()
    folder.rmdir()
    assert lifeboat.add(TOKEN)
    assert taken(boat(folder)) == [TOKEN]


def test_a_file_that_is_gone_is_not_named_as_where_the_token_is(tmp_path: Path) -> None:
    folder = tmp_path / "mounted"
    lifeboat = boat(folder)
    path = lifeboat.add(TOKEN)
    assert path
    path.unlink()
    folder.rmdir()
    folder.write_text("")
    assert lifeboat.add(TOKEN) is None
    assert lifeboat.find("7") == TOKEN


def test_a_token_that_only_memory_held_is_written_when_there_is_room(tmp_path: Path) -> None:
    blocked = tmp_path / "folder"
    blocked.write_text("")
    lifeboat = boat(blocked)
    assert lifeboat.add(TOKEN) is None
    blocked.unlink()
    lifeboat.restore(locked)
    assert taken(boat(blocked)) == [TOKEN]


def test_a_token_that_cannot_be_written_is_kept_whatever_is_wrong_with_it(tmp_path: Path) -> None:
    odd = replace(TOKEN, user_name=b"no text")  # type: ignore[arg-type]
    lifeboat = boat(tmp_path)
    assert lifeboat.add(odd) is None
    assert lifeboat.find("7") == odd


def test_a_file_that_cannot_be_removed_is_not_restored_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def read_only(path: Path, **_options: object) -> None:
        raise OSError(30, "Read-only file system")

    lifeboat = boat(tmp_path)
    lifeboat.add(TOKEN)
    monkeypatch.setattr(Path, "unlink", read_only)
    assert taken(lifeboat) == [TOKEN]
    assert taken(lifeboat) == []
    assert "Read-only file system" in caplog.text


def test_putting_a_token_in_does_not_wait_for_a_slow_store(tmp_path: Path) -> None:
    lifeboat = boat(tmp_path)
    lifeboat.add(TOKEN)

    def slow(token: Token) -> RestoreResult:
        with ThreadPoolExecutor(1) as other:
            assert other.submit(lifeboat.add, LOGIN).result(30)
        return locked(token)

    lifeboat.restore(slow)
    assert taken(lifeboat) == [TOKEN, LOGIN]


def test_a_folder_that_cannot_be_made_leaves_the_token_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    lifeboat = boat(tmp_path / "file")
    assert not lifeboat.has_pending
    assert lifeboat.add(TOKEN) is None
    assert lifeboat.find("7") == TOKEN
    assert taken(lifeboat) == [TOKEN]
    assert not lifeboat.has_pending


def test_threads_that_put_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    lifeboats = [boat(tmp_path) for _ in range(4)]
    start = threading.Barrier(4)

    def put(lane: int) -> None:
        start.wait(10)
        for number in range(5):
            lifeboats[lane].add(replace(LOGIN, access_token=f"1000.{lane}.{number}"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(4)))
    assert len({token.access_token for token in taken(boat(tmp_path))}) == 20


PUT = """
import sys
from pathlib import Path
from evergrant._lifeboat.outbox import Lifeboat
from evergrant.token import Token

for number in range(10):
    token = Token(client_id="c", access_token=f"1000.{sys.argv[2]}.{number}")
    assert Lifeboat(Path(sys.argv[1]), "sqlite:///t.db").add(token)
"""


def test_processes_that_put_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PUT, str(tmp_path)]
    processes = [subprocess.Popen([*command, str(lane)]) for lane in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert len(taken(boat(tmp_path))) == 30
