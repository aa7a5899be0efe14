"""Entering answers in a real browser: under the fingers, with a keyboard alone; and the item times of a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from prom_server import clock
from prom_server.store.assessments import Administration, RecordedScore, Response
from prom_server.store.database import Database
from tests import cast as people
from tests.cast import PASSWORD, Cast
from tests.support import axe, clinic
from tests.support.databases import only_sqlite
from tests.support.live_server import LiveServer

pytestmark = [pytest.mark.browser, only_sqlite]

SIZES = ((390, 844), (1024, 768), (1440, 900))


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        team = people.cast(session)
        people.set_password(session, team.cora, by=team.ada)
        return team


@pytest.fixture
def invited(database: Database, team: Cast) -> clinic.Invited:
    with database.writing() as session:
        return clinic.invited(session, team.bob, number=3, at=clock.now())


@pytest.fixture
def desk(live_server: LiveServer, database: Database, team: Cast, browser_context: BrowserContext) -> Page:
    """Cora, signed in."""
    with database.reading() as session:
        email = people.email_of(session, team.cora)
    page = browser_context.new_page()
    page.goto(f"{live_server.url}/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    return page


def looked_at(page: Page) -> None:
    """At every size: axe finds nothing, and nothing scrolls sideways."""
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        axe.assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (page.url, width)


def choose(page: Page, url: str, invited: clinic.Invited, mode: str) -> None:
    page.goto(f"{url}/assessments/{invited.assessment}/entry")
    page.get_by_label(mode).check()
    if mode == "Paper form":
        page.get_by_label("Date written on the paper").fill(page.evaluate(TODAY))
    looked_at(page)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("fieldset.row input").first).to_be_focused()


# The clinic's day: Denver's, which may be another one than the browser's.
TODAY = "new Intl.DateTimeFormat('en-CA', {timeZone: 'America/Denver'}).format(new Date())"


def test_a_paper_form_by_keyboard_alone(
    desk: Page, live_server: LiveServer, database: Database, invited: clinic.Invited
) -> None:
    choose(desk, live_server.url, invited, "Paper form")
    looked_at(desk)
    desk.keyboard.type("1112")
    desk.keyboard.press("Backspace")
    desk.keyboard.type("3")  # the fourth item, put right
    desk.keyboard.type("000-0")
    desk.keyboard.type("2")
    expect(desk.get_by_role("button", name="Store and send this part")).to_be_focused()
    desk.keyboard.press("Enter")
    expect(desk.get_by_text("The part is stored and sent.")).to_be_visible()
    with database.reading() as session:
        given = session.scalars(select(Response).order_by(Response.sequence)).all()
        assert [each.value for each in given] == [1, 1, 1, 3, 0, 0, 0, None, 0, 2]
        assert session.scalars(select(RecordedScore.status)).one() == "prorated"


def test_keys_that_are_no_answer_change_nothing(desk: Page, live_server: LiveServer, invited: clinic.Invited) -> None:
    choose(desk, live_server.url, invited, "Paper form")
    desk.keyboard.type("9qx")
    expect(desk.locator("input[type=radio]:checked")).to_have_count(0)
    desk.keyboard.press("Enter")  # goes on, and sends nothing
    expect(desk.locator("#item-2 input").first).to_be_focused()


def test_two_passes_and_what_to_do_now(desk: Page, live_server: LiveServer, invited: clinic.Invited) -> None:
    choose(desk, live_server.url, invited, "Paper form")
    desk.keyboard.type("0000000010")
    desk.get_by_role("button", name="Store, then type it once more to check").click()
    expect(desk.get_by_role("heading", name="This paper form needs somebody now")).to_be_visible()
    looked_at(desk)
    desk.get_by_role("link", name="Type the form once more").click()
    expect(desk.locator("fieldset.row input").first).to_be_focused()
    desk.keyboard.type("0000000020")
    desk.keyboard.press("Enter")
    expect(desk.get_by_text("1 item was typed in two ways")).to_be_visible()
    looked_at(desk)
    desk.get_by_label("second pass").check()
    desk.get_by_role("button", name="Store and send this part").click()
    expect(desk.get_by_role("heading", name="This paper form needs somebody now")).to_be_visible()


def test_a_telephone_interview_and_its_answers(
    desk: Page, live_server: LiveServer, database: Database, invited: clinic.Invited
) -> None:
    choose(desk, live_server.url, invited, "Telephone interview")
    looked_at(desk)
    for number, key in enumerate("00000000", 2):
        desk.keyboard.press(key)
        desk.keyboard.press("Enter")
        expect(desk.get_by_text(f"Item {number} of 9")).to_be_visible()
        expect(desk.locator("fieldset.row input").first).to_be_focused()
    desk.keyboard.press("1")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", name="Stay on the line")).to_be_visible()
    looked_at(desk)
    desk.get_by_role("link", name="Go on with the interview").click()
    desk.get_by_role("button", name="No answer").click()
    looked_at(desk)
    desk.get_by_role("button", name="Send this part").click()
    with database.reading() as session:
        begun = select(Administration.public_id).where(Administration.sequence > 0)
        public_id = session.scalars(begun).one()
    desk.goto(f"{live_server.url}/answers/{public_id}")
    looked_at(desk)
    desk.goto(f"{live_server.url}/patients/{invited.patient}/answers")
    looked_at(desk)


def test_the_times_and_the_kind_of_device_of_a_phone(
    chromium, live_server: LiveServer, database: Database, invited: clinic.Invited
) -> None:
    context = chromium.new_context(
        viewport={"width": 390, "height": 844}, screen={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto(f"{live_server.url}/a/{invited.token}")
    for label, value in (("Month", "3"), ("Day", "12"), ("Year", "1968")):
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Start").click()
    for number in (1, 2):
        expect(page.get_by_text(f"{number} of")).to_be_visible()
        page.wait_for_timeout(1600)
        page.locator(".option").first.click()
        page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("3 of")).to_be_visible()
    _eventually(lambda: people.count(database, Response) == 2, page)
    with database.reading() as session:
        given = session.scalars(select(Response).order_by(Response.sequence)).all()
        assert [1 <= (each.answered_at - each.shown_at).total_seconds() <= 4 for each in given] == [True, True]
        assert session.scalars(select(Administration.device_class).order_by(Administration.position)).first() == "phone"
    context.close()


def _eventually(true: Callable[[], bool], page: Page) -> None:
    for _ in range(50):
        if true():
            return
        page.wait_for_timeout(100)
    raise AssertionError("never")
