"""The browser's part of a login: the state we send, the redirect that comes back, PKCE; no I/O.

The state is signed, not stored: any worker that has the client secret can complete a login that
another began. It names the moment, the user, the data center and the browser session it was made
for, so that a redirect crafted by an attacker, or fed to another browser, is refused.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import parse_qsl

from evergrant.clock import from_epoch_ms, to_epoch_ms
from evergrant.datacenter import DataCenter, DataCenters
from evergrant.errors import ConsentDenied, UntrustedServer
from evergrant.token import Secret

__all__ = ["LOGIN_WINDOW", "LoginState", "Redirect", "StateSigner", "parse_redirect"]

LOGIN_WINDOW = timedelta(hours=1)
"""How long a user may take between opening the consent page and coming back."""

_SKEW = timedelta(minutes=5)
"""How far the clock of the worker that began a login may be ahead of ours."""

_WORD = re.compile(r"[a-z_]{1,30}")

# Zoho says access_denied for both: https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html
_DENIED = (
    "Ask the user to log in again and to accept. One who did accept met the limit of ten logins "
    "in ten minutes for all users of an app: wait as long."
)


class StateSigner:
    """What signs states; an object, so that a traceback with locals does not show the secret."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def digest(self, message: bytes) -> bytes:
        """Return the message's HMAC-SHA256."""
        return hmac.digest(self._secret, message, "sha256")


@dataclass(frozen=True, slots=True)
class LoginState:
    """A login that has begun: who is expected, and where it started.

    Attributes:
        nonce: Makes every login different.
        began_at: When (aware).
        data_center: The code of the data center whose consent page was opened.
        user: The user who should log in, or None for any.
    """

    nonce: str
    began_at: datetime
    data_center: str
    user: str | None = None

    @classmethod
    def begin(cls, now: datetime, data_center: str, user: str | None) -> LoginState:
        """Begin a login with a new nonce."""
        return cls(secrets.token_urlsafe(16), now, data_center, user)

    def state(self, key: StateSigner, session: str | None) -> str:
        """Return the ``state`` parameter that stands for this login.

        Args:
            key: Signs it.
            session: What identifies the browser session; it is signed, not sent.
        """
        fields = [self.nonce, to_epoch_ms(self.began_at), self.data_center, self.user]
        payload = _b64(json.dumps(fields, separators=(",", ":")).encode())
        return f"{payload}.{_sign(key, payload, session)}"

    @classmethod
    def from_state(
        cls, state: str, key: StateSigner, session: str | None, now: datetime
    ) -> LoginState:
        """Return the login that a ``state`` stands for.

        Raises:
            UntrustedServer: It is not one of ours, is of another session, is too old, or began on
                a host whose clock is far ahead of ours.
        """
        if not state:
            raise UntrustedServer(
                "the redirect has no state, or repeats a parameter: it does not answer our login"
            )
        payload, _, signature = state.partition(".")
        if not hmac.compare_digest(_bytes(signature), _bytes(_sign(key, payload, session))):
            raise UntrustedServer(
                "the redirect's state is not one that this app and session sent out"
            )
        nonce, began_ms, data_center, user = json.loads(_unb64(payload))
        began_at = from_epoch_ms(began_ms)
        _refuse_other_times(began_at, now)
        return cls(nonce, began_at, data_center, user)

    def verifier(self, key: StateSigner) -> Secret:
        """Return PKCE's code verifier for this login (RFC 7636); derived, so never stored."""
        return Secret(_b64(key.digest(b"pkce:" + self.nonce.encode())))

    def challenge(self, key: StateSigner) -> str:
        """Return the S256 code challenge that belongs to the verifier."""
        return _b64(sha256(self.verifier(key).encode()).digest())


def _refuse_other_times(began_at: datetime, now: datetime) -> None:
    """Refuse a login that began too long ago, or in the future: which, is told apart."""
    if began_at < now - LOGIN_WINDOW:
        raise UntrustedServer(
            f"the login began too long ago: {_span(now - began_at)}, of {_span(LOGIN_WINDOW)}",
            hint="Log in again. If it began just now, the clocks of this app's hosts differ: set "
            "them (NTP).",
        )
    if began_at > now + _SKEW:
        raise UntrustedServer(
            f"the login began {_span(began_at - now)} in the future: the clocks of this app's "
            "hosts differ",
            hint="Set the clocks of all hosts (NTP), and log in again. Those that are ahead take a "
            "login for one that began too long ago.",
        )


def _span(span: timedelta) -> str:
    return str(timedelta(seconds=round(span.total_seconds())))


def _sign(key: StateSigner, payload: str, session: str | None) -> str:
    bound = b"" if session is None else sha256(_bytes(session)).digest()
    return _b64(key.digest(b"state:" + _bytes(payload) + b":" + bound))


def _bytes(text: str) -> bytes:
    # Web servers hand on undecodable bytes as lone surrogates; they must not crash the check.
    return text.encode(errors="surrogatepass")


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True, slots=True)
class Redirect:
    """What the browser brought back; nothing of it is to be trusted yet.

    Attributes:
        state: Empty if it is missing, or if it is ambiguous.
    """

    state: str
    code: Secret | None = field(default=None, repr=False)
    error: str | None = None
    location: str | None = None
    accounts_server: str | None = None

    def code_or_raise(self) -> Secret:
        """Return the one-time code.

        Raises:
            ConsentDenied: The user, or Zoho, said no.
        """
        if self.code is None:
            # It came through the browser: anybody may have written it.
            if self.error == "no_org":
                raise ConsentDenied(
                    "the user has no account in one of the services whose scopes were asked for",
                    code=self.error,
                    hint="Ask for one service at a time, and for none that the user does not have.",
                )
            known = f" ({self.error})" if _WORD.fullmatch(self.error or "") else ""
            raise ConsentDenied(
                f"Zoho sent the user back without a code{known}", code=self.error, hint=_DENIED
            )
        return self.code

    def data_center(self, known: DataCenters, began_in: DataCenter) -> DataCenter:
        """Return the data center that the code lives in.

        ``location`` and ``accounts-server`` come through the browser, and the client secret goes
        where they say: they are looked up, must agree, and are never used as an address.

        Raises:
            UntrustedServer: They name a stranger, or disagree.
        """
        found = []
        if self.accounts_server:
            found.append(known.by_accounts_url(self.accounts_server))
        if self.location:
            if self.location not in known.codes:
                raise UntrustedServer(f"{self.location[:20]!r} is not a data center of Zoho")
            found.append(known.by_code(self.location))
        if len(found) > 1 and found[0].code != found[1].code:
            raise UntrustedServer("the redirect's location and accounts-server do not agree")
        return found[0] if found else began_in


def parse_redirect(params: Mapping[str, str] | str) -> Redirect:
    """Read the parameters of the redirect: a mapping, the query string, or the whole URL.

    A redirect in which a parameter stands twice is read as empty: which one counts would be a
    matter of luck. Nothing is raised here, where a traceback with locals would show the code.
    """
    if isinstance(params, str):
        pairs = parse_qsl(_query(params), keep_blank_values=True)
        params = dict(pairs)
        if len(params) < len(pairs):
            params = {}
    return Redirect(
        state=params.get("state") or "",
        code=Secret(params["code"]) if params.get("code") and not params.get("error") else None,
        error=params.get("error"),
        location=params.get("location"),
        accounts_server=params.get("accounts-server"),
    )


def _query(text: str) -> str:
    """Return the query of a URL, whole or without its host, or of what is a query already."""
    before_first_value = text.partition("=")[0]
    if "?" in before_first_value or "://" in before_first_value:
        return text.partition("?")[2].partition("#")[0]
    return text
