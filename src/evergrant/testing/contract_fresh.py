"""Of two versions of a token, the fresher one stays, as a whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from evergrant.stores.base import TokenStore
from evergrant.testing.sample_tokens import ALICE, NOON, Reopen, refreshed
from evergrant.token import Token

__all__ = ["FreshnessContract"]

HOUR = timedelta(hours=1)
OTHER_GRANT: dict[str, Any] = {
    "refresh_token": "planted-other-refresh",
    "grant_token": "planted-other-grant",
    "api_domain": "https://www.zohoapis.com",
    "scopes": ("other",),
}


def granted_values(token: Token | None) -> tuple[object, ...]:
    """Return the values that are granted together."""
    assert token is not None
    return (
        token.access_token,
        token.expires_at,
        token.refresh_token,
        token.grant_token,
        token.api_domain,
        token.scopes,
    )


class FreshnessContract:
    """Access token, expiry, refresh token and API domain are replaced together or not at all."""

    def test_a_fresher_token_replaces_the_stored_one_as_a_whole(self, store: TokenStore) -> None:
        """No field of the old grant is left over."""
        store.save_token(ALICE)
        new = refreshed(ALICE, **OTHER_GRANT)
        assert granted_values(store.save_token(new)) == granted_values(new)
        assert granted_values(store.find_token(ALICE)) == granted_values(new)

    def test_a_stale_token_does_not_replace_a_fresher_one(self, store: TokenStore) -> None:
        """Save returns the stored token; no field is mixed."""
        store.save_token(ALICE)
        fresh = store.save_token(refreshed(ALICE, 2))
        for stale in (
            refreshed(ALICE, 1),
            refreshed(ALICE, -5, **OTHER_GRANT),
            replace(refreshed(ALICE, 1), id=fresh.id),
            replace(ALICE, access_token="no expiry", expires_at=None),
        ):
            assert granted_values(store.save_token(stale)) == granted_values(fresh)
        assert granted_values(store.find_token(ALICE)) == granted_values(fresh)

    def test_a_writer_that_read_an_older_version_is_stale_too(self, store: TokenStore) -> None:
        """Its id and version show what it read."""
        read = store.save_token(ALICE)
        fresh = store.save_token(refreshed(ALICE, 2))
        late = replace(read, access_token="late", expires_at=NOON + HOUR)
        assert granted_values(store.save_token(late)) == granted_values(fresh)

    def test_editing_the_row_just_read_wins(self, store: TokenStore) -> None:
        """Even with an earlier expiry, or with tokens removed."""
        read = store.save_token(ALICE)
        sooner = replace(read, access_token="sooner", expires_at=NOON - HOUR)
        saved = store.save_token(sooner)
        assert granted_values(saved) == granted_values(sooner)
        cleared = replace(saved, access_token=None, expires_at=None)
        assert granted_values(store.save_token(cleared)) == granted_values(cleared)
        assert granted_values(store.find_token(ALICE)) == granted_values(cleared)

    def test_an_access_token_can_be_ended_before_its_time(
        self, store: TokenStore, reopen: Reopen
    ) -> None:
        """As when Zoho revoked its grant: the same tokens expire earlier, for every handle."""
        read = store.save_token(ALICE)
        ended = replace(read, expires_at=NOON - HOUR)
        with reopen() as other:
            assert granted_values(other.find_token(ALICE)) == granted_values(read)
            saved = store.save_token(ended, expected_version=read.version)
            for found in (saved, store.find_token(ALICE), other.find_token(ALICE)):
                assert granted_values(found) == granted_values(ended)

    def test_a_new_refresh_token_replaces_the_grant(self, store: TokenStore) -> None:
        """Also without an access token: an import, or a login elsewhere."""
        store.save_token(ALICE)
        imported = Token(
            user_name=ALICE.user_name, client_id=ALICE.client_id, refresh_token="imported"
        )
        saved = store.save_token(imported)
        assert granted_values(saved) == granted_values(imported)
        assert granted_values(store.find_token(ALICE)) == granted_values(imported)

    def test_a_refresh_without_a_refresh_token_keeps_the_stored_one(
        self, store: TokenStore
    ) -> None:
        """Zoho sends it only once."""
        store.save_token(ALICE)
        refresh = refreshed(ALICE, refresh_token=None, grant_token=None, api_domain=None)
        saved = store.save_token(refresh)
        assert granted_values(saved) == granted_values(refreshed(ALICE))
        assert granted_values(store.find_token(ALICE)) == granted_values(refreshed(ALICE))

    def test_the_only_refresh_token_is_never_turned_down(self, store: TokenStore) -> None:
        """A row without one accepts it, whatever its expiry."""
        store.save_token(refreshed(ALICE, 2, refresh_token=None))
        store.save_token(ALICE)
        found = store.find_token(ALICE)
        assert found is not None
        assert found.refresh_token == ALICE.refresh_token

    def test_a_partial_save_of_the_same_access_token_loses_nothing(self, store: TokenStore) -> None:
        """Neither the expiry, nor the client, nor the refresh token."""
        saved = store.save_token(ALICE)
        partial = Token(user_name=ALICE.user_name, access_token=ALICE.access_token)
        again = store.save_token(partial)
        assert replace(again, version=1, updated_at=saved.updated_at) == saved

    def test_what_a_save_leaves_out_is_kept_and_what_it_gives_is_taken(
        self, store: TokenStore
    ) -> None:
        """Client secret, redirect URL and last use are not part of the unit."""
        saved = store.save_token(replace(ALICE, last_used_at=NOON))
        refresh = refreshed(ALICE, client_secret=None, redirect_url=None, org_id=None)
        kept = store.save_token(refresh)
        for name in ("client_secret", "redirect_url", "org_id", "last_used_at"):
            assert getattr(kept, name) == getattr(saved, name)
        rotated = refreshed(ALICE, 2, client_secret="rotated", last_used_at=NOON + HOUR)
        taken = store.save_token(rotated)
        assert taken.client_secret == "rotated"
        assert taken.last_used_at == NOON + HOUR
        assert store.find_token(ALICE) == taken
