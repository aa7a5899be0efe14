"""Answers that were entered in error are given to the patient whose they are.

Responses and scores are pinned to their administration and only ever appended, so the administration moves as a whole:
its place changes and nothing in it. Its alerts go with it, each with a step that says so. Where it was, and why it was
marked, is in the audit.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prom_server.core.alerts import RaisedAlert
from prom_server.core.corrections import AdministrationLine, NoPlaceFor, NotInError, Place, Reassigning
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.core.responses import scored_answers
from prom_server.core.schedule import Facts, Status, status_at
from prom_server.core.scoring import score
from prom_server.core.visit import PartState, Visit
from prom_server.services import (
    alerting,
    audit,
    battery,
    catalogue,
    corrections,
    entry,
    finding,
    linked,
    satisfying,
    worsening,
)
from prom_server.store.assessments import Administration, Assessment, Satisfaction
from prom_server.store.courses import Course
from prom_server.store.patients import Patient

ALREADY_THERE = "nothing was answered in it; re-assigned answers took its place"


def look(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> tuple[AdministrationLine, Reassigning]:
    """The answers that were entered in error. Raises NotFound, NotInError."""
    require(by, Action.MARK_IN_ERROR)
    row, patient, line = corrections.viewed(session, public_id, by=by, at=at)
    if row.in_error_at is None:
        raise NotInError("counts")
    return line, Reassigning(finding.ref(patient), ())


def places(
    session: Session, public_id: str, patient_public_id: str, *, by: StaffMember, at: datetime
) -> tuple[AdministrationLine, Reassigning]:
    """Where they may go with another patient: open or past assessments that lack this instrument."""
    require(by, Action.MARK_IN_ERROR)
    line, view = look(session, public_id, by=by, at=at)
    row, before = _in_error(session, public_id, by=by)
    other = finding.patient(session, patient_public_id, by=by)
    audit.record(session, "patient.view", by=by, at=at, patient_id=other.id)
    free = _free(session, row, other, by=by, at=at) if other.id != before.id else ()
    found = [_place(assessment, course, by=by, at=at) for assessment, course in free]
    return line, Reassigning(view.patient, tuple(found), finding.ref(other))


def _in_error(session: Session, public_id: str, *, by: StaffMember) -> tuple[Administration, Patient]:
    statement = finding.administrations(by).where(Administration.public_id == finding.checked(public_id))
    found = session.execute(statement).one_or_none()
    if found is None:
        raise NotFound("no such administration")
    row, _assessment, _course, patient = found
    if row.in_error_at is None:
        raise NotInError("counts")
    return row, patient


def _place(assessment: Assessment, course: Course, *, by: StaffMember, at: datetime) -> Place:
    point = catalogue.protocol(course.protocol_id, course.protocol_revision).time_point(assessment.time_point)
    return Place(
        assessment.public_id, point.name, course.number, finding.window(assessment), _status(assessment, by=by, at=at)
    )


def _status(row: Assessment, *, by: StaffMember, at: datetime) -> Status:
    facts = Facts(finding.window(row), row.started_at, row.completed_at, row.cancelled_at, submitted=0)
    return status_at(facts, at, finding.local_day(at, by.clinic))


def _free(
    session: Session, row: Administration, other: Patient, *, by: StaffMember, at: datetime
) -> Sequence[tuple[Assessment, Course]]:
    """Opened, not completed, with this instrument in the battery and no answer to it that counts, nor one of another
    assessment that stands for it; the latest first.
    """
    mine = (Administration.instrument_id == row.instrument_id, Administration.clinic_id == by.clinic.id)
    begun = (Administration.sequence > 0) | Administration.submitted_at.is_not(None)
    answered = select(Administration.assessment_id).where(*mine, Administration.in_error_at.is_(None), begun)
    served = select(Satisfaction.assessment_id).join(Administration).where(*mine, *linked.STANDS)
    rows = session.execute(
        select(Assessment, Course)
        .join(Course, Course.id == Assessment.course_id)
        .where(
            Assessment.patient_id == other.id,
            Assessment.opens_on <= finding.local_day(at, by.clinic),
            Assessment.completed_at.is_(None),
            Assessment.cancelled_at.is_(None),
            Assessment.id.not_in(answered),
            Assessment.id.not_in(served),
        )
        .order_by(Assessment.opens_on.desc(), Assessment.id)
    ).all()
    return [(assessment, course) for assessment, course in rows if row.instrument_id in _battery(course)]


def _battery(course: Course) -> tuple[str, ...]:
    return catalogue.protocol(course.protocol_id, course.protocol_revision).battery


# ---- Done


def reassign(session: Session, public_id: str, assessment_public_id: str, *, by: StaffMember, at: datetime) -> str:
    """Returns the public id of the patient who has them now.

    Claims both assessments in one order, then the administration. Raises NotFound, NotInError, NoPlaceFor.
    """
    require(by, Action.MARK_IN_ERROR)
    row, before = _in_error(session, public_id, by=by)
    target, _course, _other = finding.assessment(session, assessment_public_id, by=by)
    held = select(Assessment).where(Assessment.id.in_([row.assessment_id, target.id])).order_by(Assessment.id)
    session.execute(held.with_for_update(key_share=True).execution_options(populate_existing=True)).all()
    target, course, patient = finding.assessment(session, assessment_public_id, by=by)
    free = {assessment.id for assessment, _ in _free(session, row, patient, by=by, at=at)}
    if patient.id == before.id or target.id not in free:
        raise NoPlaceFor("no such place, or answered meanwhile")
    position = _battery(course).index(row.instrument_id) + 1
    _clear(session, target, position, by=by, at=at)
    came_from = session.get_one(Assessment, row.assessment_id)
    route = f"from assessment:{came_from.public_id} to assessment:{target.public_id}"
    detail = f"{route}\nwas in error: {row.in_error_reason}"
    _move(session, row, target, position)
    _serve_no_more(session, row, before, at=at)
    visit, parts = _fill(session, row, target, course, patient, by=by, at=at)
    _alert(session, row, visit, battery.part_at(parts, position), by=by, at=at)
    for whose in (before, patient):
        subject = f"administration:{public_id}"
        audit.record(
            session, "administration.reassign", by=by, at=at, patient_id=whose.id, subject=subject, detail=detail
        )
    return patient.public_id


def _clear(session: Session, target: Assessment, position: int, *, by: StaffMember, at: datetime) -> None:
    """A part is made when its assessment is begun: one in which nothing was answered gives its place."""
    empty = (Administration.assessment_id == target.id, Administration.position == position)
    session.execute(
        update(Administration)
        .where(*empty, Administration.in_error_at.is_(None), Administration.sequence == 0)
        .values(in_error_at=at, in_error_by=by.id, in_error_reason=ALREADY_THERE)
    )


def _move(session: Session, row: Administration, target: Assessment, position: int) -> None:
    moved = session.scalar(
        update(Administration)
        .where(Administration.id == row.id, Administration.in_error_at.is_not(None))
        .values(assessment_id=target.id, position=position, in_error_at=None, in_error_by=None, in_error_reason=None)
        .returning(Administration.id)
    )
    if moved is None:
        raise NotInError("somebody was faster")
    session.refresh(row)


def _serve_no_more(session: Session, row: Administration, before: Patient, *, at: datetime) -> None:
    """No assessment of the patient before counts it any more."""
    theirs = select(Assessment.id).where(Assessment.patient_id == before.id)
    served = (Satisfaction.administration_id == row.id, Satisfaction.assessment_id.in_(theirs))
    session.execute(update(Satisfaction).where(*served, Satisfaction.undone_at.is_(None)).values(undone_at=at))


def _fill(
    session: Session,
    row: Administration,
    target: Assessment,
    course: Course,
    patient: Patient,
    *,
    by: StaffMember,
    at: datetime,
) -> tuple[Visit, tuple[PartState, ...]]:
    """The assessment is begun with it, and completed if it was the last part."""
    begun = row.started_at if target.started_at is None else min(target.started_at, row.started_at)
    session.execute(update(Assessment).where(Assessment.id == target.id).values(started_at=begun))
    visit = entry.visit_of(target, course, patient, row.mode, by=by, at=at)
    parts = battery.load(session, visit)
    if all(part.submitted for part in parts):
        last = satisfying.completed_at(session, target, course)
        session.execute(update(Assessment).where(Assessment.id == target.id).values(completed_at=last))
    return visit, parts


def _alert(
    session: Session, row: Administration, visit: Visit, part: PartState, *, by: StaffMember, at: datetime
) -> None:
    """This patient's rules are asked first: the alerts that follow, open or not, compare with this patient."""
    whose = battery.whose(visit, part)
    raised: tuple[RaisedAlert, ...] = ()
    if row.submitted_at is not None and row.declined_at is None:
        found = score(part.instrument, scored_answers(part.instrument, part.responses))
        raised = worsening.raised(session, visit, part, found)
    alerting.reassigned(session, whose, raised, staff_id=by.id, at=at)
    alerting.submitted(session, whose, part.instrument, raised, at=at)
