"""One assessment as it stands while a patient answers it: part by part, and where to go on."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from prom_server.core.instrument import Instrument, Item
from prom_server.core.permissions import ClinicFacts, StaffMember
from prom_server.core.responses import Current, Responses, first_open, most_items, shown_items
from prom_server.core.worsening import ProtocolAlert


@dataclass(frozen=True, slots=True)
class Visit:
    """Who is answering what: the identified patient of one assessment."""

    session_id: int
    assessment_id: int
    assessment: str  # its opaque id
    battery: tuple[str, ...]  # instrument ids, in order
    patient_id: int
    clinic: ClinicFacts
    language: str  # that the patient reads
    stale: bool  # seen longer ago than a minute: touch it
    open: bool  # accepts answers
    completed: bool
    mode: str = "own_device"  # or kiosk; paper or telephone where staff enter
    items_per_screen: int = 1  # at most, on a large tablet of the clinic
    entered_by: StaffMember | None = None  # who enters what the patient wrote or says; None: the patient answers
    alerts: tuple[ProtocolAlert, ...] = ()  # of the course's protocol


@dataclass(frozen=True)
class PartState:
    """One instrument of the battery as it stands. `position` counts from 1; `id` is the administration's, 0 before."""

    id: int
    position: int
    instrument: Instrument
    responses: Responses
    sequence: int
    submitted: bool
    elsewhere: bool = False  # the answers were given for another assessment

    @property
    def begun(self) -> bool:
        return self.id != 0

    def answering(self, item_id: str, current: Current) -> "PartState":
        """The same part with one more response."""
        return replace(self, responses={**self.responses, item_id: current}, sequence=current.sequence)

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """The steps. Of an adaptive instrument: what was asked on the way that the answers lead, and what comes next.

        An earlier answer that is changed leads another way. What was answered off it stays stored and counts for
        nothing; where the way comes to such an item again, its answer stands without asking again.
        """
        return shown_items(self.instrument, self.responses)

    @property
    def adaptive(self) -> bool:
        return self.instrument.adaptive is not None

    @cached_property
    def place(self) -> int:
        """The step to go on with, from 1; one past the last when all were answered or skipped."""
        return first_open(self.items, self.responses) + 1

    @property
    def ended(self) -> bool:
        """Whether every item that is asked was answered or skipped."""
        return self.place > len(self.items)

    @property
    def steps(self) -> int:
        """How many there are; of an adaptive instrument before its end how many at most, with what was skipped."""
        if not self.adaptive or self.ended:
            return len(self.items)
        skipped = self.place - 1 - self.answered
        return min(most_items(self.instrument) + skipped, len(self.instrument.items))

    @property
    def answered(self) -> int:
        return sum(1 for item in self.items if item.id in self.responses and self.responses[item.id].value is not None)

    @property
    def seconds_left(self) -> float:
        """At the instrument's own pace, for what is neither answered nor skipped."""
        if self.submitted:
            return 0
        most = most_items(self.instrument)
        if self.adaptive:
            return 0 if self.ended else self.instrument.seconds * (most - self.answered) / most
        open_items = sum(1 for item in self.items if item.id not in self.responses)
        return self.instrument.seconds * open_items / most

    def seconds_left_at(self, step: int) -> float:
        """As `seconds_left`, with the steps before this one done: the same however early its page is made."""
        if self.submitted or self.adaptive:
            return self.seconds_left
        open_items = sum(1 for item in self.items[step - 1 :] if item.id not in self.responses)
        return self.instrument.seconds * open_items / most_items(self.instrument)


def minutes(seconds: float) -> int:
    """Whole minutes, rounded up: never less than it takes."""
    return max(1, math.ceil(seconds / 60))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a patient goes on. `part` 0 is the welcome; `step` 0 the part's review; beyond the last part, thanks.

    `rest_after` is a part just sent, after which a long battery offers a break.
    """

    part: int
    step: int
    finished: bool = False
    rest_after: int | None = None


def next_place(parts: Iterable[PartState]) -> Place:
    """The first thing not done yet."""
    for part in parts:
        if not part.begun:
            return Place(0, 0)
        if not part.submitted:
            return place_in(part)
    return Place(0, 0, finished=True)


LONG_BATTERY = 4  # instruments; from so many on a break is offered after each


def next_place_after(parts: tuple[PartState, ...], sent: int) -> Place:
    """Where to go on when part `sent` was just submitted: in a long battery a break comes first."""
    place = next_place(parts)
    if place.finished or place.part == 0 or len(parts) < LONG_BATTERY:
        return place
    return replace(place, rest_after=sent)


def place_in(part: PartState) -> Place:
    """Where to go on in a part: its first open step, or its review."""
    return Place(part.position, 0 if part.ended else part.place)


def after(part: PartState, step: int) -> Place:
    """Where Next leads from a step: the next one, or the review when this was the last one open.

    In an adaptive instrument the one open step, because the answer may have changed all that follows.
    """
    if part.adaptive:
        return place_in(part)
    others = any(number != step and item.id not in part.responses for number, item in enumerate(part.items, 1))
    return Place(part.position, step + 1 if others and step < len(part.items) else 0)
