"""One administration item by item: what was answered, when it was shown, answered and received."""

from dataclasses import dataclass
from datetime import datetime

from prom_server.core.corrections import AdministrationLine
from prom_server.core.enrolment import PatientRef
from prom_server.core.responses import ItemState


@dataclass(frozen=True, slots=True)
class Way:
    """How an answer came: a part that was begun at home may go on in the clinic."""

    mode: str
    device_class: str | None


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """One save. `value` None: skipped."""

    value: int | None
    label: str | None
    way: Way
    shown_at: datetime | None  # when the item came on the screen, as far as it is known
    answered_at: datetime
    received_at: datetime

    @property
    def seconds(self) -> int | None:
        """From the start of the item to its answer."""
        return None if self.shown_at is None else round((self.answered_at - self.shown_at).total_seconds())


@dataclass(frozen=True, slots=True)
class GivenItem:
    number: int
    text: str
    state: ItemState
    now: GivenAnswer | None  # the current answer; None: none was given
    before: tuple[GivenAnswer, ...]  # what it replaced, the earliest first


@dataclass(frozen=True, slots=True)
class Given:
    patient: PatientRef
    line: AdministrationLine
    items: tuple[GivenItem, ...]

    @property
    def ways(self) -> tuple[Way, ...]:
        """In which the answers came, the first one first."""
        answers = [each for item in self.items for each in (*item.before, item.now) if each is not None]
        return tuple(dict.fromkeys(each.way for each in sorted(answers, key=lambda each: each.received_at)))
