"""A login that waits for its store is later than what it takes the place of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evergrant._lifeboat.restore_result import RestoreOutcome
from evergrant.errors import TokenNotSaved
from tests.support.keeper.saver_scene import ALICE, HOUR, LOCKED, Scene, scene

__all__ = ["scene"]


def test_a_login_that_waits_gets_its_name_in_the_lifeboat(scene: Scene) -> None:
    scene.store.troubles = [LOCKED] * 6
    saver = scene.saver()
    for token in (replace(ALICE, user_name=None, org_id=None), ALICE):
        with pytest.raises(TokenNotSaved):
            saver.save_login(token)
    scene.saver().restore_pending()
    assert [token.user_name for token in scene.store.get_tokens()] == [ALICE.user_name]


def test_a_login_that_waits_is_not_lost_to_a_refresh_of_the_old_grant(scene: Scene) -> None:
    stored = scene.store.save_token(ALICE)
    saver, login = scene.saver(), replace(scene.refreshed(ALICE), refresh_token="1000.new")
    scene.store.troubles = [LOCKED] * 3
    with pytest.raises(TokenNotSaved):
        saver.save_login(login)
    saver.save_refresh(scene.refreshed(stored, "1000.later", 2 * HOUR), stored)
    saver.restore_pending()
    assert [token.refresh_token for token in scene.store.get_tokens()] == ["1000.new"]


def test_a_login_that_waits_is_not_lost_to_a_refresh_that_waits_too(scene: Scene) -> None:
    stored = scene.store.save_token(ALICE)
    saver, login = scene.saver(), replace(scene.refreshed(ALICE), refresh_token="1000.new")
    scene.store.troubles = [LOCKED] * 6
    with pytest.raises(TokenNotSaved):
        saver.save_login(login)
    with pytest.raises(TokenNotSaved):
        saver.save_refresh(scene.refreshed(stored, "1000.later", 2 * HOUR), stored)
    saver.restore_pending()
    assert [token.refresh_token for token in scene.store.get_tokens()] == ["1000.new"]


def test_a_login_that_waits_does_not_take_the_place_of_a_later_one(scene: Scene) -> None:
    scene.store.save_token(ALICE)
    first = replace(scene.refreshed(ALICE), refresh_token="1000.first")
    second = replace(scene.refreshed(ALICE, "1000.a3", 2 * HOUR), refresh_token="1000.second")
    scene.store.troubles = [LOCKED] * 3
    with pytest.raises(TokenNotSaved):
        scene.saver().save_login(first)
    scene.saver().save_login(second)
    boardings = scene.saver().restore_pending()
    assert [boarding.outcome for boarding in boardings] == [RestoreOutcome.RESTORED]
    assert [token.refresh_token for token in scene.store.get_tokens()] == ["1000.second"]


def test_which_grant_a_login_is_over_outlives_its_process(scene: Scene) -> None:
    stored = scene.store.save_token(ALICE)
    login = replace(scene.refreshed(ALICE), refresh_token="1000.new")
    scene.store.troubles = [LOCKED] * 3
    with pytest.raises(TokenNotSaved):
        scene.saver().save_login(login)
    scene.store.save_token(scene.refreshed(stored, "1000.later", 2 * HOUR))
    scene.saver().restore_pending()
    assert [token.refresh_token for token in scene.store.get_tokens()] == ["1000.new"]
    files = [path.read_text() for path in scene.folder.iterdir()]
    assert not files
