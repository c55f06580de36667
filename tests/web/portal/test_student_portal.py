"""The student portal, as people use it, by the requests of their browsers."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor

from evergrant.sandbox import Sandbox
from tests.support.waiting import until
from tests.support.web.portal import Portal
from tests.support.web.portal_visitor import ALICE, BOB, CAROL, Visitor, said

TOKEN, CONTACTS = "/oauth/v2/token", "/crm/v8/Contacts"


def test_a_student_is_added_changed_and_deleted(alice: Visitor) -> None:
    assert "nobody here yet" in said(alice.get("/students"))
    alice.add("Lovelace", First_Name="Ada", Email="ada@example.com", Department="Engines")
    assert "Ada Lovelace was added." in said(alice.get("/students"))
    path = alice.student_path()
    alice.post(path, Last_Name="King", First_Name="Ada", Department="")
    page = said(alice.get("/students"))
    assert "Ada King" in page
    assert "Engines" not in page
    assert alice.post(f"{path}/delete").status_code == 303
    assert alice.students() == []
    assert alice.get(path).status_code == 404


def test_who_says_no_at_zoho_reads_what_that_means(stranger: Visitor, zoho: Sandbox) -> None:
    answer = stranger.get(zoho.consent(stranger.begin(), ALICE, allow=False))
    assert (answer.status_code, "No consent" in said(answer)) == (403, True)
    assert 'href="/login"' in answer.text
    assert not stranger.logged_in()


def test_users_of_two_data_centers_each_see_their_own(
    portal: Portal, zoho: Sandbox, alice: Visitor
) -> None:
    with Visitor(portal, zoho, BOB) as bob, Visitor(portal, zoho, CAROL) as carol:
        bob.log_in()
        carol.log_in()
        alice.add("Lovelace")
        carol.add("Curie")
        bob.add("Turing")
        assert alice.students() == bob.students() == [" Turing", " Lovelace"]  # one org
        assert carol.students() == [" Curie"]
        assert BOB in bob.get("/students").text
    homes = {(call.user, call.data_center) for call in zoho.calls if call.path == CONTACTS}
    assert homes == {(ALICE, "us"), (BOB, "us"), (CAROL, "eu")}


def test_many_requests_at_once_never_act_for_somebody_else(
    portal: Portal, zoho: Sandbox, alice: Visitor
) -> None:
    with Visitor(portal, zoho, CAROL) as carol, ThreadPoolExecutor(8) as pool:
        carol.log_in()
        alice.add("Lovelace")
        carol.add("Curie")
        zoho.clock.advance(hours=1)
        # The portal's clock follows within 50 ms. A refresh before it does would be rejected by its
        # time and grant an hour that has passed for those who come after.
        time.sleep(0.1)
        before = zoho.calls.count(TOKEN)
        seen = list(pool.map(lambda number: (alice, carol)[number % 2].students(), range(40)))
    assert seen == [[" Lovelace"], [" Curie"]] * 20
    assert zoho.calls.count(TOKEN) - before == 2


def test_a_restart_and_an_hour_ask_nobody_to_log_in_again(
    portal: Portal, zoho: Sandbox, alice: Visitor
) -> None:
    alice.add("Lovelace")
    for _ in range(3):
        portal.restart()
        zoho.clock.advance(hours=1, minutes=1)
        assert alice.students() == [" Lovelace"]
    assert zoho.calls.count(TOKEN, "authorization_code") == 1


def test_a_login_that_began_before_a_restart_ends_after_it(portal: Portal, zoho: Sandbox) -> None:
    with Visitor(portal, zoho) as visitor:
        consent_page = visitor.begin()
        portal.restart()
        visitor.get(zoho.consent(consent_page, ALICE))
        assert visitor.logged_in()


def test_a_grant_that_was_revoked_at_zoho_asks_for_a_new_login_and_a_new_consent(
    zoho: Sandbox, alice: Visitor
) -> None:
    alice.add("Lovelace")
    zoho.revoke(ALICE)
    answer = alice.get("/students")
    assert (answer.status_code, "Please log in again" in said(answer)) == (401, True)
    (path,) = re.findall(r'href="(/login[^"]*)"', answer.text)
    assert "prompt=consent" in alice.begin(path)
    alice.log_in(path)
    assert alice.students() == [" Lovelace"]


def test_while_zoho_throttles_the_user_is_asked_to_wait_and_stays_logged_in(
    zoho: Sandbox, alice: Visitor
) -> None:
    zoho.clock.advance(hours=1)
    zoho.faults.throttle(times=None)
    for _ in range(2):
        answer = alice.get("/students")
        assert (answer.status_code, "Zoho asks us to wait until" in said(answer)) == (503, True)
    zoho.faults.clear()
    zoho.clock.advance(minutes=11)
    until(alice.logged_in)  # the portal looks at the sandbox's clock only now and then


def test_after_logging_out_the_grant_is_there_for_the_next_login(
    zoho: Sandbox, alice: Visitor
) -> None:
    assert alice.post("/logout").headers["location"] == "/"
    assert alice.get("/students").headers["location"] == "/"
    alice.log_in()
    zoho.clock.advance(hours=2)
    assert alice.logged_in()


def test_disconnecting_ends_the_grant_for_all_browsers(
    portal: Portal, zoho: Sandbox, alice: Visitor
) -> None:
    with Visitor(portal, zoho, ALICE) as elsewhere:
        elsewhere.log_in()
        alice.post("/disconnect")
        assert "can no longer reach your CRM" in said(alice.get("/"))
        assert zoho.calls.count("/oauth/v2/token/revoke") == 1
        assert elsewhere.get("/students").status_code == 401
        elsewhere.log_in("/login?again=")
        assert elsewhere.logged_in()


def test_what_cannot_be_saved_is_shown_again_with_the_reason_beside_it(alice: Visitor) -> None:
    for values, complaint in (
        ({"Last_Name": " "}, "Last name is missing."),
        ({"Last_Name": "x" * 81}, "Last name is longer than 80 characters."),
        ({"Last_Name": "L", "Email": "nowhere"}, "E-mail: Zoho CRM says “invalid data”."),
    ):
        answer = alice.post("/students", First_Name="Ada", **values)
        assert (answer.status_code, complaint in said(answer)) == (422, True)
        assert 'value="Ada"' in answer.text
        assert 'aria-invalid="true"' in answer.text
    assert alice.students() == []


def test_a_crm_in_trouble_is_a_page_and_not_a_crash(zoho: Sandbox, alice: Visitor) -> None:
    faults = zoho.faults
    for fault in (faults.server_error, faults.html, faults.empty, faults.half_json, faults.refuse):
        fault(path=CONTACTS)
        answer = alice.get("/students")
        assert (answer.status_code, "Zoho CRM" in said(answer)) == (502, True), fault
    assert alice.students() == []


def test_numbers_of_pages_and_students_that_do_not_exist(alice: Visitor) -> None:
    for number in range(21):
        alice.add(f"Student {number:02}")
    assert alice.students()[0] == " Student 20"
    assert 'href="/students?page=2"' in alice.get("/students").text
    assert "Student 00" in said(alice.get("/students?page=2"))
    for path in ("/students?page=0", "/students?page=101", "/students/4711", "/students/x"):
        assert alice.get(path).status_code == 404
    assert alice.post("/students/4711/delete").status_code == 502


def test_a_method_that_is_not_allowed_has_a_page_too(alice: Visitor) -> None:
    answer = alice.get("/logout")
    assert (answer.status_code, "Method Not Allowed" in said(answer)) == (405, True)


def test_a_callback_that_is_loaded_again_leads_to_the_students(
    stranger: Visitor, zoho: Sandbox
) -> None:
    back, other = (zoho.consent(stranger.begin(), ALICE) for _ in range(2))
    for _ in range(2):
        for address in (back, other):
            assert stranger.get(address).headers["location"] == "/students"
    assert stranger.logged_in()


def test_a_second_login_asks_for_consent_by_itself(stranger: Visitor, zoho: Sandbox) -> None:
    zoho.grant_code(ALICE)  # a consent of old, whose refresh token nobody kept
    again = stranger.log_in().headers["location"]
    assert "prompt=consent" in again
    assert stranger.get(zoho.consent(again, ALICE)).headers["location"] == "/students"
    assert stranger.logged_in()
