"""What a clinic must have settled before real patients depend on it: a checklist from facts.

The requirements are those of the project's clinical rules ("Safety", "Licences") and what they rest on: an alert that
nobody is told of, or that cannot leave the house, is no alert.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from prom_server.core.clinics import is_telling, remind_in_quiet_hours
from prom_server.core.refusals import Refused


class ClosedHours(StrEnum):
    """What becomes of an alert while the clinic is closed."""

    ON_CALL = "on_call"  # somebody on call is told at once
    NEXT_OPENING = "next_opening"  # it waits; a named person accepts that


class Requirement(StrEnum):
    REAL = "real"  # a demo clinic never goes live
    OPENING_HOURS = "opening_hours"
    PATIENTS_HOURS = "patients_hours"  # the patient's page says when answers are read
    ALERTED = "alerted"  # a clinician is told of alerts
    CLOSED_HOURS = "closed_hours"
    PROTOCOLS = "protocols"  # which ones the clinic means to use
    PERMISSIONS = "permissions"
    WORDINGS = "wordings"  # and tables: what the clinic's supplements bring
    SENDER = "sender"
    QUIET_HOURS = "quiet_hours"
    SENDING = "sending"  # messages leave this installation


class NotReady(Refused):
    """Something is not settled. `lines` are those that are not met."""

    def __init__(self, lines: "tuple[Line, ...]") -> None:
        super().__init__(", ".join(line.requirement for line in lines))
        self.lines = lines


class AlreadyLive(Refused):
    """Somebody pressed it before."""


class NotLive(Refused):
    """It is in trial already."""


@dataclass(frozen=True, slots=True)
class Alerting:
    """Who hears of alerts. `sends`: the channels, "email" or "sms", by which messages leave this installation."""

    clinicians_told: tuple[str, ...]  # active clinicians who hear of alerts: by which channel
    closed_hours: str | None
    closed_hours_person: str | None
    on_call_told: tuple[str, ...]  # who is on call, now or later, and hears of alerts: by which channel
    sends: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one clinic."""

    demo: bool
    opening_recorded: bool
    hours: str
    alerting: Alerting
    protocols: tuple[str, ...]  # that the clinic means to use or has courses on, by name
    permissions_missing: tuple[str, ...]  # families
    wordings_missing: tuple[str, ...]  # instruments
    shown: tuple[str, ...]  # in a patient's inbox: the sender's name, and where answers go
    reminders_at: str
    quiet_from: str
    quiet_to: str


@dataclass(frozen=True, slots=True)
class Line:
    requirement: Requirement
    met: bool
    names: tuple[str, ...] = ()  # what is missing, by name


def checklist(facts: Facts) -> tuple[Line, ...]:
    """Every requirement, met or not, in the order in which a clinic settles them."""
    quiet = remind_in_quiet_hours(facts.reminders_at, facts.quiet_from, facts.quiet_to)
    alerted, closed_hours, sending = alerting(facts.alerting)
    return (
        Line(Requirement.REAL, not facts.demo),
        Line(Requirement.OPENING_HOURS, facts.opening_recorded),
        Line(Requirement.PATIENTS_HOURS, bool(facts.hours.strip())),
        alerted,
        closed_hours,
        Line(Requirement.PROTOCOLS, bool(facts.protocols)),
        Line(Requirement.PERMISSIONS, not facts.permissions_missing, facts.permissions_missing),
        Line(Requirement.WORDINGS, not facts.wordings_missing, facts.wordings_missing),
        Line(Requirement.SENDER, not any(is_telling(each) for each in facts.shown)),
        Line(Requirement.QUIET_HOURS, not quiet),
        sending,
    )


def alerting(facts: Alerting) -> tuple[Line, Line, Line]:
    """Those requirements without which an alert reaches nobody who is not looking."""
    told = (*facts.clinicians_told, *(facts.on_call_told if facts.closed_hours == ClosedHours.ON_CALL else ()))
    unsent = tuple(sorted({channel for channel in told if channel not in facts.sends}))
    return (
        Line(Requirement.ALERTED, bool(facts.clinicians_told)),
        Line(Requirement.CLOSED_HOURS, _closed_hours(facts)),
        Line(Requirement.SENDING, bool(told) and not unsent, unsent),
    )


def _closed_hours(facts: Alerting) -> bool:
    if facts.closed_hours == ClosedHours.ON_CALL:
        return bool(facts.on_call_told)
    return facts.closed_hours == ClosedHours.NEXT_OPENING and bool((facts.closed_hours_person or "").strip())


def unmet(lines: Iterable[Line]) -> tuple[Line, ...]:
    return tuple(line for line in lines if not line.met)
