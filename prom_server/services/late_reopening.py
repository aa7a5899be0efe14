"""Staff open an assessment again that has closed, with a reason and until a day. It closes again by itself.

Nothing reminds of it: whoever opens it asks the patient. Links and tablets serve as before.
"""

from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prom_server.core import late
from prom_server.core.courses import WAITING
from prom_server.core.enrolment import PatientStopped
from prom_server.core.late import ImplausibleUntil, ReopenPage, WhyReopenNeeded, latest_day
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.schedule import Status
from prom_server.services import audit, catalogue, course_views, finding, planning, progress
from prom_server.store.assessments import Assessment
from prom_server.store.courses import Course
from prom_server.store.patients import Patient


def page(session: Session, assessment_public_id: str, *, by: StaffMember, at: datetime) -> ReopenPage:
    """Until when it can be opened. Raises what `reopen` raises of the assessment itself."""
    require(by, Action.MANAGE_COURSES)
    row, course, patient = finding.assessment(session, assessment_public_id, by=by)
    _record(session, "assessment.page", row, None, by=by, at=at)
    status = _status(session, row, course, by=by, at=at)
    latest = _check(session, row, course, patient, status, by=by, at=at)
    usual = finding.local_day(at, by.clinic) + late.USUAL
    return ReopenPage(
        assessment_id=row.public_id,
        name=catalogue.protocol(course.protocol_id, course.protocol_revision).time_point(row.time_point).name,
        course_id=course.public_id,
        course_number=course.number,
        patient=finding.ref(patient),
        closed_on=row.closes_on,
        status=status,
        until=min(usual, latest),
        latest=latest,
    )


def reopen(
    session: Session, assessment_public_id: str, until: date, reason: str, *, by: StaffMember, at: datetime
) -> None:
    """A second press changes nothing. The day it closed before is in the audit.

    Raises NotFound, NotClosed, InfusedSince, NextOneOpen, PatientStopped, ImplausibleUntil, WhyReopenNeeded.
    """
    require(by, Action.MANAGE_COURSES)
    row, course, patient = finding.assessment(session, assessment_public_id, by=by, lock=True)
    status = _status(session, row, course, by=by, at=at)
    if status in WAITING and (row.closes_on, row.reopened_reason) == (until, reason.strip()):
        return
    latest = _check(session, row, course, patient, status, by=by, at=at)
    if not reason.strip():
        raise WhyReopenNeeded("why")
    if not finding.local_day(at, by.clinic) <= until <= latest:
        raise ImplausibleUntil(str(until))
    detail = f"closed on {row.closes_on}; open until {until}. {reason.strip()}"
    _record(session, "assessment.reopen", row, detail, by=by, at=at)
    facts = {
        "closes_on": until,
        "closed_at": None,
        "reopened_at": at,
        "reopened_reason": reason.strip(),
        "own_days": True,
        "remind_on": None,
    }
    session.execute(update(Assessment).where(Assessment.id == row.id).values(**facts))


def _status(session: Session, row: Assessment, course: Course, *, by: StaffMember, at: datetime) -> Status:
    protocol = catalogue.protocol(course.protocol_id, course.protocol_revision)
    done = progress.of_assessments(session, [row.id]).get(row.id, progress.NONE)
    return course_views.assessment_view(row, protocol, done, by=by, at=at).status


def _check(
    session: Session,
    row: Assessment,
    course: Course,
    patient: Patient,
    status: Status,
    *,
    by: StaffMember,
    at: datetime,
) -> date:
    """The latest day until which it can be open."""
    if patient.stopped:
        raise PatientStopped("withdrawn or deceased")
    protocol = catalogue.protocol(course.protocol_id, course.protocol_revision)
    point = protocol.time_point(row.time_point)
    late.check(point, status, infused=bool(planning.given(session, course, by=by)))
    alike = [each.id for each in protocol.time_points if each.anchor is point.anchor]
    following = (Assessment.course_id == course.id, Assessment.opens_on > row.opens_on)
    next_opens_on = session.scalar(
        select(Assessment.opens_on)
        .where(*following, Assessment.time_point.in_(alike), Assessment.cancelled_at.is_(None))
        .order_by(Assessment.opens_on)
        .limit(1)
    )
    return latest_day(finding.local_day(at, by.clinic), next_opens_on)


def _record(
    session: Session, action: str, row: Assessment, detail: str | None, *, by: StaffMember, at: datetime
) -> None:
    subject = f"assessment:{row.public_id}"
    audit.record(session, action, by=by, at=at, patient_id=row.patient_id, subject=subject, detail=detail)
