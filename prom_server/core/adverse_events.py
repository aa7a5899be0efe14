"""Adverse events: as the study counts them (an infusion stopped, an emergency response), and others on record.

Source of the types and of what counts: Tankha H, et al., Reg Anesth Pain Med 2025, doi 10.1136/rapm-2025-106907.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from prom_server.core.enrolment import PatientRef
from prom_server.core.refusals import Refused


class EventKind(StrEnum):
    ABNORMAL_ECG = "abnormal_ecg"
    HYPERTENSION = "hypertension"  # symptomatic
    HYPOTENSION = "hypotension"  # symptomatic
    OTHER = "other"  # said in its note


class EventAction(StrEnum):
    INFUSION_STOPPED = "infusion_stopped"
    EMERGENCY_RESPONSE = "emergency_response"
    BOTH = "both"
    OTHER = "other"  # neither


COUNTED_ACTIONS = frozenset({EventAction.INFUSION_STOPPED, EventAction.EMERGENCY_RESPONSE, EventAction.BOTH})


class EventOutcome(StrEnum):
    RESOLVED = "resolved"
    RESOLVING = "resolving"
    NOT_RESOLVED = "not_resolved"
    UNKNOWN = "unknown"


class EventRecorded(Refused):
    """One of the same kind, action and time is on record."""


class EventNoteNeeded(Refused):
    """Another type, or another action: which?"""


class EventInFuture(Refused):
    """It has not happened yet, or was resolved before it happened."""


class NotResolved(Refused):
    """A time of resolution without that outcome."""


@dataclass(frozen=True, slots=True)
class EventView:
    public_id: str
    kind: str
    action: str
    outcome: str
    note: str | None
    happened_at: datetime
    resolved_at: datetime | None
    recorded_by: str
    recorded_at: datetime
    in_error: bool
    infusion_on: date | None

    @property
    def counted(self) -> bool:
        """As the study counts: the infusion stopped, or an emergency response."""
        return not self.in_error and self.action in COUNTED_ACTIONS


@dataclass(frozen=True, slots=True)
class EventPage:
    """One event, or a new one, with its course."""

    course_id: str
    course_number: int
    patient: PatientRef
    event: EventView | None
