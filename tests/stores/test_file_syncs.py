"""What was saved in a file is on the disk before the save returns."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from evergrant.stores.file import FileStore
from evergrant.token import Token

ALICE = Token(user_name="alice", client_id="c", refresh_token="r", access_token="a")


def test_a_file_and_its_folder_are_synced_before_a_save_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    sync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        sync(handle)
        order.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")

    def replaced(draft: Path, target: Path) -> Path:
        order.append("replaced")
        return replace(draft, target)

    with FileStore(tmp_path / "tokens.csv") as store:
        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(Path, "replace", replaced)
        store.save_token(ALICE)
    assert order
    assert order == ["file", "replaced", "folder"] * (len(order) // 3)
