"""What the locks that a fork takes guard: see `test_locks`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import WeakSet

import boto3.session
import pytest
from botocore.exceptions import NoRegionError

from evergrant import _fork
from evergrant._crypto.key_format import wrapped_key
from evergrant._network import http_client
from evergrant.errors import EvergrantError
from evergrant.stores.aws.client import AwsAddress, AwsClient
from tests.support.concurrency.acts import equal
from tests.support.concurrency.stepping import Scene, step_through


class Resting:
    """Something that must come to rest before a _fork."""

    rests = False

    def before_fork(self) -> None:
        self.rests = True

    def after_fork(self) -> None:
        self.rests = False


def fork(check: Callable[[], None]) -> None:
    """Do what is done before and after a fork, and see what a child would inherit between."""
    _fork._before()
    try:
        check()
    finally:
        _fork._after()


def test_what_is_made_during_a_fork_waits_for_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    # What earlier tests have left would take thousands of steps to come to rest.
    monkeypatch.setattr(_fork, "_watched", WeakSet())

    def scene() -> Scene:
        made = [Resting()]
        _fork.register(made[0])

        def check_rest() -> None:
            assert all(it.rests for it in made if it in _fork._watched)

        def make() -> None:
            made.append(Resting())
            _fork.register(made[-1])

        return Scene(
            lambda: fork(check_rest), make, lambda: equal((any(it.rests for it in made), False))
        )

    step_through(scene, _fork)


class Making:
    """Something that is made in two steps, between which nobody may _fork."""

    def __init__(self) -> None:
        self.is_half_made = False

    def make(self, *_: object, **__: object) -> None:
        self.is_half_made = True
        self.is_half_made = False

    def client(self, *_: object, **__: object) -> Any:
        self.make()
        raise NoRegionError

    def check_rest(self) -> None:
        assert not self.is_half_made


def test_nobody_forks_in_the_middle_of_what_must_not_be_disturbed() -> None:
    def scene() -> Scene:
        it = Making()

        def make() -> None:
            with _fork.without_forks():
                it.make()

        return Scene(make, lambda: fork(it.check_rest), lambda: None)

    step_through(scene, sys.modules[__name__], within=("make",))


def service() -> AwsClient:
    return AwsClient("dynamodb", AwsAddress("dynamodb://", "", "evergrant", None, None, None), 1.0)


@pytest.mark.parametrize(
    "make",
    [http_client.open_client, lambda: wrapped_key("alias/tokens", "eu-central-1"), service],
    ids=["http", "kms", "aws"],
)
def test_nobody_forks_while_a_client_is_made(
    monkeypatch: pytest.MonkeyPatch, make: Callable[[], object]
) -> None:
    def scene() -> Scene:
        it = Making()
        monkeypatch.setattr(http_client, "observe_deadlines", it.make)
        monkeypatch.setattr(boto3.session.Session, "client", it.client)

        def begin() -> None:
            with suppress(EvergrantError):
                make()

        return Scene(begin, lambda: fork(it.check_rest), lambda: None)

    step_through(scene, sys.modules[__name__], within=("make",))
