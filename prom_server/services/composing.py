"""Writes a message at the moment when it is sent: whether it still should be, with which link, in which words.

Called in the transaction that claims the message. A private link is stored nowhere in clear: each try gets its own,
which supersedes the one before.
"""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prom_server.core.contacts import ChannelFacts
from prom_server.core.message_words import Composed, NothingToSend
from prom_server.core.schedule import Status
from prom_server.services import audit, contacts, invitations, links, message_templates, outbox, taking_back
from prom_server.services.message_templates import Filled
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Assessment
from prom_server.store.clinics import Clinic
from prom_server.store.outbox import Message, Reminder
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff

__all__ = ["Composed", "NothingToSend", "compose"]

ANOTHER_DAY = "another_day"  # it could not leave on its morning; the next one takes its place
SENDABLE = links.ANSWERABLE | {Status.SCHEDULED}  # staff may send a link ahead


def compose(session: Session, message: Message, *, public_url: str, at: datetime) -> Composed | NothingToSend:
    """What is sent now, or why nothing is."""
    clinic = session.get_one(Clinic, message.clinic_id)
    if message.purpose == "test":
        if message.body is None:
            return NothingToSend("nothing_waits")
        return _signed(clinic, Filled(message.subject, message.body), None)
    if message.purpose == "alert":
        return _to_staff(session, message, clinic, public_url)
    patient = session.get_one(Patient, message.patient_id)
    way = _way(session, message, patient)
    if isinstance(way, NothingToSend):
        return way
    if (refusal := _not_today(session, message, clinic, at=at)) is not None:
        return refusal
    assessment = _pressing(session, message, clinic, at=at)
    if isinstance(assessment, NothingToSend):
        return assessment
    return _with_link(session, message, way, clinic, assessment, public_url, at=at)


# ---- Patients


def _way(session: Session, message: Message, patient: Patient) -> ChannelFacts | NothingToSend:
    """Where the patient is reached now: an address that was corrected since the message was made counts."""
    if patient.merged_into_id is not None:
        return NothingToSend("merged")
    if message.purpose == "link":  # staff chose the channel
        usable = contacts.usable(session, patient)
        return next((each for each in usable if each.kind == message.channel), NothingToSend("channel_changed"))
    reach = contacts.reachable(session, patient)
    return reach.channel or NothingToSend(str(reach.why_not))


def _not_today(session: Session, message: Message, clinic: Clinic, *, at: datetime) -> NothingToSend | None:
    """A reminder leaves on the day it was made for. Later than that, all that it covers is due again, with what came
    meanwhile, in one message. One that staff sent once more goes when it can.
    """
    zone = ZoneInfo(clinic.time_zone)
    today = at.astimezone(zone).date()
    if message.purpose != "reminder" or outbox.AGAIN in message.key:
        return None
    if message.created_at.astimezone(zone).date() == today:
        return None
    return NothingToSend(ANOTHER_DAY) if taking_back.take_back(session, message.id, today) else None


def _pressing(session: Session, message: Message, clinic: Clinic, *, at: datetime) -> Assessment | NothingToSend:
    """The one that its link opens: of those that still wait, what is due first."""
    covered = select(Reminder.assessment_id).where(Reminder.message_id == message.id)
    accepted = links.ANSWERABLE if message.purpose == "reminder" else SENDABLE
    wanted = Assessment.id.in_(covered) | (Assessment.id == message.assessment_id)
    rows = session.scalars(select(Assessment).where(wanted).order_by(Assessment.due_on, Assessment.id)).all()
    for row in rows:
        declined = message.purpose == "reminder" and row.declined_at is not None
        if not declined and links.status_of(row, clinic, at=at) in accepted:
            return row
    return NothingToSend(_why_over(rows, clinic, at=at))


def _why_over(rows: Sequence[Assessment], clinic: Clinic, *, at: datetime) -> str:
    if not rows:
        return "nothing_waits"
    if rows[0].declined_at is not None:
        return "declined"
    return str(links.status_of(rows[0], clinic, at=at))


def _with_link(
    session: Session,
    message: Message,
    way: ChannelFacts,
    clinic: Clinic,
    assessment: Assessment,
    public_url: str,
    *,
    at: datetime,
) -> Composed:
    token = invitations.new_link(session, assessment, at=at, message_id=message.id)
    found = {"assessment_id": assessment.id, "channel": way.kind, "address": way.address}
    if any(getattr(message, name) != value for name, value in found.items()):
        session.execute(update(Message).where(Message.id == message.id).values(**found))
    audit.record(
        session,
        "invitation.issue",
        at=at,
        actor="system",
        clinic_id=clinic.id,
        patient_id=assessment.patient_id,
        subject=f"assessment:{assessment.public_id}",
        detail=f"message:{message.public_id}",
    )
    url = f"{public_url}/a/{token}"
    filled = message_templates.filled(
        session, message.purpose, way.kind, message.language, clinic, link=url, stop=f"{url}/reminders"
    )
    return _signed(clinic, filled, f"{url}/reminders" if way.kind == "email" else None)


# ---- Staff


def _to_staff(session: Session, message: Message, clinic: Clinic, public_url: str) -> Composed | NothingToSend:
    """The sign-in address and nothing else: who and what is behind the sign-in."""
    staff = session.get(Staff, message.staff_id)
    if staff is None or not staff.active:
        return NothingToSend("staff_gone")
    alert = session.get(Alert, message.alert_id) if message.alert_id else None
    if alert is not None and (alert.acknowledged_at or alert.resolved_at):
        return NothingToSend("acknowledged")
    filled = message_templates.filled(
        session, message.purpose, message.channel, message.language, clinic, link=f"{public_url}/sign-in", stop=None
    )
    return _signed(clinic, filled, None)


def _signed(clinic: Clinic, filled: Filled, unsubscribe_url: str | None) -> Composed:
    return Composed(
        filled.subject, filled.body, clinic.sender_name or clinic.name, clinic.reply_to or None, unsubscribe_url
    )
