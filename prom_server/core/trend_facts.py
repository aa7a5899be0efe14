"""What is known of a patient when a trend is asked for: plain facts, collected by one query each.

Dates are days in the clinic's time zone and instants are aware datetimes in it: callers turn them first. An
administration that was entered in error is left out by the caller, with its scores.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from prom_server.core.alert_causes import Fact
from prom_server.core.instrument import Instrument, Level
from prom_server.core.schedule import Status, Window
from prom_server.core.scoring import Score


class NotAnswered(StrEnum):
    """Why an item has no value. Different things, and they stay different."""

    SKIPPED = "skipped"
    DECLINED = "declined"
    NOT_REACHED = "not_reached"
    NOT_SHOWN = "not_shown"


Response = int | NotAnswered


@dataclass(frozen=True, slots=True)
class PatientFacts:
    name: str
    record_number: str
    born_on: date


@dataclass(frozen=True, slots=True)
class CourseFacts:
    """One series of infusions. `infusions` are the days on which one was given, in order."""

    number: int
    starts_on: date  # the planned first day
    infusions: tuple[date, ...]
    finished: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """How the answers of one administration came. `also`: other ways in which some of them were given."""

    mode: str  # own_device, kiosk, paper, telephone
    language: str
    respondent: str = "patient"  # or proxy
    relation: str | None = None  # of the proxy to the patient
    assisted_by: str | None = None
    written_on: date | None = None  # on the paper
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class SameAs:
    """The assessment that answers were given for, where they stand for another one too."""

    course: int
    name: str


@dataclass(frozen=True, slots=True)
class AdministrationFacts:
    """One instrument that was begun in an assessment. `responses` by item id; an absent item was not reached."""

    instrument: str
    revision: int
    content_hash: str
    submitted: bool
    answered: int
    items: int
    responses: Mapping[str, Response]
    how: Answered | None = None
    same_as: SameAs | None = None  # the answers were given for another assessment: linked, not given twice


@dataclass(frozen=True, slots=True)
class AssessmentFacts:
    """The battery expected at one time point of one course, and what came of it so far."""

    id: str  # opaque
    course: int
    time_point: str
    name: str  # "3 months"
    short: str  # "3 mo"
    window: Window
    status: Status
    answered_on: date | None  # the day of its answers; None: nothing was answered
    battery: tuple[str, ...]  # instrument ids expected, in order
    administrations: tuple[AdministrationFacts, ...]
    after_next_course: bool = False  # answered after the first infusion of the next course
    late: bool = False  # answered after it had closed, because staff opened it again

    def administration(self, instrument: str) -> AdministrationFacts | None:
        return next((each for each in self.administrations if each.instrument == instrument), None)

    @property
    def same_as(self) -> tuple[SameAs, ...]:
        """The other assessments that answers of this one were given for."""
        return tuple(sorted({each.same_as for each in self.administrations if each.same_as is not None}))

    @property
    def on(self) -> date:
        """The day it stands for: when it was answered, else when it is due."""
        return self.answered_on or self.window.due_on


@dataclass(frozen=True, slots=True)
class RecordedScore:
    assessment: str
    instrument: str
    score: Score
    revision: int | None = None  # that it was computed under: after a re-scoring not the administration's own


class AlertState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class AlertValue:
    """A value that the watched item had, and when it was answered. None: it was left unanswered."""

    value: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """One alert or flag with every value the item had, oldest first."""

    id: str
    rule: str  # "item-9" or "item-9-not-answered"
    level: Level
    assessment: str
    instrument: str
    state: AlertState
    raised_at: datetime
    values: tuple[AlertValue, ...]
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    cause: Fact | None = None  # None: the values say it all


@dataclass(frozen=True, slots=True)
class TrendFacts:
    patient: PatientFacts
    courses: tuple[CourseFacts, ...]
    assessments: tuple[AssessmentFacts, ...]
    scores: tuple[RecordedScore, ...]
    alerts: tuple[AlertFacts, ...]
    instruments: Mapping[str, Instrument]  # by id, the revision in force
