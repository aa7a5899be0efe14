"""Answers that a person must see: what one saved answer raises, and what a whole form does."""

from dataclasses import dataclass

from prom_server.core.instrument import Instrument, ItemAlert, Level
from prom_server.core.scoring import Answers


@dataclass(frozen=True, slots=True)
class RaisedAlert:
    rule: str
    level: Level
    item: str


def raised_by(instrument: Instrument, item_id: str, value: int | None) -> ItemAlert | None:
    """The rule that this one answer sets off, whatever the rest of the form says. None for no answer: see the flag."""
    rule = instrument.alert_on(item_id)
    return rule if rule is not None and value is not None and value >= rule.at_least else None


def alerts_of(instrument: Instrument, answers: Answers) -> tuple[RaisedAlert, ...]:
    """What the whole form raises: alerts, and a flag for every watched item that was not answered."""
    return tuple(alert for rule in instrument.alerts if (alert := _of(rule, answers.get(rule.item))) is not None)


def _of(rule: ItemAlert, value: int | None) -> RaisedAlert | None:
    if value is None:
        return RaisedAlert(rule.unanswered_rule, Level.FLAG, rule.item)
    return RaisedAlert(rule.rule, Level.ALERT, rule.item) if value >= rule.at_least else None
