"""What is Secrets Manager's alone; the server is an emulator (moto)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from evergrant import Token
from evergrant._crypto.keys import Keyring
from evergrant.errors import ConfigError, StoreError, StoreUnavailable
from evergrant.stores import open_store
from evergrant.stores.aws.client import AwsClient
from evergrant.stores.base import TokenStore
from evergrant.stores.optimistic import WriteConflict
from evergrant.testing.sample_tokens import ALICE, BOB
from evergrant.token import Secret
from tests.support.stores.encrypted_rows import NEW


@pytest.fixture
def store(secrets_url: str) -> Iterator[TokenStore]:
    with open_store(secrets_url) as store:
        yield store


def secrets(url: str) -> dict[str, Any]:
    endpoint = re.search(r"endpoint_url=([^&]+)", url)
    assert endpoint
    client = boto3.client("secretsmanager", region_name="eu-central-1", endpoint_url=endpoint[1])
    names = [one["Name"] for one in client.list_secrets()["SecretList"]]
    return {
        name.partition("/")[2].partition("/")[2]: json.loads(
            client.get_secret_value(SecretId=name)["SecretString"]
        )
        for name in names
    }


def test_each_token_is_a_secret_and_the_index_shows_none(
    secrets_url: str, store: TokenStore
) -> None:
    store.save_token(ALICE)
    store.save_token(replace(BOB, id="an id: ö"))
    found = secrets(secrets_url)
    assert {name.partition("/")[0] for name in found} == {"index", "token", "hashed"}
    assert "planted" not in json.dumps(found["index"])
    store.delete_tokens()
    assert secrets(secrets_url) == {"index": {"number": 1, "rows": {}}}


def test_a_refresh_changes_one_secret(secrets_url: str, store: TokenStore) -> None:
    saved = store.save_token(ALICE)
    before = secrets(secrets_url)["index"]
    store.save_token(replace(saved, access_token="refreshed"))
    assert secrets(secrets_url)["index"] == before


def test_of_two_who_write_after_the_same_version_one_is_refused(store: TokenStore) -> None:
    put: Any = store._vault.put  # type: ignore[attr-defined]
    put("token/1", Secret("[1]"), None)
    version = store._vault.get("token/1").version  # type: ignore[attr-defined]
    put("token/1", Secret("[2]"), version)
    with pytest.raises(WriteConflict):
        put("token/1", Secret("[3]"), version)
    assert store._vault.get("token/1").text == "[2]"  # type: ignore[attr-defined]


def test_who_dies_between_index_and_secret_locks_nobody_out(
    secrets_url: str, store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put: Any = store._vault.put  # type: ignore[attr-defined]

    def dying(name: str, *rest: Any) -> None:
        if name != "index":
            raise KeyboardInterrupt
        put(name, *rest)

    monkeypatch.setattr(store, "_put", dying)
    with pytest.raises(KeyboardInterrupt):
        store.save_token(ALICE)
    with open_store(secrets_url) as other:
        assert other.find_token(ALICE) is None
        saved = other.save_token(ALICE)
        assert other.find_token(ALICE) == saved
        assert other.get_tokens() == [saved]


def test_who_dies_in_the_middle_of_a_deletion_leaves_nothing_that_is_used(
    secrets_url: str, store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = store.save_token(ALICE)

    def dying(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store._vault, "delete", dying)  # type: ignore[attr-defined]
    with pytest.raises(KeyboardInterrupt):
        store.delete_token(str(saved.id))
    with open_store(secrets_url) as other:
        assert other.find_token(ALICE) is None
        assert other.get_tokens() == []
        again = other.save_token(ALICE)
        assert other.get_tokens() == [again]
        assert other.find_token(ALICE) == again


def test_more_than_a_batch_is_listed(store: TokenStore) -> None:
    for number in range(45):
        store.save_token(Token(user_name=f"u{number}@example.com", access_token=f"a{number}"))
    assert len(store.get_tokens()) == 45
    assert store.find_token(Token(access_token="a7")) is not None


def test_a_secret_that_may_not_be_read_does_not_fall_out_of_a_list(
    store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service names it beside its answer, and calls that a success."""
    store.save_token(ALICE)
    ask = AwsClient.call

    def refusing(self: AwsClient, operation: str, *passed: str, **parameters: Any) -> Any:
        answer = ask(self, operation, *passed, **parameters)
        if operation == "batch_get_secret_value":
            answer |= {"SecretValues": [], "Errors": [{"ErrorCode": "DecryptionFailure"}]}
        return answer

    monkeypatch.setattr(AwsClient, "call", refusing)
    with pytest.raises(StoreUnavailable, match="DecryptionFailure"):
        store.get_tokens()


def test_what_is_too_large_is_refused_and_nothing_is_lost(store: TokenStore) -> None:
    saved = store.save_token(ALICE)
    with pytest.raises(StoreError, match="larger than 65,536 bytes"):
        store.save_token(replace(saved, scopes=("x" * 70_000,)))
    assert store.find_token(ALICE) == saved


def test_opened_to_read_it_changes_nothing(secrets_url: str, store: TokenStore) -> None:
    saved = store.save_token(ALICE)
    before = secrets(secrets_url)
    with open_store(secrets_url, read_only=True) as reader:
        assert reader.find_token(ALICE) == saved
        for change in (lambda: reader.save_token(BOB), lambda: reader.delete_token("1")):
            with pytest.raises(StoreUnavailable, match="read-only"):
                change()
        with pytest.raises(StoreUnavailable, match="read-only"):
            reader.delete_tokens()
    assert secrets(secrets_url) == before


def test_it_is_encrypted_by_the_same_setting(secrets_url: str) -> None:
    with open_store(secrets_url, keys=Keyring([NEW])) as store:
        saved = store.save_token(ALICE)
        assert store.find_token(ALICE) == saved
        by_token = replace(ALICE, user_name=None, client_id=None, client_secret=None)
        assert store.find_token(by_token) == saved
    assert "planted" not in json.dumps(secrets(secrets_url))
    with open_store(secrets_url, keys=None) as plain, pytest.raises(ConfigError):
        plain.find_token(ALICE)


def test_the_documented_policy_is_what_is_asked_for(
    secrets_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[str] = set()
    ask = AwsClient.call

    def noting(self: AwsClient, operation: str, *passed: str, **parameters: Any) -> Any:
        asked.add("".join(word.title() for word in operation.split("_")))
        return ask(self, operation, *passed, **parameters)

    monkeypatch.setattr(AwsClient, "call", noting)
    with open_store(secrets_url) as store:
        saved = store.save_token(ALICE)
        store.save_token(replace(saved, access_token="refreshed"))
        store.get_tokens()
        store.delete_tokens()
    documented = re.findall(r'"secretsmanager:(\w+)"', Path("docs/aws.md").read_text())
    assert set(documented) == asked
