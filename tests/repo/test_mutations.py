"""Small faults are made where they should be, and whoever notices them is named."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from tools import sampled_mutants
from tools.equivalents import EQUIVALENT
from tools.executed_lines import Executed
from tools.mutations import mutations
from tools.sampled_mutants import Mutant, Outcome, hunt_sample, sample, tell_sample
from tools.venvs import ROOT

PROGRAM = '''"""Not 1 of these is changed."""

LIMIT: "Literal[7]" = 3

def take(values: list[int], more=0):
    """Nor 2."""
    with self._lock.here():
        values.append(more)
    if more < LIMIT and values:
        return max(v for v in values if v is not None)
'''

CHANGED = {
    "number shifted": ["(3 + 1)", "(0 + 1)"],
    "lock dropped": ["__import__('contextlib').nullcontext()"],
    "call dropped": ["None"],
    "condition negated": ["(not (more < LIMIT and values))"],
    "comparison swapped": ["<=", "is"],
    "and and or exchanged": ["or"],
    "max and min exchanged": ["min"],
    "filter negated": ["(not (v is not None))"],
}


def test_each_kind_of_change_is_made_where_it_should_be() -> None:
    source = PROGRAM.encode()
    found: dict[str, list[str]] = {}
    for one in mutations(source):
        found.setdefault(one.operator, []).append(one.new)
        changed = one.apply(source)
        assert changed != source
        ast.parse(changed)
    assert {name: sorted(new) for name, new in found.items()} == {
        name: sorted(new) for name, new in CHANGED.items()
    }


@pytest.mark.parametrize(
    ("items", "changed"),
    [
        ("self._lock", "NONE"),
        ("self._known.lock", "NONE"),
        ("_lock.here()", "NONE"),
        ("self._settling.here()", "NONE"),
        ("self._writing", "NONE"),
        ("undisturbed()", "NONE"),
        ("self._lock(), suppress(FileNotFoundError)", "NONE, suppress(FileNotFoundError)"),
        ("explaining(self._path), self._lock.held()", "explaining(self._path), NONE"),
        ("suppress(BlockingIOError)", None),
        ("self._clock", None),
        ("self._blocked()", None),
        ("block(path)", None),
        ("ThreadPoolExecutor(self._threads_of)", None),
        ("open(path) as lock", None),
    ],
)
def test_only_locks_are_dropped(items: str, changed: str | None) -> None:
    source = f"with {items}:\n    pass\n".encode()
    dropped = [one for one in mutations(source) if one.operator == "lock dropped"]
    if changed is None:
        assert dropped == []
    else:
        (one,) = dropped
        right = changed.replace("NONE", "__import__('contextlib').nullcontext()")
        assert one.apply(source).decode() == f"with {right}:\n    pass\n"


def test_lines_are_those_of_the_change() -> None:
    by_operator = {one.operator: one.line for one in mutations(PROGRAM.encode())}
    assert by_operator["lock dropped"] == 7
    assert by_operator["and and or exchanged"] == 9


def test_a_seed_gives_the_same_mutants_and_all_of_the_core_can_be_met() -> None:
    first, again, other = (sample(seed, 50) for seed in (1, 1, 2))
    assert first == again != other
    every = sample(1, 100_000)
    assert len(every) > 1_000
    assert {"_core", "stores"} <= {Path(mutant.file).parts[0] for mutant in every}


def test_what_counts_as_equivalent_is_in_the_code_and_has_a_reason() -> None:
    there = {(one.file, one.text, one.mutation.operator) for one in sample(1, 100_000)}
    assert EQUIVALENT.keys() <= there
    assert all(len(reason) > 20 for reason in EQUIVALENT.values())


@pytest.mark.parametrize(("noticed", "enough"), [(19, True), (18, False)])
def test_survivors_are_told_and_too_many_fail(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    noticed: int,
    enough: bool,  # noqa: FBT001 - a parameter
) -> None:
    def pretend(_python: Path, chosen: list[Mutant], _root: Path = ROOT) -> list[Outcome]:
        return [Outcome(one, "a test" if n < noticed else None) for n, one in enumerate(chosen)]

    monkeypatch.setattr(sampled_mutants, "hunt_sample", pretend)
    monkeypatch.setattr(sampled_mutants, "EQUIVALENT", {})
    assert tell_sample(Path(sys.executable), 1, 20) is enough
    said = capsys.readouterr().out
    assert said.count("SURVIVED") == 20 - noticed
    assert f"seed 1: {noticed} of 20 small faults of the core are noticed" in said


def test_a_mutant_without_a_test_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Executed({}, {})
    monkeypatch.setattr(sampled_mutants, "first_run", lambda *_: nothing)
    (one,) = sample(1, 1)
    assert list(hunt_sample(Path(sys.executable), [one])) == [Outcome(one, None)]
