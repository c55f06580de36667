"""Makes the stores that ``evergrant check-store`` looks at: fresh, empty, and its own."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from evergrant.errors import ConfigError, EvergrantError
from evergrant.stores.adapter import adapt
from evergrant.stores.adapter.six_methods import SixMethodStore
from evergrant.stores.base import TokenStore
from evergrant.testing.lookup_checks import LookupCheckedStore

__all__ = ["StoreFactory"]


class StoreFactory:
    """What ``module:factory`` names, and how it is called.

    Attributes:
        takes_folder: It wants the folder to keep its files in; what it makes then outlives it.

    Raises:
        ConfigError: It cannot be imported, or cannot be called.
    """

    def __init__(self, spec: str) -> None:
        self.spec = spec
        module, colon, name = spec.partition(":")
        if not (module and colon and name):
            raise ConfigError(
                f"{spec!r} names no factory", hint="Write module:factory, such as mystore:make."
            )
        with _raising_config_error(f"the module {module} does not import"):
            sys.path.insert(0, str(Path.cwd()))
            found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part, None)
        if not callable(found):
            raise ConfigError(f"the module {module} has no factory {name}")
        self._make: Callable[..., Any] = found
        self.takes_folder = self._wants_folder()

    def _wants_folder(self) -> bool:
        try:
            parameters = inspect.signature(self._make).parameters.values()
        except ValueError:  # written in C
            return False
        wanted = [p for p in parameters if p.default is p.empty and p.kind not in _VARIADIC]
        if len(wanted) > 1 or any(p.kind is p.KEYWORD_ONLY for p in wanted):
            raise ConfigError(
                f"{self.spec} wants {len(wanted)} arguments",
                hint="A factory takes nothing, or the folder to keep its files in.",
            )
        return bool(wanted)

    def open(self, folder: Path) -> TokenStore:
        """Return a store, adapted where it has just the six methods.

        Raises:
            ConfigError: The factory raises, or makes no store.
        """
        with _raising_config_error(f"{self.spec} makes no store"):
            store = self._make(folder) if self.takes_folder else self._make()
            adapted = adapt(store)
        return LookupCheckedStore(store) if type(adapted) is SixMethodStore else adapted

    @contextmanager
    def fresh(self, folder: Path) -> Iterator[TokenStore]:
        """Make a store that is empty, and empty it again.

        Raises:
            ConfigError: It holds tokens. None of them was touched.
        """
        with self.open(folder) as store:
            self._require_empty(store)
            yield store
            with suppress(Exception):  # what it leaves is what the next one finds
                store.delete_tokens()

    def _require_empty(self, store: TokenStore) -> None:
        with _raising_config_error(f"the store that {self.spec} makes cannot be listed"):
            held = next(store.iter_tokens(on_corrupt=_raise), None)
        if held is not None:
            raise ConfigError(
                f"the store that {self.spec} makes is not empty; nothing in it was touched",
                hint="The checks delete what they find: let it make a new, empty one each time.",
            )


_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _raise(corrupt: EvergrantError) -> None:
    raise corrupt


@contextmanager
def _raising_config_error(what: str) -> Iterator[None]:
    """Turn an error of the user's code into one sentence that says where."""
    try:
        yield
    except EvergrantError as error:
        raise ConfigError(f"{what}: {error.message}", hint=error.hint) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - anything may come
        raise ConfigError(
            f"{what}: {type(error).__name__}: {error}{_format_location(error)}"
        ) from None


def _format_location(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if f.filename != __file__ and "importlib" not in f.filename]
    if not theirs:
        return ""
    return f" ({os.path.relpath(theirs[-1].filename)}, line {theirs[-1].lineno})"
