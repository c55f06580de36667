"""Very many tokens: where ids that are counted as text refuse the eleventh."""

from __future__ import annotations

import pytest

from evergrant.stores import open_store
from evergrant.token import Token
from tests.support.soak import Soak

MANY, FEW = 100_000, 20_000


@pytest.mark.timeout(600)
@pytest.mark.parametrize("url", ["memory:", "sqlite:///:memory:"])
def test_very_many_tokens_have_an_id_each(url: str, soak: Soak) -> None:
    many = soak.rounds(FEW, MANY)
    with open_store(url) as store:
        given = [
            store.save_token(Token(user_name=f"u{n}", access_token=f"a{n}")) for n in range(many)
        ]
        ids = {token.id for token in given}
        assert len(ids) == many
        assert all(id_ and id_.isdecimal() and len(id_) <= 10 for id_ in ids)
        assert sum(1 for _ in store.iter_tokens()) == many
        last = given[-1]
        assert store.find_token(Token(user_name=last.user_name)) == last
        assert store.find_token_by_id(str(last.id)) == last
