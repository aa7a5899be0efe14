"""Who takes care of an alert, and who was told of it."""

from dataclasses import dataclass
from datetime import datetime

from prom_server.core.messages import State
from prom_server.core.refusals import Refused


class NobodyToGiveTo(Refused):
    """Not somebody of this clinic who may take care of alerts."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message about the alert to one of staff: where it stands, never where it went."""

    name: str
    channel: str
    created_at: datetime
    due_at: datetime
    state: State
    since: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who may take care of an alert."""

    public_id: str
    name: str
    on_call: bool
    reached: bool  # by messages about alerts


@dataclass(frozen=True, slots=True)
class Care:
    """Who takes care of an alert, who was told, and what happens if nobody acknowledges it."""

    owner_id: str | None  # public
    told: tuple[Told, ...]
    colleagues: tuple[Colleague, ...]
    escalates_at: datetime | None  # None: acknowledged, resolved, or a flag
    waits_for: datetime | None  # the clinic is closed, and until then nobody is told
    closed_person: str | None  # who accepts that

    @property
    def nobody(self) -> bool:
        """No message reaches anybody."""
        return not any(each.reached for each in self.colleagues)

    @property
    def all_failed(self) -> bool:
        lost = {State.REFUSED, State.UNCLEAR, State.CANCELLED}
        return bool(self.told) and all(each.state in lost for each in self.told)
