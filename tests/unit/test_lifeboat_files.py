"""What is in the lifeboat's files: damaged, left from before, sealed with a key."""

from __future__ import annotations

import json
import logging
import os
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from evergrant._crypto.keys import Key, Keyring
from evergrant._lifeboat import outbox as lifeboat_module
from evergrant._lifeboat.files import LifeboatFiles
from evergrant.errors import ConfigError
from evergrant.stores.rows import encode
from evergrant.token import Secret
from tests.support.keeper.lifeboat import LOGIN, TOKEN, boat, files, taken


@pytest.mark.parametrize(
    "damage",
    [
        *(b"", b"[", b"null", b"7", b"[7]", b'{"a": 1}', b'{"token": 7}', b'{"token": []}'),
        *(b'{"token": ["7", "alice"]}', b'{"token": {}}', b'{"token": "x"}', b"\xff\xfe\x00"),
        b"[" * 200_000,
    ],
    ids=lambda damage: repr(damage[:16]),
)
def test_a_damaged_file_is_left_as_it_is_and_harms_no_other(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = boat(tmp_path).add(TOKEN)
    assert path
    path.write_bytes(damage)
    lifeboat = boat(tmp_path)
    assert taken(lifeboat) == []
    assert lifeboat.add(LOGIN)
    lifeboat.discard(replace(TOKEN, id="8"))
    assert taken(lifeboat) == [LOGIN]
    assert not lifeboat.has_pending
    assert path.read_bytes() == damage
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert f"the lifeboat {path} cannot be used: it is damaged" in caplog.text
    assert "evergrant doctor --repair" in caplog.text


def test_a_damaged_lifeboat_does_not_tell_what_is_in_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = boat(tmp_path).add(TOKEN)
    assert path is not None
    content = json.loads(path.read_bytes())
    content["token"][7] = "1000.misplaced"
    path.write_text(json.dumps(content))
    assert taken(boat(tmp_path)) == []
    assert "damaged" in caplog.text
    for secret in ("s3cret", "1000.r", "1000.a", "1000.misplaced"):
        assert secret not in caplog.text


def test_a_repair_moves_a_damaged_file_aside_and_keeps_it(tmp_path: Path) -> None:
    path = boat(tmp_path).add(TOKEN)
    assert path
    path.write_bytes(b"[")
    lifeboat = boat(tmp_path)
    ((before, now),) = lifeboat.repair()
    assert before == path
    assert now.name.startswith(f"{path.name}.damaged-")
    assert now.read_bytes() == b"["
    assert files(tmp_path) == [now]
    assert lifeboat.repair() == []


def test_a_file_that_a_killed_writer_left_unnamed_is_not_lost(tmp_path: Path) -> None:
    whole, young = (boat(tmp_path).add(token) for token in (TOKEN, LOGIN))
    assert whole
    assert young
    drafts = [path.rename(f"{path}.draft") for path in (whole, young)]
    os.utime(drafts[0], (1, 1))
    lifeboat = boat(tmp_path)
    assert not lifeboat.has_pending
    assert lifeboat.repair() == []
    assert taken(lifeboat) == [TOKEN]
    assert files(tmp_path) == [drafts[1]]


def old_list(folder: Path, *rows: object) -> Path:
    """Write a lifeboat as it was when one file held them all."""
    digest = sha256(b"sqlite:///t.db").hexdigest()[:12]
    path = folder / f"lifeboat-{digest}.json"
    path.write_text(json.dumps(rows))
    return path


def test_a_lifeboat_from_before_is_read(tmp_path: Path) -> None:
    path = old_list(tmp_path, encode(TOKEN), encode(LOGIN))
    lifeboat = boat(tmp_path)
    assert lifeboat.has_pending
    assert not path.exists()
    assert taken(boat(tmp_path)) == [TOKEN, LOGIN]
    assert files(tmp_path) == []


def test_a_damaged_lifeboat_from_before_is_salvaged_by_a_repair(tmp_path: Path) -> None:
    path = old_list(tmp_path, encode(TOKEN), ["7", "alice"], encode(LOGIN))
    content = path.read_bytes()
    lifeboat = boat(tmp_path)
    assert not lifeboat.has_pending
    assert path.read_bytes() == content
    ((_, aside),) = lifeboat.repair()
    assert aside.read_bytes() == content
    assert taken(lifeboat) == [TOKEN, LOGIN]
    assert files(tmp_path) == [aside]


def key(number: int) -> Key:
    return Key(Secret(b64encode(bytes([number]) * 32).decode()))


RING, OTHER = Keyring([key(1)]), Keyring([key(2)])
SECRETS = ("s3cret", "1000.r", "1000.a", "1000.ID", "brien")


def test_with_a_key_nothing_in_the_file_can_be_read(tmp_path: Path) -> None:
    path = boat(tmp_path, keyring=RING).add(TOKEN)
    assert path
    text = path.read_text()
    assert [secret for secret in SECRETS if secret in text] == []
    assert json.loads(text)["store"] == "sqlite:///t.db"
    assert taken(boat(tmp_path, keyring=RING)) == [TOKEN]
    assert files(tmp_path) == []


def test_a_key_in_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGRANT_KEY", b64encode(b"\1" * 32).decode())
    path = boat(tmp_path).add(TOKEN)
    assert path
    assert "evg1" in path.read_text()
    assert taken(boat(tmp_path, keyring=RING)) == [TOKEN]


def test_a_key_that_is_none_is_refused_before_anything_is_granted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGRANT_KEY", "c2hvcnQ=")
    with pytest.raises(ConfigError, match="EVERGRANT_KEY: a key must be"):
        boat(tmp_path)


@pytest.mark.parametrize("keyring", [None, OTHER], ids=["no key", "another key"])
def test_without_its_key_a_sealed_file_is_left_as_it_is_and_new_tokens_are_safe(
    tmp_path: Path, keyring: Keyring | None, caplog: pytest.LogCaptureFixture
) -> None:
    path = boat(tmp_path, keyring=RING).add(TOKEN)
    assert path
    content = path.read_bytes()
    lifeboat = boat(tmp_path, keyring=keyring)
    assert taken(lifeboat) == []
    assert lifeboat.add(LOGIN)
    assert lifeboat.add(replace(TOKEN, access_token="1000.newer"))
    lifeboat.discard(replace(TOKEN, id="8"))
    assert lifeboat.repair() == []
    assert path.read_bytes() == content
    (record,) = caplog.records
    assert "encrypted with the key" in record.getMessage()
    assert "Set it in EVERGRANT_KEY" in record.getMessage()
    again = boat(tmp_path, keyring=Keyring([key(3), key(2), key(1)]))
    again.repair(adopt=True)
    found = [token.access_token for token in taken(again)]
    assert found == ["1000.a", "1000.a2", "1000.newer"]


def test_a_sealed_file_says_nothing_in_another_stores_lifeboat(tmp_path: Path) -> None:
    path = boat(tmp_path, "sqlite:///a.db", RING).add(TOKEN)
    other = boat(tmp_path, "sqlite:///b.db", RING).add(LOGIN)
    assert path
    assert other
    other.write_bytes(path.read_bytes())
    assert taken(boat(tmp_path, "sqlite:///b.db", RING)) == []


def test_a_plain_file_is_not_used_once_there_is_a_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain = boat(tmp_path).add(TOKEN)
    assert plain
    lifeboat = boat(tmp_path, keyring=RING)
    assert not lifeboat.has_pending
    assert lifeboat.find("7") is None
    assert (lifeboat.repair(), taken(lifeboat)) == ([], [])
    assert files(tmp_path) == [plain]
    assert "a key is set, and it is not encrypted" in caplog.text
    assert "evergrant doctor --repair --adopt" in caplog.text


def test_a_plain_file_is_sealed_once_somebody_says_so(tmp_path: Path) -> None:
    plain = boat(tmp_path).add(TOKEN)
    assert plain
    lifeboat = boat(tmp_path, keyring=RING)
    assert lifeboat.repair(adopt=True) == []
    (sealed,) = files(tmp_path)
    assert sealed != plain
    assert "1000.a" not in sealed.read_text()
    assert lifeboat.unusable == {}
    assert taken(lifeboat) == [TOKEN]


def test_a_lifeboat_from_before_is_sealed_once_somebody_says_so(tmp_path: Path) -> None:
    old = old_list(tmp_path, encode(TOKEN))
    lifeboat = boat(tmp_path, keyring=RING)
    assert not lifeboat.has_pending
    assert files(tmp_path) == [old]
    lifeboat.repair(adopt=True)
    assert [path for path in files(tmp_path) if "1000.a" in path.read_text()] == []
    assert taken(boat(tmp_path, keyring=RING)) == [TOKEN]


def test_a_sealed_text_in_a_lifeboat_from_before_keeps_nobody_from_saving(tmp_path: Path) -> None:
    sealed = RING.encrypt("[]", "elsewhere")
    path = old_list(tmp_path, sealed)
    lifeboat = boat(tmp_path)
    assert lifeboat.add(TOKEN)
    assert taken(lifeboat) == [TOKEN]
    assert files(tmp_path) == [path]


def test_a_file_that_may_not_be_read_is_told_once_and_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = boat(tmp_path).add(TOKEN)
    assert path

    def refuse(_self: LifeboatFiles, _path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(LifeboatFiles, "read", refuse)
    lifeboat = boat(tmp_path)
    for _ in range(2):
        assert taken(lifeboat) == []
    assert list(lifeboat.unusable) == [path]
    assert caplog.text.count(f"the lifeboat {path} cannot be used: it cannot be read") == 1
    monkeypatch.undo()
    assert taken(boat(tmp_path)) == [TOKEN]


def test_a_folder_that_cannot_be_listed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert boat(tmp_path).add(TOKEN)

    def refuse(_self: LifeboatFiles) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(LifeboatFiles, "paths", refuse)
    assert taken(boat(tmp_path)) == []
    assert f"the lifeboat {tmp_path}" in caplog.text
    assert "cannot be read: [Errno 13] Permission denied" in caplog.text


def test_a_file_that_a_disk_did_not_give_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert boat(tmp_path).add(TOKEN)

    def fail(_self: LifeboatFiles, _path: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(
        lifeboat_module, "FOLDER_TICK_NS", -1
    )  # the folder has not changed for long
    monkeypatch.setattr(LifeboatFiles, "read", fail)
    lifeboat = boat(tmp_path)
    assert taken(lifeboat) == []
    monkeypatch.undo()
    assert taken(lifeboat) == [TOKEN]
