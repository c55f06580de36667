"""What is ours alone, and what a group or root lets us use."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from evergrant._crypto.key_file import read_lines, write_lines
from evergrant._files import secure_files
from evergrant._files.ownership import UntrustedFileError
from evergrant._lifeboat.outbox import Lifeboat
from evergrant.errors import ConfigError
from evergrant.testing.sample_tokens import ALICE, BOB
from evergrant.token import Secret
from tests.support.keeper.lifeboat import TOKEN, boat, files, taken
from tests.support.security.foreign_files import (
    KEY,
    USES,
    careless_umask,
    csv_at,
    refused,
    sqlite_at,
    strange,
)
from tests.support.stores.sqlite_store import mode

__all__ = ["careless_umask", "strange"]

pytestmark = pytest.mark.usefixtures("careless_umask")


def test_a_lifeboat_that_everybody_can_write_to_is_refused_before_anything_is_granted(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "boat"
    folder.mkdir(mode=0o777)
    assert f"chmod o-w {folder}" in refused(boat, folder, "everybody can write to the folder")
    folder.chmod(0o700)
    assert boat(folder).add(TOKEN)


def test_another_accounts_lifeboat_is_refused(
    tmp_path: Path, strange: Callable[[Path], None]
) -> None:
    folder = tmp_path / "boat"
    folder.mkdir(mode=0o700)
    strange(folder)
    refused(boat, folder, "another account")


def test_a_lifeboat_that_is_opened_to_everybody_takes_nothing_in_until_it_is_closed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "boat"
    lifeboat = boat(folder)
    assert lifeboat.add(TOKEN)
    folder.chmod(0o777)
    (folder / f"{files(folder)[0].name.rpartition('-')[0]}-planted.json").write_text("{}")
    assert lifeboat.add(TOKEN) is not None  # it has a file already
    assert "chmod o-w" in caplog.text
    files(folder)[-1].unlink()
    folder.chmod(0o700)
    assert taken(lifeboat) == [TOKEN]


def test_a_strangers_file_in_the_lifeboat_is_not_restored(
    tmp_path: Path, strange: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    planted = boat(tmp_path).add(TOKEN)
    assert planted
    strange(planted)
    if os.getuid():
        return  # the folder is a stranger's too, then
    lifeboat = boat(tmp_path)
    assert not lifeboat.has_pending
    assert lifeboat.find("7") is None
    assert "another account" in caplog.text


def test_every_folder_that_is_made_is_ours_alone(tmp_path: Path) -> None:
    Lifeboat(tmp_path / "a" / "b" / "c", "sqlite:///t.db").add(TOKEN)
    write_lines(tmp_path / "d" / "e" / "keys", [Secret(KEY)])
    sqlite_at(tmp_path / "f" / "g" / "tokens.db").close()
    made = [path for path in tmp_path.rglob("*") if path.is_dir()]
    assert len(made) == 7
    assert {mode(path) for path in made} == {0o700}


@pytest.mark.parametrize("umask", [0o277, 0o777])
def test_files_and_folders_are_ours_under_a_strange_umask(tmp_path: Path, umask: int) -> None:
    os.umask(umask)
    for place in ("csv", "sqlite"):
        USES[place](tmp_path / place / "deep" / "file")
    USES["keys"](tmp_path / "keys" / "file")
    os.umask(0)
    found = [path for path in tmp_path.rglob("*") if not path.name.endswith(("-wal", "-shm"))]
    assert {mode(path) for path in found if path.is_dir()} == {0o700}
    assert {mode(path) for path in found if path.is_file()} == {0o600}


def test_a_secret_of_kubernetes_is_read(tmp_path: Path) -> None:
    """Root's, readable to the pod's group, behind two links; changed by turning the first."""
    for version in ("v1", "v2"):
        (tmp_path / f"..{version}").mkdir(mode=0o755)
        (tmp_path / f"..{version}" / "keys").write_text(KEY)
        (tmp_path / f"..{version}" / "keys").chmod(0o440)
    (tmp_path / "..data").symlink_to("..v1")
    (tmp_path / "keys").symlink_to("..data/keys")
    if os.getuid():
        return  # only root can make a file that is root's
    os.chown(tmp_path / "..v1" / "keys", 0, os.getegid())
    assert [line.reveal() for line in read_lines(tmp_path / "keys")] == [KEY]
    tmp_path.chmod(0o1777)  # as Kubernetes mounts it
    (tmp_path / "..v2" / "keys").chmod(0o644)
    (tmp_path / "..data").unlink()
    (tmp_path / "..data").symlink_to("..v2")
    with pytest.raises(ConfigError, match="others can read the key file"):
        read_lines(tmp_path / "keys")


def test_a_token_file_that_a_group_shares_stays_shared(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    group = os.getgroups()[-1] if os.getuid() else 12345
    folder = tmp_path / "shared"
    folder.mkdir()
    os.chown(folder, -1, group)
    folder.chmod(0o2770)
    path = folder / "tokens.csv"
    csv_at(path).close()
    path.chmod(0o660)
    for one in ALICE, BOB:
        with csv_at(path) as store:
            store.save_token(one)
            assert store.lease("1", 0)
    kept = {
        (mode(file), file.stat().st_gid) for file in folder.iterdir() if "lock" not in file.name
    }
    assert kept == {(0o660, group)}
    assert f"the group {group} shares {path}" in caplog.text
    assert stat.S_ISGID & folder.stat().st_mode


def test_what_everybody_can_write_to_is_not_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "keys").write_text(KEY)
    (tmp_path / "config.toml").write_text("")
    waiting = boat(tmp_path).add(TOKEN)
    assert waiting
    for path in tmp_path.iterdir():
        path.chmod(0o666)
    refused(read_lines, tmp_path / "keys", "everybody can write to it")
    said = refused(USES["config"], tmp_path / "config.toml", "everybody can write to it")
    assert f"chmod 600 {tmp_path}/config.toml" in said
    assert taken(boat(tmp_path)) == []
    assert "everybody can write to it" in caplog.text
    waiting.chmod(0o600)
    assert taken(boat(tmp_path)) == [TOKEN]


def test_a_file_system_without_modes_is_used_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    path = tmp_path / "tokens.csv"
    csv_at(path).close()
    for name in ("chmod", "fchmod", "link"):
        monkeypatch.setattr(os, name, refuse)
    os.umask(0o277)  # what is made has another mode than was asked for
    with csv_at(path) as store:
        assert store.save_token(ALICE).id
    monkeypatch.undo()
    path.chmod(0o644)
    monkeypatch.setattr(os, "chmod", refuse)
    csv_at(path).close()
    assert "its file system keeps no modes" in caplog.text


def test_a_refusal_names_the_other_file_that_is_to_blame(tmp_path: Path) -> None:
    store, other = f"{tmp_path}/tokens.csv", f"{tmp_path}/other"
    its_own = secure_files.unusable_error(
        store, UntrustedFileError("it is a link", store, "Move it.")
    )
    assert its_own.message == f"the token store {store} cannot be used: it is a link"
    anothers = secure_files.unusable_error(
        store, UntrustedFileError("it is a link", other, "Move it.")
    )
    assert anothers.message == f"the token store {store} cannot be used: {other}: it is a link"
    assert anothers.hint == "Move it."
