"""A real browser, without a window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

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


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip("no chromium with chromedriver on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for switch in (*SWITCHES, f"user-data-dir={tmp_path}/profile"):
        options.add_argument(f"--{switch}")
    browser = webdriver.Chrome(options=options, service=Service(driver))
    browser.set_page_load_timeout(PATIENCE)
    browser.implicitly_wait(PATIENCE)
    yield browser
    browser.quit()
