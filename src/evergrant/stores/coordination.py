"""How those who share a store come to terms: leases, notes, and word of a change."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable

from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._masking import masks_locals
from evergrant.clock import Clock, to_epoch_ms
from evergrant.errors import StoreUnavailable
from evergrant.stores.backend import Backend
from evergrant.stores.leases import Lease
from evergrant.stores.watch import Watch

__all__ = ["Coordination"]

_logger = RateLimitedLog()


class Coordination(Backend):
    """What processes tell each other through the store that they share."""

    _clock: Clock

    @masks_locals
    def lease(self, id: str, ttl: float) -> Lease:  # noqa: A002 - as in the six methods
        """Ask for the right to refresh the token with this id for ``ttl`` seconds.

        Returns at once; the answer is true when the lease was granted. Use it in a ``with``
        statement, or release it. A lease whose time has run out is up for grabs.
        """
        key, owner = str(id), secrets.token_hex(8)
        return Lease(
            held=self._acquire(key, owner, ttl),
            extend=lambda: self._acquire(key, owner, ttl),
            release=lambda: self._give_back(key, owner),
        )

    def _give_back(self, id_: str, owner: str) -> None:
        try:
            self._release(id_, owner)
        except StoreUnavailable as error:
            # What the lease was for is done; it runs out by itself.
            _logger.warning("a lease was not given back: %s", error)

    def watch(self, id: str) -> Watch:  # noqa: ARG002, A002 - for stores that tell who changed
        """Return what waits for somebody else's work on the token with this id to end.

        Use it in a ``with`` statement. It may return early, and for changes of other tokens.
        """
        return Watch(self._wait_counter)

    def _wait_counter(self) -> Hashable:
        """Return what differs once a token was changed or a lease given back; None: it may be.

        A storage in which leases do not count as changes has to add them.
        """
        return self.change_counter()

    @masks_locals
    def update_note(self, key: str, change: Callable[[str], str], *, life: float) -> str:
        """Replace a note that all who share the store can read; return the new one.

        Nobody else's change comes between. It survives the death of the process, but need not
        survive a power cut: what it costs to make sure is kept for tokens.

        Args:
            key: Names the note; 64 characters at the most. It is no secret.
            change: Makes the new text, of 2,000 characters at the most, from the present one,
                which is empty where there is none. May be called more than once. What it raises
                leaves the note as it is.
            life: Seconds from now after which the note may be forgotten.
        """

        def replaced() -> str:
            with self._volatile_transaction():
                before = self._get_note(key)
                after = change(before)
                if after != before:
                    until = to_epoch_ms(self._clock()) + int(life * 1000)
                    self._set_note(key, after, until)
            return after

        return self._with_retries(replaced)

    @masks_locals
    def get_note(self, key: str) -> str:
        """Return a note as it is now, which is empty where there is none."""
        return self._get_note(key)

    def change_counter(self) -> int | None:
        """Return a number that differs once anybody has changed the store.

        None where the storage cannot tell; a cache must then not be trusted for long.
        """
        return None
