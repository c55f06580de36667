"""What another account has made, linked or can write to holds no secret of ours."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from evergrant._crypto.key_file import write_lines
from evergrant.errors import EvergrantError
from evergrant.testing.sample_tokens import ALICE, BOB
from evergrant.token import Secret
from tests.support.security.foreign_files import (
    KEY,
    USES,
    careless_umask,
    csv_at,
    refused,
    strange,
    use,
)
from tests.support.stores.sqlite_store import mode

__all__ = ["careless_umask", "strange", "use"]

pytestmark = pytest.mark.usefixtures("careless_umask")


def test_another_accounts_file_is_refused(
    tmp_path: Path, use: Callable[[Path], None], strange: Callable[[Path], None]
) -> None:
    path = tmp_path / "file"
    path.touch(mode=0o666)
    strange(path)
    assert f"chown {os.geteuid()}" in refused(use, path, "belongs to another account")
    assert (path.stat().st_size, mode(path)) == (0, 0o666)


def test_another_accounts_folder_is_refused(
    tmp_path: Path, use: Callable[[Path], None], strange: Callable[[Path], None]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o777)
    strange(folder)
    refused(use, folder / "file", "everybody can write to the folder|another account")
    assert not list(folder.iterdir())


def test_a_folder_that_everybody_can_write_to_is_refused_until_the_advice_is_followed(
    tmp_path: Path, use: Callable[[Path], None]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o777)
    path = folder / "file"
    path.touch(mode=0o600)
    said = refused(use, path, "everybody can write to the folder")
    assert f"chmod o-w {folder}" in said
    folder.chmod(0o775)
    use(path)


def test_a_folder_further_up_that_everybody_can_write_to_is_refused(
    tmp_path: Path, use: Callable[[Path], None]
) -> None:
    above = tmp_path / "above"
    above.mkdir(mode=0o777)
    (above / "folder").mkdir(mode=0o700)
    refused(use, above / "folder" / "file", f"write to the folder {above}")


def test_a_sticky_folder_is_used_for_what_is_ours(
    tmp_path: Path, use: Callable[[Path], None]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o1777)
    (folder / "file").touch(mode=0o600)
    use(folder / "file")


def test_a_strangers_link_is_not_followed(
    tmp_path: Path, use: Callable[[Path], None], strange: Callable[[Path], None]
) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"")
    target.chmod(0o644)
    link.symlink_to(target)
    strange(link)
    refused(use, link, "link that another account")
    assert (target.read_bytes(), mode(target)) == (b"", 0o644)


def test_a_strangers_link_in_place_of_the_folder_is_not_followed(
    tmp_path: Path, use: Callable[[Path], None], strange: Callable[[Path], None]
) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.mkdir(mode=0o700)
    link.symlink_to(target)
    strange(link)
    refused(use, link / "file", "link that another account")
    assert not list(target.iterdir())


def test_our_own_link_is_followed(tmp_path: Path, use: Callable[[Path], None]) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "real" / "file").touch(mode=0o600)
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "link").symlink_to("folder/file")
    use(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()


def test_a_file_with_several_names_is_refused(tmp_path: Path, use: Callable[[Path], None]) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    path.touch(mode=0o600)
    other.hardlink_to(path)
    refused(use, path, "2 names")
    assert other.read_bytes() == b""
    other.unlink()
    use(path)


def test_a_pipe_is_refused_and_nobody_waits_for_it(
    tmp_path: Path, use: Callable[[Path], None]
) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    refused(use, tmp_path / "pipe", "not a regular file")


@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
def test_what_a_stranger_put_beside_a_database_is_refused(
    tmp_path: Path, ending: str, strange: Callable[[Path], None]
) -> None:
    path = tmp_path / "tokens.db"
    victim = tmp_path / "victim"
    victim.write_bytes(b"content")
    Path(f"{path}{ending}").symlink_to(victim)
    strange(Path(f"{path}{ending}"))
    refused(USES["sqlite"], path, "another account")
    assert victim.read_bytes() == b"content"


@pytest.mark.parametrize("ending", [".lock", ".evergrant"])
def test_what_a_stranger_put_beside_a_token_file_is_refused(
    tmp_path: Path, ending: str, strange: Callable[[Path], None]
) -> None:
    path, victim = tmp_path / "tokens.csv", tmp_path / "victim"
    victim.write_bytes(b"content")
    victim.chmod(0o644)
    Path(f"{path}{ending}").symlink_to(victim)
    strange(Path(f"{path}{ending}"))
    refused(USES["csv"], path, "another account")
    assert (victim.read_bytes(), mode(victim)) == (b"content", 0o644)


@pytest.mark.parametrize("name", ["tokens.csv.draft", "tokens.csv.evergrant.draft"])
def test_a_link_in_place_of_a_draft_leads_nowhere(tmp_path: Path, name: str) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"content")
    with csv_at(tmp_path / "tokens.csv") as store:
        (tmp_path / name).symlink_to(victim)
        store.save_token(ALICE)
        store.save_token(BOB)
        assert len(store.get_tokens()) == 2
    assert victim.read_bytes() == b"content"


def test_a_link_in_place_of_a_keys_draft_leads_nowhere(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"content")
    (tmp_path / ".keys.draft").symlink_to(victim)
    write_lines(tmp_path / "keys", [Secret(KEY)])
    assert (victim.read_bytes(), mode(tmp_path / "keys")) == (b"content", 0o600)


def test_a_token_file_that_a_stranger_replaces_is_not_read(
    tmp_path: Path, strange: Callable[[Path], None]
) -> None:
    path = tmp_path / "tokens.csv"
    with csv_at(path) as store:
        store.save_token(ALICE)
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content.replace(b"alice", b"mallo"))
        strange(path)
        with pytest.raises(EvergrantError, match="another account"):
            store.get_tokens()
