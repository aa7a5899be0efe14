"""A protocol's own rules: a score that is worse than this course's baseline, an item that rises.

They need more than one form, so they are judged when a form is submitted. The names of the rules are stored with the
alert and say what raised it, whatever became of the protocol.
"""

from dataclasses import dataclass
from enum import StrEnum

from prom_server.core.change import Direction, change
from prom_server.core.instrument import Instrument, Metric, Scale
from prom_server.core.scoring import Score

BASELINE = "baseline"  # the time point that change counts from, as in the trend


class Margin(StrEnum):
    """By how much a score must be worse."""

    MCID = "mcid"  # the published threshold; exactly it counts
    RELIABLE = "reliable"  # more than the error of the two measurements


PREFIXES = {Margin.MCID: "mcid-", Margin.RELIABLE: "error-"}
RISES = "rises-"


@dataclass(frozen=True, slots=True)
class Worsening:
    """A scale worse than at the baseline of the same course. None is ever substituted."""

    instrument: str
    scale: str
    by: Margin
    source: str  # why somebody is told of it; a decision of this project says so

    @property
    def rule(self) -> str:
        return PREFIXES[self.by] + self.scale


@dataclass(frozen=True, slots=True)
class ItemRises:
    """An item above the patient's previous answer to it, in whichever course."""

    instrument: str
    item: str
    source: str

    @property
    def rule(self) -> str:
        return RISES + self.item


ProtocolAlert = Worsening | ItemRises


def margin_of(rule: str) -> Margin | None:
    """Of the name of a rule: which kind of worsening it is, if it is one."""
    return next((margin for margin, prefix in PREFIXES.items() if rule.startswith(prefix)), None)


def has_margin(scale: Scale, by: Margin) -> bool:
    """Whether it is known how much that is: else a rule would never, or always, be met."""
    return scale.threshold is not None if by is Margin.MCID else scale.metric is Metric.T or scale.error is not None


def worsened(rule: Worsening, instrument: Instrument, baseline: Score | None, now: Score | None) -> bool:
    """False where one of the two is missing or not scorable, or where the error of the two is not known."""
    found = change(instrument.scale_by_id[rule.scale], baseline, now)
    if found is None or found.direction is not Direction.WORSE:
        return False
    return bool(found.reached if rule.by is Margin.MCID else found.beyond_error)


def rose(previous: int | None, now: int | None) -> bool:
    """Without an earlier answer nothing rises."""
    return previous is not None and now is not None and now > previous
