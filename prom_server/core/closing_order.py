"""Where the assessments of one time point lie in the order in which they close.

Windows of one time point are planned alike: what closes first was also overdue first, due first and opened first. So
in that order what is open today is one stretch that begins today, what is overdue is the front of it, and what is due
comes next. A work list reads from such a stretch as many rows as it shows, however many there are. What staff reopened,
or planning lets be answered for longer, has days of its own: it is in no stretch.

The stretches are only as wide as they must be: they hold every window that any protocol can plan. Where protocols
differ in one time point a stretch holds others too, so each row is still asked what it is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from prom_server.core.courses import CLOSING_SOON
from prom_server.core.schedule import LONGEST_WINDOW, NOT_INFUSED_YET, TimePoint
from prom_server.core.worklist import Show

DAY = timedelta(days=1)
SOON = timedelta(days=CLOSING_SOON)
FIRST_ANCHOR = date(2000, 1, 1)
FOUR_YEARS = 1461  # days, a leap day among them: after these the lengths of months come again


@dataclass(frozen=True, slots=True)
class Span:
    """How long before the last day accepted a window opens, is due and is overdue."""

    opens: timedelta  # at most
    due: timedelta  # at most
    overdue: timedelta  # at most
    overdue_least: timedelta  # below zero: it closes before it would be overdue

    def __or__(self, other: "Span") -> "Span":
        """Holds the windows of both."""
        return Span(
            max(self.opens, other.opens),
            max(self.due, other.due),
            max(self.overdue, other.overdue),
            min(self.overdue_least, other.overdue_least),
        )


# Of a time point that no protocol here knows: wide enough for every window that a protocol may plan.
ANY = Span(LONGEST_WINDOW, LONGEST_WINDOW, LONGEST_WINDOW, -LONGEST_WINDOW)


@cache
def span(point: TimePoint) -> Span:
    """Of all windows that this time point can have."""
    offsets = (point.opens, point.due, point.overdue, point.closes)
    anchors = FOUR_YEARS if any(each.months for each in offsets) else 1
    windows = [point.window(FIRST_ANCHOR + number * DAY) for number in range(anchors)]
    put_off = NOT_INFUSED_YET if point.closes_at_first_infusion else timedelta(0)
    return Span(
        max(each.closes_on - each.opens_on for each in windows) + put_off,
        max(each.closes_on - each.due_on for each in windows) + put_off,
        max(each.closes_on - each.overdue_on for each in windows) + put_off,
        min(each.closes_on - each.overdue_on for each in windows),
    )


def spans(points: Iterable[TimePoint]) -> Mapping[str, Span]:
    """By the time point's id, over all protocols and revisions that have it."""
    found: dict[str, Span] = {}
    for point in points:
        found[point.id] = found[point.id] | span(point) if point.id in found else span(point)
    return found


def stretch(show: Show, of: Span, today: date) -> tuple[date, date]:
    """The first and the last `closes_on` that an assessment of this kind can have today."""
    if show is Show.OVERDUE:
        return today, today + of.overdue
    if show is Show.DUE:
        return max(today, today + of.overdue_least + DAY), today + of.due
    if show is Show.CLOSING:
        return today, today + min(of.opens, SOON)
    return today, today + of.opens
