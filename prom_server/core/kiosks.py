"""The clinic's tablets: what they show, what the desk sees of them, and what is refused."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from prom_server.core.courses import AssessmentView
from prom_server.core.enrolment import PatientRef
from prom_server.core.permissions import ClinicFacts
from prom_server.core.refusals import Refused

CODE_DIGITS = 6
LANGUAGES = ("en", "es")
# Seconds that an administrator may set: shorter surprises a slow reader, longer leaves a page in sight.
COVER_AFTER = (30, 600)
END_AFTER = (60, 1800)
THANKS_FOR = (5, 60)


class NotATablet(Refused):
    """This browser holds no tablet's credential, or one that was revoked."""


class SetUpOver(Refused):
    """A set-up link that was used, replaced or is too old; an unknown one is answered alike."""


class DeviceNameTaken(Refused):
    """Another tablet of the clinic has this name."""


class DeviceRevoked(Refused):
    """It was revoked: register it anew."""


class DeviceLocked(Refused):
    """Too many wrong codes: the tablet waits for a staff sign-in."""


class HandoverGone(Refused):
    """It was replaced, used up or is too old."""


class NotAnswerable(Refused):
    """The assessment does not accept answers now."""


class PatientLocked(Refused):
    """Too many wrong birth dates: the desk unlocks first."""


@dataclass(frozen=True, slots=True)
class Times:
    """How long a tablet waits, in seconds."""

    cover_after: int  # without a request, and the page covers itself
    end_after: int  # covered, in which the birth date alone resumes
    thanks_for: int  # that the thanks stay

    def presence(self, since: timedelta) -> "Presence":
        """Of somebody whose last request is so long ago."""
        covered = timedelta(seconds=self.cover_after)
        if since <= covered:
            return Presence.HERE
        return Presence.COVERED if since <= covered + timedelta(seconds=self.end_after) else Presence.GONE


class Presence(StrEnum):
    """Of the patient whose session is open on a tablet."""

    HERE = "here"
    COVERED = "covered"  # away for a while: the birth date alone resumes
    GONE = "gone"  # the session is over; what was answered is kept


@dataclass(frozen=True, slots=True)
class Attendance:
    """A patient's session on a tablet, or on a device handed over by its owner."""

    clinic: ClinicFacts
    times: Times
    presence: Presence
    stale: bool  # touch it
    device_id: int | None  # None: a staff member's own device


@dataclass(frozen=True, slots=True)
class Device:
    """A registered tablet, as it presents itself by its credential."""

    id: int
    public_id: str
    name: str
    language: str
    clinic: ClinicFacts
    times: Times
    locked: bool
    stale: bool


class DeviceState(StrEnum):
    NOT_SET_UP = "not_set_up"  # its set-up link was not used yet
    READY = "ready"
    LOCKED = "locked"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """A tablet in the administrator's list."""

    public_id: str
    name: str
    language: str
    state: DeviceState
    seen_at: datetime | None
    registered_at: datetime
    registered_by: str
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class SetUpLink:
    """Shown once: only the token's hash is stored."""

    name: str
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Tablet:
    """A tablet that the desk can choose."""

    public_id: str
    name: str
    locked: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """A hand-over that serves now."""

    tablet: str | None  # its name; None: any, by a code, or the device that staff gave away
    until: datetime


@dataclass(frozen=True, slots=True)
class HandoverPage:
    """An assessment, and the ways to put it into the patient's hands."""

    patient: PatientRef
    course_id: str
    course_number: int
    assessment: AssessmentView
    answerable: bool
    locked: bool
    tablets: tuple[Tablet, ...]
    waiting: Waiting | None


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """Shown once: only its hash is stored."""

    code: str
    expires_at: datetime
    page: HandoverPage

    @property
    def grouped(self) -> str:
        return f"{self.code[:3]} {self.code[3:]}"


def typed_code(typed: str) -> str | None:
    """The six digits of what was typed or scanned, with or without a gap; None when it cannot be a code."""
    digits = "".join(each for each in typed if each not in " -\u00a0")
    return digits if len(digits) == CODE_DIGITS and digits.isascii() and digits.isdigit() else None
