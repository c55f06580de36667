"""Where this account keeps things: also an account without a home, and a program that moves."""

from __future__ import annotations

import errno
import os
import pwd
import tempfile
from pathlib import Path

import pytest

from evergrant._crypto.key_file import write_lines
from evergrant._crypto.key_sources import keyring_from_environment
from evergrant._files.locations import scratch_folder
from evergrant._lifeboat.outbox import Lifeboat
from evergrant.config import config_folder, load_settings
from evergrant.errors import ConfigError
from evergrant.observing.audit_log import AuditLog
from evergrant.stores import default_store_url, open_store
from evergrant.testing.sample_tokens import ALICE
from evergrant.token import Secret
from tests.support.keeper.lifeboat import TOKEN
from tests.support.security.foreign_files import KEY


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Be an account without a home, as a container may run."""

    def nobody(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "EVERGRANT_HOME", "EVERGRANT_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


@pytest.mark.parametrize("find", [config_folder, default_store_url, load_settings])
def test_an_account_without_a_home_is_told_what_to_set(
    homeless: pytest.MonkeyPatch, tmp_path: Path, find: object
) -> None:
    assert callable(find)
    with pytest.raises(ConfigError, match="HOME is not set, and uid") as caught:
        find()
    assert "Set EVERGRANT_HOME" in str(caught.value)
    homeless.setenv("EVERGRANT_HOME", str(tmp_path / "mine"))
    assert find()
    assert not (tmp_path / "~").exists()


def test_an_account_without_a_home_may_name_the_platforms_folders(
    homeless: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    homeless.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config_folder() == tmp_path / "evergrant"


def test_a_relative_home_stays_where_it_is_when_the_program_moves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVERGRANT_HOME", "mine")
    before = config_folder(), default_store_url(), load_settings().file
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert (config_folder(), default_store_url(), load_settings().file) == before
    assert before[0] == tmp_path / "mine"


def test_relative_paths_stay_where_they_are_when_the_program_moves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVERGRANT_KEY_FILE", "keys")
    write_lines(Path("keys"), [Secret(KEY)])
    ring, boat, log = keyring_from_environment(), Lifeboat(Path("boat"), "x:"), AuditLog("audit")
    with open_store("sqlite:///tokens.db") as store:
        monkeypatch.chdir(tmp_path / "elsewhere")
        store.save_token(ALICE)
        log.record({"event": "Test"})
        assert boat.add(TOKEN)
        again = keyring_from_environment()
    assert ring
    assert again
    assert ring.newest.id == again.newest.id
    assert not list(Path.cwd().iterdir())
    assert {path.name for path in tmp_path.iterdir()} >= {"keys", "boat", "audit", "tokens.db"}


def test_a_relative_home_in_a_folder_that_is_gone_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv("EVERGRANT_HOME", "mine")
    with pytest.raises(ConfigError, match="this program's folder is gone"):
        config_folder()
    monkeypatch.setenv("EVERGRANT_HOME", str(tmp_path))
    assert config_folder() == tmp_path


@pytest.mark.parametrize("name", ["with\nlines", "caf\udce9", "100%?#"])
def test_a_home_of_any_name_holds_the_store_and_what_waits_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv("EVERGRANT_HOME", str(tmp_path / name))
    with open_store(default_store_url()) as store:
        store.save_token(ALICE)
        path = Lifeboat(config_folder(), store.url).add(TOKEN)
    assert path
    assert path.parent.samefile(tmp_path / name)
    assert (tmp_path / name / "tokens.db").exists()


def test_where_nothing_passing_can_be_kept_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with pytest.raises(ConfigError, match="No space left on device"):
        scratch_folder()
