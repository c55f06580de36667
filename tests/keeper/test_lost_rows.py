"""A row that is gone without a deletion was lost: what Zoho granted for it is not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from evergrant._core.saver import Saver
from evergrant._lifeboat.outbox import Lifeboat
from evergrant._lifeboat.restore_result import RestoreOutcome
from evergrant.clock import utc_now
from evergrant.errors import TokenNotFound
from evergrant.events import safe_listener
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.token import Token
from tests.support.keeper import saver_scene
from tests.support.servers.redis_servers import Space

ALICE = replace(saver_scene.ALICE, expires_at=utc_now())
BOB = replace(ALICE, user_name="bob@example.com:42", refresh_token="1000.rb", access_token="1000.b")


class Place:
    """A store's file, and the lifeboat for it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url.format(folder)
        self.file = folder / "tokens"
        self.boat = folder / "boat"
        self.store = open_store(self.url)

    def saver(self) -> Saver:
        return Saver(self.store, Lifeboat(self.boat, self.store.url), safe_listener(None), utc_now)

    def restart(self) -> None:
        self.store.close()
        self.store = open_store(self.url)

    def lose(self) -> None:
        """Lose every file of the store, and begin anew."""
        self.store.close()
        for path in self.file.parent.glob("tokens*"):
            path.unlink()
        self.store = open_store(self.url)

    def wait(self, stored: Token, value: str = "1000.a2") -> Token:
        """Let a refresh of a stored token wait in the lifeboat."""
        granted = replace(stored, access_token=value, expires_at=utc_now() + timedelta(hours=1))
        assert Lifeboat(self.boat, self.store.url).add(granted)
        return granted


@pytest.fixture(params=["sqlite:///{}/tokens", "file://{}/tokens"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path, request.param)
    yield found
    found.store.close()


def names(store: TokenStore) -> list[tuple[str | None, str | None]]:
    return sorted((token.user_name, token.access_token) for token in store.iter_tokens())


def test_a_store_lost_while_a_grant_waits_costs_no_grant(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.wait(place.store.save_token(ALICE))
    place.lose()
    (boarding,) = place.saver().restore_pending()
    assert boarding.outcome is RestoreOutcome.RESTORED
    assert names(place.store) == [(ALICE.user_name, "1000.a2")]
    assert place.store.get_tokens()[0].refresh_token == "1000.r"
    assert not list(place.boat.iterdir())
    assert "nobody had deleted it" in caplog.text


def test_its_id_may_be_another_users_by_then(place: Place) -> None:
    place.wait(place.store.save_token(ALICE))
    place.lose()
    bob = place.store.save_token(BOB)
    place.saver().restore_pending()
    assert names(place.store) == [(ALICE.user_name, "1000.a2"), (BOB.user_name, "1000.b")]
    assert place.store.find_token_by_id(bob.id or "") == bob


def test_a_login_after_the_loss_stays(place: Place) -> None:
    place.wait(place.store.save_token(ALICE))
    place.lose()
    login = replace(ALICE, id="tenant", refresh_token="1000.later", access_token="1000.l")
    place.store.save_token(replace(login, expires_at=utc_now() + timedelta(minutes=30)))
    (boarding,) = place.saver().restore_pending()
    assert boarding.outcome is RestoreOutcome.SUPERSEDED
    assert names(place.store) == [(ALICE.user_name, "1000.l")]


def test_a_backup_from_before_the_login_costs_no_grant(place: Place, tmp_path: Path) -> None:
    place.store.save_token(BOB)
    place.store.close()
    backup = tmp_path / "backup"
    backup.mkdir()
    for path in tmp_path.glob("tokens*"):
        shutil.copy2(path, backup / path.name)
    place.restart()
    place.wait(place.store.save_token(ALICE))
    place.store.close()
    for path in tmp_path.glob("tokens*"):
        path.unlink()
    for path in backup.iterdir():
        os.rename(path, tmp_path / path.name)  # noqa: PTH104 - as mv does
    place.restart()
    place.saver().restore_pending()
    assert names(place.store) == [(ALICE.user_name, "1000.a2"), (BOB.user_name, "1000.b")]


def test_a_row_lost_during_its_refresh_is_saved_anew(place: Place) -> None:
    stored = place.store.save_token(ALICE)
    place.lose()
    granted = replace(stored, access_token="1000.a2")
    saved = place.saver().save_refresh(granted, stored)
    assert place.store.get_tokens() == [saved]
    assert (saved.access_token, saved.refresh_token) == ("1000.a2", "1000.r")


@pytest.mark.parametrize("delete_all", [False, True])
def test_a_deletion_by_another_process_is_heeded_after_a_restart(
    place: Place, *, delete_all: bool
) -> None:
    stored = place.store.save_token(ALICE)
    granted = place.wait(stored)
    with open_store(place.url) as other:
        if delete_all:
            other.delete_tokens()
        else:
            other.delete_token(stored.id or "")
    place.restart()
    with pytest.raises(TokenNotFound, match="deleted while it was being refreshed"):
        place.saver().save_refresh(granted, stored)
    place.wait(stored)
    (boarding,) = place.saver().restore_pending()
    assert boarding.outcome is RestoreOutcome.ROW_DELETED
    assert place.store.get_tokens() == []


def test_a_deletion_of_the_grant_before_does_not_take_a_login_along(place: Place) -> None:
    stored = place.store.save_token(replace(ALICE, id="tenant"))
    place.store.delete_token("tenant")
    login = replace(stored, refresh_token="1000.later", access_token="1000.l", version=0)
    Lifeboat(place.boat, place.store.url).add(login)
    place.saver().restore_pending()
    assert names(place.store) == [(ALICE.user_name, "1000.l")]


def test_rows_that_redis_evicted_or_flushed_cost_no_grant(redis: Space, tmp_path: Path) -> None:
    with open_store(redis.url) as store:
        stored = store.save_token(ALICE)
        granted = replace(stored, access_token="1000.a2")
        with redis.server.client() as client:
            client.delete(*client.keys(f"*{redis.url.partition('?table=')[2]}*"))
        saver = Saver(store, Lifeboat(tmp_path, store.url), safe_listener(None), utc_now)
        assert saver.save_refresh(granted, stored).access_token == "1000.a2"
        assert names(store) == [(ALICE.user_name, "1000.a2")]
