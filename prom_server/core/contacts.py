"""How a patient may be reached: an address of each kind, the consent to write to it, and why a message cannot go."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from prom_server.core.email_address import is_email
from prom_server.core.enrolment import PatientRef
from prom_server.core.refusals import Refused

E164_DIGITS = range(7, 16)  # country code and all: ITU-T E.164 allows 15; the shortest in use have 7
PHONE = re.compile(r"(?=(?:\D*\d){5})[-+()./ 0-9x#*]+")  # one that people dial: whatever they write, with some digits
_NORTH_AMERICAN = re.compile(r"[2-9]\d{2}[2-9]\d{6}")  # area code and exchange never begin with 0 or 1


class NotAnEmail(Refused):
    """Not the shape of an e-mail address."""


class NotAMobile(Refused):
    """Neither a number with + and country code nor ten figures of a United States number."""


class NoSuchChannel(Refused):
    """The address was replaced or removed meanwhile."""


class Kind(StrEnum):
    EMAIL = "email"
    SMS = "sms"


class ChannelState(StrEnum):
    CONSENTED = "consented"
    NO_CONSENT = "no_consent"
    STOPPED = "stopped"  # the patient answered STOP
    UNDELIVERABLE = "undeliverable"  # refused for good


class WhyNot(StrEnum):
    """Why no message can go to a patient."""

    NO_CHANNEL = "no_channel"
    OPTED_OUT = "opted_out"
    WITHDRAWN = "withdrawn"
    DECEASED = "deceased"
    NO_CONSENT = "no_consent"
    STOPPED = "stopped"
    UNDELIVERABLE = "undeliverable"


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """Where a message goes."""

    id: int
    kind: str
    address: str


@dataclass(frozen=True, slots=True)
class Reach:
    """Exactly one of the two."""

    channel: ChannelFacts | None
    why_not: WhyNot | None = None


@dataclass(frozen=True, slots=True)
class ChannelView:
    """An address as staff see it."""

    public_id: str
    kind: str
    address: str
    state: ChannelState
    created_at: datetime
    consented_at: datetime | None
    consented_by: str | None  # who recorded it
    stopped_at: datetime | None
    undeliverable_at: datetime | None
    undeliverable_reason: str | None


@dataclass(frozen=True, slots=True)
class Contact:
    """How to write to a patient and how to ring."""

    patient: PatientRef
    phone: str | None
    best_time: str | None
    may_leave_message: bool | None  # None: not asked
    email: ChannelView | None
    sms: ChannelView | None
    why_not: WhyNot | None  # None: messages go
    reminders_off_at: datetime | None = None
    withdrawn_at: datetime | None = None
    deceased_on: date | None = None

    @property
    def channels(self) -> tuple[ChannelView, ...]:
        return tuple(each for each in (self.email, self.sms) if each is not None)


def state_of(
    consented_at: datetime | None, stopped_at: datetime | None, undeliverable_at: datetime | None
) -> ChannelState:
    """The patient's own wish weighs most: a stopped address is not mended by being delivered to again."""
    if stopped_at is not None:
        return ChannelState.STOPPED
    if consented_at is None:
        return ChannelState.NO_CONSENT
    return ChannelState.UNDELIVERABLE if undeliverable_at is not None else ChannelState.CONSENTED


def normal(kind: str, text: str) -> str:
    """The one way in which an address is kept and compared. Raises NotAnEmail, NotAMobile."""
    return email(text) if kind == Kind.EMAIL else mobile(text)


def email(text: str) -> str:
    """In lower case. Raises NotAnEmail."""
    address = text.strip().lower()
    if not is_email(address):
        raise NotAnEmail("e-mail")
    return address


def mobile(text: str) -> str:
    """As E.164, "+12025550143": with + and country code as given, else ten figures of the United States.

    Raises NotAMobile: a number is never guessed into another country.
    """
    digits = re.sub(r"[\s().\-/\u2010-\u2015]", "", text.strip())
    if digits.startswith("+"):
        number = digits[1:]
        plausible = number.isascii() and number.isdigit() and number[0] != "0" and len(number) in E164_DIGITS
        american = number[1:] if number.startswith("1") else None
        if not plausible or (american is not None and not _NORTH_AMERICAN.fullmatch(american)):
            raise NotAMobile("mobile number")
        return digits
    number = digits.removeprefix("1") if len(digits) == 11 else digits
    if not (number.isascii() and _NORTH_AMERICAN.fullmatch(number)):
        raise NotAMobile("mobile number")
    return f"+1{number}"
