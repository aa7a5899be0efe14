"""Where days and values lie in a chart.

Days are to scale within a course, but the stretch from baseline to the last infusion is drawn wider than its days,
since baseline and last infusion would coincide otherwise. Courses stand side by side, set apart: a follow-up stays in
its own course even when it was answered after the next one began.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from prom_server.core.instrument import Metric, Scale
from prom_server.core.trend_facts import CourseFacts
from prom_server.core.trend_points import Point
from prom_server.reports.look import Look

MOST_COURSES = 3  # a chart of more would not be legible; the table of all scores has them
_FOLLOWED = timedelta(days=180)  # kept free for follow-ups that are not planned yet
_PLANNED = timedelta(days=4)  # the length of a series that has not begun
_SHOWN_T = 40  # T-scores: what an axis shows, unless a value lies outside
_LEAD = 0.45  # of the wide stretch: from baseline to the first infusion


@dataclass(frozen=True, slots=True)
class Panel:
    """One course: its stretches of days, and where they lie."""

    course: CourseFacts
    start: date
    treated_from: date
    treated_to: date
    end: date
    left: float = 0
    lead: float = 0  # width from start to the first infusion
    week: float = 0  # width from the first to the last infusion
    per_day: float = 0

    @property
    def right(self) -> float:
        return self.x(self.end)

    def x(self, day: date) -> float:
        if day < self.treated_from:
            return self.left + self.lead * _share(self.start, day, self.treated_from)
        if day <= self.treated_to:
            return self.left + self.lead + self.week * _share(self.treated_from, day, self.treated_to)
        return self.left + self.lead + self.week + (day - self.treated_to).days * self.per_day


def _share(first: date, day: date, last: date) -> float:
    return max(0.0, min(1.0, (day - first).days / max((last - first).days, 1)))


def panels(courses: Iterable[CourseFacts], points: Iterable[Point], look: Look) -> dict[int, Panel]:
    """By course number: the last courses that have any point, over the whole width."""
    points = tuple(points)
    asked = {point.course for point in points}
    shown = [each for each in sorted(courses, key=lambda each: each.number) if each.number in asked][-MOST_COURSES:]
    days = {each.number: [point.on for point in points if point.course == each.number] for each in shown}
    return _placed([_stretches(each, days[each.number]) for each in shown], look)


def _stretches(course: CourseFacts, days: list[date]) -> Panel:
    treated_from = min(course.infusions, default=course.starts_on)
    treated_to = max(course.infusions, default=course.starts_on + _PLANNED)
    return Panel(
        course,
        start=min(*days, treated_from),
        treated_from=treated_from,
        treated_to=treated_to,
        end=max(*days, treated_to + _FOLLOWED),
    )


def _placed(bare: list[Panel], look: Look) -> dict[int, Panel]:
    width = look.width - look.left - look.right - 2 * look.inset - (len(bare) - 1) * look.pause
    week = min(look.week, width / max(len(bare), 1) * 0.45)
    after = sum((each.end - each.treated_to).days for each in bare)
    per_day = (width - week * len(bare)) / after if after else 0
    placed, x = {}, look.left + look.inset
    for each in bare:
        lead = week * _LEAD if each.start < each.treated_from else 0
        panel = Panel(
            each.course,
            each.start,
            each.treated_from,
            each.treated_to,
            each.end,
            left=x,
            lead=lead,
            week=week - lead,
            per_day=per_day,
        )
        placed[each.course.number] = panel
        x = panel.right + look.pause
    return placed


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """The scale's own axis; it grows only where a value with its standard error would leave it."""

    low: float
    high: float
    top: float
    foot: float

    def y(self, value: Decimal | float) -> float:
        share = (float(value) - self.low) / (self.high - self.low)
        return self.foot - max(0.0, min(1.0, share)) * (self.foot - self.top)

    def shows(self, value: Decimal | float) -> bool:
        return self.low <= float(value) <= self.high


def value_axis(scale: Scale, points: Iterable[Point], top: float, foot: float) -> ValueAxis:
    """40 T around the bands where every T-score with its standard error stays inside them, else the whole axis.

    Never narrower: with the same 40 T in every chart slopes compare, and noise does not look like change.
    """
    scored = [(point.value, point.error_bar or Decimal(0)) for point in points if point.value is not None]
    lowest = min((float(value - error) for value, error in scored), default=float("inf"))
    highest = max((float(value + error) for value, error in scored), default=float("-inf"))
    low, high = (float(edge) for edge in scale.axis)
    start = _usual(scale, low, high) if scale.metric is Metric.T else None
    if start is not None and start <= lowest and highest <= start + _SHOWN_T:
        return ValueAxis(start, start + _SHOWN_T, top, foot)
    return ValueAxis(min(low, lowest), max(high, highest), top, foot)


def _usual(scale: Scale, low: float, high: float) -> int | None:
    """Where the usual 40 T begin: at a ten of the axis, with the edges of the bands (or the axis) in the middle."""
    edges = sorted(float(band.low) for band in scale.bands)[1:] or [low, high]
    middle = (edges[0] + edges[-1]) / 2
    starts = range(math.ceil(low / 10) * 10, math.floor(high / 10) * 10 - _SHOWN_T + 1, 10)
    return min(starts, key=lambda start: abs(start + _SHOWN_T / 2 - middle), default=None)
