"""Puts reminders into the outbox on the mornings of a clinic's opening days, one patient at a time.

One message covers everything that is due for a patient. What an outage held up is caught up by it too: the newest
reminder of each assessment is covered, the older ones are passed over. Nobody is told twice on one day, and a message
that could not leave on its day is taken back: the next morning catches up what it covered.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, delete, exists, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from prom_server.core import reminders
from prom_server.core.contacts import ChannelFacts, Kind, WhyNot
from prom_server.core.refusals import NotFound
from prom_server.core.reminders import Due
from prom_server.core.schedule import Reminders, has_closed
from prom_server.services import audit, catalogue, contacts, finding, opening, outbox
from prom_server.store.assessments import Assessment
from prom_server.store.clinics import Clinic
from prom_server.store.courses import Course
from prom_server.store.outbox import Message, Reminder
from prom_server.store.patients import Patient

CAUGHT_UP = "caught_up"  # a later one of the same assessment went out instead
CLOSED = "closed"  # the assessment closed before the next morning of an opening day

# Each ends the reminders of everything, and nothing has to be said about them one by one.
_ENDS = {WhyNot.WITHDRAWN, WhyNot.DECEASED}
_WAITING = (Assessment.completed_at.is_(None), Assessment.cancelled_at.is_(None), Assessment.remind_on.is_not(None))


@dataclass(frozen=True, slots=True)
class _Pressing:
    """An assessment with the reminders that should have gone out by today, in order."""

    row: Assessment
    due: tuple[Due, ...]
    next_on: date | None  # after these


def remind(session: Session, *, at: datetime) -> int:
    """One patient whose reminders are due, if it is the morning of an opening day at the clinic.

    1 when somebody's turn came, whether or not a message goes out; 0 when there is nobody (left).
    """
    for clinic in _clinics(session, at=at):
        here = at.astimezone(ZoneInfo(clinic.time_zone))
        if not reminders.is_morning(here, clinic.reminders_at, clinic.quiet_from, clinic.quiet_to):
            continue
        if not opening.hours(session, clinic.id, clinic.time_zone).is_opening_day(here.date()):
            continue
        patient = _next(session, clinic, here.date())
        if patient is not None:
            _remind(session, clinic, patient, here.date(), at=at)
            return 1
    return 0


def _clinics(session: Session, *, at: datetime) -> Sequence[Clinic]:
    """Those where somebody may be due; no calendar is more than a day ahead of UTC's."""
    somebody = exists().where(*_due(Clinic.id, at.date() + timedelta(days=1)))
    return session.scalars(select(Clinic).where(somebody).order_by(Clinic.id)).all()


def _due(clinic_id: InstrumentedAttribute[int] | int, today: date) -> tuple[ColumnElement[bool], ...]:
    return (Assessment.clinic_id == clinic_id, *_WAITING, Assessment.remind_on <= today)


def _next(session: Session, clinic: Clinic, today: date) -> Patient | None:
    """Held until the commit; one whom another worker holds is left to it."""
    return session.scalar(
        select(Patient)
        .join(Assessment, Assessment.patient_id == Patient.id)
        .where(*_due(clinic.id, today))
        .order_by(Assessment.remind_on, Assessment.id)
        .limit(1)
        .with_for_update(of=Patient, key_share=True, skip_locked=True)
    )


def _remind(session: Session, clinic: Clinic, patient: Patient, today: date, *, at: datetime) -> None:
    _take_back_waiting(session, patient, today, at=at)
    pressing = _pressing(session, clinic, patient, today, at=at)
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
    _record(session, pressing, message_id, CAUGHT_UP, at=at)
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


# ---- What could not leave on its day


def take_back(session: Session, message_id: int, today: date) -> bool:
    """What a message covered that will not be sent is due again, the next morning. False: it covered nothing."""
    covered = session.scalars(
        delete(Reminder).where(Reminder.message_id == message_id).returning(Reminder.assessment_id)
    ).all()
    session.execute(update(Assessment).where(Assessment.id.in_(covered)).values(remind_on=today))
    return bool(covered)


def _take_back_waiting(session: Session, patient: Patient, today: date, *, at: datetime) -> None:
    """Of earlier days, and not just being sent: else the patient would get them and today's.

    Assessments are held before their messages, as everybody does who moves both.
    """
    mine = select(Assessment.id).where(Assessment.patient_id == patient.id, Assessment.completed_at.is_(None))
    session.execute(mine.order_by(Assessment.id).with_for_update(key_share=True)).all()
    todays = [f"remind:{patient.public_id}:{kind}:{today}" for kind in Kind]
    waiting = session.scalars(
        select(Message.id)
        .where(
            Message.patient_id == patient.id,
            Message.purpose == "reminder",
            Message.key.not_in(todays),
            exists().where(Reminder.message_id == Message.id),
            *outbox.pending(),
            Message.sending_at.is_(None),
        )
        .with_for_update(skip_locked=True)
    ).all()
    for message_id in waiting:
        take_back(session, message_id, today)
    outbox.cancel(session, list(waiting), CAUGHT_UP, at=at)


# ---- What is due


def _pressing(session: Session, clinic: Clinic, patient: Patient, today: date, *, at: datetime) -> list[_Pressing]:
    """Of this patient, each row held. What takes no answers any more reminds no more, from here on."""
    rows = session.execute(
        select(Assessment, Course)
        .join(Course, Course.id == Assessment.course_id)
        .where(Assessment.patient_id == patient.id, *_due(clinic.id, today))
        .order_by(Assessment.id)
        .with_for_update(of=Assessment, key_share=True)
    ).all()
    covered = _covered(session, [row.id for row, _ in rows])
    found = []
    for row, course in rows:
        over = has_closed(finding.window(row), at, today)
        each = _of(row, course, covered[row.id], today)
        if over or row.declined_at is not None:
            if over and each.due:
                _record(session, [each], None, CLOSED, at=at)
            _set_next(session, {row.id: None})
        else:
            found.append(each)
            _set_next(session, {row.id: each.next_on})
    return found


def _of(row: Assessment, course: Course, covered: set[tuple[str, int]], today: date) -> _Pressing:
    window, rules = finding.window(row), _rules(course)
    due = reminders.due(window, rules, covered, today)
    return _Pressing(row, due, reminders.next_on(window, rules, covered | {each.id for each in due}))


def _rules(course: Course) -> Reminders:
    """Of the protocol; where its file is gone, which `prom-server verify` reports, the default of all protocols."""
    try:
        return catalogue.protocol(course.protocol_id, course.protocol_revision).reminders
    except NotFound:
        return Reminders()


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
