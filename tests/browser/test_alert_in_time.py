"""From a phone to the desk: two browsers, the real server, and a watch."""

import time

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from prom_server.core.permissions import Role, StaffMember
from prom_server.services import answering, staffing, visit_pages, visits
from prom_server.services.answering import Posted
from prom_server.services.visits import clinic_facts
from prom_server.store.clinics import Clinic
from prom_server.store.database import Database
from prom_server.store.staff import Staff
from tests import cast as people
from tests.support import clinic
from tests.support.clinic import BIRTH_DATE
from tests.support.databases import only_sqlite
from tests.support.live_server import LiveServer
from tests.support.phone import Phone

pytestmark = pytest.mark.browser
SECONDS = 2


@pytest.fixture
def link(database: Database) -> str:
    """Eight items are answered; the ninth comes next. Bob of the clinic has a password."""
    link = clinic.invitations_for(database, 1)[0]
    at = clinic.clock.now()
    with database.writing() as session:
        token = visits.identify(session, link, BIRTH_DATE, at=at).token
        assert token is not None
        answering.start(session, token, at=at)
        for number in range(1, 9):
            step = visit_pages.step(session, token, 1, number, at=at)
            answering.save(session, token, 1, Posted(step.item.id, 0, step.sequence), at=at)
        bob, facts = session.scalars(select(Staff)).one(), clinic_facts(session.scalars(select(Clinic)).one())
        who = StaffMember(bob.id, bob.public_id, bob.name, Role.ADMINISTRATOR, facts)
        new = staffing.new_password_link(session, bob.public_id, by=who, at=at)
        staffing.set_password(session, new.token, people.hashed(people.PASSWORD), at=at)
    return link


def sign_in(page: Page, url: str, database: Database) -> None:
    with database.reading() as session:
        name = session.scalars(select(Staff.email)).one()
    page.goto(f"{url}/sign-in")
    page.locator("input[name=email]").fill(name)
    page.locator("input[name=password]").fill(people.PASSWORD)
    page.locator("form.form button").click()
    page.wait_for_url("**/today")


@only_sqlite
def test_an_answer_on_a_phone_is_on_the_staff_page_within_two_seconds(
    link: str, live_server: LiveServer, page: Page, chromium: Browser, database: Database
) -> None:
    desk = chromium.new_context().new_page()
    sign_in(desk, live_server.url, database)
    phone = Phone(page)
    phone.identify(live_server.url, link)
    phone.page.goto(f"{live_server.url}/answer/1/9")
    phone.choose(1)
    began = time.perf_counter()
    phone.page.get_by_role("button", name="Next", exact=True).click()
    phone.page.wait_for_url("**/help")
    desk.goto(f"{live_server.url}/alerts")
    expect(desk.get_by_text("PHQ-9 item 9 answered 1")).to_be_visible()
    assert time.perf_counter() - began < SECONDS
    desk.context.close()
