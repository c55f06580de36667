"""A sandbox of this process, reached without sockets: for simulations of months."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evergrant.errors import AccountsUnavailable
from evergrant.http import HttpAnswer, HttpCall, Send

if TYPE_CHECKING:
    from evergrant.sandbox import Sandbox

__all__ = ["in_process"]


def in_process(zoho: Sandbox) -> Send:
    """Return what carries calls to this sandbox: ``Accounts(send=in_process(zoho))``."""

    def send(call: HttpCall) -> HttpAnswer:
        try:
            answer = zoho.send(call)
        except ConnectionError as error:
            sent = not isinstance(error, ConnectionRefusedError)
            raise AccountsUnavailable("no answer from the sandbox", sent=sent) from None
        return HttpAnswer(answer.status, answer.headers, answer.body)

    return send
