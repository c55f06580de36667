"""No secret in what is made of the errors of a user's own store, however much they tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evergrant.errors import Conflict, EvergrantError, StoreError, TokenNotSaved
from evergrant.stores.adapter import adapt
from evergrant.token import Token
from tests.support.security.tracked_keeper import KEEPING, Scene
from tests.support.security.tracked_tokens import MARK, Leaks
from tests.support.security.trackers import errors
from tests.support.stores.six_methods import Plain


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError(str(self.args))

    __repr__ = __str__


def _with(error: Exception, **attributes: Any) -> Exception:
    vars(error).update(attributes)
    return error


def _noted(text: str) -> Exception:
    error = OSError("the disk is full")
    error.add_note(f"it was {text}")
    return error


def _caused(text: str) -> Exception:
    error = OSError("the disk is full")
    error.__cause__ = KeyError(text)
    return error


def _in_context(text: str) -> Exception:
    error = OSError("the disk is full")
    error.__context__ = KeyError(text)
    return error


TELLING: dict[str, Callable[[str], Exception]] = {
    "in its text": lambda text: ValueError(f"cannot write {text} to row 7"),
    "among its arguments": lambda text: ValueError("cannot write", {"row": [text]}),
    "as bytes": lambda text: ValueError(text.encode()),
    "cut short": lambda text: ValueError(f"syntax error near '{text[7:31]}'"),
    "in a note": _noted,
    "in an attribute": lambda text: _with(OSError("the disk is full"), statement=text),
    "in its cause": _caused,
    "in its context": _in_context,
    "in a group": lambda text: ExceptionGroup("many", [OSError("full"), KeyError(text)]),
    "nowhere, and cannot be printed": UnprintableError,
    "in its object": lambda text: UnicodeEncodeError("utf-8", text, 0, 1, "no such character"),
    "in an error of ours": lambda text: StoreError(f"cannot write {text}", hint=f"Look at {text}"),
    "in a conflict": lambda text: Conflict(f"{text} is there already"),
    "in its name": lambda text: type(text.replace(".", "_"), (OSError,), {})("full"),
    "nowhere but in its frames": lambda _: OSError("the disk is full"),
}


class Telling(Plain):
    """Fails in one method, and tells all that it had to do with."""

    def __init__(self, tell: Callable[[str], Exception]) -> None:
        super().__init__()
        self.failing = ""
        self._tell = tell

    def _fail(self, method: str, tokens: list[Token]) -> None:
        statement = " ".join(
            str.__str__(secret)
            for token in tokens
            for secret in (token.access_token, token.refresh_token, token.client_secret)
            if secret
        )
        if self.failing == method:
            raise self._tell(statement)

    def save_token(self, token: Token) -> None:
        self._fail("save_token", [token])
        super().save_token(token)

    def delete_token(self, id: str) -> None:  # noqa: A002 - the official SDK's name
        self._fail("delete_token", list(self.tokens.values()))
        super().delete_token(id)

    def get_tokens(self) -> list[Token]:
        self._fail("get_tokens", list(self.tokens.values()))
        return super().get_tokens()

    def close(self) -> None:
        self._fail("close", list(self.tokens.values()))


@pytest.fixture(params=TELLING)
def theirs(request: pytest.FixtureRequest) -> Telling:
    return Telling(TELLING[request.param])


@pytest.fixture
def scene(theirs: Telling, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr("evergrant._core.saver.PAUSES_S", (0, 0))
    scene = Scene(adapt(theirs), tmp_path)
    yield scene
    theirs.failing = ""
    scene.keeper.close()
    scene.accounts.close()


@pytest.mark.parametrize("method", ["save_token", "delete_token", "get_tokens"])
def test_a_keeper_s_work_on_a_store_that_fails(
    scene: Scene, theirs: Telling, method: str, leaks: Leaks, caplog: pytest.LogCaptureFixture
) -> None:
    found: list[BaseException] = []
    for work in KEEPING.values():
        scene.refresh_user()
        theirs.failing = method
        try:
            work(scene)
        except EvergrantError as error:
            found.append(error)
        finally:
            theirs.failing = ""
    assert found
    for one in found:
        assert leaks(one, quickly=one is not found[0]) == []
        for link in errors(one):
            assert MARK not in f"{type(link)} {link} {link!r} {vars(link)!r}"
    told = [*caplog.messages, *map(str, scene.events), *map(repr, scene.events)]
    assert [text for text in told if MARK in text] == []


def test_what_a_failing_save_says_names_the_method_and_what_is_no_secret(
    leaks: Leaks, tmp_path: Path
) -> None:
    scene = Scene(adapt(theirs := Telling(TELLING["in its text"])), tmp_path)
    scene.refresh_user()
    theirs.failing = "save_token"
    with pytest.raises(TokenNotSaved) as caught:
        scene.keeper.refresh(scene.user)
    said = str(caught.value.__cause__)
    assert "Telling.save_token failed (test_trackers_own_store.py, line " in said
    assert "ValueError: cannot write ********" in said
    assert "to row 7" in said
    scene.keeper.close()
    scene.accounts.close()


def test_a_store_that_fails_as_it_is_closed(theirs: Telling, leaks: Leaks, scene: Scene) -> None:
    scene.refresh_user()
    theirs.failing = "close"
    with pytest.raises(StoreError) as caught:
        scene.store.close()
    assert leaks(caught.value) == []


def test_a_conflict_stays_a_conflict(leaks: Leaks) -> None:
    with adapt(theirs := Telling(TELLING["in a conflict"])) as store:
        theirs.failing = "save_token"
        with pytest.raises(Conflict) as caught:
            store.save_token(Token(user_name="alice", refresh_token=f"1000.{MARK * 4}"))
    assert caught.value.message == "******** is there already"
    assert leaks(caught.value) == []
