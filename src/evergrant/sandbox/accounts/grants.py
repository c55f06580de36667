"""What has been granted: codes, refresh tokens and access tokens, by Zoho's limits."""

from __future__ import annotations

import secrets
from collections import defaultdict, deque
from collections.abc import Iterable
from datetime import datetime

from evergrant.sandbox.limits import Window
from evergrant.sandbox.models import AccessToken, Code, Grant, User
from evergrant.sandbox.settings import Settings

__all__ = ["Grants", "new_token"]


def new_token() -> str:
    """Return a value of the form that Zoho's codes and tokens have."""
    digits = secrets.token_hex(32)
    return f"1000.{digits[:32]}.{digits[32:]}"


class Grants:
    """The live codes and tokens of all data centers; what is dead is forgotten.

    Not safe to share between threads: the sandbox locks around it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._codes: dict[str, Code] = {}
        self._by_refresh_token: dict[str, Grant] = {}
        self._by_access_token: dict[str, AccessToken] = {}
        self._of_user: dict[tuple[str, str], list[Grant]] = defaultdict(list)
        self._consents: set[tuple[str, str]] = set()
        self._code_windows: dict[str, Window] = defaultdict(Window)
        self._refresh_windows: dict[tuple[str, str], Window] = defaultdict(Window)
        # In the order they were issued, which is that of their expiry.
        self._expiring_tokens: deque[AccessToken] = deque()
        self._expiring_codes: deque[Code] = deque()

    def with_grants(self, grants: Iterable[Grant], consents: Iterable[tuple[str, str]]) -> Grants:
        """Return the same with other grants, and their tokens."""
        new = Grants(self._settings)
        new._consents = set(consents)
        for grant in grants:
            new._of_user[grant.user.email, grant.client_id].append(grant)
            if grant.refresh_token:
                new._by_refresh_token[grant.refresh_token] = grant
            for token in grant.access_tokens:
                new._by_access_token[token.value] = token
        new._expiring_tokens.extend(
            sorted(new._by_access_token.values(), key=lambda token: token.expires_at)
        )
        return new

    def all(self) -> list[Grant]:
        """Return every grant."""
        return [grant for grants in self._of_user.values() for grant in grants]

    def consents(self) -> list[tuple[str, str]]:
        """Return who has consented to which client before: e-mail addresses and client ids."""
        return sorted(self._consents)

    def may_issue_code(self, client_id: str, now: datetime) -> bool:
        """Count a grant code for a client; False if it has had its share."""
        window = self._code_windows[client_id]
        return window.admit(now, self._settings.grants, self._settings.window)

    def consent(self, user: User, client_id: str, *, offline: bool, again: bool) -> bool:
        """Note a consent; say whether a refresh token comes of it.

        "Offline" alone is not enough: only the first consent, or one asked for again with
        ``prompt=consent``, yields one (https://www.zoho.com/books/api/v3/oauth/).
        """
        key = (user.email, client_id)
        first = key not in self._consents
        self._consents.add(key)
        return offline and (first or again)

    def add_code(self, code: Code, now: datetime) -> None:
        """Keep a new code until it is used or too old."""
        while self._expiring_codes and self._expiring_codes[0].expires_at <= now:
            self._codes.pop(self._expiring_codes.popleft().value, None)
        self._codes[code.value] = code
        self._expiring_codes.append(code)

    def code(self, value: str, now: datetime) -> Code | None:
        """Return a code that can still be exchanged."""
        code = self._codes.get(value)
        return code if code is not None and now < code.expires_at else None

    def redeem(self, code: Code, now: datetime) -> Grant | None:
        """Use a code up and open its grant; None, and nothing used, if throttled."""
        key = (code.user.email, code.client_id)
        if code.refresh and not self._refresh_windows[key].admit(
            now, self._settings.refresh_mints, self._settings.window
        ):
            return None
        del self._codes[code.value]
        refresh_token = new_token() if code.refresh else None
        grant = Grant(refresh_token, code.client_id, code.user, code.org, code.scopes)
        grants = self._of_user[key]
        self._let_go_of_the_dead(grants, now)
        grants.append(grant)
        if refresh_token:
            self._by_refresh_token[refresh_token] = grant
            lasting = [grant for grant in grants if grant.refresh_token]
            if len(lasting) > self._settings.refresh_tokens_per_user:
                self._end(lasting[0])
        return grant

    def by_refresh_token(self, value: str) -> Grant | None:
        """Return the grant whose refresh token this is."""
        return self._by_refresh_token.get(value)

    def access_token(self, value: str, now: datetime) -> AccessToken | None:
        """Return an access token that still works."""
        token = self._by_access_token.get(value)
        return token if token is not None and now < token.expires_at else None

    def mint(self, grant: Grant, now: datetime) -> AccessToken:
        """Add an access token to a grant; one too many drops the oldest."""
        while self._expiring_tokens and self._expiring_tokens[0].expires_at <= now:
            self.kill(self._expiring_tokens.popleft())
        token = AccessToken(new_token(), grant, now + self._settings.access_token_life)
        self._by_access_token[token.value] = token
        self._expiring_tokens.append(token)
        grant.access_tokens.append(token)
        if len(grant.access_tokens) > self._settings.active_access_tokens:
            self.kill(grant.access_tokens[0])
        return token

    def mint_with_refresh_token(self, grant: Grant, now: datetime) -> AccessToken | None:
        """Do the same if the refresh token has not had its share; else None."""
        if not grant.mints.admit(now, self._settings.mints, self._settings.window):
            return None
        return self.mint(grant, now)

    def kill(self, token: AccessToken) -> None:
        """Make an access token useless; does nothing to a dead one."""
        if self._by_access_token.pop(token.value, None) is not None:
            token.grant.access_tokens.remove(token)

    def revoke(self, grant: Grant) -> None:
        """End a grant; after a user's last one for a client, the next consent is a first one."""
        self._end(grant)
        key = (grant.user.email, grant.client_id)
        if not any(other.refresh_token for other in self._of_user[key]):
            self._consents.discard(key)

    def revoke_all(self, user: User, client_ids: Iterable[str]) -> int:
        """End all that a user granted these clients, codes too; say how many grants that were."""
        ended = 0
        for client_id in client_ids:
            key = (user.email, client_id)
            for grant in tuple(self._of_user.get(key, ())):
                self._end(grant)
                ended += 1
            self._consents.discard(key)
            for code in tuple(self._codes.values()):
                if (code.user, code.client_id) == (user, client_id):
                    del self._codes[code.value]
        return ended

    def of_user(self, user: User) -> list[Grant]:
        """Return all that a user has granted."""
        return [
            g for (email, _), grants in self._of_user.items() if email == user.email for g in grants
        ]

    def _end(self, grant: Grant) -> None:
        if grant.refresh_token:
            del self._by_refresh_token[grant.refresh_token]
        for token in tuple(grant.access_tokens):
            self.kill(token)
        self._of_user[grant.user.email, grant.client_id].remove(grant)

    def _let_go_of_the_dead(self, grants: list[Grant], now: datetime) -> None:
        grants[:] = [
            grant
            for grant in grants
            if grant.refresh_token or any(now < token.expires_at for token in grant.access_tokens)
        ]
