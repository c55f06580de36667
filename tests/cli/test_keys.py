"""Keys from the first to the last, by the command line."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from evergrant._crypto.key_file import read_lines
from evergrant._crypto.key_format import parse_keys
from evergrant.errors import EvergrantError
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.testing.sample_tokens import ALICE, BOB
from evergrant.token import Token
from tests.support.cli.runner import Command


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "evergrant.keys"


@pytest.fixture
def set_file(file: Path, run: Command, monkeypatch: pytest.MonkeyPatch) -> Path:
    assert run("keys", "generate", "--file", str(file)).exit_code == 0
    monkeypatch.setenv("EVERGRANT_KEY_FILE", str(file))
    return file


def ids(file: Path) -> list[str]:
    return [key.id for line in read_lines(file) for key in parse_keys(line, "file")]


def test_a_key_is_made_and_never_shown(run: Command, file: Path) -> None:
    result = run("keys", "generate", "--file", str(file))
    assert result.exit_code == 0
    (line,) = read_lines(file)
    assert line.reveal() not in result.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert f"EVERGRANT_KEY_FILE={file}" in result.stderr


def test_a_newer_key_stands_before_the_older(run: Command, set_file: Path) -> None:
    before = ids(set_file)
    assert run("keys", "generate", "--file", str(set_file)).exit_code == 0
    assert ids(set_file)[1:] == before
    assert len(set(ids(set_file))) == 2


def test_what_is_no_key_file_is_left_alone(run: Command, tmp_path: Path) -> None:
    letter = tmp_path / "letter"
    letter.write_text("dear canary")
    letter.chmod(0o600)
    result = run("keys", "generate", "--file", str(letter))
    assert result.exit_code == 2
    assert "canary" not in result.output
    assert letter.read_text() == "dear canary"


def test_turning_it_on_takes_a_word(run: Command, store: TokenStore, set_file: Path) -> None:
    store.save_token(ALICE)
    for command in (["list"], ["keys", "rotate"]):
        result = run(*command)
        assert result.exit_code == 2
        assert "evergrant keys rotate --adopt" in result.stderr
    assert store.find_token(ALICE) is not None
    result = run("keys", "rotate", "--adopt")
    assert result.exit_code == 0, result.output
    assert f"1 token was encrypted with the key {ids(set_file)[0]}" in result.stderr
    assert run("list").exit_code == 0


def test_what_was_plain_is_in_no_file_afterwards(
    run: Command, home: Path, store: TokenStore, set_file: Path
) -> None:
    for number in range(50):
        store.save_token(replace(ALICE, user_name=f"u{number}@example.com", refresh_token=None))
    store.close()
    secret = str.__str__(ALICE.access_token or "").encode()
    assert any(secret in path.read_bytes() for path in home.iterdir())
    assert run("keys", "rotate", "--adopt").exit_code == 0
    assert not [path for path in home.iterdir() if secret in path.read_bytes()]


def test_a_row_that_cannot_be_sealed_anew_is_named_and_the_others_are(
    run: Command, set_file: Path, home: Path
) -> None:
    with open_store(f"sqlite:///{home}/tokens.db") as store:
        bad, _ = store.save_token(ALICE), store.save_token(BOB)
    with closing(sqlite3.connect(home / "tokens.db")) as database:
        database.execute("UPDATE oauthtoken SET org_id = 'x' WHERE id = ?", (bad.id,))
        database.commit()
    run("keys", "generate", "--file", str(set_file))
    new, old = ids(set_file)
    rotated = run("keys", "rotate")
    assert rotated.exit_code == 1
    assert f"row {bad.id} of the token store is corrupt" in rotated.stderr
    assert f"1 of 2 tokens are not encrypted with the key {new}" in rotated.stderr
    assert run("keys", "retire", old, "--file", str(set_file)).exit_code == 2


def test_status_counts_what_each_key_has_sealed(
    run: Command, set_file: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    url = f"sqlite:///{home}/tokens.db"
    with open_store(url) as store:
        store.save_token(ALICE)
    run("keys", "generate", "--file", str(set_file))
    with open_store(url) as store:
        store.save_token(BOB)
    new, old = ids(set_file)
    status = run("keys", "status", "--json")
    assert status.exit_code == 0
    assert [(row["key"], row["tokens"], row["encrypts"]) for row in json.loads(status.stdout)] == [
        (new, 1, True),
        (old, 1, False),
    ]
    monkeypatch.delenv("EVERGRANT_KEY_FILE")
    lost = run("keys", "status")
    assert lost.exit_code == 1
    assert f"needed, but not set: {old}, {new}" in lost.stderr


def test_a_key_in_use_is_not_retired(run: Command, set_file: Path, home: Path) -> None:
    with open_store(f"sqlite:///{home}/tokens.db") as store:
        store.save_token(ALICE)
    run("keys", "generate", "--file", str(set_file))
    new, old = ids(set_file)
    refused = run("keys", "retire", old, "--file", str(set_file))
    assert refused.exit_code == 2
    assert "1 tokens" in refused.stderr
    assert ids(set_file) == [new, old]
    assert run("keys", "rotate").exit_code == 0
    assert run("keys", "retire", old, "--file", str(set_file)).exit_code == 0
    assert ids(set_file) == [new]
    assert run("keys", "retire", new, "--file", str(set_file)).exit_code == 2
    assert run("keys", "retire", "12345678", "--file", str(set_file)).exit_code == 2
    assert run("list").exit_code == 0


def test_a_lost_key_is_one_clear_error(
    run: Command, set_file: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(f"sqlite:///{home}/tokens.db") as store:
        store.save_token(ALICE)
    monkeypatch.delenv("EVERGRANT_KEY_FILE")
    result = run("list")
    assert result.exit_code == 2
    assert f"encrypted with the key {ids(set_file)[0]}, which is not set" in result.stderr
    assert "Traceback" not in result.output


def test_a_running_program_takes_up_a_new_key(run: Command, set_file: Path, home: Path) -> None:
    """Another process that has it may seal with it at once."""
    url = f"sqlite:///{home}/tokens.db"
    with open_store(url) as running:
        saved = running.save_token(ALICE)
        run("keys", "generate", "--file", str(set_file))
        run("keys", "rotate")
        assert running.find_token(Token(access_token=ALICE.access_token)) == saved
        assert running.find_token(ALICE) == saved
        assert running.key_ids() == {ids(set_file)[0]: 1}


@pytest.mark.parametrize("url", ["sqlite:///{}/tokens.db", "file://{}/tokens.csv"])
def test_killed_at_any_moment_a_rotation_is_resumed_and_no_reader_notices(
    run: Command, set_file: Path, tmp_path: Path, url: str
) -> None:
    url, users = url.format(tmp_path), [f"u{number}@example.com" for number in range(50)]
    with open_store(url) as store:
        plain = [replace(ALICE, user_name=user, refresh_token=f"r-{user}") for user in users]
        saved = {token.user_name: store.save_token(token) for token in plain}
        reading, failures, reads = threading.Event(), [], 0

        def read() -> None:
            nonlocal reads
            while not reading.is_set():
                for user, token in saved.items():
                    asked = replace(ALICE, user_name=user)
                    try:
                        if store.find_token(asked) != token:
                            failures.append("another token")
                    except EvergrantError as error:
                        failures.append(str(error))
                    reads += 1

        reader = threading.Thread(target=read)
        reader.start()
        try:
            for number in range(3):
                run("keys", "generate", "--file", str(set_file))
                command = [sys.executable, "-m", "evergrant", f"--store={url}", "keys", "rotate"]
                with subprocess.Popen(command, stderr=subprocess.DEVNULL) as rotation:
                    time.sleep(0.25 + 0.1 * number)
                    os.kill(rotation.pid, signal.SIGKILL)
            assert run(f"--store={url}", "keys", "rotate").exit_code == 0
        finally:
            reading.set()
            reader.join()
        assert failures == []
        assert reads > 0
        assert store.key_ids() == {ids(set_file)[0]: len(saved)}
        assert {token.user_name: token for token in store.get_tokens()} == saved
