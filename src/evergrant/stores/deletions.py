"""Deletions are noted: a row that is merely absent may have been lost with its storage."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256

from evergrant.clock import to_epoch_ms
from evergrant.errors import EvergrantError
from evergrant.stores.coordination import Coordination
from evergrant.stores.matching import Criterion
from evergrant.stores.rows import Row
from evergrant.token import Token

__all__ = ["Deletions", "name_of_grant"]

KEPT = 400 * 86_400_000
"""Milliseconds for which a deletion is known: a grant may wait that long for its store."""

MOST_KEPT = 50
"""Grants of one id that are known to be deleted."""

ANY = "*"
"""Stands for the grant of a row that could not be read."""

_ALL = "deleted:all"
_BEGINNING = datetime.fromtimestamp(0, UTC)


class Deletions(Coordination):
    """What a store knows of the rows that it does not have any more.

    The notes are in the storage itself: where that is lost, so are they, and what is absent then
    was not deleted.
    """

    def was_deleted(self, token: Token) -> bool:
        """Say whether the row that a token was read from was deleted, rather than lost.

        Raises:
            StoreUnavailable: The storage cannot be used.
        """
        gone = self._note(_key(token.id or "")).split()
        if _mark(token) in gone or (ANY in gone and token.version):
            return True
        emptied = self._note(_ALL)
        seen = token.updated_at or token.created_at or _BEGINNING
        return bool(emptied) and to_epoch_ms(seen) <= int(emptied)

    def _delete_and_note(self, id_: str, version: int | None) -> bool:
        """Delete a row, of this version where one is given, and note that; false if it is not."""
        for row in self._select(Criterion(id=id_)):
            if version is None or str(row[-1] or 0) == str(version):
                # First: where the two are no transaction, a deletion that is asked for again
                # finds no row, and would note nothing.
                self._note_gone(_key(id_), self._mark_of(row))
        return self._delete(id_) if version is None else self._delete_at(id_, version)

    def _delete_all_and_note(self) -> None:
        self._note(_ALL)
        self._keep_note(_ALL, str(to_epoch_ms(self._clock())))
        self._delete_all()

    def _note_gone(self, key: str, mark: str) -> None:
        others = [known for known in self._note(key).split() if known != mark]
        self._keep_note(key, " ".join([*others, mark][-MOST_KEPT:]))

    def _keep_note(self, key: str, text: str) -> None:
        self._put_note(key, text, to_epoch_ms(self._clock()) + KEPT)

    def _mark_of(self, row: Row) -> str:
        with suppress(EvergrantError):  # it is damaged, or sealed with a key that is not here
            return _mark(self._decode(row))
        return ANY

    @abstractmethod
    def _decode(self, row: Row) -> Token:
        """Return the token that a row holds, or raise why it cannot be read."""


def name_of_grant(token: Token | None) -> str | None:
    """Return what tells a grant from any other, and does not show it; None: there is none."""
    secret = token.refresh_token if token else None
    return secret and sha256(str.encode(secret)).hexdigest()[:16]


def _mark(token: Token) -> str:
    return name_of_grant(token) or "-"


def _key(id_: str) -> str:
    return f"deleted:{sha256(id_.encode(errors='surrogatepass')).hexdigest()[:32]}"
