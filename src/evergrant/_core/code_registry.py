"""One-time codes: each is sent to Zoho once, whichever process receives it.

A server that sees a code twice may take it for stolen and revoke what it gave for it the first
time (https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from evergrant._core.shared_notes import SharedNotes
from evergrant._oauth.client import Client
from evergrant._oauth.errors import may_have_granted
from evergrant._oauth.token_response import warn_in_log
from evergrant.accounts import Accounts
from evergrant.clock import Clock, to_epoch_ms
from evergrant.datacenter import DataCenter
from evergrant.errors import CodeSpent, EvergrantError, OAuthError, UntrustedServer
from evergrant.token import Token

__all__ = ["CodeRegistry"]

EXCHANGE_TIMEOUT_MS = 20_000
"""Milliseconds within which an exchange has ended, and what it brought is stored."""

REMEMBER_S = 86_400.0
"""Seconds that a code is remembered: much longer than any of Zoho's lives."""


class CodeRegistry:
    """The codes that were sent to Zoho, shared by all processes of a store."""

    def __init__(self, notes: SharedNotes, clock: Clock) -> None:
        self._notes = notes
        self._clock = clock

    def exchange(
        self,
        accounts: Accounts,
        code: str,
        where: DataCenter | None = None,
        *,
        redirect_url: str | None = None,
        verifier: str | None = None,
        client: Client | None = None,
        warn: Callable[[UntrustedServer], object] = warn_in_log,
    ) -> Token:
        """Exchange a code, once for all processes that share the store; see `Accounts.exchange`.

        Raises:
            CodeSpent: It was sent before, or Zoho does not accept it.
            ConfigError: Nothing can be sent as this program is set up.
            OAuthError: Zoho refused, or gave no usable response.
        """
        accounts.prepare()  # first: a code that cannot be sent is not counted as sent
        with self.claim(code):
            return accounts.exchange(
                code, where, redirect_url=redirect_url, verifier=verifier, client=client, warn=warn
            )

    @contextmanager
    def claim(self, code: str) -> Iterator[None]:
        """Claim a code while it is sent; one that was not taken there is free again.

        Raises:
            CodeSpent: It was sent before.
        """
        now = str(to_epoch_ms(self._clock()))

        def claim(note: str) -> str:
            if note:
                raise CodeSpent("this code was sent to Zoho before, and works once")
            return now

        self._notes.update("code", code, claim, life=REMEMBER_S)
        try:
            yield
        except EvergrantError as error:
            # A setting that is wrong, too: with it nothing was sent.
            if not (isinstance(error, OAuthError) and may_have_granted(error)):
                self._notes.update("code", code, lambda _: "", life=REMEMBER_S)
            raise

    def mark_stored(self, code: str) -> None:
        """Note that what a code brought is stored: no process needs to wait for it any more."""
        self._notes.update("code", code, lambda _: "stored", life=REMEMBER_S)

    def is_in_progress(self, code: str) -> bool:
        """Return True if a process may be exchanging a code at this moment."""
        sent = self._notes.read("code", code)
        # What was sent in the future was sent by a host whose clock is ahead, perhaps just now.
        return sent.isdigit() and to_epoch_ms(self._clock()) - int(sent) < EXCHANGE_TIMEOUT_MS
