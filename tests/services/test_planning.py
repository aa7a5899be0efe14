"""Planning again: assessments, infusion days, reminders and what waits in the outbox move together."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from prom_server import resources
from prom_server.core.courses import FinishReason
from prom_server.core.patient_status import Stop
from prom_server.core.schedule import Status
from prom_server.definitions.library import Library
from prom_server.services import (
    catalogue,
    corrections,
    course_views,
    courses,
    finding,
    patient_status,
    planning,
    trends,
)
from prom_server.store.assessments import Administration, Assessment
from prom_server.store.courses import Course, Infusion, InfusionDay
from prom_server.store.database import Database
from prom_server.store.outbox import Message, Reminder
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic
from tests.support.clinic import NOON
from tests.support.reminded import covered
from tests.support.two_courses import MONTH_3, answer, first_course

DAY = timedelta(days=1)
TODAY = NOON.date()


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


@pytest.fixture
def course(database: Database, team: Cast) -> str:
    with database.writing() as session:
        return people.start(session, team)


@pytest.fixture
def own_library() -> Iterator[None]:
    yield
    clinic.bind_definitions()


def days(database: Database) -> list[tuple[int, bool, bool]]:
    """Of each planned day in order: its distance from today, whether it was given, whether it stands."""
    with database.reading() as session:
        rows = session.scalars(select(InfusionDay).order_by(InfusionDay.planned_on)).all()
        return [((row.planned_on - TODAY).days, row.infusion_id is not None, row.cancelled_at is None) for row in rows]


def reminding(database: Database) -> dict[str, int | None]:
    with database.reading() as session:
        rows = session.scalars(select(Assessment)).all()
        return {row.time_point: (row.remind_on - TODAY).days if row.remind_on else None for row in rows}


def statuses(database: Database, team: Cast, course: str, *, at: datetime = NOON) -> dict[str, Status]:
    with database.writing() as session:
        view = course_views.course_view(session, course, by=team.bob, at=at)
        return {each.window.time_point: each.status for each in view.assessments}


def replan(database: Database, team: Cast, *, at: datetime, **facts: object) -> None:
    """After these facts about the patient."""
    with database.writing() as session:
        patient = finding.patient(session, team.alice, by=team.bob, lock=True)
        session.execute(update(Patient).where(Patient.id == patient.id).values(**facts))
        session.refresh(patient)
        planning.replan_patient(session, patient, by=team.bob, at=at)


def test_infusion_days_are_planned_given_and_cancelled_with_the_course(
    database: Database, team: Cast, course: str
) -> None:
    assert days(database) == [(n, False, True) for n in range(5)]
    with database.writing() as session:
        _, second = people.infuse(session, course, team.bob, 0, 2)
    assert [given for _, given, _ in days(database)] == [True, False, True, False, False]
    with database.writing() as session:
        people.infuse(session, course, team.bob, 9)  # on no planned day: in the place of the second
    assert [given for _, given, _ in days(database)] == [True, True, True, False, False]
    with database.writing() as session:
        courses.mark_infusion_in_error(session, second, by=team.bob, at=NOON + 9 * DAY)
        courses.finish_course(session, course, FinishReason.STOPPED_EARLY, "why", by=team.bob, at=NOON + 9 * DAY)
    assert [given for _, given, _ in days(database)] == [True, True, False, False, False]
    assert [stands for _, _, stands in days(database)] == [True, True, False, False, False]
    with database.writing() as session:
        courses.reopen_course(session, course, by=team.bob, at=NOON + 9 * DAY)
    assert [stands for _, _, stands in days(database)] == [True] * 5
    with database.reading() as session:
        pairs = session.execute(
            select(InfusionDay.planned_on, Infusion.given_at).join(Infusion, Infusion.id == InfusionDay.infusion_id)
        )
        assert {(row.planned_on - TODAY).days: (row.given_at - NOON).days for row in pairs} == {0: 0, 1: 9}


def test_a_missed_day_keeps_its_reason_and_is_not_made_up(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        people.infuse(session, course, team.bob, 0)
        missed = select(InfusionDay.id).where(InfusionDay.planned_on == TODAY + 4 * DAY).scalar_subquery()
        session.execute(update(InfusionDay).where(InfusionDay.id == missed).values(missed_at=NOON, missed_reason="x"))
        people.infuse(session, course, team.bob, 1)
        last = session.scalars(select(Assessment).where(Assessment.time_point == "last-infusion")).one()
        assert last.due_on == TODAY + 3 * DAY
        courses.finish_course(session, course, FinishReason.STOPPED_EARLY, "why", by=team.bob, at=NOON + 5 * DAY)
    assert [stands for _, _, stands in days(database)] == [True, True, False, False, True]


def test_the_next_reminder_follows_the_plan(database: Database, team: Cast, course: str) -> None:
    assert reminding(database) == {"baseline": -30, "last-infusion": 4}
    with database.writing() as session:
        people.infuse(session, course, team.bob, 0)
    found = reminding(database)
    assert (found["baseline"], found["month-3"], found["month-6"]) == (None, 76, 150)  # the baseline has closed
    with database.writing() as session:
        people.infuse(session, course, team.bob, 1)
        session.execute(update(Assessment).where(Assessment.time_point == "month-6").values(completed_at=NOON))
        planning.replan(session, session.scalars(select(Course)).one(), by=team.bob, at=NOON + DAY)
    found = reminding(database)
    assert (found["month-3"], found["month-6"]) == (77, 151)  # also of what is complete: it may be asked again


def test_reminders_go_on_when_something_is_no_longer_complete(database: Database, team: Cast) -> None:
    """Its course was planned again while it was complete; then its answers turn out to be somebody else's."""
    with database.writing() as session:
        course = first_course(session, team)
        answer(session, team, course, "month-3")
        courses.reopen_course(session, course, by=team.bob, at=MONTH_3)
        for public_id in session.scalars(select(Administration.public_id)).all():
            corrections.mark_in_error(session, public_id, "Rosa's", by=team.bob, at=MONTH_3)
    assert reminding(database)["month-3"] == 80  # none was covered: the next morning catches up


def test_what_waits_to_be_sent_moves_and_what_was_sent_stays(database: Database, team: Cast, course: str) -> None:
    """At 93 days, with the reminder of today waiting, an infusion that was forgotten is recorded."""
    with database.writing() as session:
        people.infuse(session, course, team.bob, 0)
        row = session.scalars(select(Assessment).where(Assessment.time_point == "month-3")).one()
        sent = covered(session, row, "a", ("opens", 0), sent_at=NOON + 76 * DAY)
        unclear = covered(session, row, "b", ("due", 0), sending_at=NOON, unclear_at=NOON + 90 * DAY)
        waiting = covered(session, row, "c", ("due", 3))
    with database.writing() as session:
        courses.record_infusion(session, course, NOON + 4 * DAY, by=team.bob, at=NOON + 93 * DAY)
    with database.reading() as session:
        cancelled = session.scalars(select(Message.id).where(Message.cancelled_at.is_not(None))).all()
        left = {row.message_id for row in session.scalars(select(Reminder))}
    assert cancelled == [waiting]
    assert left == {sent, unclear}
    assert reminding(database)["month-3"] == 4 + 90 + 3  # "due 0" may have arrived, so it does not come again


def test_a_message_goes_out_while_anything_of_it_is_due(database: Database, team: Cast, course: str) -> None:
    """It covers what moves and, of another course, what stays."""
    with database.writing() as session:
        people.infuse(session, course, team.bob, 0)
        courses.finish_course(session, course, FinishReason.COMPLETED, None, by=team.bob, at=NOON)
        second = people.start(session, team, starts_on=TODAY + 91 * DAY)
        follow_up = session.scalars(select(Assessment).where(Assessment.time_point == "month-3")).one()
        later = session.scalars(select(Course).where(Course.public_id == second)).one()
        baseline = session.scalars(
            select(Assessment).where(Assessment.course_id == later.id, Assessment.time_point == "baseline")
        ).one()
        shared = covered(session, baseline, "a", ("opens", 0))
        session.add(Reminder(assessment_id=follow_up.id, kind="due", nth=0, message_id=shared, at=NOON))
    with database.writing() as session:
        replanned = planning.replan_patient(
            session, finding.patient(session, team.alice, by=team.bob), by=team.bob, at=NOON + 90 * DAY
        )
        assert [each.messages for each in replanned] == [(), ()]
        courses.record_infusion(session, second, NOON + 90 * DAY, by=team.bob, at=NOON + 90 * DAY)
    with database.reading() as session:
        assert session.scalars(select(Message.cancelled_at)).all() == [None]
        assert session.scalars(select(Reminder.assessment_id)).all() == [follow_up.id]


def test_withdrawn_stops_what_has_not_happened_and_taken_back_plans_it_again(
    database: Database, team: Cast, course: str
) -> None:
    with database.writing() as session:
        people.infuse(session, course, team.bob, 0)
    at = NOON + 100 * DAY
    before = statuses(database, team, course, at=at)
    replan(database, team, at=at, withdrawn_at=at)
    assert statuses(database, team, course, at=at) == {
        "baseline": Status.EXPIRED,  # what had closed is history
        "last-infusion": Status.EXPIRED,
        "month-3": Status.CANCELLED,
        "month-6": Status.CANCELLED,
    }
    assert set(reminding(database).values()) == {None}
    assert [stands for _, _, stands in days(database)] == [True, False, False, False, False]
    replan(database, team, at=at, withdrawn_at=None)
    assert statuses(database, team, course, at=at) == before
    assert reminding(database)["month-6"] == 150
    assert [stands for _, _, stands in days(database)] == [True] * 5


@pytest.mark.parametrize("fact", ["deceased_on", "merged_into_id"])
def test_so_do_death_and_a_merge(database: Database, team: Cast, course: str, fact: str) -> None:
    with database.writing() as session:
        other = finding.patient(session, people.patient(session, team.bob, number="2"), by=team.bob).id
    replan(database, team, at=NOON, **{fact: TODAY if fact == "deceased_on" else other})
    assert set(statuses(database, team, course).values()) == {Status.CANCELLED}


def test_what_was_begun_is_not_taken_from_a_patient_who_withdraws(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        people.answer_part(session, course, team.bob, 0)
    replan(database, team, at=NOON, withdrawn_at=NOON)
    assert statuses(database, team, course)["baseline"] is Status.IN_PROGRESS
    assert set(reminding(database).values()) == {None}


def test_what_staff_reopened_keeps_their_days(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        people.infuse(session, course, team.bob, 0)
        values = {"reopened_at": NOON, "closes_on": TODAY + 30 * DAY, "closed_at": None}
        session.execute(update(Assessment).where(Assessment.time_point == "last-infusion").values(**values))
        people.infuse(session, course, team.bob, 1)
    assert statuses(database, team, course, at=NOON + 20 * DAY)["last-infusion"] is Status.OVERDUE


def test_an_infusion_in_error_does_not_keep_closed_what_staff_reopened(
    database: Database, team: Cast, course: str
) -> None:
    at = NOON + 40 * DAY
    values = {"reopened_at": at, "closes_on": TODAY + 50 * DAY, "closed_at": None}
    with database.writing() as session:
        session.execute(update(Assessment).where(Assessment.time_point == "baseline").values(**values))
        infusion = courses.record_infusion(session, course, at, by=team.bob, at=at)
    assert statuses(database, team, course, at=at)["baseline"] is Status.EXPIRED
    with database.writing() as session:
        courses.mark_infusion_in_error(session, infusion, by=team.bob, at=at)
    assert statuses(database, team, course, at=at)["baseline"] is Status.OVERDUE
    with database.writing() as session:
        people.answer_part(session, course, team.bob, 0, at=at)
        patient_status.stop(session, team.alice, Stop.WITHDRAWN, reason="why", by=team.cora, at=at)
        planning.replan(session, session.scalars(select(Course)).one(), by=team.bob, at=at)
    assert statuses(database, team, course, at=at)["baseline"] is Status.EXPIRED  # the withdrawal closed it


@pytest.mark.usefixtures("own_library")
def test_a_course_keeps_its_protocol_when_the_next_revision_appears(
    database: Database, team: Cast, course: str, tmp_path: Path
) -> None:
    shutil.copytree(resources.directory("instruments"), tmp_path / "all")
    first = tmp_path / f"all/protocols/{clinic.FREE}.v1.yaml"
    text = first.read_text(encoding="utf-8").replace("revision: 1", "revision: 2").replace("due: 90", "due: 91")
    first.with_name(f"{clinic.FREE}.v2.yaml").write_text(text, encoding="utf-8")
    catalogue.bind(Library([tmp_path / "all"]))
    with database.writing() as session:
        people.infuse(session, course, team.bob, 0)
        other = people.start(session, team, patient_id=people.patient(session, team.bob, number="2"))
        people.infuse(session, other, team.bob, 0)
        due = select(Course.protocol_revision, Assessment.due_on).join(Course, Course.id == Assessment.course_id)
        found = session.execute(due.where(Assessment.time_point == "month-3").order_by(Course.id)).all()
    assert [tuple(row) for row in found] == [(1, TODAY + 90 * DAY), (2, TODAY + 91 * DAY)]


def test_an_answer_is_marked_where_the_next_course_had_begun(database: Database, team: Cast, course: str) -> None:
    """The 3-month follow-up of the first course is answered once before and once after the second one's start."""
    with database.writing() as session:
        people.infuse(session, course, team.bob, 0)
        courses.finish_course(session, course, FinishReason.COMPLETED, None, by=team.bob, at=NOON)
        second = people.start(session, team, starts_on=TODAY + 80 * DAY)
        courses.record_infusion(session, second, NOON + 80 * DAY, by=team.bob, at=NOON + 80 * DAY)
    for answered_at, late in ((NOON + 79 * DAY, False), (NOON + 81 * DAY, True)):
        with database.writing() as session:
            session.execute(
                update(Assessment).where(Assessment.time_point == "month-3").values(completed_at=answered_at)
            )
            view = course_views.course_view(session, course, by=team.bob, at=NOON + 81 * DAY)
        marked = {each.name: each.after_next_course for each in view.assessments}
        assert marked == {"Baseline": False, "Last infusion": False, "3 months": late, "6 months": False}


@pytest.mark.parametrize(("day", "late"), [(79, False), (81, True)])
def test_so_are_the_answers_of_a_trend(database: Database, team: Cast, course: str, day: int, late: bool) -> None:
    with database.writing() as session:
        people.infuse(session, course, team.bob, 0)
        courses.finish_course(session, course, FinishReason.COMPLETED, None, by=team.bob, at=NOON)
        at = NOON + day * DAY
        token = people.answer_part(session, course, team.bob, 0, time_point="month-3", at=at)
        people.submit_part(session, token, at=at)
        second = people.start(session, team, starts_on=TODAY + 80 * DAY)
        courses.record_infusion(session, second, NOON + 80 * DAY, by=team.bob, at=NOON + 81 * DAY)
        view = trends.trend(session, team.alice, by=team.bob, at=NOON + 82 * DAY, action="patient.view")
    assert [(line.name, line.after_next_course) for line in view.how] == [("3 months", late)]
