"""Puts reminders into the outbox on the mornings of a clinic's opening days, one patient at a time.

One message covers everything that is due for a patient. What an outage held up is caught up by it too: the newest
reminder of each assessment is covered, the older ones are passed over. Nobody is told twice on one day, and a message
that could not leave on its day is taken back: the next morning catches up what it covered.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, exists, insert, or_, select, update
from sqlalchemy.orm import Session

from prom_server.core import reminders
from prom_server.core.contacts import ChannelFacts, WhyNot
from prom_server.core.reminders import Due
from prom_server.core.schedule import Reminders
from prom_server.services import audit, catalogue, contacts, finding, opening, outbox, taking_back
from prom_server.store.assessments import Assessment
from prom_server.store.clinics import Clinic
from prom_server.store.courses import Course
from prom_server.store.outbox import Reminder
from prom_server.store.patients import Patient

# Each ends the reminders of everything, and nothing has to be said about them one by one.
_ENDS = {WhyNot.WITHDRAWN, WhyNot.DECEASED}
_WAITING = (
    Assessment.completed_at.is_(None),
    Assessment.cancelled_at.is_(None),
    Assessment.declined_at.is_(None),
    Assessment.remind_on.is_not(None),
)


@dataclass(frozen=True, slots=True)
class _Pressing:
    """An assessment with the reminders that should have gone out by today, in order."""

    row: Assessment
    due: tuple[Due, ...]
    next_on: date | None  # after these


def clinics(session: Session, *, at: datetime) -> Sequence[int]:
    """Those where somebody may be due; no calendar is more than a day away from UTC's."""
    day = timedelta(days=1)
    somebody = exists().where(
        Assessment.clinic_id == Clinic.id,
        *_WAITING,
        Assessment.remind_on <= at.date() + day,
        Assessment.closes_on >= at.date() - day,
    )
    return session.scalars(select(Clinic.id).where(somebody).order_by(Clinic.id)).all()


def next_patient(session: Session, *, clinic_id: int, at: datetime, without: Collection[int] = ()) -> int | None:
    """One whose reminders are due, if it is the morning of an opening day at the clinic; nobody is held."""
    clinic = session.get_one(Clinic, clinic_id)
    here = at.astimezone(ZoneInfo(clinic.time_zone))
    if not reminders.is_morning(here, clinic.reminders_at, clinic.quiet_from, clinic.quiet_to):
        return None
    if not opening.hours(session, clinic.id, clinic.time_zone).is_opening_day(here.date()):
        return None
    due = (Assessment.clinic_id == clinic_id, *_due(here.date(), at), Assessment.patient_id.not_in(without))
    first = select(Assessment.patient_id).where(*due).order_by(Assessment.remind_on, Assessment.id)
    return session.scalar(first.limit(1))


def _due(today: date, at: datetime) -> tuple[ColumnElement[bool], ...]:
    """What takes no answers any more reminds no more. Nothing is written of that: a clock that was wrong for a minute
    must not end the reminders of everybody.
    """
    takes_answers = or_(Assessment.closed_at.is_(None), Assessment.closed_at > at)
    return (*_WAITING, Assessment.remind_on <= today, Assessment.closes_on >= today, takes_answers)


def remind_patient(session: Session, patient_id: int, *, at: datetime) -> int:
    """1 when the patient's turn came, whether or not a message goes out; 0 when another worker is at it, or was."""
    mine = select(Patient, Clinic).join(Clinic, Clinic.id == Patient.clinic_id).where(Patient.id == patient_id)
    row = session.execute(mine.with_for_update(of=Patient, key_share=True, skip_locked=True)).one_or_none()
    if row is None:
        return 0
    patient, clinic = row
    today = at.astimezone(ZoneInfo(clinic.time_zone)).date()
    taking_back.waiting(session, patient, today, at=at)
    pressing = _pressing(session, patient, today, at=at)
    if pressing:
        _remind(session, patient, pressing, today, at=at)
    return min(len(pressing), 1)


def _remind(session: Session, patient: Patient, pressing: list[_Pressing], today: date, *, at: datetime) -> None:
    reach = contacts.reachable(session, patient)
    if reach.why_not in _ENDS:
        _set_next(session, {each.row.id: None for each in pressing})
        return
    pressing = [each for each in pressing if each.due]
    if not pressing:
        return
    if reach.channel is None:
        _record(session, pressing, None, str(reach.why_not), at=at)
        _audit(session, "reminder.pass_over", patient, pressing, str(reach.why_not), at=at)
        return  # the next one is tried
    message_id = _enqueue(session, patient, reach.channel, today, at=at)
    if message_id is None:  # the patient had today's message: this waits for the next morning
        _set_next(session, {each.row.id: today + timedelta(days=1) for each in pressing})
        return
    _record(session, pressing, message_id, taking_back.CAUGHT_UP, at=at)
    _audit(session, "reminder.enqueue", patient, pressing, f"message {message_id}", at=at)


def _enqueue(session: Session, patient: Patient, channel: ChannelFacts, today: date, *, at: datetime) -> int | None:
    return outbox.enqueue(
        session,
        clinic_id=patient.clinic_id,
        purpose="reminder",
        channel=channel.kind,
        address=channel.address,
        language=patient.language,
        key=f"remind:{patient.public_id}:{channel.kind}:{today}",
        patient_id=patient.id,
        at=at,
    )


# ---- What is due


def _pressing(session: Session, patient: Patient, today: date, *, at: datetime) -> list[_Pressing]:
    """Of this patient, each row held."""
    rows = session.execute(
        select(Assessment, Course)
        .join(Course, Course.id == Assessment.course_id)
        .where(Assessment.patient_id == patient.id, *_due(today, at))
        .order_by(Assessment.id)
        .with_for_update(of=Assessment, key_share=True)
    ).all()
    covered = _covered(session, [row.id for row, _ in rows])
    found = [_of(row, course, covered[row.id], today) for row, course in rows]
    _set_next(session, {each.row.id: each.next_on for each in found})
    return found


def _of(row: Assessment, course: Course, covered: set[tuple[str, int]], today: date) -> _Pressing:
    window, rules = finding.window(row), _rules(course)
    due = reminders.due(window, rules, covered, today)
    return _Pressing(row, due, reminders.next_on(window, rules, covered | {each.id for each in due}))


def _rules(course: Course) -> Reminders:
    """Of the protocol; where its file is gone, which `prom-server verify` reports, the default of all protocols."""
    return catalogue.protocol_of(course).reminders


def _covered(session: Session, assessment_ids: list[int]) -> Mapping[int, set[tuple[str, int]]]:
    found: dict[int, set[tuple[str, int]]] = defaultdict(set)
    rows = session.execute(
        select(Reminder.assessment_id, Reminder.kind, Reminder.nth).where(Reminder.assessment_id.in_(assessment_ids))
    )
    for assessment_id, kind, nth in rows:
        found[assessment_id].add((kind, nth))
    return found


# ---- What becomes of it


def _record(session: Session, pressing: list[_Pressing], message_id: int | None, reason: str, *, at: datetime) -> None:
    """A line for each reminder: the newest of an assessment is covered by the message, if there is one."""
    lines = [
        {
            "assessment_id": each.row.id,
            "kind": due.kind,
            "nth": due.nth,
            "message_id": message_id if due is each.due[-1] else None,
            "passed_over": None if message_id is not None and due is each.due[-1] else reason,
            "at": at,
        }
        for each in pressing
        for due in each.due
    ]
    session.execute(insert(Reminder), lines)


def _set_next(session: Session, days: Mapping[int, date | None]) -> None:
    for assessment_id, day in days.items():
        session.execute(update(Assessment).where(Assessment.id == assessment_id).values(remind_on=day))


def _audit(
    session: Session, action: str, patient: Patient, pressing: list[_Pressing], what: str, *, at: datetime
) -> None:
    due = [f"assessment:{each.row.public_id} {item.kind} {item.nth}" for each in pressing for item in each.due]
    audit.record(
        session,
        action,
        at=at,
        actor="system",
        clinic_id=patient.clinic_id,
        patient_id=patient.id,
        detail="\n".join([what, *due]),
    )
