"""The pytest plugin that reports the results of the checks to ``evergrant check-store``."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

import pytest

from evergrant import testing
from evergrant._files.locations import scratch_folder
from evergrant.errors import ConfigError
from evergrant.stores.adapter.six_methods import SixMethodStore

pytest.register_assert_rewrite(
    *(
        f"{testing.__name__}.{module.name}"
        for module in iter_modules(testing.__path__)
        if module.name.startswith("contract_")
    )
)

if TYPE_CHECKING:
    from evergrant.testing.store_factory import StoreFactory

__all__ = ["Reporter", "pytest_addoption", "pytest_configure"]

MAX_REASON_LENGTH = 300


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options for the store to check and the report to write."""
    parser.addoption("--check-store", required=True)
    parser.addoption("--check-report", type=Path, required=True)


def pytest_configure(config: pytest.Config) -> None:
    """Register the reporter."""
    spec, report = config.getoption("--check-store"), config.getoption("--check-report")
    config.pluginmanager.register(Reporter(spec, report))


class Reporter:
    """Writes each result at once as a line of JSON, so that a crash loses nothing."""

    def __init__(self, spec: str, report: Path) -> None:
        self._spec = spec
        self._report = report
        self._made: StoreFactory | None = None
        self._reasons: dict[str, str] = {}

    def _write(self, **line: Any) -> None:
        with self._report.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def pytest_sessionstart(self) -> None:
        """Make one store, and stop if it is not empty."""
        # Imported before the user's folder is on the path: a file in it may shadow a module.
        from evergrant.testing.store_factory import StoreFactory

        try:
            self._made = StoreFactory(self._spec)
            with scratch_folder() as folder, self._made.fresh(Path(folder)) as store:
                six = isinstance(store, SixMethodStore)
                kind = type(store.wrapped if isinstance(store, SixMethodStore) else store)
                self._write(
                    store=kind.__qualname__, six_methods=six, handles=self._made.takes_folder
                )
        except ConfigError as error:
            self._write(refused=error.message, hint=error.hint)
            pytest.exit("refused", returncode=pytest.ExitCode.USAGE_ERROR)

    @pytest.fixture
    def factory(self) -> StoreFactory:
        """Return the factory of the stores."""
        assert self._made is not None
        return self._made

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Report which check starts, in case it never ends."""
        self._write(begun=_check_name(nodeid))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Any:
        """Keep the first reason why a check fails."""
        report: pytest.TestReport = yield
        if report.failed:
            self._reasons.setdefault(item.nodeid, _format_reason(report))
        return report

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Report how a check ended."""
        self._write(ended=_check_name(nodeid), reason=self._reasons.get(nodeid))


def _check_name(nodeid: str) -> str:
    return nodeid.rpartition("::")[2]


def _format_reason(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = inspect.cleandoc(crash.message if crash else str(report.longrepr))
    first = (text.splitlines() or ["it failed"])[0][:MAX_REASON_LENGTH]
    return re.sub(r"^(AssertionError: |(\w+\.)+(?=\w+: ))", "", first)
