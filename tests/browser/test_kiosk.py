"""A tablet of the clinic in Chromium: the whole hand-over, the cover, the time-out, and nothing left for the next."""

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import func, select

from prom_server.store.assessments import Administration, Response
from prom_server.store.database import Database
from tests.support import axe, handovers
from tests.support.databases import only_sqlite
from tests.support.handovers import ENDS, TabletInChromium
from tests.support.live_server import LiveServer
from tests.support.tablet_browser import ClinicWithTablet, put_credential, type_birth_date

pytestmark = [pytest.mark.browser, only_sqlite]

UPRIGHT = {"width": 768, "height": 1024}


@pytest.fixture
def tablet_clinic(database: Database) -> ClinicWithTablet:
    return ClinicWithTablet(database, 9)


@pytest.fixture
def context(chromium: Browser, live_server: LiveServer, tablet_clinic: ClinicWithTablet) -> BrowserContext:
    context = chromium.new_context(viewport=UPRIGHT)
    put_credential(context, live_server.url, tablet_clinic.credential)
    yield context
    context.close()


@pytest.fixture
def tablet(context: BrowserContext) -> Page:
    return context.new_page()


def stored(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Response)) or 0


def begin(tablet: Page, server: LiveServer, clinic: ClinicWithTablet) -> None:
    clinic.hand_over(clinic.people[0])
    tablet.goto(f"{server.url}/kiosk")
    type_birth_date(tablet)
    tablet.get_by_role("button", name="Start").click()
    tablet.wait_for_url("**/answer/1/1")


def test_a_waiting_tablet_gets_ready_by_itself(
    tablet: Page, live_server: LiveServer, tablet_clinic: ClinicWithTablet
) -> None:
    tablet.goto(f"{live_server.url}/kiosk")
    expect(tablet.get_by_role("heading", name="Welcome.")).to_be_visible()
    axe.assert_accessible(tablet)
    tablet_clinic.hand_over(tablet_clinic.people[0])
    expect(tablet.get_by_label("Month")).to_be_visible(timeout=8000)
    axe.assert_accessible(tablet)


def test_the_number_pad_fills_in_the_date(
    tablet: Page, live_server: LiveServer, tablet_clinic: ClinicWithTablet
) -> None:
    tablet_clinic.hand_over(tablet_clinic.people[0])
    tablet.goto(f"{live_server.url}/kiosk")
    for number in "3121968":
        tablet.get_by_role("button", name=number, exact=True).click()
    values = [tablet.get_by_label(name).input_value() for name in ("Month", "Day", "Year")]
    assert values == ["3", "12", "1968"]
    tablet.get_by_role("button", name="Delete").click()
    assert tablet.get_by_label("Year").input_value() == "196"
    tablet.get_by_role("button", name="8", exact=True).click()
    tablet.get_by_role("button", name="Continue").click()
    tablet.wait_for_url("**/answer")


def test_a_scanner_types_the_six_numbers_and_enter(
    tablet: Page, live_server: LiveServer, tablet_clinic: ClinicWithTablet
) -> None:
    code = tablet_clinic.code_for(tablet_clinic.people[0])
    tablet.goto(f"{live_server.url}/kiosk")
    tablet.keyboard.type(code)
    tablet.keyboard.press("Enter")
    expect(tablet.get_by_label("Month")).to_be_visible()


def test_typed_numbers_show_in_two_groups_of_three(
    tablet: Page, live_server: LiveServer, tablet_clinic: ClinicWithTablet
) -> None:
    code = tablet_clinic.code_for(tablet_clinic.people[0])
    tablet.goto(f"{live_server.url}/kiosk/code")
    for number in code:
        tablet.get_by_role("button", name=number, exact=True).click()
    assert tablet.locator("#code").input_value() == f"{code[:3]} {code[3:]}"
    tablet.get_by_role("button", name="Continue").click()
    expect(tablet.get_by_label("Month")).to_be_visible()


def test_every_page_of_a_tablet_is_accessible(
    tablet: Page, live_server: LiveServer, tablet_clinic: ClinicWithTablet
) -> None:
    tablet.goto(f"{live_server.url}/kiosk/code")
    axe.assert_accessible(tablet)
    tablet.locator("#code").fill("000000")
    tablet.get_by_role("button", name="Continue").click()
    expect(tablet.get_by_role("alert")).to_contain_text("do not open anything")
    axe.assert_accessible(tablet)
    begin(tablet, live_server, tablet_clinic)
    axe.assert_accessible(tablet)
    for address in ("/kiosk/stop", "/kiosk/cover", "/kiosk/here"):
        tablet.goto(live_server.url + address)
        axe.assert_accessible(tablet)


def test_nobody_there_and_the_page_covers_itself_then_ends(
    tablet: Page, live_server: LiveServer, tablet_clinic: ClinicWithTablet
) -> None:
    tablet_clinic.change(kiosk_cover_after=2, kiosk_end_after=2)
    begin(tablet, live_server, tablet_clinic)
    tablet.wait_for_url("**/kiosk/cover", timeout=8000)
    assert "interest" not in tablet.content()
    axe.assert_accessible(tablet)
    tablet.wait_for_url("**/kiosk", timeout=8000)
    tablet.go_back()
    assert "interest" not in tablet.content()


def test_the_birth_date_alone_resumes(tablet: Page, live_server: LiveServer, tablet_clinic: ClinicWithTablet) -> None:
    begin(tablet, live_server, tablet_clinic)
    tablet.goto(f"{live_server.url}/kiosk/cover")
    tablet.get_by_role("link", name="I am still here").click()
    type_birth_date(tablet)
    tablet.wait_for_url("**/answer/1/1")


def test_whoever_touches_the_page_is_not_covered(
    tablet: Page, live_server: LiveServer, tablet_clinic: ClinicWithTablet
) -> None:
    tablet_clinic.change(kiosk_cover_after=3)
    begin(tablet, live_server, tablet_clinic)
    for _ in range(5):
        tablet.wait_for_timeout(1000)
        tablet.mouse.click(5, 300)
    assert tablet.url.endswith("/answer/1/1")


def test_next_waits_for_the_server_and_stores_nothing_on_the_tablet(
    tablet: Page, context: BrowserContext, live_server: LiveServer, tablet_clinic: ClinicWithTablet, database: Database
) -> None:
    begin(tablet, live_server, tablet_clinic)
    tablet.wait_for_timeout(600)
    context.set_offline(True)
    tablet.locator("label.option").nth(2).click()
    tablet.get_by_role("button", name="Next").click()
    expect(tablet.locator(".waiting")).to_be_visible()
    assert tablet.url.endswith("/answer/1/1")
    assert tablet.evaluate("sessionStorage.length + localStorage.length") == 0
    context.set_offline(False)
    tablet.wait_for_url("**/answer/1/2", timeout=20_000)
    assert stored(database) == 1
    with database.reading() as session:
        assert set(session.scalars(select(Administration.mode))) == {"kiosk"}


def test_an_unsent_answer_stays_under_the_cover_until_it_is_stored(
    tablet: Page, context: BrowserContext, live_server: LiveServer, tablet_clinic: ClinicWithTablet, database: Database
) -> None:
    """Also when the line comes back after the session's end: the next person sees the start."""
    begin(tablet, live_server, tablet_clinic)
    tablet_clinic.change(kiosk_cover_after=3, kiosk_end_after=1)
    tablet.reload()
    tablet.wait_for_timeout(600)
    context.set_offline(True)
    tablet.locator("label.option").nth(2).click()
    tablet.get_by_role("button", name="Next").click()
    expect(tablet.get_by_text("This page is covered.")).to_be_visible(timeout=8000)
    expect(tablet.locator("main")).to_be_hidden()
    tablet.wait_for_timeout(2000)
    context.set_offline(False)
    expect(tablet.get_by_text("Please tell the front desk")).to_be_visible(timeout=20_000)
    assert tablet.url.endswith("/kiosk")
    assert stored(database) == 1


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_nothing_of_the_patient_before_is_left(
    chromium: Browser, live_server: LiveServer, tablet_clinic: ClinicWithTablet, scripts: bool
) -> None:
    """A hand-over for each way in which a visit ends; `bin/bench handovers` does a hundred."""
    with TabletInChromium(chromium.browser_type, live_server.url, tablet_clinic, scripts=scripts) as tablet:
        for number, end in enumerate(ENDS):
            assert tablet.visit(tablet_clinic.people[number], end) == []
        assert tablet.on_disk() == []


def test_nothing_of_the_patient_before_is_left_over_http(
    live_server: LiveServer, tablet_clinic: ClinicWithTablet
) -> None:
    tally = handovers.over_http(live_server, tablet_clinic, 8)
    assert tally.found == []
    assert tally.visits == 8
