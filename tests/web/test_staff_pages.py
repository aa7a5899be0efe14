"""The staff's pages as forms are filled in: what is wrong is said, what was entered stays, addresses tell nothing."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from prom_server.core.courses import FinishReason
from prom_server.services import alert_desk, courses
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Administration
from prom_server.store.database import Database
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic
from tests.support.browsing import Browser, application
from tests.support.clinic import NOON
from tests.support.pages import Form
from tests.support.signing_in import signed_in

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
def bob(app, database: Database, team: Cast) -> Browser:
    return signed_in(app, database, team.bob)


def form(page: Browser, part: str) -> Form:
    """The form that posts to an address that ends with `part`; "" is the page's own, without an action."""
    return next(each for each in page.page.forms if (each.action.endswith(part) if part else not each.action))


def title(page: Browser) -> str:
    return re.search(r"<title>(.*?)</title>", page.response.text, re.DOTALL)[1].strip()


ROSA = {"record_number": "demo-7", "given_name": "Rosa", "family_name": "Placeholder", "birth_date": "1970-05-06"}


def test_from_a_new_patient_to_a_link(desk: Browser, app, database: Database) -> None:
    desk.get("/patients/new").submit(form(desk.get("/patients/new"), ""), **ROSA)
    assert "The patient is added" in desk.page.text
    patient = desk.path
    assert desk.get(f"{patient}/courses/new").status == 200
    desk.submit(form(desk, ""), protocol=clinic.FREE, starts_on="2026-11-24")
    assert desk.path.startswith("/courses/")
    assert "The course is started" in desk.page.text
    link = next(each for each in desk.page.links if each.endswith("/link"))
    desk.get(link)
    desk.submit(form(desk, ""))
    assert desk.status == 200
    url = re.search(r'id="url"[^>]*value="(http[^"]+)"', desk.response.text)[1]
    assert "data:image/svg+xml" in desk.response.text
    token = url.rsplit("/", 1)[1]
    assert token not in desk.get(link).response.text  # shown once
    patient_s = Browser(app)
    assert patient_s.get(f"/a/{token}").submit(month="5", day="6", year="1970").path == "/answer"


def test_everything_entered_stays_and_every_error_is_said(desk: Browser) -> None:
    desk.get("/patients/new")
    desk.submit(
        form(desk, ""),
        record_number="DEMO-1",
        given_name="Kim <b>",
        family_name=" ",
        birth_date="2030-01-01",
        phone="call me",
        address="1 Road\nTown",
    )
    assert desk.status == 422
    for words in ("Please fill this in", "cannot be a date of birth", "not a phone number"):
        assert desk.page.text.count(words) == 2, words  # in the summary and at the field
    text = desk.response.text
    for kept in ("Kim &lt;b&gt;", 'value="2030-01-01"', 'value="call me"', "1 Road\r\nTown", 'value="DEMO-1"'):
        assert kept in text or kept.replace("\r", "") in text, kept
    assert 'role="alert" tabindex="-1" autofocus' in text
    for field in re.findall(r'aria-describedby="([^"]+)"', text):
        for one in field.split():
            assert f'id="{one}"' in text
    assert desk.submit(form(desk, ""), family_name="X", birth_date="not a date", phone="").status == 422
    assert desk.page.text.count("This is not a date") == 2
    assert "Please fill this in" not in desk.page.text


def test_a_taken_record_number_is_an_error_of_its_field(desk: Browser) -> None:
    desk.get("/patients/new")
    assert desk.submit(form(desk, ""), **{**ROSA, "record_number": "demo-1"}).status == 422
    assert "Another patient of this clinic has this record number" in desk.page.text


def test_what_was_searched_for_is_never_in_an_address(desk: Browser, team: Cast) -> None:
    desk.get("/patients")
    desk.submit(form(desk, "/patients"), q="Specimen")
    assert desk.path == "/patients"
    assert desk.response.request.query_string == b""
    assert "Specimen, Alice" in desk.page.text
    desk.submit(form(desk, "/patients"), q="12 Mar 1968")
    assert "Specimen, Alice" in desk.page.text
    desk.submit(form(desk, "/patients"), q="Nobody")
    assert "Nobody is found" in desk.page.text


def test_no_title_holds_a_name(bob: Browser, database: Database, team: Cast) -> None:
    with database.writing() as session:
        course = people.start(session, team)
        people.answer_part(session, course, team.bob, 2)
        alert = session.scalars(select(Alert.public_id)).one()
        administration = session.scalars(select(Administration.public_id)).first()
        assessment = clinic.assessment_of(session, course, "baseline")
    paths = [
        "/today",
        "/follow-ups",
        "/patients",
        f"/patients/{team.alice}",
        f"/patients/{team.alice}/edit",
        f"/patients/{team.alice}/answers",
        f"/patients/{team.alice}/courses/new",
        f"/courses/{course}",
        f"/assessments/{assessment}/link",
        f"/alerts/{alert}",
        f"/answers/{administration}/in-error",
        "/alerts",
    ]
    for path in paths:
        assert bob.get(path).status == 200, path
        assert "Specimen" in bob.response.text, path
        assert not re.search("Alice|Specimen|DEMO", title(bob)), path
        assert bob.response.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<script(?![^>]*src=)|<style| style=| on[a-z]+=", bob.response.text), path
        assert re.search("open alert|Not acknowledged", bob.page.text), path


def test_an_alert_from_the_bar_to_its_end(bob: Browser, desk: Browser, database: Database, team: Cast) -> None:
    with database.writing() as session:
        people.answer_part(session, people.start(session, team), team.bob, 2)
    desk.get("/patients")
    assert "1 open alert Somebody should look at it now." in desk.page.text
    assert "PHQ-9 item 9 answered 2, more than half the days" in desk.get("/alerts").page.text
    desk.get("/alerts").submit(form(desk.get("/alerts"), "acknowledge"))
    assert "Acknowledged by Cora Example" in desk.page.text
    assert not any("resolve" in each.action for each in desk.page.forms)
    bob.get(desk.path)
    bob.submit(form(bob, "resolve"), code="could_not_reach", note="rang twice")
    assert bob.status == 422
    assert "how often somebody tried" in bob.page.text
    assert "rang twice" in bob.response.text
    bob.submit(form(bob, "resolve"), attempts="2", note="rang twice")
    assert (bob.path, bob.status) == ("/alerts", 200)
    assert "No alert is open" in bob.page.text
    bob.get(desk.path)
    assert "could not reach the patient, 2 attempts" in bob.page.text


def test_infusions_on_the_course_page(desk: Browser, database: Database, team: Cast) -> None:
    with database.writing() as session:
        course = people.start(session, team)
    desk.get(f"/courses/{course}")
    desk.get(next(each for each in desk.page.links if each.endswith("/infusions")))
    desk.submit(form(desk, "/infusions"), given_on="2026-11-23", given_time="", dose_mg="much")
    assert desk.status == 422
    assert desk.page.text.count("This is not a number") == 2
    assert 'value="2026-11-23"' in desk.response.text
    desk.submit(form(desk, "/infusions"), given_time="09:15", dose_mg="35,5")
    assert "The infusion is recorded" in desk.page.text
    assert "Mon 23 Nov 2026 Given 09:15" in desk.page.text  # the clinic's own clock
    assert "35.5 mg" in desk.page.text
    desk.get(f"/courses/{course}/infusions")
    desk.submit(form(desk, "/infusions"), given_on="2026-11-23", given_time="10:00")
    assert "An infusion on this day is recorded already" in desk.page.text
    desk.get(f"/courses/{course}")
    desk.submit(form(desk, "/finish"), reason="stopped_early", note="")
    assert "say why the infusions were stopped" in desk.page.text
    desk.submit(form(desk, "/finish"), reason="stopped_early", note="Nausea")
    assert "Stopped early" in desk.page.text
    assert "Sun 21 Feb 2027" in desk.page.text  # 3 months
    desk.submit(form(desk, "/reopen"))
    assert "The course is taken up again" in desk.page.text
    desk.get(next(each for each in desk.page.links if "/infusions/" in each))
    desk.get(next(each for each in desk.page.links if each.endswith("/in-error")))
    assert "due Sun 21 Feb 2027" in desk.page.text  # the 3 months, which are not planned then
    desk.submit(form(desk, ""))
    assert "Entered in error" in desk.page.text


def test_a_course_of_a_real_clinic_names_what_is_missing(database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        session.execute(update(Patient).values(given_name="x"))
    with database.writing() as session:
        team = people.cast(session, demo=False)
        people.set_password(session, team.cora, by=team.ada)
    desk = signed_in(application(database, tmp_path), database, team.cora)
    desk.get(f"/patients/{team.alice}/courses/new")
    assert "Not usable yet: PROMIS-29, PCS" in desk.page.text
    assert "synthetic" not in desk.page.text
    desk.submit(form(desk, ""), protocol=clinic.DEFAULT, starts_on="2026-11-24")
    assert desk.status == 422
    assert "Missing for PROMIS-29, PCS" in desk.page.text


def test_a_closed_assessment_gets_no_link(desk: Browser, database: Database, team: Cast, noon) -> None:
    with database.writing() as session:
        assessment = clinic.assessment_of(session, people.start(session, team), "baseline")
    desk.get(f"/assessments/{assessment}/link")
    waiting = form(desk, "")
    with database.writing() as session:
        session.execute(people.answering.Assessment.__table__.update().values(completed_at=NOON))
    assert desk.submit(waiting).status == 409
    assert "a link would open nothing" in desk.page.text


def test_locked_links_are_told_and_unlocked(desk: Browser, database: Database, team: Cast) -> None:
    with database.writing() as session:
        session.execute(update(Patient).values(locked_at=NOON, wrong_birth_dates=5))
    desk.get("/today")
    assert "Links locked after wrong dates of birth" in desk.page.text
    desk.submit(form(desk, "unlock"))
    assert desk.path == f"/patients/{team.alice}"
    assert "The links serve again" in desk.page.text
    assert "Links locked" not in desk.page.text


def test_marking_answers_in_error(bob: Browser, desk: Browser, database: Database, team: Cast) -> None:
    with database.writing() as session:
        people.submit_part(session, people.answer_part(session, people.start(session, team), team.bob, 2))
    assert "A clinician can mark it" in desk.get(f"/patients/{team.alice}/answers").page.text
    bob.get(f"/patients/{team.alice}/answers")
    bob.get(next(link for link in bob.page.links if "in-error" in link))
    assert bob.submit(form(bob, ""), reason=" ").status == 422
    bob.submit(form(bob, ""), reason="Another patient's answers")
    assert "Another patient's answers" in bob.page.text
    with database.reading() as session:
        assert alert_desk.heading(session, by=team.bob).alerts == 1


def test_pages_of_follow_ups(desk: Browser, database: Database, team: Cast, noon) -> None:
    with database.writing() as session:
        for number in range(30):
            patient = people.patient(session, team.cora, f"P{number}", number=f"N{number}")
            people.start(session, team, patient_id=patient, starts_on=NOON.date() + timedelta(days=9))
        done = people.start(session, team)
        people.infuse(session, done, team.bob, 0)
        courses.finish_course(session, done, FinishReason.STOPPED_EARLY, "x", by=team.bob, at=NOON)
    desk.get("/follow-ups")
    following = next(link for link in desk.page.links if "after=" in link)
    assert re.fullmatch(r"/follow-ups\?show=all&after=[0-9a-f]{20}", following)
    assert desk.get(following).status == 200
    assert desk.get("/follow-ups?show=overdue").status == 200
    for nonsense in ("/follow-ups?show=x", "/follow-ups?after=zzz", "/patients?after=zzz"):
        assert desk.get(nonsense).status == 404
