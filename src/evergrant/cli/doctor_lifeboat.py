"""Lifeboat checks of ``evergrant doctor``; ``--repair`` empties the lifeboat of its store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import evergrant
from evergrant._core.saver import Saver
from evergrant._lifeboat.files import all_files, store_url_of
from evergrant._lifeboat.outbox import Lifeboat
from evergrant._lifeboat.restore_result import RestoreOutcome, RestoreResult
from evergrant.cli.doctor_check import Check
from evergrant.clock import utc_now
from evergrant.config import Settings, config_folder
from evergrant.errors import EvergrantError
from evergrant.events import safe_listener

__all__ = ["check_lifeboats"]

NAME = "lifeboat"


def check_lifeboats(settings: Settings, *, repair: bool, adopt: bool = False) -> Iterator[Check]:
    """Look for tokens that could not be saved, to this store or another.

    Args:
        repair: Restore the tokens of this store, and move damaged files aside.
        adopt: Also restore files that are not encrypted although a key is set.
    """
    if not all_files(config_folder()):
        return
    try:
        with evergrant.open_store(settings.store) as store:
            boat = Lifeboat(config_folder(), store.url)
            yield from _repair(store, boat, adopt=adopt) if repair else _check_pending(boat)
    except EvergrantError as error:
        if repair:
            yield Check(NAME, "problem", f"nothing was restored: {error.message}", error.hint)
        yield from _check_other_stores(all_files(config_folder()))
        return
    for path, problem in boat.unusable.items():
        yield Check(NAME, "problem", f"{path}: {problem.message}", problem.hint)
    yield from _check_other_stores(set(all_files(config_folder())) - boat.paths())


def _check_pending(boat: Lifeboat) -> Iterator[Check]:
    for token in boat.pending():
        yield Check(
            NAME,
            "problem",
            f"{_describe(token)} was granted, but could not be saved to its store",
            "Repair the store, then run: evergrant doctor --repair",
        )


def _repair(store: evergrant.TokenStore, boat: Lifeboat, *, adopt: bool) -> Iterator[Check]:
    try:
        for before, now in boat.repair(adopt=adopt):
            yield Check(NAME, "note", f"{before.name} was damaged; it is kept as {now}")
    except OSError as error:
        yield Check(NAME, "problem", f"a damaged file was left as it is: {error}")
    for result in Saver(store, boat, safe_listener(None), utc_now).restore_pending():
        yield _check_result(result)


def _check_result(result: RestoreResult) -> Check:
    what = f"{_describe(result.token)}: {result.outcome.value}"
    if result.problem:
        return Check(NAME, "problem", f"{what}; {result.problem.message}", result.problem.hint)
    return Check(NAME, "ok" if result.outcome is RestoreOutcome.RESTORED else "note", what)


def _describe(token: evergrant.Token) -> str:
    number = f"token {token.id}" if token.id else "a login"
    return f"{number} of {token.user_name}" if token.user_name else number


def _check_other_stores(paths: Iterable[Path]) -> Iterator[Check]:
    """Yield a check for each other store that tokens wait for, if the files name it."""
    for store, number in sorted(Counter(map(store_url_of, paths)).items()):
        yield Check(
            NAME,
            "problem",
            f"{number} granted token(s) wait for {store or 'a store that the file does not name'}",
            f"With that store: evergrant doctor --repair --store {store or 'URL'}",
        )
