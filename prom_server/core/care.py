"""Side effects of an infusion, and the programme around it: codes, views, what may be refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from prom_server.core.adverse_events import EventView
from prom_server.core.courses import CourseView
from prom_server.core.enrolment import PatientRef
from prom_server.core.infusions import DayCounts, InfusionView
from prom_server.core.mme import DailyDose, DoseView, daily_dose
from prom_server.core.refusals import Refused
from prom_server.core.vital_signs import Measured


class SideEffectKind(StrEnum):
    NAUSEA = "nausea"
    DIZZINESS = "dizziness"
    HALLUCINATION = "hallucination"
    CONFUSION = "confusion"
    PARANOIA = "paranoia"
    URINARY = "urinary"
    MISUSE = "misuse"
    OTHER = "other"  # said in its note


class OtherSideEffectUnsaid(Refused):
    """Something else: what?"""


class SessionKind(StrEnum):
    THERAPY = "therapy"
    EDUCATION = "education"


class SessionRecorded(Refused):
    """One of this kind is recorded for that day already."""


class OtherCareKind(StrEnum):
    PHYSIOTHERAPY = "physiotherapy"
    INJECTIONS = "injections"
    PSYCHOLOGY = "psychology"
    CHIROPRACTIC = "chiropractic"
    MASSAGE = "massage"
    MEDICINE_CHANGE = "medicine_change"


class DayInFuture(Refused):
    """It has not come yet."""


class NothingAsked(Refused):
    """Every line says "not asked": there is nothing to keep."""


class RowInError(Refused):
    """It was marked as entered in error."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a checklist. `answer` None: not asked."""

    kind: str
    answer: bool | None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Checklist:
    """What was asked, apart from what was answered with no."""

    lines: tuple[Line, ...]

    @property
    def asked(self) -> tuple[Line, ...]:
        return tuple(each for each in self.lines if each.answer is not None)

    @property
    def present(self) -> tuple[Line, ...]:
        return tuple(each for each in self.lines if each.answer)

    @property
    def absent(self) -> tuple[Line, ...]:
        return tuple(each for each in self.lines if each.answer is False)

    @property
    def not_asked(self) -> tuple[Line, ...]:
        return tuple(each for each in self.lines if each.answer is None)


def checklist(kinds: type[StrEnum], rows: Mapping[str, Line]) -> Checklist:
    """Every line of a list in its order, those without a row not asked."""
    return Checklist(tuple(rows.get(kind, Line(kind, None)) for kind in kinds))


@dataclass(frozen=True, slots=True)
class InfusionPage:
    course_id: str
    course_number: int
    patient: PatientRef
    infusion: InfusionView
    side_effects: Checklist
    vital_signs: tuple[Measured, ...]
    events: tuple[EventView, ...]


@dataclass(frozen=True, slots=True)
class AttendanceView:
    public_id: str
    on: date
    kind: str
    attended: bool
    recorded_by: str
    in_error: bool


@dataclass(frozen=True, slots=True)
class OtherCareView:
    """What was asked on one day."""

    asked_on: date
    lines: Checklist
    asked_by: str


@dataclass(frozen=True, slots=True)
class NoteView:
    public_id: str
    text: str
    written_by: str
    written_at: datetime
    in_error: bool


@dataclass(frozen=True, slots=True)
class CareView:
    """Everything beside the infusions and the questionnaires of a course. Doses are the patient's, not the course's."""

    course_id: str
    course_number: int
    patient: PatientRef
    dose: DailyDose | None  # of today; None: nothing recorded
    doses: tuple[DoseView, ...]  # newest first
    sessions: tuple[AttendanceView, ...]
    other_care: tuple[OtherCareView, ...]
    notes: tuple[NoteView, ...]

    def total_from(self, dose: DoseView) -> DailyDose | None:
        """All opioids together on the first day of this dose; None for one entered in error with no other before."""
        return daily_dose(self.doses, dose.taken_from)

    def attended(self, kind: str) -> tuple[int, int]:
        """Sessions attended, of those recorded."""
        rows = [each for each in self.sessions if each.kind == kind and not each.in_error]
        return sum(each.attended for each in rows), len(rows)

    @property
    def standing_notes(self) -> tuple[NoteView, ...]:
        return tuple(each for each in self.notes if not each.in_error)


@dataclass(frozen=True, slots=True)
class Asked:
    """Of so many infusions given, asked of so many, present in so many."""

    kind: str
    present: int
    asked: int
    given: int


@dataclass(frozen=True, slots=True)
class CareSummary:
    """One course in counts, each with its denominator. What is entered in error is in none of them."""

    days: DayCounts
    checklists: int  # infusions after which anything was asked
    side_effects: tuple[Asked, ...]
    ondansetron: Asked
    events: int
    counted_events: int  # the infusion stopped, or an emergency response


@dataclass(frozen=True, slots=True)
class CoursePage:
    """A course with what stands around it."""

    course: CourseView
    care: CareView
    events: tuple[EventView, ...]
    summary: CareSummary


def asked_counts(kind: str, answers: Sequence[bool | None]) -> Asked:
    """Over the infusions given: one answer each, None where it was not asked."""
    asked = [each for each in answers if each is not None]
    return Asked(kind, sum(asked), len(asked), len(answers))
