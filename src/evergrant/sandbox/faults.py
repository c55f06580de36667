"""What goes wrong on purpose: late answers, wrong answers, none at all."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

from evergrant.sandbox.accounts.responses import throttled
from evergrant.sandbox.messages import Response, html
from evergrant.sandbox.settings import Settings

__all__ = ["NO_FAULT", "TOKEN_PATH", "Fault", "Faults"]

TOKEN_PATH = "/oauth/v2/token"  # noqa: S105 - an address


@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls one request.

    Attributes:
        delay: Seconds to wait before anything happens.
        answer: What to answer instead of executing the request.
        cut: Close the connection without an answer, ``before`` or ``after`` executing it.
    """

    delay: float = 0.0
    answer: Response | None = None
    cut: Literal["before", "after"] | None = None


NO_FAULT = Fault()


@dataclass(slots=True)
class _Plan:
    path: str
    fault: Fault
    left: int | None
    name: str

    @property
    def late(self) -> bool:
        return self.fault.answer is None and self.fault.cut is None

    def fits(self, path: str) -> bool:
        return path.startswith(self.path) if self.path.endswith("/") else path == self.path


class Faults:
    """Plans faults; safe to share between threads.

    ``path`` is the one that is struck; with a slash at its end, everything below it. ``times``
    is how many requests are struck before all is well again; None: every one. Several planned
    faults strike one after the other, in the order they were planned; a latency comes on top.
    The token endpoint is the default of all.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._plans: list[_Plan] = []
        self._lock = threading.Lock()

    def latency(self, seconds: float, path: str = TOKEN_PATH, times: int | None = None) -> None:
        """Answer late, by a number of real seconds."""
        self._plan(Fault(delay=seconds), path, times, "latency")

    def server_error(
        self,
        status: int = 500,
        body: bytes = b"Internal Server Error",
        path: str = TOKEN_PATH,
        times: int | None = 1,
    ) -> None:
        """Answer an error instead of executing the request."""
        answer = Response(status, {"Content-Type": "text/plain;charset=UTF-8"}, body)
        self._plan(Fault(answer=answer), path, times, "server_error")

    def html(self, path: str = TOKEN_PATH, times: int | None = 1, status: int = 200) -> None:
        """Answer a web page instead of executing the request, as a captive portal does."""
        answer = html("<!doctype html><title>Be right back</title>", status)
        self._plan(Fault(answer=answer), path, times, "html")

    def empty(self, path: str = TOKEN_PATH, times: int | None = 1, status: int = 200) -> None:
        """Answer an empty body instead of executing the request."""
        self._plan(Fault(answer=Response(status)), path, times, "empty")

    def half_json(self, path: str = TOKEN_PATH, times: int | None = 1, status: int = 200) -> None:
        """Answer JSON that breaks off instead of executing the request."""
        kind = {"Content-Type": "application/json;charset=UTF-8"}
        self._plan(
            Fault(answer=Response(status, kind, b'{"access_token":"1000.5')),
            path,
            times,
            "half_json",
        )

    def drop_answer(self, path: str = TOKEN_PATH, times: int | None = 1) -> None:
        """Execute the request, then close the connection without an answer."""
        self._plan(Fault(cut="after"), path, times, "drop_answer")

    def refuse(self, times: int | None = 1, path: str = TOKEN_PATH) -> None:
        """Close the connection without executing the request."""
        self._plan(Fault(cut="before"), path, times, "refuse")

    def throttle(self, times: int | None = 1, path: str = TOKEN_PATH) -> None:
        """Answer "Access Denied" as if too many tokens had been asked for."""
        self._plan(Fault(answer=throttled(self._settings)), path, times, "throttle")

    def clear(self) -> None:
        """Let everything work again."""
        with self._lock:
            self._plans = []

    def planned(self) -> list[str]:
        """Return what is still to come, in words."""
        return [
            f"{plan.name} of {plan.path}, {'always' if plan.left is None else f'{plan.left} more'}"
            for plan in self._plans
        ]

    def take(self, path: str) -> Fault:
        """Return what befalls a request to this path now, and count it as done."""
        if not self._plans:
            return NO_FAULT
        with self._lock:
            fitting = [plan for plan in self._plans if plan.fits(path)]
            late = [plan for plan in fitting if plan.late]
            wrong = [plan for plan in fitting if not plan.late][:1]
            for plan in late + wrong:
                if plan.left is not None:
                    plan.left -= 1
            self._plans = [plan for plan in self._plans if plan.left != 0]
        what = wrong[0].fault if wrong else NO_FAULT
        return Fault(sum(plan.fault.delay for plan in late), what.answer, what.cut)

    def _plan(self, fault: Fault, path: str, times: int | None, name: str) -> None:
        if times is not None and times < 1:
            raise ValueError(f"times={times}: a fault strikes at least once")
        with self._lock:
            self._plans = [*self._plans, _Plan(path, fault, times, name)]
