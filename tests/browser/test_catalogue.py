"""The instruments and their preview in Chromium: accessible on a phone and on a desk, and walked with real clicks."""

import pytest
from playwright.sync_api import Page, expect

from prom_server.store.database import Database
from tests import cast as people
from tests.cast import PASSWORD
from tests.support import axe
from tests.support.databases import only_sqlite
from tests.support.live_server import LiveServer

pytestmark = [pytest.mark.browser, only_sqlite]

SIZES = ((390, 844), (1440, 900))
PAGES = (
    "/instruments",
    "/instruments?q=zebra",
    "/instruments/promis-29",
    "/instruments/promis-fatigue-cat",
    "/instruments/promis-self-efficacy-symptoms-4a",
    "/instruments/phq-9/preview?page=skip",
    "/instruments/phq-9/preview?page=help&step=9&answers=phq9:2",
    "/instruments/phq-9/preview?page=review&answers=phq1:1,phq2:-",
    "/instruments/phq-9/preview?page=end&answers=phq1:1,phq9:1",
    "/instruments/peg/preview",
)


@pytest.fixture
def desk(page: Page, database: Database, live_server: LiveServer) -> Page:
    """Bob, signed in."""
    with database.writing() as session:
        team = people.cast(session)
        people.set_password(session, team.bob, by=team.ada)
        email = people.email_of(session, team.bob)
    page.goto(f"{live_server.url}/sign-in")
    page.fill("[name=email]", email)
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Today")
    return page


def test_every_page_is_accessible_and_fits(desk: Page, live_server: LiveServer) -> None:
    for path in PAGES:
        desk.goto(live_server.url + path)
        desk.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        for width, height in SIZES:
            desk.set_viewport_size({"width": width, "height": height})
            axe.assert_accessible(desk)
            assert desk.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path


def test_a_preview_from_the_list_to_the_score(desk: Page, live_server: LiveServer) -> None:
    desk.set_viewport_size({"width": 390, "height": 844})
    desk.goto(f"{live_server.url}/instruments?q=peg")
    desk.get_by_role("link", name="PEG", exact=True).click()
    desk.get_by_role("link", name="Preview as a patient").click()
    for value in (6, 7, 7):
        expect(desk.get_by_text("Nothing is stored")).to_be_visible()
        desk.locator(f"input[name=value][value='{value}']").check()
        desk.get_by_role("button", name="Next").click()
    desk.get_by_role("button", name="Send this part").click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("End of the preview: PEG")
    expect(desk.get_by_role("row", name="PEG score")).to_contain_text("6.7")
