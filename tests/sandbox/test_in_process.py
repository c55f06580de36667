"""A sandbox without sockets answers as one with them."""

from __future__ import annotations

import pytest

from evergrant import Accounts
from evergrant._oauth.messages import HttpRequest
from evergrant.errors import AccountsUnavailable, CodeSpent
from evergrant.sandbox import Sandbox
from evergrant.testing.in_process_transport import in_process_transport


def accounts(zoho: Sandbox) -> Accounts:
    return Accounts(
        zoho.client.client_id,
        zoho.client.client_secret,
        data_centers=zoho.data_centers,
        send=in_process_transport(zoho),
        clock=zoho.clock,
        sleep=lambda _: None,
    )


def test_a_login_and_a_refresh_need_no_socket(zoho_sandbox: Sandbox) -> None:
    app = accounts(zoho_sandbox)
    token = app.exchange(zoho_sandbox.grant_code("alice@example.com"))
    assert app.refresh(token).access_token != token.access_token


def test_refusals_are_zohos(zoho_sandbox: Sandbox) -> None:
    with pytest.raises(CodeSpent):
        accounts(zoho_sandbox).exchange("1000.never.issued")


def test_a_dropped_answer_may_have_been_seen_and_an_address_without_a_server_was_not(
    zoho_sandbox: Sandbox,
) -> None:
    zoho_sandbox.faults.drop_answer(path="/oauth/v2/token", times=1)
    with pytest.raises(AccountsUnavailable) as dropped:
        accounts(zoho_sandbox).exchange(zoho_sandbox.grant_code("alice@example.com"))
    with pytest.raises(AccountsUnavailable) as nobody:
        in_process_transport(zoho_sandbox)(
            HttpRequest("GET", "http://127.0.0.1:1/oauth/serverinfo")
        )
    assert (dropped.value.sent, nobody.value.sent) == (True, False)
