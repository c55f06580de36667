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
from evergrant.cli.audit import audit_log
from evergrant.cli.event_output import EventPrinter
from evergrant.cli.exit_codes import ExitCode
from evergrant.cli.messages import print_info
from evergrant.cli.metrics import metrics_of, serving_metrics
from evergrant.cli.options import AsJson, settings_of
from evergrant.cli.resources import accounts_for, require_persistent_store
from evergrant.errors import EvergrantError, StoreError
from evergrant.events import Event, Listener, RefreshFailed, StoreFailed, StoreRecovered

if TYPE_CHECKING:
    from evergrant._core.manager import TokenManager
    from evergrant.observing.prometheus import Metrics

__all__ = ["keep"]

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

TICK = 0.05
"""Seconds between two looks whether all that was begun is done."""

COUNT_EVERY = 60.0
"""Seconds between two counts of all tokens for the metrics."""

EventQueue = SimpleQueue[Event | signal.Signals]
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
        bool,
        typer.Option("--once", help="Refresh what is due and end, with 1 if something failed."),
    ] = False,
    metrics: Annotated[
        str | None,
        typer.Option(metavar="[HOST:]PORT", help="Serve metrics for Prometheus there."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Keep tokens fresh until Ctrl-C or SIGTERM; tells each refresh and failure on a line.

    What was begun is saved before it ends.
    """
    from evergrant._core.manager import TokenManager
    from evergrant.observing.fan_out import fan_out

    settings = settings_of(context)
    require_persistent_store(settings.store)
    inbox: EventQueue = SimpleQueue()
    counted = metrics_of(metrics)
    others: list[Listener | None] = [audit_log(settings), counted]
    with (
        _forward_signals(inbox),
        serving_metrics(counted, metrics),
        evergrant.open_store(settings.store) as store,
        accounts_for(settings, settings.sandbox) as accounts,
    ):
        manager = TokenManager(
            store,
            accounts,
            on_event=fan_out(inbox.put, *filter(None, others)),
            policy=settings.policy,
        )
        service = KeepService(manager, users or (), inbox, EventPrinter(as_json=as_json), counted)
        outcome = service.run(once=once)
    if outcome is not ExitCode.DONE:
        raise typer.Exit(outcome)


@contextmanager
def _forward_signals(inbox: EventQueue) -> Iterator[None]:
    """Have the signals that end a program put into the inbox, the second one as well."""
    before = {
        ending: signal.signal(ending, lambda number, _: inbox.put(signal.Signals(number)))
        for ending in STOP_SIGNALS
    }
    try:
        yield
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)


class KeepService:
    """Goes round the tokens, and tells what comes of it."""

    def __init__(
        self,
        manager: TokenManager,
        users: Collection[str],
        inbox: EventQueue,
        teller: EventPrinter,
        metrics: Metrics | None,
    ) -> None:
        from evergrant._core.scheduler import RefreshScheduler

        self._users = users
        self._inbox = inbox
        self._teller = teller
        self._manager = manager
        self._metrics = metrics
        self._count_at = 0.0
        self._scheduler = RefreshScheduler(self._manager, users, on_problem=self._note_problem)

    def run(self, *, once: bool) -> ExitCode:
        """Go round until a signal comes, or once; what was begun is saved whatever happens.

        Raises:
            StoreError: The store cannot be read to begin with.
        """
        try:
            self._print_summary()
            ended = self._go_once() if once else self._go_on()
            if ended and not self._manager.is_idle:
                print_info("ending as soon as what was begun is saved")
        finally:
            self._manager.close()
        while not self._inbox.empty():
            if isinstance(happened := self._inbox.get(), Event):
                self._teller.print_event(happened)
        if not once:
            return ExitCode.DONE  # a signal is the way to end it
        if ended:
            return ExitCode.INTERRUPTED
        return ExitCode.BAD_RESULT if self._teller.failed else ExitCode.DONE

    def _go_on(self) -> bool:
        while not self._print_until(self._round()[1]):
            pass
        return True

    def _go_once(self) -> bool:
        from evergrant._concurrency.workers import MAX_QUEUED

        begun = MAX_QUEUED
        while begun >= MAX_QUEUED:  # it may have been too many to take them all
            begun, _ = self._round()
            while not self._manager.is_idle:
                if self._print_until(TICK):
                    return True
        return False

    def _round(self) -> tuple[int, float]:
        """Begin what is due; return how many that were, and the seconds to rest afterwards."""
        from evergrant._core import scheduler

        began = time.monotonic()
        try:
            begun = self._scheduler.run_once()
        except StoreError as error:
            self._teller.print_event(StoreFailed(at=self._manager.clock(), error=error))
            return 0, scheduler.INTERVAL_S
        self._teller.print_event(StoreRecovered(at=self._manager.clock()))
        if self._metrics and began >= self._count_at:
            from evergrant.cli.keep_summary import count_states

            self._metrics.note_tokens(count_states(self._manager))
            self._count_at = time.monotonic() + COUNT_EVERY
        return begun, scheduler.next_interval(time.monotonic() - began)

    def _print_until(self, seconds: float) -> bool:
        """Tell what happens in this time; return at once, and true, when a signal comes."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                happened = self._inbox.get(timeout=left)
            except Empty:
                return False
            if not isinstance(happened, Event):
                return True
            self._teller.print_event(happened)
        return False

    def _note_problem(self, error: EvergrantError) -> None:
        self._inbox.put(
            RefreshFailed(
                at=self._manager.clock(), error=error, token_id=error.token_id, user=error.user
            )
        )

    def _print_summary(self) -> None:
        """Say how many tokens are kept fresh, and why others are not."""
        from evergrant.cli.keep_summary import skipped_by_reason

        manager, kept = self._manager, sum(1 for _ in self._scheduler.tokens())
        others = {} if self._users else skipped_by_reason(manager.store, manager.accounts)
        left = ", ".join(f"{number} {reason}" for reason, number in others.items())
        self._teller.print(
            {
                "at": manager.clock().isoformat(),
                "event": "keeping",
                "tokens": kept,
                "store": manager.store.url,
                "left_alone": others,
            },
            f"keeping {kept} token{'' if kept == 1 else 's'} of {manager.store.url} fresh"
            + (f"; left alone: {left}" if left else ""),
        )
