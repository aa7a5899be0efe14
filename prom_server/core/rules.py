"""How a scale is computed from the points of its items: one frozen class for each kind of rule."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class SumRule:
    """The sum of the items. With up to `max_missing` not answered: their mean times the number of items, half up."""

    max_missing: int
    source: str


@dataclass(frozen=True, slots=True)
class MeanRule:
    """The mean of the items, half up to a tenth. Needs every item."""

    source: str


@dataclass(frozen=True, slots=True)
class Row:
    t: Decimal
    se: Decimal | None


@dataclass(frozen=True, slots=True)
class PatternRule:
    """With answers missing, and at least `least` given: score by response pattern instead of the table."""

    least: int
    source: str


@dataclass(frozen=True, slots=True)
class TableRule:
    """A published table from raw sum to T-score and standard error. Needs every item; never prorated.

    `rows` is empty where no table is public: then the clinic's supplement brings it.
    """

    rows: Mapping[int, Row]
    source: str
    pattern: PatternRule | None = None


@dataclass(frozen=True, slots=True)
class AdaptiveRule:
    """Items are chosen one by one from a bank: see `core.cat`.

    At least `least` answers; ends at `most`, or when the standard error of theta is below `se_below`, or after
    `most_skipped` skipped items.
    """

    least: int
    most: int
    se_below: Decimal
    most_skipped: int
    source: str


@dataclass(frozen=True, slots=True)
class RatingRule:
    """The value of the scale's one item, as it is."""


@dataclass(frozen=True, slots=True)
class Part:
    """Another scale of the same instrument, standardised: (value - mean) / sd."""

    scale: str
    mean: Decimal
    sd: Decimal


@dataclass(frozen=True, slots=True)
class Term:
    """A weight times the mean of its standardised parts."""

    weight: Decimal
    mean_of: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class CompositeRule:
    """T = 50 + 10 * sum of terms. Needs every part; no standard error."""

    terms: tuple[Term, ...]
    source: str


ScoringRule = SumRule | MeanRule | TableRule | RatingRule | CompositeRule | AdaptiveRule
