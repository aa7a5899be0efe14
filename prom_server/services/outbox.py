"""The outbox: messages put into it in the transaction of their cause, and what staff see and settle there."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Row, Select, and_, or_, select, tuple_, union_all, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from prom_server.core.messages import (
    TRIED_IN_VAIN,
    MessageFacts,
    MessageLine,
    MessagePage,
    MessagesPage,
    Purpose,
    Settlement,
    state_of,
)
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.services import audit, finding
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
    message_id: int | None = session.scalar(_new(session, [values]).returning(Message.id))
    return message_id


def enqueue_many(
    session: Session, to: Sequence[dict[str, object]], *, at: datetime, not_before: datetime, **same: object
) -> None:
    """As `enqueue`, of several that differ by `to`; one statement, whatever their number."""
    same |= {"created_at": at, "next_try_at": max(at, not_before), "tries": 0}
    if to:
        session.execute(_new(session, [same | each | {"public_id": opaque_id()} for each in to]))


def _new(session: Session, rows: list[dict[str, object]]) -> postgresql.Insert | sqlite.Insert:
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    new: postgresql.Insert | sqlite.Insert = dialect.insert(Message).values(rows)
    return new.on_conflict_do_nothing(index_elements=["key"])


def pending() -> tuple[ColumnElement[bool], ...]:
    """Neither sent nor ended otherwise."""
    ends = (Message.sent_at, Message.refused_at, Message.unclear_at, Message.logged_at, Message.cancelled_at)
    return tuple(each.is_(None) for each in ends)


def cancel(session: Session, message_ids: list[int], reason: str, *, at: datetime) -> int:
    """Of these, what still waits is not sent any more. What is just being sent is left alone. Returns how many."""
    return cancel_where(session, Message.id.in_(message_ids), reason, at=at)


def cancel_where(session: Session, wanted: ColumnElement[bool], reason: str, *, at: datetime) -> int:
    """As `cancel`, of the messages of which `wanted` is true. One statement."""
    waiting = (wanted, *pending(), Message.sending_at.is_(None))
    cancelled = update(Message).where(*waiting).values(cancelled_at=at, reason=reason).returning(Message.id)
    return len(session.scalars(cancelled).all())


# ---- What staff see


def trouble(session: Session, *, limit: int = TROUBLE_LISTED, by: StaffMember) -> tuple[MessageLine, ...]:
    """Refused for good or unclear, and not settled; and what still waits after tries in vain, an alert after the first.
    The oldest first. One statement.
    """
    require(by, Action.SEE_MESSAGES)
    here = Message.clinic_id == by.clinic.id
    ended = or_(Message.refused_at.is_not(None), Message.unclear_at.is_not(None))
    in_vain = or_(Message.tries >= TRIED_IN_VAIN, and_(Message.purpose == Purpose.ALERT, Message.reason.is_not(None)))
    troubled = select(Message.id).where(here, Message.settled_at.is_(None), ended)
    tried = select(Message.id).where(here, *pending(), Message.sending_at.is_(None), in_vain)
    rows = _found(by).where(Message.id.in_(union_all(troubled, tried))).order_by(Message.id).limit(limit)
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
        last = stored(session, before, by=by)
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


def stored(session: Session, public_id: str, *, by: StaffMember, lock: bool = False) -> Message:
    """The row of the clinic's message. Raises NotFound."""
    mine = select(Message).where(Message.clinic_id == by.clinic.id, Message.public_id == finding.checked(public_id))
    row = session.scalars(mine.with_for_update() if lock else mine).one_or_none()
    if row is None:
        raise NotFound("no such message")
    return row
