"""Courses as staff see them: infusions, assessments, the status of this moment."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server.core.courses import AssessmentView, CourseView, quiet
from prom_server.core.infusions import InfusionDayView, InfusionView
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.schedule import Facts, Protocol, after_next_course, next_began_at, status_at
from prom_server.services import audit, catalogue, finding, infusions, progress, serving
from prom_server.services.progress import NONE, Progress
from prom_server.store.assessments import Assessment
from prom_server.store.courses import Course, Infusion, InfusionDay
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff


def course_view(session: Session, course_public_id: str, *, by: StaffMember, at: datetime) -> CourseView:
    require(by, Action.SEE_PATIENTS)
    course, patient = finding.course(session, course_public_id, by=by)
    subject = f"course:{course.public_id}"
    audit.record(session, "course.view", by=by, at=at, patient_id=patient.id, subject=subject)
    return view_of(session, patient, course, by=by, at=at)


def view_of(session: Session, patient: Patient, course: Course, *, by: StaffMember, at: datetime) -> CourseView:
    """The same for a query that has the rows, and its own audit line."""
    return _views(session, patient, [course], by=by, at=at)[0]


def courses_of(session: Session, patient_public_id: str, *, by: StaffMember, at: datetime) -> tuple[CourseView, ...]:
    """All courses of one patient, the newest first. The page that shows them writes the audit line."""
    require(by, Action.SEE_PATIENTS)
    patient = finding.patient(session, patient_public_id, by=by)
    rows = session.scalars(
        select(Course)
        .where(Course.clinic_id == by.clinic.id, Course.patient_id == patient.id)
        .order_by(Course.number.desc())
    ).all()
    return _views(session, patient, rows, by=by, at=at)


def _views(
    session: Session, patient: Patient, courses: Sequence[Course], *, by: StaffMember, at: datetime
) -> tuple[CourseView, ...]:
    ids = [course.id for course in courses]
    given = _infusions(session, ids, by=by)
    days = _days(session, ids, given)
    rows = session.scalars(
        select(Assessment).where(Assessment.course_id.in_(ids)).order_by(Assessment.opens_on, Assessment.id)
    ).all()
    done = progress.of_assessments(session, [row.id for row in rows])
    first = serving.first_infusions(session, patient.id)
    offered = serving.offers(session, patient, by=by)
    around = {
        each.id: _Around(given[each.id], days[each.id], done, next_began_at(each.number, first), offered)
        for each in courses
    }
    return tuple(
        _view(course, patient, around[course.id], [row for row in rows if row.course_id == course.id], by, at)
        for course in courses
    )


@dataclass(frozen=True, slots=True)
class _Around:
    """What a course's view needs beside its own rows."""

    infusions: Mapping[int, InfusionView]  # by the row's id, in order
    days: Sequence[InfusionDayView]
    done: Mapping[int, Progress]
    next_began_at: datetime | None  # the next course
    offered: Mapping[int, int]  # by assessment: parts that answers to another one could stand for


def _view(
    course: Course,
    patient: Patient,
    around: _Around,
    rows: Sequence[Assessment],
    by: StaffMember,
    at: datetime,
) -> CourseView:
    protocol = catalogue.protocol_of(course)
    return CourseView(
        public_id=course.public_id,
        patient=finding.ref(patient),
        number=course.number,
        protocol=protocol.name,
        planned_infusions=protocol.planned_infusions,
        starts_on=course.starts_on,
        finished_at=course.finished_at,
        finish_reason=course.finish_reason,
        finish_note=course.finish_note,
        infusions=tuple(around.infusions.values()),
        assessments=tuple(_assessment(row, protocol, around, by=by, at=at) for row in rows),
        today=finding.local_day(at, by.clinic),
        quiet=quiet(protocol),
        days=tuple(around.days),
    )


def _assessment(
    row: Assessment, protocol: Protocol, around: _Around, *, by: StaffMember, at: datetime
) -> AssessmentView:
    """Marked where it was completed after the next course had begun."""
    view = assessment_view(row, protocol, around.done.get(row.id, NONE), by=by, at=at)
    late = row.completed_at is not None and after_next_course(row.completed_at, around.next_began_at)
    return replace(view, after_next_course=late, offered=around.offered.get(row.id, 0))


def assessment_view(
    row: Assessment, protocol: Protocol, done: Progress, *, by: StaffMember, at: datetime
) -> AssessmentView:
    """One assessment with the status of the moment `at`, on the clinic's calendar."""
    point = protocol.time_point(row.time_point)
    window = finding.window(row)
    facts = Facts(window, row.started_at, row.completed_at, row.cancelled_at, done.submitted)
    return AssessmentView(
        row.public_id,
        point.name,
        point.short,
        window,
        status_at(facts, at, finding.local_day(at, by.clinic)),
        done.answered,
        0 if protocol.missing else progress.battery_items(protocol) - done.spared,
        done.declined,
        row.completed_at,
        elsewhere=done.elsewhere,
        reopened_at=row.reopened_at,
    )


def _infusions(
    session: Session, course_ids: Sequence[int], *, by: StaffMember
) -> Mapping[int, dict[int, InfusionView]]:
    """By course, then by the row's id, in the order in which they were given."""
    found: dict[int, dict[int, InfusionView]] = defaultdict(dict)
    rows = session.execute(
        select(Infusion, Staff.name)
        .join(Staff, Staff.id == Infusion.recorded_by)
        .where(Infusion.course_id.in_(course_ids))
        .order_by(Infusion.given_at, Infusion.id)
    )
    for infusion, name in rows:
        found[infusion.course_id][infusion.id] = infusions.infusion_view(infusion, name, by=by)
    return found


def _days(
    session: Session, course_ids: Sequence[int], given: Mapping[int, Mapping[int, InfusionView]]
) -> Mapping[int, list[InfusionDayView]]:
    """The planned days by course, in order."""
    found: dict[int, list[InfusionDayView]] = defaultdict(list)
    rows = session.scalars(
        select(InfusionDay)
        .where(InfusionDay.course_id.in_(course_ids), InfusionDay.cancelled_at.is_(None))
        .order_by(InfusionDay.planned_on)
    )
    for row in rows:
        infusion = given[row.course_id].get(row.infusion_id) if row.infusion_id else None
        found[row.course_id].append(infusions.day_view(row, infusion))
    return found
