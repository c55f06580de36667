"""What Zoho granted is saved, come what may, and never over something better."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from evergrant._core.saver import PAUSES_S, Saver
from evergrant._lifeboat.outbox import Lifeboat
from evergrant.errors import (
    Conflict,
    CorruptRecord,
    StoreError,
    StoreUnavailable,
    TokenNotFound,
    TokenNotSaved,
)
from evergrant.events import Event, Restored, SaveFailed
from evergrant.stores.memory import MemoryStore
from evergrant.token import Token
from tests.support.keeper.saver_scene import ALICE, HOUR, LOCKED, NOW, Scene, scene

__all__ = ["scene"]


def test_a_refresh_is_saved_over_the_row_that_it_refreshes(scene: Scene) -> None:
    stored = scene.store.save_token(ALICE)
    saved = scene.saver().save_refresh(scene.refreshed(stored), stored)
    assert (saved.id, saved.access_token, saved.version) == (stored.id, "1000.a2", 2)
    assert scene.store.get_tokens() == [saved]


def test_a_store_that_asks_for_patience_gets_it(scene: Scene) -> None:
    stored = scene.store.save_token(ALICE)
    scene.store.troubles = [LOCKED, LOCKED]
    assert scene.saver().save_refresh(scene.refreshed(stored), stored).access_token == "1000.a2"
    assert scene.naps == list(PAUSES_S)
    assert scene.events == []


@pytest.mark.parametrize(
    ("trouble", "tries"),
    [
        (LOCKED, 3),
        (Conflict("somebody is always faster"), 20),
        (Conflict("the row is another user's", retryable=False), 1),
        (StoreUnavailable("the disk is full", retryable=False), 1),
        (CorruptRecord("row 7 is corrupt", token_id="7"), 1),
        (StoreError("the id does not fit"), 1),
    ],
)
def test_what_the_store_does_not_take_waits_in_the_lifeboat(
    scene: Scene, trouble: StoreError, tries: int
) -> None:
    scene.store.troubles = [trouble] * 99
    with pytest.raises(TokenNotSaved) as caught:
        scene.saver().save_login(ALICE)
    assert scene.store.tries == tries
    error, event = caught.value, scene.events[0]
    assert isinstance(event, SaveFailed)
    assert error.lifeboat == event.lifeboat == next(scene.folder.glob("*.json"))
    assert error.__cause__ is event.error is trouble
    assert str(error.lifeboat) in str(error)
    assert trouble.message in str(error)


def test_a_token_that_holds_nothing_does_not_hide_the_row_from_the_lifeboat(scene: Scene) -> None:
    stored, saver = scene.store.save_token(ALICE), scene.saver()
    with pytest.raises(StoreError, match="nothing to save"):
        saver.save(Token(id=stored.id, user_name=ALICE.user_name))
    assert saver.pending_for(stored) is None
    assert (scene.events, list(scene.folder.glob("*.json"))) == ([], [])


def test_the_next_process_restores_it(scene: Scene) -> None:
    stored = scene.store.save_token(ALICE)
    scene.store.troubles = [LOCKED] * 3
    with pytest.raises(TokenNotSaved):
        scene.saver().save_refresh(scene.refreshed(stored), stored)
    scene.saver().restore_pending()
    assert [token.access_token for token in scene.store.get_tokens()] == ["1000.a2"]
    assert [type(event) for event in scene.events] == [SaveFailed, Restored]
    assert not list(scene.folder.glob("*.json"))


def test_until_then_this_process_knows_it(scene: Scene) -> None:
    stored = scene.store.save_token(ALICE)
    saver = scene.saver()
    scene.store.troubles = [LOCKED] * 4
    with pytest.raises(TokenNotSaved):
        saver.save_refresh(scene.refreshed(stored), stored)
    saver.restore_pending()
    known = saver.pending_for(stored)
    assert known is not None
    assert known.access_token == "1000.a2"
    saver.restore_pending()
    assert saver.pending_for(stored) is None


def test_a_listener_may_use_the_saver_while_it_is_told(scene: Scene) -> None:
    scene.store.troubles = [LOCKED] * 3
    with pytest.raises(TokenNotSaved):
        scene.saver().save_login(ALICE)
    told: list[Event] = []

    def listener(event: Event) -> None:
        told.append(event)
        saver.restore_pending()
        saver.discard(ALICE)

    boat = Lifeboat(scene.folder, scene.store.url)
    saver = Saver(scene.store, boat, listener, lambda: NOW)
    saver.restore_pending()
    assert [type(event) for event in told] == [Restored]


@pytest.mark.parametrize("version", [0, 1])
def test_a_token_deleted_while_it_waits_does_not_come_back(
    scene: Scene, version: int, caplog: pytest.LogCaptureFixture
) -> None:
    stored = replace(scene.store.save_token(ALICE), version=version)
    scene.store.troubles = [LOCKED] * 3
    with pytest.raises(TokenNotSaved):
        scene.saver().save_refresh(scene.refreshed(stored), stored)
    scene.store.delete_tokens()
    scene.saver().restore_pending()
    assert scene.store.get_tokens() == []
    assert not list(scene.folder.glob("*.json"))
    assert "the lifeboat dropped token 1: its row was deleted" in caplog.text


@pytest.mark.parametrize("version", [0, 1])
def test_a_token_deleted_during_its_refresh_does_not_come_back(scene: Scene, version: int) -> None:
    stored = replace(scene.store.save_token(ALICE), version=version)
    scene.store.delete_tokens()
    with pytest.raises(TokenNotFound) as caught:
        scene.saver().save_refresh(scene.refreshed(stored), stored)
    assert (caught.value.token_id, caught.value.user) == (stored.id, stored.user_name)
    assert scene.store.get_tokens() == []
    assert not list(scene.folder.glob("*.json"))


def test_a_token_deleted_between_two_attempts_does_not_come_back(scene: Scene) -> None:
    stored = scene.store.save_token(ALICE)
    other = scene.store.save_token(scene.refreshed(stored, "1000.theirs", timedelta(minutes=1)))
    scene.store.meanwhile = [lambda: None, scene.store.delete_tokens]
    with pytest.raises(TokenNotFound):
        scene.saver().save_refresh(scene.refreshed(stored), stored)
    assert other.version == 2
    assert scene.store.get_tokens() == []


def test_another_users_row_of_the_same_id_is_nobodys_answer(scene: Scene) -> None:
    stored = scene.store.save_token(replace(ALICE, id="tenant-1"))
    scene.store.delete_tokens()
    bob = scene.store.save_token(
        replace(ALICE, id="tenant-1", user_name="bob@example.com:42", refresh_token="1000.bob")
    )
    with pytest.raises(TokenNotFound):
        scene.saver().save_refresh(scene.refreshed(stored), stored)
    assert scene.store.get_tokens() == [bob]


@pytest.mark.parametrize(
    ("theirs", "wins"),
    [
        (2 * HOUR, "1000.theirs"),
        (timedelta(minutes=55), "1000.theirs"),  # our clock may be ahead of theirs
        (timedelta(minutes=20), "1000.a2"),
    ],
)
def test_of_two_refreshes_the_one_that_was_saved_first_stays_unless_it_ends_much_sooner(
    scene: Scene, theirs: timedelta, wins: str
) -> None:
    stored = scene.store.save_token(ALICE)
    scene.store.save_token(scene.refreshed(stored, "1000.theirs", theirs), expected_version=1)
    saved = scene.saver().save_refresh(scene.refreshed(stored), stored)
    assert saved.access_token == wins
    assert scene.store.get_tokens() == [saved]


def test_a_refresh_of_the_old_grant_never_replaces_a_new_login(scene: Scene) -> None:
    stored = scene.store.save_token(ALICE)
    login = replace(
        scene.refreshed(stored, "1000.login", timedelta(minutes=59)), id=None, version=0
    )
    scene.saver().save_login(replace(login, refresh_token="1000.new"))
    saved = scene.saver().save_refresh(scene.refreshed(stored), stored)
    assert (saved.access_token, saved.refresh_token) == ("1000.login", "1000.new")
    assert scene.store.get_tokens() == [saved]


def login_of(value: str, refresh_token: str | None = None, life: timedelta = HOUR) -> Token:
    return replace(
        ALICE, access_token=value, refresh_token=refresh_token, expires_at=NOW + life, org_id=None
    )


def test_a_new_login_takes_the_place_of_the_old(scene: Scene) -> None:
    before = scene.store.save_token(replace(ALICE, expires_at=NOW + timedelta(days=36500)))
    saved = scene.saver().save_login(login_of("1000.new", "1000.new-r"))
    assert scene.store.get_tokens() == [saved]
    assert saved.id == before.id
    assert (saved.access_token, saved.refresh_token) == ("1000.new", "1000.new-r")
    assert saved.expires_at == NOW + HOUR


def test_a_login_without_a_refresh_token_keeps_the_old_one(scene: Scene) -> None:
    scene.store.save_token(ALICE)
    saved = scene.saver().save_login(login_of("1000.new"))
    assert (saved.access_token, saved.refresh_token) == ("1000.new", "1000.r")


def test_a_login_that_was_saved_without_a_name_leaves_no_double(scene: Scene) -> None:
    before = scene.store.save_token(ALICE)
    nameless = scene.saver().save_login(replace(login_of("1000.new", "1000.n"), user_name=None))
    assert nameless.id != before.id
    saved = scene.saver().save_login(replace(nameless, user_name=ALICE.user_name, org_id="42"))
    assert scene.store.get_tokens() == [saved]
    assert (saved.id, saved.refresh_token) == (before.id, "1000.n")


def test_a_login_wins_against_a_refresh_that_comes_meanwhile(scene: Scene) -> None:
    stored = scene.store.save_token(ALICE)
    refreshed = scene.refreshed(stored, "1000.refreshed", 2 * HOUR)
    scene.store.meanwhile = [lambda: MemoryStore.save_token(scene.store, refreshed)]
    saved = scene.saver().save_login(login_of("1000.new", "1000.new-r"))
    assert (saved.access_token, saved.refresh_token) == ("1000.new", "1000.new-r")
    assert scene.store.get_tokens() == [saved]


def test_what_was_dropped_is_not_restored(scene: Scene) -> None:
    stored = scene.store.save_token(ALICE)
    saver = scene.saver()
    scene.store.troubles = [LOCKED] * 3
    with pytest.raises(TokenNotSaved):
        saver.save_refresh(scene.refreshed(stored), stored)
    saver.discard(stored)
    scene.saver().restore_pending()
    assert scene.store.get_tokens() == [stored]
