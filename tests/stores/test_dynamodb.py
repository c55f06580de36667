"""What is DynamoDB's alone; the server is an emulator (moto)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import boto3
import pytest

from evergrant import Token
from evergrant.errors import ConfigError, StoreError, StoreMissing, StoreUnavailable
from evergrant.stores import open_store
from evergrant.stores.aws.client import AwsClient
from evergrant.stores.base import TokenStore
from evergrant.testing.sample_tokens import ALICE, BOB
from tests.support.stores.store_client import ticking


@pytest.fixture
def store(dynamodb_url: str) -> Iterator[TokenStore]:
    with open_store(dynamodb_url) as store:
        yield store


def items(url: str) -> list[dict[str, Any]]:
    endpoint = re.search(r"endpoint_url=([^&]+)", url)
    assert endpoint
    client = boto3.client("dynamodb", region_name="eu-central-1", endpoint_url=endpoint[1])
    return list(client.scan(TableName="tokens")["Items"])


def test_nothing_is_left_behind_by_refreshes_and_deletions(
    dynamodb_url: str, store: TokenStore
) -> None:
    """But a note that it was deleted."""
    saved = store.save_token(ALICE)
    before = len(items(dynamodb_url))
    for hour in range(5):
        saved = store.save_token(replace(saved, access_token=f"access-{hour}"))
    assert len(items(dynamodb_url)) == before
    store.delete_token(str(saved.id))
    assert {item["pk"]["S"].rpartition("#")[2] for item in items(dynamodb_url)} == {
        "name", "counter", "note",
    }  # fmt: skip


def test_users_of_one_tenant_do_not_hold_each_other_up(
    store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have the beginning of their names in common."""
    saved = [
        store.save_token(replace(ALICE, user_name=f"tenant:{who}", refresh_token=who, id=None))
        for who in ("a", "b")
    ]
    asked: list[int] = []
    ask = AwsClient.call

    def counting(self: AwsClient, operation: str, *passed: str, **parameters: Any) -> Any:
        asked.extend([len(parameters["TransactItems"])] if "TransactItems" in parameters else [])
        return ask(self, operation, *passed, **parameters)

    monkeypatch.setattr(AwsClient, "call", counting)
    store.save_token(replace(saved[0], access_token="refreshed"), expected_version=1)
    assert asked == [3], "the row, and its two access tokens: nothing that others have in common"


def test_no_key_shows_a_token(dynamodb_url: str, store: TokenStore) -> None:
    store.save_token(ALICE)
    shown = json.dumps([[item["pk"], item["sk"]] for item in items(dynamodb_url)])
    assert "planted" not in shown


def test_stores_share_a_table_and_touch_only_what_is_theirs(
    dynamodb_url: str, store: TokenStore
) -> None:
    store.save_token(ALICE)
    with open_store(re.sub("prefix=.*", "prefix=other", dynamodb_url)) as other:
        other.save_token(BOB)
        other.delete_tokens()
        assert other.get_tokens() == []
        assert other.storage_id() != store.storage_id()
    assert len(store.get_tokens()) == 1


def test_more_than_a_page_is_listed(dynamodb_url: str, store: TokenStore) -> None:
    long = "ö" * 20_000
    for number in range(30):
        store.save_token(
            Token(user_name=f"u{number}@example.com", access_token=f"a{number}", scopes=(long,))
        )
    assert len(store.get_tokens()) == 30


def test_a_table_that_is_not_there_is_made_but_not_by_a_reader(aws: str) -> None:
    url = f"dynamodb://fresh?region=eu-central-1&endpoint_url={aws}"
    with pytest.raises(StoreMissing, match="no table fresh"):
        open_store(url, read_only=True)
    with open_store(url) as store:
        store.save_token(ALICE)
    with open_store(url, read_only=True) as reader:
        assert reader.find_token(ALICE) is not None
        for change in (
            lambda: reader.save_token(BOB),
            lambda: reader.delete_token("1"),
            reader.delete_tokens,
            lambda: reader.lease("1", 9),
            lambda: reader.update_note("k", lambda _: "x", life=9),
        ):
            with pytest.raises(StoreError, match="read-only"):
                change()


def test_a_value_that_is_too_long_is_refused_and_nothing_is_lost(store: TokenStore) -> None:
    saved = store.save_token(ALICE)
    with pytest.raises(StoreError):
        store.save_token(replace(saved, scopes=("x" * 500_000,)))
    assert store.find_token(ALICE) == saved


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("dynamodb://key:planted-pw@tokens?region=eu-central-1", "credentials do not belong"),
        ("dynamodb://t?region=eu-central-1", "not the URL"),
        ("dynamodb://tokens/more?region=eu-central-1", "not the URL"),
        ("dynamodb://tokens?regoin=eu-central-1", "unknown or repeated"),
        ("dynamodb://tokens?prefix=a%20b&region=eu-central-1", "cannot be the prefix"),
        ("dynamodb://tokens", "no AWS region"),
        ("dynamodb://tokens?region=eu-central-1&endpoint_url=nowhere", "cannot be used"),
    ],
)
def test_a_url_that_is_none_is_refused(url: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match=why) as caught:
        open_store(url)
    assert "planted" not in str(caught.value)


def test_without_credentials_there_is_one_clear_error(
    dynamodb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    with pytest.raises(ConfigError, match="no AWS credentials"):
        open_store(dynamodb_url)


def test_a_server_that_is_gone_is_said_to_be(dynamodb_url: str, store: TokenStore) -> None:
    gone = re.sub(r"endpoint_url=[^&]+", "endpoint_url=http://127.0.0.1:1", dynamodb_url)
    with pytest.raises(StoreUnavailable, match="cannot be reached") as caught:
        open_store(gone, timeout=0.5)
    assert caught.value.retryable


class Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("code", "why", "retryable"),
    [
        ("ProvisionedThroughputExceededException", "throttles", True),
        ("AccessDeniedException", "refuses get_item", False),
        ("ExpiredTokenException", "refuses get_item", False),
        ("SomethingNew", "cannot go on", True),
    ],
)
def test_what_the_service_refuses_is_said_in_our_words(
    aws: str,
    code: str,
    why: str,
    retryable: bool,  # noqa: FBT001 - of the parameters above
) -> None:
    import threading

    def answer(_: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        start("400 Bad Request", [("Content-Type", "application/x-amz-json-1.0")])
        return [json.dumps({"__type": f"com.amazonaws#{code}", "message": "planted"}).encode()]

    with make_server("127.0.0.1", 0, answer, handler_class=Silent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"dynamodb://tokens?region=eu-central-1&endpoint_url=http://127.0.0.1:{server.server_port}"
        with pytest.raises(StoreUnavailable, match=why) as caught:
            open_store(url)
        server.shutdown()
    assert caught.value.retryable is retryable
    assert "planted" not in str(caught.value)


def test_the_documented_policy_is_what_is_asked_for(
    dynamodb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[str] = set()
    ask = AwsClient.call

    def noting(self: AwsClient, operation: str, *passed: str, **parameters: Any) -> Any:
        asked.add(operation)
        for change in parameters.get("TransactItems", []):
            asked.update(change)
        return ask(self, operation, *passed, **parameters)

    monkeypatch.setattr(AwsClient, "call", noting)
    with open_store(dynamodb_url) as store:
        saved = store.save_token(ALICE)
        saved = store.save_token(replace(saved, access_token="refreshed"))
        store.save_token(replace(BOB, id="7"))
        with store.lease(str(saved.id), 5):
            store.update_note("budget", lambda _: "1", life=9)
        store.delete_tokens()
    needed = {
        "create_table": "CreateTable", "describe_table": "DescribeTable",
        "get_item": "GetItem", "batch_get_item": "BatchGetItem", "query": "Query",
        "put_item": "PutItem", "update_item": "UpdateItem", "delete_item": "DeleteItem",
        "Put": "PutItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem",
    }  # fmt: skip
    documented = re.findall(r'"dynamodb:(\w+)"', Path("docs/aws.md").read_text())
    assert {needed[one] for one in asked - {"transact_write_items"}} <= set(documented)
    assert set(documented) == set(needed.values())


def test_it_works_where_nothing_can_be_written(dynamodb_url: str, tmp_path: Path) -> None:
    """As in a serverless function: no home, and a file system that is read only."""
    program = """
import sys
from evergrant import Accounts, Keeper, Token, open_store
from datetime import datetime, timedelta, UTC
with open_store(sys.argv[1]) as store, Accounts("1000.X", "s") as accounts:
    store.save_token(Token(user_name="a@example.com:1", access_token="works",
                           expires_at=datetime.now(UTC) + timedelta(hours=1)))
    print(Keeper(store, accounts).access_token("a@example.com:1"))
try:
    open("/written", "w")
except OSError as error:
    print(error.strerror)
"""
    names = ("PATH", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    environment = {name: os.environ[name] for name in names} | {"HOME": "/nonexistent"}
    read_only = 'mount --bind / "$0" && mount -o remount,ro,bind "$0" && exec chroot "$0" "$@"'
    if os.getuid() != 0:
        pytest.skip("only root can make a file system read-only")
    program_too = [sys.executable, "-c", program, dynamodb_url]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", read_only, tmp_path, *program_too],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "works\nRead-only file system\n", done.stderr


def test_leases_go_by_the_clocks_of_who_takes_them(dynamodb_url: str) -> None:
    clock = ticking()
    with open_store(dynamodb_url, clock=clock) as store:
        lease = store.lease("1", 10)
        assert lease
        assert not store.lease("1", 10)
        lease.release()
        assert store.lease("1", 10)
