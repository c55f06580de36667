"""When a token is handed out, refreshed in the background, or not handed out any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from evergrant._core.validity import MAX_MIN_TTL, Validity, is_stale, is_usable, validate_min_ttl
from evergrant.token import Freshness, Token

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def token(left: timedelta | None, id_: str = "1", *, refreshable: bool = True) -> Token:
    expires_at = None if left is None else NOW + left
    return Token(
        id=id_, access_token="a", refresh_token="r" if refreshable else None, expires_at=expires_at
    )


@pytest.mark.parametrize(
    ("left", "usable", "stale"),
    [
        (60 * MINUTE, True, False),
        (5 * MINUTE + timedelta(seconds=1), True, False),
        (4 * MINUTE, True, True),
        (MINUTE + timedelta(seconds=1), True, True),
        (MINUTE, False, True),
        (-60 * MINUTE, False, True),
        (None, True, True),
    ],
)
def test_a_token_is_refreshed_in_its_last_minutes_and_handed_out_until_its_last(
    left: timedelta | None, *, usable: bool, stale: bool
) -> None:
    assert (is_usable(token(left), NOW), is_stale(token(left), NOW)) == (usable, stale)


def test_the_windows_are_those_of_freshness() -> None:
    for seconds in range(0, 3600, 7):
        one = token(timedelta(seconds=seconds))
        freshness = one.freshness(NOW)
        assert is_usable(one, NOW) == (freshness is not Freshness.EXPIRED)
        if is_stale(one, NOW):
            assert freshness is not Freshness.FRESH


def test_nothing_is_due_that_cannot_be_refreshed() -> None:
    for left in (4 * MINUTE, None):
        assert not is_stale(token(left, refreshable=False), NOW)
    assert not is_usable(Token(id="1", refresh_token="r"), NOW)


def test_tokens_that_expire_together_are_not_due_together() -> None:
    due = sorted(Validity.of(token(60 * MINUTE, str(id_))).refresh_at for id_ in range(10_000))
    assert timedelta(seconds=55) < due[-1] - due[0] <= MINUTE
    crowd = max(sum(at <= other < at + MINUTE / 10 for other in due) for at in due[::500])
    assert crowd < 1_200, "about a tenth of them in a tenth of the time"


def test_a_caller_may_want_more_life() -> None:
    one = token(10 * MINUTE)
    assert is_usable(one, NOW, 10 * MINUTE)
    assert not is_usable(one, NOW, 11 * MINUTE)
    assert not is_usable(token(MINUTE), NOW, timedelta(seconds=1)), "its last minute is nobody's"


@pytest.mark.parametrize("life", [timedelta(seconds=-1), MAX_MIN_TTL + timedelta(seconds=1)])
def test_a_life_that_no_token_has_is_refused(life: timedelta) -> None:
    with pytest.raises(ValueError, match="min_ttl must be between 0 and 0:50:00"):
        validate_min_ttl(life)


def test_a_token_saved_in_the_future_shows_that_the_clock_went_back() -> None:
    saved = Token(
        id="1", access_token="a", expires_at=NOW + 60 * MINUTE, updated_at=NOW + 11 * MINUTE
    )
    assert not is_usable(saved, NOW)
    assert is_usable(saved, NOW + MINUTE)
