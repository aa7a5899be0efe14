"""Adverse events of a course: an infusion stopped, an emergency response, or another that staff want on record."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.adverse_events import (
    EventAction,
    EventInFuture,
    EventKind,
    EventNoteNeeded,
    EventOutcome,
    EventPage,
    EventRecorded,
    EventView,
    NotResolved,
)
from prom_server.core.care import RowInError
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.core.settings_change import check_seen
from prom_server.services import audit, finding, marking
from prom_server.services.infusions import differences
from prom_server.store.base import opaque_id
from prom_server.store.care import AdverseEvent
from prom_server.store.courses import Course, Infusion
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff


@dataclass(frozen=True, slots=True)
class Event:
    """What is said of one."""

    kind: EventKind
    action: EventAction
    outcome: EventOutcome
    happened_at: datetime
    resolved_at: datetime | None = None
    note: str | None = None


def of_course(
    session: Session, course_id: int, *, by: StaffMember, infusion_id: int | None = None
) -> tuple[EventView, ...]:
    """Newest first; of one infusion where it is named."""
    statement = (
        select(AdverseEvent, Staff.name, Infusion)
        .join(Staff, Staff.id == AdverseEvent.recorded_by)
        .outerjoin(Infusion, Infusion.id == AdverseEvent.infusion_id)
        .where(AdverseEvent.course_id == course_id)
        .order_by(AdverseEvent.happened_at.desc(), AdverseEvent.id.desc())
    )
    if infusion_id is not None:
        statement = statement.where(AdverseEvent.infusion_id == infusion_id)
    return tuple(_view(row, name, infusion, by=by) for row, name, infusion in session.execute(statement))


def _view(row: AdverseEvent, recorded_by: str, infusion: Infusion | None, *, by: StaffMember) -> EventView:
    return EventView(
        row.public_id,
        row.kind,
        row.action,
        row.outcome,
        row.note,
        row.happened_at,
        row.resolved_at,
        recorded_by,
        row.recorded_at,
        row.in_error_at is not None,
        finding.given_on(infusion, by.clinic) if infusion else None,
    )


def new_event_page(session: Session, course_public_id: str, *, by: StaffMember, at: datetime) -> EventPage:
    require(by, Action.MANAGE_COURSES)
    course, patient = finding.course(session, course_public_id, by=by)
    _record(session, "adverse_event.new", course, by=by, at=at)
    return EventPage(course.public_id, course.number, finding.ref(patient), None)


def event_page(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> EventPage:
    require(by, Action.MANAGE_COURSES)
    row, course, patient = _find(session, public_id, by=by)
    infusion = session.get_one(Infusion, row.infusion_id) if row.infusion_id else None
    view = _view(row, session.get_one(Staff, row.recorded_by).name, infusion, by=by)
    _record(session, "adverse_event.view", course, by=by, at=at, detail=public_id)
    return EventPage(course.public_id, course.number, finding.ref(patient), view)


def record_event(session: Session, course_public_id: str, event: Event, *, by: StaffMember, at: datetime) -> str:
    """Belongs to the infusion of its day, where there is one. Returns its public id; a second press changes nothing.

    Raises EventInFuture, EventNoteNeeded, NotResolved, EventRecorded where another one like it stands.
    """
    require(by, Action.MANAGE_COURSES)
    course, _patient = finding.course(session, course_public_id, by=by, lock=True)
    _check(event, at=at)
    if (same := _like(session, course, event)) is not None:
        if differences({name: getattr(same, name) for name in asdict(event)}, asdict(event)):
            raise EventRecorded(same.public_id)
        return same.public_id
    public_id = opaque_id()
    session.execute(
        insert(AdverseEvent).values(
            public_id=public_id,
            clinic_id=course.clinic_id,
            course_id=course.id,
            infusion_id=_infusion_of_the_day(session, course, event.happened_at, by=by),
            recorded_by=by.id,
            recorded_at=at,
            **asdict(event),
        )
    )
    said = f"{event.kind}, {event.action}, {event.outcome}, {event.happened_at.isoformat()}"
    _record(session, "adverse_event.record", course, by=by, at=at, detail=said)
    return public_id


def follow_event(
    session: Session,
    public_id: str,
    outcome: EventOutcome,
    resolved_at: datetime | None,
    note: str | None,
    *,
    seen: str | None = None,
    by: StaffMember,
    at: datetime,
) -> str:
    """How it went on. Returns the course's public id.

    Raises EventInFuture, EventNoteNeeded, NotResolved, RowInError; SettingsChanged where `seen` is not what is stored.
    """
    require(by, Action.MANAGE_COURSES)
    row, course, _patient = _find(session, public_id, by=by, lock=True)
    if row.in_error_at is not None:
        raise RowInError("in error")
    kind, action = EventKind(row.kind), EventAction(row.action)
    _check(Event(kind, action, outcome, row.happened_at, resolved_at, note), at=at)
    new = {"outcome": str(outcome), "resolved_at": resolved_at, "note": note or None}
    old = {name: getattr(row, name) for name in new}
    check_seen(old, seen)
    if changed := differences(old, new):
        session.execute(update(AdverseEvent).where(AdverseEvent.id == row.id).values(**new))
        _record(session, "adverse_event.change", course, by=by, at=at, detail="\n".join([public_id, *changed]))
    return course.public_id


def mark_event_in_error(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> str:
    """It stays, marked, and counts no more. Returns the course's public id. A second time changes nothing."""
    require(by, Action.MANAGE_COURSES)
    row, course, _patient = _find(session, public_id, by=by)
    if marking.in_error(session, AdverseEvent, row.id, at=at):
        _record(session, "adverse_event.in_error", course, by=by, at=at, detail=public_id)
    return course.public_id


def _check(event: Event, *, at: datetime) -> None:
    if event.happened_at > at or (event.resolved_at is not None and not event.happened_at <= event.resolved_at <= at):
        raise EventInFuture("when")
    if event.resolved_at is not None and event.outcome is not EventOutcome.RESOLVED:
        raise NotResolved("outcome")
    unsaid = event.kind is EventKind.OTHER or event.action is EventAction.OTHER
    if unsaid and not (event.note or "").strip():
        raise EventNoteNeeded("which")


def _like(session: Session, course: Course, event: Event) -> AdverseEvent | None:
    alike = (
        AdverseEvent.course_id == course.id,
        AdverseEvent.kind == str(event.kind),
        AdverseEvent.action == str(event.action),
        AdverseEvent.happened_at == event.happened_at,
        AdverseEvent.in_error_at.is_(None),
    )
    return session.scalars(select(AdverseEvent).where(*alike).limit(1)).one_or_none()


def _infusion_of_the_day(session: Session, course: Course, at: datetime, *, by: StaffMember) -> int | None:
    rows = session.scalars(select(Infusion).where(Infusion.course_id == course.id, Infusion.in_error_at.is_(None)))
    on = finding.local_day(at, by.clinic)
    return next((row.id for row in rows if finding.given_on(row, by.clinic) == on), None)


def _find(
    session: Session, public_id: str, *, by: StaffMember, lock: bool = False
) -> tuple[AdverseEvent, Course, Patient]:
    statement = (
        select(AdverseEvent, Course, Patient)
        .join(Course, Course.id == AdverseEvent.course_id)
        .join(Patient, Patient.id == Course.patient_id)
        .where(AdverseEvent.clinic_id == by.clinic.id, AdverseEvent.public_id == finding.checked(public_id))
    )
    held = statement.with_for_update(of=AdverseEvent, key_share=True)
    row = session.execute(held if lock else statement).one_or_none()
    if row is None:
        raise NotFound("no such event")
    return row


def _record(
    session: Session, action: str, course: Course, *, by: StaffMember, at: datetime, detail: str | None = None
) -> None:
    subject = f"course:{course.public_id}"
    audit.record(session, action, by=by, at=at, patient_id=course.patient_id, subject=subject, detail=detail)
