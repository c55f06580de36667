"""Planted secrets, and a search for their traces in everything that people can see.

``planted`` is a local Zoho whose every code, token and client secret says what it is, and
``traces`` finds them in text, also in part, encoded, or as bytes: `traces(output) == []`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path

import pytest

from evergrant import Accounts, Keeper, TokenStore, open_store
from evergrant.sandbox import Client, Sandbox
from tests.support.security.tracked_tokens import CODE, MARK, Leaks
from tests.support.security.trackers import Sentry, by_python, by_rich, by_structlog, by_walking

URI = "https://app.example.com/callback"


def _encodings(word: str) -> Iterator[str]:
    yield re.escape(word)
    yield word.encode().hex()
    for before in range(3):
        # What of it does not depend on its neighbours, at each of base64's three alignments.
        encoded = b64encode(b"\0" * before + word.encode()).decode().rstrip("=")
        yield re.escape(encoded[(before * 8 + 5) // 6 : -1])


_TRACE = re.compile("|".join(_encodings(MARK)), re.IGNORECASE)


@pytest.fixture
def traces() -> Callable[[str | bytes], list[str]]:
    """Return what is left of planted secrets in a text, each with what stands around it."""

    def find(text: str | bytes) -> list[str]:
        plain = text.decode("latin-1") if isinstance(text, bytes) else text
        return [plain[max(0, at.start() - 60) : at.end() + 20] for at in _TRACE.finditer(plain)]

    return find


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Run a local Zoho whose codes and tokens are all marked."""
    numbers = count()

    def new_token() -> str:
        return f"1000.{MARK * 5}{next(numbers):02x}.{MARK * 5}00"

    monkeypatch.setattr("evergrant.sandbox.accounts.consent.new_token", new_token)
    monkeypatch.setattr("evergrant.sandbox.accounts.grants.new_token", new_token)
    monkeypatch.setattr("evergrant.sandbox.accounts.self_client.new_token", new_token)
    with Sandbox() as zoho:
        yield zoho


@pytest.fixture
def app(planted: Sandbox) -> Client:
    """Register an app whose secrets are marked."""
    secret = f"{MARK}secret" * 3
    return planted.add_client(
        redirect_uris=[URI], client_secret=secret, secrets={"eu": f"{secret}eu"}
    )


@pytest.fixture
def registered(planted: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Register a web app whose tokens and secret are marked; its codes are marked as codes."""
    numbers = count()
    monkeypatch.setattr(
        "evergrant.sandbox.accounts.consent.new_token",
        lambda: f"1000.{CODE * 5}.{next(numbers):02x}",
    )
    return planted.add_client(redirect_uris=["http://localhost/zoho/callback"])


@pytest.fixture
def marked_store(planted: Sandbox, tmp_path: Path) -> Iterator[TokenStore]:
    with open_store(f"sqlite:///{tmp_path}/t.db", keys=None, clock=planted.clock) as store:
        yield store


@pytest.fixture
def marked_keeper(
    registered: Client, planted: Sandbox, marked_store: TokenStore, tmp_path: Path
) -> Iterator[Keeper]:
    with (
        Accounts(
            registered.client_id,
            registered.client_secret,
            redirect_url=registered.redirect_uris[0],
            data_centers=planted.data_centers,
            clock=planted.clock,
            sleep=lambda _: None,
        ) as accounts,
        Keeper(marked_store, accounts, lifeboat=tmp_path) as keeper,
    ):
        yield keeper


@pytest.fixture(scope="session")
def sentries() -> Iterator[list[Sentry]]:
    made = [Sentry(), Sentry(max_value_length=1_000_000)]
    yield made
    for one in made:
        one.client.close()


@pytest.fixture
def leaks(sentries: list[Sentry]) -> Leaks:
    """Return what trackers and consoles show of an error's secrets; ``quickly``: the quick ones."""

    def leaks(error: BaseException, *, quickly: bool = False) -> list[str]:
        texts = [*by_python(error), *by_walking(error)]
        if not quickly:
            texts += [*by_rich(error), *by_structlog(error)]
        for one in sentries:
            texts += one.told_of(error)
        assert texts
        return [text[max(0, at.start() - 90) :][:130] for text in texts for at in _traces(text)]

    return leaks


def _traces(text: str) -> list[re.Match[str]]:
    return list(islice(_TRACE.finditer(text), 1))
