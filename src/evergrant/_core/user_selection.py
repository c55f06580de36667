"""Which stored token a user name means."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from evergrant._user_names import fold_name, same_name
from evergrant.errors import AmbiguousUser, TokenNotFound
from evergrant.stores.matching import freshest
from evergrant.token import Token

__all__ = ["select_user_token"]


def select_user_token(
    found: Iterable[Token],
    user: str,
    client_id: str | None,
    is_dead: Callable[[Token], bool] = lambda _: False,
) -> Token:
    """Return the token meant by a name, among those of ``user`` and ``user:<org id>``.

    Only an e-mail address goes without its org: ``acme`` does not mean ``acme:staging``.

    Args:
        client_id: Our client, or None for any; tokens of other clients are ignored.
        is_dead: Returns True if Zoho has ended a grant. A live one of ``user:<org id>`` is
            preferred to a dead one of the bare address.

    Raises:
        TokenNotFound: There is none.
        AmbiguousUser: There are several, and none has exactly this name.
    """
    ours = [t for t in found if client_id is None or t.client_id in (None, client_id)]
    chosen = [token for token in ours if same_name(token.user_name or "", user)]
    if "@" in user and len(chosen) < len(ours) and all(map(is_dead, chosen)):
        others = [token for token in ours if token not in chosen]
        alive = [token for token in others if not is_dead(token)] if chosen else others
        chosen = alive or chosen
    if len({(fold_name(token.user_name or ""), token.client_id) for token in chosen}) > 1:
        names = sorted(f"{t.user_name} (id {t.id}, client {t.client_id})" for t in chosen)
        raise AmbiguousUser("the name fits several tokens", candidates=names, user=user)
    best = freshest(chosen)
    if best is None:
        raise TokenNotFound("no token for this user", user=user)
    return best
