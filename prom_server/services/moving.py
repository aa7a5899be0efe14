"""The planned first day of a course moved, or the course cancelled: first what would change, then the same, done.

Both come from `planning.look` with the facts as they would be, so that the page cannot say anything else than the
command does. Whoever agrees sends back what they saw; if it is not the same any more, they are shown it again.
"""

from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prom_server.core import infusion_days
from prom_server.core.corrections import AlreadyMarked
from prom_server.core.courses import CANCELLED, CourseFinished, StopReasonNeeded
from prom_server.core.moving import InfusionsGiven, MovePage, NotLookedAt, Preview, SameFirstDay, UnderWay, preview
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.replanning import CourseFacts
from prom_server.core.schedule import Given
from prom_server.services import audit, care_carried, catalogue, courses, finding, infusions, planning
from prom_server.store.assessments import Assessment
from prom_server.store.courses import Course, Infusion
from prom_server.store.patients import Patient


def move_page(
    session: Session, course_public_id: str, starts_on: date | None = None, *, by: StaffMember, at: datetime
) -> MovePage:
    """What another first day would move. Raises what `move` raises, but NotLookedAt."""
    require(by, Action.MANAGE_COURSES)
    course, patient = finding.course(session, course_public_id, by=by)
    _record(session, "course.view", course, by=by, at=at)
    if starts_on is None:
        _check_not_begun(session, course, by=by, at=at)
        return _page(course, patient, None)
    wanted = _moved(session, course, starts_on, by=by, at=at)
    return _page(course, patient, _preview(session, course, wanted, by=by, at=at))


def move(session: Session, course_public_id: str, starts_on: date, seen: str, *, by: StaffMember, at: datetime) -> None:
    """A second time changes nothing. Raises InfusionsGiven, UnderWay, CourseFinished, ImplausibleStart, NotLookedAt."""
    require(by, Action.MANAGE_COURSES)
    course, _patient = finding.course(session, course_public_id, by=by, lock=True)
    if course.starts_on == starts_on:
        return
    wanted = _moved(session, course, starts_on, by=by, at=at)
    _check_seen(_preview(session, course, wanted, by=by, at=at), seen)
    _record(session, "course.move", course, by=by, at=at, detail=f"{course.starts_on} -> {starts_on}")
    session.execute(update(Course).where(Course.id == course.id).values(starts_on=starts_on))
    planning.apply(session, course, wanted, by=by, at=at)


def cancel_page(session: Session, course_public_id: str, *, by: StaffMember, at: datetime) -> MovePage:
    """What would be cancelled with the course. Raises InfusionsGiven, UnderWay, CourseFinished."""
    require(by, Action.MANAGE_COURSES)
    course, patient = finding.course(session, course_public_id, by=by)
    _record(session, "course.view", course, by=by, at=at)
    shown = _preview(session, course, _cancelled(session, course, by=by, at=at), by=by, at=at)
    return _page(course, patient, shown)


def cancel(session: Session, course_public_id: str, reason: str, seen: str, *, by: StaffMember, at: datetime) -> None:
    """Entered wrongly, or never begun; it can be taken up again. A second time changes nothing.

    Raises InfusionsGiven, UnderWay, CourseFinished, StopReasonNeeded, NotLookedAt.
    """
    require(by, Action.MANAGE_COURSES)
    course, _patient = finding.course(session, course_public_id, by=by, lock=True)
    if course.finish_reason == CANCELLED:
        return
    wanted = _cancelled(session, course, by=by, at=at)
    if not reason.strip():
        raise StopReasonNeeded("why")
    _check_seen(_preview(session, course, wanted, by=by, at=at), seen)
    values = {"finished_at": at, "finish_reason": CANCELLED, "finish_note": reason}
    session.execute(update(Course).where(Course.id == course.id).values(**values))
    _record(session, "course.cancel", course, by=by, at=at, detail=reason)
    planning.apply(session, course, wanted, by=by, at=at)


def look_at_infusion(
    session: Session, course_public_id: str, given_at: datetime, *, by: StaffMember, at: datetime
) -> Preview:
    """What recording an infusion at this moment would move. Raises Infusion(InFuture|TooEarly|SameDay)."""
    require(by, Action.MANAGE_COURSES)
    course, _patient = finding.course(session, course_public_id, by=by)
    courses.check_given(session, course, given_at, by=by, at=at)
    facts = planning.facts(session, course, by=by)
    new = Given(given_at, finding.local_day(given_at, by.clinic))
    given = tuple(sorted((*facts.given, new), key=lambda each: each.at))
    return _preview(session, course, replace(facts, given=given), by=by, at=at)


def look_at_error(session: Session, infusion_public_id: str, *, by: StaffMember, at: datetime) -> MovePage:
    """What marking an infusion as entered in error would move, and leave. Raises NotFound, AlreadyMarked."""
    require(by, Action.MANAGE_COURSES)
    infusion, course, patient = infusions.find(session, infusion_public_id, by=by)
    if infusion.in_error_at is not None:
        raise AlreadyMarked("in error")
    _record(session, "course.view", course, by=by, at=at)
    on, left = finding.given_on(infusion, by.clinic), care_carried.around(session, infusion.id)
    shown = _without(session, course, infusion, by=by, at=at)
    return replace(_page(course, patient, shown), infusion_on=on, left=left)


def mark_in_error(session: Session, infusion_public_id: str, seen: str, *, by: StaffMember, at: datetime) -> str:
    """Returns the course's public id. A second time changes nothing. Raises NotFound, NotLookedAt."""
    require(by, Action.MANAGE_COURSES)
    infusion, course, _patient = infusions.find(session, infusion_public_id, by=by)
    finding.course(session, course.public_id, by=by, lock=True)
    session.refresh(infusion)
    if infusion.in_error_at is None:
        _check_seen(_without(session, course, infusion, by=by, at=at), seen)
    return courses.mark_infusion_in_error(session, infusion_public_id, by=by, at=at)


def _without(session: Session, course: Course, infusion: Infusion, *, by: StaffMember, at: datetime) -> Preview:
    facts = planning.facts(session, course, by=by)
    given = tuple(each for each in facts.given if each.at != infusion.given_at)
    return _preview(session, course, replace(facts, given=given), by=by, at=at)


def _moved(session: Session, course: Course, starts_on: date, *, by: StaffMember, at: datetime) -> CourseFacts:
    _check_not_begun(session, course, by=by, at=at)
    if starts_on == course.starts_on:
        raise SameFirstDay("it is planned for that day")
    courses.check_first_day(session, course.patient_id, starts_on, by=by, at=at)
    facts = planning.facts(session, course, by=by)
    days = infusion_days.moved(facts.days, facts.protocol.infusion_offsets, starts_on)
    return replace(facts, starts_on=starts_on, days=days)


def _cancelled(session: Session, course: Course, *, by: StaffMember, at: datetime) -> CourseFacts:
    _check_not_begun(session, course, by=by, at=at)
    return replace(planning.facts(session, course, by=by), cancelled=True)


def _check_not_begun(session: Session, course: Course, *, by: StaffMember, at: datetime) -> None:
    """A course without infusions is under way once the time to answer its first assessment is over."""
    if course.finished_at is not None:
        raise CourseFinished("finished")
    if planning.given(session, course, by=by):
        raise InfusionsGiven("begun")
    if catalogue.protocol(course.protocol_id, course.protocol_revision).planned_infusions:
        return
    over = Assessment.closes_on < finding.local_day(at, by.clinic)
    mine = select(Assessment.id).where(Assessment.course_id == course.id, Assessment.cancelled_at.is_(None), over)
    if session.scalar(mine.limit(1)) is not None:
        raise UnderWay("closed")


def _preview(session: Session, course: Course, wanted: CourseFacts, *, by: StaffMember, at: datetime) -> Preview:
    return preview(wanted, planning.look(session, course, wanted, by=by, at=at))


def _check_seen(shown: Preview, seen: str) -> None:
    if shown.seen != seen:
        raise NotLookedAt("look again")


def _page(course: Course, patient: Patient, shown: Preview | None) -> MovePage:
    protocol = catalogue.protocol(course.protocol_id, course.protocol_revision).name
    return MovePage(course.public_id, course.number, finding.ref(patient), protocol, course.starts_on, shown)


def _record(
    session: Session, action: str, course: Course, *, by: StaffMember, at: datetime, detail: str | None = None
) -> None:
    subject = f"course:{course.public_id}"
    audit.record(session, action, by=by, at=at, patient_id=course.patient_id, subject=subject, detail=detail)
