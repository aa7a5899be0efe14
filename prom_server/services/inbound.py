"""What comes back: STOP and START by SMS, bounces, and the gateway's reports. Matched exactly, never by guess.

A number or an address is one person's wherever it is recorded: what is said of it counts in every clinic here.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from prom_server.core import contacts
from prom_server.core.contacts import Kind
from prom_server.core.inbound import Bounce, Wish
from prom_server.services import audit, outbox
from prom_server.store.contact import Channel
from prom_server.store.outbox import Message


def texted(session: Session, number: str, wish: Wish | None, *, at: datetime) -> None:
    """STOP or START from a telephone. Anything else changes nothing, and what it said is kept nowhere."""
    try:
        address = contacts.mobile(number)
    except contacts.NotAMobile:
        return
    mine = (Channel.kind == Kind.SMS, Channel.address == address)
    if wish is Wish.STOP:
        _mark(session, "contact.stop", (*mine, Channel.stopped_at.is_(None)), {"stopped_at": at}, "patient", at=at)
    elif wish is Wish.START:
        _mark(
            session, "contact.start", (*mine, Channel.stopped_at.is_not(None)), {"stopped_at": None}, "patient", at=at
        )


def address_refused(session: Session, message: Message, reason: str, *, stopped: bool = False, at: datetime) -> None:
    """The far end refused the message's address for good, or because its owner said STOP there: no more to it."""
    mine = (Channel.kind == message.channel, Channel.address == message.address)
    if stopped:
        _mark(session, "contact.stop", (*mine, Channel.stopped_at.is_(None)), {"stopped_at": at}, "system", at=at)
        return
    facts = {"undeliverable_at": at, "undeliverable_reason": reason[:80]}
    _mark(session, "contact.undeliverable", (*mine, Channel.undeliverable_at.is_(None)), facts, "system", at=at)


def bounced(session: Session, report: Bounce, *, at: datetime) -> bool:
    """A mail server's report on an e-mail that had left. False where it is not about one of ours.

    A temporary failure is only noted: that server still tries. A permanent one is the desk's trouble; where the address
    is at fault, it is written to no more.
    """
    left = Message.sent_at.is_not(None) | Message.unclear_at.is_not(None)
    mine = (Message.public_id.in_(report.names), Message.channel == Kind.EMAIL, left)
    message = session.scalar(select(Message).where(*mine).order_by(Message.id).limit(1).with_for_update())
    if message is None:
        return False
    if not report.permanent:
        _record(session, "message.delayed", message, report.status, at=at)
    elif message.refused_at is None:
        _fail(session, message, f"bounced {report.status}", at=at)
        if report.gone:
            address_refused(session, message, f"bounced {report.status}", at=at)
    return True


def reported(session: Session, provider_id: str, reason: str, *, gone: bool, stopped: bool, at: datetime) -> bool:
    """The gateway says that an SMS which it had taken did not arrive, by its own id or by ours. False where it is not
    about one of ours.
    """
    left = Message.sent_at.is_not(None) | Message.unclear_at.is_not(None)
    named = (Message.provider_id == provider_id) | (Message.public_id == provider_id)
    mine = (named, Message.channel == Kind.SMS, left)
    message = session.scalar(select(Message).where(*mine).order_by(Message.id).limit(1).with_for_update())
    if message is None:
        return False
    if message.refused_at is None:
        _fail(session, message, reason, at=at)
        if gone or stopped:
            address_refused(session, message, reason, stopped=stopped, at=at)
    return True


def being_sent(session: Session) -> bool:
    """Whether an SMS is with the gateway at this moment, whose id is not known yet."""
    now = (Message.channel == Kind.SMS, Message.sending_at.is_not(None), *outbox.pending())
    return session.scalar(select(Message.id).where(*now).limit(1)) is not None


def _fail(session: Session, message: Message, reason: str, *, at: datetime) -> None:
    """It was sent and did not arrive: shown to staff, also where somebody had taken it for arrived."""
    facts = {"refused_at": at, "reason": reason[:120]}
    if message.settled_as == "arrived":
        facts |= {"settled_at": None, "settled_by": None, "settled_as": None}
    session.execute(update(Message).where(Message.id == message.id).values(**facts))
    _record(session, "message.failed", message, reason, at=at)


def _mark(
    session: Session,
    action: str,
    which: tuple[ColumnElement[bool], ...],
    facts: dict[str, object],
    actor: str,
    *,
    at: datetime,
) -> None:
    marked = (
        update(Channel).where(*which).values(**facts).returning(Channel.clinic_id, Channel.patient_id, Channel.kind)
    )
    for clinic_id, patient_id, kind in session.execute(marked).all():
        detail = "\n".join([str(kind), *(f"{name}: {value}" for name, value in facts.items())])
        audit.record(session, action, at=at, actor=actor, clinic_id=clinic_id, patient_id=patient_id, detail=detail)


def _record(session: Session, action: str, message: Message, detail: str, *, at: datetime) -> None:
    audit.record(
        session,
        action,
        at=at,
        actor="system",
        clinic_id=message.clinic_id,
        patient_id=message.patient_id,
        subject=f"message:{message.public_id}",
        detail=detail,
    )
