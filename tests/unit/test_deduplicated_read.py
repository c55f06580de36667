"""Who asks a store that does not answer is not kept waiting."""

from __future__ import annotations

import threading

import pytest

from evergrant._concurrency import deduplicated_read
from evergrant._concurrency.deduplicated_read import DeduplicatedRead
from evergrant.errors import CorruptRecord, StoreUnavailable


class Slow:
    """A look that ends when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer = threading.Event()

    def __call__(self) -> int:
        self.asked += 1
        assert self.answer.wait(30)
        return self.asked


def test_a_look_that_does_not_end_is_given_up_by_all_who_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deduplicated_read, "TIMEOUT_S", 0.05)
    looks, slow = DeduplicatedRead(), Slow()
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="has not answered"):
            looks.run("alice", slow)
    assert slow.asked == 1
    assert looks.run("bob", lambda: "another") == "another"
    monkeypatch.setattr(deduplicated_read, "TIMEOUT_S", 30.0)
    slow.answer.set()
    while looks._reads._calls.get():
        pass
    assert looks.run("alice", slow) == 2


def test_too_many_open_questions_are_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deduplicated_read, "TIMEOUT_S", 0.0)
    monkeypatch.setattr(deduplicated_read, "MAX_PENDING", 2)
    looks, slow = DeduplicatedRead(), Slow()
    for user in range(4):
        with pytest.raises(StoreUnavailable):
            looks.run(user, slow)
    assert slow.asked == 2
    slow.answer.set()


def test_each_caller_gets_an_error_of_its_own() -> None:
    def fail() -> None:
        raise CorruptRecord("unreadable", token_id="7")

    looks = DeduplicatedRead()
    for _ in range(2):
        with pytest.raises(CorruptRecord, match="unreadable") as caught:
            looks.run("alice", fail)
        assert caught.value.token_id == "7"


def test_an_interrupt_while_a_read_begins_leaves_no_read_that_never_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(_: threading.Thread) -> None:
        raise KeyboardInterrupt

    reads = DeduplicatedRead()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupt)
        with pytest.raises(KeyboardInterrupt):
            reads.run("alice", lambda: "never read")
    assert reads.run("alice", lambda: "read") == "read"
