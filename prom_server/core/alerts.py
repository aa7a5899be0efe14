"""Answers that a person must see: what one saved answer raises, and what a whole form does.

Alerts of items are raised when the answer is saved, those of scales when the form is submitted. A re-scoring raises
nothing: it changes numbers, not what the patient said.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from prom_server.core.instrument import Better, Instrument, ItemAlert, Level, Scale, ScoreAlert
from prom_server.core.responses import Responses
from prom_server.core.scoring import Answers, Score


@dataclass(frozen=True, slots=True)
class RaisedAlert:
    """Of an item, or of a scale with its score; `compared_with` is the earlier score or answer, of a worsening."""

    rule: str
    level: Level
    item: str = ""
    topic: str = ""
    scale: str | None = None
    score: Decimal | None = None
    value: int | None = None
    compared_with: Decimal | None = None


def raised_by(instrument: Instrument, item_id: str, value: int | None) -> ItemAlert | None:
    """The rule that this one answer sets off, whatever the rest of the form says. None for no answer: see the flag."""
    rule = instrument.alert_on(item_id)
    return rule if rule is not None and value is not None and value >= rule.at_least else None


def alerts_of(instrument: Instrument, answers: Answers, scores: Iterable[Score] = ()) -> tuple[RaisedAlert, ...]:
    """What the whole form raises: alerts, a flag for every watched item that was not answered, alerts of its scores."""
    of_items = tuple(alert for rule in instrument.alerts if (alert := _of(rule, answers.get(rule.item))) is not None)
    return (*of_items, *alerts_of_scores(instrument, scores))


def alerts_of_form(
    instrument: Instrument, responses: Responses, scores: Iterable[Score] = ()
) -> tuple[RaisedAlert, ...]:
    """What is raised when a form is submitted: flags and scores. The alerts of its items were raised at the save."""
    given = {id_: current.value for id_, current in responses.items()}
    unanswered = (_of(rule, None) for rule in instrument.alerts if given.get(rule.item) is None)
    return (*(each for each in unanswered if each is not None), *alerts_of_scores(instrument, scores))


def _of(rule: ItemAlert, value: int | None) -> RaisedAlert | None:
    if value is None:
        return RaisedAlert(rule.unanswered_rule, Level.FLAG, rule.item, rule.topic)
    return RaisedAlert(rule.rule, Level.ALERT, rule.item, rule.topic) if value >= rule.at_least else None


def alerts_of_scores(instrument: Instrument, scores: Iterable[Score]) -> tuple[RaisedAlert, ...]:
    """What the scores raise. One that is not scorable raises nothing: it has no value."""
    values = {each.scale: each.value for each in scores}
    return tuple(
        RaisedAlert(rule.rule, Level.ALERT, topic=rule.topic, scale=rule.scale, score=value)
        for rule in instrument.score_alerts
        if (value := values.get(rule.scale)) is not None and is_met(rule, instrument.scale_by_id[rule.scale], value)
    )


def is_met(rule: ScoreAlert, scale: Scale, value: Decimal) -> bool:
    """Exactly the limit counts. A band is met from its severity on, wherever the scale points."""
    if rule.at_least is not None:
        return value >= rule.at_least
    if rule.at_most is not None:
        return value <= rule.at_most
    band, from_on = scale.band(value), least_severity(rule, scale)
    return band is not None and from_on is not None and band.severity >= from_on


def least_severity(rule: ScoreAlert, scale: Scale) -> int | None:
    """Of a rule on a band; None where the scale has no such band, which the linter refuses."""
    if rule.severity is not None:
        return rule.severity
    return next((band.severity for band in scale.bands if band.label == rule.band), None)


def is_worse(scale: Scale, value: Decimal, than: Decimal) -> bool:
    return value < than if scale.better is Better.HIGHER else value > than
