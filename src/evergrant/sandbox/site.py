"""Where the sandbox is: its addresses, the lock around its state, and the way of a request."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from typing import Protocol, Self
from urllib.parse import urlsplit

from evergrant.datacenter import DataCenter, DataCenters
from evergrant.sandbox import api, control
from evergrant.sandbox.accounts import routing as accounts
from evergrant.sandbox.accounts.token import identify
from evergrant.sandbox.calls import Call, Calls
from evergrant.sandbox.clock import SandboxClock
from evergrant.sandbox.faults import TOKEN_PATH, Faults
from evergrant.sandbox.messages import Request, Response
from evergrant.sandbox.models import ORG_KINDS
from evergrant.sandbox.request_context import Host, RequestContext, SandboxState
from evergrant.sandbox.server import HOST, Server
from evergrant.sandbox.unsupported import HEADER

__all__ = ["AnyCall", "Site"]

log = logging.getLogger("evergrant.sandbox")


class AnyCall(Protocol):
    """A request as any HTTP library may hold it."""

    @property
    def method(self) -> str:
        """GET, POST, …, in either case."""

    @property
    def url(self) -> str:
        """The full address."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in either case."""

    @property
    def body(self) -> bytes:
        """The body, which may be empty."""


class Site:
    """The sandbox's addresses, and how a request to one of them is answered."""

    def __init__(self, state: SandboxState, clock: SandboxClock, port: int) -> None:
        self.clock = clock
        self.faults = Faults(state.settings)
        self.calls = Calls()
        self._state = state
        self._lock = threading.Lock()
        self._port = port
        self._server: Server | None = None
        self._stopping = threading.Event()
        self._places: dict[str, Host] = {}
        self._date = (clock.now(), "")

    def start(self) -> Self:
        """Open the ports and serve.

        Raises:
            RuntimeError: It runs already.
            OSError: A port is taken.
        """
        if self._server is not None:
            raise RuntimeError("the sandbox runs already")
        self._stopping.clear()
        self._places.clear()
        server = Server()
        try:
            homes = [self._open(server, code) for code in self._state.directory.data_centers]
        except BaseException:
            server.stop()
            raise
        self._state.data_centers = {home.code: home for home in homes}
        self._server = server
        server.start()
        return self

    def stop(self) -> None:
        """Close ports and connections; does nothing if it does not run."""
        server, self._server = self._server, None
        if server is not None:
            self._stopping.set()
            server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The first data center's address: accounts and production API."""
        return self.data_center(self._state.directory.data_centers[0]).accounts_url

    @property
    def data_centers(self) -> DataCenters:
        """The allow-list of this sandbox's data centers."""
        return DataCenters(*self._state.data_centers.values())

    def data_center(self, code: str) -> DataCenter:
        """Return one of them.

        Raises:
            LookupError: There is no such one, or the sandbox was never started.
        """
        home = self._state.data_centers.get(code)
        if home is None:
            raise LookupError(f"no data center {code!r} is running")
        return home

    def send(self, call: AnyCall) -> Response:
        """Answer a request without a connection; the answer's header names are in lower case.

        Raises:
            ConnectionError: The address is not the sandbox's, or a fault cut the connection.
        """
        url = urlsplit(call.url)
        place = self._places.get(url.netloc)
        if place is None:
            raise ConnectionRefusedError(f"no server listens at {url.netloc}")
        headers = {name.lower(): value for name, value in call.headers.items()}
        answer = self._answer(
            place, Request(call.method.upper(), url.path, url.query, headers, call.body)
        )
        lowered = {name.lower(): value for name, value in answer.headers.items()}
        return Response(answer.status, lowered, answer.body)

    def _about(self) -> dict[str, object]:
        urls = ("code", "accounts_url", "api_url", "sandbox_url", "developer_url")
        homes = self._state.data_centers.values()
        return {
            "data_centers": [{key: getattr(home, key) for key in urls} for home in homes],
            "missing": self.calls.missing(),
        }

    def _open(self, server: Server, code: str) -> DataCenter:
        urls = []
        for kind in ORG_KINDS:
            place = Host(code, kind)
            wanted = self._port and self._port + len(self._places)
            port = server.listen(wanted, partial(self._answer, place))
            self._places[f"{HOST}:{port}"] = place
            urls.append(f"http://{HOST}:{port}")
        main, sandbox, developer = urls
        return DataCenter.custom(
            main, main, code=code, sandbox_url=sandbox, developer_url=developer
        )

    def _answer(self, place: Host, request: Request) -> Response:
        if request.path.startswith(control.ROOT):
            return control.handle(request, self.clock, self.calls, self._about)
        fault = self.faults.take(request.path)
        if fault.delay:
            self._stopping.wait(fault.delay)
        with self._lock:
            visit = RequestContext(request, place, self._state, self.clock.now())
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
                    place.data_center,
                    request.method,
                    request.path,
                    status,
                    visit.grant_type,
                    visit.user,
                    visit.now,
                    missing,
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
    return api.handle(visit)
