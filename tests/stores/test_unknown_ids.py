"""Asking to delete what is not there leaves no trace: not even in the ids that come after."""

from __future__ import annotations

from pathlib import Path

import pytest

from evergrant import TokenStore, open_store
from evergrant.errors import TokenNotFound
from evergrant.testing.sample_tokens import ALICE, BOB


def check(store: TokenStore) -> None:
    first = store.save_token(ALICE)
    for nobody in ("999", "9999999999"):
        with pytest.raises(TokenNotFound):
            store.delete_token(nobody)
    assert int(store.save_token(BOB).id or 0) == int(first.id or 0) + 1


@pytest.mark.parametrize("url", ["memory:", "list:", "sqlite:///:memory:", "file://{}/t.csv"])
def test_an_id_that_nobody_has_is_not_counted(url: str, tmp_path: Path) -> None:
    with open_store(url.format(tmp_path)) as store:
        check(store)


@pytest.mark.parametrize("server", ["mariadb", "postgresql"])
def test_nor_on_a_server(server: str, request: pytest.FixtureRequest) -> None:
    with open_store(request.getfixturevalue(server).url) as store:
        check(store)
