from __future__ import annotations

import pytest

from tools import system_packages

PROGRAMS = {"sh": "dash", "surely-not-there": "a-package"}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    ran: list[list[str]] = []
    monkeypatch.setattr(system_packages, "run", lambda command, _cwd: ran.append(command))
    return ran


def has_apt_get(monkeypatch: pytest.MonkeyPatch, user: int) -> None:
    which = {"sh": "/bin/sh", "apt-get": "/usr/bin/apt-get"}
    monkeypatch.setattr("shutil.which", lambda name, path=None: which.get(name))
    monkeypatch.setattr("os.geteuid", lambda: user)


def test_what_is_missing_and_only_that_is_installed_as_root_on_debian(
    ran: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    has_apt_get(monkeypatch, user=0)
    system_packages.provide(PROGRAMS)
    assert [command[-1] for command in ran] == ["update", "a-package"]
    assert all(command[1] == "DEBIAN_FRONTEND=noninteractive" for command in ran)


def test_elsewhere_nothing_is_installed_and_what_is_left_out_is_said_loudly(
    ran: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    has_apt_get(monkeypatch, user=1000)
    system_packages.provide(PROGRAMS)
    assert ran == []
    assert "surely-not-there not found: TESTS THAT NEED THEM ARE SKIPPED" in capsys.readouterr().err


def test_what_is_here_is_used_without_a_word(
    ran: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    system_packages.provide({"sh": "dash"})
    assert (ran, capsys.readouterr().err) == ([], "")
