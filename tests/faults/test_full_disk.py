"""The disk is full, for real: nobody loses a token, and there is no need to restart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from evergrant import Keeper, Token
from evergrant.errors import TokenNotSaved
from evergrant.sandbox import Sandbox

ALICE, BOB = "alice@example.com", "bob@example.com"

NewKeeper = Callable[[], Keeper]
Count = Callable[[], int]


class Disk(Protocol):
    folder: Path

    def fill(self, *, elsewhere: int = 0) -> None: ...

    def free(self) -> None: ...


@pytest.fixture
def place(disk: Disk) -> Path:
    return disk.folder


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evergrant._core.saver.PAUSES_S", (0, 0))


@pytest.fixture(autouse=True)
def _large(new_keeper: NewKeeper) -> None:
    """Have the store larger than a file may be that is elsewhere."""
    store = new_keeper().store
    for number in range(40):
        name = f"user{number}@example.com:1"
        store.save_token(Token(user_name=name, access_token="x" * 200, client_id="1000.ID"))


ROOM = 4096
"""Bytes that a file of the lifeboat may have where it is not on the full disk."""


def test_the_stores_disk_is_full_and_the_lifeboats_is_not(
    zoho: Sandbox,
    disk: Disk,
    expired: Callable[[str], None],
    new_keeper: NewKeeper,
    boat: Path,
    asked: Count,
) -> None:
    expired(ALICE)
    keeper = new_keeper()
    disk.fill(elsewhere=ROOM)
    with pytest.raises(TokenNotSaved) as refresh:
        keeper.access_token(ALICE)
    with pytest.raises(TokenNotSaved) as login:
        keeper.login_with_code(zoho.grant_code(BOB))
    lifeboats = {refresh.value.lifeboat, login.value.lifeboat}
    assert lifeboats == set(boat.iterdir())
    refreshed = new_keeper().access_token(ALICE)
    assert set(map(str, lifeboats)) == set(map(str, boat.iterdir()))
    disk.free()
    again = new_keeper()
    assert again.access_token(ALICE) == refreshed
    assert again.access_token(BOB)
    assert list(boat.iterdir()) == []
    assert asked() == 3


@pytest.mark.parametrize("boat", ["on the same disk"], indirect=True)
def test_store_and_lifeboat_are_on_the_full_disk(
    zoho: Sandbox,
    disk: Disk,
    expired: Callable[[str], None],
    new_keeper: NewKeeper,
    boat: Path,
    asked: Count,
) -> None:
    expired(ALICE)
    keeper = new_keeper()
    disk.fill()
    with pytest.raises(TokenNotSaved, match="only this process still has it"):
        keeper.access_token(ALICE)
    with pytest.raises(TokenNotSaved, match="only this process still has it"):
        keeper.login_with_code(zoho.grant_code(BOB))
    refreshed = keeper.access_token(ALICE)
    assert files(boat) == []
    disk.free()
    assert keeper.access_token(BOB)
    assert keeper.access_token(ALICE) == refreshed
    stored = {token.access_token for token in keeper.store.get_tokens()}
    assert refreshed in stored
    assert files(boat) == []
    assert asked() == 3


@pytest.mark.parametrize("boat", ["on the same disk"], indirect=True)
def test_a_token_that_only_memory_holds_goes_to_the_lifeboat_once_there_is_room(
    disk: Disk,
    expired: Callable[[str], None],
    new_keeper: NewKeeper,
    locked: Callable[[], object],
    boat: Path,
    asked: Count,
) -> None:
    expired(ALICE)
    keeper = new_keeper()
    disk.fill()
    with pytest.raises(TokenNotSaved):
        keeper.access_token(ALICE)
    disk.free()
    with locked():  # type: ignore[attr-defined]
        refreshed = keeper.find(ALICE).access_token
        assert len(files(boat)) == 1
    assert new_keeper().access_token(ALICE) == refreshed
    assert asked() == 2


@pytest.fixture
def boat(request: pytest.FixtureRequest, tmp_path: Path, disk: Disk) -> Path:
    return (disk.folder if hasattr(request, "param") else tmp_path) / "lifeboat"


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []
