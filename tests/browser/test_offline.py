"""A phone in a lift: the line is cut, the page is loaded again, the server starts again. Nothing entered is lost."""

import json
import os
import re
import time
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect
from sqlalchemy import select, update

from prom_server import clock
from prom_server.store.assessments import Administration, Response
from prom_server.store.database import Database
from prom_server.store.invitations import PatientSession
from tests.support import clinic
from tests.support.databases import only_sqlite
from tests.support.live_server import LiveServer
from tests.support.phone import DEAF_MS, SIZE, Phone, eventually, stored

pytestmark = [pytest.mark.browser]

CUT_SECONDS = float(os.environ.get("PROM_CUT_SECONDS", "2"))  # 30 in the bench
NOT_SENT = "Not sent yet."
KEPT = "JSON.parse(sessionStorage.getItem('pending'))"
ANSWERS = [("phq1", 1), ("phq2", 2), ("phq3", 3), ("phq4", 0), ("phq5", 1), ("phq6", 2), ("phq7", 3), ("phq8", 0)]


@pytest.fixture
def link(database: Database) -> str:
    return clinic.invitations_for(database, 1)[0]


@pytest.fixture
def phone(page: Page, live_server: LiveServer, link: str) -> Phone:
    """At the first question, with all that follow already there."""
    phone = Phone(page)
    with page.expect_response("**/answer/1/9"):
        phone.begin(live_server.url, link)
    return phone


def answer(phone: Phone, *values: int) -> None:
    """One after the other; each next question is there at once."""
    for value in values:
        phone.page.wait_for_timeout(DEAF_MS + 50)
        phone.next(value)


def kept(phone: Phone) -> list[tuple[str, int]]:
    found = phone.page.evaluate(KEPT) or {"queue": []}
    return [(each["fields"]["item"], int(each["fields"]["value"])) for each in found["queue"]]


def until_all_is_sent(phone: Phone) -> None:
    for _ in range(200):
        if not kept(phone):
            return
        phone.page.wait_for_timeout(50)
    raise AssertionError(kept(phone))


# ---- The line is cut


@only_sqlite
def test_a_cut_in_the_middle_of_the_phq_9_loses_none_of_nine_answers(
    phone: Phone, browser_context: BrowserContext, database: Database
) -> None:
    answer(phone, 1, 2)
    eventually(phone.page, database, 2)
    browser_context.set_offline(True)
    began = time.monotonic()
    answer(phone, 3, 0, 1, 2)  # nothing waits for the line
    assert phone.path == "/answer/1/7"
    expect(phone.page.get_by_text(NOT_SENT)).to_be_visible()
    assert stored(database) == ANSWERS[:2]
    assert kept(phone) == ANSWERS[2:6]
    phone.page.wait_for_timeout(max(0, 1000 * (CUT_SECONDS - (time.monotonic() - began))))
    browser_context.set_offline(False)
    assert eventually(phone.page, database, 6) == ANSWERS[:6]
    expect(phone.page.get_by_text(NOT_SENT)).to_be_hidden()
    answer(phone, 3, 0, 0)
    assert eventually(phone.page, database, 9) == [*ANSWERS, ("phq9", 0)]
    assert phone.page.evaluate("sessionStorage.length") == 0
    with database.reading() as session:
        rows = session.scalars(select(Response).order_by(Response.sequence)).all()
        assert [row.sequence for row in rows] == list(range(1, 10))
        assert (rows[2].at - rows[2].answered_at).total_seconds() >= CUT_SECONDS - 1  # given then, received later
        assert (rows[8].at - rows[8].answered_at).total_seconds() <= 1


@only_sqlite
def test_without_scripts_the_same_walk_works_with_reloads(
    chromium: Browser, live_server: LiveServer, link: str, database: Database
) -> None:
    context = chromium.new_context(viewport=SIZE, java_script_enabled=False)
    phone = Phone(context.new_page())
    phone.begin(live_server.url, link)
    for number, (_, value) in enumerate([*ANSWERS, ("phq9", 0)], 1):
        phone.choose(value)
        if number == 5:
            context.set_offline(True)
            phone.page.get_by_role("button", name="Next").click()
            phone.page.wait_for_timeout(500)
            context.set_offline(False)
            phone.page.goto(f"{live_server.url}/answer/1/{number}")  # the browser's own error page: back, and again
            phone.choose(value)
        phone.press("Next")
        phone.page.reload()
    assert stored(database) == [*ANSWERS, ("phq9", 0)]
    context.close()


@only_sqlite
def test_what_is_not_sent_survives_a_reload(
    phone: Phone, live_server: LiveServer, browser_context: BrowserContext, database: Database
) -> None:
    browser_context.set_offline(True)
    answer(phone, 1, 2, 3)
    url = phone.page.url
    with pytest.raises(Exception, match="ERR_INTERNET_DISCONNECTED"):
        phone.page.reload()
    browser_context.set_offline(False)
    phone.page.goto(url)
    assert eventually(phone.page, database, 3) == ANSWERS[:3]
    answer(phone, 0)
    assert eventually(phone.page, database, 4) == ANSWERS[:4]
    assert kept(phone) == []


@only_sqlite
def test_an_answer_that_waits_is_shown_again_after_a_reload_and_leads_on(
    phone: Phone, live_server: LiveServer, database: Database
) -> None:
    """Item 9 is stored before anything else is shown. The page is loaded again while it is on its way."""
    phone.page.goto(f"{live_server.url}/answer/1/9")
    phone.page.route("**/answer/1/9", only_pages)
    phone.choose(0)
    phone.page.get_by_role("button", name="Next").click()
    assert kept(phone) == [("phq9", 0)]
    phone.page.reload()
    expect(phone.page.locator("input[type=radio]:checked")).to_have_value("0")
    expect(phone.page.get_by_role("button", name="Next")).to_be_disabled()
    phone.page.unroute("**/answer/1/9")
    phone.page.wait_for_url("**/answer/1/review", timeout=20_000)
    assert stored(database) == [("phq9", 0)]


@only_sqlite
def test_the_help_comes_after_two_seconds_also_after_a_reload(
    phone: Phone, live_server: LiveServer, database: Database
) -> None:
    phone.page.goto(f"{live_server.url}/answer/1/9")
    phone.page.route("**/answer/1/9", only_pages)
    phone.choose(2)
    phone.page.get_by_role("button", name="Next").click()
    began = time.monotonic()
    expect(phone.page.get_by_role("link", name="Call 988")).to_be_visible(timeout=4000)
    assert time.monotonic() - began >= 1.5
    expect(phone.page.get_by_text("Your answer is not sent yet.")).to_be_visible()
    phone.page.reload()
    expect(phone.page.get_by_role("link", name="Call 988")).to_be_visible(timeout=3000)
    phone.page.unroute("**/answer/1/9")
    phone.page.wait_for_url("**/answer/1/9/help", timeout=20_000)
    assert stored(database)[-1] == ("phq9", 2)


def only_pages(route: Route) -> None:
    """The page loads; an answer does not arrive."""
    if route.request.method == "POST":
        route.abort()
    else:
        route.continue_()


@only_sqlite
def test_back_without_a_line_shows_what_was_entered_and_a_change_is_kept_after_it(
    phone: Phone, browser_context: BrowserContext, database: Database
) -> None:
    """Both in the history, in their order; and nobody is asked which of their own two answers is right."""
    browser_context.set_offline(True)
    answer(phone, 1, 2)
    phone.page.get_by_role("link", name="Back").click()
    assert phone.path == "/answer/1/2"
    expect(phone.page.locator("input[type=radio]:checked")).to_have_value("2")
    phone.page.go_back()
    assert phone.path == "/answer/1/3"
    phone.page.go_back()
    assert phone.path == "/answer/1/2"
    answer(phone, 3)
    assert phone.path == "/answer/1/3"
    browser_context.set_offline(False)
    assert eventually(phone.page, database, 3) == [("phq1", 1), ("phq2", 2), ("phq2", 3)]
    expect(phone.page.get_by_text(NOT_SENT)).to_be_hidden()
    assert phone.path == "/answer/1/3"


@only_sqlite
@pytest.mark.parametrize(
    ("press", "leads_to"),
    [("Skip this question", "/answer/1/5/skip"), ("Back", "/answer/1/4"), ("Next", "/answer/1/5")],
)
def test_a_page_that_the_server_has_to_make_waits_for_the_line(
    phone: Phone, live_server: LiveServer, browser_context: BrowserContext, press: str, leads_to: str
) -> None:
    """Nobody is sent to the browser's own page that says there is no line. Next: without a choice."""
    phone.page.goto(f"{live_server.url}/answer/1/5")
    browser_context.set_offline(True)
    phone.page.get_by_text(press, exact=True).click()
    expect(phone.page.get_by_text(NOT_SENT)).to_be_visible()
    assert phone.path == "/answer/1/5"
    with phone.page.expect_navigation(url=f"**{leads_to}"):
        browser_context.set_offline(False)


@only_sqlite
def test_a_reply_that_was_lost_stores_nothing_twice(phone: Phone, database: Database) -> None:
    """The answer arrived, its reply did not: the same is sent again, and the server knows it."""
    lost = []

    def lose(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            route.fetch()
            lost.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    phone.page.route("**/answer/1/1", lose)
    answer(phone, 1)
    assert eventually(phone.page, database, 1) == [("phq1", 1)]
    until_all_is_sent(phone)
    assert stored(database) == [("phq1", 1)]


@only_sqlite
def test_a_server_that_is_away_or_fails_is_waited_for(phone: Phone, database: Database) -> None:
    away = [408, 429, 500, 502, 503, 504]
    phone.page.route(
        "**/answer/1/1",
        lambda route: route.fulfill(status=away.pop(0), body='{"error": "unexpected"}') if away else route.continue_(),
    )
    answer(phone, 1)
    expect(phone.page.get_by_text(NOT_SENT)).to_be_visible()
    assert kept(phone) == [("phq1", 1)]
    while away or kept(phone):
        phone.page.evaluate("dispatchEvent(new Event('online'))")  # it tries at once
        phone.page.wait_for_timeout(50)
    assert stored(database) == [("phq1", 1)]


@only_sqlite
def test_the_sign_in_page_of_a_network_is_no_reply(phone: Phone, database: Database) -> None:
    phone.page.route("**/answer/1/1", lambda route: route.fulfill(status=200, body="<html>Welcome to our wifi"))
    answer(phone, 1)
    expect(phone.page.get_by_text(NOT_SENT)).to_be_visible()
    phone.page.unroute("**/answer/1/1")
    assert eventually(phone.page, database, 1) == [("phq1", 1)]


@only_sqlite
def test_a_server_that_starts_again_and_a_reload_lose_nothing(
    phone: Phone, live_server: LiveServer, database: Database
) -> None:
    live_server.kill()
    answer(phone, 1, 2)
    live_server.start()
    phone.page.reload()
    assert eventually(phone.page, database, 2) == ANSWERS[:2]


# ---- Other sessions


@only_sqlite
def test_a_session_that_ended_meanwhile_asks_for_the_birth_date_and_loses_nothing(
    phone: Phone, browser_context: BrowserContext, database: Database
) -> None:
    browser_context.set_offline(True)
    answer(phone, 1, 2, 3)
    with database.writing() as session:
        row = session.scalars(select(PatientSession)).one()
        session.execute(update(PatientSession).values(seen_at=row.seen_at - timedelta(hours=1)))
    browser_context.set_offline(False)
    expect(phone.page.get_by_role("heading", name="Welcome back.")).to_be_visible(timeout=20_000)
    for label, value in (("Month", "3"), ("Day", "12"), ("Year", "1968")):
        phone.page.get_by_label(label).fill(value)
    phone.page.get_by_role("button", name="Continue").click()
    assert eventually(phone.page, database, 3) == ANSWERS[:3]
    phone.page.wait_for_url(re.compile("/answer/1/[234]$"))


@only_sqlite
def test_what_is_kept_of_another_visit_is_thrown_away(phone: Phone, database: Database) -> None:
    """Another patient's, on the same phone; and what was begun again because it was entered in error."""
    fields = {"item": "phq1", "value": "3", "sequence": "0"}
    queue = [{"address": "/answer/1/1", "fields": fields, "given": 0, "next": None}]
    old = json.dumps({"whose": "0" * 16, "queue": queue})
    phone.page.evaluate("old => sessionStorage.setItem('pending', old)", old)
    phone.page.reload()
    assert phone.page.evaluate("sessionStorage.length") == 0
    phone.wait_until_ready()
    assert stored(database) == []


@only_sqlite
def test_what_a_device_keeps_names_nobody_and_changes_with_the_administrations(
    phone: Phone, live_server: LiveServer, browser_context: BrowserContext, database: Database
) -> None:
    browser_context.set_offline(True)
    answer(phone, 1)
    held = phone.page.evaluate("JSON.stringify({...sessionStorage})")
    fields = json.loads(json.loads(held)["pending"])["queue"][0]["fields"]
    assert {"item", "sequence", "value"} <= set(fields)
    assert "csrf_token" not in fields
    assert not re.search("alice|specimen|1968|token", held, re.IGNORECASE)
    assert phone.page.evaluate("localStorage.length") == 0
    before = phone.page.evaluate(KEPT)["whose"]
    with database.writing() as session:
        session.execute(update(Administration).where(Administration.position == 2).values(in_error_at=clinic.NOON))
    browser_context.set_offline(False)
    until_all_is_sent(phone)
    phone.page.goto(f"{live_server.url}/answer/1/2")
    assert phone.page.locator("form[data-step]").get_attribute("data-pending") != before


@only_sqlite
def test_the_end_of_the_visit_forgets(phone: Phone, live_server: LiveServer) -> None:
    phone.page.evaluate("sessionStorage.setItem('pending', 'x')")
    proof = phone.page.locator("form[data-step] input[name=csrf_token]").get_attribute("value")
    phone.page.evaluate(
        """proof => { const form = document.createElement('form'); form.method = 'post'; form.action = '/answer/leave';
        form.innerHTML = `<input name=csrf_token value=${proof}>`; document.body.append(form); form.submit(); }""",
        proof,
    )
    expect(phone.page.get_by_text("You can close this window")).to_be_visible()
    phone.page.wait_for_function("sessionStorage.length === 0")


@only_sqlite
def test_a_review_is_made_again_with_what_was_kept(phone: Phone, live_server: LiveServer, database: Database) -> None:
    """Never sent without answers that were given and are on their way."""
    phone.page.route("**/answer/1/1", only_pages)
    answer(phone, 1, 2)
    phone.page.goto(f"{live_server.url}/answer/1/review")
    expect(phone.page.get_by_role("heading", name="10 answers are missing")).to_be_hidden()
    expect(phone.page.get_by_text(NOT_SENT)).to_be_visible(timeout=10_000)
    phone.page.get_by_role("button", name="Send without them").click()
    phone.page.wait_for_timeout(500)
    phone.page.unroute("**/answer/1/1")
    expect(phone.page.get_by_text("2 of").or_(phone.page.get_by_text("8 missing")).first).to_be_visible(timeout=20_000)
    assert stored(database) == ANSWERS[:2]
    with database.reading() as session:
        assert session.scalars(select(Administration.submitted_at)).all() == [None, None]


@only_sqlite
def test_a_tab_becomes_nobody_else_s(
    phone: Phone, live_server: LiveServer, browser_context: BrowserContext, database: Database
) -> None:
    """Another link is opened in the same browser. What the first tab holds waits for its own link."""
    with database.writing() as session:
        by = clinic.member(session, session.get_one(clinic.Clinic, 1), name="Cy Example")
        other = clinic.invited(session, by, number=7, at=clock.now()).token
    second = Phone(browser_context.new_page())
    second.begin(live_server.url, other)
    phone.choose(3)
    phone.page.get_by_role("button", name="Next").click()
    expect(phone.page.get_by_role("heading", name="Not open here any more")).to_be_visible()
    assert kept(phone) == [("phq1", 3)]
    assert stored(database) == []


@only_sqlite
def test_another_language_waits_for_the_answers_on_their_way(
    phone: Phone, browser_context: BrowserContext, database: Database
) -> None:
    """Else the first answer of a questionnaire would be stored as one to its Spanish wording."""
    browser_context.set_offline(True)
    answer(phone, 1)
    phone.page.locator(".tools summary").click()
    phone.page.get_by_role("button", name="Español").click()
    expect(phone.page.get_by_text(NOT_SENT)).to_be_visible()
    browser_context.set_offline(False)
    expect(phone.page.locator("html")).to_have_attribute("lang", "es", timeout=20_000)
    assert stored(database) == [("phq1", 1)]
    with database.reading() as session:
        assert session.scalars(select(Administration.language).order_by(Administration.position)).first() == "en"


@only_sqlite
def test_a_line_lost_before_the_question_about_two_answers_loses_none(phone: Phone, database: Database) -> None:
    old = phone.page.locator("form[data-step] input[name=sequence]")
    phone.page.context.new_page().goto(phone.page.url)
    other = Phone(phone.page.context.pages[-1])
    other.wait_until_ready()
    other.next(0)
    eventually(other.page, database, 1)
    assert old.get_attribute("value") == "0"
    phone.page.route("**/answer/1/1", no_pages)
    answer(phone, 3)
    expect(phone.page.get_by_text(NOT_SENT)).to_be_visible()
    assert kept(phone) == [("phq1", 3)]
    phone.page.unroute("**/answer/1/1")
    phone.page.evaluate("dispatchEvent(new Event('online'))")
    expect(phone.page.get_by_role("heading", name="Two different answers")).to_be_visible()
    assert kept(phone) == []
    phone.page.get_by_role("button", name="Nearly every day").click()
    phone.page.wait_for_url("**/answer/1/2")
    assert stored(database) == [("phq1", 0), ("phq1", 3)]


def no_pages(route: Route) -> None:
    """The answer arrives, and what the server's page says of it does not."""
    if "json" in route.request.headers["accept"]:
        route.continue_()
    else:
        route.abort()


# ---- A clinic's tablet


@only_sqlite
def test_a_tablet_keeps_nothing_and_waits(page: Page, live_server: LiveServer, link: str, database: Database) -> None:
    """The same page as a tablet gets it: marked as one."""

    def as_tablet(route: Route) -> None:
        reply = route.fetch()
        route.fulfill(response=reply, body=reply.text().replace("<form ", "<form data-kiosk "))

    phone = Phone(page)
    phone.begin(live_server.url, link)
    page.route("**/answer/1/*", lambda route, request: as_tablet(route) if is_page(request) else route.continue_())
    page.reload()
    phone.wait_until_ready()
    page.route("**/answer/1/1", only_pages)
    phone.choose(2)
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text(NOT_SENT)).to_be_visible()
    assert phone.path == "/answer/1/1"
    assert page.evaluate("[sessionStorage.length, localStorage.length]") == [0, 0]
    page.evaluate("window.marker = 'same page'")
    page.unroute("**/answer/1/1")
    page.wait_for_url("**/answer/1/2", timeout=20_000)
    assert page.evaluate("window.marker") == "same page"  # the next question was there already
    assert stored(database) == [("phq1", 2)]
    page.unroute_all(behavior="ignoreErrors")


def is_page(request: Request) -> bool:
    return request.method == "GET"
