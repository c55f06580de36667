"""Makes the new, empty stores that ``evergrant check-store`` checks."""

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
    """The factory that ``module:factory`` names.

    Attributes:
        takes_folder: It takes a folder for its files, so the storage outlives the store object.

    Raises:
        ConfigError: The factory cannot be imported or called.
    """

    def __init__(self, spec: str) -> None:
        self.spec = spec
        module, colon, name = spec.partition(":")
        if not (module and colon and name):
            raise ConfigError(
                f"{spec!r} is not the name of a factory",
                hint="Write module:factory, such as mystore:make.",
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
        """Return a store, adapted if it has just the six methods.

        Raises:
            ConfigError: The factory raises, or does not return a store.
        """
        with _raising_config_error(f"{self.spec} makes no store"):
            store = self._make(folder) if self.takes_folder else self._make()
            adapted = adapt(store)
        return LookupCheckedStore(store) if type(adapted) is SixMethodStore else adapted

    @contextmanager
    def fresh(self, folder: Path) -> Iterator[TokenStore]:
        """Yield an empty store, and empty it afterwards.

        Raises:
            ConfigError: The store holds tokens. None of them was touched.
        """
        with self.open(folder) as store:
            self._require_empty(store)
            yield store
            with suppress(Exception):  # the next call reports what is left
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
    """Turn any exception of the user's code into a `ConfigError` that says where it happened."""
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
