"""The outbox: messages put into it in the transaction of their cause, and what staff see and settle there."""

from datetime import datetime

from sqlalchemy import ColumnElement, Row, Select, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from prom_server.core.messages import (
    AlreadySettled,
    CannotReach,
    MessageFacts,
    MessageLine,
    MessagePage,
    MessagesPage,
    Settlement,
    state_of,
)
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.services import audit, contacts, finding
from prom_server.store.base import opaque_id
from prom_server.store.outbox import Message
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff

PAGE = 50
TROUBLE_LISTED = 100  # at once; more follow as these are settled
AGAIN = ":again:"  # in the key of one that staff sent once more, with how many times


def enqueue(
    session: Session,
    *,
    clinic_id: int,
    purpose: str,
    channel: str,
    address: str,
    language: str,
    key: str,
    at: datetime,
    not_before: datetime | None = None,
    patient_id: int | None = None,
    staff_id: int | None = None,
    alert_id: int | None = None,
    assessment_id: int | None = None,
) -> int | None:
    """Puts a message into the outbox; returns its id, or None where its key is there already."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    values = {
        "public_id": opaque_id(),
        "clinic_id": clinic_id,
        "patient_id": patient_id,
        "staff_id": staff_id,
        "alert_id": alert_id,
        "assessment_id": assessment_id,
        "key": key,
        "purpose": purpose,
        "channel": channel,
        "address": address,
        "language": language,
        "created_at": at,
        "next_try_at": max(at, not_before or at),
        "tries": 0,
    }
    statement = dialect.insert(Message).values(**values).on_conflict_do_nothing(index_elements=["key"])
    message_id: int | None = session.scalar(statement.returning(Message.id))
    return message_id


def pending() -> tuple[ColumnElement[bool], ...]:
    """Neither sent nor ended otherwise."""
    ends = (Message.sent_at, Message.refused_at, Message.unclear_at, Message.logged_at, Message.cancelled_at)
    return tuple(each.is_(None) for each in ends)


def cancel(session: Session, message_ids: list[int], reason: str, *, at: datetime) -> int:
    """Of these, what still waits is not sent any more. What is just being sent is left alone. Returns how many."""
    waiting = (Message.id.in_(message_ids), *pending(), Message.sending_at.is_(None))
    cancelled = update(Message).where(*waiting).values(cancelled_at=at, reason=reason).returning(Message.id)
    return len(session.scalars(cancelled).all())


# ---- What staff see


def trouble(session: Session, *, limit: int = TROUBLE_LISTED, by: StaffMember) -> tuple[MessageLine, ...]:
    """Refused for good or unclear, and not settled: the oldest first. One statement."""
    require(by, Action.SEE_MESSAGES)
    ended = or_(Message.refused_at.is_not(None), Message.unclear_at.is_not(None))
    rows = _found(by).where(Message.settled_at.is_(None), ended).order_by(Message.id).limit(limit)
    return tuple(_line(row, by, row[0].created_at) for row in session.execute(rows))


def lines(session: Session, wanted: ColumnElement[bool], *, by: StaffMember, at: datetime) -> dict[int, MessageLine]:
    """The clinic's messages of which `wanted` is true, by id and in order."""
    rows = session.execute(_found(by).where(wanted).order_by(Message.id))
    return {row[0].id: _line(row, by, at) for row in rows}


def page(session: Session, *, before: str | None = None, by: StaffMember, at: datetime) -> MessagesPage:
    """The newest messages, or those before `before`; what is in trouble stands before the first page of them."""
    require(by, Action.SEE_MESSAGES)
    statement = _found(by).order_by(Message.created_at.desc(), Message.id.desc()).limit(PAGE + 1)
    if before is not None:
        last = _message(session, before, by=by)
        statement = statement.where(tuple_(Message.created_at, Message.id) < (last.created_at, last.id))
    rows = [_line(row, by, at) for row in session.execute(statement)]
    audit.record(session, "messages.list", by=by, at=at)
    first = trouble(session, by=by) if before is None else ()
    return MessagesPage(first, tuple(rows[:PAGE]), rows[PAGE - 1].public_id if len(rows) > PAGE else None)


def message(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> MessagePage:
    """One message. What it said, with its private link, only to those who may hand out links."""
    require(by, Action.SEE_MESSAGES)
    row = session.execute(_found(by).where(Message.public_id == finding.checked(public_id))).one_or_none()
    if row is None:
        raise NotFound("no such message")
    found = row[0]
    subject = f"message:{found.public_id}"
    audit.record(session, "message.view", by=by, at=at, patient_id=found.patient_id, subject=subject)
    readable = by.may(Action.INVITE)
    return MessagePage(_line(row, by, at), found.subject if readable else None, found.body if readable else None)


def _found(by: StaffMember) -> Select[Message, Patient, str, str]:
    """Messages of the clinic, each with its patient, the member of staff it is for, and who settled it."""
    settler = aliased(Staff)
    return (
        select(Message, Patient, Staff.name, settler.name.label("settler"))
        .outerjoin(Patient, Patient.id == Message.patient_id)
        .outerjoin(Staff, Staff.id == Message.staff_id)
        .outerjoin(settler, settler.id == Message.settled_by)
        .where(Message.clinic_id == by.clinic.id)
    )


def _line(row: Row[Message, Patient, str, str], by: StaffMember, at: datetime) -> MessageLine:
    found, patient, staff_name, settled_by = row
    facts = MessageFacts(
        found.sending_at,
        found.leased_until,
        found.sent_at,
        found.refused_at,
        found.unclear_at,
        found.logged_at,
        found.cancelled_at,
    )
    since = (found.refused_at, found.sent_at, found.unclear_at, found.logged_at, found.cancelled_at, found.sending_at)
    return MessageLine(
        public_id=found.public_id,
        purpose=found.purpose,
        channel=found.channel,
        patient=finding.ref(patient) if patient is not None and by.may(Action.SEE_PATIENTS) else None,
        staff_name=staff_name,
        state=state_of(facts, at),
        created_at=found.created_at,
        due_at=found.next_try_at,
        since=next((each for each in since if each is not None), found.created_at),
        tries=found.tries,
        reason=found.reason,
        settled_as=Settlement(found.settled_as) if found.settled_as else None,
        settled_at=found.settled_at,
        settled_by=settled_by,
    )


# ---- What staff do


def settle(session: Session, public_id: str, how: Settlement, *, by: StaffMember, at: datetime) -> None:
    """Deals with one that was refused or is unclear. To send it again is to send another one, to where the patient is
    reached now. Raises AlreadySettled, CannotReach.
    """
    require(by, Action.SETTLE_MESSAGES)
    found = _message(session, public_id, by=by, lock=True)
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
    root, _again, number = found.key.partition(AGAIN)
    channel, address = _address(session, found)
    enqueue(
        session,
        clinic_id=found.clinic_id,
        purpose=found.purpose,
        channel=channel,
        address=address,
        language=found.language,
        key=f"{root}{AGAIN}{int(number or 0) + 1}",
        at=at,
        patient_id=found.patient_id,
        staff_id=found.staff_id,
        alert_id=found.alert_id,
        assessment_id=found.assessment_id,
    )


def _address(session: Session, found: Message) -> tuple[str, str]:
    """Channel and address: of a patient those that serve now. Raises CannotReach."""
    if found.patient_id is None:
        return found.channel, found.address
    reach = contacts.reachable(session, session.get_one(Patient, found.patient_id))
    if reach.channel is None:
        raise CannotReach(reach.why_not)
    return reach.channel.kind, reach.channel.address


def _message(session: Session, public_id: str, *, by: StaffMember, lock: bool = False) -> Message:
    mine = select(Message).where(Message.clinic_id == by.clinic.id, Message.public_id == finding.checked(public_id))
    row = session.scalars(mine.with_for_update() if lock else mine).one_or_none()
    if row is None:
        raise NotFound("no such message")
    return row
