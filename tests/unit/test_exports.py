"""What each module offers is what its `__all__` says, and the package's front door is complete."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from inspect import getmodule
from pathlib import Path
from pkgutil import walk_packages

import pytest

import evergrant

ROOT = Path(evergrant.__file__).parent
NEED_AN_SDK = "evergrant.zohocrmsdk"
"""Its modules need Zoho's SDK, which is not here: tests/sdk/official/test_bridge_exports.py."""

NEED_A_PROJECT = tuple(
    f"evergrant.integrations.django.{name}" for name in ("admin", "conf", "models")
)
"""They need Django's settings: tests/web/test_django.py."""

MODULES = sorted(
    module.name
    for module in walk_packages([str(ROOT)], "evergrant.")
    if not module.name.endswith("__main__") and not module.name.startswith(NEED_AN_SDK)
    if module.name not in NEED_A_PROJECT
)


def source(name: str) -> str:
    path = ROOT.parent.joinpath(*name.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return file.read_text(encoding="utf-8")


def declared(name: str) -> list[str] | None:
    """The names in a module's ``__all__`` as they are written down; None without one."""
    for node in ast.parse(source(name)).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            return list(ast.literal_eval(node.value))  # type: ignore[attr-defined]
    return None


@pytest.mark.parametrize("name", ["evergrant", *MODULES])
def test_everything_a_module_offers_is_there_once(name: str) -> None:
    offered = declared(name) or []
    assert len(set(offered)) == len(offered)
    module = import_module(name)
    assert [one for one in offered if not hasattr(module, one)] == []
    assert [one for one in offered if one.startswith("_")] == []


@pytest.mark.parametrize("name", MODULES)
def test_a_module_that_defines_something_says_what_it_offers(name: str) -> None:
    module = import_module(name)
    defined = [
        one for one, value in vars(module).items() if not one.startswith("_")
        if getmodule(value) is module
    ]  # fmt: skip
    is_a_program = "\nif __name__ ==" in source(name)
    assert declared(name) is not None or is_a_program or not defined


def test_the_front_door_offers_exactly_what_it_says() -> None:
    public = {name for name in dir(evergrant) if name.isidentifier() and name[0] != "_"}
    modules = {name.split(".")[1] for name in (*MODULES, NEED_AN_SDK)}
    assert public - modules - {"annotations", "import_module", "TYPE_CHECKING"} == set(
        evergrant.__all__
    )
    for name in evergrant.__all__:
        assert getattr(evergrant, name) is not None


def test_a_name_that_the_front_door_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'token_stores'"):
        evergrant.token_stores  # noqa: B018 - the access is what is tested


@pytest.mark.parametrize("name", ["evergrant", "evergrant.stores", "evergrant.testing"])
def test_importing_it_loads_no_driver(name: str) -> None:
    heavy = (
        "{'httpx2', 'httpx', 'requests', 'sqlite3', 'cryptography', 'typer', 'rich', 'filelock'}"
    )
    program = f"import sys, {name}; print(*sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
