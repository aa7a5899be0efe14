"""A tablet without scripts: from its set-up over the hand-over to the next patient, for whom nothing remains."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select

from prom_server.core.permissions import Role
from prom_server.services import accounts
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Response
from prom_server.store.clinics import Clinic
from prom_server.store.courses import Course
from prom_server.store.database import Database
from prom_server.store.kiosks import Handover
from prom_server.store.staff import StaffSession
from prom_server.web.guard import RULES, Access
from tests import cast as people
from tests.cast import PASSWORD, Cast, count
from tests.support import clinic, kiosk
from tests.support.browsing import Browser, application
from tests.support.clinic import NOON, TYPED_DATE

CREDENTIAL = "prom-kiosk"
CLEARED = '"cache", "storage"'
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        team = people.cast(session)
        for who in (team.bob, team.cora, team.ada):
            people.set_password(session, who, by=team.ada)
        elsewhere = session.get_one(Clinic, team.charlie.clinic.id)
        people.set_password(session, team.charlie, by=clinic.member(session, elsewhere, Role.ADMINISTRATOR, "Abe Two"))
        people.start(session, team)
        return team


@pytest.fixture
def app(database: Database, tmp_path: Path, team: Cast):
    return application(database, tmp_path)


def signed_in(app, database: Database, who) -> Browser:
    with database.writing() as session:
        attempt = accounts.look_up(session, people.email_of(session, who), "198.51.100.1", at=NOON)
    verified = accounts.verify(attempt, PASSWORD)
    with database.writing() as session:
        token = accounts.record_sign_in(session, attempt, verified, at=NOON)
    opened = Browser(app)
    with opened.client.session_transaction() as held:
        held["staff"] = token
    return opened


@pytest.fixture
def desk(app, database: Database, team: Cast) -> Browser:
    return signed_in(app, database, team.cora)


@pytest.fixture
def tablet(app, database: Database, team: Cast) -> Browser:
    return made(app, database, team, "Tablet 2")


def made(app, database: Database, team: Cast, name: str) -> Browser:
    with database.writing() as session:
        credential = kiosk.tablet(session, team.ada, name)
    opened = Browser(app)
    opened.client.set_cookie(CREDENTIAL, credential)
    return opened


@pytest.fixture
def baseline(database: Database, team: Cast) -> str:
    with database.reading() as session:
        course = session.scalars(select(Course.public_id).where(Course.clinic_id == team.bob.clinic.id)).one()
        return clinic.assessment_of(session, course, "baseline")


def form(page: Browser, part: str):
    return next(each for each in page.page.forms if part in each.action)


def start_on(desk: Browser, words: str = "hand-over") -> Browser:
    desk.get("/today")
    return desk.submit(form(desk, words))


def begin(desk: Browser, tablet: Browser) -> Browser:
    start_on(desk)
    return tablet.get("/kiosk").submit(form(tablet.get("/kiosk"), "birth-date"), **TYPED_DATE)


def answer_everything(tablet: Browser, value: int = 0) -> Browser:
    while tablet.path != "/answer/thanks":
        answers = [each for each in tablet.page.forms if "stop" not in each.action and "preferences" not in each.action]
        tablet.submit(answers[0], value=str(value)) if answers else tablet.get(tablet.page.links[-1])
    return tablet


# ---- Set-up


def test_an_administrator_registers_a_tablet_and_the_link_makes_one(app, database: Database, team: Cast) -> None:
    ada = signed_in(app, database, team.ada)
    ada.get("/settings/tablets")
    ada.submit(form(ada, "/settings/tablets"), **{"tablet-name": "Tablet 7", "tablet-language": "es"})
    path = re.search(r"/kiosk/set-up/[\w-]+", ada.response.text).group()
    browser = Browser(app)
    assert "Tablet 7" in browser.get(path).page.text
    response = browser.client.post(path, data=browser.page.form.fields)
    cookie = next(each for each in response.headers.getlist("Set-Cookie") if each.startswith(CREDENTIAL))
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert response.headers["Clear-Site-Data"] == CLEARED
    assert browser.get("/kiosk").status == 200
    assert browser.get(path).status == 410
    assert 'lang="es"' in browser.get("/kiosk").response.text


def test_a_browser_that_is_no_tablet_opens_no_kiosk_page(app, tablet: Browser) -> None:
    stranger = Browser(app)
    for rule in app.url_map.iter_rules():
        if RULES[rule.endpoint] is Access.KIOSK:
            for method in rule.methods & {"GET", "POST"}:
                assert stranger.client.open(rule.rule, method=method).status_code in {400, 401}, rule
    assert tablet.get("/kiosk").status == 200


def test_the_credential_opens_no_staff_page_and_nobody_s_answers(tablet: Browser) -> None:
    assert tablet.client.get("/today").location == "/sign-in"
    assert tablet.client.get("/answer/1/1").location == "/kiosk"


def test_a_revoked_tablet_says_so(app, database: Database, team: Cast, tablet: Browser) -> None:
    ada = signed_in(app, database, team.ada)
    ada.get("/settings/tablets").submit(form(ada.get("/settings/tablets"), "/revoke"))
    assert "revoked" in ada.page.text
    assert tablet.get("/kiosk").status == 401


def test_times_are_settable_within_limits(app, database: Database, team: Cast, desk: Browser, tablet: Browser) -> None:
    ada = signed_in(app, database, team.ada)
    times = {"waits-cover_after": "29", "waits-end_after": "120", "waits-thanks_for": "20"}
    ada.get("/settings/tablets").submit(form(ada.get("/settings/tablets"), "/times"), **times)
    assert ada.status == 422
    ada.submit(form(ada, "/times"), **times | {"waits-cover_after": "45"})
    assert ada.status == 200
    begin(desk, tablet)
    assert 'content="45; url=/kiosk/cover"' in tablet.response.text


# ---- Hand-over


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


def test_after_five_wrong_codes_the_tablet_waits_for_the_staff(
    app, desk: Browser, tablet: Browser, database: Database, team: Cast
) -> None:
    for _ in range(5):
        tablet.get("/kiosk/code").submit(form(tablet, "/kiosk/code"), code="000000")
    assert tablet.get("/kiosk/code").path == "/kiosk"
    assert "waits for somebody of the staff" in tablet.page.text
    assert tablet.get("/kiosk/unlock").path == "/sign-in"
    with database.reading() as session:
        email = people.email_of(session, team.cora)
    tablet.submit(email=email, password=PASSWORD)
    assert tablet.path == "/kiosk/unlock"
    tablet.submit()
    assert tablet.path == "/kiosk"
    assert "Please tell the front desk" in tablet.page.text
    with tablet.client.session_transaction() as held:
        assert "staff" not in held
    assert made(app, database, team, "Tablet 3").get("/kiosk/code").status == 200


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


def test_a_member_of_the_staff_hands_over_their_own_device(app, database: Database, team: Cast, baseline: str) -> None:
    bob = signed_in(app, database, team.bob)
    bob.get(f"/assessments/{baseline}/hand-over").submit(form(bob, "hand-over-here"))
    with database.reading() as session:
        assert session.scalars(select(StaffSession.ended_at).where(StaffSession.staff_id == team.bob.id)).all() == [
            NOON
        ]
    assert bob.path == "/kiosk"
    assert bob.client.get("/today").location == "/sign-in"
    bob.get("/kiosk").submit(form(bob.get("/kiosk"), "birth-date"), **TYPED_DATE)
    answer_everything(bob)
    assert "Please give the tablet back to the desk" in bob.page.text
    assert bob.get("/kiosk").path == "/sign-in"
    assert bob.get("/kiosk").status == 401


# ---- Idle


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
    assert tablet.get("/kiosk/here").page.form.fields.keys() == {"csrf_token", "month", "day", "year"}


def test_whoever_touches_the_page_is_here(desk: Browser, tablet: Browser, noon) -> None:
    begin(desk, tablet)
    for _ in range(4):
        noon.shift(60 * SECOND)
        assert tablet.client.get("/kiosk/alive").status_code == 204
    assert tablet.get("/answer").path == "/answer"


# ---- Between two patients


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


def test_leaving_kiosk_mode_needs_a_staff_sign_in(
    app, tablet: Browser, database: Database, team: Cast, desk: Browser
) -> None:
    tablet.get("/kiosk")
    assert tablet.client.post("/kiosk/leave").status_code in {400, 401, 303}
    assert tablet.get("/kiosk").status == 200
    assert tablet.get("/kiosk/unlock").path == "/sign-in"
    with database.reading() as session:
        email = people.email_of(session, team.bob)
    tablet.submit(email=email, password=PASSWORD)
    tablet.submit(form(tablet, "/kiosk/leave"))
    assert tablet.path == "/today"
    assert tablet.client.get_cookie(CREDENTIAL) is None
    assert tablet.get("/kiosk").status == 401


def test_another_clinic_s_staff_cannot_take_a_tablet_out(app, tablet: Browser, database: Database, team: Cast) -> None:
    tablet.get("/kiosk/unlock")
    with database.reading() as session:
        email = people.email_of(session, team.charlie)
    tablet.submit(email=email, password=PASSWORD)
    assert tablet.submit(form(tablet, "/kiosk/leave")).status == 404
    assert tablet.client.get_cookie(CREDENTIAL) is not None
