"""Courses: started on a protocol, infusions recorded, finished. Each of these plans the assessments again."""

from dataclasses import asdict
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.courses import (
    BEFORE_START,
    CANCELLED,
    CourseFinished,
    CourseStillOpen,
    FinishReason,
    ImplausibleStart,
    InfusionInFuture,
    InfusionSameDay,
    InfusionTooEarly,
    LicenceMissing,
    NotTheLastCourse,
    ProtocolChoice,
    StopReasonNeeded,
    WithoutInfusions,
)
from prom_server.core.enrolment import PatientStopped
from prom_server.core.infusions import Details, checked
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.services import audit, care_carried, catalogue, finding, infusions, planning
from prom_server.store.base import opaque_id
from prom_server.store.courses import Course, Infusion
from prom_server.store.patients import Patient

START_WITHIN = timedelta(days=366)


def choices(session: Session, *, by: StaffMember) -> tuple[ProtocolChoice, ...]:
    """The protocols there are, each with what the clinic lacks to use it."""
    require(by, Action.MANAGE_COURSES)
    found = []
    for protocol in catalogue.library().protocols():
        missing = catalogue.missing_licences(session, by.clinic, protocol.battery)
        found.append(
            ProtocolChoice(
                protocol.id,
                protocol.revision,
                protocol.name,
                protocol.planned_infusions,
                tuple(point.name for point in protocol.time_points),
                tuple(catalogue.instrument(each).short for each in protocol.battery),
                tuple(each.short for each in missing),
            )
        )
    return tuple(found)


def start_course(
    session: Session, patient_public_id: str, protocol_id: str, starts_on: date, *, by: StaffMember, at: datetime
) -> str:
    """Returns the course's public id. Raises LicenceMissing, CourseStillOpen, ImplausibleStart, PatientStopped."""
    require(by, Action.MANAGE_COURSES)
    patient = finding.patient(session, patient_public_id, by=by, lock=True)
    protocol = catalogue.protocol(protocol_id)
    if missing := catalogue.missing_licences(session, by.clinic, protocol.battery):
        raise LicenceMissing(tuple(each.short for each in missing))
    _check_start(session, patient, starts_on, by=by, at=at)
    last = session.scalar(select(func.max(Course.number)).where(Course.patient_id == patient.id)) or 0
    public_id = opaque_id()
    course = session.scalars(
        insert(Course)
        .values(
            public_id=public_id,
            clinic_id=by.clinic.id,
            patient_id=patient.id,
            number=last + 1,
            protocol_id=protocol.id,
            protocol_revision=protocol.revision,
            starts_on=starts_on,
            created_at=at,
        )
        .returning(Course)
    ).one()
    _record(session, "course.start", course, by=by, at=at, detail=f"{protocol.id} from {starts_on}")
    planning.replan(session, course, by=by, at=at)
    return public_id


def _check_start(session: Session, patient: Patient, starts_on: date, *, by: StaffMember, at: datetime) -> None:
    if patient.stopped:
        raise PatientStopped("withdrawn or deceased")
    unfinished = select(Course.id).where(Course.patient_id == patient.id, Course.finished_at.is_(None))
    if session.scalar(unfinished.limit(1)) is not None:
        raise CourseStillOpen("finish it first")
    check_first_day(session, patient.id, starts_on, by=by, at=at)


def check_first_day(session: Session, patient_id: int, starts_on: date, *, by: StaffMember, at: datetime) -> None:
    """Of a course in which nothing was given. Raises ImplausibleStart."""
    if abs(starts_on - finding.local_day(at, by.clinic)) > START_WITHIN:
        raise ImplausibleStart("more than a year away")
    latest = _latest_infusion(session, patient_id)
    if latest is not None and starts_on <= finding.given_on(latest, by.clinic):
        raise ImplausibleStart("before an earlier course's last infusion")


def _latest_infusion(session: Session, patient_id: int, *, before_course: int | None = None) -> Infusion | None:
    """Of the patient's courses; with `before_course` only of those with a lower number."""
    statement = (
        select(Infusion)
        .join(Course, Course.id == Infusion.course_id)
        .where(Course.patient_id == patient_id, Infusion.in_error_at.is_(None))
        .order_by(Infusion.given_at.desc())
        .limit(1)
    )
    if before_course is not None:
        statement = statement.where(Course.number < before_course)
    return session.scalars(statement).one_or_none()


def record_infusion(
    session: Session,
    course_public_id: str,
    given_at: datetime,
    dose_mg: Decimal | None = None,
    details: Details | None = None,
    *,
    by: StaffMember,
    at: datetime,
) -> str:
    """Returns the infusion's public id. One of its day that was entered in error leaves it its care record.

    `details` are for where more than the dose is known.

    Raises CourseFinished, WithoutInfusions, DoseDisagrees, Infusion(InFuture|TooEarly|SameDay),
    Implausible(Dose|Weight|MgPerKg|Minutes).
    """
    require(by, Action.MANAGE_COURSES)
    course, _patient = finding.course(session, course_public_id, by=by, lock=True)
    if course.finished_at is not None:
        raise CourseFinished("finished")
    if not catalogue.protocol(course.protocol_id, course.protocol_revision).planned_infusions:
        raise WithoutInfusions(course.protocol_id)
    known = checked(details or Details(dose_mg))
    check_given(session, course, given_at, by=by, at=at)
    public_id, on = opaque_id(), finding.local_day(given_at, by.clinic)
    infusion_id = session.scalars(
        insert(Infusion)
        .values(
            public_id=public_id,
            course_id=course.id,
            given_at=given_at,
            given_on=on,
            **asdict(known),
            recorded_by=by.id,
            recorded_at=at,
        )
        .returning(Infusion.id)
    ).one()
    left = care_carried.carry(session, course, infusion_id, on, by=by)
    lines = [given_at.isoformat(), *([f"care record of infusion:{left}"] if left else [])]
    _record(session, "infusion.record", course, by=by, at=at, detail="\n".join(lines))
    planning.replan(session, course, by=by, at=at)
    return public_id


def check_given(session: Session, course: Course, given_at: datetime, *, by: StaffMember, at: datetime) -> None:
    """Raises Infusion(InFuture|TooEarly|SameDay)."""
    if given_at > at:
        raise InfusionInFuture("not yet")
    on = finding.local_day(given_at, by.clinic)
    earlier = _latest_infusion(session, course.patient_id, before_course=course.number)
    if on < course.starts_on - BEFORE_START or (earlier is not None and given_at <= earlier.given_at):
        raise InfusionTooEarly("before the course")
    if on in {each.on for each in planning.given(session, course, by=by)}:
        raise InfusionSameDay("one a day")


def mark_infusion_in_error(session: Session, infusion_public_id: str, *, by: StaffMember, at: datetime) -> str:
    """It stays, marked, and counts no more. Returns the course's public id. A second time changes nothing."""
    require(by, Action.MANAGE_COURSES)
    row, course, _patient = infusions.find(session, infusion_public_id, by=by)
    finding.course(session, course.public_id, by=by, lock=True)
    marked = session.scalar(
        update(Infusion)
        .where(Infusion.id == row.id, Infusion.in_error_at.is_(None))
        .values(in_error_at=at)
        .returning(Infusion.id)
    )
    if marked is not None:
        _record(session, "infusion.in_error", course, by=by, at=at, detail=infusion_public_id)
        planning.replan(session, course, by=by, at=at)
    return course.public_id


def finish_course(
    session: Session, course_public_id: str, reason: FinishReason, note: str | None, *, by: StaffMember, at: datetime
) -> None:
    """No more infusions come, at any number: the follow-ups count from the last one given.

    Raises CourseFinished, StopReasonNeeded.
    """
    require(by, Action.MANAGE_COURSES)
    course, _patient = finding.course(session, course_public_id, by=by, lock=True)
    if course.finished_at is not None:
        raise CourseFinished("finished")
    if reason is FinishReason.STOPPED_EARLY and not (note or "").strip():
        raise StopReasonNeeded("why")
    _set_finished(session, course, at, reason, note)
    _record(session, "course.finish", course, by=by, at=at, detail=f"{reason}: {note}" if note else str(reason))
    planning.replan(session, course, by=by, at=at)


def reopen_course(session: Session, course_public_id: str, *, by: StaffMember, at: datetime) -> None:
    """More infusions come after all, or one was forgotten. Only the patient's last course, cancelled ones aside.

    Raises NotTheLastCourse, CourseStillOpen.
    """
    require(by, Action.MANAGE_COURSES)
    course, patient = finding.course(session, course_public_id, by=by, lock=True)
    if course.finished_at is None:
        return
    others = session.scalars(select(Course).where(Course.patient_id == patient.id, Course.id != course.id)).all()
    if any(each.number > course.number and each.finish_reason != CANCELLED for each in others):
        raise NotTheLastCourse("a later one began")
    if any(each.finished_at is None for each in others):
        raise CourseStillOpen("finish it first")
    _set_finished(session, course, None, None, None)
    _record(session, "course.reopen", course, by=by, at=at)
    planning.replan(session, course, by=by, at=at)


def _set_finished(
    session: Session, course: Course, finished_at: datetime | None, reason: str | None, note: str | None
) -> None:
    values = {"finished_at": finished_at, "finish_reason": reason, "finish_note": note or None}
    session.execute(update(Course).where(Course.id == course.id).values(**values))
    course.finished_at = finished_at


def _record(
    session: Session, action: str, course: Course, *, by: StaffMember, at: datetime, detail: str | None = None
) -> None:
    subject = f"course:{course.public_id}"
    audit.record(session, action, by=by, at=at, patient_id=course.patient_id, subject=subject, detail=detail)
