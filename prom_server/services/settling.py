"""What staff make of a message in trouble."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from prom_server.core.messages import AlreadySettled, CannotReach, Purpose, Settlement
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.services import audit, contacts, outbox
from prom_server.store.outbox import Message, Reminder
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff


def settle(session: Session, public_id: str, how: Settlement, *, by: StaffMember, at: datetime) -> None:
    """Deals with one that was refused or is unclear. To send it again is to send another one, to where the patient is
    reached now. Raises AlreadySettled, CannotReach.
    """
    require(by, Action.SETTLE_MESSAGES)
    found = outbox.stored(session, public_id, by=by, lock=True)
    if found.settled_at is not None or (found.refused_at is None and found.unclear_at is None):
        raise AlreadySettled("not in trouble")
    if how is Settlement.ARRIVED and found.unclear_at is None:
        raise AlreadySettled("it was clearly refused")
    if how is Settlement.AGAIN:
        _again(session, found, at=at)
    found.settled_at, found.settled_by, found.settled_as = at, by.id, how
    session.flush()
    subject = f"message:{found.public_id}"
    audit.record(session, "message.settle", by=by, at=at, patient_id=found.patient_id, subject=subject, detail=str(how))


def _again(session: Session, found: Message, *, at: datetime) -> None:
    """What it covered is covered by the new one; the words of a test are its own."""
    root, _again, number = found.key.partition(outbox.AGAIN)
    channel, address = _address(session, found)
    new_id = outbox.enqueue(
        session,
        clinic_id=found.clinic_id,
        purpose=found.purpose,
        channel=channel,
        address=address,
        language=found.language,
        key=f"{root}{outbox.AGAIN}{int(number or 0) + 1}",
        at=at,
        patient_id=found.patient_id,
        staff_id=found.staff_id,
        alert_id=found.alert_id,
        assessment_id=found.assessment_id,
    )
    if new_id is None:
        return
    session.execute(update(Reminder).where(Reminder.message_id == found.id).values(message_id=new_id))
    if found.purpose == Purpose.TEST:
        own = {"subject": found.subject, "body": found.body}
        session.execute(update(Message).where(Message.id == new_id).values(**own))


def _address(session: Session, found: Message) -> tuple[str, str]:
    """Channel and address: those that serve now, of a patient or of whom an alert is for. Raises CannotReach."""
    if found.purpose == Purpose.ALERT and found.staff_id is not None:
        staff = session.get_one(Staff, found.staff_id)
        present = {"email": staff.email, "sms": staff.mobile}.get(staff.alerts_by or "")
        return (staff.alerts_by, present) if staff.alerts_by and present else (found.channel, found.address)
    if found.patient_id is None:
        return found.channel, found.address
    reach = contacts.reachable(session, session.get_one(Patient, found.patient_id))
    if reach.channel is None:
        raise CannotReach(reach.why_not)
    return reach.channel.kind, reach.channel.address
