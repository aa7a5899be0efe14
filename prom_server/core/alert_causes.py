"""What raised an alert that one answer alone does not explain: codes and numbers, which templates put into words.

From stored facts and the instrument that was begun with; so it can be told whatever became of the protocol.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from prom_server.core.instrument import Instrument, Metric, Scale, ScoreAlert
from prom_server.core.worsening import Margin, margin_of


class CauseKind(StrEnum):
    AT_LEAST = "at_least"  # a score from a limit on
    AT_MOST = "at_most"
    BAND = "band"
    MCID = "mcid"  # worse than at the baseline, by the published threshold
    RELIABLE = "reliable"  # worse than at the baseline, by more than measurement error
    RISES = "rises"  # an answer above the previous one
    UNKNOWN = "unknown"  # its definition is gone


@dataclass(frozen=True, slots=True)
class Fact:
    """What is stored of an alert's cause."""

    rule: str
    item: str = ""  # "" where a scale raised it
    value: int | None = None
    scale: str | None = None
    score: Decimal | None = None
    compared_with: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """`now` and `before` are scores of the scale, or of RISES the two answers."""

    kind: CauseKind
    scale: str = ""  # its short name
    metric: Metric | None = None
    now: Decimal | None = None
    before: Decimal | None = None
    limit: Decimal | None = None  # of the rule, or the threshold
    band: str | None = None  # that the score is in
    source: str = ""
    number: int = 0  # of the item, of RISES

    @property
    def difference(self) -> Decimal | None:
        return None if self.now is None or self.before is None else abs(self.now - self.before)

    @property
    def higher(self) -> bool:
        return self.now is not None and self.before is not None and self.now > self.before


def cause_of(instrument: Instrument, fact: Fact) -> Cause | None:
    """None for an ordinary alert or flag of an item."""
    if fact.scale is None:
        item = instrument.item_by_id.get(fact.item)
        if item is None or fact.value is None or fact.compared_with is None:
            return None
        number = instrument.items.index(item) + 1
        return Cause(CauseKind.RISES, now=Decimal(fact.value), before=fact.compared_with, number=number)
    scale = instrument.scale_by_id.get(fact.scale)
    if scale is None:
        return Cause(CauseKind.UNKNOWN, fact.scale, now=fact.score, before=fact.compared_with)
    rule = next((each for each in instrument.score_alerts if each.rule == fact.rule), None)
    return _of_rule(rule, scale, fact) if rule is not None else _of_worsening(scale, fact)


def _of_rule(rule: ScoreAlert, scale: Scale, fact: Fact) -> Cause:
    kind = CauseKind.BAND
    if rule.at_least is not None or rule.at_most is not None:
        kind = CauseKind.AT_MOST if rule.at_least is None else CauseKind.AT_LEAST
    limit = rule.at_most if kind is CauseKind.AT_MOST else rule.at_least
    return Cause(
        kind, scale.short, scale.metric, fact.score, limit=limit, band=_band(scale, fact.score), source=rule.source
    )


def _of_worsening(scale: Scale, fact: Fact) -> Cause:
    compared = fact.compared_with is not None  # else it was with another patient's answers, and is no cause any more
    by, threshold = margin_of(fact.rule) if compared else None, scale.threshold
    if by is Margin.MCID and threshold is not None:
        kind, limit, source = CauseKind.MCID, threshold.value, threshold.cite
    else:
        kind, limit, source = CauseKind.RELIABLE if by else CauseKind.UNKNOWN, None, ""
    return Cause(
        kind,
        scale.short,
        scale.metric,
        fact.score,
        fact.compared_with,
        limit=limit,
        band=_band(scale, fact.score),
        source=source,
    )


def _band(scale: Scale, score: Decimal | None) -> str | None:
    band = None if score is None else scale.band(score)
    return band.label if band else None
