"""The lowest and the highest value a scale can take, from its items and its rule: computed, so never mistyped."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from prom_server.core import cat, irt
from prom_server.core.instrument import Item
from prom_server.core.rules import (
    AdaptiveRule,
    CompositeRule,
    MeanRule,
    RatingRule,
    ScoringRule,
    SumRule,
    TableRule,
    Term,
)
from prom_server.core.scoring import half_up, tenths

TENTH = Decimal("0.1")

Range = tuple[Decimal, Decimal]


def raw_range(items: list[Item]) -> tuple[int, int]:
    """The lowest and the highest sum of the items' points."""
    return sum(item.lowest for item in items), sum(item.highest for item in items)


def value_range(rule: ScoringRule, items: list[Item], parts: Mapping[str, Range]) -> Range:
    """In the scale's metric. `parts` are the ranges of the scales that a composite may refer to."""
    match rule:
        case SumRule() | RatingRule():
            low, high = raw_range(items)
            return Decimal(low), Decimal(high)
        case MeanRule():
            low, high = raw_range(items)
            return half_up(Decimal(low) / len(items), TENTH), half_up(Decimal(high) / len(items), TENTH)
        case TableRule():
            scores = [row.t for row in rule.rows.values()]
            return min(scores), max(scores)
        case CompositeRule():
            ends = [_term_range(term, parts) for term in rule.terms]
            return _t(low for low, _ in ends), _t(high for _, high in ends)
        case AdaptiveRule():
            return _adaptive_range(rule, items)


def _adaptive_range(rule: AdaptiveRule, items: list[Item]) -> Range:
    """Where the lowest and the highest answers to whatever is asked lead."""
    bank = irt.item_bank({item.id: (item.graded, item.lowest) for item in items if item.graded is not None})
    lowest, highest = cat.begin(bank, rule), cat.begin(bank, rule)
    by_id = {item.id: item for item in items}
    while lowest.item is not None:
        lowest = lowest.after(by_id[lowest.item].lowest)
    while highest.item is not None:
        highest = highest.after(by_id[highest.item].highest)
    return tenths(lowest.estimate.t), tenths(highest.estimate.t)


def _t(weighted: Iterable[Decimal]) -> Decimal:
    return half_up(50 + 10 * sum(weighted, Decimal(0)), Decimal("0.1"))


def _term_range(term: Term, parts: Mapping[str, Range]) -> Range:
    lows = [(parts[part.scale][0] - part.mean) / part.sd for part in term.mean_of]
    highs = [(parts[part.scale][1] - part.mean) / part.sd for part in term.mean_of]
    ends = [term.weight * sum(z, Decimal(0)) / len(term.mean_of) for z in (lows, highs)]
    return min(ends), max(ends)
