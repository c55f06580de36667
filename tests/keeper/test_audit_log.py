"""The audit log: what was done stands there, once, and nobody changes it unseen."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evergrant import _fork
from evergrant._crypto.keys import Key, Keyring
from evergrant.errors import ConfigError
from evergrant.events import Forgotten, Refreshed, Revoked
from evergrant.observing import audit_log
from evergrant.observing.audit_log import AuditLog, audit_source, read_entries, verify
from evergrant.token import Secret

NOW = datetime(2026, 1, 2, tzinfo=UTC)
EVENT = Revoked(at=NOW, token_id="7", user="alice@example.com:42")


def keyring(byte: bytes = b"k") -> Keyring:
    return Keyring([Key(Secret(b64encode(byte * 32).decode()))])


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("EVERGRANT_KEY", "EVERGRANT_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "audit.log"


def written(path: Path, keys: Keyring | None = None) -> list[bytes]:
    log = AuditLog(path, "carol", keys=keys)
    for number in range(5):
        log(Refreshed(at=NOW, expires_at=NOW, token_id=str(number)))
    return path.read_bytes().splitlines(keepends=True)


def test_an_entry_says_who_what_when_to_whom_and_from_where(path: Path) -> None:
    with audit_source("192.0.2.7"):
        AuditLog(path, "carol")(EVENT)
    AuditLog(path)(Forgotten(at=NOW, token_id="8"))
    first, second = read_entries(path)
    assert {
        "event": "Revoked",
        "at": "2026-01-02T00:00:00+00:00",
        "actor": "carol",
        "token_id": "7",
        "user": "alice@example.com:42",
        "remote": "192.0.2.7",
        "pid": os.getpid(),
        "seq": 1,
    }.items() <= first.items()
    assert second["prev"] == first["hash"]
    assert "remote" not in second
    assert second["actor"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert verify(path)[1] == []


@pytest.mark.parametrize("keys", [None, keyring()])
@pytest.mark.parametrize("kind", ["changed", "removed", "inserted", "reordered", "torn", "garbage"])
def test_each_way_to_tamper_is_named_with_its_line(
    path: Path, keys: Keyring | None, kind: str
) -> None:
    lines = written(path, keys)
    assert verify(path, keys)[1] == []
    line, said = 3, kind
    if kind == "changed":
        lines[2] = lines[2].replace(b"carol", b"mallory")
    elif kind == "removed":
        del lines[2]
    elif kind == "reordered":
        lines[2:4] = lines[3], lines[2]
        said = "removed"  # what is seen first: entry 4 follows entry 2
    elif kind == "inserted":
        lines.insert(2, lines[1])
        said = "reordered"
    elif kind == "torn":
        lines[4], line = lines[4][:-20], 5
    else:
        lines[2], said = b"garbage\n", "changed"
    path.write_bytes(b"".join(lines))
    fault = verify(path, keys)[1][0]
    assert (fault.line, fault.kind) == (line, said)


@pytest.mark.parametrize("keys", [None, keyring()], ids=["hashed", "signed"])
@pytest.mark.parametrize(
    ("forged", "line"),
    [
        (lambda line: line.replace(b'"actor": "carol"', b'"actor": "eve", "actor": "carol"'), 3),
        (lambda line: line.replace(b"{", b'{"event": "Forgotten", ', 1), 3),
        (lambda line: b"\n" + line, 3),
        (lambda line: line + b"\n", 4),
        (lambda line: b"   \n" + line, 3),
        (lambda line: b"\xef\xbb\xbf" + line, 3),
        (lambda line: line.replace(b"\n", b"\r\n"), 3),
        (lambda line: line.replace(b": ", b":"), 3),
        (lambda line: line.replace(b"carol", b"\\u0063arol"), 3),
        (lambda line: line.replace(b'"seq": 3', b'"seq":  3'), 3),
        (lambda line: line.replace(b"\n", b" \n"), 3),
        (lambda line: line.replace(b"\n", b"\0\n"), 3),
        (lambda line: b'{"note": "all is well"}\n' + line, 3),
        (lambda line: line + b"# rotated by hand\n", 4),
        (lambda line: json.dumps(dict(reversed(json.loads(line).items()))).encode() + b"\n", 3),
        (lambda line: json.dumps(json.loads(line), indent=0).encode() + b"\n", 3),
    ],
)
def test_a_line_counts_to_the_byte(
    path: Path, keys: Keyring | None, forged: Callable[[bytes], bytes], line: int
) -> None:
    lines = written(path, keys)
    lines[2] = forged(lines[2])
    path.write_bytes(b"".join(lines))
    found = verify(path, keys)[1]
    assert found
    assert (found[0].line, found[0].kind) == (line, "changed")


@pytest.mark.parametrize("foreign", [b"x", b'{"note": 1}', b"\n", b"x\n", b'{"actor": "eve"}\n'])
def test_what_another_program_appended_is_told_though_the_log_goes_on(
    path: Path, foreign: bytes
) -> None:
    path.write_bytes(b"".join(written(path)) + foreign)
    AuditLog(path)(EVENT)
    assert [fault.line for fault in verify(path)[1]] == [6]


def test_what_was_closed_off_and_no_more_is_gone_on_with(path: Path) -> None:
    lines = written(path)
    path.write_bytes(b"".join(lines)[:-20] + b"\n")
    AuditLog(path)(EVENT)
    assert verify(path)[1] == []


def test_paths_may_be_text(path: Path) -> None:
    written(path)
    assert verify(str(path), None) == verify(path)
    assert list(read_entries(str(path))) == list(read_entries(path))


def test_with_a_key_a_line_that_was_hashed_anew_is_seen(path: Path) -> None:
    keys = keyring()
    written(path, keys)
    assert verify(path, keyring(b"x"))[1][0].kind == "unverifiable"
    path.unlink()
    written(path)  # as who has no key can write it
    assert verify(path, keys)[1][0].kind == "unsigned"


def test_a_torn_line_is_closed_off_and_the_log_goes_on(path: Path) -> None:
    lines = written(path)
    path.write_bytes(b"".join(lines)[:-20])
    log = AuditLog(path)
    log(EVENT)
    log(EVENT)
    assert verify(path)[1] == []
    assert [entry["seq"] for entry in read_entries(path)] == [1, 2, 3, 4, 5, 6]
    after = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*after[:4], b"x\n", *after[5:]]))
    assert verify(path)[1][0].line == 5


def test_a_rotated_file_is_continued(path: Path) -> None:
    written(path)
    old = path.rename(f"{path}.1")
    AuditLog(path)(EVENT)
    head, found = verify(old)
    assert (head.seq, found) == (5, [])
    assert verify(path, head=head) == (verify(path)[0], [])
    assert verify(path)[0].seq == 6


def test_processes_share_a_file(path: Path) -> None:
    code = (
        "import sys; from datetime import datetime, UTC\n"
        "from evergrant.observing.audit_log import AuditLog; from evergrant.events import Revoked\n"
        "log = AuditLog(sys.argv[1])\n"
        "for n in range(50): log(Revoked(at=datetime.now(UTC), token_id=str(n)))"
    )
    crew = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(3)]
    assert [process.wait(60) for process in crew] == [0, 0, 0]
    assert verify(path) == (verify(path)[0], [])
    assert verify(path)[0].seq == 150


def test_killed_in_the_middle_of_anything_it_can_be_verified_and_goes_on(path: Path) -> None:
    code = (
        "import sys; from datetime import datetime, UTC\n"
        "from evergrant.observing.audit_log import AuditLog; from evergrant.events import Revoked\n"
        "log = AuditLog(sys.argv[1]); print(flush=True)\n"
        "while True: log(Revoked(at=datetime.now(UTC), token_id='7'))"
    )
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(0.05)
            process.kill()
        AuditLog(path)(EVENT)
        assert verify(path)[1] == []
    assert verify(path)[0].seq > 5


def test_a_forked_child_writes_to_the_same_chain(path: Path) -> None:
    log = AuditLog(path)
    log(EVENT)
    child = os.fork()
    if child == 0:
        log(EVENT)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    log(EVENT)
    assert (verify(path)[0].seq, verify(path)[1]) == (3, [])
    assert len({entry["pid"] for entry in read_entries(path)}) == 2


def test_a_child_that_ends_leaves_to_its_parent_what_waits(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audit_log, "LOCK_TIMEOUT_S", 0.0)
    log = AuditLog(path)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        log(EVENT)
        caplog.clear()
        with monkeypatch.context() as in_child:
            in_child.setattr(_fork, "this_process", lambda: (1, 1))
            log.end()
    log.flush(30)
    assert caplog.records == []
    assert len(list(read_entries(path))) == 1


def test_a_full_disk_loses_no_entry_silently(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = AuditLog(path)
    log(EVENT)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, before[1]))
    try:
        log(EVENT)  # only a part of it fits
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert "not in the audit log" in caplog.text
    assert "alice@example.com:42" in caplog.text
    log(EVENT)
    assert verify(path)[1] == []
    assert [entry.get("missed") for entry in read_entries(path)] == [None, 1]


def test_what_cannot_be_written_is_logged_whole_and_counted(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = AuditLog(path)
    path.unlink()
    path.mkdir()
    with caplog.at_level(logging.WARNING):
        log(EVENT)
    assert "alice@example.com:42" in caplog.text
    path.rmdir()
    log(EVENT)
    assert next(read_entries(path))["missed"] == 1


def test_a_place_that_cannot_be_written_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        AuditLog(tmp_path / "none" / "audit.log")


def test_a_name_cannot_forge_a_line(path: Path) -> None:
    AuditLog(path)(Revoked(at=NOW, user='x\n{"seq":2}\u2028'))
    assert len(path.read_bytes().splitlines()) == 1
    assert json.loads(path.read_text())["user"].startswith("x\n")
