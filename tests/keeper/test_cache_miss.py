"""A cache miss looks at the lifeboat's folder once, and computes the token's validity once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evergrant import Keeper
from evergrant._core.validity import Validity
from evergrant._lifeboat.outbox import Lifeboat
from evergrant.token import Token

LogIn = Callable[[str], Token]

ALICE = "alice@example.com"


def test_a_miss_looks_at_the_folder_once_and_computes_one_validity(
    keeper: Keeper, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(ALICE)
    calls: list[str] = []
    look, compute = Lifeboat._changed, Validity.of

    def counted_look(lifeboat: Lifeboat) -> int | None:
        calls.append("look")
        return look(lifeboat)

    def counted_compute(_: type[Validity], token: object) -> Validity:
        calls.append("compute")
        return compute(token)  # type: ignore[arg-type]

    monkeypatch.setattr(Lifeboat, "_changed", counted_look)
    monkeypatch.setattr(Validity, "of", classmethod(counted_compute))
    keeper._manager.clear_cache()
    first = keeper.token(ALICE)
    assert sorted(calls) == ["compute", "look"]
    assert keeper.token(ALICE) is first
    assert sorted(calls) == ["compute", "look"], "a hit does neither"
