"""What only a real browser shows: what it says of a form's origin, and whether a page works."""

from __future__ import annotations

import socket

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from evergrant import Keeper
from evergrant.sandbox import Client, Sandbox
from tests.support.web.chromium import text
from tests.support.web.frameworks import FRAMEWORKS, set_up_django
from tests.support.web.other_site import page_elsewhere
from tests.support.web.visitor import served

ALICE, BOB = "alice@example.com", "bob@example.com"


def press(page: Chrome, selector: str) -> None:
    page.find_element(By.CSS_SELECTOR, selector).click()


def test_a_button_of_ours_logs_out_and_one_of_another_site_does_not(
    chrome: Chrome, keeper: Keeper, door: socket.socket
) -> None:
    """Another port is another origin, but the same site: the browser sends the cookies along."""
    with FRAMEWORKS["flask"](keeper, door, "") as url:
        chrome.get(f"{url}/zoho/login")
        press(chrome, f"input[value^='{ALICE}']")
        press(chrome, "button[value=allow]")
        chrome.find_element(By.XPATH, "//button[.='Log out']")
        assert ALICE in text(chrome)
        form = (
            f'<form method="post" action="{url}/zoho/logout?revoke=1"><button>Win</button></form>'
        )
        with page_elsewhere(form) as page:
            chrome.get(page)
            press(chrome, "button")
            chrome.find_element(By.XPATH, "//*[contains(text(), 'Log out by a button of this')]")
        chrome.get(url)
        chrome.find_element(By.XPATH, "//button[.='Log out']").click()
        chrome.find_element(By.XPATH, "//a[.='Log in']")
    assert len(keeper.store.get_tokens()) == 1


def test_a_member_of_the_staff_ends_a_grant(
    chrome: Chrome, keeper: Keeper, door: socket.socket, zoho: Sandbox, client: Client
) -> None:
    set_up_django()
    from django.contrib.auth.models import User
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.wsgi import get_wsgi_application

    for who in (ALICE, BOB):
        keeper.login_with_code(zoho.grant_code(who, client=client, self_client=True))
    User.objects.filter(username="root").delete()
    User.objects.create_superuser("root", password="planted-staff")
    with served(StaticFilesHandler(get_wsgi_application()), door) as url:
        chrome.get(f"{url}/admin/")
        chrome.find_element(By.NAME, "username").send_keys("root")
        chrome.find_element(By.NAME, "password").send_keys("planted-staff")
        press(chrome, "input[type=submit]")
        chrome.find_element(By.LINK_TEXT, "Tokens").click()
        chrome.find_element(By.ID, "searchbar").send_keys("bob")
        press(chrome, "#changelist-search input[type=submit]")
        chrome.find_element(By.XPATH, "//p[contains(., '1 token')]")
        assert ALICE not in text(chrome)
        press(chrome, f"input[aria-label^='{BOB}']")
        press(chrome, ".actions button")
        press(chrome, "input[type=submit][value^=Yes]")
        chrome.find_element(By.XPATH, f"//li[contains(., 'Revoked: {BOB}')]")
    assert [token.user_name for token in keeper.store.iter_tokens()] == [f"{ALICE}:60000000001"]
