"""What the frames of evergrant hold, under Zoho's SDK, when a step of it fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from traceback import walk_tb
from typing import Any

from tests.support.security.failing_steps import failures
from tests.support.security.frames import PACKAGE

__all__ = ["Canary"]


class Canary:
    """The steps of a session that let the store fail."""

    kind: str
    store: Any

    def _get_token(self) -> None:
        if "our OAuthToken" in self.kind:
            for one in self.store.get_tokens():
                self._token({"id": one.get_id()}).get_token()  # type: ignore[attr-defined]

    def leaks(self, mark: str, every: int, **token: str) -> list[str]:
        """Fail at every so-manyth step of all that the SDK asks of its store.

        Returns:
            Where the mark shows in a local variable of evergrant's, or in an error's text; and
            how many errors were looked at, last.
        """
        made: Callable[..., Any] = self.blank  # type: ignore[attr-defined]
        store = self.store
        works: tuple[Callable[[], object], ...] = (
            lambda: store.save_token(made(token)),
            lambda: store.find_token(made(token)),
            store.get_tokens,
            lambda: [store.find_token_by_id(one.get_id()) for one in store.get_tokens()],
            self._get_token,
            lambda: [store.delete_token(one.get_id()) for one in store.get_tokens()],
        )
        found, count = list[str](), 0
        for work in works:
            store.save_token(made(token))
            for error in failures(work, every=every):
                count += 1
                found += [text for text in _shown(error) if mark in text]
        return [*found, str(count)]


def _shown(error: BaseException | None) -> Iterator[str]:
    while error:
        yield f"{error!r} {error}"
        for frame, _ in walk_tb(error.__traceback__):
            if frame.f_code.co_filename.startswith(PACKAGE):
                for name, value in frame.f_locals.items():
                    told = json.dumps(value, default=repr, skipkeys=True)
                    yield f"{frame.f_code.co_qualname}.{name}: {told}"
        error = error.__cause__ or error.__context__
