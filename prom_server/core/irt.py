"""Item response theory: the graded response model, scored by response pattern (EAP).

Samejima's model, logistic with D = 1: P(X >= k | theta) = 1 / (1 + exp(-a (theta - b_k))). Estimates are expected a
posteriori under a standard normal prior, on a grid of theta from -4 to 4 in steps of 0.1, by plain sums, as
HealthMeasures scores PROMIS. T = 50 + 10 theta.

Arrays are indexed [item, category, theta] or [item, theta]. A category counts from 0, the item's fewest points.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

THETA: Array = np.arange(-40, 41) / 10
PRIOR: Array = np.exp(-(THETA**2) / 2)
PRIOR /= PRIOR.sum()
_LOG_PRIOR: Array = np.log(PRIOR)
_CHUNK = 1_000  # patterns whose posteriors fit into the processor's cache


@dataclass(frozen=True, slots=True)
class Graded:
    """The parameters of one item: its discrimination, and the thresholds between its categories, rising."""

    a: float
    b: tuple[float, ...]


class Estimate(NamedTuple):
    """Theta and its standard error, the posterior's mean and standard deviation."""

    theta: float
    se: float

    @property
    def t(self) -> float:
        return 50 + 10 * self.theta

    @property
    def t_se(self) -> float:
        return 10 * self.se


@dataclass(frozen=True, slots=True, eq=False)
class ItemBank:
    """The curves of some items on the grid, computed once."""

    ids: tuple[str, ...]
    index: Mapping[str, int]
    lowest: tuple[int, ...]  # the points of category 0
    log_p: Array  # [item, category, theta]; rows beyond an item's categories are never looked at
    information: Array  # [item, theta]

    def log_likelihood(self, points: Mapping[str, int]) -> Array:
        """Of theta, given some items' points. [theta]"""
        items = [self.index[item] for item in points]
        categories = [value - self.lowest[item] for item, value in zip(items, points.values(), strict=True)]
        likelihood: Array = self.log_p[items, categories].sum(axis=0)
        return likelihood


def item_bank(items: Mapping[str, tuple[Graded, int]]) -> ItemBank:
    """From each item's parameters and its fewest points, in the order of the bank."""
    most = max((len(graded.b) + 1 for graded, _ in items.values()), default=0)
    log_p = np.full((len(items), most, THETA.size), -np.inf)
    information = np.empty((len(items), THETA.size))
    for place, (graded, _) in enumerate(items.values()):
        log_p[place, : len(graded.b) + 1] = log_probabilities(graded, THETA)
        information[place] = fisher_information(graded, THETA)
    return ItemBank(
        ids=tuple(items),
        index={item: place for place, item in enumerate(items)},
        lowest=tuple(lowest for _, lowest in items.values()),
        log_p=log_p,
        information=information,
    )


def log_probabilities(graded: Graded, theta: Array) -> Array:
    """The logarithm of P(X = k | theta). [category, theta]

    For x > y the difference of two logistic curves is s(x) - s(y) = s(x) s(-y) (1 - exp(y - x)), which is exact where
    both are nearly 1 and their difference would be lost.
    """
    above = _logits(graded, theta)
    log_p = np.zeros((len(graded.b) + 1, theta.size))
    log_p[1:] += _log_logistic(above)
    log_p[:-1] += _log_logistic(-above)
    log_p[1:-1] += np.log1p(-np.exp(above[1:] - above[:-1]))
    return log_p


def fisher_information(graded: Graded, theta: Array) -> Array:
    """The sum over the categories of P'(theta)^2 / P(theta). [theta]"""
    slopes = np.zeros((len(graded.b) + 2, theta.size))  # of P(X >= k), for k = 0 and beyond the last it is flat
    above = _logits(graded, theta)
    slopes[1:-1] = graded.a * np.exp(_log_logistic(above) + _log_logistic(-above))
    information: Array = ((slopes[:-1] - slopes[1:]) ** 2 / np.exp(log_probabilities(graded, theta))).sum(axis=0)
    return information


def posterior(log_likelihood: Array) -> Array:
    """Over the grid, adding up to 1. [theta], or [pattern, theta]"""
    weights = _LOG_PRIOR + log_likelihood
    weights -= weights.max(axis=-1, keepdims=True)
    np.exp(weights, out=weights)
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights


def estimate(weights: Array) -> Estimate:
    """The mean and the standard deviation of a posterior over the grid."""
    theta = float(weights @ THETA)
    return Estimate(theta, math.sqrt(weights @ (THETA - theta) ** 2))


def pattern_estimate(bank: ItemBank, points: Mapping[str, int]) -> Estimate:
    """Expected a posteriori from the points of the items that were answered."""
    return estimate(posterior(bank.log_likelihood(points)))


def pattern_estimates(bank: ItemBank, categories: NDArray[np.int_]) -> tuple[Array, Array]:
    """Theta and standard error of many patterns at once, as `pattern_estimate` gives them but for rounding (1e-13).

    `categories` is [pattern, item], the items those of the bank in its order; -1 where one was not answered.
    """
    numbers = np.arange(bank.log_p.shape[1])
    log_p = np.where(np.isfinite(bank.log_p), bank.log_p, 0).reshape(-1, THETA.size)
    theta, se = np.empty(len(categories)), np.empty(len(categories))
    for begin in range(0, len(categories), _CHUNK):
        chunk = slice(begin, begin + _CHUNK)
        # One product of matrices instead of a look-up for each item: no category, nothing added.
        chosen = (categories[chunk, :, None] == numbers).reshape(-1, len(log_p)).astype(np.float64)
        weights = posterior(chosen @ log_p)
        theta[chunk] = weights @ THETA
        se[chunk] = np.sqrt(np.maximum(weights @ THETA**2 - theta[chunk] ** 2, 0))  # rounding may go below 0
    return theta, se


def sum_score_table(items: Iterable[Graded], theta: Array) -> list[Estimate]:
    """For each sum of categories, from 0: the estimate of everyone with that sum (Lord and Wingersky 1984).

    Published PROMIS tables are computed so on theta from -4.5 to 4.5 in steps of 0.1.
    """
    likelihood: Array = np.ones((1, theta.size))
    for graded in items:
        p = np.exp(log_probabilities(graded, theta))
        longer = np.zeros((len(likelihood) + len(p) - 1, theta.size))
        for category, of_category in enumerate(p):
            longer[category : category + len(likelihood)] += likelihood * of_category
        likelihood = longer
    weights = likelihood * np.exp(-(theta**2) / 2)
    weights /= weights.sum(axis=1, keepdims=True)
    means = weights @ theta
    deviations = np.sqrt((weights * (theta - means[:, None]) ** 2).sum(axis=1))
    return [Estimate(float(mean), float(sd)) for mean, sd in zip(means, deviations, strict=True)]


def _logits(graded: Graded, theta: Array) -> Array:
    """Of P(X >= k | theta) for k = 1 and on. [threshold, theta]"""
    logits: Array = graded.a * (theta - np.array(graded.b)[:, None])
    return logits


def _log_logistic(x: Array) -> Array:
    return -np.logaddexp(0, -x)
