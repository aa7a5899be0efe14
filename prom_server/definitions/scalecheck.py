"""What the numbers of one scale must satisfy: its table, its bands, its axis."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from prom_server.core.instrument import Better, Item, Metric, RatingRule, Scale, SumRule, TableRule
from prom_server.definitions.document import Finding, Place
from prom_server.definitions.ranges import raw_range

SE_PLAUSIBLE = (Decimal("0.5"), Decimal(10))  # in T; outside lies a slip of the pen, or a T-score in the wrong column
_METRICS = {SumRule: Metric.SUM, RatingRule: Metric.RATING}  # a table and a composite give T-scores


def scale_findings(scale: Scale, items: list[Item], place: Place) -> Iterator[Finding]:
    if scale.metric is not _METRICS.get(type(scale.rule), Metric.T):
        yield Finding((*place, "metric"), f"{scale.metric} is not what its rule computes")
    if isinstance(scale.rule, TableRule):
        for message in _table(scale.rule, items):
            yield Finding((*place, "rule", "rows"), message)
    if isinstance(scale.rule, SumRule) and scale.rule.max_missing >= len(items):
        yield Finding((*place, "rule", "max_missing"), "would score a scale without any answer")
    for message in _axis(scale):
        yield Finding((*place, "axis"), message)
    for message in _bands(scale):
        yield Finding((*place, "bands"), message)
    if scale.threshold is not None and scale.threshold.value <= 0:
        yield Finding((*place, "threshold"), "is a size of change, above 0")


def _table(rule: TableRule, items: list[Item]) -> Iterator[str]:
    low, high = raw_range(items)
    if wrong := sorted(set(rule.rows) ^ set(range(low, high + 1))):
        yield f"do not cover exactly {low} to {high}: see {', '.join(map(str, wrong))}"
    for (raw, row), (next_raw, next_row) in pairwise(sorted(rule.rows.items())):
        if next_row.t <= row.t:
            yield f"T does not rise from raw {raw} ({row.t}) to {next_raw} ({next_row.t})"
    for raw, row in rule.rows.items():
        if row.se is not None and not SE_PLAUSIBLE[0] <= row.se <= SE_PLAUSIBLE[1]:
            yield f"the standard error at raw {raw} is {row.se}"
        if _finer_than_tenths(row.t):
            yield f"T at raw {raw} is {row.t}, not in tenths"


def _finer_than_tenths(value: Decimal) -> bool:
    return value % Decimal("0.1") != 0


def _axis(scale: Scale) -> Iterator[str]:
    low, high = scale.axis
    if not low <= scale.low < scale.high <= high:
        yield f"{low} to {high} does not hold every value: {scale.low} to {scale.high}"
    if list(scale.ticks) != sorted(set(scale.ticks)) or not all(low <= tick <= high for tick in scale.ticks):
        yield "its ticks do not rise within it"


def _bands(scale: Scale) -> Iterator[str]:
    """They tile the axis, without gap or overlap in the scale's own steps, and grow worse in its own direction."""
    if not scale.bands:
        return
    if (scale.bands[0].low, scale.bands[-1].high) != scale.axis:
        yield f"do not run from {scale.axis[0]} to {scale.axis[1]}, the ends of the axis"
    for band in scale.bands:
        if band.low > band.high:
            yield f"{band.label} ends before it begins"
    for lower, upper in pairwise(scale.bands):
        if upper.low - lower.high != scale.step:
            yield f"between {lower.label} (to {lower.high}) and {upper.label} (from {upper.low}) is a gap or an overlap"
        if (upper.severity > lower.severity) is not (scale.better is Better.LOWER):
            yield f"{lower.label} and {upper.label} are not in the order of severity when {scale.better} is better"
    if len({band.label for band in scale.bands}) < len(scale.bands):
        yield "two have the same label"
