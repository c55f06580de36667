"""The contract suite can fail: faulty stores, one fault each, and the checks that catch them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TypeVar

import pytest

from evergrant.testing import contract_coordination
from evergrant.testing.check import BEYOND_SIX_METHODS
from evergrant.testing.lookup_checks import LookupCheckedStore
from tests.contract import seeded_bugs
from tests.contract.seeded_bugs import faulty_coordination
from tests.contract.seeded_bugs.dict_store import CHECKS, AnswersTooMuch, DictStore, failures
from tests.contract.seeded_bugs.faulty_files import FileDict
from tests.contract.seeded_bugs.faulty_six import FaultySix
from tests.support.stores.six_methods import Faithful

T = TypeVar("T")

ROOMS = "find save fresh rows values sharing lease coordination notes deletions official"
for room in ROOMS.split():
    import_module(f"{seeded_bugs.__name__}.faulty_{room}")

AIM = 60
"""Faults that the suite is at least proven with."""

OF_THE_OFFICIAL_STORES = {
    "ids counted as text": {"CountsIdsAsText", "RefusesTheEleventh"},
    "values run as SQL": {"ReadsInjectedSql", "CannotQuote", "RunsIdsAsSql", "RunsSql"},
    "the first row for no criterion": {
        "AnswersTheFirstRowToAnEmptyQuestion",
        "AnswersAnErrorToAnEmptyQuestion",
        "FindsTheFirst",
    },
    "two clients of one user mixed": {
        "MatchesByUserNameOnly",
        "FillsGapsFromOtherRows",
        "FillsTheTokenOfOneClientFromAnothers",
    },
    "another's row by id, and the row left": {"FindsAnothersRowById", "LeavesTheRowWhenItDeletes"},
    "deletions and openings that raise": {
        "CannotDeleteAll",
        "DeletesNumbersOnly",
        "CannotBeOpenedTwiceWhileItIsEmpty",
        "CannotSaveWhatHasOnlyAnId",
    },
    "an error for an unknown id": {"RaisesForAnUnknownId"},
    "a file damaged by a kill": {"WritesInPlace", "TakesADamagedFileForAnEmptyOne"},
    "processes that overwrite each other": {
        "LocksOnlyItsOwnThreads",
        "ReadsTheFileWhenItIsOpenedOnly",
    },
    "readers who find nothing": {"IsEmptyWhileItWrites", "AnswersNothingWhenItFails"},
    "files that everybody reads": {"LetsEverybodyRead"},
    "ids that are no numbers": {"TakesEveryIdForANumber"},
}
"""Of the thirteen kinds known, the one left out (a connection for each call) costs time, not
answers: the benchmarks show it."""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for what a faulty store never does."""
    monkeypatch.setattr(contract_coordination, "WATCH_TIMEOUT_S", 0.5)
    monkeypatch.setattr(contract_coordination, "WAKE_LIMIT_S", 0.4)
    monkeypatch.setattr(faulty_coordination, "FOR_EVER", 0.5)


def below(kind: type[T]) -> list[type[T]]:
    return [one for child in kind.__subclasses__() for one in (child, *below(child))]


FAULTY = [kind for kind in below(DictStore) if kind.caught_by]
FAULTY_SIX = below(FaultySix)


def asked(kind: type[Faithful]) -> LookupCheckedStore:
    """Return a store with six methods as `evergrant check-store` looks at it."""
    return LookupCheckedStore(kind())


@pytest.mark.parametrize(
    "correct", [DictStore, FileDict, AnswersTooMuch], ids=lambda kind: kind.__name__
)
def test_a_correct_store_passes(correct: type[DictStore]) -> None:
    assert failures(correct.make) == {}


def test_a_correct_store_with_six_methods_passes() -> None:
    checks = tuple(check for check in CHECKS if check not in BEYOND_SIX_METHODS)
    assert failures(lambda _: asked(Faithful), checks) == {}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("faulty", FAULTY, ids=lambda kind: kind.__name__)
def test_a_fault_is_caught(faulty: type[DictStore]) -> None:
    missed = set(faulty.caught_by) - set(failures(faulty.make, faulty.caught_by))
    assert not missed


@pytest.mark.parametrize("faulty", FAULTY_SIX, ids=lambda kind: kind.__name__)
def test_a_fault_in_six_methods_is_caught(faulty: type[FaultySix]) -> None:
    missed = set(faulty.caught_by) - set(failures(lambda _: asked(faulty), faulty.caught_by))
    assert not missed


def test_every_check_catches_a_fault() -> None:
    assert set(CHECKS) == {check for faulty in FAULTY for check in faulty.caught_by}


def test_there_are_enough_faults_and_each_says_what_catches_it() -> None:
    assert len({kind.__name__ for kind in FAULTY}) >= AIM
    assert all(kind.caught_by for kind in FAULTY_SIX)


def test_the_faults_of_the_official_stores_are_among_them() -> None:
    names = {kind.__name__ for kind in (*FAULTY, *FAULTY_SIX)}
    assert set().union(*OF_THE_OFFICIAL_STORES.values()) <= names


def test_no_fault_is_left_out_of_the_suite() -> None:
    rooms = {path.stem for path in Path(__file__).parent.glob("seeded_bugs/faulty_*.py")}
    assert rooms == {kind.__module__.rpartition(".")[2] for kind in (*FAULTY, *FAULTY_SIX)}
