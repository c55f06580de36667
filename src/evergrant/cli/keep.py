"""``evergrant keep``: keeps tokens fresh, for a service manager, a container or cron."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Annotated

import typer

import evergrant
from evergrant.cli.event_output import EventPrinter
from evergrant.cli.exit_codes import ExitCode
from evergrant.cli.messages import print_info
from evergrant.cli.metrics import make_metrics, serve_metrics
from evergrant.cli.options import AsJson, settings_of
from evergrant.cli.resources import (
    accounts_for,
    is_sandboxed,
    open_audit_log,
    require_persistent_store,
)
from evergrant.errors import EvergrantError, NoRefreshToken, StoreError, UntrustedServer
from evergrant.events import Event, Listener, RefreshFailed, StoreFailed, StoreRecovered, fan_out

if TYPE_CHECKING:
    from evergrant._core.manager import TokenManager
    from evergrant._core.scheduler import Round
    from evergrant.observing.prometheus import Metrics

__all__ = ["keep"]

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

POLL_IDLE_S = 0.05
"""Seconds between two checks whether every refresh that was started has ended."""

COUNT_TOKENS_EVERY_S = 60.0
"""Seconds between two counts of all tokens for the metrics."""

EventQueue = SimpleQueue[Event | signal.Signals]
"""Events of all threads, and the signals that stop the command. One thread prints them in order.
(A signal handler may always put into a SimpleQueue, whatever code it interrupts.)"""


def keep(
    context: typer.Context,
    users: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="USER", help="Keep only the tokens of these users fresh. Default: all."
        ),
    ] = None,
    *,
    once: Annotated[
        bool,
        typer.Option("--once", help="Refresh what is due, then exit: with 1 if something failed."),
    ] = False,
    metrics: Annotated[
        str | None,
        typer.Option(metavar="[HOST:]PORT", help="Serve metrics for Prometheus at this address."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Keep tokens fresh until Ctrl-C or SIGTERM; print a line per refresh and failure.

    Refreshes that are running are finished and saved before it exits.
    """
    from evergrant._core.manager import TokenManager

    settings = settings_of(context)
    require_persistent_store(settings.store)
    inbox: EventQueue = SimpleQueue()
    counted = make_metrics(metrics)
    others: list[Listener | None] = [open_audit_log(settings), counted]
    with (
        _forward_signals(inbox),
        serve_metrics(counted, metrics),
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
    """Put each signal that stops a program into the inbox, also a second one."""
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
    """Runs rounds of refreshes, and prints what happens."""

    def __init__(
        self,
        manager: TokenManager,
        users: Collection[str],
        inbox: EventQueue,
        printer: EventPrinter,
        metrics: Metrics | None,
    ) -> None:
        from evergrant._core.scheduler import RefreshScheduler

        self._users = users
        self._inbox = inbox
        self._printer = printer
        self._manager = manager
        self._metrics = metrics
        self._count_at = 0.0
        self._scheduler = RefreshScheduler(self._manager, users, on_problem=self._queue_problem)

    def run(self, *, once: bool) -> ExitCode:
        """Run rounds until a signal comes, or once. Running refreshes are always saved.

        Raises:
            StoreError: The store cannot be read at the start.
        """
        try:
            self._print_summary()
            ended = self._run_once() if once else self._run_until_signal()
            if ended and not self._manager.is_idle:
                print_info("stopping when the running refreshes are saved")
        finally:
            self._manager.close()
        while not self._inbox.empty():
            if isinstance(happened := self._inbox.get(), Event):
                self._printer.print_event(happened)
        if not once:
            return ExitCode.DONE  # a signal is the normal way to stop
        if ended:
            return ExitCode.INTERRUPTED
        return ExitCode.BAD_RESULT if self._printer.failed else ExitCode.DONE

    def _run_until_signal(self) -> bool:
        for done in self._scheduler.rounds():
            self._report(done)
            if self._print_until(done.pause_s()):
                break
        return True

    def _run_once(self) -> bool:
        """Refresh everything that is due; return True if a signal came first."""
        from evergrant._concurrency.workers import MAX_QUEUED

        for done in self._scheduler.rounds():
            self._report(done)
            while not self._manager.is_idle:
                if self._print_until(POLL_IDLE_S):
                    return True
            if done.started < MAX_QUEUED:  # else the queue may have been too short for all of them
                break
        return False

    def _report(self, done: Round) -> None:
        """Print how the store answered in a round, and count the tokens for the metrics.

        Raises:
            Exception: The round failed, and not because of the store.
        """
        now = self._manager.clock()
        if isinstance(done.error, StoreError):
            self._printer.print_event(StoreFailed(at=now, error=done.error))
            return
        if done.error:
            raise done.error
        self._printer.print_event(StoreRecovered(at=now))
        if self._metrics and done.began >= self._count_at:
            self._metrics.note_tokens(_count_states(self._manager))
            self._count_at = time.monotonic() + COUNT_TOKENS_EVERY_S

    def _print_until(self, seconds: float) -> bool:
        """Print events for this long; return True at once when a signal comes."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                happened = self._inbox.get(timeout=left)
            except Empty:
                return False
            if not isinstance(happened, Event):
                return True
            self._printer.print_event(happened)
        return False

    def _queue_problem(self, error: EvergrantError) -> None:
        self._inbox.put(
            RefreshFailed(
                at=self._manager.clock(), error=error, token_id=error.token_id, user=error.user
            )
        )

    def _print_summary(self) -> None:
        """Print how many tokens are kept fresh, and why others are not."""
        manager, kept = self._manager, sum(1 for _ in self._scheduler.tokens())
        others = {} if self._users else _skipped_by_reason(manager.store, manager.accounts)
        left = ", ".join(f"{number} {reason}" for reason, number in others.items())
        self._printer.print(
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


def _skipped_by_reason(store: evergrant.TokenStore, accounts: evergrant.Accounts) -> Counter[str]:
    """Count the tokens that these accounts servers and their client cannot refresh, by reason."""
    reasons = (
        _skip_reason(token, accounts) for token in store.iter_tokens(on_corrupt=lambda _: None)
    )
    return Counter(reason for reason in reasons if reason)


def _skip_reason(token: evergrant.Token, accounts: evergrant.Accounts) -> str | None:
    from evergrant._core.refreshable import belongs_to_client, refresh_blocker

    problem = refresh_blocker(token, accounts)
    if isinstance(problem, UntrustedServer):
        return "of a sandbox" if is_sandboxed(token) else "of unknown servers"
    if not belongs_to_client(token, accounts):
        return "of other clients"
    if isinstance(problem, NoRefreshToken):
        return "without a refresh token"
    return "without a client" if problem else None


def _count_states(manager: TokenManager) -> Counter[str]:
    """Count the tokens by state, for the metrics."""
    tokens = manager.store.iter_tokens(on_corrupt=lambda _: None)
    return Counter(manager.states.describe(token) for token in tokens)
