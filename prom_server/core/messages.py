"""Messages to patients and staff: what became of each, computed from its facts, and what a delivery can answer."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from prom_server.core.enrolment import PatientRef
from prom_server.core.refusals import Refused


class Purpose(StrEnum):
    """In the order in which they go out when several are due; the outbox sorts by the word."""

    ALERT = "alert"
    LINK = "link"  # that staff sent by hand
    REMINDER = "reminder"
    TEST = "test"


class State(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"  # accepted by the mail server or the gateway
    LOGGED = "logged"  # not live: written down instead of sent
    REFUSED = "refused"  # for good
    UNCLEAR = "unclear"  # nobody knows whether it left
    CANCELLED = "cancelled"


class Leaves(StrEnum):
    """From where messages of live clinics leave, as a process knows it of itself."""

    HERE = "here"
    ELSEWHERE = "elsewhere"  # another machine sends: they wait for it
    NOWHERE = "nowhere"  # nothing is to be sent


class Settlement(StrEnum):
    """What staff made of a message in trouble."""

    ARRIVED = "arrived"
    AGAIN = "again"
    LEFT = "left"


class AlreadySettled(Refused):
    """Somebody dealt with it, or its delivery became clear meanwhile."""


class CannotReach(Refused):
    """There is no address that the message could go to now; `str` of it is the code why."""


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """What is stored of a message's way."""

    sending_at: datetime | None = None
    leased_until: datetime | None = None
    sent_at: datetime | None = None
    refused_at: datetime | None = None
    unclear_at: datetime | None = None
    logged_at: datetime | None = None
    cancelled_at: datetime | None = None


def state_of(facts: MessageFacts, at: datetime) -> State:
    """What became of it. One whose sending began and whose lease ran out is unclear, also before it was marked so."""
    ended = {
        State.REFUSED: facts.refused_at,  # also of one that was sent and came back
        State.SENT: facts.sent_at,
        State.UNCLEAR: facts.unclear_at,
        State.LOGGED: facts.logged_at,
        State.CANCELLED: facts.cancelled_at,
    }
    for state, since in ended.items():
        if since is not None:
            return state
    if facts.sending_at is None:
        return State.WAITING
    alive = facts.leased_until is not None and facts.leased_until > at
    return State.SENDING if alive else State.UNCLEAR


@dataclass(frozen=True, slots=True)
class MessageLine:
    """A message in a list of staff's. It says whom it is for, never where it went."""

    public_id: str
    purpose: str
    channel: str  # email, sms
    patient: PatientRef | None
    staff_name: str | None
    state: State
    created_at: datetime
    due_at: datetime  # of a waiting one: not before this
    since: datetime  # when it came into this state
    tries: int
    reason: str | None  # of the last refusal, of the cancelling: a code
    settled_as: Settlement | None = None
    settled_at: datetime | None = None
    settled_by: str | None = None

    @property
    def troubled(self) -> bool:
        """Whether somebody should settle it."""
        return self.state in {State.REFUSED, State.UNCLEAR} and self.settled_at is None


@dataclass(frozen=True, slots=True)
class MessagePage:
    """One message and, where it was only logged, what it said."""

    line: MessageLine
    subject: str | None
    body: str | None


@dataclass(frozen=True, slots=True)
class MessagesPage:
    """One page of the outbox; `before` opens the next one."""

    trouble: tuple[MessageLine, ...]
    rows: tuple[MessageLine, ...]
    before: str | None


# ---- A delivery


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message with its words, in memory only while it is being sent."""

    id: int
    public_id: str
    begun_at: datetime  # names the claim
    channel: str
    address: str = field(repr=False)
    subject: str | None = field(repr=False)
    body: str = field(repr=False)
    sender_name: str | None = None
    reply_to: str | None = None
    unsubscribe_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Sent:
    """The other side took responsibility for it."""

    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Clearly not sent: another try may succeed. `everybody`: what stands in the way concerns the whole channel, which
    then rests, and it was no try of this message.
    """

    reason: str
    everybody: bool = False


@dataclass(frozen=True, slots=True)
class Never:
    """Clearly not sent, and never will be. `gone`: the address itself was refused; `stopped`: by its owner's STOP."""

    reason: str
    gone: bool = False
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Unclear:
    """It may have been sent, or not."""

    reason: str


Outcome = Sent | Later | Never | Unclear

# After each clear refusal; then the message is given up. Two days in all: a mail server's bad night is outlived.
BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720, 1440))
ALERT_BACK_OFF = timedelta(minutes=15)  # at most, for two days too, unless somebody takes care of the alert before
ALERT_TRIES = 192
REST = timedelta(minutes=1)  # of a channel that nothing could leave by
TRIED_IN_VAIN = 4  # tries, twenty minutes: then staff see it, though it goes on; of an alert they see the first


def next_try(tries: int, at: datetime, purpose: str) -> datetime | None:
    """When to try again after so many tries; None: give up."""
    if purpose == Purpose.ALERT:
        return at + min(BACK_OFF[min(tries, len(BACK_OFF)) - 1], ALERT_BACK_OFF) if tries <= ALERT_TRIES else None
    return at + BACK_OFF[tries - 1] if tries <= len(BACK_OFF) else None
