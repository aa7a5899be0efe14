"""Between two patients nothing remains."""

import pytest
from sqlalchemy import select

from prom_server.store.assessments import Response
from prom_server.store.database import Database
from prom_server.store.patients import Patient
from tests.cast import count
from tests.support.browsing import Browser
from tests.support.clinic import TYPED_DATE
from tests.support.kiosk_pages import CLEARED, CREDENTIAL, SECOND, answer_everything, begin, form, start_on


@pytest.mark.parametrize("end", ["finish", "stop", "time-out", "next patient"])
def test_nothing_of_the_patient_before_is_had_by_the_next(
    app, desk: Browser, tablet: Browser, noon, database: Database, end: str
) -> None:
    begin(desk, tablet).submit()
    tablet.submit(form(tablet, "/answer/1/1"), value="2")
    old_form, old_cookie = form(tablet, "/answer/1/2"), tablet.client.get_cookie("prom").value
    if end == "finish":
        answer_everything(tablet)
    elif end == "stop":
        tablet.get("/kiosk/stop").submit(form(tablet.get("/kiosk/stop"), "/kiosk/stop"))
        assert tablet.response.history[0].headers["Clear-Site-Data"] == CLEARED
    elif end == "time-out":
        noon.shift(400 * SECOND)
    else:
        start_on(desk)
        other = Browser(app)  # the same tablet after a crash: its session cookie is gone, its credential is not
        other.client.set_cookie(CREDENTIAL, tablet.client.get_cookie(CREDENTIAL).value)
        other.get("/kiosk").submit(form(other.get("/kiosk"), "birth-date"), **TYPED_DATE)
    stored = count(database, Response)
    canaries = ("Feelings", "of 9", "interest", "Alice", "Specimen", "DEMO-1")
    for cookie in (tablet.client.get_cookie("prom").value, old_cookie):
        tablet.client.set_cookie("prom", cookie)
        for path in ("/answer", "/answer/1/1", "/answer/1/review", "/answer/go-on", "/answer/thanks", "/kiosk/stop"):
            shown = tablet.get(path).response.text
            assert tablet.path == "/kiosk", (end, path)
            assert not [each for each in canaries if each in shown], (end, path)
        tablet.submit(old_form, value="3")
        assert tablet.path == "/kiosk"
        assert not [each for each in canaries if each in tablet.response.text]
    assert count(database, Response) == stored


def test_a_new_patient_has_a_new_session_and_a_new_token_against_forgery(desk: Browser, tablet: Browser) -> None:
    tokens = set()
    for _ in range(2):
        begin(desk, tablet)
        with tablet.client.session_transaction() as held:
            tokens |= {held["patient"], held["csrf_token"]}
        tablet.get("/kiosk/stop").submit(form(tablet.get("/kiosk/stop"), "/kiosk/stop"))
    assert len(tokens) == 4


def test_what_somebody_chose_before_another_was_waited_for_is_not_theirs(
    desk: Browser, tablet: Browser, database: Database
) -> None:
    start_on(desk)
    tablet.get("/kiosk")
    tablet.submit(form(tablet, "preferences"), language="es", text_size="largest")
    assert 'lang="es"' in tablet.response.text
    start_on(desk)
    tablet.get("/kiosk").submit(form(tablet, "birth-date"), **TYPED_DATE)
    assert 'lang="en"' in tablet.response.text
    with database.reading() as session:
        assert set(session.scalars(select(Patient.language))) == {"en"}
