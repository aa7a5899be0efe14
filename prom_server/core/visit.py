"""What a patient's pages show: one assessment, part by part and step by step. Views, no rows."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from prom_server.core.instrument import Instrument, Item, Scale
from prom_server.core.permissions import ClinicFacts
from prom_server.core.responses import Current, Responses, first_open, scored_answers, shown_items
from prom_server.core.scoring import Status, score


@dataclass(frozen=True, slots=True)
class Visit:
    """Who is answering what: the identified patient of one assessment."""

    session_id: int
    assessment_id: int
    assessment: str  # its opaque id
    battery: tuple[str, ...]  # instrument ids, in order
    patient_id: int
    clinic: ClinicFacts
    stale: bool  # seen longer ago than a minute: touch it
    open: bool  # accepts answers
    completed: bool


@dataclass(frozen=True)
class PartState:
    """One instrument of the battery as it stands. `position` counts from 1; `id` is the administration's, 0 before."""

    id: int
    position: int
    instrument: Instrument
    responses: Responses
    sequence: int
    submitted: bool

    @property
    def begun(self) -> bool:
        return self.id != 0

    def answering(self, item_id: str, current: Current) -> "PartState":
        """The same part with one more response."""
        return replace(self, responses={**self.responses, item_id: current}, sequence=current.sequence)

    @cached_property
    def items(self) -> tuple[Item, ...]:
        return shown_items(self.instrument, self.responses)

    @property
    def place(self) -> int:
        """The step to go on with, from 1; one past the last when all were answered or skipped."""
        return first_open(self.items, self.responses) + 1

    @property
    def answered(self) -> int:
        return sum(1 for item in self.items if item.id in self.responses and self.responses[item.id].value is not None)

    @property
    def seconds_left(self) -> float:
        """At the instrument's own pace, for what is neither answered nor skipped."""
        if self.submitted:
            return 0
        open_items = sum(1 for item in self.items if item.id not in self.responses)
        return self.instrument.seconds * open_items / len(self.instrument.items)


def minutes(seconds: float) -> int:
    """Whole minutes, rounded up: never less than it takes."""
    return max(1, math.ceil(seconds / 60))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a patient goes on. `part` 0 is the welcome; `step` 0 the part's review; beyond the last part, thanks."""

    part: int
    step: int
    finished: bool = False


def next_place(parts: Iterable[PartState]) -> Place:
    """The first thing not done yet."""
    for part in parts:
        if not part.begun:
            return Place(0, 0)
        if not part.submitted:
            return Place(part.position, part.place if part.place <= len(part.items) else 0)
    return Place(0, 0, finished=True)


@dataclass(frozen=True, slots=True)
class WelcomeView:
    clinic: ClinicFacts
    started: bool
    minutes: int
    parts: int
    questions: int
    place: Place
    due_on: date
    closes_on: date
    notices: tuple[str, ...]  # the licence notices of the battery, once each


@dataclass(frozen=True, slots=True)
class StepView:
    """One item on one screen."""

    clinic: ClinicFacts
    part: int
    parts: int
    step: int
    steps: int
    title: str
    item: Item
    text: str
    chosen: int | None
    skipped: bool
    sequence: int
    minutes: int
    help_from: (
        int | None
    )  # from this value on the help page follows; such an item is sent before anything else is shown
    following: Place  # where Next leads
    notice: str | None


@dataclass(frozen=True, slots=True)
class Missing:
    step: int
    context: str | None
    text: str
    costs: tuple[str, ...]  # the scales that cannot be scored without it
    prorated: tuple[str, ...]  # the scales that are estimated from the other answers


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    step: int
    answered: int
    items: int


@dataclass(frozen=True, slots=True)
class ReviewView:
    clinic: ClinicFacts
    part: int
    parts: int
    sections: tuple[Section, ...]
    missing: tuple[Missing, ...]
    sequence: int
    minutes: int
    submitted: bool


@dataclass(frozen=True, slots=True)
class HelpView:
    clinic: ClinicFacts
    part: int
    step: int
    following: Place
    call_requested: bool


@dataclass(frozen=True, slots=True)
class ThanksView:
    clinic: ClinicFacts
    next_opens_on: date | None
    next_due_on: date | None


def wording(item: Item) -> str:
    """The publisher's wording, or the neutral line where it is licensed and not supplied."""
    return item.text or item.placeholder or item.id


def after(part: PartState, step: int) -> Place:
    """Where Next leads from a step: the next one, or the review when this was the last one open."""
    others = any(number != step and item.id not in part.responses for number, item in enumerate(part.items, 1))
    return Place(part.position, step + 1 if others and step < len(part.items) else 0)


def step_view(clinic: ClinicFacts, parts: tuple[PartState, ...], part: PartState, step: int) -> StepView:
    item = part.items[step - 1]
    given = part.responses.get(item.id)
    return StepView(
        clinic=clinic,
        part=part.position,
        parts=len(parts),
        step=step,
        steps=len(part.items),
        title=part.instrument.section_by_id[item.section].title,
        item=item,
        text=wording(item),
        chosen=given.value if given else None,
        skipped=given is not None and given.value is None,
        sequence=part.sequence,
        minutes=minutes(sum(each.seconds_left for each in parts)),
        help_from=rule.at_least if (rule := part.instrument.alert_on(item.id)) else None,
        following=after(part, step),
        notice=part.instrument.licence.notice or None,
    )


def review_view(clinic: ClinicFacts, parts: tuple[PartState, ...], part: PartState) -> ReviewView:
    return ReviewView(
        clinic=clinic,
        part=part.position,
        parts=len(parts),
        sections=_sections(part),
        missing=_missing(part),
        sequence=part.sequence,
        minutes=minutes(sum(each.seconds_left for each in parts)),
        submitted=part.submitted,
    )


def _sections(part: PartState) -> tuple[Section, ...]:
    found = []
    for section in part.instrument.sections:
        steps = [step for step, item in enumerate(part.items, 1) if item.section == section.id]
        if steps:
            values = [part.responses.get(part.items[step - 1].id) for step in steps]
            answered = sum(1 for each in values if each is not None and each.value is not None)
            found.append(Section(section.title, steps[0], answered, len(steps)))
    return tuple(found)


def _missing(part: PartState) -> tuple[Missing, ...]:
    """What was not answered and what that costs, in the part's own plain words."""
    status = {
        each.scale: each.status for each in score(part.instrument, scored_answers(part.instrument, part.responses))
    }
    found = []
    for step, item in enumerate(part.items, 1):
        given = part.responses.get(item.id)
        if given is not None and given.value is not None:
            continue
        touched = [scale for scale in part.instrument.scales if item.id in scale.items]
        found.append(
            Missing(
                step=step,
                context=item.context,
                text=wording(item),
                costs=_titles(part, item, touched, status, Status.NOT_SCORABLE),
                prorated=_titles(part, item, touched, status, Status.PRORATED),
            )
        )
    return tuple(found)


def _titles(
    part: PartState, item: Item, scales: list[Scale], status: dict[str, Status], wanted: Status
) -> tuple[str, ...]:
    """A patient reads the heading of the questions, never a publisher's scale name or a score."""
    hit = any(status[scale.id] is wanted for scale in scales)
    return (part.instrument.section_by_id[item.section].title,) if hit else ()
