"""From the first failed attempt on a granted token is safe, whatever becomes of its process."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from evergrant._core import saver as module
from evergrant._core.saver import Saver
from evergrant._lifeboat.outbox import Lifeboat
from evergrant._lifeboat.restore_result import RestoreOutcome
from evergrant.errors import Conflict, StoreError, TokenNotFound, TokenNotSaved
from evergrant.stores.base import TokenStore
from evergrant.stores.memory import MemoryStore
from evergrant.token import Token
from tests.support.keeper.saver_scene import ALICE as LOGIN
from tests.support.keeper.saver_scene import LOCKED, NOW


def refreshed(stored: Token, value: str = "1000.a2", hours: int = 1) -> Token:
    return replace(stored, access_token=value, expires_at=NOW + timedelta(hours=hours))


class Frail(MemoryStore):
    """A store to whose saves anything may happen."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: NOW)
        self.happens: list[Callable[[], object]] = []

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        if self.happens:
            self.happens.pop(0)()
        return super().save_token(token, expected_version=expected_version)


def failing(error: BaseException) -> Callable[[], object]:
    def fail() -> None:
        raise error

    return fail


@pytest.fixture
def store() -> Frail:
    return Frail()


Look = Callable[[float], None]


def saver_of(store: TokenStore, folder: Path, sleep: Look = lambda _: None) -> Saver:
    boat = Lifeboat(folder, store.url)
    return Saver(store, boat, lambda _: None, lambda: NOW, sleep)


def waiting(folder: Path) -> list[str | None]:
    """Return the access tokens that a process which starts now would find."""
    found: list[str | None] = []
    store = MemoryStore()
    boat = Lifeboat(folder, store.url)

    def look(token: Token) -> Any:
        found.append(token.access_token)
        raise LOCKED

    boat.restore(look)
    return found


def test_in_each_pause_the_token_is_in_the_lifeboat(store: Frail, tmp_path: Path) -> None:
    seen: list[list[str | None]] = []
    store.happens = [failing(LOCKED)] * 2
    saver = saver_of(store, tmp_path, lambda _pause: seen.append(waiting(tmp_path)))
    saver.save_login(LOGIN)
    assert seen == [["1000.a"]] * 2
    assert waiting(tmp_path) == []


def test_when_all_goes_well_no_file_is_touched(
    store: Frail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lifeboat, "add", None)
    monkeypatch.setattr(Lifeboat, "remove", None)
    saver = saver_of(store, tmp_path / "none")
    stored = saver.save_login(LOGIN)
    saver.save_refresh(refreshed(stored), stored)
    saver.save(LOGIN)
    assert not (tmp_path / "none").exists()


def test_a_token_that_was_saved_in_the_end_takes_its_older_ones_along(
    store: Frail, tmp_path: Path
) -> None:
    stored = store.save_token(LOGIN)
    saver = saver_of(store, tmp_path)
    store.happens = [failing(LOCKED)] * 4
    with pytest.raises(TokenNotSaved):
        saver.save_refresh(refreshed(stored), stored)
    saved = saver.save_refresh(refreshed(stored, "1000.a3", 2), stored)
    assert (saved.access_token, waiting(tmp_path), saver.pending_for(saved)) == (
        "1000.a3",
        [],
        None,
    )


def test_a_token_that_was_deleted_between_attempts_does_not_wait(
    store: Frail, tmp_path: Path
) -> None:
    stored = store.save_token(LOGIN)
    store.happens = [failing(LOCKED)]
    saver = saver_of(store, tmp_path, lambda _pause: store.delete_tokens())
    with pytest.raises(TokenNotFound):
        saver.save_refresh(refreshed(stored), stored)
    assert waiting(tmp_path) == []


def test_another_process_may_restore_it_in_the_pause(store: Frail, tmp_path: Path) -> None:
    stored = store.save_token(LOGIN)
    store.happens = [failing(LOCKED)]

    def theirs(_pause: float) -> None:
        saver_of(store, tmp_path).restore_pending()

    saver = saver_of(store, tmp_path, theirs)
    saved = saver.save_refresh(refreshed(stored), stored)
    assert (saved.access_token, saved.version) == ("1000.a2", 2)
    assert waiting(tmp_path) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), ZeroDivisionError()])
@pytest.mark.parametrize("place", ["save", "pause"])
def test_an_interrupt_costs_no_grant(
    store: Frail, tmp_path: Path, error: BaseException, place: str
) -> None:
    def pause(_seconds: float) -> None:
        raise error

    store.happens = [failing(error if place == "save" else LOCKED)]
    with pytest.raises(type(error)):
        saver_of(store, tmp_path, pause).save_login(LOGIN)
    assert waiting(tmp_path) == ["1000.a"]


def test_ctrl_c_in_a_pause_costs_no_grant(store: Frail, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        store.happens = [failing(LOCKED)]
        pause: Look = lambda _: signal.raise_signal(signal.SIGINT)  # noqa: E731 - one expression
        with pytest.raises(KeyboardInterrupt):
            saver_of(store, tmp_path, pause).save_login(LOGIN)
    finally:
        signal.signal(signal.SIGINT, before)
    assert waiting(tmp_path) == ["1000.a"]


@contextmanager
def interrupted(at: int) -> Iterator[None]:
    """Interrupt at the nth moment at which Python looks for signals, from the first attempt on.

    That is where a function begins, and where one in C has ended.
    """
    moments = 0
    guarded = Saver._save_with_retries.__code__

    def profile(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal moments
        # An interrupt in the interpreter's own housekeeping goes unheard.
        if "evergrant" not in frame.f_code.co_filename or event not in ("call", "c_return"):
            return
        if moments or frame.f_code is guarded:
            moments += 1
            if moments == at:
                sys.setprofile(None)
                raise KeyboardInterrupt

    before = sys.getprofile()
    gc.disable()  # an interrupt in a destructor that it runs goes unheard, too
    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(before)
        gc.enable()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # an unclosed draft
@pytest.mark.parametrize("troubles", [[], [failing(LOCKED)], [failing(Conflict("theirs"))]])
def test_an_interrupt_at_any_moment_costs_no_grant(
    tmp_path: Path, troubles: list[Callable[[], object]]
) -> None:
    for at in count(1):
        store, folder = Frail(), tmp_path / str(at)
        stored = store.save_token(LOGIN)
        store.happens = list(troubles)
        saver = saver_of(store, folder)
        try:
            with interrupted(at):
                saver.save_refresh(refreshed(stored), stored)
        except KeyboardInterrupt:
            found = [*waiting(folder), *(token.access_token for token in store.get_tokens())]
            assert "1000.a2" in found, f"lost at moment {at}"
        else:
            break  # it ended before so many moments
    assert at > 10  # fewer where the log has been limited by tests before


def test_what_became_of_each_is_told(store: Frail, tmp_path: Path) -> None:
    alice = store.save_token(LOGIN)
    bob = store.save_token(replace(LOGIN, user_name="bob@example.com:42", refresh_token="1000.b"))
    carol = store.save_token(
        replace(LOGIN, id="9", user_name="carol@example.com:42", refresh_token="1000.rc")
    )
    store.delete_token("9")
    boat = Lifeboat(tmp_path, store.url)
    boat.add(refreshed(alice, "1000.a2"))
    boat.add(refreshed(bob, "1000.b0", hours=-1))
    boat.add(refreshed(carol, "1000.c"))
    boat.add(replace(LOGIN, user_name="dave@example.com:42", access_token="1000.d"))
    store.happens = [lambda: None, failing(StoreError("the id does not fit"))]
    told = saver_of(store, tmp_path).restore_pending()
    assert [(entry.token.access_token, entry.outcome) for entry in told] == [
        ("1000.a2", RestoreOutcome.RESTORED),
        ("1000.b0", RestoreOutcome.SUPERSEDED),
        ("1000.c", RestoreOutcome.ROW_DELETED),
        ("1000.d", RestoreOutcome.STILL_PENDING),
    ]
    assert str(told[-1].problem) == "the id does not fit"
    assert waiting(tmp_path) == ["1000.d"]


def test_a_row_that_is_deleted_while_its_token_is_restored_stays_deleted(
    store: Frail, tmp_path: Path
) -> None:
    stored = store.save_token(LOGIN)
    Lifeboat(tmp_path, store.url).add(refreshed(stored))
    store.happens = [store.delete_tokens]
    saver = saver_of(store, tmp_path)
    assert [entry.outcome for entry in saver.restore_pending()] == [RestoreOutcome.STILL_PENDING]
    assert [entry.outcome for entry in saver.restore_pending()] == [RestoreOutcome.ROW_DELETED]
    assert store.get_tokens() == []


def test_the_name_that_a_waiting_login_got_is_not_lost(store: Frail, tmp_path: Path) -> None:
    nameless = store.save_token(replace(LOGIN, user_name=None, org_id=None))
    Lifeboat(tmp_path, store.url).add(replace(nameless, user_name=LOGIN.user_name, org_id="42"))
    saver_of(store, tmp_path).restore_pending()
    assert [token.user_name for token in store.get_tokens()] == [LOGIN.user_name]


def test_an_older_token_that_waits_does_not_hide_a_newer_one(store: Frail, tmp_path: Path) -> None:
    stored = store.save_token(LOGIN)
    store.happens = [failing(LOCKED)] * len([*module.PAUSES_S, "the last"])
    saver = saver_of(store, tmp_path)
    with pytest.raises(TokenNotSaved):
        saver.save_refresh(refreshed(stored), stored)
    assert saver.pending_for(stored) is not None
    theirs = store.save_token(refreshed(stored, "1000.theirs", hours=2), expected_version=1)
    assert saver.pending_for(theirs) is None
