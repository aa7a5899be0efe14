"""An assessment that closed is opened again by staff, until a day and with a reason, and closes by itself."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from prom_server.core.enrolment import PatientStopped
from prom_server.core.late import ImplausibleUntil, InfusedSince, NextOneOpen, NotClosed, WhyReopenNeeded
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.core.schedule import Status
from prom_server.services import course_views, courses, invitations, late_reopening, moving, trends, visits
from prom_server.services.visits import LinkClosed
from prom_server.store.assessments import Assessment
from prom_server.store.audit import AuditEntry
from prom_server.store.database import Database
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import TODAY, Cast
from tests.support import clinic
from tests.support.clinic import NOON
from tests.support.two_courses import DAY, answer, first_course

CLOSED = NOON + 125 * DAY  # the 3 months closed on day 124
AT = NOON + 130 * DAY
UNTIL = AT.date() + timedelta(days=14)


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


@pytest.fixture
def course(database: Database, team: Cast) -> str:
    with database.writing() as session:
        return first_course(session, team)


@pytest.fixture
def closed(database: Database, course: str) -> str:
    with database.reading() as session:
        return clinic.assessment_of(session, course, "month-3")


def reopen(database: Database, by, assessment: str, until: date = UNTIL, reason="Was travelling.", at=AT) -> None:
    with database.writing() as session:
        late_reopening.reopen(session, assessment, until, reason, by=by, at=at)


def seen(database: Database, team: Cast, course: str, assessment: str, at=AT):
    with database.writing() as session:
        view = course_views.course_view(session, course, by=team.bob, at=at)
        return next(each for each in view.assessments if each.public_id == assessment)


def test_it_takes_answers_until_that_day_and_closes_by_itself(
    database: Database, team: Cast, course: str, closed: str
) -> None:
    with database.writing() as session:
        link = invitations.issue(session, closed, by=team.bob, at=NOON + 90 * DAY).token
    assert seen(database, team, course, closed, CLOSED).may_reopen
    with database.reading() as session, pytest.raises(LinkClosed):
        visits.look_at_link(session, link, at=AT)
    with database.writing() as session:
        shown = late_reopening.page(session, closed, by=team.cora, at=AT)
    assert (shown.closed_on, shown.until, shown.latest) == (
        TODAY + 124 * DAY,
        UNTIL,
        TODAY + 153 * DAY,  # the day before the 6 months open
    )
    for _ in range(2):  # a second press
        reopen(database, team.cora, closed)
    now = seen(database, team, course, closed)
    assert (now.status, now.window.closes_on, now.reopened_at, now.may_reopen) == (Status.OVERDUE, UNTIL, AT, False)
    with database.reading() as session:
        visits.look_at_link(session, link, at=AT)
        row = session.scalars(select(Assessment).where(Assessment.public_id == closed)).one()
        assert row.remind_on is None
        lines = session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "assessment.reopen")).all()
        assert lines == [f"closed on {TODAY + 124 * DAY}; open until {UNTIL}. Was travelling."]
    assert seen(database, team, course, closed, NOON + 144 * DAY).status is Status.OVERDUE
    after = seen(database, team, course, closed, NOON + 145 * DAY)
    assert (after.status, after.may_reopen) == (Status.EXPIRED, True)


def test_what_is_answered_then_is_marked_as_late(database: Database, team: Cast, course: str, closed: str) -> None:
    reopen(database, team.cora, closed)
    with database.writing() as session:
        answer(session, team, course, "month-3", at=AT + DAY)
    done = seen(database, team, course, closed, AT + DAY)
    assert (done.status, done.answered_late) == (Status.COMPLETED, True)
    with database.writing() as session:
        view = trends.trend(session, team.alice, by=team.bob, at=AT + DAY, action="patient.view")
    assert [line.late for line in view.how] == [True]


def test_what_was_answered_before_is_not(database: Database, team: Cast, course: str, closed: str) -> None:
    with database.writing() as session:
        answer(session, team, course, "month-3", parts=1)
    assert seen(database, team, course, closed).status is Status.PARTIALLY_COMPLETED
    reopen(database, team.cora, closed)
    with database.writing() as session:
        view = trends.trend(session, team.alice, by=team.bob, at=AT, action="patient.view")
    assert [line.late for line in view.how] == [False]


def test_planning_again_keeps_its_day_and_no_reminder_comes_back(
    database: Database, team: Cast, course: str, closed: str
) -> None:
    reopen(database, team.cora, closed)
    with database.writing() as session:
        courses.reopen_course(session, course, by=team.bob, at=AT)
        people.courses.record_infusion(session, course, NOON + 5 * DAY, by=team.bob, at=AT)
    with database.reading() as session:
        row = session.scalars(select(Assessment).where(Assessment.public_id == closed)).one()
        assert (row.due_on, row.closes_on, row.remind_on) == (TODAY + 94 * DAY, UNTIL, None)


def test_a_baseline_until_the_first_infusion_and_never_after_it(database: Database, team: Cast) -> None:
    late = NOON + 40 * DAY  # nothing was given: it stayed open for 30 days
    with database.writing() as session:
        course = people.start(session, team)
        baseline = clinic.assessment_of(session, course, "baseline")
    reopen(database, team.cora, baseline, (late + 14 * DAY).date(), at=late)
    assert seen(database, team, course, baseline, late).status is Status.OVERDUE
    with database.writing() as session:
        given = late + DAY
        courses.record_infusion(session, course, given, by=team.bob, at=given)
    after = seen(database, team, course, baseline, given)
    assert (after.status, after.may_reopen) == (Status.EXPIRED, False)
    with pytest.raises(InfusedSince):
        reopen(database, team.cora, baseline, (late + 14 * DAY).date(), at=given)


@pytest.mark.parametrize("until", [AT.date() - DAY, AT.date() + 24 * DAY, AT.date() + 31 * DAY])
def test_from_today_to_before_the_next_one_opens(database: Database, team: Cast, closed: str, until: date) -> None:
    with pytest.raises(ImplausibleUntil):
        reopen(database, team.cora, closed, until)
    reopen(database, team.cora, closed, AT.date() + 23 * DAY)


def test_not_while_the_next_one_is_open(database: Database, team: Cast, closed: str) -> None:
    with pytest.raises(NextOneOpen):
        reopen(database, team.cora, closed, (NOON + 160 * DAY).date(), at=NOON + 154 * DAY)


def test_not_without_a_reason(database: Database, team: Cast, closed: str) -> None:
    with pytest.raises(WhyReopenNeeded):
        reopen(database, team.cora, closed, reason="  ")


@pytest.mark.parametrize("facts", [{}, {"completed_at": NOON}, {"cancelled_at": NOON}])
def test_not_what_is_open_complete_or_cancelled(database: Database, team: Cast, closed: str, facts) -> None:
    with database.writing() as session:
        session.execute(
            update(Assessment).where(Assessment.public_id == closed).values(**(facts or {"completed_at": None}))
        )
    at = AT if facts else NOON + 100 * DAY
    with pytest.raises(NotClosed):
        reopen(database, team.cora, closed, at.date(), at=at)


def test_not_for_a_patient_who_takes_part_no_more(database: Database, team: Cast, closed: str) -> None:
    with database.writing() as session:
        session.execute(update(Patient).values(withdrawn_at=AT))
    with pytest.raises(PatientStopped):
        reopen(database, team.cora, closed)


def test_another_clinic_and_the_administrator(database: Database, team: Cast, closed: str) -> None:
    with pytest.raises(NotFound):
        reopen(database, team.charlie, closed)
    with pytest.raises(NotAllowed):
        reopen(database, team.ada, closed)


def test_a_course_that_is_cancelled_asks_nothing_though_it_was_opened_again(database: Database, team: Cast) -> None:
    late = NOON + 40 * DAY
    with database.writing() as session:
        course = people.start(session, team)
        baseline = clinic.assessment_of(session, course, "baseline")
    reopen(database, team.cora, baseline, (late + 14 * DAY).date(), at=late)
    with database.writing() as session:
        preview = moving.cancel_page(session, course, by=team.bob, at=late).preview
        assert preview is not None
        moving.cancel(session, course, "Another patient's.", preview.seen, by=team.bob, at=late)
    assert seen(database, team, course, baseline, late).status is Status.CANCELLED
