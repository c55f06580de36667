"""The count of ids is lost or set back, by another program or with a file: no id comes again."""

from __future__ import annotations

import re
from pathlib import Path

import boto3
import pytest

from evergrant.errors import Conflict, TokenNotFound
from evergrant.stores import open_store
from evergrant.stores.file import FileStore
from evergrant.stores.sqlite import SQLiteStore
from evergrant.testing.sample_tokens import ALICE, BOB, NOON, grant, refreshed, stored_contents
from tests.support.servers.databases import Database
from tests.support.stores.sqlite_store import execute


@pytest.mark.parametrize("statement", ["DELETE FROM", "DROP TABLE"])
def test_of_a_sqlite_file(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "tokens.db"
    with SQLiteStore(path) as store:
        alice, bob = store.save_token(ALICE), store.save_token(BOB)
        store.delete_token(str(bob.id))
    execute(path, f"{statement} evergrant_counter")
    with SQLiteStore(path) as store:
        carol = store.save_token(grant("carol"))
        assert carol.id not in {alice.id, bob.id}
        assert len(str(carol.id)) == 10
        store.delete_token(str(carol.id))
        assert store.save_token(grant("dave")).id not in {alice.id, bob.id, carol.id}


def test_of_a_sqlite_file_that_is_open(tmp_path: Path) -> None:
    path = tmp_path / "tokens.db"
    with SQLiteStore(path) as store:
        bob = store.save_token(BOB)
        store.delete_token(str(bob.id))
        execute(path, "DELETE FROM evergrant_counter")
        assert store.save_token(ALICE).id != bob.id


def test_of_a_database(database: Database) -> None:
    with open_store(database.url) as store:
        used = {store.save_token(token).id for token in (ALICE, BOB)}
        store.delete_tokens()
        database.execute("DELETE FROM evergrant_counter")
        used.add(store.save_token(ALICE).id)
        assert len(used) == 3
        store.delete_tokens()
    database.execute("DROP TABLE evergrant_counter")
    with open_store(database.url) as store:
        used.add(store.save_token(ALICE).id)
        assert len(used) == 4
        assert store.save_token(BOB).id not in used


def test_of_dynamodb(dynamodb_url: str) -> None:
    endpoint = re.search(r"endpoint_url=([^&]+)", dynamodb_url)
    assert endpoint
    client = boto3.client("dynamodb", region_name="eu-central-1", endpoint_url=endpoint[1])
    with open_store(dynamodb_url) as store:
        used = {store.save_token(token).id for token in (ALICE, BOB)}
        store.delete_tokens()
        [prefix] = {
            item["pk"]["S"].partition("#")[0] for item in client.scan(TableName="tokens")["Items"]
        }
        key = {"pk": {"S": f"{prefix}#counter"}, "sk": {"S": "number"}}
        client.delete_item(TableName="tokens", Key=key)
        store.save_token(grant("carol", id="1000"))
        assert store.save_token(ALICE).id not in used


def test_of_secrets_manager_with_all_that_leads_to_the_secrets(secrets_url: str) -> None:
    endpoint = re.search(r"endpoint_url=([^&]+)", secrets_url)
    assert endpoint
    client = boto3.client("secretsmanager", region_name="eu-central-1", endpoint_url=endpoint[1])
    with open_store(secrets_url) as store:
        alice = store.save_token(ALICE)
        [index] = [
            one["Name"]
            for one in client.list_secrets()["SecretList"]
            if one["Name"].endswith("/index")
        ]
        client.delete_secret(SecretId=index, ForceDeleteWithoutRecovery=True)
    with open_store(secrets_url) as store:
        bob = store.save_token(BOB)
        assert bob.id != alice.id
        assert store.find_token_by_id(str(alice.id)) == alice


def test_of_a_file_whose_sidecar_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "tokens.csv"
    with FileStore(path, clock=lambda: NOON) as store:
        store.save_token(ALICE)
        former = store.save_token(BOB)
        store.delete_token(str(former.id))
        Path(f"{path}.evergrant").unlink()
        login = store.save_token(refreshed(BOB, refresh_token="another login"))
        assert login.id == former.id
        with pytest.raises(Conflict):
            store.save_token(former, expected_version=former.version)
        with pytest.raises(TokenNotFound):
            store.delete_token(str(former.id), expected_version=former.version)
        assert stored_contents(store)[login.id] == login


@pytest.mark.parametrize("lost", ["the files", "the rows"])
def test_of_a_csv_file_with_all_its_rows(tmp_path: Path, lost: str) -> None:
    path = tmp_path / "tokens.csv"
    with FileStore(path) as store:
        alice, bob = store.save_token(ALICE), store.save_token(BOB)
    for file in tmp_path.iterdir():
        if file != path and not file.name.endswith(".lock"):
            file.unlink()
    if lost == "the files":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    with FileStore(path) as store:
        carol = store.save_token(grant("carol"))
        assert carol.id not in {alice.id, bob.id}
        with pytest.raises(TokenNotFound):
            store.delete_token(str(alice.id), expected_version=alice.version)


def test_ids_of_a_new_csv_file_begin_at_one(tmp_path: Path) -> None:
    with FileStore(tmp_path / "tokens.csv") as store:
        assert store.save_token(ALICE).id == "1"
