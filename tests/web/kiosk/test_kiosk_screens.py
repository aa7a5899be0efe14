"""Several items on one screen of a tablet, where the protocol says so: without scripts."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from prom_server.services import catalogue
from prom_server.store.assessments import Response
from prom_server.store.database import Database
from tests.support.browsing import Browser
from tests.support.clinic import TYPED_DATE
from tests.support.databases import only_sqlite
from tests.support.kiosk_pages import SECOND, begin, form, start_on

pytestmark = only_sqlite

IPAD = "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X)"
PHONE = "Mozilla/5.0 (Linux; Android 14; Pixel 8) Mobile"
STEM = "Over the last 2 weeks, how often have you been bothered by any of the following problems?"


@pytest.fixture(autouse=True)
def three_per_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = catalogue.protocol
    monkeypatch.setattr(catalogue, "protocol", lambda *which: replace(shipped(*which), items_per_screen=3))


@pytest.fixture
def large(desk: Browser, tablet: Browser) -> Browser:
    """A patient at the first screen of the PHQ-9."""
    tablet.client.environ_base["HTTP_USER_AGENT"] = IPAD
    return begin(desk, tablet).submit()


def values(database: Database) -> dict[str, int | None]:
    with database.reading() as session:
        rows = session.scalars(select(Response).order_by(Response.sequence))
        return {row.item_id: row.value for row in rows}


def test_three_questions_with_their_stem_are_answered_by_one_form(large: Browser, database: Database) -> None:
    assert large.response.text.count(STEM) == 3
    assert "1 to 3 of 9" in large.page.text
    large.submit(form(large, "together"), **{"value-1": "2", "value-2": "0", "value-3": "1"})
    assert values(database) == {"phq1": 2, "phq2": 0, "phq3": 1}
    assert large.path == "/answer/1/4"
    assert form(large.get("/answer/1/2"), "together").fields["value-1"] == "2"  # any of its steps leads to the screen


def test_our_script_gets_the_next_screen_without_the_head_and_foot_that_it_has(large: Browser) -> None:
    page = large.client.get("/answer/1/4", headers={"X-Only": "main"}).text
    assert page.startswith('<main class="page broad"')
    assert "4 to 6 of 9" in page


def test_what_was_chosen_is_stored_and_what_is_open_is_asked_again(large: Browser, database: Database) -> None:
    large.submit(form(large, "together"), **{"value-1": "2", "value-3": "1"})
    assert large.status == 422
    assert "Please choose an answer to each question" in large.page.text
    assert large.page.text.count("Not answered yet") == 1
    assert values(database) == {"phq1": 2, "phq3": 1}
    assert large.submit(form(large, "together"), **{"value-2": "3"}).path == "/answer/1/4"


def test_one_of_them_is_skipped_with_one_confirmation_and_the_others_are_kept(
    large: Browser, database: Database
) -> None:
    large.submit(form(large, "together"), **{"value-1": "2", "skip": "2"})
    assert large.path == "/answer/1/2/skip"
    large.submit(form(large, "/answer/1/2"), go="skip-confirmed")
    assert "You skipped this question" in large.page.text
    large.submit(form(large, "together"), **{"value-3": "1"})
    assert large.path == "/answer/1/4"
    assert values(database) == {"phq1": 2, "phq2": None, "phq3": 1}


def test_the_item_that_watches_for_a_risk_stands_alone_and_its_help_follows(large: Browser) -> None:
    while large.path != "/answer/1/9":
        steps = [name.removeprefix("item-") for name in form(large, "together").fields if name.startswith("item-")]
        large.submit(form(large, "together"), **{f"value-{step}": "0" for step in steps})
    assert large.submit(form(large, "/answer/1/9"), value="1").path == "/answer/1/9/help"


def test_an_answer_that_another_page_gave_meanwhile_is_asked_about_and_the_others_are_stored(
    app, large: Browser, database: Database
) -> None:
    old = form(large, "together")
    large.submit(old, **{"value-1": "0", "value-2": "0", "value-3": "0"})
    large.submit(old, **{"value-1": "0", "value-2": "3", "value-3": "0"})
    assert large.status == 409
    assert "Two different answers" in large.page.text
    assert values(database) == {"phq1": 0, "phq2": 0, "phq3": 0}


@pytest.mark.parametrize("last", ["3", "skip"])
def test_each_of_several_answers_that_differ_is_asked_about(large: Browser, database: Database, last: str) -> None:
    old = form(large, "together")
    large.submit(old, **{"value-1": "0", "value-2": "0", "value-3": "0"})
    large.submit(old, **{"value-1": "1", "value-2": "2", "value-3": "3"})
    for step, chosen in (("1", "1"), ("2", "0")):
        assert large.status == 409
        large.submit(form(large, "/answer/1/"), **{f"value-{step}": chosen})
    assert large.status == 409
    assert large.page.text.count("Nearly every day") == 1
    large.submit(form(large, "/answer/1/"), **({"go": "skip-confirmed"} if last == "skip" else {"value": last}))
    assert large.path == "/answer/1/4"
    assert values(database) == {"phq1": 1, "phq2": 0, "phq3": None if last == "skip" else 3}


def test_a_skip_among_answers_that_differ_is_one_of_them(large: Browser, database: Database) -> None:
    """It was skipped on the other page, and stays so."""
    old = form(large, "together")
    large.submit(old, **{"value-1": "0", "skip": "2"}).submit(form(large, "/answer/1/2"), go="skip-confirmed")
    large.submit(old, **{"value-1": "1", "value-2": "2", "value-3": "3"})
    large.submit(form(large, "/answer/1/"), **{"value-1": "1"})
    large.submit(form(large, "/answer/1/"), go="skip-confirmed")
    assert values(database) == {"phq1": 1, "phq2": None, "phq3": 3}


def test_what_is_chosen_and_then_skipped_is_skipped_without_a_question_about_it(
    large: Browser, database: Database
) -> None:
    large.submit(form(large, "together"), **{"value-2": "2", "skip": "2"})
    large.submit(form(large, "/answer/1/2"), go="skip-confirmed")
    assert values(database) == {"phq2": None}


@pytest.mark.parametrize("chosen", [1, 3])
def test_what_a_covered_tablet_still_sent_is_stored_and_only_the_cover_is_shown(
    large: Browser, noon, database: Database, chosen: int
) -> None:
    screen = form(large, "together")
    noon.shift(100 * SECOND)
    large.submit(screen, **{f"value-{step}": "1" for step in range(1, chosen + 1)})
    assert large.path == "/kiosk/cover"
    assert len(values(database)) == chosen


@pytest.mark.parametrize("wrong", [{"value-1": "9"}, {"item-x": "phq1"}, {"skip": "two"}, {"item-1": "gad1"}])
def test_a_form_that_no_page_made_stores_nothing(large: Browser, database: Database, wrong: dict[str, str]) -> None:
    large.submit(form(large, "together"), **{"value-1": "2"} | wrong)
    assert large.status == 422
    assert not set(values(database)) - {"phq1"}


@pytest.mark.parametrize(
    ("browser", "told", "several"),
    [(IPAD, "", True), (PHONE, "", False), (IPAD, "no", False), (PHONE, "yes", True)],
)
def test_only_on_a_large_screen(desk: Browser, tablet: Browser, browser: str, told: str, *, several: bool) -> None:
    tablet.client.environ_base["HTTP_USER_AGENT"] = browser
    start_on(desk)
    tablet.get("/kiosk").submit(form(tablet.get("/kiosk"), "birth-date"), **TYPED_DATE, large=told)
    tablet.submit()
    assert ("1 to 3 of 9" in tablet.page.text) is several
