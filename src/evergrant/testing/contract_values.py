"""Values: difficult texts in every field, and secrets that are never shown."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from evergrant.errors import Conflict, EvergrantError, StoreError
from evergrant.stores.base import TokenStore
from evergrant.testing.sample_tokens import (
    ALICE,
    HARD_TEXTS,
    SECRETS,
    TEXT_FIELDS,
    TWINS,
    UNKEEPABLE,
    grant,
    of_client,
    refreshed,
    stored_contents,
)
from evergrant.token import SECRET_FIELDS, Token

__all__ = ["ValueContract"]


class ValueContract:
    """Values: kept exactly, compared exactly, never executed, never shown."""

    def test_any_text_is_kept_exactly_in_every_field(self, store: TokenStore) -> None:
        """Quotes, SQL, wildcards, separators, line breaks, emoji, 255 characters."""
        saved = {}
        for text in HARD_TEXTS:
            fields: dict[str, Any] = dict.fromkeys(TEXT_FIELDS, text)
            token = store.save_token(Token(**fields, scopes=("x",)))
            assert all(str.__str__(getattr(token, name)) == text for name in TEXT_FIELDS), text
            saved[token.id] = token
        assert len(saved) == len(HARD_TEXTS)
        assert stored_contents(store) == saved

    def test_any_text_finds_its_own_token_by_every_criterion(self, store: TokenStore) -> None:
        """No other row, and not all rows."""
        store.save_token(ALICE)
        for text in HARD_TEXTS:
            assert store.find_token(Token(user_name=text)) is None, text
            assert store.find_token(Token(access_token=text)) is None, text
            assert store.find_users(text) == [], text
            short = text[:240]  # with what is put before it, no longer than 255 either
            named = store.save_token(Token(user_name=text, access_token=f"access {short}"))
            assert store.find_token(Token(user_name=text)) == named
            assert store.find_users(text) == [named]
            in_org = store.save_token(
                Token(user_name=f"org/{short}:1", access_token=f"org {short}")
            )
            assert store.find_users(f"org/{short}") == [in_org]
            unnamed = store.save_token(
                of_client(access_token=text, refresh_token=text, grant_token=f"grant {short}")
            )
            assert store.find_token(Token(access_token=text)) == unnamed
            assert store.find_token(of_client(refresh_token=text)) == unnamed
            assert store.find_token(of_client(grant_token=f"grant {short}")) == unnamed

    def test_look_alikes_are_different_people(self, store: TokenStore) -> None:
        """Case (except of addresses), spaces, accents, wildcards and leading zeros matter."""
        saved = {name: store.save_token(Token(user_name=name, access_token=name)) for name in TWINS}
        assert len(stored_contents(store)) == len(TWINS)
        for name, token in saved.items():
            assert store.find_token(Token(user_name=name)) == token, name
            assert store.find_token(Token(access_token=name)) == token, name
            assert store.find_users(name) == [token], name
            assert token.version == 1

    def test_look_alikes_are_different_clients_orgs_and_grants(self, store: TokenStore) -> None:
        """The same person has one row per client."""
        for name in TWINS:
            store.save_token(Token(user_name="u", client_id=name, refresh_token=name, org_id="1"))
            store.save_token(Token(user_name="v", client_id="c", refresh_token=name, org_id=name))
        assert len(stored_contents(store)) == 2 * len(TWINS)
        for name in TWINS:
            client = Token(client_id=name, client_secret="s", refresh_token=name)
            found = store.find_token(client)
            assert found is not None
            assert (found.user_name, found.client_id) == ("u", name)
            org = store.find_token(Token(user_name="v", org_id=name))
            assert org is not None
            assert org.org_id == name

    def test_text_that_cannot_be_kept_is_refused_not_altered(self, store: TokenStore) -> None:
        """Texts of 2,000 characters, NUL, broken Unicode: exactly as given, or `StoreError`."""
        kept = {}
        for text in UNKEEPABLE:
            for name in TEXT_FIELDS:
                given: dict[str, Any] = {name: text}
                token = Token(user_name=f"{name} {text!a}"[:50], access_token="a")
                try:
                    token = store.save_token(replace(token, **given))
                except StoreError:
                    continue
                assert str.__str__(getattr(token, name)) == text
                kept[token.id] = token
            with suppress(StoreError):
                assert store.find_token_by_id(text) is None
        assert stored_contents(store) == kept

    def test_an_access_token_of_a_thousand_characters_is_no_other(self, store: TokenStore) -> None:
        """Also not a text that only begins like it."""
        for ending in ("a", "b"):
            with suppress(StoreError):
                store.save_token(Token(access_token="x" * 1_000 + ending))
        assert store.find_token(Token(access_token="x" * 1_000)) is None
        assert store.find_token(Token(access_token="x" * 255)) is None
        for ending in ("a", "b"):
            found = store.find_token(Token(access_token="x" * 1_000 + ending))
            assert found is None or found.access_token == "x" * 1_000 + ending

    def test_no_secret_shows(self, store: TokenStore) -> None:
        """In no repr, including the store's own."""
        saved = store.save_token(ALICE)
        found = (store.find_token(ALICE), store.find_token_by_id(str(saved.id)))
        shown = [saved, found, store.get_tokens(), store.find_users("alice@example.com"), store]
        for thing in (*shown, store.url, store.lease(str(saved.id), 1)):
            assert SECRETS not in f"{thing!r} {thing}"

    def test_no_error_shows_a_secret(self, store: TokenStore) -> None:
        """Not in its text, not in a traceback, not even one that prints local variables."""
        alice = store.save_token(ALICE)
        errors: list[EvergrantError] = []
        for token, version in (
            (replace(refreshed(ALICE), id=alice.id), 7),
            (grant("bob", id=alice.id), None),
            (grant("carol", "1000.APP"), 3),
            (refreshed(grant("dave", refresh_token="planted-\ud800")), None),
        ):
            try:
                store.save_token(token, expected_version=version)
            except EvergrantError as error:
                errors.append(error)
        assert sum(isinstance(error, Conflict) for error in errors) == 3
        for raised in errors:
            story = traceback.TracebackException.from_exception(raised, capture_locals=True)
            assert SECRETS not in f"{raised!r} {raised} {raised.hint} {''.join(story.format())}"

    def test_a_save_that_fails_shows_no_secret(self, store: TokenStore) -> None:
        """If a value cannot be kept: not in the error, its notes, or its causes."""
        saved = store.save_token(ALICE)
        for raised in _failures(store, _unkeepable(saved)):
            story = traceback.TracebackException.from_exception(raised, capture_locals=True)
            told = "".join([*story.format(), *(f"{e!r} {vars(e)!r}" for e in _led_to(raised))])
            assert SECRETS not in told

    def test_no_log_line_shows_a_secret(self, store: TokenStore) -> None:
        """Not even at the most verbose level."""
        lines: list[str] = []
        handler = logging.Handler(level=1)
        handler.setFormatter(logging.Formatter("%(message)s %(args)r"))
        handler.emit = lambda record: lines.append(handler.format(record))  # type: ignore[method-assign]
        root = logging.getLogger()
        before = root.level
        root.addHandler(handler)
        root.setLevel(1)
        try:
            saved = store.save_token(ALICE)
            store.save_token(refreshed(saved))
            store.find_token(ALICE)
            store.get_tokens()
            store.delete_token(str(saved.id))
            with pytest.raises(EvergrantError):
                store.delete_token(str(saved.id))
        finally:
            root.setLevel(before)
            root.removeHandler(handler)
        assert SECRETS not in "\n".join(lines)


def _unkeepable(saved: Token) -> Iterator[Token]:
    """Yield tokens for rows new and old, each with a secret that not every storage can keep."""
    for number, text in enumerate(UNKEEPABLE):
        for name in SECRET_FIELDS:
            secret: dict[str, Any] = {name: f"{SECRETS}{name} {text}"}
            yield replace(grant(f"{name}-{number}"), **secret)
            yield replace(saved, **secret)


def _failures(store: TokenStore, tokens: Iterator[Token]) -> Iterator[Exception]:
    """Save tokens, and yield the errors."""
    for token in tokens:
        try:
            store.save_token(token)
        except Exception as error:  # noqa: BLE001 - of whatever kind
            yield error


def _led_to(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, and the errors that are shown with it."""
    while error:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
