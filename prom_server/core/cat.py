"""Adaptive testing: the next item is the one that tells most about this person, until enough is known.

The adult rule of HealthMeasures: the item with the largest posterior-weighted information (Fisher information summed
over the posterior) comes next, the first one under the prior alone; no exposure control. What the rule counts to is the
definition's (`AdaptiveRule`).

A state follows from the answers and nothing else: `replay` rebuilds it, so Back, a changed answer or another device
need nothing stored. A skipped item is not asked again; another one takes its place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from prom_server.core.instrument import Instrument
from prom_server.core.irt import THETA, Array, Estimate, ItemBank, estimate, posterior
from prom_server.core.rules import AdaptiveRule


class Stop(StrEnum):
    """Why no further item is asked."""

    PRECISION = "precision"  # the standard error is below the rule's
    LENGTH = "length"  # as many answers as the rule allows
    SKIPPED = "skipped"  # as many skipped items as the rule allows
    EXHAUSTED = "exhausted"  # no item is left


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Where one person stands. `item` is what to ask next, None once `stop` says why not."""

    bank: ItemBank
    rule: AdaptiveRule
    asked: tuple[str, ...]  # in order, answered or skipped
    answered: int
    likelihood: Array  # its logarithm over the grid
    estimate: Estimate
    item: str | None
    stop: Stop | None

    def after(self, points: int | None) -> "State":
        """The state once `item` was answered with these points, or skipped (None)."""
        if self.item is None:
            raise ValueError("the test has ended")
        likelihood = self.likelihood
        if points is not None:
            place = self.bank.index[self.item]
            likelihood = likelihood + self.bank.log_p[place, points - self.bank.lowest[place]]
        answered = self.answered + (points is not None)
        return _state(self.bank, self.rule, (*self.asked, self.item), answered, likelihood)


def start(instrument: Instrument) -> State:
    """Before the first answer. Raises ValueError for an instrument that is not adaptive."""
    if instrument.adaptive is None:
        raise ValueError(f"{instrument.id} is not adaptive")
    return begin(instrument.bank, instrument.adaptive)


def begin(bank: ItemBank, rule: AdaptiveRule) -> State:
    return _state(bank, rule, (), 0, np.zeros_like(THETA))


def replay(instrument: Instrument, answers: Mapping[str, int | None]) -> State:
    """The state that some answers lead to: item -> option value, None where it was skipped.

    An answer to an item that these answers no longer lead to counts for nothing.
    """
    state = start(instrument)
    while state.item is not None and state.item in answers:
        value = answers[state.item]
        state = state.after(None if value is None else instrument.item_by_id[state.item].points(value))
    return state


def _state(bank: ItemBank, rule: AdaptiveRule, asked: tuple[str, ...], answered: int, likelihood: Array) -> State:
    weights = posterior(likelihood)
    reached = estimate(weights)
    stop = _stop(bank, rule, len(asked), answered, reached)
    item = None if stop else _most_informative(bank, weights, asked)
    return State(bank, rule, asked, answered, likelihood, reached, item, stop)


def _stop(bank: ItemBank, rule: AdaptiveRule, asked: int, answered: int, reached: Estimate) -> Stop | None:
    if answered >= rule.least and reached.se < rule.se_below:
        return Stop.PRECISION
    if answered >= rule.most:
        return Stop.LENGTH
    if asked - answered >= rule.most_skipped:
        return Stop.SKIPPED
    return Stop.EXHAUSTED if asked == len(bank.ids) else None


def _most_informative(bank: ItemBank, weights: Array, asked: tuple[str, ...]) -> str:
    """The first in bank order where two tell the same: each row summed alike, which a matrix product does not do."""
    expected = np.vecdot(bank.information, weights)
    expected[[bank.index[item] for item in asked]] = -np.inf
    return bank.ids[int(expected.argmax())]
