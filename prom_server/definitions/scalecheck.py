"""What the numbers of one scale must satisfy: its table, its bands, its axis."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from prom_server.core.instrument import Better, Item, Metric, Scale
from prom_server.core.rules import MeanRule, RatingRule, ScoringRule, SumRule, TableRule
from prom_server.definitions.document import Finding, Place
from prom_server.definitions.ranges import raw_range

T_PLAUSIBLE = (5, 95)  # where the grid of the published tables ends (theta -4.5 to 4.5): a decision of this project
SE_PLAUSIBLE = (Decimal("0.5"), Decimal(10))  # in T; outside lies a slip of the pen, or a T-score in the wrong column
_METRICS = {SumRule: Metric.SUM, MeanRule: Metric.MEAN, RatingRule: Metric.RATING}  # the others give T-scores


def scale_findings(scale: Scale, items: list[Item], place: Place) -> Iterator[Finding]:
    if scale.metric is not _METRICS.get(type(scale.rule), Metric.T):
        yield Finding((*place, "metric"), f"{scale.metric} is not what its rule computes")
    for step, message in _rule(scale.rule, items):
        yield Finding((*place, "rule", *step), message)
    for message in _axis(scale):
        yield Finding((*place, "axis"), message)
    for step, message in _bands(scale):
        yield Finding((*place, "bands", *step), message)
    if scale.cutoff is not None and scale.cutoff.value not in [band.low for band in scale.bands[1:]]:
        yield Finding((*place, "cutoff", "value"), f"no band begins at {scale.cutoff.value}")
    for key, size in (("threshold", scale.threshold), ("error", scale.error)):
        if size is not None and size.value <= 0:
            yield Finding((*place, key, "value"), "is a size of change, above 0")


def _rule(rule: ScoringRule, items: list[Item]) -> Iterator[tuple[Place, str]]:
    if isinstance(rule, SumRule) and rule.max_missing >= len(items):
        yield ("max_missing",), "would score a scale without any answer"
    if isinstance(rule, TableRule) and rule.rows:
        for raw, message in table_findings(rule, items):
            yield ("rows",) if raw is None else ("rows", str(raw)), message
    if isinstance(rule, TableRule) and rule.pattern is not None and rule.pattern.least > len(items):
        yield ("pattern", "least"), f"there are {len(items)} items"


def table_findings(rule: TableRule, items: list[Item]) -> Iterator[tuple[int | None, str]]:
    """What is wrong with a table, each with the raw sum of the row, None where a row is missing."""
    low, high = raw_range(items)
    attainable = range(low, high + 1)
    if missing := [raw for raw in attainable if raw not in rule.rows]:
        yield None, f"do not cover exactly {low} to {high}: see {', '.join(map(str, missing))}"
    for raw in rule.rows:
        if raw not in attainable:
            yield raw, f"cannot be reached: the sums are {low} to {high}"
    for (raw, row), (next_raw, next_row) in pairwise(sorted(rule.rows.items())):
        if next_row.t <= row.t:
            yield next_raw, f"T does not rise from raw {raw} ({row.t}) to {next_raw} ({next_row.t})"
    for raw, row in rule.rows.items():
        if row.se is not None and not SE_PLAUSIBLE[0] <= row.se <= SE_PLAUSIBLE[1]:
            yield raw, f"the standard error at raw {raw} is {row.se}"
        if not T_PLAUSIBLE[0] <= row.t <= T_PLAUSIBLE[1]:
            yield raw, f"T at raw {raw} is {row.t}, outside {T_PLAUSIBLE[0]} to {T_PLAUSIBLE[1]}"
        if _finer_than_tenths(row.t):
            yield raw, f"T at raw {raw} is {row.t}, not in tenths"


def _finer_than_tenths(value: Decimal) -> bool:
    return value % Decimal("0.1") != 0


def _axis(scale: Scale) -> Iterator[str]:
    low, high = scale.axis
    if not low <= scale.low < scale.high <= high:
        yield f"{low} to {high} does not hold every value: {scale.low} to {scale.high}"
    if list(scale.ticks) != sorted(set(scale.ticks)) or not all(low <= tick <= high for tick in scale.ticks):
        yield "its ticks do not rise within it"


def _bands(scale: Scale) -> Iterator[tuple[Place, str]]:
    """They tile the axis, without gap or overlap in the scale's own steps, and grow worse in its own direction."""
    if not scale.bands:
        return
    if (scale.bands[0].low, scale.bands[-1].high) != scale.axis:
        yield (), f"do not run from {scale.axis[0]} to {scale.axis[1]}, the ends of the axis"
    for n, band in enumerate(scale.bands):
        if band.low > band.high:
            yield ("rows", n), f"{band.label} ends before it begins"
        if any(band.label == other.label for other in scale.bands[:n]):
            yield ("rows", n), f"two have the same label: {band.label}"
    for n, (lower, upper) in enumerate(pairwise(scale.bands), 1):
        if upper.low - lower.high != scale.step:
            gap = f"between {lower.label} (to {lower.high}) and {upper.label} (from {upper.low}) is a gap or an overlap"
            yield ("rows", n), gap
        if (upper.severity > lower.severity) is not (scale.better is Better.LOWER) or upper.severity == lower.severity:
            order = f"{lower.label} and {upper.label} are not in the order of severity when {scale.better} is better"
            yield ("rows", n), order
