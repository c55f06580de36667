"""A store with just the six methods, whose own look-ups are compared with the adapter's."""

from __future__ import annotations

from evergrant.errors import StoreUnavailable
from evergrant.stores.adapter.six_methods import SixMethodStore
from evergrant.stores.adapter.verification import OFFICIAL_COUNT
from evergrant.stores.rows import encode
from evergrant.token import Token

__all__ = ["LookupCheckedStore"]


class LookupCheckedStore(SixMethodStore):
    """Returns what `SixMethodStore` returns, and fails if the store's own result differs.

    Raises:
        AssertionError: Names the method, its result, and the right result.
    """

    _saving_now = False

    def find_token(self, token: Token) -> Token | None:
        """Compare with the store's own ``find_token``."""
        with self._lock:
            right = super().find_token(token)
            _compare("find_token", self._ask("find_token", token), right)
        return right

    def find_token_by_id(self, id: str) -> Token | None:  # noqa: A002 - the official SDK's name
        """Compare with the store's own, which may raise for an unknown id, as official ones do."""
        with self._lock:
            right = super().find_token_by_id(id)
            if self._saving_now:
                return right
            try:
                own = self._ask("find_token_by_id", id)
            except StoreUnavailable:
                if right is not None:
                    raise
            else:
                _compare("find_token_by_id", own, right)
        return right

    def _try_save(self, token: Token, expected_version: int | None) -> Token | None:
        self._saving_now = True  # within the lock: look-ups for a save are not compared
        try:
            return super()._try_save(token, expected_version)
        finally:
            self._saving_now = False


def _compare(method: str, own: object, right: Token | None) -> None:
    if own is None and right is None:
        return
    if own is not None and not isinstance(own, Token):
        raise AssertionError(f"{method} answers with a {type(own).__name__}")
    if (
        own is None
        or right is None
        or encode(own)[1:OFFICIAL_COUNT] != encode(right)[1:OFFICIAL_COUNT]
    ):
        raise AssertionError(f"{method} answers {_name(own)}, and not {_name(right)}")


def _name(token: Token | None) -> str:
    return "no token" if token is None else f"token {token.id} of {token.user_name or 'no user'}"
