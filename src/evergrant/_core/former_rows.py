"""Rows under a bare address, as Zoho's SDKs 2.0 and 2.1 named users before names had an org."""

from __future__ import annotations

from evergrant._core.upkeep import TokenUpkeep
from evergrant._user_names import same_name
from evergrant.accounts import Accounts
from evergrant.errors import EvergrantError, LoginRequired, NoRefreshToken, StoreError
from evergrant.stores.base import TokenStore
from evergrant.token import Token

__all__ = ["FormerRows"]


class FormerRows:
    """Finds the row that a login as ``email:<org id>`` takes the place of."""

    def __init__(self, store: TokenStore, accounts: Accounts, upkeep: TokenUpkeep) -> None:
        self._store = store
        self._accounts = accounts
        self._upkeep = upkeep

    def find(self, named: Token) -> Token | None:
        """Return the row of the same person, client and org that goes by the bare address, if any.

        Where the row holds another grant that works, Zoho is asked whose it is: one person in two
        orgs is two. If it does not say, the row stays as it is.
        """
        address, _, org = (named.user_name or "").partition(":")
        if "@" not in address or not org or not named.client_id:
            return None
        try:
            rows = self._store.find_users(address)
        except StoreError:  # the login itself must not fail of it
            return None
        return next((row for row in rows if self._is_former(row, named, address)), None)

    def _is_former(self, row: Token, named: Token, address: str) -> bool:
        is_bare = same_name(row.user_name or "", address) and row.id != named.id
        if not is_bare or row.client_id != named.client_id:
            return False
        if row.org_id and named.org_id and row.org_id != named.org_id:
            return False
        return row.refresh_token == named.refresh_token or self._has_same_owner(row, named)

    def _has_same_owner(self, row: Token, named: Token) -> bool:
        try:
            owner, _ = self._accounts.fetch_owner(self._upkeep.ensure_row_valid(row))
        except (LoginRequired, NoRefreshToken):
            return True  # nothing that works is lost
        except EvergrantError:
            return False
        return same_name(owner, named.user_name or "")
