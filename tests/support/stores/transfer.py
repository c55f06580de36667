"""Tokens to move, and stores that do not keep them as they should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

from evergrant.stores.base import TokenStore
from evergrant.stores.matching import Criterion
from evergrant.stores.memory import MemoryStore
from evergrant.stores.rows import COLUMNS, Row
from evergrant.token import SECRET_FIELDS, Token
from evergrant.transfer import Moved

__all__ = ["LIARS", "contents", "many", "outcomes", "planted", "user_token"]

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def user_token(who: str, **changes: object) -> Token:
    fields: dict[str, object] = {
        "user_name": f"{who}@example.com:60001",
        "client_id": "1000.APP",
        "client_secret": f"canary-secret-{who}",
        "refresh_token": f"canary-refresh-{who}",
        "access_token": f"canary-access-{who}",
        "expires_at": NOON,
        "redirect_url": "https://app.example.com/callback",
        "api_domain": "https://www.zohoapis.eu",
        "scopes": ("ZohoCRM.modules.ALL",),
        "org_id": "60001",
    }
    return Token(**(fields | changes))  # type: ignore[arg-type]


def many(count: int) -> Iterator[Token]:
    """Yield tokens of as many users, one of four with an id of its own choice."""
    for number in range(count):
        chosen = f"tenant{number}" if number % 4 == 0 else None
        yield user_token(f"u{number}", id=chosen, expires_at=NOON + timedelta(milliseconds=number))


def contents(store: TokenStore) -> set[tuple[object, ...]]:
    """Return what a store says of every token, but for what each store keeps of its own."""
    fields = [name for name in Token.__slots__ if name not in ("id", "updated_at", "version")]
    return {tuple(getattr(token, name) for name in fields) for token in store.iter_tokens()}


def outcomes(moves: Iterable[Moved]) -> dict[str, int]:
    """Count what became of tokens."""
    return dict(Counter(moved.outcome.value for moved in moves))


def planted(tokens: Iterable[Token]) -> set[str]:
    """Return the secrets of tokens, as plain text."""
    values = (getattr(token, name) for token in tokens for name in SECRET_FIELDS)
    return {str.__str__(value) for value in values if value}


class Liar(MemoryStore):
    """Stores something else than it is given."""

    def __init__(self, garble: Callable[[dict[str, str | int | None]], object]) -> None:
        super().__init__()
        self._garble = garble

    def _insert(self, row: Row) -> bool:
        return super()._insert(self._garbled(row))

    def _update(self, row: Row, version: int) -> bool:
        return super()._update(self._garbled(row), version)

    def _garbled(self, row: Row) -> Row:
        values = dict(zip(COLUMNS, row, strict=True))
        self._garble(values)
        return Row(values.values())


class Forgetful(MemoryStore):
    """Says that it saved."""

    def _insert(self, row: Row) -> bool:
        return True


class Mixed(MemoryStore):
    """Answers, for an id, with somebody else's row."""

    def _select(self, criterion: Criterion) -> list[Row]:
        found = super()._select(criterion)
        return list(self._rows())[:1] if found and "id" in criterion else found


def _garbling(field: str, garble: Callable[[str], str | None]) -> Callable[[], TokenStore]:
    return lambda: Liar(lambda row: row.update({field: garble(str(row[field]))}))


LIARS: dict[str, Callable[[], TokenStore]] = {
    "forgets": Forgetful,
    "mixes": Mixed,
    "cuts": _garbling("refresh_token", lambda text: text[:-1]),
    "drops a column": _garbling("scopes", lambda _: None),
    "counts seconds": _garbling("expiry_time", lambda text: text[:-3]),
    "moves the clock": _garbling("expiry_time", lambda text: str(int(text) + 3_600_000)),
    "folds case": _garbling("client_secret", str.upper),
    "makes something up": _garbling("grant_token", lambda _: "made-up"),
    "forgets when": _garbling("created_at", lambda _: None),
}
