from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import requires
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tools.venvs import SDKS

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FILES = ["constraints.txt", "constraints-sdk.txt"]
LOWEST = "constraints-lowest.txt"


def pinned(file: str) -> list[str]:
    return [line.partition("==")[0] for line in (ROOT / file).read_text().splitlines()]


def closure(wanted: Iterable[str]) -> set[str]:
    """Everything that installing ``wanted`` brings, by what the installed packages say."""
    found: set[str] = set()
    queue = [Requirement(text) for text in wanted]
    while queue:
        requirement = queue.pop()
        if requirement.name in found:
            continue
        found.add(requirement.name)
        inner = [Requirement(text) for text in requires(requirement.name) or []]
        extras = requirement.extras | {""}
        queue += [
            need
            for need in inner
            if need.marker is None or any(need.marker.evaluate({"extra": e}) for e in extras)
        ]
    return {canonicalize_name(name) for name in found}


@pytest.mark.parametrize("file", [*FILES, LOWEST])
def test_a_pin_is_a_version_and_nothing_else(file: str) -> None:
    odd = [
        line
        for line in (ROOT / file).read_text().splitlines()
        if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", line)
    ]
    assert not odd


@pytest.mark.parametrize("file", [*FILES, LOWEST])
def test_pins_are_sorted_and_each_stands_once(file: str) -> None:
    names = [name.lower() for name in pinned(file)]
    assert names == sorted(set(names))


def test_what_both_environments_hold_is_pinned_in_one_place() -> None:
    first, more = ({canonicalize_name(name) for name in pinned(file)} for file in FILES)
    assert first & more == set()


def test_whatever_the_tests_install_is_pinned() -> None:
    wanted = [
        *PYPROJECT["build-system"]["requires"],
        *PYPROJECT["project"]["dependencies"],
        *PYPROJECT["project"]["optional-dependencies"]["cli"],
        *PYPROJECT["dependency-groups"]["test"],
    ]
    assert closure(wanted) - {canonicalize_name(name) for name in pinned(FILES[0])} == set()


def test_the_official_sdks_are_pinned() -> None:
    installed = {package for recipe in SDKS.values() for package in recipe.packages}
    (ours,) = PYPROJECT["project"]["optional-dependencies"]["sdk"]
    assert Requirement(ours).name in installed
    assert installed <= set(pinned(FILES[1]))


def test_the_lowest_versions_allowed_are_those_that_are_tried() -> None:
    project = PYPROJECT["project"]
    extras = [extra for name, extra in project["optional-dependencies"].items() if name != "sdk"]
    wanted = map(Requirement, chain(project["dependencies"], *extras))
    lines = (ROOT / LOWEST).read_text().splitlines()
    pins = {
        canonicalize_name(name): Version(pin) for name, _, pin in (x.partition("==") for x in lines)
    }
    for need in wanted:
        if need.name != project["name"]:
            (bound,) = need.specifier
            assert (need.name, bound.operator) == (need.name, ">=")
            assert pins[canonicalize_name(need.name)] == Version(bound.version), need.name
