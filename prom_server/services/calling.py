"""A call to a patient: what whoever rings needs to know, and what came of it, appended and never changed."""

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session, aliased

from prom_server.core import calls, reminders
from prom_server.core.calls import (
    CallLine,
    CallPage,
    NobodyToRing,
    Outcome,
    Recorded,
    RingingElsewhere,
    RungMeanwhile,
    Said,
)
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.services import audit, call_list, catalogue, contacts, finding, opening, outbox, progress
from prom_server.services.course_views import assessment_view
from prom_server.store.assessments import Assessment
from prom_server.store.base import opaque_id
from prom_server.store.contact import Call
from prom_server.store.courses import Course
from prom_server.store.outbox import Message, Reminder
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff


def call_page(session: Session, assessment_public_id: str, *, by: StaffMember, at: datetime) -> CallPage:
    """Everything about one call. Raises NotFound."""
    require(by, Action.RING)
    row, course, patient = finding.assessment(session, assessment_public_id, by=by)
    _record(session, "call.view", row, by=by, at=at)
    done = progress.of_assessments(session, [row.id]).get(row.id, progress.NONE)
    reach = contacts.reachable(session, patient)
    return CallPage(
        patient=finding.ref(patient),
        birth_date=patient.birth_date,
        phone=patient.phone,
        best_time=patient.best_time,
        may_leave_message=patient.may_leave_message,
        language=patient.language,
        reminders_off=patient.reminders_off_at is not None,
        locked=patient.locked_at is not None,
        course_id=course.public_id,
        course_number=course.number,
        assessment=assessment_view(row, catalogue.protocol_of(course), done, by=by, at=at),
        days_left=(row.closes_on - finding.local_day(at, by.clinic)).days,
        call_back_at=row.call_back_at,
        declined_at=row.declined_at,
        declined_reason=row.declined_reason,
        calls=about(session, row),
        reached_by=reach.channel.kind if reach.channel else None,
        why_not=str(reach.why_not) if reach.why_not else None,
        ringing=call_list.ringing(session, [patient.id], by=by, at=at).get(patient.id),
        may_ring=call_list.may_ring(row, patient, by=by, at=at),
    )


def about(session: Session, row: Assessment) -> tuple[CallLine, ...]:
    """The calls about one assessment, the newest first. The page that shows them writes the audit line."""
    rows = session.execute(
        select(Call, Staff.name)
        .join(Staff, Staff.id == Call.called_by)
        .where(Call.assessment_id == row.id)
        .order_by(Call.id.desc())
    )
    return tuple(CallLine(call.called_at, name, Outcome(call.outcome), call.note, call.again_at) for call, name in rows)


# ---- What came of it


def record(session: Session, assessment_public_id: str, said: Said, *, by: StaffMember, at: datetime) -> Recorded:
    """Appends the call and does what follows from it. A second press of the same button changes nothing.

    Raises NobodyToRing, RingingElsewhere, RungMeanwhile, and what `core.calls.check` refuses.
    """
    require(by, Action.RING)
    row, _course, patient = _held(session, assessment_public_id, by=by)
    before = session.execute(
        select(Call.called_by, Call.outcome).where(Call.assessment_id == row.id).order_by(Call.id)
    ).all()
    if said.seen != len(before):
        if before and tuple(before[-1]) == (by.id, said.outcome):
            return Recorded()
        raise RungMeanwhile("look again")
    if not call_list.may_ring(row, patient, by=by, at=at):
        raise NobodyToRing("nothing waits")
    held = call_list.ringing(session, [patient.id], by=by, at=at).get(patient.id)
    if held is not None and not held.mine:
        raise RingingElsewhere(held.name)
    calls.check(said, patient.may_leave_message, at, row.closes_on, by.clinic.time_zone)
    hours = opening.hours(session, by.clinic.id, by.clinic.time_zone)
    next_at = said.call_back_at if said.outcome is Outcome.CALL_BACK else calls.again_at(said.outcome, at, hours)
    call_id = _append(session, row, said, next_at, by=by, at=at)
    wish = calls.wish(said.outcome, row.call_back_at, next_at)
    session.execute(update(Assessment).where(Assessment.id == row.id).values(call_back_at=wish))
    call_list.let_go(session, patient.id, by=by)
    return _follow(session, row, patient, said, call_id, by=by, at=at)


def _held(session: Session, public_id: str, *, by: StaffMember) -> tuple[Assessment, Course, Patient]:
    """The patient is held before the assessment, as the reminders do: one call at a time, and no deadlock."""
    _row, _course, patient = finding.assessment(session, public_id, by=by)
    session.execute(select(Patient.id).where(Patient.id == patient.id).with_for_update(key_share=True))
    session.expire_all()
    return finding.assessment(session, public_id, by=by, lock=True)


def _append(
    session: Session, row: Assessment, said: Said, next_at: datetime | None, *, by: StaffMember, at: datetime
) -> str:
    public_id = opaque_id()
    session.execute(
        insert(Call).values(
            public_id=public_id,
            clinic_id=by.clinic.id,
            patient_id=row.patient_id,
            assessment_id=row.id,
            called_by=by.id,
            called_at=at,
            outcome=said.outcome,
            note=said.note,
            again_at=next_at,
        )
    )
    _record(session, "call.record", row, str(said.outcome), by=by, at=at)
    return public_id


def _follow(
    session: Session, row: Assessment, patient: Patient, said: Said, call_id: str, *, by: StaffMember, at: datetime
) -> Recorded:
    if said.outcome is Outcome.ONLINE:
        return _send_link(session, row, patient, call_id, by=by, at=at)
    if said.outcome is Outcome.DECLINED:
        _decline(session, row, said.note or "", at=at)
    if said.outcome is Outcome.WRONG_NUMBER and patient.phone is not None and said.number == patient.phone:
        detail = f"phone: {patient.phone} -> None"
        session.execute(update(Patient).where(Patient.id == patient.id).values(phone=None))
        audit.record(session, "patient.wrong_number", by=by, at=at, patient_id=patient.id, detail=detail)
    return Recorded()


def _send_link(
    session: Session, row: Assessment, patient: Patient, call_id: str, *, by: StaffMember, at: datetime
) -> Recorded:
    """Once for each call, to where messages to the patient go."""
    reach = contacts.reachable(session, patient)
    if reach.channel is None:
        return Recorded(why_not=str(reach.why_not))
    outbox.enqueue(
        session,
        clinic_id=by.clinic.id,
        purpose="link",
        channel=reach.channel.kind,
        address=reach.channel.address,
        language=patient.language,
        key=f"link:call:{call_id}",
        patient_id=patient.id,
        assessment_id=row.id,
        at=at,
    )
    _record(session, "invitation.send", row, reach.channel.kind, by=by, at=at)
    return Recorded(link_to=reach.channel.kind)


# ---- Declined


def _decline(session: Session, row: Assessment, reason: str, *, at: datetime) -> None:
    """No reminder and no call any more. A link that is out still opens: who thinks better of it may answer."""
    facts = {"declined_at": at, "declined_reason": reason, "remind_on": None}
    session.execute(update(Assessment).where(Assessment.id == row.id).values(**facts))
    outbox.cancel(session, _messages(session, row), "declined", at=at)


def _messages(session: Session, row: Assessment) -> list[int]:
    """About this assessment alone, and not sent yet; one that covers another too says then only that."""
    other = aliased(Reminder)
    covers = select(Reminder.message_id).where(Reminder.assessment_id == row.id)
    others = select(other.message_id).where(other.assessment_id != row.id, other.message_id.is_not(None))
    mine = Message.id.in_(covers) & Message.id.not_in(others.where(other.message_id.in_(covers)))
    links = (Message.assessment_id == row.id) & (Message.purpose == "link")
    waiting = (Message.patient_id == row.patient_id, *outbox.pending())
    return list(session.scalars(select(Message.id).where(*waiting, mine | links)))


def take_back_decline(session: Session, assessment_public_id: str, *, by: StaffMember, at: datetime) -> None:
    """The patient thought better of it, or it was entered by mistake. A second time changes nothing.

    Reminders come again, each on its day; what was cancelled stays cancelled.
    """
    require(by, Action.RING)
    row, course, patient = _held(session, assessment_public_id, by=by)
    if row.declined_at is None:
        return
    lines = session.execute(select(Reminder.kind, Reminder.nth).where(Reminder.assessment_id == row.id))
    covered = {(line.kind, line.nth) for line in lines}
    rules = catalogue.protocol_of(course).reminders
    waits = row.cancelled_at is None and not patient.stopped
    remind_on = reminders.next_on(finding.window(row), rules, covered) if waits else None
    _record(session, "call.take_back", row, row.declined_reason, by=by, at=at)
    facts = {"declined_at": None, "declined_reason": None, "remind_on": remind_on}
    session.execute(update(Assessment).where(Assessment.id == row.id).values(**facts))


def _record(
    session: Session, action: str, row: Assessment, detail: str | None = None, *, by: StaffMember, at: datetime
) -> None:
    subject = f"assessment:{row.public_id}"
    audit.record(session, action, by=by, at=at, patient_id=row.patient_id, subject=subject, detail=detail)
