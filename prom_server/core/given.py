"""One administration item by item: what was answered, when it was shown, answered and received."""

from dataclasses import dataclass
from datetime import datetime

from prom_server.core.corrections import AdministrationLine
from prom_server.core.enrolment import PatientRef
from prom_server.core.responses import ItemState


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """One save. `value` None: skipped."""

    value: int | None
    label: str | None
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
