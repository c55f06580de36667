"""A sandbox of this process, reached without sockets: for simulations of months."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evergrant._oauth.messages import HttpRequest, HttpResponse, Transport
from evergrant.errors import AccountsUnavailable

if TYPE_CHECKING:
    from evergrant.sandbox import Sandbox

__all__ = ["in_process_transport"]


def in_process_transport(zoho: Sandbox) -> Transport:
    """Return a transport to this sandbox: ``Accounts(send=in_process_transport(zoho))``."""

    def send(call: HttpRequest) -> HttpResponse:
        try:
            answer = zoho.send(call)
        except ConnectionError as error:
            sent = not isinstance(error, ConnectionRefusedError)
            raise AccountsUnavailable("no answer from the sandbox", sent=sent) from None
        return HttpResponse(answer.status, answer.headers, answer.body)

    return send
