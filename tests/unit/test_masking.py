"""Errors leave secrets behind; texts that are secret stay so in the hands of consoles."""

from __future__ import annotations

import io
import pprint
import sys
from collections.abc import Iterator
from datetime import datetime
from inspect import currentframe
from traceback import walk_tb

import click
import pytest
import rich
from rich.pretty import pretty_repr

from evergrant._files.secure_files import MaskedBytes
from evergrant._masking import masks_locals, raise_without_context
from evergrant.errors import StoreError
from evergrant.stores.matching import Criterion
from evergrant.stores.rows import Row
from evergrant.token import Secret, Token

PLAIN = "1000.songbird"


def locals_of(error: BaseException) -> dict[str, dict[str, object]]:
    return {f.f_code.co_name: f.f_locals for f, _ in walk_tb(error.__traceback__)}


def fail(plain: str) -> None:
    try:
        int(plain)
    except ValueError:
        raise LookupError("no") from None


@masks_locals
def masked(plain: str) -> None:
    deeper = [plain]
    fail(deeper[0])


@masks_locals
def masked_steps(plain: str) -> Iterator[str]:
    yield "first"
    fail(plain)


def test_an_error_leaves_the_locals_of_its_frames_behind() -> None:
    with pytest.raises(LookupError) as caught:
        masked(PLAIN)
    seen = locals_of(caught.value)
    assert seen["masked"] == seen["fail"] == {}
    assert caught.value.__context__ is not None
    assert locals_of(caught.value.__context__) == {"fail": {}}


def test_a_stack_that_is_looked_at_meanwhile_does_not_show_arguments() -> None:
    seen: list[dict[str, object]] = []

    @masks_locals
    def look(plain: str) -> None:
        del plain
        frame = currentframe()
        while frame := frame and frame.f_back:
            if frame.f_code.co_filename.endswith("/evergrant/_masking.py"):
                seen.append(frame.f_locals)

    look(PLAIN)
    assert len(seen) == 2
    assert PLAIN not in repr(seen)


def test_a_generator_s_error_does_so_too() -> None:
    with pytest.raises(LookupError) as caught:
        list(masked_steps(PLAIN))
    assert PLAIN not in repr(locals_of(caught.value)["masked_steps"])
    assert locals_of(caught.value)["fail"] == {}


def test_what_the_caller_is_handling_already_is_left_alone() -> None:
    def callers_own() -> None:
        mine = "mine"
        raise KeyError(mine)

    try:
        callers_own()
    except KeyError as handled:
        with pytest.raises(LookupError):
            masked(PLAIN)
        kept = locals_of(handled)["callers_own"]
    assert kept == {"mine": "mine"}


def test_a_refused_token_is_not_in_the_frames() -> None:
    with pytest.raises(ValueError, match="naive") as caught:
        Token(refresh_token=PLAIN, expires_at=datetime(2026, 1, 1))  # noqa: DTZ001 - refused
    frames = {name: seen for name, seen in locals_of(caught.value).items() if "test" not in name}
    assert PLAIN not in repr(frames)


def test_consoles_do_not_print_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    secret = Secret(PLAIN * 20)
    rich.print(secret, [secret], {"a": (secret,)}, Token(access_token=secret))
    click.echo(secret)
    sys.stdout.write(f"{secret} {[secret]} {pprint.pformat([secret])}")
    out = capsys.readouterr().out
    assert "songbird" not in out
    assert out.count("*****") >= 7


@pytest.mark.parametrize(
    "thing",
    [
        Secret(PLAIN * 20),
        MaskedBytes(PLAIN.encode() * 20),
        Row(("1", PLAIN)),
        Criterion(access_token=PLAIN),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_cut_short_it_does_not_show_either(thing: object) -> None:
    for longest in (None, 80, 9):
        assert "songbird" not in pretty_repr(thing, max_string=longest)
    assert "songbird" not in thing.__sentry_repr__()  # type: ignore[attr-defined]


def test_a_secret_still_works_as_text() -> None:
    secret = Secret(PLAIN)
    assert "Bearer " + secret == f"Bearer {PLAIN}"
    assert secret + " x" == f"{PLAIN} x"
    assert secret[:4] == "1000"
    assert secret.partition(".")[2] == "songbird"
    out = io.StringIO()
    out.write(secret)
    assert out.getvalue() == PLAIN


def test_an_error_raised_without_context_holds_nothing_of_the_one_it_replaces() -> None:
    def translate() -> None:
        try:
            int(PLAIN)
        except ValueError as error:
            raise_without_context(StoreError(f"no number ({type(error).__name__})"))

    with pytest.raises(StoreError) as raised:
        translate()
    error = raised.value
    assert (error.__context__, error.__cause__) == (None, None)
    frames = [frame.frame.f_locals for frame in raised.traceback[1:]]
    assert len(frames) == 2
    assert PLAIN not in repr(frames)
