"""Nobody there: the page covers itself, then the session ends; what was answered is kept."""

import re

import pytest
from sqlalchemy import select

from prom_server.services import answering
from prom_server.store.assessments import Response
from prom_server.store.database import Database, DatabaseUnavailable
from tests.cast import count
from tests.support.browsing import Browser
from tests.support.clinic import TYPED_DATE
from tests.support.databases import only_sqlite
from tests.support.kiosk_pages import SECOND, begin, form, stop
from tests.support.pages import Form


def test_it_covers_itself_and_the_birth_date_alone_resumes(desk: Browser, tablet: Browser, noon) -> None:
    begin(desk, tablet).submit()
    assert re.search(r'<noscript><meta http-equiv="refresh" content="90; url=/kiosk/cover">', tablet.response.text)
    noon.shift(100 * SECOND)
    tablet.get("/answer/1/2")
    assert tablet.path == "/kiosk/cover"
    assert "I am still here" in tablet.response.text
    assert tablet.response.headers["Refresh"] == "291; url=/kiosk/cover"
    tablet.get("/kiosk/here").submit(form(tablet.get("/kiosk/here"), "here"), **TYPED_DATE)
    assert tablet.path.startswith("/answer")


def test_then_the_session_ends_and_the_answers_are_kept(
    desk: Browser, tablet: Browser, noon, database: Database
) -> None:
    begin(desk, tablet).submit()
    tablet.submit(form(tablet, "/answer/1/1"), value="2")
    old = form(tablet, "/answer/1/2")
    noon.shift(400 * SECOND)
    assert tablet.get("/kiosk/cover").path == "/kiosk"
    tablet.submit(old, value="1")
    assert tablet.path == "/kiosk"
    assert count(database, Response) == 1


def test_an_answer_on_its_way_is_stored_and_only_the_cover_is_shown(
    desk: Browser, tablet: Browser, noon, database: Database
) -> None:
    begin(desk, tablet).submit()
    step = form(tablet, "/answer/1/1")
    noon.shift(100 * SECOND)
    tablet.submit(step, value="2")
    assert tablet.path == "/kiosk/cover"
    assert count(database, Response) == 1
    reply = tablet.client.post(step.action, data={**step.fields, "value": "3"}, headers={"Accept": "application/json"})
    assert reply.json == {"next": "/kiosk/cover"}
    assert tablet.get("/kiosk/here").page.form.fields.keys() == {"csrf_token", "large", "month", "day", "year"}


def test_whoever_touches_the_page_is_here(desk: Browser, tablet: Browser, noon) -> None:
    begin(desk, tablet)
    for _ in range(4):
        noon.shift(60 * SECOND)
        assert tablet.client.get("/kiosk/alive").status_code == 204
    assert tablet.get("/answer").path == "/answer"


def sent(tablet: Browser, step: Form, *, value: int, delay: int):
    """As our script sends an answer that was given so many seconds ago."""
    data = {**step.fields, "value": str(value), "delay": str(delay)}
    return tablet.client.post(step.action, data=data, headers={"Accept": "application/json"})


def test_an_answer_given_in_time_is_stored_however_late_the_line_comes_back(
    desk: Browser, tablet: Browser, noon, database: Database
) -> None:
    """And shows nothing but the start. What was given after the session's end, or after somebody ended it, is not."""
    begin(desk, tablet).submit()
    step = form(tablet, "/answer/1/1")
    noon.shift(500 * SECOND)
    assert sent(tablet, step, value=3, delay=100).json == {"next": "/kiosk"}
    assert count(database, Response) == 0
    begin(desk, tablet)
    step = form(tablet, "/answer/1/1")
    noon.shift(500 * SECOND)
    assert sent(tablet, step, value=2, delay=490).json == {"next": "/kiosk/cover"}
    with database.reading() as session:
        stored = session.scalars(select(Response)).one()
        assert (stored.value, stored.at - stored.answered_at) == (2, 490 * SECOND)
    assert tablet.get("/kiosk/cover").path == "/kiosk"
    begin(desk, tablet)
    step, cookie = form(tablet, "/answer/1/2"), tablet.client.get_cookie("prom").value
    stop(tablet)
    tablet.client.set_cookie("prom", cookie)
    assert sent(tablet, step, value=1, delay=1).json == {"next": "/kiosk"}
    assert count(database, Response) == 1


@only_sqlite
def test_a_covered_tablet_is_told_when_the_server_could_not_store_its_answer(
    desk: Browser, tablet: Browser, noon, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(desk, tablet).submit()
    step = form(tablet, "/answer/1/1")
    noon.shift(100 * SECOND)

    def fails(*_all: object, **_facts: object) -> None:
        raise DatabaseUnavailable("gone")

    monkeypatch.setattr(answering, "save", fails)
    reply = sent(tablet, step, value=2, delay=0)
    assert (reply.status_code, reply.json) == (503, {"error": "unavailable"})


@only_sqlite
def test_the_help_that_comes_with_a_page_places_no_calls_from_a_tablet(desk: Browser, tablet: Browser) -> None:
    begin(desk, tablet).submit()
    while tablet.path != "/answer/1/9":
        tablet.submit(form(tablet, "/answer/"), value="0")
    help_page = tablet.response.text.partition("<template data-help>")[2].partition("</template>")[0]
    assert "From any phone, call or text 988" in help_page
    assert "href" not in help_page
