"""The state of one chart while it is drawn: where things lie, what was drawn, what words must keep clear of."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from prom_server.core.trend_points import Chart, Point, PointStatus
from prom_server.core.trend_view import TrendView
from prom_server.reports import filters
from prom_server.reports.axis import Panel, ValueAxis, panels, value_axis
from prom_server.reports.look import Look
from prom_server.reports.marks import Box, Mark, Text


@dataclass(frozen=True, slots=True)
class ChartWords:
    """The visible words, from a template. "|" parts two lines; {…} is filled in here."""

    course: str  # "Course {number}, {days}"
    course_short: str  # "Course {number}, {month}"
    course_bare: str  # "Course {number}"
    lower: str
    higher: str
    unanswered: str  # "not|answered"
    not_scorable: str  # "not|scorable"
    due: str  # "due|{day}"
    prorated: str  # "p", beside a prorated value
    pattern: str  # "r", beside a value scored by response pattern
    empty: str  # "No scores yet"


class Canvas:
    """Marks from the back to the front. `taken` are boxes of marks, `written` boxes of words."""

    def __init__(self, view: TrendView, chart: Chart, look: Look, words: ChartWords, locale: str) -> None:
        self.chart, self.look, self.words, self.locale = chart, look, words, locale
        self.panels: dict[int, Panel] = panels(view.courses, (each for one in view.charts for each in one.points), look)
        self.points = [point for point in chart.points if point.course in self.panels]
        self.scored = [point for point in self.points if point.value is not None]
        self.plot = Box(look.left, look.text * 1.75, look.width - look.right, look.text * 1.75 + look.plot_height)
        self.values: ValueAxis = value_axis(chart.series.scale, self.points, self.plot.top, self.plot.bottom)
        self.marks: list[Mark] = []
        self.taken: list[Box] = []
        self.written: list[Box] = []
        current = chart.row.last.course if chart.row.last else None
        self.here = self.panels.get(current) if current else None

    def x(self, point: Point) -> float:
        return self.panels[point.course].x(point.on)

    def y(self, point: Point) -> float:
        return self.values.y(point.value or 0)

    def steps(self) -> list[tuple[Point, Point]]:
        """Neighbours that a line may join: one course, and nothing missing between them."""
        pairs = pairwise(self.points)
        return [(a, b) for a, b in pairs if a.value is not None and b.value is not None and a.course == b.course]

    def write(self, texts: Iterable[Text]) -> None:
        for text in texts:
            self.marks.append(text)
            self.written.append(text.box)

    def state(self, point: Point) -> str:
        if point.status is PointStatus.DUE:
            return self.words.due.format(day=filters.day_short(point.on, self.locale))
        unscored = point.status is PointStatus.NOT_SCORABLE
        return self.words.not_scorable if unscored else self.words.unanswered

    def figure(self, point: Point) -> str:
        if point.value is None:
            return self.state(point).replace("|", " ")
        letters = {PointStatus.PRORATED: self.words.prorated, PointStatus.PATTERN: self.words.pattern}
        figure = filters.number(point.value, self.chart.series.scale.metric)
        return f"{figure} {letters[point.status]}" if point.status in letters else figure
