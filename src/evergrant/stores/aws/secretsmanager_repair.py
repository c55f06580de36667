"""What is done where the index of a `SecretsManagerStore` was lost: it is made anew."""

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
    """Return the index of the rows that are there although no index says so, and say that.

    Args:
        lost: What there is in its place; it stays where nothing was kept yet.
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
        return lost  # nothing was kept yet
    lost.rebuild(rows, random_first_version())
    if read_only:
        return lost
    try:
        vault.put("index", Secret(lost.text()), lost.version)
    except WriteConflict:
        return _index_of_another(vault, store)
    _logger.warning(
        "%s had lost its index (did somebody delete it?): what leads to its %d tokens was made "
        "anew", store, len(rows),
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
