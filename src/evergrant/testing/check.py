"""`check_store`: runs the contract suite on a store, with pytest in a separate process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evergrant._files.locations import scratch_folder
from evergrant.errors import ConfigError
from evergrant.stores.adapter.six_methods import SixMethodStore
from evergrant.testing.contract import StoreContract

__all__ = ["Promise", "Report", "check_store"]

CHECK_TIMEOUT_S = 120.0
"""How long a check may take before it counts as hanging, such as in a deadlock."""

BEYOND_SIX_METHODS = {
    "test_another_handle_changes_the_same_note",
    "test_another_handle_knows_of_a_deletion",
    "test_another_handle_respects_the_lease",
    "test_another_handles_save_is_noticed",
    "test_every_change_is_a_new_generation",
    "test_extending_a_lease_is_seen_by_every_handle",
    "test_processes_that_change_a_note_lose_no_change",
}
"""The checks that no store with just the six methods can pass."""


@dataclass(frozen=True, slots=True)
class Promise:
    """One check of the contract, and its result.

    Attributes:
        group: The subject of the promise.
        text: The promise.
        detail: More about it.
        state: Whether it is kept; ``beyond`` means that it needs more than the six methods.
        reason: Why it is not kept.
    """

    group: str
    text: str
    detail: str
    state: Literal["kept", "broken", "beyond"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The results for a store.

    Attributes:
        store: The name of its class.
        six_methods: It has just the six methods, and was checked through the adapter.
        handles: A second handle could be opened on the same storage.
        promises: The result of each check.
    """

    store: str
    six_methods: bool
    handles: bool
    promises: tuple[Promise, ...]

    @property
    def broken(self) -> int:
        """How many promises are not kept."""
        return sum(promise.state == "broken" for promise in self.promises)

    @property
    def notes(self) -> tuple[str, ...]:
        """Limits of the check, in sentences."""
        notes = [f"Beyond six methods: {text}." for text in SixMethodStore.not_promised]
        if not self.six_methods:
            notes = []
        if not self.handles:
            notes.append(
                "The factory takes no folder: promises about several handles and a restart were "
                "checked with one handle only."
            )
        return tuple(notes)


def check_store(spec: str, *, timeout: float = CHECK_TIMEOUT_S) -> Report:
    """Run the contract on the stores that a factory makes.

    Args:
        spec: ``module:factory``. The module may be in the current folder. The factory returns a
            new, empty store. If it takes an argument, it gets a new folder.
        timeout: How many seconds one check may take.

    Raises:
        ConfigError: There is no such factory, or it does not return an empty store.
    """
    with scratch_folder() as folder:
        report, output = Path(folder, "report"), Path(folder, "output")
        report.touch()
        _run(spec, report, output, timeout)
        lines = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
        said = output.read_text(encoding="utf-8", errors="replace")
    found = {key: value for line in lines if "store" in line for key, value in line.items()}
    for line in lines:
        if "refused" in line:
            raise ConfigError(line["refused"], hint=line["hint"])
    if not found:
        raise ConfigError(
            f"the checks of {spec} did not start", hint=f"pytest said: {said.strip()[-500:]}"
        )
    promises = tuple(_promises(lines, six_methods=found["six_methods"]))
    return Report(**found, promises=promises)


def _run(spec: str, report: Path, output: Path, timeout: float) -> None:
    checks = Path(__file__).with_name("check_suite.py")
    command = [
        # -P keeps the current folder off the path until pytest is loaded: a file of the user may
        # have the name of a standard library module.
        *(sys.executable, "-P", "-m", "pytest", str(checks)),
        # The user's pytest settings, conftest.py and plugins are for their own tests.
        *("-c", os.devnull, f"--rootdir={checks.parent}", "--noconftest", "-q"),
        *("-p", "no:cacheprovider", "-p", "evergrant.testing.check_plugin"),
        *(f"--check-store={spec}", f"--check-report={report}", "--import-mode=importlib"),
        f"--basetemp={report.with_name('stores')}",
    ]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    with output.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
        try:
            _wait(process, report, timeout)
        finally:
            if process.poll() is None:
                os.killpg(
                    process.pid, signal.SIGKILL
                )  # with all processes that the store has started
                process.wait()


def _wait(process: subprocess.Popen[bytes], report: Path, timeout: float) -> None:
    """Wait until the process ends, or has reported nothing for too long."""
    size, since = 0, time.monotonic()
    while time.monotonic() - since < timeout:
        try:
            process.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            if (now := report.stat().st_size) != size:
                size, since = now, time.monotonic()
        else:
            return


def _promises(lines: list[dict[str, Any]], *, six_methods: bool) -> Iterator[Promise]:
    reasons = {line["ended"]: line["reason"] for line in lines if "ended" in line}
    begun = {line["begun"] for line in lines if "begun" in line}
    for group in StoreContract.__mro__:
        for name, check in vars(group).items():
            if not name.startswith("test_"):
                continue
            unfinished = "it never ended" if name in begun else "it was not reached"
            reason = reasons.get(name, unfinished) or ""
            state: Literal["kept", "broken", "beyond"] = "broken" if reason else "kept"
            if six_methods and name in BEYOND_SIX_METHODS:
                state, reason = "beyond", "needs more than six methods"
            text = name.removeprefix("test_").replace("_", " ")
            yield Promise(_sentence(group), text, _sentence(check), state, reason)


def _sentence(documented: object) -> str:
    return " ".join((documented.__doc__ or "").split())
