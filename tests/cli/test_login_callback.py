"""The page a login comes back to: one outcome, however often the browser asks."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from evergrant.cli.login_callback import CallbackServer, PendingLogin
from evergrant.errors import ConfigError, ConsentDenied, NoRefreshToken, UntrustedServer
from evergrant.token import Token


def test_no_other_program_can_share_the_port_and_take_the_code() -> None:
    with CallbackServer("http://127.0.0.1:0/callback") as listener, socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", urlsplit(listener.url).port))


class Login:
    """Counts how often it is completed."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.completed = 0
        self.told: list[str] = []
        self.sent: list[str] = []
        self.answer = PendingLogin("right", self.complete)

    def complete(self, _redirect: str) -> Token:
        self.completed += 1
        if self.error:
            raise self.error
        return Token(user_name="alice")

    def offer(self, state: str = "right") -> None:
        self.answer.complete(f"/callback?code=1&state={state}", self.told.append, self.sent.append)


def test_a_page_that_is_loaded_again_says_the_same_and_spends_no_code_twice() -> None:
    login = Login()
    login.offer()
    login.offer()
    assert login.told == ["alice", "alice"]
    assert login.completed == 1
    assert login.answer.wait(0).user_name == "alice"


def test_a_login_that_failed_stays_failed() -> None:
    login = Login(ConsentDenied("no"))
    login.offer()
    login.offer()
    assert login.told == ["", ""]
    assert login.completed == 1
    with pytest.raises(ConsentDenied):
        login.answer.wait(0)


def test_even_a_bug_ends_the_wait() -> None:
    login = Login(ZeroDivisionError())
    login.offer()
    with pytest.raises(ZeroDivisionError):
        login.answer.wait(0)


@pytest.mark.parametrize("state", ["", "wrong", "Right", "right ", "r%C3%AFght"])
def test_another_state_changes_nothing(state: str) -> None:
    login = Login()
    with pytest.raises(UntrustedServer):
        login.offer(state)
    assert (login.completed, login.told) == (0, [])
    with pytest.raises(ConsentDenied, match="did not come back"):
        login.answer.wait(0)


def test_giving_up_ends_the_wait_once() -> None:
    login = Login()
    login.answer.fail("no address was pasted")
    login.answer.fail("again")
    login.offer()
    assert login.completed == 0
    with pytest.raises(ConfigError, match="no address was pasted"):
        login.answer.wait(0)


def test_a_login_without_a_refresh_token_is_sent_to_consent_once() -> None:
    login = Login(NoRefreshToken("none"))
    login.answer = PendingLogin("right", login.complete, lambda: "https://zoho/auth?state=next")
    login.offer()
    login.offer()
    assert login.sent == ["https://zoho/auth?state=next"] * 2
    assert (login.completed, login.told) == (1, [])
    login.offer("next")
    assert login.told == [""]
    with pytest.raises(NoRefreshToken):
        login.answer.wait(0)
