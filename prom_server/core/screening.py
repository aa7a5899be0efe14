"""A published screening rule over the items of one form ("PHQ-9: major"). Never a diagnosis."""

from typing import NamedTuple

from prom_server.core.instrument import Instrument, Screening, ScreeningRule
from prom_server.core.scoring import Answers

INDETERMINATE = "indeterminate"  # how a rule that missing answers could change is written, in exports and files


def screen(instrument: Instrument, answers: Answers) -> dict[str, bool | None]:
    """Each rule by its id: positive, negative, or None where the missing answers could change it.

    Decided from bounds: `n` items are positive already, and none to all of the missing may be. Empty where the
    instrument has no screening rule. `answers` are those that `scoring.check_answers` accepts.
    """
    screening = instrument.screening
    if screening is None:
        return {}
    count = _count(instrument, screening, answers)
    return {rule.id: _decide(rule, count) for rule in screening.rules}


def in_words(screened: dict[str, bool | None]) -> dict[str, bool | str]:
    return {rule: INDETERMINATE if positive is None else positive for rule, positive in screened.items()}


class _Count(NamedTuple):
    positive: int  # items that are positive
    missing: int  # items that could be
    core_positive: bool  # a core item is positive
    core_missing: bool  # a core item could be


def _count(instrument: Instrument, screening: Screening, answers: Answers) -> _Count:
    usual, exceptions = screening.positive_from, screening.positive_from_of
    positive, missing = set(), set()
    for item in instrument.required:
        value = answers[item]
        if value is None:
            missing.add(item)
        elif value >= exceptions.get(item, usual):
            positive.add(item)
    return _Count(
        len(positive), len(missing), not positive.isdisjoint(screening.core), not missing.isdisjoint(screening.core)
    )


def _decide(rule: ScreeningRule, count: _Count) -> bool | None:
    most = count.positive + count.missing
    # Without a positive core item one of the missing must be it, so the count rises by one at least.
    least_with_core = count.positive if count.core_positive else count.positive + 1
    core_possible = count.core_positive or count.core_missing
    can_be_true = core_possible and least_with_core <= rule.most and most >= rule.least
    can_be_false = not count.core_positive or count.positive < rule.least or most > rule.most
    if can_be_true and can_be_false:
        return None
    return can_be_true
