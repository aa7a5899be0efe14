"""Alerts and flags as staff see and close them."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from prom_server.core.alert_care import Care
from prom_server.core.alert_causes import Cause, Fact, cause_of
from prom_server.core.enrolment import PatientRef
from prom_server.core.instrument import Instrument, Level
from prom_server.core.refusals import Refused

MOST_ATTEMPTS = 99


class AlreadyResolved(Refused):
    """Somebody closed it in the meantime."""


class ChangedMeanwhile(Refused):
    """The patient answered again or asked to be called after the page was shown: look first, then close."""


class UnknownResolution(Refused):
    """Not a way in which this kind of alert is resolved."""


class NoteNeeded(Refused):
    """This way of resolving says nothing without a note."""


class AttemptsNeeded(Refused):
    """How often somebody tried to reach the patient."""


class StepKind(StrEnum):
    """What happened to an alert."""

    RAISED = "raised"
    ANSWERED = "answered"  # the item was answered again
    SEEN = "seen"
    ACKNOWLEDGED = "acknowledged"
    CALL_REQUESTED = "call_requested"
    REOPENED = "reopened"
    GIVEN = "given"  # to somebody to take care of it; the code is their public id
    LEFT = "left"  # who took care of it takes no alerts any more; the code is their public id
    ESCALATED = "escalated"  # nobody acknowledged it in time: the next are told
    RESOLVED = "resolved"
    REASSIGNED = "reassigned"  # the answers turned out to be this patient's, not the one's before
    NOT_COMPARED = "not_compared"  # then: it had compared them with that one's, and with this one's it raises nothing


class Resolution(StrEnum):
    SPOKE_WITH_PATIENT = "spoke_with_patient"
    RISK_ASSESSED = "risk_assessed"
    SAFETY_PLAN = "safety_plan"
    EMERGENCY_SERVICES = "emergency_services"
    COULD_NOT_REACH = "could_not_reach"
    ASKED_AT_CONTACT = "asked_at_contact"  # flags only
    OTHER = "other"


RESOLUTIONS: dict[Level, tuple[Resolution, ...]] = {
    Level.ALERT: (
        Resolution.SPOKE_WITH_PATIENT,
        Resolution.RISK_ASSESSED,
        Resolution.SAFETY_PLAN,
        Resolution.EMERGENCY_SERVICES,
        Resolution.COULD_NOT_REACH,
        Resolution.OTHER,
    ),
    Level.FLAG: (Resolution.ASKED_AT_CONTACT, Resolution.COULD_NOT_REACH, Resolution.OTHER),
}
NEEDS_NOTE = frozenset({Resolution.OTHER, Resolution.ASKED_AT_CONTACT})


@dataclass(frozen=True, slots=True)
class Asked:
    """The item behind an alert, in words: instrument, number, topic, and the option chosen; or what else caused it."""

    instrument: str
    number: int  # 0 where its definition is gone
    text: str | None
    topic: str
    value: int | None
    label: str | None
    cause: Cause | None = None  # where one answer alone does not explain it


def asked(instrument: Instrument, fact: Fact) -> Asked:
    cause = cause_of(instrument, fact)
    item = instrument.item_by_id.get(fact.item)
    if item is None:  # a scale raised it
        topics = (each.topic for each in instrument.score_alerts if each.rule == fact.rule)
        return Asked(instrument.short, 0, None, next(topics, ""), None, None, cause)
    rule = instrument.alert_on(fact.item)
    number = instrument.items.index(item) + 1
    label = label_of(instrument, fact.item, fact.value)
    return Asked(instrument.short, number, item.text, rule.topic if rule else "", fact.value, label, cause)


def label_of(instrument: Instrument, item_id: str, value: int | None) -> str | None:
    item = instrument.item_by_id.get(item_id)
    option = None if value is None or item is None else item.option(value)
    return option.label if option else None


@dataclass(frozen=True, slots=True)
class AlertLine:
    public_id: str
    level: Level
    patient: PatientRef
    asked: Asked
    mode: str
    raised_at: datetime
    call_requested_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    owner: str | None = None  # who is asked to take care of it
    resolved_at: datetime | None = None

    @property
    def version(self) -> str:
        """What a page showed of it: a form sends it back, so that nobody closes what they did not see."""
        score = self.asked.cause.now if self.asked.cause and self.asked.value is None else None
        return version_of(self.asked.value, score, self.call_requested_at)


def version_of(value: int | None, score: Decimal | None, call_requested_at: datetime | None) -> str:
    known = value if value is not None else score if score is not None else "-"
    return f"{known} {call_requested_at.isoformat() if call_requested_at else '-'}"


@dataclass(frozen=True, slots=True)
class OpenAlerts:
    """What heads every staff page: the counts, and the first few for those who may see them."""

    alerts: int
    flags: int
    rows: tuple[AlertLine, ...] = ()

    @property
    def first(self) -> tuple[AlertLine, ...]:
        return tuple(row for row in self.rows if row.level is Level.ALERT)


class Show(StrEnum):
    """Which alerts a list shows."""

    OPEN = "open"
    MINE = "mine"  # open, and I am asked to take care of them
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class AlertsPage:
    """One page of a list; `after` opens the next one. Counts are of all its pages, but what was resolved is not
    counted: it grows for ever.
    """

    show: Show
    found: OpenAlerts
    after: str | None
    first: bool

    @property
    def rows(self) -> tuple[AlertLine, ...]:
        return self.found.rows


@dataclass(frozen=True, slots=True)
class AlertStepView:
    kind: str
    at: datetime
    by: str | None
    value: int | None
    label: str | None
    code: str | None
    note: str | None
    attempts: int | None
    score: Decimal | None = None
    given_to: str | None = None


@dataclass(frozen=True, slots=True)
class EarlierAlert:
    """Another alert of the same patient, and how it ended."""

    public_id: str
    level: Level
    value: int | None
    raised_at: datetime
    resolved_at: datetime | None
    resolution: str | None
    resolved_by: str | None
    note: str | None
    score: Decimal | None = None


@dataclass(frozen=True, slots=True)
class EarlierAnswer:
    """What the same item was answered before."""

    value: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Beside:
    """An answer shown with the alert, because it speaks to the same risk."""

    number: int
    text: str | None
    value: int | None
    label: str | None


@dataclass(frozen=True, slots=True)
class AlertView:
    line: AlertLine
    birth_date: date
    age: int
    phone: str | None
    address: str | None
    emergency_contact: str | None
    assessment: str
    course_id: str
    course_number: int
    submitted_at: datetime | None
    written_on: date | None  # on a paper form, which was entered when the alert was raised
    in_error_at: datetime | None
    resolved_at: datetime | None
    steps: tuple[AlertStepView, ...]
    earlier: tuple[EarlierAlert, ...]
    before: tuple[EarlierAnswer, ...]
    beside: tuple[Beside, ...]
    care: Care

    @property
    def resolutions(self) -> tuple[Resolution, ...]:
        return RESOLUTIONS[self.line.level]
