"""No secret in what trackers make of a lifeboat, an audit log or a rotation that fails."""

from __future__ import annotations

import json
import logging
import resource
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from evergrant import Keeper, Secret, open_store
from evergrant._crypto.keys import Key, Keyring
from evergrant._lifeboat.outbox import Lifeboat
from evergrant.errors import ConfigError, TokenNotSaved
from evergrant.events import Forgotten
from evergrant.observing.audit_log import AuditLog, read_entries, verify
from evergrant.stores.adapter import adapt
from evergrant.stores.encrypted import EncryptedStore
from tests.support.security.failing_steps import Failed, failures
from tests.support.security.tracked_keeper import Scene
from tests.support.security.tracked_tokens import MARK, TOKEN, Leaks
from tests.support.soak import Soak
from tests.support.stores.six_methods import FullDisk

NEW, OLD = (
    Key(Secret(b64encode(MARK.encode() * 3 + end).decode())) for end in (b"1" * 8, b"2" * 8)
)

# A step that fails as something is given back leaves it open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@contextmanager
def nothing_fits_on_the_disk() -> Iterator[None]:
    """Let every write to a file of this process fail."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class Told:
    """Log records, and what they say with the stack that a tracker takes with them."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def __contains__(self, text: str) -> bool:
        records = self._caplog.records
        return any(
            text in f"{r.getMessage()} {r.args!r} {r.exc_info} {r.exc_text}" for r in records
        )


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Told:
    caplog.set_level(logging.DEBUG)
    return Told(caplog)


@pytest.fixture(params=[None, NEW], ids=["plain", "sealed"])
def key(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Key | None:
    if request.param:
        text = b64encode(MARK.encode() * 3 + b"1" * 8).decode()
        monkeypatch.setenv("EVERGRANT_KEY", text)
    found: Key | None = request.param
    return found


@pytest.fixture
def theirs() -> FullDisk:
    return FullDisk()


@pytest.fixture
def scene(
    key: Key | None, theirs: FullDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    monkeypatch.setattr("evergrant._core.saver.PAUSES_S", (0, 0))
    theirs.full = False
    scene = Scene(adapt(theirs), tmp_path)
    yield scene
    scene.keeper.close()
    scene.accounts.close()


def test_a_lifeboat_whose_write_fails_at_any_step(
    scene: Scene, theirs: FullDisk, leaks: Leaks, told: Told, soak: Soak
) -> None:
    def prepare() -> None:
        theirs.full = False
        scene.keeper.refresh_due()
        scene.store.delete_tokens()
        scene.refresh_user()
        theirs.full = True

    def work() -> None:
        scene.keeper.refresh(scene.user)

    errors = list(failures(work, every=soak.rounds(89, 7), first=300, before=prepare))
    assert any(isinstance(error, TokenNotSaved) for error in errors)
    assert any(isinstance(error, Failed) for error in errors)
    assert [leak for error in errors for leak in leaks(error, quickly=True)] == []
    assert leaks(errors[-1]) == []
    assert MARK not in told


def have_no_room(folder: Path) -> None:
    folder.mkdir(mode=0o700)


def be_a_file(folder: Path) -> None:
    folder.write_text("no folder")


def be_open_to_all(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)


@pytest.mark.parametrize("trouble", [have_no_room, be_a_file, be_open_to_all])
def test_a_lifeboat_that_cannot_be_written(
    scene: Scene,
    theirs: FullDisk,
    trouble: Callable[[Path], None],
    leaks: Leaks,
    told: Told,
    tmp_path: Path,
) -> None:
    scene.refresh_user()
    theirs.full = True
    trouble(tmp_path / "boat")
    with ExitStack() as stack:
        if trouble is have_no_room:
            stack.enter_context(nothing_fits_on_the_disk())
        with pytest.raises(TokenNotSaved) as caught:
            scene.keeper.refresh(scene.user)
    assert caught.value.lifeboat is None
    assert "cannot be" in told
    assert leaks(caught.value) == []
    assert MARK not in told


def test_a_lifeboat_whose_reading_fails_at_any_step(
    scene: Scene, theirs: FullDisk, leaks: Leaks, told: Told, soak: Soak, tmp_path: Path
) -> None:
    theirs.full = True

    def work() -> None:
        with Keeper(scene.store, scene.accounts, lifeboat=tmp_path / "boat") as keeper:
            keeper.access_token("nobody at all")

    def put() -> None:
        Lifeboat(tmp_path / "boat", scene.store.url).add(replace(TOKEN, id="77"))

    errors = list(failures(work, every=soak.rounds(61, 5), before=put))
    assert any(isinstance(error, Failed) for error in errors)
    assert [leak for error in errors for leak in leaks(error, quickly=True)] == []
    assert leaks(errors[-1]) == []
    assert MARK not in told


def tear(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def be_another_s(path: Path) -> None:
    content = json.loads(path.read_text())
    sealed = Keyring([OLD]).encrypt(Secret(json.dumps([MARK])), f"lifeboat of {content['store']}")
    path.write_text(json.dumps(content | {"token": sealed}))


def be_no_row(path: Path) -> None:
    path.write_text(json.dumps({"store": "x", "token": ["7", MARK, {"x": MARK}]}))


def be_readable_to_all(path: Path) -> None:
    path.chmod(0o666)


@pytest.mark.parametrize("damage", [tear, be_another_s, be_no_row, be_readable_to_all])
def test_a_lifeboat_s_file_that_cannot_be_read(
    scene: Scene, damage: Callable[[Path], None], leaks: Leaks, told: Told, tmp_path: Path
) -> None:
    path = Lifeboat(tmp_path / "boat", scene.store.url).add(replace(TOKEN, id="77"))
    assert path
    damage(path)
    with Keeper(scene.store, scene.accounts, lifeboat=tmp_path / "boat") as keeper:
        keeper.refresh_due()
    boat = Lifeboat(tmp_path / "boat", scene.store.url)
    boat.pending()
    assert [leak for error in boat.unusable.values() for leak in leaks(error)] == []
    boat.repair(adopt=True)
    assert MARK not in told


EVENT = Forgotten(at=datetime(2026, 1, 1, tzinfo=UTC), token_id="7", user="alice")


def test_an_audit_log_that_fails_at_any_step(
    leaks: Leaks, told: Told, soak: Soak, tmp_path: Path
) -> None:
    path, keys = tmp_path / "audit.log", Keyring([NEW])

    def work() -> None:
        AuditLog(path, keys=keys)(EVENT)
        list(read_entries(path))
        verify(path, keys)

    errors = list(failures(work, every=soak.rounds(5, 1), before=partial(path.write_text, "")))
    assert errors
    assert [leak for error in errors for leak in leaks(error, quickly=True)] == []
    assert leaks(errors[-1]) == []
    with nothing_fits_on_the_disk():
        AuditLog(path, keys=keys)(EVENT)
    assert "not in the audit log" in told
    assert MARK not in told
    with pytest.raises(ConfigError) as caught:
        AuditLog(tmp_path, keys=keys)
    assert leaks(caught.value) == []


def test_a_rotation_that_fails_at_any_step(leaks: Leaks, soak: Soak, tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/t.db", keys=None) as inner:
        before = EncryptedStore(inner, Keyring([OLD]), adopt=True)
        after = EncryptedStore(inner, Keyring([NEW, OLD]), adopt=True)

        def work() -> None:
            list(after.reencrypt())
            after.purge_deleted()

        def prepare() -> None:
            before.delete_tokens()
            before.save_token(TOKEN)

        errors = list(failures(work, every=soak.rounds(23, 3), before=prepare))
    assert errors
    assert [leak for error in errors for leak in leaks(error, quickly=True)] == []
    assert leaks(errors[-1]) == []
