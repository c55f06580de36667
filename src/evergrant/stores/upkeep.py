"""What those who look after a store ask of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from evergrant._masking import masks_locals
from evergrant.stores.backend import Backend
from evergrant.stores.row_cipher import key_id

__all__ = ["Upkeep"]


class Upkeep(Backend):
    """How a store's rows and its storage stand."""

    @masks_locals
    def key_ids(self) -> Counter[str | None]:
        """Return how many rows are sealed under each key, by its id; None: not sealed."""
        return Counter(map(key_id, self._rows()))

    def purge_deleted(self) -> None:
        """Overwrite what was deleted or replaced, as far as the storage lets us."""

    def storage_time(self) -> datetime | None:
        """Return what the storage's own clock says (aware); None: it has none but this host's.

        Raises:
            StoreUnavailable: It cannot be asked.
        """
        return None

    def config_warnings(self) -> Iterator[str]:
        """Say what of the storage's own settings endangers tokens."""
        yield from ()

    def config_remarks(self) -> Iterator[str]:
        """Say what of the way to the storage costs something, and endangers nothing."""
        yield from ()
