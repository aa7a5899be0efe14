"""What lies behind the points: bands with their names, and the axes."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from prom_server.core.instrument import Band, Scale
from prom_server.reports.axis import ValueAxis
from prom_server.reports.look import Look
from prom_server.reports.marks import Box, Line, Mark, Rect, Text
from prom_server.reports.placing import spread, wrapped

_TINT = 0.6  # opacity of a band
_LEADING = 1.12


def backdrop(scale: Scale, values: ValueAxis, plot: Box, look: Look) -> Iterator[Mark]:
    shown = _bands(scale, values)
    for band, low, high in shown:
        tint = look.tints[band.severity]
        if tint is not None:
            yield Rect(Box(plot.left, values.y(high), plot.right, values.y(low)), tint, _TINT)
    for _, low, _ in shown:
        if low > values.low:
            yield Line(plot.left, values.y(low), plot.right, values.y(low), look.hair, 0.6)
    yield from _names(shown, values, plot, look)
    yield from _axes(scale, values, plot, look)


def _bands(scale: Scale, values: ValueAxis) -> list[tuple[Band, float, float]]:
    """Those in sight, from the lowest, each with its edges half a step between it and its neighbours."""
    ordered = sorted(scale.bands, key=lambda band: band.low)
    between = [(below.high + above.low) / Decimal(2) for below, above in pairwise(ordered)]
    lows = [values.low, *(float(edge) for edge in between)]
    highs = [*(float(edge) for edge in between), values.high]
    clipped = [
        (band, max(low, values.low), min(high, values.high))
        for band, low, high in zip(ordered, lows, highs, strict=False)
    ]
    return [(band, low, high) for band, low, high in clipped if high > low]


def _names(shown: list[tuple[Band, float, float]], values: ValueAxis, plot: Box, look: Look) -> Iterator[Text]:
    """At the right, each beside its band, moved apart where bands are thin."""
    downwards = list(reversed(shown))
    lines = [wrapped(band.label, look.text, look.right - 9) for band, _, _ in downwards]
    line = look.text * _LEADING
    middles = [(values.y(low) + values.y(high)) / 2 for _, low, high in downwards]
    heights = [len(each) * line for each in lines]
    tops = spread(list(zip(middles, heights, strict=True)), plot.top - look.text * 0.3, plot.bottom + look.text * 0.3)
    for top, words in zip(tops, lines, strict=True):
        for index, each in enumerate(words):
            yield Text(plot.right + 7, top + index * line + look.text * 0.88, each, look.text, look.quiet, "band")


def _axes(scale: Scale, values: ValueAxis, plot: Box, look: Look) -> Iterator[Mark]:
    figure_above = float("inf")
    for tick in sorted(each for each in scale.ticks if values.shows(each)):
        y = values.y(tick)
        yield Line(plot.left - 4, y, plot.left, y, look.hair)
        if y <= figure_above:  # a figure is left out where it would stand on the one below it
            yield Text(plot.left - 6, y + look.text * 0.34, f"{tick:f}", look.text, look.quiet, "tick", "end")
            figure_above = y - look.text
    yield Line(plot.left, plot.top, plot.left, plot.bottom, look.hair)
    yield Line(plot.left, plot.bottom, plot.right, plot.bottom, look.ink)
