"""Today, the follow-ups and the day list as pages: one press each, in few statements, no name in an address."""

import io
import re
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from prom_server.core.courses import FinishReason
from prom_server.services import courses, expected, invitations, outbox
from prom_server.store.assessments import Assessment
from prom_server.store.database import Database
from prom_server.store.outbox import Message, TaskRun
from prom_server.store.patients import Patient
from prom_server.store.staff import StaffSession
from tests import cast as people
from tests.bench.scale import statements
from tests.cast import Cast
from tests.support import clinic
from tests.support.browsing import Browser
from tests.support.clinic import NOON
from tests.support.pages import Form

pytestmark = pytest.mark.usefixtures("noon")

AT_MOST = 25
FOUR_DAYS = timedelta(days=4)


def form(page: Browser, part: str) -> Form:
    return next(each for each in page.page.forms if each.action.endswith(part))


def upload(desk: Browser, data: bytes, on: str = "2026-11-23") -> Browser:
    sending = form(desk.get("/expected"), "/expected/day-list")
    file = (io.BytesIO(data), "list.csv")
    return desk.post("/expected/day-list", {**sending.fields, "on": on, "file": file})


def test_checking_in_is_one_press_and_can_be_undone(desk: Browser, database: Database, team: Cast) -> None:
    with database.writing() as session:
        people.start(session, team)
    desk.get("/today")
    assert "Infusion 1 of 5" in desk.page.text
    assert "Baseline, 0 of 16" in desk.page.text
    assert "Nobody. Whoever is checked in" in desk.page.text
    desk.submit(form(desk, "/check-in"))
    assert desk.path == "/today"
    assert "Checked in." in desk.page.text
    assert "here since 12:00" in desk.page.text
    assert "arrived 12:00" in desk.page.text
    assert "Hand over" in desk.page.text
    desk.submit(form(desk, "/check-in/undo"))
    assert "arrived" not in desk.page.text
    desk.get("/expected").submit(form(desk.get("/expected"), "/check-in"))
    assert desk.path == "/expected"


def test_a_call_of_what_is_overdue_begins_on_its_page_where_it_is_recorded(
    desk: Browser, database: Database, team: Cast
) -> None:
    with database.writing() as session:
        course = people.start(session, team)
        assessment = clinic.assessment_of(session, course, "baseline")
        invitations.issue(session, assessment, by=team.cora, at=NOON)
        days = {"opens_on": NOON.date(), "closes_on": NOON.date() + FOUR_DAYS, "overdue_on": NOON.date()}
        session.execute(update(Assessment).where(Assessment.public_id == assessment).values(**days))
    for path in ("/today", "/follow-ups"):
        desk.get(path)
        assert f'href="/assessments/{assessment}/call"' in desk.response.text
        assert "tel:" not in desk.response.text
    with database.writing() as session:
        session.execute(update(Assessment).values(overdue_on=NOON.date() + timedelta(days=1)))  # it closes soon, only
    assert 'href="tel:3035550100"' in desk.get("/follow-ups").response.text


def test_a_full_morning_in_few_statements(desk: Browser, database: Database, team: Cast) -> None:
    with database.writing() as session:
        people.answer_part(session, people.start(session, team), team.bob, 2)
        session.execute(update(Patient).values(locked_at=NOON))
        for number in range(12):
            patient = people.patient(session, team.cora, f"P{number}", number=f"N{number}")
            people.start(session, team, patient_id=patient, starts_on=NOON.date() - number % 3 * timedelta(days=1))
            expected.check_in(session, patient, by=team.cora, at=NOON)
    for path in ("/today", "/follow-ups", "/expected"):
        with statements() as sent:
            desk.get(path)
        assert desk.status == 200
        assert len(sent) <= AT_MOST, path
    assert "Alice Specimen" in desk.get("/today").page.text


def test_what_hangs_loose_is_told_when_something_does(desk: Browser, database: Database, team: Cast, noon) -> None:
    words = ("Links without an answer", "Finished?", "Standing still", "Messages not delivered")
    desk.get("/today")
    assert not any(each in desk.page.text for each in words)
    with database.writing() as session:
        people.start(session, team, starts_on=NOON.date() + timedelta(days=20))
        other = people.patient(session, team.cora, "Anna", "Other", number="2")
        people.infuse(session, people.start(session, team, patient_id=other), team.bob, 0)
        baseline = session.scalars(select(Assessment.public_id).where(Assessment.patient_id == 1)).first()
        invitations.issue(session, baseline, by=team.cora, at=NOON)
        message = {"clinic_id": team.cora.clinic.id, "channel": "email", "address": "a@example.org", "language": "en"}
        outbox.enqueue(session, purpose="test", key="one", at=NOON, **message)
        session.execute(update(Message).values(refused_at=NOON, reason="address"))
        session.execute(insert(TaskRun).values(name="remind", began_at=NOON, finished_at=NOON))
        session.execute(update(StaffSession).values(created_at=NOON + FOUR_DAYS, seen_at=NOON + FOUR_DAYS))
    noon.shift(FOUR_DAYS)
    desk.get("/today")
    assert [each for each in words if each not in desk.page.text] == []
    for told in (
        "Not opened",
        "4 days ago",
        "1 of 5",
        "Reminders. Nothing is lost",
        "The address was refused for good",
    ):
        assert told in desk.page.text, told


def test_the_follow_ups_can_be_narrowed_down(desk: Browser, database: Database, team: Cast) -> None:
    with database.writing() as session:
        people.start(session, team)
        other = people.patient(session, team.cora, "Anna", "Other", number="2")
        theirs = people.start(session, team, patient_id=other)
        people.infuse(session, theirs, team.bob, 0)
        courses.finish_course(session, theirs, FinishReason.COMPLETED, None, by=team.bob, at=NOON)
    assert {name for name in ("Alice", "Anna") if name in desk.get("/follow-ups").page.text} == {"Alice", "Anna"}
    for address, shown in (
        ("?time_point=baseline", {"Alice"}),
        ("?time_point=last-infusion", {"Anna"}),
        ("?show=due", {"Alice", "Anna"}),
        ("?show=closing", {"Anna"}),
        ("?courses=repeat", set()),
        ("?courses=first&show=overdue", set()),
    ):
        desk.get(f"/follow-ups{address}")
        assert {name for name in ("Alice", "Anna") if name in desk.page.text} == shown, address
    assert "Nothing of this kind today" in desk.page.text
    for address in ("?show=none", "?courses=third", "?time_point=never"):
        assert desk.get(f"/follow-ups{address}").status == 404


def test_a_day_list_is_looked_at_and_put_in_place(desk: Browser, team: Cast) -> None:
    upload(desk, b"record_number;time;reason\ndemo-1;9:30;Visit\nDEMO-9;10:00;\nDEMO-1;11:00;\n")
    assert re.fullmatch("/expected/day-list/[0-9a-f]{20}", desk.path)
    assert "1 line can be used, 2 not" in desk.page.text
    assert "No patient has this record number." in desk.page.text
    assert "The patient is on an earlier line." in desk.page.text
    preview = desk.path
    desk.submit(form(desk, preview))
    assert (desk.path, desk.status) == ("/expected", 200)
    assert "The day list is in place." in desk.page.text
    assert "09:30" in desk.page.text
    assert "Alice Specimen" in desk.page.text
    assert "used or discarded already" in desk.get(preview).page.text


def test_a_day_list_may_be_discarded(desk: Browser) -> None:
    upload(desk, b"record_number\nDEMO-1\n")
    desk.submit(form(desk, "/discard"))
    assert "Nothing changed." in desk.page.text
    assert "Alice" not in desk.page.text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"name,time\nAlice,9:00", "one of them record_number"),
        (b"\xff\xfe\x00", "save it as CSV in UTF-8"),
        (b"record_number\n", "There is no line in it"),
        (b"record_number\n" + b"A\n" * 501, "at most 500 lines"),
    ],
)
def test_what_is_no_day_list_is_said_at_the_field(desk: Browser, data: bytes, words: str) -> None:
    upload(desk, data)
    assert desk.status == 422
    assert desk.page.text.count(words) == 2
    assert 'aria-invalid="true"' in desk.response.text


def test_no_file_no_day(desk: Browser) -> None:
    sending = form(desk.get("/expected"), "/expected/day-list")
    desk.post("/expected/day-list", {**sending.fields, "on": "soon"})
    assert desk.status == 422
    assert "Please fill this in" in desk.page.text
    assert "This is not a date" in desk.page.text
