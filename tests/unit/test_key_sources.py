"""Keys come from the system's keyring and from AWS KMS, and from one source at a time."""

from __future__ import annotations

import json
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import boto3
import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked
from moto.server import ThreadedMotoServer

from evergrant._crypto import key_file, key_format
from evergrant._crypto.key_sources import KEY, KEY_FILE, KEYRING, keyring_from_environment
from evergrant._crypto.keys import Key
from evergrant.cli.exit_codes import ExitCode
from evergrant.errors import ConfigError, EvergrantError, StoreUnavailable
from evergrant.stores import open_store
from evergrant.token import Secret
from tests.support.cli.runner import Command
from tests.support.servers.scripted_server import Script, saying, serving

ONE, TWO = (b64encode(bytes([number]) * 32).decode() for number in (1, 2))


class FileBackend(KeyringBackend):
    """A keyring that works without a desktop: its entries are in a file."""

    priority = 1

    def __init__(self, path: Path) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.path = path
        self.locked = False

    def _entries(self) -> dict[str, str]:
        if self.locked:
            raise KeyringLocked
        return dict(json.loads(self.path.read_text())) if self.path.exists() else {}

    def get_password(self, service: str, username: str) -> str | None:
        return self._entries().get(f"{service}\0{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self.path.write_text(json.dumps(self._entries() | {f"{service}\0{username}": password}))


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (KEY, KEY_FILE, KEYRING):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[FileBackend]:
    before = keyring.get_keyring()
    mine = FileBackend(tmp_path / "entries.json")
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    yield f"http://{host}:{port}"
    server.stop()


def ids() -> str:
    return repr(keyring_from_environment())


def id_of(key: str) -> str:
    return Key(Secret(key)).id


def wrapped(context: dict[str, str]) -> tuple[str, str]:
    client = boto3.client("kms", region_name="eu-west-1")
    made = client.create_key()["KeyMetadata"]["KeyId"]
    data = client.generate_data_key(KeyId=made, KeySpec="AES_256", EncryptionContext=context)
    blob = b64encode(data["CiphertextBlob"]).decode()
    return f"aws-kms:eu-west-1:{blob}", b64encode(data["Plaintext"]).decode()


@pytest.mark.parametrize(
    ("name", "service", "username"),
    [
        ("portal/crm", "portal", "crm"),
        ("portal", "portal", "keys"),
        ("a/b/c", "a", "b/c"),
    ],
)
def test_an_entry_of_the_keyring_has_a_key_a_line(
    backend: FileBackend, monkeypatch: pytest.MonkeyPatch, name: str, service: str, username: str
) -> None:
    backend.set_password(service, username, f"{TWO}\n{ONE}\n")
    monkeypatch.setenv(KEYRING, name)
    assert ids() == f"Keyring({id_of(TWO)}, {id_of(ONE)})"


def test_an_entry_that_is_not_there_is_named(
    backend: FileBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.set_password("portal", "other", ONE)
    monkeypatch.setenv(KEYRING, "portal/crm")
    with pytest.raises(ConfigError, match="no entry portal/crm"):
        ids()


def test_a_locked_keyring_is_refused_with_a_way_out(
    backend: FileBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.locked = True
    monkeypatch.setenv(KEYRING, "portal/crm")
    with pytest.raises(ConfigError, match="KeyringLocked") as caught:
        ids()
    assert KEY_FILE in str(caught.value.hint)


def test_a_wrapped_key_is_unwrapped_once(
    kms: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, key = wrapped({"evergrant": "key"})
    file = tmp_path / "keys"
    file.touch(0o600)
    file.write_text(f"{line}\n{ONE}\n")
    monkeypatch.setenv(KEY_FILE, str(file))
    assert ids() == f"Keyring({id_of(key)}, {id_of(ONE)})"
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")
    assert ids() == f"Keyring({id_of(key)}, {id_of(ONE)})"


def test_a_key_of_another_context_is_refused(kms: str, monkeypatch: pytest.MonkeyPatch) -> None:
    line, key = wrapped({"another": "program"})
    monkeypatch.setenv(KEY, line)
    with pytest.raises(ConfigError, match="did not answer decrypt: InvalidCiphertext") as caught:
        ids()
    assert "docs/encryption.md" in str(caught.value.hint)
    assert key not in str(caught.value)


def nobody_there() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def saying_code(status: int, code: str) -> Script:
    body = json.dumps({"__type": code}).encode()
    head = f"HTTP/1.1 {status} No\r\nContent-Type: application/x-amz-json-1.1\r\n"
    return saying(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (500, "KMSInternalException", StoreUnavailable),
        (503, "DependencyTimeoutException", StoreUnavailable),
        (502, "BadGateway", StoreUnavailable),
        (400, "ThrottlingException", StoreUnavailable),
        (400, "LimitExceededException", StoreUnavailable),
        (400, "AccessDeniedException", ConfigError),
        (400, "DisabledException", ConfigError),
        (403, "InvalidClientTokenId", ConfigError),
    ],
)
def test_a_key_service_in_trouble_is_no_wrong_setting(
    kms: str, monkeypatch: pytest.MonkeyPatch, status: int, code: str, error: type[EvergrantError]
) -> None:
    monkeypatch.setattr(key_format, "ATTEMPTS", 1)
    with serving(saying_code(status, code)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", server.url)
        with pytest.raises(error, match=f"did not answer decrypt: {code}") as caught:
            key_format._unwrap(Secret("aws-kms:eu-west-1:AAAA"))
    assert type(caught.value) is error
    assert caught.value.retryable is (error is StoreUnavailable)


def test_a_key_service_that_cannot_be_reached_is_no_wrong_setting(
    kms: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(key_format, "ATTEMPTS", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", nobody_there())
    monkeypatch.setenv(KEY, "aws-kms:eu-west-1:AAAA")
    with pytest.raises(StoreUnavailable, match=f"{KEY}: AWS KMS in eu-west-1 did not answer"):
        ids()
    with pytest.raises(StoreUnavailable, match="AWS KMS"):
        open_store(f"sqlite:///{tmp_path}/tokens.db")
    monkeypatch.setenv("EVERGRANT_HOME", str(tmp_path / "home"))
    run = Command()
    doctor = run("doctor", "--offline")
    assert doctor.exit_code == ExitCode.BAD_RESULT
    assert "did not answer decrypt: EndpointConnectionError" in " ".join(doctor.stdout.split())
    assert run("keys", "rotate").exit_code == ExitCode.STORE


def test_a_key_service_that_hangs_holds_nobody_who_has_a_key_that_works(
    kms: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_file, "LOCK_TIMEOUT_S", 0.05)
    monkeypatch.setattr(key_file, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(key_format, "KMS_TIMEOUT_S", 0.5)
    monkeypatch.setattr(key_format, "ATTEMPTS", 1)
    line, key = wrapped({"evergrant": "key"})
    file, go_on = tmp_path / "keys", threading.Event()
    file.touch(0o600)
    file.write_text(ONE)
    keys = key_file.FileKeyring(file)
    sealed = keys.encrypt("text", "here")

    def say_nothing(_connection: socket.socket, _request: bytes) -> None:
        go_on.wait(30)

    with serving(say_nothing) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", silent.url)
        file.write_text(f"{line}\n{ONE}\n")
        began = time.monotonic()
        for _ in range(50):
            assert keys.decrypt(sealed, "here") == "text"
        assert time.monotonic() - began < 0.4
        for _ in range(3):  # what it alone may open is told as out of reach, and once it is asked
            with pytest.raises(StoreUnavailable, match="did not answer decrypt"):
                keys.get(id_of(key))
        assert len(silent.seen) == 1
        go_on.set()
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", kms)
    monkeypatch.setattr(keys, "_look_at", 0.0)  # a while later
    found = keys.get(id_of(key))
    assert found
    assert found.id == id_of(key)


@pytest.mark.parametrize("line", ["aws-kms:", "aws-kms:eu-west-1:", "aws-kms::AAAA", "aws-kms:e:?"])
def test_a_malformed_wrapped_key_is_refused(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, line)
    with pytest.raises(ConfigError, match="a wrapped key is written"):
        ids()


@pytest.mark.parametrize("set_too", [(KEY,), (KEY_FILE,), (KEY, KEY_FILE)])
def test_one_source_at_a_time(set_too: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (KEYRING, *set_too):
        monkeypatch.setenv(name, ONE)
    with pytest.raises(ConfigError, match="only one of EVERGRANT_KEY") as caught:
        ids()
    assert ONE not in str(caught.value)
