"""The contract suite can fail: faulty stores, one fault each, and the checks that catch them."""

from __future__ import annotations

from importlib import import_module

import pytest

from dict_store import CHECKS, DictStore, failures

for room in ("find", "save", "fresh", "rows", "values", "sharing", "lease"):
    import_module(f"faulty_{room}")


def below(kind: type[DictStore]) -> list[type[DictStore]]:
    return [one for child in kind.__subclasses__() for one in (child, *below(child))]


FAULTY = [kind for kind in below(DictStore) if kind.caught_by]


def test_a_correct_store_passes() -> None:
    assert failures(DictStore) == {}


@pytest.mark.parametrize("faulty", FAULTY, ids=lambda kind: kind.__name__)
def test_a_fault_is_caught(faulty: type[DictStore]) -> None:
    missed = set(faulty.caught_by) - set(failures(faulty, faulty.caught_by))
    assert not missed


def test_every_check_catches_a_fault() -> None:
    assert set(CHECKS) == {check for faulty in FAULTY for check in faulty.caught_by}
