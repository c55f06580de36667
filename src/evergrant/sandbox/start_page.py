"""The page for people at the sandbox's own address: what there is, what was called, and buttons.

It is not Zoho's. Each form carries a key that only the page shows, so that no other site can press
its buttons; a name that another site gave to this machine is refused.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from evergrant.sandbox import start_page_html
from evergrant.sandbox.accounts.responses import error_page, page
from evergrant.sandbox.accounts.self_client import issue_code
from evergrant.sandbox.calls import Calls
from evergrant.sandbox.clock import SandboxClock
from evergrant.sandbox.faults import TOKEN_PATH, Faults
from evergrant.sandbox.messages import Request, Response, redirect
from evergrant.sandbox.models import User
from evergrant.sandbox.request_context import SandboxState

__all__ = ["StartPage"]

_OWN_NAMES = frozenset({"127.0.0.1", "localhost"})

_SEE_OTHER = 303


class StartPage:
    """Shows the sandbox to people, and does what they ask for.

    Args:
        lock: Held while the state is read or changed.
    """

    def __init__(
        self,
        state: SandboxState,
        clock: SandboxClock,
        calls: Calls,
        faults: Faults,
        lock: threading.Lock,
    ) -> None:
        self._state = state
        self._clock = clock
        self._calls = calls
        self._faults = faults
        self._lock = lock
        self._key = secrets.token_urlsafe(16)

    def handle(self, request: Request) -> Response | None:
        """Answer a request for the page, or for one of its buttons; None if it is for neither."""
        if request.method == "GET" and request.path == "/favicon.ico":
            return Response(204)
        show = (request.method, request.path) == ("GET", "/")
        if not show and request.path != start_page_html.ACTION:
            return None
        if not _is_own(request.headers.get("host")):
            return error_page("Wrong Address", "Open the address that the sandbox printed.", 403)
        return self._show() if show else self._press(request)

    def _press(self, request: Request) -> Response:
        form = request.form
        key = form.get("key", "").encode()
        if request.method != "POST" or not secrets.compare_digest(key, self._key.encode()):
            return error_page("Out Of Date", "Load the sandbox's page again.", 403)
        try:
            said = self._act(form)
        except KeyError as error:
            said = f"there is no such choice: {error}"
        except (ValueError, LookupError, OverflowError) as error:
            said = str(error)
        return self._show(said) if said else Response(_SEE_OTHER, redirect("/").headers)

    def _show(self, said: str = "") -> Response:
        with self._lock:
            content = start_page_html.content(
                self._state, self._clock.now(), self._calls, self._faults.planned(), self._key, said
            )
        return page("The Zoho sandbox", content)

    def _act(self, form: dict[str, str]) -> str:
        """Do what a button says; return what is to be told, or "".

        Raises:
            ValueError: The form says what cannot be.
            LookupError: There is no such user, client or fault.
        """
        match form.get("do"):
            case "advance":
                self._clock.advance(seconds=float(form["seconds"]))
            case "code":
                return self._code(form)
            case "expire":
                with self._lock:
                    self._expire(self._state.directory.user(form["user"]))
            case "revoke":
                with self._lock:
                    directory = self._state.directory
                    user = directory.user(form["user"])
                    self._state.grants.revoke_all(user, list(directory.clients))
            case "fault":
                self._plan(form)
            case "mend":
                self._faults.clear()
            case "forget":
                self._calls.clear()
            case _:
                raise ValueError("there is no such button")
        return ""

    def _code(self, form: dict[str, str]) -> str:
        email, _, zgid = form["account"].partition(":")
        with self._lock:
            directory = self._state.directory
            user = directory.user(email)
            org = {org.zgid: org for org in user.orgs}[zgid]
            client = directory.clients[form["client"]]
            scopes = ",".join(form["scopes"].replace(",", " ").split())
            code = issue_code(self._state, self._clock.now(), user, org, scopes, client=client)
        minutes = self._state.settings.self_client_code_life.total_seconds() / 60
        return (
            f"Grant code for {user.email} in the data center {user.data_center}, "
            f"for {minutes:g} minutes: {code.value}"
        )

    def _expire(self, user: User) -> None:
        grants = self._state.grants
        for token in [token for grant in grants.of_user(user) for token in grant.access_tokens]:
            grants.kill(token)

    def _plan(self, form: dict[str, str]) -> None:
        times = int(form["times"]) if form["times"] else None
        path = "/" if form.get("where") == "all" else TOKEN_PATH
        if form["kind"] == "latency":
            self._faults.latency(start_page_html.LATENCY_S, path=path, times=times)
            return
        plans: dict[str, Callable[..., None]] = {
            "throttle": self._faults.throttle,
            "server_error": self._faults.server_error,
            "html": self._faults.html,
            "empty": self._faults.empty,
            "half_json": self._faults.half_json,
            "drop_answer": self._faults.drop_answer,
            "refuse": self._faults.refuse,
        }
        plans[form["kind"]](path=path, times=times)


def _is_own(host: str | None) -> bool:
    """Return True if a Host header is this machine's own: a browser always sends one."""
    return host is None or urlsplit(f"//{host}").hostname in _OWN_NAMES
