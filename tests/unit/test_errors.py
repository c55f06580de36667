"""The errors: one tree, each with its advice, whole after pickling, and silent about secrets."""

from __future__ import annotations

import copy
import pickle
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evergrant import errors
from evergrant.errors import (
    AccountsUnavailable,
    AmbiguousUser,
    ConfigError,
    Conflict,
    EvergrantError,
    InvalidClient,
    LoginRequired,
    MissingExtra,
    OAuthError,
    PolicyRefused,
    StoreError,
    StoreUnavailable,
    Throttled,
    TokenNotFound,
    TokenNotSaved,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def classes(root: type[EvergrantError]) -> list[type[EvergrantError]]:
    """The class and all below it that this package defines."""
    below = [one for child in root.__subclasses__() for one in classes(child)]
    return [root, *(one for one in below if one.__module__ == errors.__name__)]


ALL = classes(EvergrantError)


def an_error(kind: type[EvergrantError]) -> EvergrantError:
    """One of this kind with every field filled."""
    about: dict[str, Any] = {
        "token_id": "17",
        "user": "alice@example.com:60001",
        "hint": "Do this.",
        "code": "x",
    }
    own: dict[type[EvergrantError], dict[str, Any]] = {
        Throttled: {**about, "retry_at": NOON},
        AccountsUnavailable: {**about, "sent": False},
        AmbiguousUser: {"candidates": ["alice:1", "alice:2"], "user": "alice"},
        MissingExtra: {"extra": "redis"},
        PolicyRefused: {**about, "rule": "max_age"},
    }
    if kind is TokenNotSaved:
        fields = {**about, "lifeboat": Path("lifeboat.json"), "retryable": True}
    else:
        fields = own.get(kind, about)
    if not issubclass(kind, OAuthError):
        fields.pop("code", None)
    return kind("It broke", **fields)


def drawn_tree() -> dict[str, str]:
    """Child to parent, as the module's docstring draws it."""
    parents: dict[str, str] = {}
    path = ["EvergrantError"]
    for line in (errors.__doc__ or "").splitlines():
        if branch := re.match(r" {4}((?:│   |    )*)[├└]── (\w+)", line):
            depth = 1 + len(branch[1]) // 4
            path[depth:] = [branch[2]]
            parents[branch[2]] = path[depth - 1]
    return parents


def test_the_tree_in_the_docstring_is_the_real_one() -> None:
    real = {kind.__name__: kind.__bases__[0].__name__ for kind in ALL[1:]}
    assert drawn_tree() == real
    assert len(real) > 15


def test_every_error_is_exported() -> None:
    assert sorted(kind.__name__ for kind in ALL) == errors.__all__


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_crosses_a_process_boundary_whole(
    kind: type[EvergrantError], protocol: int
) -> None:
    error = an_error(kind)
    error.add_note("seen by the worker")
    back = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 - our own bytes
    assert type(back) is kind
    assert str(back) == str(error)
    assert back.args == error.args
    assert vars(back) == vars(error)


@pytest.mark.parametrize("kind", ALL)
def test_a_copy_is_another_error_that_says_the_same(kind: type[EvergrantError]) -> None:
    error = an_error(kind)
    twin = copy.copy(error)
    twin.token_id = "99"
    assert error.token_id != "99"
    assert twin.message == error.message


def test_an_error_of_a_users_own_subclass_pickles_too() -> None:
    error = OwnError("Down", shelf=3)
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (back.shelf, str(back)) == (3, str(error))


class OwnError(StoreUnavailable):
    def __init__(self, message: str, *, shelf: int) -> None:
        super().__init__(message)
        self.shelf = shelf


def test_the_text_says_what_to_whom_and_what_next() -> None:
    error = LoginRequired("The grant was revoked", token_id="17", user="alice@example.com")
    assert str(error) == (
        "The grant was revoked (token 17, user alice@example.com). Log the user in again."
    )
    assert str(EvergrantError("It broke")) == "It broke"
    assert str(StoreError("It broke", user="bob", hint="Tea.")) == "It broke (user bob). Tea."
    assert str(LoginRequired("Revoked", hint="")) == "Revoked"


@pytest.mark.parametrize(
    ("kind", "helps"),
    [
        (Conflict, True),
        (StoreUnavailable, True),
        (Throttled, True),
        (AccountsUnavailable, True),
        (TokenNotFound, False),
        (LoginRequired, False),
        (InvalidClient, False),
        (ConfigError, False),
    ],
)
def test_an_error_knows_whether_trying_again_can_help(
    kind: type[EvergrantError],
    helps: bool,  # noqa: FBT001 - the expected answer
) -> None:
    assert an_error(kind).retryable is helps


def test_the_class_default_gives_way_to_what_is_known() -> None:
    assert Conflict("It is another's", retryable=False).retryable is False
    assert StoreError("Locked", retryable=True).retryable is True


def test_a_missing_extra_names_the_exact_command() -> None:
    assert str(MissingExtra("redis:", extra="redis")) == (
        "redis: needs an optional dependency. Run: pip install 'evergrant[redis]'"
    )


def test_an_ambiguous_user_lists_the_candidates() -> None:
    error = AmbiguousUser("two fit", candidates=["alice:1", "alice:2"], user="alice")
    assert error.candidates == ("alice:1", "alice:2")
    assert "alice:1, alice:2" in str(error)


@pytest.mark.parametrize("kind", ALL[1:])
def test_every_leaf_gives_advice(kind: type[EvergrantError]) -> None:
    if kind.__subclasses__() or kind in (StoreUnavailable, ConfigError):
        return
    error = kind("It broke", **REQUIRED.get(kind, {}))
    assert error.hint.endswith((".", "'evergrant[redis]'"))


REQUIRED: dict[type[EvergrantError], dict[str, Any]] = {
    Throttled: {"retry_at": NOON},
    AmbiguousUser: {"candidates": ["alice:1"]},
    MissingExtra: {"extra": "redis"},
    PolicyRefused: {"rule": "max_age"},
}


def test_a_user_name_cannot_forge_a_line_of_the_log() -> None:
    error = StoreError("It broke", user="eve\n2026-03-01 INFO all is well", token_id="1\r\n2")
    assert len(str(error).splitlines()) == 1
