"""Zoho's accounts servers over HTTP: the one place that talks to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Self, TypeVar

from evergrant._masking import masks_locals
from evergrant._oauth import identity, protocol
from evergrant._oauth.client import Client
from evergrant._oauth.messages import HttpRequest, Transport
from evergrant._oauth.protocol import TokenResponse
from evergrant._oauth.retry import ATTEMPTS, RequestScope, send_with_retries
from evergrant._oauth.token_response import (
    apply_token_response,
    foreign_api_error,
    require_sendable,
    warn_in_log,
)
from evergrant._oauth.transport import HttpxTransport
from evergrant._running_sandbox import sandbox_of_environment
from evergrant._scopes import read_scopes
from evergrant._text import is_word
from evergrant.clock import Clock, utc_now
from evergrant.datacenter import ZOHO, DataCenter, DataCenters, origin_of
from evergrant.errors import (
    CodeSpent,
    ConfigError,
    InvalidClient,
    LoginRequired,
    MissingScope,
    NoRefreshToken,
    UntrustedServer,
    WrongDataCenter,
)
from evergrant.token import Secret, Token

__all__ = ["FOREIGN_GRANT", "Accounts"]

FOREIGN_GRANT = (LoginRequired, InvalidClient, WrongDataCenter)
"""How a data center says that a grant is not its own, or not this client's, or dead. A client need
not be registered in every data center."""

T = TypeVar("T")


class Accounts:
    """Zoho's accounts servers, as one client app sees them; safe to share between threads.

    Args:
        client_id: As registered in Zoho's API console. Without one, tokens are refreshed with
            the client that is stored beside them, and no user can log in.
        client_secret: The common secret.
        redirect_url: Exactly as registered; not needed for a self client.
        data_center: Where logins begin, and where tokens live that do not say.
        client_secrets: Data center code to secret, for a client that has one in each.
        data_centers: The hosts that may see a secret; None: Zoho's own, or the sandbox that
            ``EVERGRANT_SANDBOX`` names, with its own client: the one given here is not sent.
        timeout: Seconds to wait for a connection, and for each part of a response; a whole exchange
            may take three times as long, however slowly what arrives.
        send: Carries the requests instead of a connection of our own.
        clock: Tells when a request was sent: what it brings lives from then on.
    """

    @masks_locals
    def __init__(
        self,
        client_id: str | None = None,
        client_secret: str | None = None,
        *,
        redirect_url: str | None = None,
        data_center: str | None = None,
        client_secrets: Mapping[str, str] | None = None,
        data_centers: DataCenters | None = None,
        timeout: float = 10.0,
        send: Transport | None = None,
        clock: Clock = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if data_centers is None and (stand_in := sandbox_of_environment()):
            client_id, client_secret, client_secrets = *stand_in.client, None
            data_centers, data_center = stand_in.data_centers, stand_in.home(data_center)
            clock = stand_in.clock if clock is utc_now else clock
        self.client: Client | None = None
        if client_id:
            self.client = Client(client_id, client_secret, redirect_url, client_secrets or {})
        del client_secret, client_secrets  # a traceback may show locals
        self.data_centers = data_centers or ZOHO
        self.home_data_center = self.data_centers.by_code(data_center or self.data_centers.codes[0])
        self.clock = clock
        self._own_sender = HttpxTransport(timeout)
        self._send = send or self._own_sender
        self._sleep = sleep

    def prepare(self) -> None:
        """Make ready to send, so that nothing is counted as sent that cannot be.

        Raises:
            ConfigError: Nothing can be sent as this program is set up.
        """
        if isinstance(self._send, HttpxTransport):
            self._send.prepare()

    @masks_locals
    def exchange(
        self,
        code: str,
        data_center: DataCenter | None = None,
        *,
        redirect_url: str | None = None,
        verifier: str | None = None,
        client: Client | None = None,
        warn: Callable[[UntrustedServer], object] = warn_in_log,
    ) -> Token:
        """Exchange a one-time code for tokens.

        Sent once: a code whose response was lost may be spent, and a second request would only hide
        that behind an ``invalid_code``. What was granted is returned, whatever API server it names.

        Args:
            client: The client whose code it is, if not this app's own.
            warn: Called with what is wrong with a response that names a foreign API server.

        Raises:
            CodeSpent: The code is used, too old, or of another data center or client.
            OAuthError: Zoho refused for another reason, or gave no usable response.
        """
        code, verifier = Secret(code), verifier and Secret(verifier)
        if not is_word(code):
            raise CodeSpent(
                "this is no one-time code: it has a blank or a line break in it; it was not sent"
            )
        data_center, client = data_center or self.home_data_center, client or self.require_client()
        request = protocol.exchange_request(
            data_center, client, code, redirect_url=redirect_url, verifier=verifier
        )
        granted = self._request_tokens(request, data_center, "authorization_code")
        token = Token(
            client_id=client.client_id,
            client_secret=client.secret_for(data_center),
            grant_token=code,
            redirect_url=redirect_url,
        )
        if foreign := foreign_api_error(granted, data_center):
            warn(foreign)
        return apply_token_response(token, granted)

    @masks_locals
    def refresh(
        self, token: Token, *, attempts: int = ATTEMPTS, scope: RequestScope = nullcontext
    ) -> Token:
        """Return the token with a new access token, and with the client secret that worked.

        Args:
            attempts: How often the request is sent at most, when no usable response comes.
            scope: Entered around each attempt; it may raise instead of letting it be sent.

        Raises:
            NoRefreshToken: It has none.
            LoginRequired: Zoho no longer accepts it.
            Throttled: Too many requests; says when to come back.
            OAuthError: Zoho refused for another reason, or gave no usable response.
        """
        if not token.refresh_token:
            raise NoRefreshToken(
                "the access token has expired and there is no refresh token",
                token_id=token.id,
                user=token.user_name,
            )
        require_sendable(token.refresh_token, token)
        data_center = self.data_center_of(token)
        client = self.client_for(token)
        request = protocol.refresh_request(data_center, client, token.refresh_token)
        granted = self._request_tokens(request, data_center, "refresh_token", attempts, scope)
        minted = apply_token_response(token, granted)
        return replace(
            minted,
            # A refresh moves no grant: one in a sandbox stays there, whatever the response says.
            api_domain=origin_of(token.api_domain) or minted.api_domain,
            # The one that works, for programs that use what is stored.
            client_secret=client.secret_for(data_center) or token.client_secret,
        )

    @masks_locals
    def client_credentials(
        self, scopes: str | Iterable[str], org_id: str, data_center: DataCenter | None = None
    ) -> Token:
        """Mint a token of a self client for an org, without a user and without a refresh token.

        Raises:
            OAuthError: Zoho refused, or gave no usable response.
        """
        data_center, client = data_center or self.home_data_center, self.require_client()
        scopes = read_scopes(scopes)
        request = protocol.client_credentials_request(data_center, client, scopes, org_id)
        granted = self._request_tokens(request, data_center, "client_credentials")
        token = Token(
            client_id=client.client_id,
            client_secret=client.secret_for(data_center),
            org_id=org_id,
            scopes=scopes,
        )
        return apply_token_response(token, granted)

    @masks_locals
    def revoke(self, token: Token, *, authenticated: bool = False) -> bool:
        """Revoke a token at Zoho: its refresh token with all it made, else its access token.

        Args:
            authenticated: Use the newer endpoint, which wants the client's secret.

        Returns:
            Whether it was alive; False if it was dead already.

        Raises:
            OAuthError: Zoho refused, or gave no usable response: it may be alive still.
        """
        secret = token.refresh_token or token.access_token
        if not secret:
            return False
        require_sendable(secret, token)
        request = protocol.revoke_request(
            self.data_center_of(token),
            secret,
            kind="refresh_token" if token.refresh_token else "access_token",
            client=self.client_for(token) if authenticated else None,
        )
        return self._with_retries(
            lambda: protocol.parse_revocation(self._send(request), now=self.clock())
        )

    @masks_locals
    def fetch_owner(self, token: Token) -> tuple[str, str | None]:
        """Return whose the token is, by what its scopes let us ask.

        Returns:
            ``email:zgid``, as the official SDK names users, and the zgid, where the grant covers
            the CRM. Else ``email`` and None.

        Raises:
            MissingScope: The grant lacks `evergrant.IDENTITY_SCOPES`, or AaaServer.profile.READ
                where it is not for the CRM.
            OAuthError: Zoho did not say.
        """
        if identity.is_told_by_crm(token.scopes):
            try:
                return self._crm_owner(token)
            except MissingScope as error:
                if token.scopes:
                    raise
                refused = error
            try:  # what was granted is not known: it may be for another service
                return self._account_owner(token), None
            except MissingScope:
                raise refused from None
        return self._account_owner(token), None

    def _crm_owner(self, token: Token) -> tuple[str, str]:
        access_token = token.access_token or ""
        base = token.api_domain or self.data_center_of(token).api_url
        self.data_centers.by_api_domain(base)
        user, org = (
            identity.current_user_request(base, access_token),
            identity.org_request(base, access_token),
        )
        email = self._with_retries(
            lambda: identity.parse_current_user(self._send(user), now=self.clock())
        )
        org_id = self._with_retries(lambda: identity.parse_org(self._send(org), now=self.clock()))
        return f"{email}:{org_id}", org_id

    def _account_owner(self, token: Token) -> str:
        request = identity.user_info_request(self.data_center_of(token), token.access_token or "")
        return self._with_retries(
            lambda: identity.parse_user_info(self._send(request), now=self.clock())
        )

    def data_centers_from(self, code: str | None = None) -> tuple[DataCenter, ...]:
        """Return all data centers: first the one with this code, by default the home.

        Raises:
            ConfigError: There is no such data center.
        """
        known = self.data_centers
        first = known.by_code(code or self.home_data_center.code)
        return first, *(known.by_code(other) for other in known.codes if other != first.code)

    def data_center_of(self, token: Token) -> DataCenter:
        """Return where a token lives: by its API domain, else the home of this app.

        Raises:
            UntrustedServer: The stored API domain is not one of Zoho's.
        """
        if token.api_domain:
            return self.data_centers.by_api_domain(token.api_domain)
        return self.home_data_center

    def require_client(self) -> Client:
        """Return this app's client.

        Raises:
            ConfigError: None was given.
        """
        if self.client is None:
            raise ConfigError(
                "no client id", hint="Give client_id and client_secret (see Zoho's API console)."
            )
        return self.client

    def client_for(self, token: Token) -> Client:
        """Return the client a token was made for: ours, if it is us and knows today's secret.

        Raises:
            ConfigError: The token carries no client, and none was given.
        """
        ours = self.client
        if (
            ours
            and token.client_id in (None, ours.client_id)
            and (ours.secret_for(self.data_center_of(token)) or not token.client_secret)
        ):
            return ours
        if token.client_id:
            return Client(token.client_id, token.client_secret, token.redirect_url)
        return self.require_client()

    def close(self) -> None:
        """Close the connections that are our own."""
        self._own_sender.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _request_tokens(
        self,
        request: HttpRequest,
        data_center: DataCenter,
        grant_type: str,
        attempts: int = ATTEMPTS,
        scope: RequestScope = nullcontext,
    ) -> TokenResponse:
        def ask() -> TokenResponse:
            # Not when the response came: stopped or asleep on the way, we would take the token for
            # a fresher one than it is, and than one that was granted since.
            now, known = self.clock(), self.data_centers
            response = self._send(request)
            return protocol.parse_token_response(
                response, now=now, asked=data_center, known=known, grant_type=grant_type
            )

        once = grant_type == "authorization_code"
        return send_with_retries(ask, sleep=self._sleep, once=once, attempts=attempts, scope=scope)

    def _with_retries(self, ask: Callable[[], T]) -> T:
        return send_with_retries(ask, sleep=self._sleep)
