"""How much one score differs from another, in the two facts that a reader needs.

Whether the difference reaches the published threshold (a threshold of groups), and whether it is larger than the
error of two measurements of one person. Codes and numbers only; the fixed sentences are the templates'.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from prom_server.core.instrument import Better, Metric, Scale, Threshold
from prom_server.core.scoring import Score

_TENTH = Decimal("0.1")
_Z95 = Decimal("1.96")  # two-sided 95 % of the normal distribution


class Direction(StrEnum):
    """Which way a difference points, in the sense of the scale."""

    BETTER = "better"
    WORSE = "worse"
    NONE = "none"


class Absence(StrEnum):
    """Why there is no change to speak of."""

    NOT_ANSWERED = "not-answered"  # nothing was answered in this course
    ONLY_BASELINE = "only-baseline"  # nothing but the baseline was answered so far
    NO_BASELINE = "no-baseline"  # this course has none, and none is substituted
    BASELINE_NOT_SCORABLE = "baseline-not-scorable"
    LAST_NOT_SCORABLE = "last-not-scorable"


@dataclass(frozen=True, slots=True)
class Change:
    """From `before` to `after`. `reached` and the `could_` fields are None where no threshold is published."""

    difference: Decimal  # after - before, exact
    direction: Direction
    threshold: Threshold | None
    reached: bool | None  # exactly the threshold counts
    error: Decimal | None  # of the difference, 95 %, in tenths; None: not known
    could_improve: bool | None  # False: `before` was too near the end of the scale to get better by the threshold
    could_worsen: bool | None

    @property
    def beyond_error(self) -> bool | None:
        """Whether the difference is larger than its error, both as printed. None: the error is not known."""
        return None if self.error is None else abs(self.difference) > self.error

    @property
    def verdict(self) -> Direction:
        """The direction where the threshold is reached, else none: the only place for "better" and "worse"."""
        return self.direction if self.reached else Direction.NONE


def change(scale: Scale, before: Score | None, after: Score | None) -> Change | None:
    """The change between two scores of one scale; None where one is missing or not scorable."""
    if before is None or after is None or before.value is None or after.value is None:
        return None
    difference = after.value - before.value
    threshold = scale.threshold
    better, worse = _room(scale, before.value)
    return Change(
        difference=difference,
        direction=_direction(scale, difference),
        threshold=threshold,
        reached=None if threshold is None else abs(difference) >= threshold.value,
        error=measurement_error(scale, before, after),
        could_improve=None if threshold is None else better >= threshold.value,
        could_worsen=None if threshold is None else worse >= threshold.value,
    )


def measurement_error(scale: Scale, before: Score, after: Score) -> Decimal | None:
    """Half the width of the 95 % interval of a difference, in tenths, rounded half up; None: not known.

    T-scores: 1.96 * sqrt(SE1^2 + SE2^2), where both have a standard error. Otherwise the scale's own published
    minimal detectable change, if there is one.
    """
    if scale.metric is Metric.T and before.se is not None and after.se is not None:
        exact = _Z95 * (before.se * before.se + after.se * after.se).sqrt()
        return exact.quantize(_TENTH, ROUND_HALF_UP)
    return None if scale.error is None else scale.error.value.quantize(_TENTH, ROUND_HALF_UP)


def _direction(scale: Scale, difference: Decimal) -> Direction:
    if difference == 0:
        return Direction.NONE
    return Direction.BETTER if (difference > 0) == (scale.better is Better.HIGHER) else Direction.WORSE


def _room(scale: Scale, value: Decimal) -> tuple[Decimal, Decimal]:
    """How far `value` could still move for the better and for the worse."""
    down, up = value - scale.low, scale.high - value
    return (up, down) if scale.better is Better.HIGHER else (down, up)
