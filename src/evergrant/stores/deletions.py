"""Deletions are noted: a row that is merely absent may have been lost with its storage."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256

from evergrant._masking import masks_locals
from evergrant.clock import to_epoch_ms
from evergrant.errors import EvergrantError
from evergrant.stores.coordination import Coordination
from evergrant.stores.matching import Criterion
from evergrant.stores.rows import Row, numeric_id
from evergrant.stores.versions import FIRST, is_counted
from evergrant.token import Token

__all__ = ["ALL", "DELETED", "Deletions", "name_of_grant"]

KEPT = 400 * 86_400_000
"""Milliseconds for which a deletion is known: a grant may wait that long for its store."""

MOST_KEPT = 50
"""Grants of one id that are known to be deleted."""

ANY = "*"
"""Stands for the grant of a row that could not be read."""

DELETED = "deleted:"
"""What the key of a note of deletions begins with."""

ALL = f"{DELETED}all"
_BEGINNING = datetime.fromtimestamp(0, UTC)


class Deletions(Coordination):
    """What a store knows of the rows that it does not have any more.

    The notes are in the storage itself: where that is lost, so are they, and what is absent then
    was not deleted.
    """

    counts_ids: bool = True
    """Whether each id that the storage gives is larger than all before."""

    @masks_locals
    def was_deleted(self, token: Token) -> bool:
        """Return True if the row that a token was read from was deleted, rather than lost.

        Raises:
            StoreUnavailable: The storage cannot be used.
        """
        gone = self._get_note(_key(token.id or "")).split()
        if _mark(token) in gone or (ANY in gone and token.version):
            return True
        latest, *largest = map(int, (self._get_note(ALL) or "-1").split())
        if largest and is_counted(token.version) and (number := numeric_id(token.id or "")):
            return number <= largest[0]
        return to_epoch_ms(_stamp(token)) <= latest

    def _delete_and_note(self, id_: str, version: int | None) -> bool:
        """Delete a row, of this version where one is given, and note that; false if it is not."""
        for row in self._select(Criterion(id=id_)):
            if version is None or str(row[-1] or 0) == str(version):
                # First: where the two are no transaction, a deletion that is asked for again
                # finds no row, and would note nothing.
                self._note_gone(_key(id_), self._mark_of(row))
        return self._delete(id_) if version is None else self._delete_if_version(id_, version)

    def _delete_all_and_note(self) -> None:
        # By the rows, since hosts' clocks differ: nothing that is deleted is younger than the
        # youngest of them, and of ids that we gave none is larger than the largest.
        latest, largest, *_ = (*map(int, self._get_note(ALL).split()), 0, 0)
        now = to_epoch_ms(self._clock())
        for row in self._rows():
            with suppress(EvergrantError):  # damaged, or sealed with a key that is not here
                token = self._decode(row)
                latest = max(latest, to_epoch_ms(_stamp(token)) or now)
                if self.counts_ids and is_counted(token.version or FIRST):
                    largest = max(largest, numeric_id(token.id or ""))
        self._keep_note(ALL, f"{latest} {largest}" if self.counts_ids else f"{latest}")
        self._delete_all()

    def _note_gone(self, key: str, mark: str) -> None:
        others = [known for known in self._get_note(key).split() if known != mark]
        self._keep_note(key, " ".join([*others, mark][-MOST_KEPT:]))

    def _keep_note(self, key: str, text: str) -> None:
        self._set_note(key, text, to_epoch_ms(self._clock()) + KEPT)

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


def _stamp(token: Token) -> datetime:
    return token.updated_at or token.created_at or _BEGINNING


def _mark(token: Token) -> str:
    return name_of_grant(token) or "-"


def _key(id_: str) -> str:
    return f"{DELETED}{sha256(id_.encode(errors='surrogatepass')).hexdigest()[:32]}"
