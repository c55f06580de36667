"""The way of a request through the sandbox: faults, the answer, the record of it."""

from __future__ import annotations

import logging
import threading
from datetime import datetime
from email.utils import format_datetime

from evergrant.sandbox import api, control, services
from evergrant.sandbox.accounts import routing as accounts
from evergrant.sandbox.accounts.token import identify
from evergrant.sandbox.calls import Call, Calls
from evergrant.sandbox.clock import SandboxClock
from evergrant.sandbox.faults import TOKEN_PATH, Faults
from evergrant.sandbox.messages import Request, Response
from evergrant.sandbox.request_context import Host, RequestContext, SandboxState
from evergrant.sandbox.start_page import StartPage
from evergrant.sandbox.unsupported import HEADER

__all__ = ["RequestHandler"]

log = logging.getLogger("evergrant.sandbox")


class RequestHandler:
    """Answers requests, one at a time.

    Attributes:
        lock: Held while a request is answered: the state is changed under it only.
        stopping: Set when delayed answers are no longer worth their delay.
    """

    def __init__(self, state: SandboxState, clock: SandboxClock) -> None:
        self.faults = Faults(state.settings)
        self.calls = Calls()
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self._state = state
        self._clock = clock
        self._date = (clock.now(), "")
        self._start_page = StartPage(state, clock, self.calls, self.faults, self.lock)

    def answer(self, host: Host, request: Request) -> Response:
        """Answer a request at a host.

        Raises:
            ConnectionResetError: A fault cut the connection.
        """
        shown = self._start_page.handle(request) if host.kind == "production" else None
        if shown is not None:
            return shown
        if request.path.startswith(control.ROOT):
            return control.handle(request, self._clock, self.calls, self._state.describe())
        fault = self.faults.take(request.path)
        if fault.delay:
            self.stopping.wait(fault.delay)
        with self.lock:
            visit = RequestContext(request, host, self._state, self._clock.now())
            answer = None
            if fault.answer is None and fault.cut != "before":
                answer = _handle(visit)
            elif request.path == TOKEN_PATH:
                identify(visit)
            answer = answer or fault.answer
            status = answer.status if answer else 0
            missing = answer.headers.get(HEADER) if answer else None
            self.calls.record(
                Call(
                    host.data_center,
                    request.method,
                    request.path,
                    status,
                    visit.grant_type,
                    visit.user,
                    visit.now,
                    missing,
                    visit.service,
                    visit.org,
                )
            )
            date = self._http_date(visit.now)
        if missing is not None:
            log.warning("not in the sandbox: %s (%s)", missing, request.method)
        if fault.cut or answer is None:
            raise ConnectionResetError("a fault cut the connection")
        named = {**answer.headers, "Server": "ZGS", "Date": date}
        return Response(answer.status, named, answer.body)

    def _http_date(self, now: datetime) -> str:
        second = now.replace(microsecond=0)
        if self._date[0] != second:
            self._date = (second, format_datetime(second, usegmt=True))
        return self._date[1]


def _handle(visit: RequestContext) -> Response:
    on_main_port = visit.place.kind == "production"
    if on_main_port and visit.request.path.startswith(accounts.ROOT):
        return accounts.handle(visit)
    served = services.handle(visit) if on_main_port else None
    return served or api.handle(visit)
