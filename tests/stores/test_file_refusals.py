"""What cannot be used as a token file is refused with its reason, and left as it is."""

from __future__ import annotations

import errno
import logging
import os
import resource
import signal
from pathlib import Path

import pytest

from evergrant._files import secure_files
from evergrant.errors import StoreError, StoreUnavailable
from evergrant.stores.file import FileStore
from evergrant.stores.file import snapshot as file_disk
from evergrant.testing.sample_tokens import ALICE, BOB, SECRETS, refreshed
from tests.support.stores.file_store import HEADER, put, row, rows, story
from tests.support.stores.sqlite_store import GARBAGE, mode, unprivileged


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.csv"


@pytest.mark.parametrize(
    "content",
    [
        GARBAGE,
        b"\n",
        b"\xef\xbb\xbf",
        b"id,user_name\r\n",
        b"id,name,mail,a,b,c,d,e,f,g\r\n1,2,3,4,5,6,7,8,9,10\r\n",
        f"{HEADER},more\r\n".encode(),
        f"{HEADER}\r\n".encode("utf-16"),
        f"{HEADER}\r\n".encode().replace(b",", b";"),
        f'"{HEADER}\r\n'.encode(),
        row("1", "alice").encode(),
        b"\0" * 1000,
    ],
)
def test_what_is_no_token_file_is_refused_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o644)
    with pytest.raises(StoreUnavailable, match="does not hold tokens; nothing was changed") as no:
        FileStore(path)
    assert no.value.retryable is False
    assert str(path) in str(no.value)
    assert SECRETS not in story(no.value)
    assert (path.read_bytes(), mode(path)) == (content, 0o644)


def test_a_file_that_was_emptied_is_not_taken_for_a_new_one(path: Path) -> None:
    with FileStore(path) as store:
        store.save_token(ALICE)
        path.write_bytes(b"")
        for use in (lambda: store.save_token(BOB), store.get_tokens, lambda: FileStore(path)):
            with pytest.raises(StoreUnavailable, match=r"it is empty.*; nothing was changed") as no:
                use()
            assert "backup" in no.value.hint
    assert path.read_bytes() == b""


def test_a_file_that_was_removed_is_missed(path: Path) -> None:
    with FileStore(path) as store:
        store.save_token(ALICE)
        content = path.read_bytes()
        path.unlink()
        for use in (lambda: store.save_token(BOB), store.get_tokens, store.change_counter):
            with pytest.raises(StoreUnavailable, match="it was removed"):
                use()
        path.write_bytes(content)
        assert store.save_token(BOB).id == "2"


def test_a_file_that_is_too_large_is_refused_before_it_is_read(path: Path) -> None:
    put(path, HEADER, row("1", "alice"))
    os.truncate(path, file_disk.LARGEST + 1)
    with pytest.raises(StoreUnavailable, match=r"larger than 64 MiB.*SQLite"):
        FileStore(path)


def test_a_save_that_would_make_it_too_large_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FileStore(path) as store:
        saved = store.save_token(ALICE)
        monkeypatch.setattr(file_disk, "LARGEST", path.stat().st_size + 10)
        with pytest.raises(StoreUnavailable, match="larger than"):
            store.save_token(BOB)
        assert store.get_tokens() == [saved]


def test_a_value_that_would_not_come_back_is_refused_without_showing_it(path: Path) -> None:
    with FileStore(path) as store:
        saved = store.save_token(ALICE)
        for text in (f"{SECRETS}\ud800", SECRETS + "x" * 200_000):
            with pytest.raises(StoreError, match="cannot hold") as caught:
                store.save_token(refreshed(BOB, access_token=text))
            assert SECRETS not in story(caught.value)
        assert store.get_tokens() == [saved]


def test_a_write_that_the_disk_refuses_loses_nothing(path: Path) -> None:
    assert signal.getsignal(signal.SIGXFSZ) is signal.SIG_IGN, "the limit would kill us"
    with FileStore(path) as store:
        saved = store.save_token(ALICE)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 5, hard))
        try:
            with pytest.raises(
                StoreUnavailable, match=r"may not grow.*nothing was saved"
            ) as caught:
                store.save_token(BOB)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert SECRETS not in story(caught.value)
        assert store.get_tokens() == [saved]
        assert not list(path.parent.glob("*.draft"))
        assert store.save_token(BOB).version == 1


@pytest.mark.parametrize(
    ("code", "says", "retryable"),
    [
        (errno.ENOSPC, "the disk is full", True),
        (errno.EDQUOT, "quota", True),
        (errno.EROFS, "refreshed tokens could not be saved", False),
        (errno.EIO, "Input/output error", True),
        (errno.EBUSY, "mounted by itself", False),
    ],
)
def test_what_the_disk_says_when_it_is_synced_is_said_on(
    path: Path, code: int, says: str, retryable: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    with FileStore(path) as store:
        saved = store.save_token(ALICE)
        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", fail)
            with pytest.raises(StoreUnavailable, match=f"{says}.*nothing was saved") as caught:
                store.save_token(refreshed(ALICE))
        assert caught.value.retryable is retryable
        assert SECRETS not in story(caught.value)
        assert store.get_tokens() == [saved]
        assert not list(path.parent.glob("*.draft"))


def test_a_folder_a_pipe_and_a_missing_place(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    for name, why in (
        ("", "it is a folder"),
        ("pipe", "not a regular file"),
        ("file/tokens.csv", "Not a directory"),
        ("x" * 300, "too long"),
    ):
        with pytest.raises(StoreUnavailable, match=why):
            FileStore(tmp_path / name)


def test_what_may_not_be_written_could_not_take_refreshed_tokens() -> None:
    with unprivileged() as folder:
        path = folder / "tokens.csv"
        FileStore(path).close()
        path.chmod(0o400)
        with pytest.raises(StoreUnavailable, match="refreshed tokens could not be saved"):
            FileStore(path)
        path.chmod(0o600)
        with FileStore(path) as store:
            folder.chmod(0o500)
            with pytest.raises(StoreUnavailable, match="refreshed tokens could not be saved") as no:
                store.save_token(ALICE)
            assert no.value.retryable is False
            assert store.get_tokens() == []


def test_a_closed_store_says_that_it_was_closed(path: Path) -> None:
    store = FileStore(path)
    store.save_token(ALICE)
    store.close()
    store.close()
    for use in (
        store.get_tokens,
        store.change_counter,
        lambda: store.save_token(BOB),
        lambda: store.lease("1", 1),
    ):
        with pytest.raises(StoreUnavailable, match="was closed"):
            use()


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_nobody_else_can_read_its_files_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    folder = tmp_path / "a" / "b"
    before = os.umask(umask)
    try:
        with FileStore(folder / "tokens.csv") as store:
            assert store.lease(str(store.save_token(ALICE).id), 60)
            modes = {file.name: mode(file) for file in folder.iterdir()}
            lease = [name for name in modes if name.startswith("tokens.csv.lease-")]
    finally:
        os.umask(before)
    names = ["tokens.csv", "tokens.csv.lock", "tokens.csv.evergrant", *lease]
    assert modes == dict.fromkeys(names, 0o600)
    assert len(lease) == 1
    assert mode(folder) == mode(folder.parent) == 0o700


def test_a_file_that_others_could_read_is_tightened_and_said_so_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(path, HEADER, row("1", "alice"))
    path.chmod(0o664)
    with caplog.at_level(logging.WARNING, "evergrant"):
        for _ in range(2):
            FileStore(path).close()
            assert mode(path) == 0o600
    [line] = caplog.messages
    assert line == f"others could read tokens.csv of {path}: now only its owner can"


def test_the_draft_is_nobody_elses_either(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[int] = []
    real = os.fsync

    def look(handle: int) -> None:
        modes.extend(mode(draft) for draft in path.parent.glob("*.draft"))
        real(handle)

    before = os.umask(0)
    try:
        with FileStore(path) as store:
            monkeypatch.setattr(os, "fsync", look)
            store.save_token(ALICE)
    finally:
        os.umask(before)
    assert modes
    assert set(modes) == {0o600}


def test_what_root_does_leaves_the_files_to_their_owner() -> None:
    with unprivileged() as folder:
        path = folder / "tokens.csv"
        put(path, HEADER, row("1", "alice"))
        owner = path.stat().st_uid
        back = os.geteuid()
        if os.getresuid()[2] == 0:
            os.seteuid(0)
        with FileStore(path) as store:
            store.save_token(BOB)
        os.seteuid(back)
        assert {file.stat().st_uid for file in folder.iterdir()} == {owner}
        with FileStore(path) as store:
            assert len(rows(path)) == len(store.get_tokens()) + 1 == 3
            store.save_token(ALICE)


def test_bytes_that_are_hidden_do_not_show() -> None:
    hidden = secure_files.MaskedBytes(b"planted")
    assert f"{hidden!r} {hidden!s} {hidden}" == "<7 bytes> <7 bytes> <7 bytes>"


@pytest.mark.parametrize("has_proc", [True, False])
def test_what_is_tightened_is_the_file_that_was_looked_at(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    has_proc: bool,  # noqa: FBT001 - a parameter
) -> None:
    put(path, HEADER, row("1", "alice"))
    path.chmod(0o664)
    other = path.with_name("other")
    other.write_text("")
    other.chmod(0o664)
    exists = os.path.exists

    def look(file: str) -> bool:
        if has_proc:
            other.replace(path)  # an attacker's, in the last moment
        return has_proc and exists(file)

    handle = path.open()
    monkeypatch.setattr(os.path, "exists", look)
    secure_files.restrict_permissions(str(path))
    monkeypatch.undo()
    assert os.fstat(handle.fileno()).st_mode & 0o777 == 0o600
    assert mode(path) == (0o664 if has_proc else 0o600)
    handle.close()
