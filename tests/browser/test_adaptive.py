"""A whole adaptive part on a phone, with scripts and without; Back; and a tab that the questions have left."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from prom_server.store.database import Database
from tests.support import adaptive, axe, clinic, recompute
from tests.support.databases import only_sqlite
from tests.support.live_server import LiveServer
from tests.support.phone import DEAF_MS, SIZE, Phone, eventually, stored

pytestmark = pytest.mark.browser


@pytest.fixture
def links(database: Database) -> list[str]:
    return clinic.invitations_for(database, 1, protocol=adaptive.PROTOCOL)


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
def scripts(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def phone(chromium: Browser, scripts: bool) -> Iterator[Phone]:
    context = chromium.new_context(viewport=SIZE, java_script_enabled=scripts)
    yield Phone(context.new_page())
    context.close()


def at_the_part(phone: Phone, server: LiveServer, link: str) -> str:
    """Shows the first item of the adaptive part; its address without the step."""
    phone.begin(server.url, link)
    part = f"/answer/{adaptive.part_number()}"
    phone.page.goto(f"{server.url}{part}/1")
    return part


def to_review(phone: Phone) -> list[str]:
    """Answers until the review; where the pages say they are on the way."""
    seen = []
    while not phone.path.endswith("/review"):
        assert re.fullmatch(r"/answer/\d/\d+", phone.path), phone.path
        seen.append(phone.page.locator("p.place strong").inner_text())
        phone.page.wait_for_timeout(DEAF_MS)
        phone.next(3)
        phone.page.wait_for_load_state()
    return seen


@only_sqlite
def test_a_whole_adaptive_part(
    links: list[str], live_server: LiveServer, phone: Phone, scripts: bool, database: Database
) -> None:
    """One item skipped, an answer changed by Back, the review, the submit."""
    part = at_the_part(phone, live_server, links[0])
    phone.press("Skip this question")
    phone.press("Skip it")
    assert phone.path == f"{part}/2"
    phone.next(4)
    assert phone.path == f"{part}/3"
    second = phone.page.locator("h1.item").inner_text()
    phone.page.get_by_role("link", name="Back").click()
    phone.page.wait_for_url(f"**{part}/2")
    expect(phone.page.locator("label.option input:checked")).to_have_count(1)
    phone.wait_until_ready()
    phone.next(0)
    assert phone.path == f"{part}/3"
    assert phone.page.locator("h1.item").inner_text() != second
    seen = to_review(phone)
    assert all(text.endswith("of at most 13") for text in seen)
    assert phone.path == f"{part}/review"
    expect(phone.page.get_by_text("You skipped one question")).to_be_visible()
    expect(phone.page.get_by_text("cannot be scored")).to_have_count(0)
    if scripts:
        axe.assert_accessible(phone.page)
    phone.press("Send without it")
    assert phone.complaints == []
    given = stored(database)
    assert [value for _item, value in given[:3]] == [None, 5, 1]
    assert given[1][0] == given[2][0]
    with database.reading() as session:
        assert recompute.differences(session) == []


@only_sqlite
def test_a_tab_that_the_questions_have_left_is_led_on(
    links: list[str], live_server: LiveServer, browser_context: BrowserContext, database: Database
) -> None:
    first, second = Phone(browser_context.new_page()), Phone(browser_context.new_page())
    part = at_the_part(first, live_server, links[0])
    first.next(4)
    assert first.path == f"{part}/2"
    eventually(first.page, database, 1)
    second.page.goto(f"{live_server.url}{part}/1")
    second.next(0)  # the first answer is changed: another item comes second
    assert second.page.locator("h1.item").inner_text() != first.page.locator("h1.item").inner_text()
    given = stored(database)
    first.page.wait_for_timeout(DEAF_MS)
    first.choose(2)
    first.page.get_by_role("button", name="Next").click()
    expect(first.page.get_by_text("That question is not asked any more")).to_be_visible()
    assert stored(database) == given
    assert first.complaints == second.complaints == []


@only_sqlite
def test_next_is_instant_and_asks_what_the_answer_leads_to(
    links: list[str], live_server: LiveServer, browser_context: BrowserContext, database: Database
) -> None:
    """Also without a line: the page that follows is there already, and what comes after it waits."""
    phone = Phone(browser_context.new_page())
    with phone.page.expect_response("**/1/ahead"):
        part = at_the_part(phone, live_server, links[0])
    phone.wait_until_ready()
    phone.page.evaluate("window.marker = 'same page'")
    browser_context.set_offline(True)
    phone.next(3)
    assert phone.path == f"{part}/2"
    asked = phone.page.locator("input[name=item]").input_value()
    with phone.page.expect_response("**/2/ahead"):
        browser_context.set_offline(False)
    phone.wait_until_ready()
    phone.next(0)
    assert phone.path == f"{part}/3"
    third = phone.page.locator("input[name=item]").input_value()
    found = eventually(phone.page, database, 2)
    assert (found[1][0], found[0][1]) == (asked, 4)
    phone.wait_until_ready()
    phone.page.get_by_role("link", name="Back").click()
    assert phone.path == f"{part}/2"
    phone.wait_until_ready()
    phone.next(4)
    assert phone.path == f"{part}/3"
    assert phone.page.locator("input[name=item]").input_value() != third
    assert phone.page.evaluate("window.marker") == "same page"
    phone.page.reload()
    assert phone.path == f"{part}/3"
    assert [value for _, value in eventually(phone.page, database, 3)] == [4, 1, 5]
