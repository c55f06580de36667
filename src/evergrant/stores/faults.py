"""What the errors of a storage's driver mean to a program that keeps tokens in it."""

from __future__ import annotations

from typing import NamedTuple

from evergrant.errors import StoreError, StoreUnavailable

__all__ = ["Fault"]


class Fault(NamedTuple):
    """An entry of a table of driver errors: the error to raise in place of the driver's.

    Attributes:
        text: The message; ``{store}`` stands for the store's URL, ``{code}`` for what the driver
            calls the error. It never has the driver's own text, which could quote a stored value.
        hint: What to do next, or None for what the class of the error says.
        retryable: Whether the same call may succeed later.
        kind: The class of the error.
    """

    text: str
    hint: str | None = None
    retryable: bool = False
    kind: type[StoreError] = StoreUnavailable

    def error(self, store: str, code: object = "", **details: str) -> StoreError:
        """Return the error to raise; ``details`` fill other names in the text."""
        message = self.text.format(store=store, code=code, **details)
        return self.kind(message, hint=self.hint, retryable=self.retryable)
