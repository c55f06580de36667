"""Every error evergrant raises, drawn as one tree.

    EvergrantError
    ├── StoreError              the storage
    │   ├── Conflict            another writer changed the row first; read it again
    │   ├── TokenNotFound       no such token
    │   ├── AmbiguousUser       the name matches several tokens
    │   ├── CorruptRecord       one row cannot be read; the others can
    │   └── StoreUnavailable    gone, locked, full, read-only, not a store at all
    │       └── StoreMissing    opened read-only, but does not exist
    ├── OAuthError              Zoho, or the connection to it
    │   ├── CodeSpent           the one-time code is used up, expired or foreign
    │   ├── ConsentDenied       the user said no
    │   ├── LoginRequired       the grant was revoked or evicted
    │   │   └── PolicyRefused   the policy ended the token, or refused the login
    │   ├── NoRefreshToken      nothing to refresh with
    │   ├── InvalidClient       client id or secret refused
    │   ├── WrongDataCenter     the token belongs to another data center
    │   ├── MissingScope        the grant does not cover the call
    │   ├── Throttled           too many token requests; wait until ``retry_at``
    │   ├── UntrustedServer     a host that is not Zoho's, or a redirect that is not ours
    │   └── AccountsUnavailable no usable response from the accounts server
    ├── TokenNotSaved           granted, but not stored; the token is in the lifeboat
    ├── ConfigError             a setting is missing or wrong
    └── MissingExtra            an optional dependency is not installed

Each error says what happened, to which token (by id and user, never by a secret) and what to
do next. It knows whether a retry can help (``retryable``), and can be pickled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

__all__ = [
    "AccountsUnavailable",
    "AmbiguousUser",
    "CodeSpent",
    "ConfigError",
    "Conflict",
    "ConsentDenied",
    "CorruptRecord",
    "EvergrantError",
    "InvalidClient",
    "LoginRequired",
    "MissingExtra",
    "MissingScope",
    "NoRefreshToken",
    "OAuthError",
    "PolicyRefused",
    "StoreError",
    "StoreMissing",
    "StoreUnavailable",
    "Throttled",
    "TokenNotFound",
    "TokenNotSaved",
    "UntrustedServer",
    "WrongDataCenter",
]


class EvergrantError(Exception):
    """The root of the tree: catch it to catch everything evergrant raises.

    Args:
        message: What happened, in one sentence, without any secret.
        token_id: The id of the token it happened to.
        user: The name of the user it happened to.
        hint: What to do next. Default: a sentence of the class.
        retryable: Whether the same call may succeed later. Default: that of the class.
    """

    default_hint: ClassVar[str] = ""
    default_retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        token_id: str | None = None,
        user: str | None = None,
        hint: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        message = _escaped(message)  # parts of it may come from a server or a user
        super().__init__(message)
        self.message = message
        self.token_id = token_id
        self.user = user
        self.hint = self.default_hint if hint is None else _escaped(hint)
        self.retryable = self.default_retryable if retryable is None else retryable

    def __str__(self) -> str:
        about = [f"token {self.token_id}"] if self.token_id else []
        about += [f"user {self.user}"] if self.user else []
        where = f" ({', '.join(about)})" if about else ""
        then = f". {self.hint}" if self.hint else ""
        return f"{self.message}{_escaped(where)}{then}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.__dict__.copy())


def _escaped(text: str) -> str:
    # Imported at the first error: the sandbox, which only imports the classes, does not need it.
    from evergrant._text import escaped

    return escaped(text)


def _restore(cls: type[EvergrantError], fields: dict[str, Any]) -> EvergrantError:
    error = cls.__new__(cls, fields["message"])
    error.args = (fields["message"],)
    error.__dict__.update(fields)
    return error


class StoreError(EvergrantError):
    """The store could not do what was asked."""


class Conflict(StoreError):
    """The row was changed, deleted or taken by another writer in the meantime."""

    default_hint = "Read the token again, then decide again."
    default_retryable = True


class TokenNotFound(StoreError):
    """There is no such token in this store."""

    default_hint = "List the tokens (`evergrant list`), or log the user in."


class AmbiguousUser(StoreError):
    """The name matches several tokens; ``candidates`` lists their full names."""

    default_hint = (
        "Use a full name (email:org id). If two clients have that user, give your client_id."
    )

    def __init__(self, message: str, *, candidates: Sequence[str], user: str | None = None) -> None:
        super().__init__(f"{message}: {', '.join(candidates)}", user=user)
        self.candidates = tuple(candidates)


class CorruptRecord(StoreError):
    """One stored record cannot be read; every other one still works."""

    default_hint = (
        "The row was not changed: repair it by hand, or delete it and log the user in again."
    )


class StoreUnavailable(StoreError):
    """The storage is gone, locked, full, read-only, or is not a token store."""

    default_retryable = True


class StoreMissing(StoreUnavailable):
    """A store that does not exist was opened read-only; nothing was created."""

    default_hint = "Check the path, and name the table (?table=...) if it is not oauthtoken."
    default_retryable = False


class OAuthError(EvergrantError):
    """Zoho refused the request, or could not be reached.

    Args:
        code: Zoho's own code for the error (``invalid_code``), if there is one.
    """

    def __init__(self, message: str, *, code: str | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.code = code


class CodeSpent(OAuthError):
    """The one-time code was used before, is too old, or belongs to another data center."""

    default_hint = "Log in again for a new code. Codes last about two minutes and work once."


class ConsentDenied(OAuthError):
    """The user, or Zoho on their behalf, did not grant access."""

    default_hint = "Ask the user to log in again and accept."


class LoginRequired(OAuthError):
    """The refresh token no longer works: revoked, evicted, or its password was changed."""

    default_hint = "Log the user in again."


class PolicyRefused(LoginRequired):
    """The policy has ended the token, or did not allow the login to be stored.

    Attributes:
        rule: The name of the rule in `evergrant.Policy`.
    """

    def __init__(self, message: str, *, rule: str, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.rule = rule


class NoRefreshToken(OAuthError):
    """There is no refresh token for refreshing the access token."""

    default_hint = "Log in again with access_type=offline and prompt=consent."


class InvalidClient(OAuthError):
    """Zoho does not know the client id, or its secret is wrong."""

    default_hint = (
        "Check client id, client secret and data center in Zoho's API console; "
        "a client may have another secret in each data center."
    )


class WrongDataCenter(OAuthError):
    """The account belongs to another data center than the one that was asked."""

    default_hint = "Use the data center of the account, and enable multi-DC for the client."


class MissingScope(OAuthError):
    """The grant does not cover the request."""

    default_hint = "Log in again and ask for the scope."


class Throttled(OAuthError):
    """Zoho accepts no more token requests for now; try again at ``retry_at`` (aware)."""

    default_hint = "Wait. An access token that is still valid keeps working."
    default_retryable = True

    def __init__(self, message: str, *, retry_at: datetime, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.retry_at = retry_at


class UntrustedServer(OAuthError):
    """A host is not Zoho's, or a redirect does not belong to our login; nothing was sent."""

    default_hint = "Start the login again. If this happens again, an attacker may be interfering."


class AccountsUnavailable(OAuthError):
    """The accounts server gave no usable response.

    Args:
        sent: Whether the server may have seen the request.
        answered: Whether the server itself reported a failure, so that nothing was granted.
    """

    intercepted = False  # True if the network answered instead of the server, with a web page
    default_hint = "Try again in a moment."
    default_retryable = True

    def __init__(
        self, message: str, *, sent: bool = True, answered: bool = False, **fields: Any
    ) -> None:
        super().__init__(message, **fields)
        self.sent = sent
        self.answered = answered


class TokenNotSaved(EvergrantError):
    """Zoho granted a token that could not be stored; it waits in ``lifeboat``."""

    default_hint = "Repair the store; the token is saved at the next start."

    def __init__(self, message: str, *, lifeboat: Path | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.lifeboat = lifeboat


class ConfigError(EvergrantError):
    """A setting is missing, malformed or contradicts another."""


class MissingExtra(EvergrantError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, *, extra: str) -> None:
        super().__init__(
            f"{what} needs an optional dependency", hint=f"Run: pip install 'evergrant[{extra}]'"
        )
        self.extra = extra
