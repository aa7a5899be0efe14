"""An alert given to somebody to take care of, and how that stands: the owner, who was told, what happens next."""

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.alert_care import Care, Colleague, NobodyToGiveTo, Told
from prom_server.core.alert_desk import AlreadyResolved, StepKind
from prom_server.core.escalation import Arrangements
from prom_server.core.instrument import Level
from prom_server.core.messages import MessageFacts, state_of
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.services import alert_desk, alert_messages, audit, escalating
from prom_server.services.alert_messages import TAKERS, Alerted
from prom_server.store.alerts import Alert, AlertStep
from prom_server.store.outbox import Message
from prom_server.store.staff import Staff


def give(
    session: Session, alert_public_id: str, to: str, *, seen: str | None = None, by: StaffMember, at: datetime
) -> None:
    """Asks somebody to take care of it, and tells them. They must acknowledge it themselves: its time begins anew.

    To take it oneself is to acknowledge it. Raises NobodyToGiveTo, AlreadyResolved, ChangedMeanwhile.
    """
    require(by, Action.ACKNOWLEDGE_ALERTS)
    alert = alert_desk.held(session, alert_public_id, by=by, seen=seen)
    if alert.resolved_at is not None:
        raise AlreadyResolved("resolved")
    owner = _taker(session, to, by=by)
    if alert.owner_id == owner.id and (alert.acknowledged_by == owner.id or owner.id != by.id):
        return  # a second click
    mine = owner.id == by.id
    values: dict[str, object] = {"acknowledged_at": at, "acknowledged_by": by.id} if mine else _waits_again(alert)
    if mine:
        alert_messages.call_off(session, alert.id, at=at)
    elif alert.level == Level.ALERT:
        values |= _told(session, alert, owner.id, at=at)
    session.execute(update(Alert).where(Alert.id == alert.id).values(owner_id=owner.id, **values))
    kind, code = (StepKind.ACKNOWLEDGED, None) if mine else (StepKind.GIVEN, owner.public_id)
    session.execute(insert(AlertStep).values(alert_id=alert.id, kind=kind, at=at, staff_id=by.id, code=code))
    subject = f"alert:{alert.public_id}"
    audit.record(session, f"alert.{kind}", by=by, at=at, patient_id=alert.patient_id, subject=subject, detail=code)


def _taker(session: Session, public_id: str, *, by: StaffMember) -> Staff:
    here = (Staff.clinic_id == by.clinic.id, Staff.active, Staff.role.in_(TAKERS))
    found = session.scalars(select(Staff).where(*here, Staff.public_id == public_id)).one_or_none()
    if found is None:
        raise NobodyToGiveTo("not somebody who takes alerts")
    return found


def _waits_again(alert: Alert) -> dict[str, object]:
    return {"acknowledged_at": None, "acknowledged_by": None, "escalations": alert.escalations + 1}


def _told(session: Session, alert: Alert, owner_id: int, *, at: datetime) -> dict[str, object]:
    """A message to the one it was given to, and to nobody else. Returns when it escalates."""
    arranged = alert_messages.arrangements(session, alert.clinic_id, at=at)
    owner = tuple(each for each in arranged.people if each.id == owner_id)
    whom = Alerted(alert.id, alert.public_id, alert.clinic_id, owner_id, alert.escalations + 1)
    alert_messages.tell(session, whom, owner, at=at, not_before=arranged.told_at(at))
    return {"escalates_at": arranged.escalates_at(at, escalating.mode_of(session, alert))}


# ---- How it stands


def care_of(session: Session, alert: Alert, *, by: StaffMember, at: datetime) -> Care:
    """For the alert's page, which asked for the permission and writes the audit line."""
    arranged = alert_messages.arrangements(session, alert.clinic_id, at=at)
    waiting = alert.level == Level.ALERT and alert.acknowledged_at is None and alert.resolved_at is None
    opens = arranged.told_at(at)
    return Care(
        owner_id=_public_id(session, alert.owner_id),
        told=_messages(session, alert, at=at),
        colleagues=colleagues(session, arranged, by=by),
        escalates_at=alert.escalates_at if waiting else None,
        waits_for=opens if waiting and opens > at else None,
        closed_person=by.clinic.closed_hours_person,
    )


def _public_id(session: Session, staff_id: int | None) -> str | None:
    return session.scalar(select(Staff.public_id).where(Staff.id == staff_id)) if staff_id is not None else None


def colleagues(session: Session, arranged: Arrangements, *, by: StaffMember) -> tuple[Colleague, ...]:
    """Everybody who may take care of an alert."""
    here = (Staff.clinic_id == by.clinic.id, Staff.active, Staff.role.in_(TAKERS))
    reached = {each.id for each in arranged.people}
    rows = session.scalars(select(Staff).where(*here).order_by(Staff.name, Staff.id))
    return tuple(Colleague(row.public_id, row.name, row.id == arranged.on_call, row.id in reached) for row in rows)


def _messages(session: Session, alert: Alert, *, at: datetime) -> tuple[Told, ...]:
    rows = session.execute(
        select(Message, Staff.name)
        .join(Staff, Staff.id == Message.staff_id)
        .where(Message.alert_id == alert.id, Message.clinic_id == alert.clinic_id)
        .order_by(Message.id)
    )
    return tuple(_of_message(row, name, at=at) for row, name in rows)


def _of_message(row: Message, name: str, *, at: datetime) -> Told:
    ends = (row.sent_at, row.logged_at, row.refused_at, row.unclear_at, row.cancelled_at)
    facts = MessageFacts(
        sending_at=row.sending_at,
        leased_until=row.leased_until,
        sent_at=row.sent_at,
        refused_at=row.refused_at,
        unclear_at=row.unclear_at,
        logged_at=row.logged_at,
        cancelled_at=row.cancelled_at,
    )
    since = next((each for each in ends if each is not None), row.created_at)
    return Told(name, row.channel, row.created_at, row.next_try_at, state_of(facts, at), since, row.reason)
