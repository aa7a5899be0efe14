"""What a patient's pages show. Views, no rows."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from prom_server.core.instrument import Item, Scale
from prom_server.core.permissions import ClinicFacts
from prom_server.core.responses import Current, scored_answers
from prom_server.core.scoring import Reason, Status, score
from prom_server.core.visit import PartState, Place, after, minutes


@dataclass(frozen=True, slots=True)
class WelcomeView:
    clinic: ClinicFacts
    started: bool
    begun: tuple[int, ...]  # as in StepView
    minutes: int
    parts: int
    questions: int
    at_most: bool  # so many questions or fewer
    place: Place
    due_on: date
    closes_on: date
    notices: tuple[str, ...]  # the licence notices of the battery, once each
    languages: tuple[str, ...]  # of each part's wording


@dataclass(frozen=True, slots=True)
class StepView:
    """One item on one screen."""

    clinic: ClinicFacts
    part: int
    parts: int
    step: int
    steps: int
    at_most: bool  # so many steps or fewer
    title: str
    language: str  # of the item's wording
    item: Item
    text: str
    chosen: int | None
    skipped: bool
    sequence: int
    minutes: int
    begun: tuple[int, ...]  # the administrations of the visit: whose answers a device may keep until they are sent
    help_from: int | None  # from this value on the help page follows; sent before anything else is shown
    following: Place | None  # where Next leads; None where the answer decides
    adaptive: bool
    notice: str | None


@dataclass(frozen=True, slots=True)
class Alternative:
    """What follows an adaptive step for some of its answers."""

    values: tuple[int, ...]
    view: StepView


@dataclass(frozen=True, slots=True)
class Missing:
    step: int
    context: str | None
    text: str
    costs: tuple[str, ...]  # the scales that cannot be scored without it
    prorated: tuple[str, ...]  # the scales that are estimated from the other answers
    pattern: tuple[str, ...]  # the scales that are scored from the other answers, less precisely


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
    begun: tuple[int, ...]  # as in StepView
    submitted: bool
    language: str  # of the items' wording
    adaptive: bool  # a skipped item was replaced by another one


@dataclass(frozen=True, slots=True)
class HelpView:
    clinic: ClinicFacts
    part: int
    step: int
    following: Place
    call_requested: bool


@dataclass(frozen=True, slots=True)
class BreakView:
    clinic: ClinicFacts
    part: int  # that is done
    parts: int
    minutes: int  # for all that is left
    kiosk: bool


@dataclass(frozen=True, slots=True)
class DeclineView:
    clinic: ClinicFacts
    part: int
    parts: int
    answered: int  # items so far: they are kept
    back: Place
    begun: tuple[int, ...]  # as in StepView
    submitted: bool


@dataclass(frozen=True, slots=True)
class ThanksView:
    clinic: ClinicFacts
    next_opens_on: date | None
    next_due_on: date | None


def wording(item: Item) -> str:
    """The publisher's wording, or the neutral line where it is licensed and not supplied."""
    return item.text or item.placeholder or item.id


def step_view(clinic: ClinicFacts, parts: tuple[PartState, ...], part: PartState, step: int) -> StepView:
    item = part.items[step - 1]
    given = part.responses.get(item.id)
    return StepView(
        clinic=clinic,
        part=part.position,
        parts=len(parts),
        step=step,
        steps=part.steps,
        at_most=part.adaptive and not part.ended,
        title=part.instrument.section_by_id[item.section].title,
        language=part.instrument.language,
        item=item,
        text=wording(item),
        chosen=given.value if given else None,
        skipped=given is not None and given.value is None,
        sequence=part.sequence,
        minutes=minutes(sum(each.seconds_left_at(step) if each is part else each.seconds_left for each in parts)),
        begun=tuple(each.id for each in parts),
        help_from=rule.at_least if (rule := part.instrument.alert_on(item.id)) else None,
        following=None if part.adaptive else after(part, step),
        adaptive=part.adaptive,
        notice=part.instrument.licence.notice or None,
    )


def alternatives(
    clinic: ClinicFacts, parts: tuple[PartState, ...], part: PartState, step: int
) -> tuple[Alternative, ...]:
    """The page that follows each answer to a step where the answer decides; none for an answer that is the last."""
    item, values, following = part.items[step - 1], defaultdict[tuple[int, str], list[int]](list), {}
    for option in item.options if part.adaptive else ():
        then = part.answering(item.id, Current(option.value, part.sequence + 1))
        if not then.ended:
            asks = (then.place, then.items[then.place - 1].id)
            values[asks].append(option.value)
            following[asks] = then
    return tuple(
        Alternative(tuple(values[asks]), step_view(clinic, _with(then, parts), then, then.place))
        for asks, then in following.items()
    )


def _with(part: PartState, parts: tuple[PartState, ...]) -> tuple[PartState, ...]:
    return tuple(part if each.position == part.position else each for each in parts)


def review_view(clinic: ClinicFacts, parts: tuple[PartState, ...], part: PartState) -> ReviewView:
    return ReviewView(
        clinic=clinic,
        part=part.position,
        parts=len(parts),
        sections=_sections(part),
        missing=_missing(part),
        sequence=part.sequence,
        minutes=minutes(sum(each.seconds_left for each in parts)),
        begun=tuple(each.id for each in parts),
        submitted=part.submitted,
        language=part.instrument.language,
        adaptive=part.adaptive,
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
    scores = score(part.instrument, scored_answers(part.instrument, part.responses))
    status = {each.scale: each.status for each in scores if each.reason is not Reason.TABLE_MISSING}  # not for a skip
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
                pattern=_titles(part, item, touched, status, Status.PATTERN),
            )
        )
    return tuple(found)


def _titles(
    part: PartState, item: Item, scales: list[Scale], status: dict[str, Status], wanted: Status
) -> tuple[str, ...]:
    """A patient reads the heading of the questions, never a publisher's scale name or a score."""
    hit = any(status.get(scale.id) is wanted for scale in scales)
    return (part.instrument.section_by_id[item.section].title,) if hit else ()
