"""What was found: a grant, where it is kept, and what is unknown about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from evergrant.token import Secret, Token

__all__ = ["ClientFound", "Found", "Report", "merge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFound:
    """A client app without a token, such as in a configuration file; the secret is masked.

    Attributes:
        source: Where it stands.
        data_center: The code of its data center, or None if unknown.
    """

    client_id: str
    client_secret: str | None = None
    source: str = ""
    data_center: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A grant that a program keeps somewhere.

    Attributes:
        token: All that the place says of it. Its expiry is sure; an access token of unknown age
            was left out.
        shape: What kind of place it is, in words.
        source: The file, below the folder that was searched, with the table or variable.
        data_center: The code of its data center, or None if unknown.
        service: The name of the Zoho service that the place names, or None.
        key: A name for the grant as long as Zoho was not asked whose it is.
        sources: All places that hold this grant; `source` is the first.
        names: What a program that reads it has in its text: names of variables and files.
    """

    token: Token
    shape: str
    source: str
    data_center: str | None = None
    service: str | None = None
    key: str = ""
    sources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """What is unknown: some of ``client``, ``data center`` and ``user``."""
        missing = {
            "client": not self.token.client_id,
            "data center": not self.data_center,
            "user": not self.token.user_name,
        }
        return tuple(name for name, is_missing in missing.items() if is_missing)

    def with_client(self, client: ClientFound) -> Found:
        """Return this with a client, and its data center where that was unknown."""
        token = replace(self.token, client_id=client.client_id, client_secret=client.client_secret)
        where = self.data_center or client.data_center
        return replace(self, token=token, data_center=where)


@dataclass(slots=True)
class Report:
    """All that was found in a folder or file.

    Attributes:
        grants: Each grant once, whatever number of files hold it.
        clients: Clients without a token.
        problems: What was not read, and why; a line each.
        warnings: Tokens in source code; a line each, without the token.
    """

    grants: list[Found]
    clients: list[ClientFound]
    problems: list[str]
    warnings: list[str]


def merge(found: Iterable[Found], clients: Sequence[ClientFound]) -> list[Found]:
    """Return each grant once, with the client that is kept near it where it names none.

    One refresh token in several files is one grant. What one of them does not say is taken from
    the others.
    """
    grants: dict[str, Found] = {}
    for one in found:
        token = one.token
        secret = token.refresh_token or token.access_token or token.grant_token or ""
        key = Secret(secret).reveal()
        grants[key] = _combine(grants[key], one) if key in grants else _single(one)
    return [_with_near_client(one, clients) for one in grants.values()]


def _single(one: Found) -> Found:
    return replace(one, sources=one.sources or (one.source,))


def _combine(first: Found, second: Found) -> Found:
    better, other = sorted((first, second), key=lambda one: len(one.needs))
    token = better.token
    if not token.client_id and other.token.client_id:
        token = replace(
            token, client_id=other.token.client_id, client_secret=other.token.client_secret
        )
    elif token.client_id == other.token.client_id and not token.client_secret:
        token = replace(token, client_secret=other.token.client_secret)
    token = replace(
        token,
        user_name=token.user_name or other.token.user_name,
        api_domain=token.api_domain or other.token.api_domain,
        scopes=token.scopes or other.token.scopes,
        org_id=token.org_id or other.token.org_id,
    )
    return replace(
        better,
        token=token,
        data_center=better.data_center or other.data_center,
        service=better.service or other.service,
        sources=tuple(dict.fromkeys((*first.sources, second.source))),
        names=tuple(dict.fromkeys((*first.names, *second.names))),
    )


def _with_near_client(one: Found, clients: Sequence[ClientFound]) -> Found:
    if one.token.client_id:
        return one
    folder = PurePath(one.source).parent
    for near in (folder, *folder.parents):
        here = {c.client_id: c for c in clients if PurePath(c.source).parent == near}
        if len(here) == 1:
            return one.with_client(*here.values())
        if here:  # which of them it is cannot be told
            return one
    return one
