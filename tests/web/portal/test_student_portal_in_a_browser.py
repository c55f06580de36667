"""The student portal as people see it: Chromium, the consent page, forms, and the way back."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from evergrant.sandbox import Sandbox
from tests.support.web.chromium import browser, text
from tests.support.web.other_site import page_elsewhere
from tests.support.web.portal import Portal
from tests.support.web.portal_visitor import ALICE, BOB, CAROL

TOKEN, LOG_IN = "/oauth/v2/token", "Log in with Zoho"


def heading(page: Chrome, words: str) -> None:
    page.find_element(By.XPATH, f"//h1[text()='{words}']")


def press(page: Chrome, words: str) -> None:
    page.find_element(
        By.XPATH, f"//*[self::a or self::button][normalize-space()='{words}']"
    ).click()


def consent(page: Chrome, email: str, decision: str = "allow") -> None:
    press(page, LOG_IN)
    page.find_element(By.CSS_SELECTOR, f"input[value^='{email}']").click()
    page.find_element(By.CSS_SELECTOR, f"button[value={decision}]").click()


def log_in(page: Chrome, portal: Portal, email: str) -> None:
    page.get(portal.url)
    consent(page, email)
    heading(page, "Students")
    assert email in text(page)


def fill(page: Chrome, values: dict[str, str]) -> None:
    for name, value in values.items():
        label = page.find_element(By.XPATH, f"//label[starts-with(normalize-space(), '{name}')]")
        field = page.find_element(By.ID, label.get_attribute("for") or "")
        field.clear()
        field.send_keys(value)
    press(page, "Save")


def open_and_press(page: Chrome, summary: str, button: str) -> None:
    page.find_element(By.XPATH, f"//summary[text()='{summary}']").click()
    press(page, button)


def note(page: Chrome) -> str:
    return page.find_element(By.CSS_SELECTOR, "[role=status]").text


def rows(page: Chrome, portal: Portal) -> list[str]:
    page.get(f"{portal.url}/students")
    heading(page, "Students")
    page.implicitly_wait(0)
    found = [row.text for row in page.find_elements(By.CSS_SELECTOR, "tbody tr")]
    page.implicitly_wait(20)
    return found


def complaints(page: Chrome) -> list[object]:
    """Return what the browser itself found wrong: blocked styles, scripts, forms, pictures."""
    return [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"]  # type: ignore[no-untyped-call]


@pytest.mark.timeout(300)
def test_two_users_in_two_data_centers_work_on_through_a_restart_and_an_hour(
    chrome: Chrome, portal: Portal, zoho: Sandbox, tmp_path: Path
) -> None:
    with browser(tmp_path / "two") as other:
        log_in(chrome, portal, ALICE)
        log_in(other, portal, CAROL)
        for page, first, last in ((chrome, "Ada", "Lovelace"), (other, "Marie", "Curie")):
            press(page, "Add a student")
            fill(page, {"First name": first, "Last name": last, "Course": "Engines"})
            assert note(page) == f"{first} {last} was added."
        portal.restart()
        zoho.clock.advance(hours=1, minutes=1)
        press(chrome, "Ada Lovelace")
        fill(chrome, {"Last name": "King", "Course": "Notes"})
        assert note(chrome) == "Ada King was saved."
        assert rows(chrome, portal) == ["Ada King Notes"]
        assert rows(other, portal) == ["Marie Curie Engines"]
        press(other, "Marie Curie")
        open_and_press(other, "Delete this student", "Delete")
        assert note(other) == "The student was deleted."
        assert rows(other, portal) == []
        assert rows(chrome, portal) == ["Ada King Notes"]
        assert complaints(chrome) == complaints(other) == []
    assert zoho.calls.count(TOKEN, "authorization_code") == 2
    assert zoho.calls.count(TOKEN, "refresh_token") == 2


def test_who_says_no_can_think_again(chrome: Chrome, portal: Portal) -> None:
    chrome.get(portal.url)
    consent(chrome, BOB, "deny")
    heading(chrome, "No consent")
    consent(chrome, BOB)
    heading(chrome, "Students")


def test_who_revokes_the_grant_at_zoho_is_asked_to_log_in_again(
    chrome: Chrome, portal: Portal, zoho: Sandbox
) -> None:
    log_in(chrome, portal, ALICE)
    zoho.revoke(ALICE)
    chrome.get(f"{portal.url}/students")
    heading(chrome, "Please log in again")
    consent(chrome, ALICE)
    heading(chrome, "Students")
    open_and_press(chrome, "Disconnect from Zoho", "Disconnect")
    assert note(chrome) == "The portal can no longer reach your CRM."
    press(chrome, LOG_IN)
    assert "Let this app in?" in text(chrome)


def test_a_page_of_another_server_on_this_machine_cannot_send_our_forms(
    chrome: Chrome, portal: Portal, zoho: Sandbox
) -> None:
    log_in(chrome, portal, ALICE)
    form = (
        f'<form method="post" action="{portal.url}/students">'
        '<input name="Last_Name" value="Mallory"><button>Win a prize</button></form>'
    )
    with page_elsewhere(form) as url:  # the same site to a browser: our cookie comes along
        chrome.get(url)
        press(chrome, "Win a prize")
        heading(chrome, "This form is too old")
    assert ALICE in text(chrome)
    assert rows(chrome, portal) == []
    assert zoho.calls.count("/crm/v8/Contacts", user=ALICE) == 2  # two lists, no new student


def test_a_redirect_for_another_browser_does_not_log_this_one_in(
    chrome: Chrome, portal: Portal, zoho: Sandbox, tmp_path: Path
) -> None:
    chrome.get(portal.url)
    link = chrome.find_element(By.LINK_TEXT, LOG_IN).get_attribute("href")
    with browser(tmp_path / "two") as victim:
        chrome.get(link or "")
        redirect = zoho.consent(chrome.current_url, BOB)
        victim.get(redirect)
        heading(victim, "Not this login")
        assert zoho.calls.count(TOKEN) == 0
    chrome.get(redirect)
    heading(chrome, "Students")


def test_it_can_be_used_by_keyboard_alone_and_skips_to_the_content(
    chrome: Chrome, portal: Portal
) -> None:
    log_in(chrome, portal, ALICE)
    chrome.get(f"{portal.url}/students/new")
    chrome.switch_to.active_element.send_keys(Keys.TAB)
    chrome.switch_to.active_element.send_keys(Keys.ENTER)  # skip to the content
    for words in ("Ada", "Lovelace"):
        chrome.switch_to.active_element.send_keys(Keys.TAB)
        chrome.switch_to.active_element.send_keys(words)
    chrome.switch_to.active_element.send_keys(Keys.ENTER)
    assert note(chrome) == "Ada Lovelace was added."
    assert complaints(chrome) == []


@pytest.mark.parametrize("width", [320, 1280])
def test_a_long_name_does_not_push_the_page_wider_than_the_window(
    chrome: Chrome, portal: Portal, width: int
) -> None:
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    log_in(chrome, portal, ALICE)
    press(chrome, "Add a student")
    fill(chrome, {"Last name": "W" * 80, "E-mail": f"{'w' * 60}@example.com"})
    heading(chrome, "Students")
    assert chrome.execute_script("return document.documentElement.scrollWidth") <= width
