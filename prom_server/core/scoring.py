"""Scores from answers: `score(instrument, answers)`.

All arithmetic is in `Decimal`: a sum is exact, a T-score is in tenths, and half is always rounded up (Python's own
`round(4.5)` is 4). A missing answer is never a zero: either the scale's rule says what to do, or there is no score.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import NamedTuple

from prom_server.core import irt
from prom_server.core.instrument import Instrument, Item, Metric, Scale
from prom_server.core.refusals import InvalidAnswer
from prom_server.core.rules import AdaptiveRule, CompositeRule, MeanRule, RatingRule, SumRule, TableRule, Term

Answers = Mapping[str, int | None]  # item id -> option value, or None: not answered


class Status(StrEnum):
    SCORED = "scored"
    PRORATED = "prorated"
    PATTERN = "pattern"
    NOT_SCORABLE = "not_scorable"


class Reason(StrEnum):
    """Why a score is not simply scored. Codes; the words are the templates'."""

    ITEMS_MISSING = "items-missing"  # answered < items, and the rule needs more of them
    PRORATED = "prorated"  # answered < items, filled with their mean
    KEY_ITEM_MISSING = "key-item-missing"  # prorated over an item with an alert rule: "item 9 not answered"
    SCALE_MISSING = "scale-missing"  # a composite with a part that is not scorable
    PATTERN = "pattern"  # answered < items, scored by the pattern of the answers that were given
    TABLE_MISSING = "table-missing"  # the table is not public, and no supplement brought it
    DECLINED = "declined"  # the patient would rather not answer the whole questionnaire


@dataclass(frozen=True, slots=True)
class Score:
    """One scale of one administration. `value` None means not scorable: no band, no point, no change."""

    scale: str
    metric: Metric
    status: Status
    raw: int | None  # the sum of what was answered; None for a composite
    value: Decimal | None
    se: Decimal | None
    answered: int
    items: int
    band: str | None
    reason: Reason | None


class _Computed(NamedTuple):
    """What a rule says of one scale; `_score` adds the counts and the band."""

    value: Decimal | None = None
    se: Decimal | None = None
    status: Status = Status.SCORED
    reason: Reason | None = None


_ITEMS_MISSING = _Computed(status=Status.NOT_SCORABLE, reason=Reason.ITEMS_MISSING)
_SCALE_MISSING = _Computed(status=Status.NOT_SCORABLE, reason=Reason.SCALE_MISSING)
_TABLE_MISSING = _Computed(status=Status.NOT_SCORABLE, reason=Reason.TABLE_MISSING)


def score(instrument: Instrument, answers: Answers) -> tuple[Score, ...]:
    """Every scale of the instrument, in its order. Raises `InvalidAnswer`; never guesses, never coerces."""
    check_answers(instrument, answers)
    scores: dict[str, Score] = {}
    for scale in instrument.parts_first:
        points = _points(instrument, scale, answers)
        scores[scale.id] = _score(scale, _compute(instrument, scale, points, scores), answers, points)
    return tuple([scores[scale.id] for scale in instrument.scales])


def declined(scores: tuple[Score, ...]) -> tuple[Score, ...]:
    """Of a questionnaire that the patient would rather not answer: what was answered before is kept, never scored."""
    return tuple(
        replace(each, status=Status.NOT_SCORABLE, value=None, se=None, band=None, reason=Reason.DECLINED)
        for each in scores
    )


def one_short(instrument: Instrument, answers: Answers) -> bool:
    """Whether one more answer, whichever it were, would give a score that is missing or complete an estimated one."""
    before = score(instrument, answers)
    for item, value in answers.items():
        if value is None:
            more = score(instrument, {**answers, item: instrument.item_by_id[item].options[0].value})
            if any(_completed(was, now) for was, now in zip(before, more, strict=True)):
                return True
    return False


def _completed(was: Score, now: Score) -> bool:
    if was.status is Status.NOT_SCORABLE:
        return now.status is not Status.NOT_SCORABLE
    return was.status is Status.PRORATED and now.status is Status.SCORED


def check_answers(instrument: Instrument, answers: Answers) -> None:
    """Refuse what is not an answer: every scored item is a key, every key an item, every value an option or None.

    Unscored items may be absent, and of an adaptive instrument what was not asked. Booleans, fractions and strings are
    refused, even where they equal an option.
    """
    points = instrument.points
    for item, value in answers.items():
        if item not in points:
            raise InvalidAnswer(f"{instrument.id} has no item {_shown(item)}", _shown(item))
        # bool is an int in Python, and True == 1: it must not pass as an answer
        if value is not None and (type(value) is not int or value not in points[item]):
            raise _not_an_option(instrument.item_by_id[item], value)
    if not answers.keys() >= instrument.required:
        item = next(item.id for item in instrument.scored_items if item.id not in answers)
        raise InvalidAnswer(f"{item} is missing: every scored item is a key, null where not answered", item)


def half_up(value: Decimal, step: Decimal) -> Decimal:
    """`value` rounded to `step` (1 or 0.1), half away from zero, as published scores are."""
    return value.quantize(step, rounding=ROUND_HALF_UP)


def tenths(value: float) -> Decimal:
    """A computed T-score or its standard error, as it is reported."""
    return half_up(Decimal(value), Decimal("0.1"))


def _not_an_option(item: Item, value: object) -> InvalidAnswer:
    if type(value) is not int:
        return InvalidAnswer(f"{item.id}: {_shown(value)} is not a whole number", item.id)
    allowed = ", ".join(str(option.value) for option in item.options)
    return InvalidAnswer(f"{item.id}: {_shown(value)} is none of its options ({allowed})", item.id)


def _shown(value: object) -> str:
    """A value as an error message may show it: never longer than a line."""
    text = str(value) if type(value) is not int or abs(value) < 10**30 else "a very large number"
    return text if len(text) <= 40 else text[:40] + "…"


Points = dict[str, int]  # item id -> what its answer counts; only the answered ones


def _points(instrument: Instrument, scale: Scale, answers: Answers) -> Points:
    points = instrument.points
    return {item: points[item][value] for item in scale.items if (value := answers.get(item)) is not None}


def _score(scale: Scale, computed: _Computed, answers: Answers, points: Points) -> Score:
    adaptive = isinstance(scale.rule, AdaptiveRule)
    band = scale.band(computed.value) if computed.value is not None else None
    return Score(
        scale=scale.id,
        metric=scale.metric,
        status=computed.status,
        raw=None if adaptive or isinstance(scale.rule, CompositeRule) else sum(points.values()),
        value=computed.value,
        se=computed.se,
        answered=len(points),
        items=len(answers) if adaptive else len(scale.items),  # of those asked
        band=band.label if band else None,
        reason=computed.reason,
    )


def _compute(instrument: Instrument, scale: Scale, points: Points, parts: Mapping[str, Score]) -> _Computed:
    match scale.rule:
        case SumRule() as rule:
            return _sum(instrument, scale, rule, points)
        case MeanRule():
            return _mean(scale, points)
        case TableRule() as rule:
            return _look_up(instrument, scale, rule, points)
        case RatingRule():
            return _Computed(Decimal(sum(points.values()))) if points else _ITEMS_MISSING
        case CompositeRule() as rule:
            return _combine(rule, parts)
        case AdaptiveRule() as rule:
            return _adaptive(instrument, rule, points)


def _sum(instrument: Instrument, scale: Scale, rule: SumRule, points: Points) -> _Computed:
    """The sum; with few enough missing, their mean times the number of items (Arrieta 2017), half up."""
    total, missing = sum(points.values()), len(scale.items) - len(points)
    if not missing:
        return _Computed(Decimal(total))
    if not points or missing > rule.max_missing:
        return _ITEMS_MISSING
    # Multiplied before divided: the mean alone would be cut to 28 digits.
    value = half_up(Decimal(total * len(scale.items)) / len(points), Decimal(1))
    key_item_missing = any(instrument.alert_on(item) for item in scale.items if item not in points)
    return _Computed(
        value,
        status=Status.PRORATED,
        reason=Reason.KEY_ITEM_MISSING if key_item_missing else Reason.PRORATED,
    )


def _mean(scale: Scale, points: Points) -> _Computed:
    if len(points) < len(scale.items):
        return _ITEMS_MISSING
    return _Computed(half_up(Decimal(sum(points.values())) / len(points), scale.step))


def _look_up(instrument: Instrument, scale: Scale, rule: TableRule, points: Points) -> _Computed:
    """The published T-score. Without every item a form is never prorated: the pattern is scored, or nothing."""
    if not rule.rows:
        return _TABLE_MISSING
    if len(points) == len(scale.items):
        row = rule.rows[sum(points.values())]
        return _Computed(row.t, row.se)
    if rule.pattern is None or len(points) < rule.pattern.least:
        return _ITEMS_MISSING
    return _in_tenths(irt.pattern_estimate(instrument.bank, points), Status.PATTERN, Reason.PATTERN)


def _adaptive(instrument: Instrument, rule: AdaptiveRule, points: Points) -> _Computed:
    """Scored once the rule's own end was reached; before it, from its least number on, the pattern so far."""
    if len(points) < rule.least:
        return _ITEMS_MISSING
    found = irt.pattern_estimate(instrument.bank, points)
    if len(points) >= rule.most or found.se < rule.se_below:
        return _in_tenths(found, Status.SCORED)
    return _in_tenths(found, Status.PATTERN, Reason.PATTERN)


def _in_tenths(found: irt.Estimate, status: Status, reason: Reason | None = None) -> _Computed:
    return _Computed(tenths(found.t), tenths(found.t_se), status, reason)


def _combine(rule: CompositeRule, parts: Mapping[str, Score]) -> _Computed:
    """T = 50 + 10 * (weighted sum of standardised parts), in tenths, from the parts' own rounded values."""
    values = {part.scale: parts[part.scale].value for term in rule.terms for part in term.mean_of}
    known = {scale: value for scale, value in values.items() if value is not None}
    if len(known) < len(values):
        return _SCALE_MISSING
    z = sum((term.weight * _mean_z(term, known) for term in rule.terms), Decimal(0))
    return _Computed(half_up(50 + 10 * z, Decimal("0.1")))


def _mean_z(term: Term, values: Mapping[str, Decimal]) -> Decimal:
    return sum(((values[part.scale] - part.mean) / part.sd for part in term.mean_of), Decimal(0)) / len(term.mean_of)
