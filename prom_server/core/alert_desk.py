"""Alerts and flags as staff see and close them."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

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
    RESOLVED = "resolved"


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
    """The item behind an alert, in words: instrument, number, topic, and the option chosen."""

    instrument: str
    number: int  # 0 where its definition is gone
    text: str | None
    topic: str
    value: int | None
    label: str | None


def asked(instrument: Instrument, item_id: str, value: int | None) -> Asked:
    item = instrument.item_by_id[item_id]
    rule = instrument.alert_on(item_id)
    number = instrument.items.index(item) + 1
    return Asked(
        instrument.short, number, item.text, rule.topic if rule else "", value, label_of(instrument, item_id, value)
    )


def label_of(instrument: Instrument, item_id: str, value: int | None) -> str | None:
    option = None if value is None else instrument.item_by_id[item_id].option(value)
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

    @property
    def version(self) -> str:
        """What a page showed of it: a form sends it back, so that nobody closes what they did not see."""
        return version_of(self.asked.value, self.call_requested_at)


def version_of(value: int | None, call_requested_at: datetime | None) -> str:
    return f"{value if value is not None else '-'} {call_requested_at.isoformat() if call_requested_at else '-'}"


@dataclass(frozen=True, slots=True)
class OpenAlerts:
    """What heads every staff page: the counts, and the first few for those who may see them."""

    alerts: int
    flags: int
    rows: tuple[AlertLine, ...] = ()

    @property
    def first(self) -> tuple[AlertLine, ...]:
        return tuple(row for row in self.rows if row.level is Level.ALERT)


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

    @property
    def resolutions(self) -> tuple[Resolution, ...]:
        return RESOLUTIONS[self.line.level]
