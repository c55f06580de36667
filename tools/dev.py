"""The one script of this repository: ./dev COMMAND.

  demo             set up, then show the main job against a local Zoho
  test [ARGS]      everything a change must pass; with ARGS only pytest, with those arguments.
                   Of all tests, two at the most may fail beside others if they pass alone, three
                   times; it says so loudly. A run that changes the checkout fails
  test --fast [ARGS]
                   the tests that need no server, browser or second SDK: a minute or so
  check            ruff (lint and format), mypy, import-linter, file sizes
  fmt              format, and mend what ruff can mend safely
  fuzz [N]         N random call sequences for the official file store and ours; and every random
                   test, each with N examples: what is read from outside, models of the stores
  soak [ARGS]      every reliability scenario with all its rounds; writes benchmarks/RESULTS.md;
                   then all tests with the lowest versions allowed, and on each other Python here
  mutants [SEED [COUNT]]
                   plant faults in a copy of the tree: some test must notice each; then small
                   faults of the core, chosen by the seed (1, 100): tests must notice 95 of 100
  bench [ARGS]     every benchmark; ARGS (--quick) go to each
  help             this text

Environments live in .venv/ and are set up by themselves when they are missing or out of date.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

from tools.clean_checkout import changes, print_new_changes
from tools.mutants import TESTS_FAILED, hunt
from tools.rerun_failed import failed_tests, pass_alone
from tools.results import RESULTS, write_results
from tools.sampled_mutants import MUTANTS, tell_sample
from tools.system_packages import BROWSER, SERVERS, provide
from tools.venvs import DEMO, ROOT, SDKS, TEST, Recipe, StepError, environment, environments, run
from tools.versions import other_versions

CODE = ("src", "tests", "tools", "benchmarks", "examples")
SEQUENCES, EXAMPLES = "100000", "1000"
FUZZED = (
    "tests/sdk/official/test_differential.py",
    "tests/security/fuzz",
    "tests/contract/test_model.py",
    "tests/concurrency/test_interleaved.py",
)
SOAKED = (
    "tests/faults",
    "tests/concurrency",
    "tests/contract/encrypted_on_aws.py",
    "tests/contract/test_many_tokens.py",
    "tests/security",
    "tests/simulation",
    "tests/sdk/official/test_storm.py",
    "tests/stores/test_sql_official.py",
)
FAST = ("tests/docs", "tests/keeper/aio", "tests/sandbox", "tests/sdk/bridge", "tests/unit")
"""What needs no server, no browser, no second SDK and few processes."""

NOT_OF_A_VERSION = ("tests", "--ignore=tests/repo")
"""What other versions are tried with: everything but what is about the checkout itself."""

DEFAULT_SAMPLE = ("1", "100")
BENCHMARKS = ("bench_*.py", "storm.py", "fleet_of_hosts.py", "scale.py", "memory.py")
MOST_WORKERS = 8
USAGE_ERROR = 2
INTERRUPTED = 130


def demo(args: list[str]) -> int:
    with environment(DEMO) as python:
        return _call([python, "-m", "evergrant", "demo", *args])


def test(args: list[str]) -> int:
    if "--fast" in args:
        return _fast([arg for arg in args if arg != "--fast"])
    before = changes()
    with ThreadPoolExecutor(1) as beside:
        prepared = beside.submit(_prepare)
        status = 0 if args else check([])
        prepared.result()
    status = status or _tests(TEST, args)
    left = not args and print_new_changes(before)
    return status or int(left)


def check(_args: list[str]) -> int:
    with environment(TEST) as python:
        steps: dict[str, list[Path | str]] = {
            "mypy": ["-m", "mypy", *_code()],  # first: it takes longer than all others together
            "ruff check": ["-m", "ruff", "check", "--quiet", *_code()],
            "ruff format": ["-m", "ruff", "format", "--check", "--quiet", *_code()],
            "import-linter": [python.with_name("lint-imports"), "--no-logo"],
            "file size": ["tools/file_size.py", "src", "tests"],
        }
        with ThreadPoolExecutor(2) as threads:
            return max(threads.map(lambda name: _step(name, [python, *steps[name]]), steps))


def fmt(_args: list[str]) -> int:
    with environment(TEST) as python:
        _call([python, "-m", "ruff", "check", "--fix-only", "--quiet", *_code()])
        return _call([python, "-m", "ruff", "format", *_code()])


def fuzz(args: list[str]) -> int:
    sequences, examples = (args[0], args[0]) if args else (SEQUENCES, EXAMPLES)
    options = [f"--sequences={sequences}", f"--examples={examples}", "--timeout=0"]
    return test([*options, *FUZZED])


def soak(args: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        log, began = Path(folder) / "soak.jsonl", time.monotonic()
        options = ["--soak", f"--soak-log={log}", "--timeout=0", *SOAKED, *args]
        status = test([*options, "-n", "2"])
        write_results(log, seconds=time.monotonic() - began, status=status)
    print(f"written: {RESULTS.relative_to(ROOT)}")
    for recipe in other_versions():
        print(f"all tests: {recipe.name} ({recipe.python})", flush=True)
        status = max(status, _tests(recipe, [*NOT_OF_A_VERSION, *args]))
    return status


def mutants(args: list[str]) -> int:
    seed, count = (int(given) for given in [*args, *DEFAULT_SAMPLE[len(args) :]])
    with environment(TEST) as python:
        survivors = hunt(python)
    print(f"{survivors} faults that no test notices" if survivors else "every fault is noticed")
    with environment(MUTANTS) as python:
        enough = tell_sample(python, seed, count)
    return int(survivors > 0 or not enough)


def bench(args: list[str]) -> int:
    found = [sorted((ROOT / "benchmarks").glob(pattern)) for pattern in BENCHMARKS]
    if not all(found):
        raise StepError("no benchmark found")
    provide(SERVERS)
    with environments([TEST, SDKS["8_0"]]) as (python, sdk_python):
        _name({"8_0": sdk_python})
        return max(
            [_call([python, "-m", f"benchmarks.{script.stem}", *args]) for script in chain(*found)]
        )


def usage(_args: list[str]) -> int:
    print(__doc__, end="")
    return 0


COMMANDS = {
    "demo": demo,
    "test": test,
    "check": check,
    "fmt": fmt,
    "fuzz": fuzz,
    "soak": soak,
    "mutants": mutants,
    "bench": bench,
    "help": usage,
    "--help": usage,
    "-h": usage,
}


def _fast(args: list[str]) -> int:
    """Run the quick tests, which nothing but Python is needed for."""
    with environment(TEST) as python:
        return _pytest(python, [*_workers(each_core=1), *FAST, *args])


def _workers(each_core: int) -> list[str]:
    """Return how many processes share the tests. Many of all tests only wait, for servers."""
    number = min(MOST_WORKERS, each_core * (os.cpu_count() or 1))
    return ["-n", str(number), "--dist", "loadgroup"]


def _tests(recipe: Recipe, args: list[str]) -> int:
    """Run pytest in an environment; of all tests, two at the most may fail beside others."""
    with environments([recipe, *SDKS.values()]) as (python, *sdk_pythons):
        _name(dict(zip(SDKS, sdk_pythons, strict=True)))
        status = _pytest(python, [*_workers(each_core=2), *args])
        if status == TESTS_FAILED and not args and pass_alone(python, failed_tests()):
            return 0
        return status


def _prepare() -> None:
    """Install and build what only tests need; that takes as long as the checks."""
    provide(BROWSER | SERVERS)
    with environments(SDKS.values()):
        pass


def _name(sdk_pythons: dict[str, Path]) -> None:
    """Tell tests and benchmarks which Python has which of Zoho's SDKs."""
    os.environ["EVERGRANT_SDK_PYTHON"] = str(sdk_pythons["8_0"])
    os.environ["EVERGRANT_SDK_PYTHONS"] = json.dumps(sdk_pythons, default=str)


def _code() -> list[str]:
    return [folder for folder in CODE if (ROOT / folder).is_dir()]


def _pytest(python: Path, args: list[str]) -> int:
    """Run pytest. Bytecode is kept, whatever the caller's setting: a test run starts Python often.

    Without it, each of those programs compiles again what it imports of evergrant.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    return _call([python, "-m", "pytest", *args])


def _call(command: list[Path | str]) -> int:
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    return code if code >= 0 else 128 - code  # as a shell reports the signal that ended it


def _step(name: str, command: list[Path | str]) -> int:
    started = time.monotonic()
    try:
        run([str(part) for part in command], ROOT)
    except StepError as error:
        print(f"FAILED  {name}\n{error}", flush=True)
        return 1
    print(f"ok      {name} ({time.monotonic() - started:.1f} s)", flush=True)
    return 0


def main(arguments: list[str]) -> int:
    command, *rest = arguments or ["help"]
    if command not in COMMANDS:
        print(f"dev: there is no command {command!r}\n\n{__doc__}", end="", file=sys.stderr)
        return USAGE_ERROR
    try:
        return COMMANDS[command](rest)
    except StepError as error:
        print(f"FAILED  {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
