"""No secret in what trackers make of an error that leaves a Keeper, at any failing step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evergrant import TokenStore, open_store
from evergrant._concurrency.workers import BackgroundWorkers
from evergrant._crypto.keys import Keyring
from evergrant.stores.adapter import adapt
from evergrant.stores.encrypted import EncryptedStore
from tests.support.security.failing_steps import failures
from tests.support.security.tracked_keeper import KEEPING, Scene
from tests.support.security.tracked_tokens import Leaks
from tests.support.soak import Soak
from tests.support.stores.encrypted_rows import NEW
from tests.support.stores.six_methods import Plain

PLACES = ["sqlite", "file", "sealed", "six methods"]
SERVERS = ["redis_url", "mariadb", "postgresql", "dynamodb_url", "secrets_url"]
EVERY = {"dynamodb_url": 3989, "secrets_url": 3989}


@pytest.fixture(params=[*PLACES, *SERVERS])
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(place: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TokenStore]:
    if place == "six methods":
        yield adapt(Plain())
        return
    url = {"file": f"file://{tmp_path}/t.csv"}.get(place, f"sqlite:///{tmp_path}/t.db")
    if place in SERVERS:
        found = request.getfixturevalue(place)
        url = getattr(found, "url", found)
    with open_store(url, keys=None) as store:
        yield EncryptedStore(store, Keyring([NEW])) if place == "sealed" else store


@pytest.fixture
def scene(store: TokenStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    # A step that failed between may have counted a thread that never began.
    close = BackgroundWorkers.close
    monkeypatch.setattr(BackgroundWorkers, "close", lambda workers: close(workers, timeout=1.0))
    scene = Scene(store, tmp_path)
    yield scene
    scene.keeper.close()
    scene.accounts.close()


@pytest.mark.parametrize("work", KEEPING.values(), ids=KEEPING)
def test_a_keeper_that_fails_at_any_step(
    scene: Scene, place: str, work: Callable[[Scene], object], leaks: Leaks, soak: Soak
) -> None:
    scene.refresh_user()
    work(scene)
    every = EVERY.get(place, 211) // soak.rounds(1, 15)
    errors = list(failures(lambda: work(scene), every=every, first=20, before=scene.refresh_user))
    assert errors
    assert [leak for error in errors for leak in leaks(error, quickly=True)] == []
