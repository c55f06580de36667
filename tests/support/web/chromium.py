"""A real browser, without a window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

__all__ = ["browser", "chrome", "text"]

# The switches beyond the first four keep Chromium from calling its maker's servers.
SWITCHES = (
    "headless",
    "no-sandbox",
    "disable-gpu",
    "no-first-run",
    "disable-quic",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
)
PATIENCE = 20
"""Seconds to wait for a page, at the most."""


@contextmanager
def browser(profile: Path) -> Iterator[webdriver.Chrome]:
    """Open a browser with a profile of its own, so that browsers share no cookie."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip("no chromium with chromedriver on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for switch in (*SWITCHES, f"user-data-dir={profile}"):
        options.add_argument(f"--{switch}")
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    try:
        chrome.set_page_load_timeout(PATIENCE)
        chrome.implicitly_wait(PATIENCE)
        yield chrome
    finally:
        chrome.quit()


@pytest.fixture
def chrome(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    """Open a browser for a test."""
    with browser(tmp_path / "profile") as opened:
        yield opened


def text(page: webdriver.Chrome) -> str:
    """Return what a page says."""
    return page.find_element(By.TAG_NAME, "body").text
