"""The lowest and the highest value a scale can take, from its items and its rule: computed, so never mistyped."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from prom_server.core.instrument import CompositeRule, Item, RatingRule, ScoringRule, SumRule, TableRule, Term
from prom_server.core.scoring import half_up

Range = tuple[Decimal, Decimal]


def raw_range(items: list[Item]) -> tuple[int, int]:
    """The lowest and the highest sum of the items' values."""
    values = [[option.value for option in item.options] for item in items]
    return sum(min(of_item) for of_item in values), sum(max(of_item) for of_item in values)


def value_range(rule: ScoringRule, items: list[Item], parts: Mapping[str, Range]) -> Range:
    """In the scale's metric. `parts` are the ranges of the scales that a composite may refer to."""
    match rule:
        case SumRule() | RatingRule():
            low, high = raw_range(items)
            return Decimal(low), Decimal(high)
        case TableRule():
            scores = [row.t for row in rule.rows.values()]
            return min(scores), max(scores)
        case CompositeRule():
            ends = [_term_range(term, parts) for term in rule.terms]
            return _t(low for low, _ in ends), _t(high for _, high in ends)


def _t(weighted: Iterable[Decimal]) -> Decimal:
    return half_up(50 + 10 * sum(weighted, Decimal(0)), Decimal("0.1"))


def _term_range(term: Term, parts: Mapping[str, Range]) -> Range:
    lows = [(parts[part.scale][0] - part.mean) / part.sd for part in term.mean_of]
    highs = [(parts[part.scale][1] - part.mean) / part.sd for part in term.mean_of]
    ends = [term.weight * sum(z, Decimal(0)) / len(term.mean_of) for z in (lows, highs)]
    return min(ends), max(ends)
