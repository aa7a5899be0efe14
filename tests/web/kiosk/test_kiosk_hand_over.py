"""From the desk into the patient's hands: by a tablet that was chosen, by a code, on a device of the staff's own."""

import re
from datetime import timedelta

from sqlalchemy import select

from prom_server.store.alerts import Alert
from prom_server.store.assessments import Response
from prom_server.store.database import Database
from prom_server.store.kiosks import Handover
from prom_server.store.staff import StaffSession
from tests import cast as people
from tests.cast import Cast, count
from tests.support import clinic, kiosk
from tests.support.browsing import Browser
from tests.support.clinic import NOON, TYPED_DATE
from tests.support.kiosk_pages import CLEARED, answer_everything, begin, form, made, start_on
from tests.support.signing_in import signed_in


def test_the_waiting_tablet_looks_again_by_itself_and_names_nobody(desk: Browser, tablet: Browser) -> None:
    tablet.get("/kiosk")
    assert tablet.response.headers["Refresh"] == "5; url=/kiosk"
    start_on(desk)
    assert "“Tablet 2” is ready" in desk.page.text
    tablet.get("/kiosk")
    assert {"month", "day", "year"} <= set(form(tablet, "birth-date").fields)
    for name in ("Alice", "Specimen", "DEMO-1"):
        assert name not in tablet.response.text


def test_a_whole_visit_on_a_tablet(desk: Browser, tablet: Browser, database: Database) -> None:
    begin(desk, tablet)
    assert tablet.path == "/answer"
    answer_everything(tablet)
    assert "Please give the tablet back to the desk" in tablet.page.text
    assert tablet.response.headers["Refresh"] == "10; url=/kiosk"
    assert tablet.response.headers["Clear-Site-Data"] == CLEARED
    assert tablet.get("/answer/thanks").path == "/kiosk"
    assert count(database, Response) == 16


def test_the_help_page_of_a_tablet_asks_for_somebody_to_come(
    desk: Browser, tablet: Browser, database: Database
) -> None:
    begin(desk, tablet).submit()
    while not tablet.path.endswith("/help"):
        tablet.submit(form(tablet, "/answer/"), value="1")
    assert "Ask someone to come to me" in tablet.page.text
    assert "Please call me" not in tablet.page.text
    tablet.submit(next(each for each in tablet.page.forms if not each.action))
    assert "told to come to you" in tablet.page.text
    with database.reading() as session:
        assert session.scalars(select(Alert.call_requested_at)).one() == NOON


def test_a_code_then_the_birth_date(desk: Browser, tablet: Browser, baseline: str) -> None:
    desk.get(f"/assessments/{baseline}/hand-over").submit(form(desk, "/code"))
    shown = re.search(r"\b\d{3} \d{3}\b", desk.page.text).group()
    tablet.get("/kiosk/code").submit(form(tablet, "/kiosk/code"), code=shown)
    assert tablet.path == "/kiosk"
    assert tablet.submit(form(tablet, "birth-date"), **TYPED_DATE).path == "/answer"


def test_every_code_that_does_not_serve_gets_the_same_page(
    app, desk: Browser, tablet: Browser, database: Database, team: Cast, baseline: str, noon
) -> None:
    with database.writing() as session:
        theirs = people.courses.start_course(session, team.charlies, clinic.FREE, NOON.date(), by=team.charlie, at=NOON)
        foreign_assessment = clinic.assessment_of(session, theirs, "baseline")
    codes = {
        "expired": kiosk.make_code(database, baseline, team.cora, at=NOON - timedelta(minutes=31)),
        "foreign": kiosk.make_code(database, foreign_assessment, team.charlie),
        "used": kiosk.make_code(database, baseline, team.cora),
    }
    tablet.get("/kiosk/code").submit(form(tablet, "/kiosk/code"), code=codes["used"])
    tablet.submit(form(tablet, "birth-date"), **TYPED_DATE)
    codes["wrong"] = next(f"{n:06}" for n in range(9) if f"{n:06}" not in codes.values())
    pages = set()
    for code in codes.values():
        other = made(app, database, team, f"Tablet {code}")
        other.get("/kiosk/code").submit(form(other, "/kiosk/code"), code=code)
        assert other.status == 422
        pages.add(re.sub(r'name="csrf_token" value="[^"]+"', "", other.response.text))
    assert len(pages) == 1


def test_five_wrong_dates_send_to_the_front_desk(desk: Browser, tablet: Browser) -> None:
    start_on(desk)
    tablet.get("/kiosk")
    for _ in range(5):
        tablet.submit(form(tablet, "birth-date"), **{**TYPED_DATE, "day": "21"})
        assert tablet.status == 422
    tablet.submit(form(tablet, "birth-date"), **TYPED_DATE)
    assert tablet.status == 403
    assert "Please go to the front desk" in tablet.page.text


def test_somebody_else_gives_the_tablet_back(desk: Browser, tablet: Browser, database: Database) -> None:
    start_on(desk)
    tablet.get("/kiosk").submit(form(tablet.get("/kiosk"), "start-over"))
    assert "birth-date" not in tablet.response.text
    with database.reading() as session:
        assert session.scalars(select(Handover.cancelled_at)).one() == NOON


def test_the_desk_takes_back_what_it_handed_over(desk: Browser, tablet: Browser, baseline: str) -> None:
    """A tablet, or six numbers that were read out."""
    start_on(desk)
    assert "ready until 12:15" in desk.page.text
    desk.submit(form(desk, "/take-back"))
    assert "Taken back" in desk.page.text
    assert not [each for each in desk.page.forms if "/take-back" in each.action]
    assert "Please tell the front desk" in tablet.get("/kiosk").page.text
    desk.submit(form(desk, "/code"))
    shown = re.search(r"\b\d{3} \d{3}\b", desk.page.text).group()
    desk.get(f"/assessments/{baseline}/hand-over").submit(form(desk.get(desk.path), "/take-back"))
    tablet.get("/kiosk/code").submit(form(tablet, "/kiosk/code"), code=shown)
    assert tablet.status == 422


def test_a_member_of_the_staff_hands_over_their_own_device(app, database: Database, team: Cast, baseline: str) -> None:
    bob = signed_in(app, database, team.bob)
    cookie = bob.client.get_cookie("prom").value
    assert bob.get("/today").path == "/today"
    bob.get(f"/assessments/{baseline}/hand-over").submit(form(bob, "hand-over-here"))
    with database.reading() as session:
        assert session.scalars(select(StaffSession.ended_at).where(StaffSession.staff_id == team.bob.id)).all() == [
            NOON
        ]
    assert bob.path == "/kiosk"
    assert bob.client.get("/today").location == "/sign-in"
    old = Browser(app)
    old.client.set_cookie("prom", cookie)  # kept by somebody: the session it names is over on the server
    assert old.get("/today").path == "/sign-in"
    bob.get("/kiosk").submit(form(bob.get("/kiosk"), "birth-date"), **TYPED_DATE)
    answer_everything(bob)
    assert "Please give the tablet back to the desk" in bob.page.text
    assert bob.get("/kiosk").path == "/sign-in"
    assert bob.get("/kiosk").status == 401
