"""``evergrant keep``: keeps tokens fresh, for a service manager, a container or cron."""

from __future__ import annotations

import signal
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Annotated

import typer

import evergrant
from evergrant.cli.auditing import audit_log
from evergrant.cli.exits import Exit
from evergrant.cli.happenings import Teller
from evergrant.cli.metering import metrics_of, served
from evergrant.cli.options import AsJson, settings_of
from evergrant.cli.session import accounts_of, refuse_forgetful
from evergrant.cli.speech import note
from evergrant.errors import EvergrantError, StoreError
from evergrant.events import Emit, Event, RefreshFailed, StoreFailed, StoreRecovered

if TYPE_CHECKING:
    from evergrant.keeping.custody import Custody
    from evergrant.observing.prometheus import Metrics

__all__ = ["keep"]

ENDINGS = (signal.SIGINT, signal.SIGTERM)

TICK = 0.05
"""Seconds between two looks whether all that was begun is done."""

COUNT_EVERY = 60.0
"""Seconds between two counts of all tokens for the metrics."""

Inbox = SimpleQueue[Event | signal.Signals]
"""What happens, in other threads too, and what ends it: one thread tells it all, in order. (A
simple queue may be put into by a signal handler, whatever it interrupts.)"""


def keep(
    context: typer.Context,
    users: Annotated[
        list[str] | None,
        typer.Argument(metavar="USER", help="Keep the tokens of these users only; by default all."),
    ] = None,
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Renew what is due and end, with 1 if something failed.")
    ] = False,
    metrics: Annotated[
        str | None,
        typer.Option(metavar="[HOST:]PORT", help="Serve metrics for Prometheus there."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Keep tokens fresh until Ctrl-C or SIGTERM; tells each renewal and failure on a line.

    What was begun is saved before it ends.
    """
    from evergrant.keeping.custody import Custody
    from evergrant.observing.fanning import fan_out

    settings = settings_of(context)
    refuse_forgetful(settings.store)
    inbox: Inbox = SimpleQueue()
    counted = metrics_of(metrics)
    others: list[Emit | None] = [audit_log(settings), counted]
    with (
        _heard(inbox),
        served(counted, metrics),
        evergrant.open_store(settings.store) as store,
        accounts_of(settings, settings.sandbox) as accounts,
    ):
        custody = Custody(
            store,
            accounts,
            on_event=fan_out(inbox.put, *filter(None, others)),
            policy=settings.policy,
        )
        service = Service(custody, users or (), inbox, Teller(as_json=as_json), counted)
        outcome = service.run(once=once)
    if outcome is not Exit.DONE:
        raise typer.Exit(outcome)


@contextmanager
def _heard(inbox: Inbox) -> Iterator[None]:
    """Have the signals that end a program put into the inbox, the second one as well."""
    before = {
        ending: signal.signal(ending, lambda number, _: inbox.put(signal.Signals(number)))
        for ending in ENDINGS
    }
    try:
        yield
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)


class Service:
    """Goes round the tokens, and tells what comes of it."""

    def __init__(
        self,
        custody: Custody,
        users: Collection[str],
        inbox: Inbox,
        teller: Teller,
        metrics: Metrics | None,
    ) -> None:
        from evergrant.keeping.renewer import Renewer

        self._users = users
        self._inbox = inbox
        self._teller = teller
        self._custody = custody
        self._metrics = metrics
        self._count_at = 0.0
        self._renewer = Renewer(self._custody, users, on_problem=self._note_problem)

    def run(self, *, once: bool) -> Exit:
        """Go round until a signal comes, or once; what was begun is saved whatever happens.

        Raises:
            StoreError: The store cannot be read to begin with.
        """
        try:
            self._introduce()
            ended = self._go_once() if once else self._go_on()
            if ended and not self._custody.is_idle:
                note("ending as soon as what was begun is saved")
        finally:
            self._custody.close()
        while not self._inbox.empty():
            if isinstance(happened := self._inbox.get(), Event):
                self._teller.tell(happened)
        if not once:
            return Exit.DONE  # a signal is the way to end it
        if ended:
            return Exit.INTERRUPTED
        return Exit.BAD_RESULT if self._teller.failed else Exit.DONE

    def _go_on(self) -> bool:
        while not self._attend(self._round()[1]):
            pass
        return True

    def _go_once(self) -> bool:
        from evergrant.keeping.background import MOST_WAITING

        begun = MOST_WAITING
        while begun >= MOST_WAITING:  # it may have been too many to take them all
            begun, _ = self._round()
            while not self._custody.is_idle:
                if self._attend(TICK):
                    return True
        return False

    def _round(self) -> tuple[int, float]:
        """Begin what is due; return how many that were, and the seconds to rest afterwards."""
        from evergrant.keeping import renewer

        began = time.monotonic()
        try:
            begun = self._renewer.round()
        except StoreError as error:
            self._teller.tell(StoreFailed(at=self._custody.clock(), error=error))
            return 0, renewer.ROUND
        self._teller.tell(StoreRecovered(at=self._custody.clock()))
        if self._metrics and began >= self._count_at:
            from evergrant.cli.survey import count_states

            self._metrics.note_tokens(count_states(self._custody))
            self._count_at = time.monotonic() + COUNT_EVERY
        return begun, renewer.pause_after(time.monotonic() - began)

    def _attend(self, seconds: float) -> bool:
        """Tell what happens in this time; return at once, and true, when a signal comes."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                happened = self._inbox.get(timeout=left)
            except Empty:
                return False
            if not isinstance(happened, Event):
                return True
            self._teller.tell(happened)
        return False

    def _note_problem(self, error: EvergrantError) -> None:
        self._inbox.put(
            RefreshFailed(
                at=self._custody.clock(), error=error, token_id=error.token_id, user=error.user
            )
        )

    def _introduce(self) -> None:
        """Say how many tokens are kept fresh, and why others are not."""
        from evergrant.cli.survey import left_alone

        custody, kept = self._custody, sum(1 for _ in self._renewer.tokens())
        others = {} if self._users else left_alone(custody.store, custody.accounts)
        left = ", ".join(f"{number} {reason}" for reason, number in others.items())
        self._teller.say(
            {
                "at": custody.clock().isoformat(),
                "event": "keeping",
                "tokens": kept,
                "store": custody.store.url,
                "left_alone": others,
            },
            f"keeping {kept} token{'' if kept == 1 else 's'} of {custody.store.url} fresh"
            + (f"; left alone: {left}" if left else ""),
        )
