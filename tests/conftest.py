"""What every test needs: a home of its own, and no skip that goes unseen."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from evergrant.sandbox import Sandbox
from tests.support import example_counts
from tests.support.fixtures import boat, events, refreshes
from tests.support.servers.aws_servers import aws, dynamodb, dynamodb_url, emulator, secrets_url
from tests.support.servers.databases import (
    database,
    mariadb,
    mariadb_server,
    postgresql,
    postgresql_server,
)
from tests.support.servers.poolers import pgbouncer, pgbouncer_servers
from tests.support.servers.redis_servers import redis, redis_server, redis_url
from tests.support.soak import add_options, soak
from tests.support.web.chromium import chrome

__all__ = [
    "aws",
    "boat",
    "chrome",
    "database",
    "dynamodb",
    "dynamodb_url",
    "emulator",
    "events",
    "mariadb",
    "mariadb_server",
    "pgbouncer",
    "pgbouncer_servers",
    "postgresql",
    "postgresql_server",
    "redis",
    "redis_server",
    "redis_url",
    "refreshes",
    "secrets_url",
    "soak",
]

AUTHORITY = Path(__file__).parent / "support" / "authority.pem"
"""A certificate authority whose key is gone."""

KEPT = {"EVERGRANT_SDK_PYTHON", "EVERGRANT_SDK_PYTHONS"}
"""Which Pythons have Zoho's own SDK: handed over by ./dev test, not settings of evergrant."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let ./dev fuzz ask for more."""
    parser.addoption(
        "--sequences", type=int, default=400, help="random calls to compare stores with"
    )
    parser.addoption("--examples", type=int, help="examples that each random test tries")
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Set what all tests and the programs that they start need of a process.

    It hears Ctrl-C even in the background, where a shell starts programs deaf to it: what the
    tests start inherits that, and would not end when they send it the signal.

    It trusts one authority only: to read the machine's hundred or more takes 20 ms for each client
    and each connection to a database. No test leaves the machine.
    """
    os.environ["SSL_CERT_FILE"] = str(AUTHORITY)
    os.environ.pop("SSL_CERT_DIR", None)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
    example_counts.ask_for(config.getoption("--examples"))


LISTENER_LIMIT_S = 20.0
"""Seconds that a test waits for a listener on a busy machine, where a user waits half of one."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what only a soak runs out of every other run."""
    if config.getoption("--soak"):
        return
    left_out = [item for item in items if item.get_closest_marker("soak_only")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("soak_only")]


@pytest.fixture(autouse=True)
def _every_line_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test's lines be left out for those of another one, nor come after its end."""
    monkeypatch.setattr("evergrant._logging.rate_limited.PERIOD_S", 0.0)
    for module in ("evergrant._logging.queued", "evergrant.events"):
        monkeypatch.setattr(f"{module}.CALLER_WAITS_S", LISTENER_LIMIT_S)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Let no garbage collection look at the many thousand tests: they stay to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the homes of all tests. To number one itself, pytest would list all that there are."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def own_home(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests off the developer's own tokens, and their settings out of the tests."""
    home = next(homes)
    home.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(home))
    for name in list(os.environ):
        if name.startswith(("EVERGRANT_", "XDG_")) and name not in KEPT:
            monkeypatch.delenv(name)


@pytest.fixture
def zoho(zoho_sandbox: Sandbox) -> Sandbox:
    """Call the plugin's local Zoho by its short name."""
    return zoho_sandbox


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run under CI when a test was skipped: what nobody ran proves nothing."""
    if _ci() and _skipped(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say loudly what was left out."""
    skipped = _skipped(config)
    if not skipped:
        return
    verdict = ", which fails the run under CI" if _ci() else ""
    terminalreporter.section(f"{len(skipped)} SKIPPED{verdict}", sep="!", red=True, bold=True)
    for report in skipped:
        terminalreporter.line(f"SKIPPED {report.nodeid}", red=True)


def _ci() -> bool:
    return os.environ.get("CI") == "true"


def _skipped(config: pytest.Config) -> list[pytest.TestReport]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return reporter.stats.get("skipped", []) if reporter else []
