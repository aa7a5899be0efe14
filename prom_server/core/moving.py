"""A course moved or cancelled: what is said before it is done, and what is refused."""

from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from prom_server.core.enrolment import PatientRef
from prom_server.core.refusals import Refused
from prom_server.core.replanning import Change, CourseFacts, DayChange, Replan, What


class InfusionsGiven(Refused):
    """An infusion was given: the follow-ups count from it, and the course is finished and not cancelled."""


class UnderWay(Refused):
    """A course without infusions whose first assessment has closed: its days are history."""


class SameFirstDay(Refused):
    """It is planned for that day already."""


class NotLookedAt(Refused):
    """What would change was not shown yet, or is not the same any more."""


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """One assessment that changes, with what was or would be sent about it."""

    name: str
    change: Change


@dataclass(frozen=True, slots=True)
class Preview:
    """What is said before it is done. `seen` stands for all of it: who agrees to it sends it back."""

    starts_on: date
    lines: tuple[PreviewLine, ...]
    kept: tuple[PreviewLine, ...]  # that stay as they are
    days: tuple[DayChange, ...]
    messages: int  # waiting, and not sent any more
    seen: str

    @property
    def moved(self) -> tuple[PreviewLine, ...]:
        """What was planned already, for another day."""
        return tuple(line for line in self.lines if line.change.what is What.MOVED)


def preview(facts: CourseFacts, change: Replan) -> Preview:
    lines = tuple(PreviewLine(facts.protocol.time_point(each.time_point).name, each) for each in change.assessments)
    kept = tuple(line for line in lines if not line.change.changes and line.change.after is not None)
    seen = sha256(repr((facts.starts_on, facts.cancelled, change)).encode()).hexdigest()[:32]
    changed = tuple(line for line in lines if line.change.changes)
    return Preview(facts.starts_on, changed, kept, change.moved_days, len(change.messages), seen)


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around an infusion, counted: lines of the checklist, vital signs, adverse events."""

    side_effects: int
    vital_signs: int
    events: int


@dataclass(frozen=True, slots=True)
class MovePage:
    """The page before a course is moved or cancelled. `preview` None: no new day was named yet."""

    course_id: str
    number: int
    patient: PatientRef
    protocol: str
    starts_on: date
    preview: Preview | None
    infusion_on: date | None = None  # before an infusion is marked as entered in error: its day
    left: Around | None = None  # and what it leaves behind
