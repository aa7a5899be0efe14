"""A whole visit on a phone, with scripts and without; what scripts add; and a phone that loses its line."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import func, select

from prom_server.store.alerts import Alert
from prom_server.store.assessments import Administration, Assessment, RecordedScore, Response
from prom_server.store.database import Database
from tests.support import clinic, recompute
from tests.support.databases import only_sqlite
from tests.support.live_server import LiveServer
from tests.support.phone import DEAF_MS, SIZE, Phone, eventually, stored

pytestmark = pytest.mark.browser

ITEMS = 29 + 10 + 7 + 13
ITEM_9 = "/answer/2/9"
SKIPPED = "/answer/1/5"


@pytest.fixture
def link(database: Database) -> str:
    return clinic.invitations_for(database, 1, protocol=clinic.DEFAULT)[0]


@pytest.fixture
def short_link(database: Database) -> str:
    return clinic.invitations_for(database, 1)[0]


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
def scripts(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def phone(page: Page) -> Phone:
    return Phone(page)


@pytest.fixture
def either_phone(chromium: Browser, scripts: bool) -> Iterator[Phone]:
    context = chromium.new_context(viewport=SIZE, java_script_enabled=scripts)
    if scripts:
        context.clock.install()  # so that the deaf moment after each of 59 page turns can be passed over
    yield Phone(context.new_page())
    context.close()


# ---- The whole visit


@pytest.mark.parametrize(
    ("database_kind", "scripts"),
    [("sqlite", True), ("sqlite", False), pytest.param("postgresql", True, marks=pytest.mark.postgresql)],
    indirect=["scripts"],
    ids=["sqlite-scripts", "sqlite-no-scripts", "postgresql-scripts"],
)
def test_a_whole_visit(
    link: str, live_server: LiveServer, either_phone: Phone, scripts: bool, database: Database
) -> None:
    """59 items in four parts: one skipped, item 9 at 1 with its help page, four reviews, thanks."""
    phone = either_phone
    phone.begin(live_server.url, link)
    seen = []
    while phone.path != "/answer/thanks":
        seen.append(phone.path)
        _act(phone, scripts)
    assert phone.page.get_by_role("heading", name="Thank you.").is_visible()
    assert {"/answer/1/5/skip", f"{ITEM_9}/help"} <= set(seen)
    assert [path for path in seen if path.endswith("review")] == [f"/answer/{part}/review" for part in (1, 2, 3, 4)]
    assert len([path for path in seen if re.fullmatch(r"/answer/\d/\d+", path)]) == ITEMS
    phone.page.get_by_role("button", name="Close").click()
    assert phone.page.get_by_role("heading", name="Closed.").is_visible()
    assert phone.complaints == []
    _assert_stored(database)


def _act(phone: Phone, scripts: bool) -> None:
    path = phone.path
    if scripts and re.fullmatch(r"/answer/\d/\d+", path):
        phone.page.clock.fast_forward(DEAF_MS + 1)
    if path == SKIPPED:
        phone.press("Skip this question")
    elif path.endswith("/skip"):
        phone.press("Skip it")
    elif path.endswith("/help"):
        assert phone.page.get_by_role("link", name="Call 988").is_visible()
        phone.page.get_by_role("link", name="Continue").click()
        phone.page.wait_for_url("**/answer/2/10")
    elif path.endswith("/break"):
        phone.page.get_by_role("link", name="Go on").click()
        phone.page.wait_for_url(re.compile(r"/answer/\d/1$"))
    elif path == "/answer/1/review":
        assert phone.page.get_by_text("One answer is missing").is_visible()
        phone.press("Send without it")
    elif path.endswith("/review"):
        phone.press("Send this part")
    else:
        phone.next(1)


def _assert_stored(database: Database) -> None:
    with database.reading() as session:
        assert recompute.differences(session) == []
        assert session.scalar(select(func.count()).where(Assessment.completed_at.is_not(None))) == 1
        parts = session.scalars(select(Administration).order_by(Administration.position)).all()
        assert [part.instrument_id for part in parts] == ["promis-29", "phq-9", "gad-7", "pcs"]
        assert all(part.submitted_at is not None for part in parts)
        values = session.scalars(select(Response.value)).all()
        assert len(values) == ITEMS
        assert values.count(None) == 1
        totals = session.execute(select(RecordedScore.value).where(RecordedScore.scale == "total"))
        assert [int(value) for value in totals.scalars()] == [9, 7, 13]
        assert session.scalars(select(Alert.value)).all() == [1]


# ---- What scripts add


@only_sqlite
def test_next_is_instant_and_loads_no_page(
    short_link: str, live_server: LiveServer, phone: Phone, database: Database
) -> None:
    phone.begin(live_server.url, short_link)
    phone.page.evaluate("window.marker = 'same page'")
    for number in range(1, 5):
        phone.wait_until_ready()
        phone.next(0)
        assert phone.path == f"/answer/1/{number + 1}"
        assert phone.page.evaluate("window.marker") == "same page"
        assert phone.page.evaluate("document.activeElement.tagName") == "LEGEND"
        expect(phone.page.locator(".place")).to_contain_text(f"{number + 1} of 9")
        assert phone.page.locator("input[type=radio]:checked").count() == 0
    assert eventually(phone.page, database, 4) == [(f"phq{number}", 0) for number in range(1, 5)]
    assert phone.complaints == []


@only_sqlite
def test_back_shows_what_was_answered(
    short_link: str, live_server: LiveServer, phone: Phone, database: Database
) -> None:
    """The link on the page, and the browser's own button; a change is stored after what it changes."""
    phone.begin(live_server.url, short_link)
    for _ in range(2):
        phone.wait_until_ready()
        phone.next(2)
    phone.wait_until_ready()
    phone.page.get_by_role("link", name="Back").click()
    phone.page.wait_for_url("**/answer/1/2")
    expect(phone.page.locator("input[type=radio]:checked")).to_have_value("2")
    phone.wait_until_ready()
    phone.next(3)
    assert phone.path == "/answer/1/3"
    phone.wait_until_ready()
    phone.page.go_back()
    phone.page.wait_for_url("**/answer/1/2")
    expect(phone.page.locator("input[type=radio]:checked")).to_have_value("3")
    assert stored(database) == [("phq1", 2), ("phq2", 2), ("phq2", 3)]
    assert phone.complaints == []


@only_sqlite
def test_keys_choose_an_option(short_link: str, live_server: LiveServer, phone: Phone, database: Database) -> None:
    phone.begin(live_server.url, short_link)
    for number, key in enumerate("3149", 1):
        phone.wait_until_ready()
        if key == "9":  # no such option here
            phone.page.keyboard.press(key)
            assert phone.page.locator("input[type=radio]:checked").count() == 0
            break
        phone.page.keyboard.press(key)
        phone.page.keyboard.press("Enter")
        phone.page.wait_for_url(f"**/answer/1/{number + 1}")
    assert eventually(phone.page, database, 3) == [("phq1", 2), ("phq2", 0), ("phq3", 3)]
    assert phone.complaints == []


@only_sqlite
def test_a_second_tap_answers_nothing_and_a_deliberate_one_counts(
    short_link: str, live_server: LiveServer, phone: Phone, database: Database
) -> None:
    """Deaf for half a second after a page turn: what is chosen and pressed later is not lost."""
    phone.begin(live_server.url, short_link)
    phone.wait_until_ready()
    phone.choose(1)
    following = phone.page.get_by_role("button", name="Next")
    following.dblclick()
    assert phone.path == "/answer/1/2"
    phone.choose(3)
    following.click()
    assert phone.path == "/answer/1/2"  # still deaf
    phone.wait_until_ready()
    expect(phone.page.locator("input[type=radio]:checked")).to_have_value("3")
    phone.press("Next")
    assert phone.path == "/answer/1/3"
    assert eventually(phone.page, database, 2) == [("phq1", 1), ("phq2", 3)]
    assert phone.complaints == []


@only_sqlite
def test_next_without_a_choice_asks_for_one_at_any_moment(
    short_link: str, live_server: LiveServer, phone: Phone, database: Database
) -> None:
    phone.begin(live_server.url, short_link)
    phone.wait_until_ready()
    phone.page.get_by_role("button", name="Next").click()
    expect(phone.page.get_by_role("alert")).to_contain_text("Please choose an answer")
    assert stored(database) == []


# ---- Another time, another tab


@only_sqlite
def test_closing_the_page_and_opening_the_link_again(
    short_link: str, live_server: LiveServer, chromium: Browser, scripts: bool
) -> None:
    """In a browser that was closed, so that its session is gone."""
    for first in (True, False):
        context = chromium.new_context(viewport=SIZE, java_script_enabled=scripts)
        phone = Phone(context.new_page())
        if first:
            phone.begin(live_server.url, short_link)
            for number in (2, 3, 4):
                phone.page.wait_for_timeout(DEAF_MS + 50 if scripts else 0)
                phone.next(1)
                phone.page.wait_for_url(f"**/answer/1/{number}")
            phone.page.wait_for_load_state("networkidle")
        else:
            phone.identify(live_server.url, short_link)
            assert phone.page.get_by_text("You go on where you stopped.").is_visible()
            phone.press("Go on")
            assert phone.path == "/answer/1/4"
        assert phone.complaints == []
        context.close()


@only_sqlite
def test_two_tabs(
    short_link: str, live_server: LiveServer, browser_context: BrowserContext, database: Database
) -> None:
    """The older tab is shown both answers and asks; then each goes on."""
    first, second = Phone(browser_context.new_page()), Phone(browser_context.new_page())
    first.begin(live_server.url, short_link)
    second.page.goto(first.page.url)
    first.wait_until_ready()
    first.next(0)
    assert eventually(first.page, database, 1) == [("phq1", 0)]
    second.page.wait_for_timeout(DEAF_MS)
    second.choose(3)
    second.page.get_by_role("button", name="Next").click()
    expect(second.page.get_by_role("heading", name="Two different answers")).to_be_visible()
    assert stored(database) == [("phq1", 0)]
    second.page.get_by_role("button", name="Nearly every day").click()
    second.page.wait_for_url("**/answer/1/2")
    assert stored(database) == [("phq1", 0), ("phq1", 3)]
    first.wait_until_ready()
    first.next(1)  # in the first tab nothing is in the way of another item
    assert eventually(first.page, database, 3)[2:] == [("phq2", 1)]
    assert first.complaints == []


# ---- The line is lost


@only_sqlite
def test_an_answer_given_offline_arrives_later(
    short_link: str, live_server: LiveServer, phone: Phone, browser_context: BrowserContext, database: Database
) -> None:
    phone.begin(live_server.url, short_link)
    phone.wait_until_ready()
    browser_context.set_offline(True)
    phone.next(2)
    assert phone.path == "/answer/1/2"  # shown at once: the page was there already
    expect(phone.page.get_by_text("Not sent yet.")).to_be_visible()
    assert stored(database) == []
    phone.page.wait_for_timeout(DEAF_MS)
    phone.choose(1)
    browser_context.set_offline(False)
    expect(phone.page.get_by_text("Not sent yet.")).to_be_hidden(timeout=15_000)
    assert stored(database) == [("phq1", 2)]
    phone.press("Next")
    assert phone.path == "/answer/1/3"
    assert eventually(phone.page, database, 2) == [("phq1", 2), ("phq2", 1)]
    assert [line for line in phone.complaints if "ERR_INTERNET_DISCONNECTED" not in line] == []


@only_sqlite
def test_several_answers_given_offline_arrive_in_order(
    short_link: str, live_server: LiveServer, phone: Phone, browser_context: BrowserContext, database: Database
) -> None:
    """Next is pressed again while the first answer is still on its way: nothing is lost when the line is back."""
    phone.begin(live_server.url, short_link)
    phone.wait_until_ready()
    browser_context.set_offline(True)
    phone.next(2)
    phone.page.wait_for_timeout(DEAF_MS)
    phone.choose(1)
    phone.page.get_by_role("button", name="Next").click()
    phone.page.wait_for_timeout(DEAF_MS)
    browser_context.set_offline(False)
    assert eventually(phone.page, database, 2) == [("phq1", 2), ("phq2", 1)]
    phone.page.wait_for_url("**/answer/1/3")


@only_sqlite
def test_an_answer_while_the_server_is_away_arrives_later(
    short_link: str, live_server: LiveServer, phone: Phone, database: Database
) -> None:
    phone.begin(live_server.url, short_link)
    phone.wait_until_ready()
    live_server.kill()
    phone.next(3)
    expect(phone.page.get_by_text("Not sent yet.")).to_be_visible()
    live_server.start()
    expect(phone.page.get_by_text("Not sent yet.")).to_be_hidden(timeout=15_000)
    assert stored(database) == [("phq1", 3)]
