"""Stores and rows that did not begin here: those of Zoho's SDK itself, and of its versions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evergrant import Token, open_store
from tests.support.sdk.process import OLDER, Refused, SdkProcess
from tests.support.sdk.stores import OFFICIAL_FILE, OUR_SQLITE

Start = Callable[..., SdkProcess]

ALICE = "alice@example.com"


@pytest.mark.parametrize("version", ["8_0", "2_1"])
def test_a_store_of_the_sdk_is_taken_for_one_of_ours(start: Start, version: str) -> None:
    sdk = start(OFFICIAL_FILE, version)
    with pytest.raises(Refused, match="Open its file or table") as refused:
        sdk("wrap")
    assert refused.value.kinds == ["ConfigError"]


@pytest.mark.parametrize("version", OLDER)
def test_a_user_of_a_newer_sdk_in_two_orgs_cannot_be_deleted(
    start: Start, tmp_path: Path, version: str
) -> None:
    with open_store(f"sqlite:///{tmp_path}/zohooauth.db") as store:
        client = {"client_id": "1000.A", "client_secret": "secret"}
        ids = [
            store.save_token(
                Token(user_name=f"{ALICE}:{org}", refresh_token=f"r{org}", **client)  # type: ignore[arg-type]
            ).id
            for org in (1, 2)
        ]
        sdk = start(OUR_SQLITE, version)
        with pytest.raises(Refused, match="AmbiguousUser"):
            sdk("delete_token", user=ALICE, client_id="1000.A")
        sdk("delete_token", user=ALICE, id=ids[0])
        assert [token.id for token in store.get_tokens()] == ids[1:]
        sdk("delete_token", user=ALICE, refresh_token="r2", **client)
        assert store.get_tokens() == []
