"""A message on its way: leased, begun, recorded. Three short transactions; the network comes between the last two.

`lease` names who sends it and holds nothing else. `begin` asks again whether it should go, writes it, and stores that
it is being sent before anybody sends it. `record` stores what the other side answered. A process that dies before
`begin` committed sent nothing: the lease runs out and another one takes over. One that dies after it may have sent it:
`expire` says so to staff. docs/decisions/0023-never-twice.md
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from prom_server.core import reminders
from prom_server.core.message_words import NothingToSend
from prom_server.core.messages import (
    REST,
    Envelope,
    Later,
    Leaves,
    Never,
    Outcome,
    Purpose,
    Sent,
    State,
    Unclear,
    next_try,
)
from prom_server.services import composing, heartbeats, inbound, opening
from prom_server.services.outbox import AGAIN, pending
from prom_server.store.clinics import Clinic
from prom_server.store.outbox import Message

# Longer than any delivery takes: see messages.email.AT_MOST. Twice as far ahead lies none, whatever clocks of two
# machines say, unless one was set back.
LEASE = timedelta(minutes=10)
DIED = "process_ended"
AT_ONCE = 100  # of those whose process died, at one look
OURS_AGAIN = timedelta(seconds=15)  # a process takes up its own lease when the database was away for a moment
NONE_SO_FAR = timedelta(days=40)  # no message is put off so long: the clock was set back since
HELD_UP = timedelta(minutes=10)  # what staff sent by hand left at once, or it does not leave at night any more


@dataclass(frozen=True, slots=True)
class Claim:
    """A message and the process that has leased it."""

    message_id: int
    worker: str


class ClaimLost(Exception):
    """Cancelled, or taken over, since it was leased: nothing of this transaction may stay, least of all its link."""


def lease(session: Session, worker: str, *, leaves: Leaves, at: datetime) -> Claim | None:
    """The most urgent message that is due, that nobody else has, and whose channel does not rest just now.

    A process that may not send takes nothing of a live clinic: it waits for one that may. It takes a test in a clinic's
    trial only where nothing is to be sent from anywhere.
    """
    free = or_(
        Message.leased_until.is_(None),
        Message.leased_until <= at,
        Message.leased_until > at + 2 * LEASE,  # the clock was set back since
        and_(Message.leased_by == worker, Message.leased_until <= at + LEASE - OURS_AGAIN),
    )
    due = (
        select(Message.id)
        .where(*pending(), Message.sending_at.is_(None), free)
        .where(or_(Message.next_try_at <= at, Message.next_try_at > at + NONE_SO_FAR))
        .where(Message.channel.not_in(heartbeats.resting(at)))
        .order_by(Message.purpose, Message.next_try_at, Message.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if leaves is not Leaves.HERE:
        only_logged = or_(Clinic.demo, Clinic.live_at.is_(None))
        due = due.where(Message.clinic_id.in_(select(Clinic.id).where(only_logged)))
    if leaves is Leaves.ELSEWHERE:
        demo = Message.clinic_id.in_(select(Clinic.id).where(Clinic.demo))
        due = due.where(or_(Message.purpose != Purpose.TEST, demo))
    message_id = session.scalar(due)
    if message_id is None:
        return None
    session.execute(update(Message).where(Message.id == message_id).values(leased_by=worker, leased_until=at + LEASE))
    return Claim(message_id, worker)


def begin(session: Session, claim: Claim, *, live: bool, public_url: str, at: datetime) -> Envelope | State:
    """What to send now, stored as being sent; or what became of it without. Raises ClaimLost.

    The message itself is not held meanwhile: whoever moves an assessment holds that first and its messages then, and
    so does this.
    """
    message, clinic = session.execute(
        select(Message, Clinic).join(Clinic, Clinic.id == Message.clinic_id).where(Message.id == claim.message_id)
    ).one()
    leaves = _is_live(message, clinic)
    until = _postponed(session, message, clinic, at)
    if until is not None or (leaves and not live and clinic.live_at is not None):  # it went live since the lease
        return _end(session, claim, State.WAITING, next_try_at=until or message.next_try_at)
    composed = composing.compose(session, message, public_url=public_url, at=at)
    if isinstance(composed, NothingToSend):
        return _without(session, claim, message, composed.reason, at)
    if not (live and leaves):
        return _end(session, claim, State.LOGGED, logged_at=at, subject=composed.subject, body=composed.body)
    _claimed(session, claim, sending_at=at, leased_until=at + LEASE)
    return Envelope(
        message.id,
        message.public_id,
        at,
        message.channel,
        message.address,
        composed.subject,
        composed.body,
        composed.sender_name,
        composed.reply_to,
        composed.unsubscribe_url,
    )


def _is_live(message: Message, clinic: Clinic) -> bool:
    """A test goes out before the clinic is live: that is what it is for. A demo never writes to anybody."""
    return not clinic.demo and (clinic.live_at is not None or message.purpose == Purpose.TEST)


def _without(session: Session, claim: Claim, message: Message, reason: str, at: datetime) -> State:
    """It is not sent. Staff see a reminder that was tried in vain, though another one takes its place."""
    if reason == composing.ANOTHER_DAY and message.tries:
        return _end(session, claim, State.REFUSED, refused_at=at)
    return _end(session, claim, State.CANCELLED, cancelled_at=at, reason=reason)


def _postponed(session: Session, message: Message, clinic: Clinic, at: datetime) -> datetime | None:
    """Until when a patient's message that was held up waits: a reminder for the next morning on which the clinic opens,
    what staff sent by hand for the end of the quiet hours. None: it may go now.
    """
    if message.patient_id is None and message.purpose != Purpose.REMINDER:
        return None
    here = at.astimezone(ZoneInfo(clinic.time_zone))
    if message.purpose != Purpose.REMINDER or AGAIN in message.key:
        return _after_quiet(message, clinic, here, at)
    return _next_morning(session, clinic, here)


def _after_quiet(message: Message, clinic: Clinic, here: datetime, at: datetime) -> datetime | None:
    if at < message.created_at + HELD_UP or not reminders.is_quiet(here.time(), clinic.quiet_from, clinic.quiet_to):
        return None
    ends = time.fromisoformat(clinic.quiet_to)
    return datetime.combine(here.date() + timedelta(days=here.time() >= ends), ends, here.tzinfo)


def _next_morning(session: Session, clinic: Clinic, here: datetime) -> datetime | None:
    hours = opening.hours(session, clinic.id, clinic.time_zone)
    morning = reminders.is_morning(here, clinic.reminders_at, clinic.quiet_from, clinic.quiet_to)
    if morning and hours.is_opening_day(here.date()):
        return None
    day, begins = here.date(), time.fromisoformat(clinic.reminders_at)
    first = datetime.combine(day + timedelta(days=here.time() >= begins), begins, here.tzinfo)
    return datetime.combine(hours.next_opening(first).astimezone(here.tzinfo).date(), begins, here.tzinfo)


def _end(session: Session, claim: Claim, state: State, **values: Any) -> State:
    _claimed(session, claim, leased_by=None, leased_until=None, **values)
    return state


def _claimed(session: Session, claim: Claim, **values: Any) -> None:
    mine = (Message.id == claim.message_id, Message.leased_by == claim.worker, *pending(), Message.sending_at.is_(None))
    if session.scalar(update(Message).where(*mine).values(**values).returning(Message.id)) is None:
        raise ClaimLost(claim.message_id)


def fail(session: Session, claim: Claim, *, at: datetime) -> None:
    """It could not even be written: our own mistake. Tried again later, and in the end listed to staff."""
    mine = (Message.id == claim.message_id, Message.leased_by == claim.worker, *pending(), Message.sending_at.is_(None))
    message = session.scalar(select(Message).where(*mine).with_for_update())
    if message is not None:
        _store(session, message, Later("not_composed"), at)


def record(session: Session, envelope: Envelope, worker: str, outcome: Outcome, *, at: datetime) -> bool:
    """Stores what the other side answered. False where staff settled it meanwhile: then nothing is changed.

    An answer that comes after its lease ran out is still the better knowledge: what was called unclear is so no more.
    """
    mine = (
        Message.id == envelope.id,
        Message.leased_by == worker,
        Message.sending_at == envelope.begun_at,
        Message.sent_at.is_(None),
        Message.settled_at.is_(None),
    )
    message = session.scalar(select(Message).where(*mine).with_for_update())
    if message is None:
        return False
    message.unclear_at = None
    _store(session, message, outcome, at)
    heartbeats.channel(session, envelope.channel, outcome, at=at)
    return True


def _store(session: Session, message: Message, outcome: Outcome, at: datetime) -> None:
    message.leased_until = None
    if not (isinstance(outcome, Later) and outcome.everybody):
        message.tries += 1
    match outcome:
        case Sent():
            message.sent_at, message.provider_id, message.reason = at, outcome.provider_id, None
        case Unclear():
            message.unclear_at, message.reason = at, outcome.reason
        case Never():
            message.refused_at, message.reason = at, outcome.reason
            if outcome.gone or outcome.stopped:
                inbound.address_refused(session, message, outcome.reason, stopped=outcome.stopped, at=at)
        case Later():
            again = at + REST if outcome.everybody else next_try(message.tries, at, message.purpose)
            message.sending_at, message.leased_by, message.reason = None, None, outcome.reason
            if again is None:
                message.refused_at = at
            else:
                message.next_try_at = again


def expire(session: Session, *, at: datetime) -> int:
    """Those whose process died while it sent them are unclear from now on. Returns how many."""
    over = or_(Message.leased_until.is_(None), Message.leased_until <= at, Message.leased_until > at + 2 * LEASE)
    dead = (
        select(Message.id)
        .where(*pending(), Message.sending_at.is_not(None), over)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    ids = session.scalars(dead).all()
    if ids:
        session.execute(update(Message).where(Message.id.in_(ids)).values(unclear_at=at, reason=DIED))
    return len(ids)
