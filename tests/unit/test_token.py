"""The token: frozen, masked wherever people look, whole wherever programs look."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evergrant.token import EXPIRY_LEEWAY, REFRESH_AHEAD, SECRET_FIELDS, Freshness, Secret, Token

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLANTED = ("planted-secret", "planted-refresh", "planted-access", "planted-grant")
MICROSECOND = timedelta(microseconds=1)


def a_token(**changes: Any) -> Token:
    fields = dict(zip(SECRET_FIELDS, PLANTED, strict=True))
    return Token(**{"id": "1", "user_name": "alice@example.com:60001", **fields, **changes})


def names_no_secret(text: str) -> bool:
    return not any(secret in text for secret in PLANTED)


# --- a Secret ---------------------------------------------------------------------------------


SECRET = Secret("planted-access")


@pytest.mark.parametrize(
    "shown",
    [
        repr(SECRET),
        str(SECRET),
        f"{SECRET}",
        f"{SECRET!s} {SECRET!r} {SECRET!a}",
        f"{SECRET:>40}",
        "{} {!r} {:s}".format(SECRET, SECRET, SECRET),  # noqa: UP032 - the old spelling too
        "%s %r %a %10s" % (SECRET, SECRET, SECRET, SECRET),  # noqa: UP031 - the old spelling too
        str([SECRET]),
        str({"access_token": SECRET}),
        ascii(SECRET),
    ],
)
def test_a_secret_shows_itself_to_nobody(shown: str) -> None:
    assert names_no_secret(shown)
    assert "***" in shown


def test_a_secret_is_its_value_to_programs() -> None:
    plain = SECRET.reveal()
    assert plain == SECRET == "planted-access"
    assert type(plain) is str
    assert hash(SECRET) == hash("planted-access")
    assert SECRET.encode() == b"planted-access"
    assert json.loads(json.dumps(SECRET)) == "planted-access"


def test_a_secret_of_a_secret_is_not_its_mask() -> None:
    assert Secret(SECRET).reveal() == "planted-access"


@pytest.mark.parametrize(
    "twin",
    [
        copy.copy(SECRET),
        copy.deepcopy(SECRET),
        *(pickle.loads(pickle.dumps(SECRET, n)) for n in range(6)),  # noqa: S301 - our own bytes
    ],
)
def test_a_copied_secret_stays_secret(twin: Secret) -> None:
    assert type(twin) is Secret
    assert twin.reveal() == "planted-access"


# --- a Token ----------------------------------------------------------------------------------


def test_a_token_cannot_be_changed() -> None:
    token = a_token()
    with pytest.raises(dataclasses.FrozenInstanceError):
        token.access_token = "other"  # type: ignore[misc]
    assert not hasattr(token, "__dict__")


@pytest.mark.parametrize("name", SECRET_FIELDS)
def test_plain_text_in_a_secret_field_becomes_a_secret(name: str) -> None:
    assert type(getattr(a_token(), name)) is Secret


@pytest.mark.parametrize(
    "shown",
    [
        repr(a_token()),
        str(a_token()),
        f"{a_token()}",
        "%s %r" % (a_token(), a_token()),  # noqa: UP031 - the old spelling too
        str([a_token()]),
        str(dataclasses.asdict(a_token())),
        str(dataclasses.astuple(a_token())),
        repr(dataclasses.replace(a_token(), user_name="bob")),
        repr(copy.deepcopy(a_token())),
        repr(pickle.loads(pickle.dumps(a_token()))),  # noqa: S301 - our own bytes
    ],
)
def test_a_token_shows_no_secret(shown: str) -> None:
    assert names_no_secret(shown)


def test_a_token_shows_what_helps() -> None:
    shown = repr(a_token(expires_at=NOON))
    assert "alice@example.com:60001" in shown
    assert "id='1'" in shown
    assert "2026" in shown
    assert "api_domain" not in shown


def test_a_logged_token_shows_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    token = a_token()
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("app").info("%s %r %s", token, token, token.access_token)
        logging.getLogger("app").info("%(token)s", {"token": token})
    assert len(caplog.records) == 2
    assert names_no_secret(caplog.text)


def test_a_traceback_with_its_locals_shows_no_secret() -> None:
    def fails(token: Token, secret: str | None) -> None:
        raise ValueError(f"{token} {secret}")

    try:
        fails(a_token(), a_token().refresh_token)
    except ValueError as error:
        story = traceback.TracebackException.from_exception(error, capture_locals=True)
        text = "".join(story.format())
    assert "refresh_token=Secret" in text
    assert names_no_secret(text)


@pytest.mark.parametrize(
    "twin",
    [
        dataclasses.replace(a_token(), version=0),
        copy.copy(a_token()),
        copy.deepcopy(a_token()),
        pickle.loads(pickle.dumps(a_token())),  # noqa: S301 - our own bytes
    ],
)
def test_a_copied_token_is_equal_and_keeps_its_secrets(twin: Token) -> None:
    assert twin == a_token()
    assert hash(twin) == hash(a_token())
    for name, planted in zip(SECRET_FIELDS, PLANTED, strict=True):
        assert type(getattr(twin, name)) is Secret
        assert getattr(twin, name).reveal() == planted


def test_replace_masks_what_it_is_given() -> None:
    assert names_no_secret(repr(dataclasses.replace(Token(), grant_token="planted-grant")))


@pytest.mark.parametrize("name", ["expires_at", "created_at", "updated_at", "last_used_at"])
def test_a_naive_moment_is_refused(name: str) -> None:
    naive: dict[str, Any] = {name: NOON.replace(tzinfo=None)}
    with pytest.raises(ValueError, match="naive"):
        a_token(**naive)
    with pytest.raises(ValueError, match="naive"):
        dataclasses.replace(a_token(), **naive)


# --- Freshness --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (timedelta(hours=1), Freshness.FRESH),
        (REFRESH_AHEAD + MICROSECOND, Freshness.FRESH),
        (REFRESH_AHEAD, Freshness.STALE),
        (EXPIRY_LEEWAY + MICROSECOND, Freshness.STALE),
        (EXPIRY_LEEWAY, Freshness.EXPIRED),
        (timedelta(0), Freshness.EXPIRED),
        (timedelta(days=-400), Freshness.EXPIRED),
        (timedelta(days=2), Freshness.FRESH),
    ],
)
def test_freshness_changes_on_the_microsecond(left: timedelta, expected: Freshness) -> None:
    assert a_token(expires_at=NOON + left).freshness(NOON) is expected


def test_the_margins_are_a_minute_and_five() -> None:
    assert timedelta(minutes=1) == EXPIRY_LEEWAY
    assert timedelta(minutes=5) == REFRESH_AHEAD


@pytest.mark.parametrize("nothing", [None, ""])
def test_without_an_access_token_nothing_is_fresh(nothing: str | None) -> None:
    token = a_token(access_token=nothing, expires_at=NOON + timedelta(hours=1))
    assert token.freshness(NOON) is Freshness.EXPIRED


def test_an_expiry_that_nobody_noted_is_worth_asking_about() -> None:
    assert a_token(expires_at=None).freshness(NOON) is Freshness.STALE


def test_freshness_compares_moments_not_wall_clocks() -> None:
    tokyo = datetime.fromisoformat("2026-03-01T22:00:00+09:00")
    assert a_token(expires_at=tokyo).freshness(NOON) is Freshness.FRESH
