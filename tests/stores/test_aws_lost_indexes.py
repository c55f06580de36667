"""What leads to the tokens in AWS was lost, and the tokens were not: noticed, told once, mended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest

from evergrant.errors import StoreUnavailable
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.testing.sample_tokens import ALICE, BOB


class Amazon:
    """A store in one of Amazon's services, and somebody who deletes what they should not."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.service = "dynamodb" if "dynamodb" in url else "secretsmanager"
        endpoint = re.search(r"endpoint_url=([^&]+)", url)
        prefix = re.search(r"prefix=([^&]+)", url)
        self.client = boto3.client(
            self.service, region_name="eu-central-1", endpoint_url=endpoint and endpoint[1]
        )
        self.index = f"app/{prefix and prefix[1]}/index"

    def lose(self) -> None:
        if self.service == "secretsmanager":
            self.client.delete_secret(SecretId=self.index, ForceDeleteWithoutRecovery=True)
            return
        for item in self.client.scan(TableName="tokens")["Items"]:
            if "#by#" in item["pk"]["S"]:
                key = {name: item[name] for name in ("pk", "sk")}
                self.client.delete_item(TableName="tokens", Key=key)


@pytest.fixture(params=["dynamodb_url", "secrets_url"])
def amazon(request: pytest.FixtureRequest) -> Amazon:
    return Amazon(request.getfixturevalue(request.param))


@pytest.fixture
def store(amazon: Amazon) -> Iterator[TokenStore]:
    with open_store(amazon.url) as store:
        yield store


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [text for text in caplog.messages if "rebuilt" in text]


def test_a_lost_look_up_hides_nobody(
    amazon: Amazon, store: TokenStore, caplog: pytest.LogCaptureFixture
) -> None:
    alice, bob = store.save_token(ALICE), store.save_token(replace(BOB, id="an id: ö"))
    amazon.lose()
    with open_store(amazon.url) as other:
        assert other.find_token(ALICE) == alice
        assert other.find_users(str(BOB.user_name)) == [bob]
        assert {token.id for token in other.get_tokens()} == {alice.id, bob.id}
    assert store.find_token(BOB) == bob
    assert len(warnings(caplog)) == 1, "told once"
    assert "2 tokens" in warnings(caplog)[0] or "items" in warnings(caplog)[0]


def test_a_login_after_a_loss_makes_no_second_row(amazon: Amazon, store: TokenStore) -> None:
    alice, bob = store.save_token(ALICE), store.save_token(BOB)
    amazon.lose()
    with open_store(amazon.url) as other:
        again = other.save_token(replace(ALICE, refresh_token="of a later login"))
        assert again.id == alice.id
        carol = other.save_token(replace(BOB, user_name="carol@example.com:1"))
        assert carol.id not in (alice.id, bob.id)
        assert len(other.get_tokens()) == 3


def test_who_only_reads_finds_everybody_and_mends_nothing(
    amazon: Amazon, store: TokenStore, caplog: pytest.LogCaptureFixture
) -> None:
    alice = store.save_token(ALICE)
    amazon.lose()
    with open_store(amazon.url, read_only=True) as reader:
        assert reader.find_token(ALICE) == alice
        assert reader.find_token(ALICE) == alice
    assert not warnings(caplog)


def test_an_empty_store_has_lost_nothing(
    amazon: Amazon, store: TokenStore, caplog: pytest.LogCaptureFixture
) -> None:
    assert store.find_token(ALICE) is None
    store.delete_token(str(store.save_token(ALICE).id))
    assert store.find_token(ALICE) is None
    amazon.lose()
    assert store.find_token(ALICE) is None
    assert not warnings(caplog)


def test_what_was_lost_with_the_index_was_not_deleted(secrets_url: str) -> None:
    amazon = Amazon(secrets_url)
    with open_store(secrets_url) as store, open_store(secrets_url) as other:
        alice, bob = store.save_token(ALICE), store.save_token(BOB)
        other.delete_token(str(alice.id))
        assert store.was_deleted(alice)
        amazon.lose()
        assert not store.was_deleted(bob)
        store.delete_token(str(bob.id))
        assert other.was_deleted(bob)
        later = store.save_token(ALICE)
        assert int(later.id or "") > 1_000_000_000, "no id is given again"


def test_an_index_that_cannot_be_read_is_made_anew(secrets_url: str) -> None:
    amazon = Amazon(secrets_url)
    with open_store(secrets_url) as store:
        alice = store.save_token(ALICE)
        for damaged in ("", "[]", "{", '{"rows": 1}'):
            amazon.client.put_secret_value(SecretId=amazon.index, SecretString=damaged or " ")
            with open_store(secrets_url) as other:
                assert other.find_token(ALICE) == alice


def test_an_index_that_is_marked_for_deletion_is_to_be_restored(secrets_url: str) -> None:
    amazon = Amazon(secrets_url)
    with open_store(secrets_url) as store:
        alice = store.save_token(ALICE)
    amazon.client.delete_secret(SecretId=amazon.index)
    with pytest.raises(StoreUnavailable, match="restore-secret"):
        open_store(secrets_url)
    amazon.client.restore_secret(SecretId=amazon.index)
    with open_store(secrets_url) as store:
        assert store.find_token(ALICE) == alice


def test_a_role_that_may_not_list_secrets_is_told(
    secrets_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from evergrant.stores.aws.secretsmanager_client import SecretClient

    def refused(_: Any) -> list[str]:
        raise StoreUnavailable("refuses list_secrets", retryable=False)

    monkeypatch.setattr(SecretClient, "names", refused)
    with open_store(secrets_url) as store:
        assert store.save_token(ALICE).id == "1"
    assert "cannot be told" in caplog.text
