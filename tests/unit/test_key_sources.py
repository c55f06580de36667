"""Keys come from the system's keyring and from AWS KMS, and from one source at a time."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import boto3
import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked
from moto.server import ThreadedMotoServer

from evergrant.crypto.keys import Key
from evergrant.crypto.sources import KEY, KEY_FILE, KEYRING, keyring_from_environment
from evergrant.errors import ConfigError
from evergrant.token import Secret

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


@pytest.mark.parametrize("line", ["aws-kms:", "aws-kms:eu-west-1:", "aws-kms::AAAA", "aws-kms:e:?"])
def test_a_malformed_wrapped_key_is_refused(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, line)
    with pytest.raises(ConfigError, match="a wrapped key is written"):
        ids()


@pytest.mark.parametrize("set_too", [(KEY,), (KEY_FILE,), (KEY, KEY_FILE)])
def test_one_source_at_a_time(set_too: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (KEYRING, *set_too):
        monkeypatch.setenv(name, ONE)
    with pytest.raises(ConfigError, match="not more than one may be set") as caught:
        ids()
    assert ONE not in str(caught.value)
