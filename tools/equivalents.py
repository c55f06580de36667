"""Mutants that no test can notice, each with the reason: file, line, operator."""

from __future__ import annotations

__all__ = ["EQUIVALENT"]

EQUIVALENT: dict[tuple[str, str, str], str] = {
    ("forking.py", "time.sleep(0.001)", "call dropped"): (
        "a pause between two looks; without it they only come one after another"
    ),
    ("keeping/async_tokens.py", "QUICK_THREADS = 4", "number shifted"): (
        "how many threads read the store at the same time; five serve as well as four"
    ),
    ("keeping/patience.py", "if len(self._dead) >= MOST_DEAD:", "comparison swapped"): (
        "how many are remembered; one more or less is no promise"
    ),
    (
        "keeping/renewal.py",
        "while (left := until - time.monotonic()) > 0:",
        "comparison swapped",
    ): "one more wait, of no time at all, in the very moment of the end",
    ("keeping/pacing.py", "_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)", "number shifted"): (
        "any moment serves as the origin of the slots, if all have the same"
    ),
    (
        "stores/base.py",
        "while self._rows_at(guess := str(secrets.randbelow(10**ID_DIGITS - 1) + 1)):",
        "number shifted",
    ): "which ids are drawn by chance; that they are short has a test in the contract",
    (
        "stores/encrypted.py",
        "return list({row[0]: row for row in found}.values()) if len(found) > 1 else found",
        "comparison swapped",
    ): "one row is what remains of one row",
}
