"""What the tests of notes share."""

from __future__ import annotations

from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from tests.support.stores.sqlite_store import finish_together, start

HOUR = 3_600.0

WORK = """
with open_store(sys.argv[1]) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(20):
        store.update_note("common", lambda text: f"{text}{sys.argv[2]}{number} ", life=60)
"""


def put(store: TokenStore, key: str, text: str, life: float = HOUR) -> None:
    """Write a note, whatever it was before."""
    store.update_note(key, lambda _: text, life=life)


def read(store: TokenStore, key: str) -> str:
    """Return a note as it is."""
    return store.update_note(key, lambda text: text, life=HOUR)


def processes_lose_no_change(url: str) -> None:
    """Let processes add to one note at the same time, and look whether all is there."""
    finish_together([start(WORK, url, name) for name in "abc"])
    with open_store(url) as store:
        words = read(store, "common").split()
    assert sorted(words) == sorted(f"{name}{number}" for name in "abc" for number in range(20))
