"""Scoring answers again under another revision of their instrument: what fits, and what it came to."""

from collections.abc import Iterator
from dataclasses import dataclass

from prom_server.core.instrument import Instrument
from prom_server.core.refusals import Refused
from prom_server.core.responses import Responses


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why the answers of one administration cannot be scored under the other revision."""

    administration: str  # public id
    revision: int  # that it was answered under
    what: str


class DoesNotFit(Refused):
    """Nothing was scored again in this stretch: some answers do not fit the other revision."""

    def __init__(self, misfits: tuple[Misfit, ...]) -> None:
        super().__init__("; ".join(f"{each.administration}: {each.what}" for each in misfits))
        self.misfits = misfits


@dataclass(frozen=True, slots=True)
class Rescored:
    """One stretch of administrations, ending with the id `last`."""

    last: int
    seen: int
    administrations: int = 0  # scored again
    scores: int = 0  # of them
    changed: int = 0  # scores with another value, or with one where there was none, or the other way round
    misfits: tuple[Misfit, ...] = ()


def misfits(begun: Instrument, target: Instrument, responses: Responses) -> Iterator[str]:
    """What `target` does not know of these answers, and what it asks that was never asked."""
    if (begun.adaptive is None) != (target.adaptive is None):
        yield f"revision {begun.revision} and revision {target.revision}: only one of them is adaptive"
    for item_id, current in responses.items():
        item = target.item_by_id.get(item_id)
        if item is None:
            yield f"{item_id} is no item of revision {target.revision}"
        elif current.value is not None and item.option(current.value) is None:
            yield f"{current.value} is no option of {item_id} in revision {target.revision}"
    for item in target.scored_items:
        if item.id not in begun.item_by_id:
            yield f"{item.id} of revision {target.revision} was not asked in revision {begun.revision}"
