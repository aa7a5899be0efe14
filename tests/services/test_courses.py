"""Courses: every infusion plans again, what happened stays, what is not planned is cancelled and comes back."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select, text, update

from prom_server.core.courses import (
    CourseFinished,
    CourseStillOpen,
    FinishReason,
    ImplausibleStart,
    InfusionInFuture,
    InfusionSameDay,
    InfusionTooEarly,
    LicenceMissing,
    NotTheLastCourse,
    StopReasonNeeded,
    WithoutInfusions,
)
from prom_server.core.infusions import ImplausibleDose
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.core.schedule import Status
from prom_server.core.settings_change import Section
from prom_server.services import audit, clinic_settings, clinics, course_views, courses, enrolment, finding, moving
from prom_server.store.assessments import Assessment
from prom_server.store.audit import AuditEntry
from prom_server.store.courses import Course, Infusion
from prom_server.store.database import Database
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic
from tests.support.clinic import NOON
from tests.support.databases import only_postgresql

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


def view(database: Database, team: Cast, course: str, *, at=NOON):
    with database.writing() as session:
        return course_views.course_view(session, course, by=team.bob, at=at)


def by_name(database: Database, team: Cast, course: str, *, at=NOON):
    return {each.name: each for each in view(database, team, course, at=at).assessments}


def infuse(database: Database, team: Cast, course: str, *days: int) -> list[str]:
    with database.writing() as session:
        return people.infuse(session, course, team.bob, *days)


def finish(database: Database, team: Cast, course: str, reason=FinishReason.COMPLETED, *, at=NOON) -> None:
    with database.writing() as session:
        courses.finish_course(session, course, reason, "why", by=team.bob, at=at)


def test_a_course_begins_with_baseline_and_last_infusion(database: Database, team: Cast, course: str) -> None:
    found = by_name(database, team, course)
    assert {name: each.status for name, each in found.items()} == {
        "Baseline": Status.DUE,
        "Last infusion": Status.SCHEDULED,
    }
    assert found["Baseline"].window.opens_on == TODAY - 30 * DAY
    assert found["Last infusion"].window.due_on == TODAY + 4 * DAY
    assert (found["Baseline"].answered, found["Baseline"].items) == (0, 16)


def test_each_infusion_moves_the_follow_ups(database: Database, team: Cast, course: str) -> None:
    infuse(database, team, course, 0)
    found = by_name(database, team, course, at=NOON + timedelta(seconds=1))
    assert found["Baseline"].status is Status.EXPIRED  # closed when the first infusion started
    assert found["3 months"].window.due_on == TODAY + 90 * DAY
    infuse(database, team, course, 1, 2)
    found = by_name(database, team, course)
    assert found["3 months"].window.due_on == TODAY + 92 * DAY
    assert found["6 months"].window.closes_on == TODAY + 227 * DAY
    assert found["Last infusion"].window.due_on == TODAY + 4 * DAY


def test_a_course_stopped_at_three_has_its_follow_ups(database: Database, team: Cast, course: str) -> None:
    infuse(database, team, course, 0, 1, 2)
    finish(database, team, course, FinishReason.STOPPED_EARLY, at=NOON + 3 * DAY)
    found = by_name(database, team, course)
    assert found["Last infusion"].window.due_on == TODAY + 2 * DAY
    assert found["3 months"].window.due_on == TODAY + 92 * DAY
    seen = view(database, team, course)
    assert (seen.finish_reason, seen.finish_note, len(seen.given)) == ("stopped_early", "why", 3)


def test_an_infusion_in_error_plans_back_and_cancelled_ones_revive(database: Database, team: Cast, course: str) -> None:
    (only,) = infuse(database, team, course, 0)
    with database.writing() as session:
        assert courses.mark_infusion_in_error(session, only, by=team.cora, at=NOON) == course
        courses.mark_infusion_in_error(session, only, by=team.cora, at=NOON)  # twice changes nothing
    found = by_name(database, team, course)
    assert found["Baseline"].status is Status.DUE  # opened again
    assert found["3 months"].status is Status.CANCELLED
    assert [each.in_error for each in view(database, team, course).infusions] == [True]
    infuse(database, team, course, 0)
    again = by_name(database, team, course)
    assert again["3 months"].status is Status.SCHEDULED
    assert again["3 months"].public_id == found["3 months"].public_id
    with database.reading() as session:
        assert session.execute(select(func.count()).select_from(Assessment)).scalar_one() == 4


def test_what_was_begun_keeps_its_days_but_a_begun_baseline_closes(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        people.answer_part(session, course, team.bob, 0)
    before = by_name(database, team, course)["Baseline"]
    assert (before.status, before.answered) == (Status.IN_PROGRESS, 9)
    infuse(database, team, course, 1)
    after = by_name(database, team, course, at=NOON + DAY)["Baseline"]
    assert after.window.closes_on == before.window.closes_on
    assert after.window.closed_at == NOON + DAY
    assert after.status is Status.EXPIRED


def test_what_was_completed_stays(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        session.execute(Assessment.__table__.update().values(completed_at=NOON))
    infuse(database, team, course, 1)
    found = by_name(database, team, course)
    assert found["Baseline"].window.closed_at == NOON + DAY  # so that it cannot open again, should it be in error
    assert found["Baseline"].status is Status.COMPLETED


def test_never_infused_has_no_follow_up(database: Database, team: Cast, course: str) -> None:
    finish(database, team, course, FinishReason.STOPPED_EARLY)
    found = by_name(database, team, course)
    assert {name: each.status for name, each in found.items()} == dict.fromkeys(
        ("Baseline", "Last infusion"), Status.CANCELLED
    )
    assert people.count(database, Assessment, Assessment.remind_on.is_not(None)) == 0


def test_never_infused_keeps_what_was_begun_and_is_not_reminded(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        people.answer_part(session, course, team.bob, 0)
    finish(database, team, course, FinishReason.STOPPED_EARLY)
    assert by_name(database, team, course)["Baseline"].status is Status.IN_PROGRESS
    assert people.count(database, Assessment, Assessment.remind_on.is_not(None)) == 0


def test_a_cancelled_course_is_not_in_the_way_of_an_earlier_one(database: Database, team: Cast, course: str) -> None:
    finish(database, team, course, FinishReason.STOPPED_EARLY)
    with database.writing() as session:
        second = people.start(session, team)
        seen = moving.cancel_page(session, second, by=team.bob, at=NOON).preview
        assert seen is not None
        moving.cancel(session, second, "why", seen.seen, by=team.bob, at=NOON)
        courses.reopen_course(session, course, by=team.bob, at=NOON)
    with pytest.raises(CourseStillOpen), database.writing() as session:
        courses.reopen_course(session, second, by=team.bob, at=NOON)


def test_a_course_without_infusions_takes_none(database: Database, team: Cast) -> None:
    with database.writing() as session:
        monthly = courses.start_course(session, team.alice, "psychotherapy-every-4-weeks", TODAY, by=team.bob, at=NOON)
    with pytest.raises(WithoutInfusions), database.writing() as session:
        courses.record_infusion(session, monthly, NOON, by=team.bob, at=NOON)


def test_an_infusion_keeps_its_day_when_the_clinic_changes_its_zone(
    database: Database, team: Cast, course: str
) -> None:
    """Noon in Denver is the next day in Tokyo."""
    infuse(database, team, course, 0)
    planned = {name: each.window for name, each in by_name(database, team, course).items()}
    with database.writing() as session:
        session.execute(update(Infusion).values(given_on=None))  # as an older version recorded it
        clinic_settings.change(session, Section.CLINIC, {"time_zone": "Asia/Tokyo"}, seen=None, by=team.ada, at=NOON)
    there = replace(team.bob, clinic=replace(team.bob.clinic, time_zone="Asia/Tokyo"))
    with database.writing() as session:
        courses.finish_course(session, course, FinishReason.COMPLETED, None, by=there, at=NOON + DAY)
        courses.reopen_course(session, course, by=there, at=NOON + DAY)
        (given,) = course_views.course_view(session, course, by=there, at=NOON + DAY).infusions
    assert given.on == TODAY
    assert {name: each.window for name, each in by_name(database, team, course).items()} == planned


def test_stopping_early_needs_a_reason(database: Database, team: Cast, course: str) -> None:
    for note in (None, " "):
        with pytest.raises(StopReasonNeeded), database.writing() as session:
            courses.finish_course(session, course, FinishReason.STOPPED_EARLY, note, by=team.bob, at=NOON)


def test_a_finished_course_takes_no_infusion_until_it_is_taken_up_again(
    database: Database, team: Cast, course: str
) -> None:
    infuse(database, team, course, 0)
    finish(database, team, course)
    with pytest.raises(CourseFinished):
        infuse(database, team, course, 1)
    with pytest.raises(CourseFinished):
        finish(database, team, course)
    with database.writing() as session:
        courses.reopen_course(session, course, by=team.cora, at=NOON)
    infuse(database, team, course, 1)
    assert by_name(database, team, course)["3 months"].window.due_on == TODAY + 91 * DAY


def test_a_second_course_needs_the_first_finished_and_then_keeps_it(
    database: Database, team: Cast, course: str
) -> None:
    infuse(database, team, course, 0)
    with pytest.raises(CourseStillOpen), database.writing() as session:
        people.start(session, team)
    finish(database, team, course)
    with pytest.raises(ImplausibleStart), database.writing() as session:
        people.start(session, team, starts_on=TODAY)
    with database.writing() as session:
        second = people.start(session, team, starts_on=TODAY + DAY)
        assert [each.number for each in course_views.courses_of(session, team.alice, by=team.bob, at=NOON)] == [2, 1]
    with pytest.raises(NotTheLastCourse), database.writing() as session:
        courses.reopen_course(session, course, by=team.cora, at=NOON)
    with pytest.raises(InfusionTooEarly), database.writing() as session:
        courses.record_infusion(session, second, NOON - DAY, by=team.bob, at=NOON)
    assert by_name(database, team, course)["3 months"].status is Status.SCHEDULED


@pytest.mark.parametrize(
    ("given_at", "dose", "refusal"),
    [
        (NOON + timedelta(seconds=1), None, InfusionInFuture),
        (NOON - 31 * DAY, None, InfusionTooEarly),
        (NOON - timedelta(hours=3), None, InfusionSameDay),
        (NOON - DAY, Decimal(0), ImplausibleDose),
        (NOON - DAY, Decimal("1000.1"), ImplausibleDose),
    ],
)
def test_implausible_infusions(database: Database, team: Cast, course: str, given_at, dose, refusal) -> None:
    infuse(database, team, course, 0)
    with pytest.raises(refusal), database.writing() as session:
        courses.record_infusion(session, course, given_at, dose, by=team.cora, at=NOON)


def test_days_are_the_clinic_s(database: Database, team: Cast, course: str) -> None:
    """05:00 UTC is still the evening before in Denver."""
    with database.writing() as session:
        at = NOON + timedelta(hours=10)
        courses.record_infusion(session, course, at, Decimal("35.5"), by=team.cora, at=at)
    infusion = view(database, team, course).infusions[0]
    assert (infusion.on, infusion.dose_mg) == (TODAY, Decimal("35.5"))


@pytest.mark.parametrize("starts_on", [date(2025, 11, 1), date(2027, 12, 1)])
def test_a_start_more_than_a_year_away(database: Database, team: Cast, starts_on: date) -> None:
    with pytest.raises(ImplausibleStart), database.writing() as session:
        people.start(session, team, starts_on=starts_on)


def test_when_a_course_asks_to_be_finished(database: Database, team: Cast, course: str) -> None:
    infuse(database, team, course, 0)
    assert not view(database, team, course, at=NOON + 2 * DAY).asks_to_be_finished
    assert view(database, team, course, at=NOON + 3 * DAY).asks_to_be_finished
    infuse(database, team, course, 1, 2, 3, 4)
    assert view(database, team, course, at=NOON + 4 * DAY).asks_to_be_finished


def test_a_real_clinic_needs_the_permission_and_the_wording(database: Database) -> None:
    with database.writing() as session:
        team = people.cast(session, demo=False)
        people.start(session, team, patient_id=people.patient(session, team.bob, number="2"))  # free instruments
        with pytest.raises(LicenceMissing) as refusal:
            courses.start_course(session, team.alice, clinic.DEFAULT, TODAY, by=team.bob, at=NOON)
        assert refusal.value.instruments == ("PROMIS-29", "PCS")
        clinics.record_permission(session, "promis", "A. Person", TODAY, "L-1", by=team.ada, at=NOON)
        with pytest.raises(LicenceMissing) as refusal:
            courses.start_course(session, team.alice, clinic.DEFAULT, TODAY, by=team.bob, at=NOON)
        assert refusal.value.instruments == ("PCS",)
        choice = {each.id: each for each in courses.choices(session, by=team.bob)}[clinic.DEFAULT]
        assert choice.missing == ("PCS",)
        line = next(each for each in clinics.licences(session, by=team.ada).permissions if each.family == "promis")
        assert (line.family, line.granted_by, line.reference, line.recorded_by) == (
            "promis",
            "A. Person",
            "L-1",
            "Ada Example",
        )


def test_the_other_clinic_and_the_administrator(database: Database, team: Cast, course: str) -> None:
    (infusion,) = infuse(database, team, course, 0)
    with database.writing() as session:
        for attempt in (
            lambda by: course_views.course_view(session, course, by=by, at=NOON),
            lambda by: courses.record_infusion(session, course, NOON, by=by, at=NOON),
            lambda by: courses.mark_infusion_in_error(session, infusion, by=by, at=NOON),
            lambda by: courses.finish_course(session, course, FinishReason.COMPLETED, None, by=by, at=NOON),
            lambda by: courses.reopen_course(session, course, by=by, at=NOON),
            lambda by: courses.start_course(session, team.alice, clinic.FREE, TODAY, by=by, at=NOON),
        ):
            with pytest.raises(NotFound):
                attempt(team.charlie)
            with pytest.raises(NotAllowed):
                attempt(team.ada)


def test_the_audit_tells_what_moved(database: Database, team: Cast, course: str) -> None:
    infuse(database, team, course, 0, 1)
    with database.reading() as session:
        details = session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "course.plan")).all()
    assert details[0] == "baseline: due 2026-11-23\nlast-infusion: due 2026-11-27"
    assert "month-3: due 2027-02-21 -> 2027-02-22" in details[-1].splitlines()


@only_postgresql
def test_a_course_is_held_after_its_patient(database: Database, team: Cast, course: str) -> None:
    """As whoever ends all courses of a patient does: the two never wait for each other."""
    with ThreadPoolExecutor(1) as pool, database.writing() as ending:
        finding.patient(ending, team.alice, by=team.cora, lock=True)
        finishing = pool.submit(finish, database, team, course)
        waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        until = time.monotonic() + 10
        blocked = False
        while not blocked and time.monotonic() < until:
            with database.reading() as session:
                blocked = session.scalar(text(waiting)) is not None
        assert blocked
        mine = select(Course.id).where(Course.public_id == course)
        ending.execute(mine.with_for_update(key_share=True, nowait=True)).one()
        ending.rollback()
        finishing.result(timeout=20)


@only_postgresql
@pytest.mark.parametrize("kind", ["patient", "course", "assessment"])
def test_a_row_that_is_held_lets_others_refer_to_it(database: Database, team: Cast, course: str, kind: str) -> None:
    """Every save writes an audit line of its patient: a desk that holds the row and waits for the save would wait
    for ever.
    """
    with database.writing() as session:
        public_id = {"patient": team.alice, "course": course}.get(kind) or clinic.assessment_of(
            session, course, "baseline"
        )
        patient = finding.patient(session, team.alice, by=team.bob)
    with database.writing() as holder, database.writing() as other:
        getattr(finding, kind)(holder, public_id, by=team.bob, lock=True)
        other.execute(text("SET LOCAL lock_timeout = '200ms'"))
        audit.record(other, "patient.view", by=team.cora, at=NOON, patient_id=patient.id)
        if kind == "assessment":
            enrolment.unlock(other, team.alice, by=team.cora, at=NOON)
        else:
            held = select(Patient.id).where(Patient.id == patient.id)
            assert other.scalar(held.with_for_update(key_share=True, skip_locked=True)) is None
