"""Staff accounts: what a signed-in browser is, what a password must be, what is refused."""

from dataclasses import dataclass
from datetime import datetime

from prom_server.core.alert_desk import OpenAlerts
from prom_server.core.permissions import Role, StaffMember
from prom_server.core.refusals import Refused

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256


class TooManyAttempts(Refused):
    """So many wrong sign-ins that the next ones are not even compared."""


class LinkUsedUp(Refused):
    """A one-time link that was used, replaced or is too old."""


class WeakPassword(Refused):
    """A password that breaks the rules; `problems` are codes."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(", ".join(problems))
        self.problems = problems


class EmailTaken(Refused):
    """Somebody signs in with this e-mail address already."""


class OwnAccount(Refused):
    """Nobody deactivates the account that they are using, or changes its role."""


class LastAdministrator(Refused):
    """The clinic would have nobody left who can change its settings."""


class MobileNeeded(Refused):
    """Alerts by SMS need a number to go to."""


class NoAlertsForAdministrators(Refused):
    """Administrators see no alerts, so none are sent to them."""


class NotActive(Refused):
    """A deactivated account gets no link; reactivate it first."""


class MixedClinics(Refused):
    """A database holds demo clinics or real ones, never both."""


class UnknownTimeZone(Refused):
    """Not a name of the time zone database."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A browser in which somebody is signed in, with what heads every page."""

    by: StaffMember
    session_id: int
    open_alerts: OpenAlerts
    stale: bool  # long enough since the last page that `touch` is due


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that was counted and looked up, and not compared yet. `password_hash` is a stand-in for nobody's."""

    staff_id: int | None
    password_hash: str
    name_key: str
    counted: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Verified:
    right: bool
    new_hash: str | None = None  # where the old one was made with weaker parameters


@dataclass(frozen=True, slots=True)
class PasswordLinkView:
    """Whose password a one-time link sets."""

    name: str
    email: str
    clinic: str
    demo: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewLink:
    """A one-time link, shown once: only its hash is stored."""

    staff_id: str
    name: str
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class StaffLine:
    public_id: str
    name: str
    email: str
    role: Role
    active: bool
    has_password: bool
    created_at: datetime
    alerts_by: str | None = None
    mobile: str | None = None


@dataclass(frozen=True, slots=True)
class StaffDetails:
    """What an administrator changes of a person. `alerts_by`: email, sms, or None: hears of no alert."""

    name: str
    role: Role
    alerts_by: str | None = None
    mobile: str | None = None


@dataclass(frozen=True, slots=True)
class StaffFile:
    """A person with what leaves with them. `seen`: of the details, as this page shows them."""

    line: StaffLine
    details: StaffDetails
    seen: str
    open_alerts: int  # that they own
    on_call: tuple[tuple[datetime, datetime], ...]  # turns that are not over
    only_clinician_told: bool  # nobody else hears of alerts


def password_problems(password: str, name: str, email: str) -> tuple[str, ...]:
    """Codes of the rules that this password breaks; none when it may be used."""
    problems = []
    if len(password) < SHORTEST_PASSWORD:
        problems.append("password_short")
    if len(password) > LONGEST_PASSWORD:
        problems.append("password_long")
    if len(set(password)) < 5:
        problems.append("password_simple")
    letters = _letters(password)
    if letters and letters in {_letters(name), _letters(email), _letters(email.partition("@")[0])}:
        problems.append("password_own_name")
    return tuple(problems)


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalpha())
