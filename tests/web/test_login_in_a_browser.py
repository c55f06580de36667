"""A login as a person sees it: the command, the consent page and the way back, in Chromium.

What only a browser enforces is shown here: that the pages' own security policy lets the form be
sent, and the redirect through to the command that waits for it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from evergrant.sandbox import Sandbox
from tests.support.web.chromium import text


@contextmanager
def waiting_login(zoho: Sandbox, folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run ``evergrant login``; yield the address it opens, and the process."""
    opened = folder / "opened"
    script = folder / "browser"
    script.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.part && mv {opened}.part {opened}\n')
    script.chmod(0o700)
    with subprocess.Popen(
        [sys.executable, "-m", "evergrant", "login", f"--sandbox={zoho.url}"],
        env={**os.environ, "BROWSER": f"{script} %s", "EVERGRANT_HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        try:
            deadline = time.monotonic() + 30
            while not opened.exists():
                assert command.poll() is None, command.communicate()
                assert time.monotonic() < deadline, "no browser was opened"
                time.sleep(0.02)
            yield opened.read_text(), command
        finally:
            command.kill()


def finished(command: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = command.communicate(timeout=30)
    return command.returncode, said


def test_bob_accepts_and_is_told_so_by_browser_and_terminal(
    chrome: Chrome, zoho: Sandbox, tmp_path: Path
) -> None:
    with waiting_login(zoho, tmp_path) as (url, command):
        chrome.get(url)
        assert "ZohoCRM.modules.ALL" in text(chrome)
        chrome.find_element(By.CSS_SELECTOR, "input[value^='bob@example.com']").click()
        chrome.find_element(By.CSS_SELECTOR, "button[value=allow]").click()
        chrome.find_element(By.XPATH, "//h1[text()='Done']")
        assert "You are logged in as bob@example.com:" in text(chrome)
        code, said = finished(command)
    assert (code, "logged in: bob@example.com:" in said) == (0, True)


def test_who_says_no_is_not_logged_in(chrome: Chrome, zoho: Sandbox, tmp_path: Path) -> None:
    with waiting_login(zoho, tmp_path) as (url, command):
        chrome.get(url)
        chrome.find_element(By.CSS_SELECTOR, "button[value=deny]").click()
        chrome.find_element(By.XPATH, "//h1[text()='The login failed']")
        code, said = finished(command)
    assert (code, "access_denied" in said or "without a code" in said) == (4, True)
    assert zoho.calls.count(path="/oauth/v2/token") == 0
