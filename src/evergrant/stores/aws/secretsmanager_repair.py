"""Rebuilds the index of a `SecretsManagerStore` after it was lost."""

from __future__ import annotations

from evergrant._logging.rate_limited import RateLimitedLog
from evergrant.errors import StoreUnavailable
from evergrant.stores.aws.secretsmanager_client import SecretClient
from evergrant.stores.aws.secretsmanager_format import Index, parse_id, parse_row
from evergrant.stores.optimistic import WriteConflict
from evergrant.stores.versions import random_first_version
from evergrant.token import Secret

__all__ = ["rebuild_index"]

_logger = RateLimitedLog()


def rebuild_index(vault: SecretClient, lost: Index, store: str, *, read_only: bool) -> Index:
    """Return an index rebuilt from the rows, and log that.

    Args:
        lost: The empty index; it is returned if there are no rows yet.
        store: The store's URL.
        read_only: Write nothing.

    Raises:
        StoreUnavailable: The service does not answer, or is about to delete the index.
    """
    try:
        names = vault.names()
    except StoreUnavailable as error:
        if error.retryable:
            raise
        _logger.warning("%s has no index, and whether it was lost cannot be told: %s", store, error)
        return lost
    found = [(parse_id(text), text) for _, text in vault.get_all(names)]
    rows = [parse_row(id_, text) for id_, text in found if id_ is not None]
    if not rows and lost.version is None:
        return lost  # nothing was saved yet
    lost.rebuild(rows, random_first_version())
    if read_only:
        return lost
    try:
        vault.put("index", Secret(lost.text()), lost.version)
    except WriteConflict:
        return _index_of_another(vault, store)
    _logger.warning(
        "%s had lost its index (was it deleted?): the index of its %d tokens was rebuilt",
        store, len(rows),
    )  # fmt: skip
    return Index(vault.get("index"))


def _index_of_another(vault: SecretClient, store: str) -> Index:
    if (made := vault.get("index")) is None:
        raise StoreUnavailable(
            f"the index of {store} is about to be deleted",
            hint="Restore it (aws secretsmanager restore-secret); see docs/aws.md.",
            retryable=False,
        )
    return Index(made)
