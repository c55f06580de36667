"""Mutants that no test can notice, each with the reason: file, line, operator."""

from __future__ import annotations

__all__ = ["EQUIVALENT"]

EQUIVALENT: dict[tuple[str, str, str], str] = {
    ("_fork.py", "time.sleep(0.001)", "call dropped"): (
        "a pause between two looks; without it they only come one after another"
    ),
    ("_core/async_tokens.py", "CACHE_THREADS = 4", "number shifted"): (
        "how many threads read the store at the same time; five serve as well as four"
    ),
    ("_core/backoff.py", "if len(self._dead) >= MAX_DEAD:", "comparison swapped"): (
        "how many are remembered; one more or less is no promise"
    ),
    (
        "_core/refresher.py",
        "while (left := until - time.monotonic()) > 0:",
        "comparison swapped",
    ): "one more wait, of no time at all, in the very moment of the end",
    ("_core/refresh_jitter.py", "_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)", "number shifted"): (
        "any moment serves as the origin of the slots, if all have the same"
    ),
    (
        "stores/base.py",
        "while self._rows_at(guess := str(secrets.randbelow(10**ID_DIGITS - 1) + 1)):",
        "number shifted",
    ): "which ids are drawn by chance; that they are short has a test in the contract",
    (
        "stores/encrypted.py",
        "return list({row.id: row for row in found}.values()) if len(found) > 1 else found",
        "comparison swapped",
    ): "one row is what remains of one row",
}
