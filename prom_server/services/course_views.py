"""Courses as staff see them: infusions, assessments, the status of this moment."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server.core.courses import AssessmentView, CourseView, InfusionView
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.schedule import Facts, Protocol, status_at
from prom_server.services import audit, catalogue, finding, progress
from prom_server.services.progress import NONE, Progress
from prom_server.store.assessments import Assessment
from prom_server.store.courses import Course, Infusion
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff


def course_view(session: Session, course_public_id: str, *, by: StaffMember, at: datetime) -> CourseView:
    require(by, Action.SEE_PATIENTS)
    course, patient = finding.course(session, course_public_id, by=by)
    subject = f"course:{course.public_id}"
    audit.record(session, "course.view", by=by, at=at, patient_id=patient.id, subject=subject)
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
    infusions = _infusions(session, ids, by=by)
    rows = session.scalars(
        select(Assessment).where(Assessment.course_id.in_(ids)).order_by(Assessment.opens_on, Assessment.id)
    ).all()
    done = progress.of_assessments(session, [row.id for row in rows])
    return tuple(
        _view(course, patient, infusions[course.id], [row for row in rows if row.course_id == course.id], done, by, at)
        for course in courses
    )


def _view(
    course: Course,
    patient: Patient,
    infusions: Sequence[InfusionView],
    rows: Sequence[Assessment],
    done: Mapping[int, Progress],
    by: StaffMember,
    at: datetime,
) -> CourseView:
    protocol = catalogue.protocol(course.protocol_id, course.protocol_revision)
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
        infusions=tuple(infusions),
        assessments=tuple(assessment_view(row, protocol, done.get(row.id, NONE), by=by, at=at) for row in rows),
        today=finding.local_day(at, by.clinic),
    )


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
        progress.battery_items(protocol) - done.spared,
        done.declined,
        row.completed_at,
    )


def _infusions(session: Session, course_ids: Sequence[int], *, by: StaffMember) -> Mapping[int, list[InfusionView]]:
    found: dict[int, list[InfusionView]] = defaultdict(list)
    rows = session.execute(
        select(Infusion, Staff.name)
        .join(Staff, Staff.id == Infusion.recorded_by)
        .where(Infusion.course_id.in_(course_ids))
        .order_by(Infusion.given_at, Infusion.id)
    )
    for infusion, name in rows:
        found[infusion.course_id].append(
            InfusionView(
                infusion.public_id,
                infusion.given_at,
                finding.local_day(infusion.given_at, by.clinic),
                infusion.dose_mg,
                name,
                infusion.in_error_at is not None,
            )
        )
    return found
