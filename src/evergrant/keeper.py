"""The Keeper: hands out access tokens that work."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from evergrant._core.async_tokens import AsyncTokens
from evergrant._core.enrollment import is_custom_key
from evergrant._core.manager import TokenManager
from evergrant._core.scheduler import RefreshScheduler
from evergrant._core.validity import NO_MINIMUM, validate_min_ttl
from evergrant._environment import read_zoho_environment
from evergrant._masking import masks_locals
from evergrant._oauth.identity import add_identity_scopes
from evergrant._oauth.protocol import authorization_url
from evergrant._oauth.redirect import LoginState, StateSigner, parse_redirect
from evergrant.accounts import Accounts
from evergrant.auth import RequestsAuth, httpx_auth, session_below
from evergrant.clock import Clock
from evergrant.config import load_settings
from evergrant.errors import ConfigError, TokenNotFound
from evergrant.events import Listener
from evergrant.policy import NO_POLICY, Policy
from evergrant.services import Service, find_service
from evergrant.services.target import Target
from evergrant.stores import open_store
from evergrant.stores.adapter import SixMethods, adapt
from evergrant.stores.base import TokenStore
from evergrant.token import Secret, Token, User

if TYPE_CHECKING:
    import httpx2
    import requests

__all__ = ["Keeper"]


class Keeper:
    """Hands out access tokens that work, for any number of users, threads and processes.

    Users are named ``email:zgid``, as the official SDK names them. A bare e-mail address is
    accepted where it fits one token only. In place of a name, each method also takes one of the
    store's tokens, such as one without a user: the row with its id is meant.

    Every method raises `TokenNotFound` for a user without a token, `AmbiguousUser` where a bare
    address fits several, and `StoreUnavailable` when the store does not answer and no cached
    token helps.

    Args:
        store: Where tokens are kept (see `adapt` for one of your own); the caller closes it.
        accounts: Zoho's accounts servers; the caller closes it.
        clock: Tells the time; by default that of ``accounts``.
        on_event: Is called with each `evergrant.events.Event`, in a thread of its own.
        lifeboat: Folder for tokens that the store could not take; else the configuration's.
        pkce: Send a PKCE challenge with each login (in Zoho's docs: mobile and desktop only).
        background: Keep tokens fresh whether or not they are used: all of this client, or those
            of the named users. A thread of this process does it until `close`. If several
            processes do so, one of them refreshes each token.
        policy: How long logins last, how many there may be, and what they may cover. A method
            that returns a token raises `PolicyRefused` when it violates the policy.
        default_user: The user of a call that names none; by default that of the store's only
            token, if there is one only.
        default_org: The org of requests to a service that takes one with each.
    """

    def __init__(
        self,
        store: TokenStore | SixMethods,
        accounts: Accounts,
        *,
        clock: Clock | None = None,
        on_event: Listener | None = None,
        lifeboat: Path | None = None,
        pkce: bool = False,
        background: bool | Collection[str] = False,
        policy: Policy = NO_POLICY,
        default_user: str | None = None,
        default_org: str | None = None,
    ) -> None:
        self.default_org = default_org
        self._default_user: User | None = default_user
        self._owned = ExitStack()
        self.store = store = adapt(store)
        self.accounts = accounts
        self._pkce = pkce
        self._fallback_key = StateSigner(secrets.token_bytes(32))
        self._manager = manager = TokenManager(
            store, accounts, clock=clock, on_event=on_event, lifeboat=lifeboat, policy=policy
        )
        self.states = manager.states
        self.async_tokens = AsyncTokens(manager)
        self._scheduler = RefreshScheduler(manager, () if background is True else background or ())
        if background:
            self._scheduler.start()

    @classmethod
    def from_env(cls, *, store: str | None = None, **options: Any) -> Self:
        """Return a Keeper as the environment says: settings, client, store, key, policy, sandbox.

        Read are the settings of the command line (EVERGRANT_… variables and its configuration
        file), then the names that programs have already: ZOHO_CLIENT_ID, ZOHO_CLIENT_SECRET,
        ZOHO_REFRESH_TOKEN, ZOHO_DC, ZOHO_ACCOUNTS_URL, ZOHO_ORG_ID and their like. Where no store
        is named and ZOHO_REFRESH_TOKEN is set, the store is ``env:``, and no method needs a user.

        `close`, or the end of a ``with`` block, closes all that was opened.

        Args:
            store: The store's URL, in place of the one in the settings.
            options: Other arguments of a Keeper, in place of those in the settings.

        Raises:
            ConfigError: A setting is missing, malformed, or contradicts another.
            StoreUnavailable: The store cannot be used.
        """
        environment = read_zoho_environment()
        settings = load_settings(store=store)
        url = settings.store
        if environment.has_grant and not settings.names_store:
            url = "env:"
        with ExitStack() as opened:
            kept = opened.enter_context(open_store(url))
            accounts = opened.enter_context(
                Accounts(
                    settings.client_id,
                    settings.client_secret,
                    redirect_url=settings.redirect_url,
                    data_center=settings.data_center,
                    client_secrets=settings.client_secrets,
                )
            )
            given = {"policy": settings.policy, "default_org": environment.org} | options
            keeper = cls(kept, accounts, **given)
            keeper._owned = opened.pop_all()
        return keeper

    def access_token(self, user: User | None = None, *, min_ttl: timedelta = NO_MINIMUM) -> str:
        """Return an access token of this user that works now, as plain text.

        Args:
            min_ttl: How long it must remain valid, such as the time that a long job takes; at
                most 50 minutes.

        Raises:
            LoginRequired: The grant was revoked; the user must log in again.
            Throttled: Zoho refuses to refresh it until ``retry_at``.
            OAuthError: Zoho did not refresh it, for another reason.
            TokenNotSaved: It was refreshed, but the store cannot take it; the next call has it.
            ValueError: No token is valid for that long.
        """
        access_token = self.token(user, min_ttl=min_ttl).access_token
        return str.__str__(access_token)

    def token(self, user: User | None = None, *, min_ttl: timedelta = NO_MINIMUM) -> Token:
        """Return the whole token of this user, usable now; as `access_token`."""
        if min_ttl:
            validate_min_ttl(min_ttl)
        return self._manager.token(self.named_user(user), min_ttl)

    def cached_token(
        self, user: User | None = None, *, min_ttl: timedelta = NO_MINIMUM
    ) -> Token | None:
        """Return what `token` would if it need not read, refresh or wait, else None."""
        return self._manager.cached_token(self.named_user(user), min_ttl)

    def find(self, user: User | None = None) -> Token:
        """Return the newest token of this user, expired or not."""
        return self._manager.find_valid(self.named_user(user))

    def refresh_due(self) -> int:
        """Start to refresh the tokens that are due, in the background; return how many.

        A Keeper with ``background`` does so by itself. This is for a scheduler of your own that
        calls it about every 15 seconds.
        """
        return self._scheduler.run_once()

    def refresh(self, user: User | None = None) -> Token:
        """Refresh the access token now, even if it has not expired; raises as `access_token`."""
        return self._manager.refresh(self.named_user(user))

    def revoke(self, user: User) -> None:
        """Revoke the grant of a user, or of one of the store's tokens, at Zoho; then delete it.

        A login that ends in the meantime is another grant, and stays.

        Raises:
            OAuthError: Zoho could not be told; the token stays in the store.
        """
        self._manager.revoke(user)

    def forget(self, user: User) -> None:
        """Delete the user's token from the store without telling Zoho."""
        self._manager.forget(user)

    def authorization_url(
        self,
        scopes: str | Iterable[str],
        user: str | None = None,
        *,
        session: str | None = None,
        prompt_consent: bool = False,
    ) -> str:
        """Return the address to send a user's browser to.

        Args:
            scopes: What to ask for, a text or many. Where the user is to be learnt from Zoho, the
                scopes it takes are added: `evergrant.IDENTITY_SCOPES` beside those of the CRM,
                else AaaServer.profile.READ.
            user: The expected user: an e-mail address or full name is compared with the login;
                anything else is a key of your own, under which the token is kept unasked.
            session: What identifies the browser session, such as a random value in its cookie.
                Give the same to `complete_login`: without it, an attacker could make another
                person's browser complete a login that the attacker began.
            prompt_consent: Make Zoho ask for consent and issue a new refresh token, even if the
                user consented before (``prompt=consent``).

        Raises:
            ConfigError: The client has no redirect URL, or what is asked for is no scope.
        """
        session = session and Secret(session)
        client, home = self.accounts.require_client(), self.accounts.home_data_center
        if not client.redirect_url:
            raise ConfigError("a login by browser needs a redirect URL", hint="Give redirect_url.")
        login, key = LoginState.begin(self._manager.clock(), home.code, user), self._key()
        return authorization_url(
            home,
            client,
            scopes if is_custom_key(user) else add_identity_scopes(scopes),
            state=login.state(key, session),
            prompt_consent=prompt_consent,
            challenge=login.challenge(key) if self._pkce else None,
        )

    @masks_locals
    def complete_login(
        self,
        redirect_params: Mapping[str, str] | str,
        *,
        session: str | None = None,
        repeatable: bool = False,
    ) -> Token:
        """Finish a login with what the browser brought back; return the stored token.

        Args:
            redirect_params: The redirect's parameters: a mapping, the query string, or the URL.
            session: What `authorization_url` was given.
            repeatable: Answer what comes again in the ``session`` of its login by that login.

        Raises:
            UntrustedServer: The state is not ours, or the redirect names a server that is not
                Zoho's: nothing was sent. Or Zoho's answer names one: the grant is stored.
            ConsentDenied: The user said no, or another user than the expected one logged in.
            CodeSpent: The code was used before, or is too old.
            NoRefreshToken: The login works, but for an hour only.
            MissingScope: The grant is stored, but Zoho does not say whose it is.
            TokenNotSaved: The store cannot take the grant; the lifeboat holds it.
            OAuthError: Zoho refused, for another reason.
        """
        redirect, session = parse_redirect(redirect_params), session and Secret(session)
        key, redirect_params = self._key(), ""  # it held the code, and trackers read stacks
        login = LoginState.from_state(redirect.state, key, session, self._manager.clock())
        with self._manager.enrollment.reporting_failure(login.user):
            code = redirect.code_or_raise()
        known = self.accounts.data_centers
        data_center = redirect.data_center(known, known.by_code(login.data_center))
        return self._manager.enrollment.log_in(
            code,
            data_center,
            expected=login.user,
            redirect_url=self.accounts.require_client().redirect_url,
            verifier=login.verifier(key) if self._pkce else None,
            is_same_session=repeatable and session is not None,
        )

    @masks_locals
    def login_with_code(
        self, code: str, user: str | None = None, *, data_center: str | None = None
    ) -> Token:
        """Log in with a self client's code, as Zoho's API console makes them.

        Args:
            code: The one-time code.
            user: Who is expected, as in `authorization_url`.
            data_center: The code of the data center whose console made it; else the home.

        Raises:
            OAuthError: As `complete_login`.
            TokenNotSaved: The store cannot take the grant; the lifeboat holds it.
        """
        code = Secret(code)
        issuer = self.accounts.data_centers.by_code(
            data_center or self.accounts.home_data_center.code
        )
        return self._manager.enrollment.log_in_from_console(code, issuer, expected=user)

    @masks_locals
    def login_with_refresh_token(
        self, refresh_token: str, user: str | None = None, *, data_center: str | None = None
    ) -> Token:
        """Log in with a refresh token of this client that you have; Zoho says whose it is.

        Args:
            refresh_token: As Zoho gave it to this client, which any program may have obtained.
            user: Who is expected, as in `authorization_url`.
            data_center: The code of the data center that gave it; None: the home. ``any``: each is
                asked until one accepts it, which takes one of the ten refreshes in ten minutes.

        Raises:
            LoginRequired: It was revoked, or is another client's or data center's.
            MissingScope: The grant is stored, but its scopes do not let Zoho say whose it is.
            OAuthError: As `complete_login`.
            TokenNotSaved: The store cannot take the grant; the lifeboat holds it.
        """
        refresh_token, accounts = Secret(refresh_token), self.accounts
        if data_center == "any":
            asked = accounts.data_centers_from()
        else:
            asked = accounts.data_centers_from(data_center)[:1]
        return self._manager.enrollment.log_in_with_refresh_token(
            refresh_token, asked, expected=user
        )

    def _key(self) -> StateSigner:
        """Return what signs states: the client's secret, which all workers of an app share."""
        client = self.accounts.require_client()
        known = (client.client_secret, *client.secrets.values())
        return next(
            (StateSigner(secret.encode()) for secret in known if secret), self._fallback_key
        )

    def auth(
        self,
        user: User | None = None,
        *,
        service: str | Service = "crm",
        org: str | None = None,
    ) -> httpx2.Auth:
        """Return an ``auth`` for httpx2 (and httpx): signs requests with the user's token.

        A request that the service rejects for its token is sent once more with a refreshed token.
        Requests to any other server than the service's, in the token's data center, raise
        `UntrustedServer`.

        Args:
            service: What is called: a name of `evergrant.services`, or a service of your own.
            org: The org that requests are for, where the service takes one with each request.

        Raises:
            ConfigError: There is no such service, or it takes no org.
        """
        return httpx_auth(
            self, self.async_tokens, self.named_user(user), self._target(service, org)
        )

    def requests_auth(
        self,
        user: User | None = None,
        *,
        service: str | Service = "crm",
        org: str | None = None,
    ) -> RequestsAuth:
        """Return an ``auth`` for the requests library; as `auth`."""
        return RequestsAuth(self, self.named_user(user), self._target(service, org))

    def client(
        self,
        user: User | None = None,
        *,
        service: str | Service = "crm",
        org: str | None = None,
        **options: Any,
    ) -> httpx2.Client:
        """Return an httpx2 client for a service: ``client.get("/tickets")`` is all it takes.

        Its base URL is the service's in the data center of the user's grant; it signs as `auth`.
        Close it when you are done.

        Args:
            service: What is called: a name of `evergrant.services`, or a service of your own.
            org: The org that requests are for, where the service takes one.
            options: More arguments of `httpx2.Client`, such as ``timeout``.

        Raises:
            ConfigError: There is no such service, or not in that data center, or it takes no org.
            EvergrantError: As `find`.
        """
        import httpx2

        url, auth = self.base_url(user, service=service, org=org), self.auth
        return httpx2.Client(base_url=url, auth=auth(user, service=service, org=org), **options)

    def requests_session(
        self,
        user: User | None = None,
        *,
        service: str | Service = "crm",
        org: str | None = None,
    ) -> requests.Session:
        """Return a session of the requests library for a service; as `client`.

        Paths such as ``/tickets`` are below the service's base URL.
        """
        auth = self.requests_auth(user, service=service, org=org)
        return session_below(self.base_url(user, service=service, org=org), auth)

    def base_url(
        self,
        user: User | None = None,
        *,
        service: str | Service = "crm",
        org: str | None = None,
    ) -> str:
        """Return the URL that requests to a service begin with, in the user's data center.

        Raises:
            ConfigError: There is no such service, or not in that data center, or it takes no org.
            EvergrantError: As `find`.
        """
        return self._manager.base_url(self.find(user), self._target(service, org))

    def token_for_url(self, user: User, url: str, service: str | Service = "crm") -> Token:
        """Return the token of this user if a request to this URL may carry it.

        Raises:
            UntrustedServer: The URL is not the service's, or leaves the token's data center.
        """
        return self._manager.check_destination(self.token(user), url, find_service(service))

    def replace_unclear(self, user: User, refused: Token) -> Token | None:
        """Return a token other than one that a service refused without saying why.

        Returns:
            The token, or None if the refused one came from such a refresh: another is no help.
        """
        return self._manager.replace_unclear(user, refused)

    def replace_rejected(self, user: User, rejected: Token) -> Token:
        """Return a token of this user other than the one that the API rejected."""
        return self._manager.replace_rejected(user, rejected)

    def named_user(self, user: User | None = None) -> User:
        """Return the user that a call names, or else the default one.

        Raises:
            TokenNotFound: None is named, and the store has no token, or several.
        """
        if user is not None:
            return user
        if self._default_user is None:
            tokens = list(islice(self.store.iter_tokens(), 2))
            if len(tokens) != 1:
                raise TokenNotFound(
                    "no user is named, and the store holds "
                    + ("several tokens" if tokens else "no token"),
                    hint="Name the user, or give default_user to the Keeper."
                    if tokens
                    else "Log a user in, or set ZOHO_REFRESH_TOKEN.",
                )
            self._default_user = Token(id=tokens[0].id, user_name=tokens[0].user_name)
        return self._default_user

    def _target(self, service: str | Service, org: str | None) -> Target:
        """Return what a call is for; an org that it does not name is the default one."""
        found = find_service(service)
        takes_org = found.org.travels in ("header", "query", "path")
        return Target(found, org or (self.default_org if takes_org else None))

    def close(self) -> None:
        """Stop what runs in the background, once what was begun is saved.

        The store and the accounts servers stay open: close them where you opened them. Those that
        `from_env` opened are closed.
        """
        self.async_tokens.close()
        self._scheduler.close()
        self._manager.close()
        self._owned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
