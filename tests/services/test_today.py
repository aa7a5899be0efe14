"""The desk's first page: who is here, who is expected, what went wrong, what is left to do; in few statements."""

from datetime import timedelta

import pytest
from sqlalchemy import event, insert, select, update

from prom_server.core.permissions import Role
from prom_server.core.refusals import NotAllowed
from prom_server.services import (
    call_list,
    calling,
    course_views,
    courses,
    expected,
    followups,
    handovers,
    invitations,
    outbox,
    today,
)
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Assessment
from prom_server.store.courses import Course
from prom_server.store.database import Database
from prom_server.store.kiosks import Device
from prom_server.store.outbox import Message, TaskRun
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic, kiosk
from tests.support.clinic import NOON

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


@pytest.fixture
def course(database: Database, team: Cast) -> str:
    with database.writing() as session:
        return people.start(session, team, starts_on=NOON.date() + 20 * DAY)


def looked(database: Database, team: Cast, at=NOON):
    with database.writing() as session:
        return today.today(session, by=team.cora, at=at)


def test_who_answers_is_here_with_where_they_are(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        people.answer_part(session, course, team.bob, 0)
    (at_home,) = looked(database, team, NOON + HOUR).answering
    assert (at_home.row.patient.name, at_home.row.answered, at_home.row.items) == ("Alice Specimen", 9, 16)
    assert (at_home.arrived_at, at_home.handed_to, at_home.mode) == (None, None, "own_device")
    with database.writing() as session:
        expected.check_in(session, team.alice, by=team.cora, at=NOON + 2 * HOUR)
        kiosk.tablet(session, team.ada, "Tablet 2")
        device = session.scalars(select(Device.public_id)).one()
        assessment = clinic.assessment_of(session, course, "baseline")
        handovers.start_on(session, assessment, device, by=team.cora, at=NOON + 2 * HOUR)
    (here,) = looked(database, team, NOON + 2 * HOUR).answering
    assert (here.arrived_at, here.handed_to) == (NOON + 2 * HOUR, "Tablet 2")
    (later,) = looked(database, team, NOON + 3 * HOUR).answering  # the tablet waits a quarter of an hour
    assert (later.arrived_at, later.handed_to) == (NOON + 2 * HOUR, None)
    assert looked(database, team, NOON + 26 * HOUR).answering == ()


def test_who_is_done_or_has_nothing_to_answer_is_not_among_them(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        other = people.patient(session, team.cora, "Anna", number="2")
        expected.check_in(session, other, by=team.cora, at=NOON)
        expected.check_in(session, team.alice, by=team.cora, at=NOON)
    assert [each.row.patient.name for each in looked(database, team).answering] == ["Alice Specimen"]
    with database.writing() as session:
        session.execute(update(Assessment).values(completed_at=NOON))
    assert looked(database, team).answering == ()


def test_courses_ask_to_be_finished_and_locked_links_to_be_unlocked(database: Database, team: Cast) -> None:
    with database.writing() as session:
        session.execute(update(Patient).where(Patient.public_id == team.alice).values(locked_at=NOON))
        course = people.start(session, team)
        people.infuse(session, course, team.bob, 0)
    assert [row.patient.public_id for row in looked(database, team).locked] == [team.alice]
    assert looked(database, team, NOON + 2 * DAY).to_finish == ()
    (asks,) = looked(database, team, NOON + 3 * DAY).to_finish
    assert (asks.given, asks.planned, asks.days_since) == (1, 5, 3)
    with database.writing() as session:
        people.infuse(session, course, team.bob, 1, 2, 3, 4)
    (asks,) = looked(database, team, NOON + 4 * DAY).to_finish  # all were given
    assert (asks.given, asks.days_since) == (5, 0)
    with database.writing() as session:
        courses.finish_course(session, course, courses.FinishReason.COMPLETED, None, by=team.bob, at=NOON + 4 * DAY)
    assert looked(database, team, NOON + 5 * DAY).to_finish == ()


@pytest.mark.parametrize(("protocol", "after"), [(clinic.FREE, 4 + 3), ("psychotherapy-every-4-weeks", 364 + 10 + 1)])
def test_so_does_a_course_in_which_nothing_was_given(database: Database, team: Cast, protocol: str, after: int) -> None:
    with database.writing() as session:
        course = courses.start_course(session, team.alice, protocol, NOON.date(), by=team.bob, at=NOON)
    for days, asking in ((after - 1, False), (after, True)):
        at = NOON + days * DAY
        assert bool(looked(database, team, at).to_finish) is asking
        with database.writing() as session:
            assert course_views.course_view(session, course, by=team.bob, at=at).asks_to_be_finished is asking


def test_a_link_is_unanswered_after_three_days_until_somebody_begins(
    database: Database, team: Cast, course: str
) -> None:
    with database.writing() as session:
        invitations.issue(session, clinic.assessment_of(session, course, "baseline"), by=team.bob, at=NOON)
    assert looked(database, team, NOON + 3 * DAY - HOUR).unanswered == ()
    (row,) = looked(database, team, NOON + 3 * DAY + HOUR).unanswered
    assert (row.patient.name, row.link_made_at, row.link_opened_at) == ("Alice Specimen", NOON, None)
    overdue = NOON + 21 * DAY  # of a baseline that is put off: on the call list, and still open
    assert [row.days_overdue for row in looked(database, team, overdue).follow_ups.rows] == [0]
    assert looked(database, team, overdue).unanswered == ()
    with database.writing() as session:
        session.execute(update(Assessment).values(started_at=NOON))
    assert looked(database, team, NOON + 4 * DAY).unanswered == ()


def test_what_was_declined_on_the_telephone_presses_nobody(database: Database, team: Cast, course: str) -> None:
    assert len(looked(database, team).follow_ups.rows) == 1
    with database.writing() as session:
        session.execute(update(Assessment).values(declined_at=NOON))
    assert looked(database, team).follow_ups.rows == ()


def test_what_went_wrong_is_told(database: Database, team: Cast) -> None:
    with database.writing() as session:
        address = {"clinic_id": team.cora.clinic.id, "channel": "email", "address": "a@example.org", "language": "en"}
        one = outbox.enqueue(session, purpose="test", key="one", at=NOON, **address)
        outbox.enqueue(session, purpose="test", key="two", at=NOON, **address)
        session.execute(update(Message).where(Message.id == one).values(refused_at=NOON, reason="address"))
        session.execute(insert(TaskRun).values(name="remind", began_at=NOON - HOUR, finished_at=NOON - HOUR))
    view = looked(database, team)
    assert [line.reason for line in view.undelivered] == ["address"]
    assert view.late_tasks == ("remind",)


def test_looking_at_today_flags_what_was_never_reached(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        link = invitations.issue(session, clinic.assessment_of(session, course, "baseline"), by=team.bob, at=NOON)
        people.visits.count_attempt(session, link.token, at=NOON)
        token = people.visits.identify(session, link.token, clinic.BIRTH_DATE, at=NOON).token
        people.answering.start(session, token, at=NOON)
    for hours, levels in ((23, []), (25, ["flag"])):
        looked(database, team, NOON + hours * HOUR)
        with database.reading() as session:
            assert session.scalars(select(Alert.level)).all() == levels


def test_a_full_morning_costs_few_statements(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        people.answer_part(session, course, team.bob, 2)
        expected.check_in(session, team.alice, by=team.cora, at=NOON)
        for number in range(12):
            patient = people.patient(session, team.cora, f"P{number}", number=f"N{number}")
            mine = people.start(session, team, patient_id=patient, starts_on=NOON.date() - number % 3 * DAY)
            if number % 2:
                people.infuse(session, mine, team.bob, 0)
            expected.check_in(session, patient, by=team.cora, at=NOON)
    statements: list[str] = []
    event.listen(database.writer, "before_cursor_execute", lambda *args: statements.append(args[2]))
    view = looked(database, team)
    assert len([each for each in statements if not each.startswith("BEGIN")]) <= MOST
    assert (len(view.answering), len(view.expected.rows), len(view.follow_ups.rows)) == (7, 8, 7)


MOST = 20  # beside those of signing in, of the alerts and of the tablets: 25 for the page


def test_another_clinic_s_and_an_administrator_s(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        expected.check_in(session, team.alice, by=team.cora, at=NOON)
        theirs = today.today(session, by=team.charlie, at=NOON)
        assert (theirs.follow_ups.rows, theirs.answering, theirs.expected.rows) == ((), (), ())
        with pytest.raises(NotAllowed):
            today.today(session, by=team.of(Role.ADMINISTRATOR), at=NOON)


@pytest.mark.parametrize("gone", [{"protocol_id": "gone"}, {"protocol_revision": 99}], ids=["file", "revision"])
def test_a_course_whose_protocol_is_gone_is_a_line_and_takes_no_page_down(
    database: Database, team: Cast, gone: dict[str, object]
) -> None:
    at = NOON + 100 * DAY
    with database.writing() as session:
        lost = people.start(session, team)
        people.infuse(session, lost, team.bob, 0)
        anna = people.patient(session, team.cora, "Anna", number="2")
        people.start(session, team, starts_on=NOON.date() + 102 * DAY, patient_id=anna)
        session.execute(update(Course).where(Course.public_id == lost).values(**gone))
        expected.check_in(session, team.alice, by=team.cora, at=at)
    view = looked(database, team, at)
    by_name = {row.name: row for row in view.follow_ups.rows}
    assert (by_name["month-3"].protocol_missing, by_name["month-3"].items) == (True, 0)
    assert (by_name["Baseline"].protocol_missing, by_name["Baseline"].items) == (False, 16)
    assert {row.course_id: row.planned for row in view.to_finish}[lost] is None
    with database.writing() as session:
        listed = followups.follow_ups(session, by=team.cora, at=at).rows
        assert {row.name for row in listed} == set(by_name)
        (line,) = call_list.call_list(session, by=team.cora, at=at).rows
        assert (line.name, line.protocol_missing) == ("month-3", True)
        assert calling.call_page(session, line.assessment_id, by=team.cora, at=at).assessment.name == "month-3"
        assert expected.expected_day(session, by=team.cora, at=at).rows
        assert course_views.courses_of(session, team.alice, by=team.cora, at=at)


def test_unfinished_courses_of_every_revision_are_looked_through(database: Database, team: Cast) -> None:
    """Also those that are pinned to one that is not the latest."""
    with database.writing() as session:
        course = people.start(session, team)
        people.infuse(session, course, team.bob, 0)
        session.execute(update(Course).values(protocol_id=clinic.DEFAULT))
    assert len(looked(database, team, NOON + 3 * DAY).to_finish) == 1
