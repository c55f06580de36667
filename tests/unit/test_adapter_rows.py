"""Whose row is which, and which version it has, over a store that does not know it itself."""

from __future__ import annotations

from dataclasses import replace

from evergrant.stores.adapter import adapt
from evergrant.stores.adapter.six_methods import SixMethodStore
from evergrant.testing.sample_tokens import ALICE, refreshed
from evergrant.token import Token
from tests.support.stores.six_methods import Plain


class GivesNoIds(Plain):
    """Tells rows apart by their refresh token."""

    def save_token(self, token: Token) -> None:
        self.tokens[str.__str__(token.refresh_token or "")] = replace(token, id=None)


def test_nameless_grants_without_ids_do_not_hide_each_other() -> None:
    theirs = GivesNoIds()
    for number in (1, 2):
        theirs.save_token(
            Token(client_id="c", client_secret="s", refresh_token=f"r{number}", access_token="a")
        )
    with adapt(theirs) as store:
        first, second = store.get_tokens()
        assert first.id != second.id
        assert {first.refresh_token, second.refresh_token} == {"r1", "r2"}


def test_a_version_that_the_store_keeps_is_not_counted_back() -> None:
    theirs = Plain()
    # Not by adapt, which would give both the same: as in two processes.
    with SixMethodStore(theirs) as here, SixMethodStore(theirs) as elsewhere:
        here.save_token(ALICE)
        for number in (1, 2, 3):
            last = elsewhere.save_token(refreshed(ALICE, number))
        found = here.find_token(ALICE)
        assert found is not None
        assert found.version == last.version
