"""Draws one scale over a patient's courses. Nothing here knows a clinical rule: all numbers come with the view."""

from collections.abc import Mapping

from markupsafe import Markup

from prom_server.core.instrument import Better
from prom_server.core.trend_points import Chart, Point, PointStatus
from prom_server.core.trend_view import TrendView
from prom_server.reports import filters
from prom_server.reports.axis import Panel
from prom_server.reports.backdrop import backdrop
from prom_server.reports.canvas import Canvas, ChartWords
from prom_server.reports.foot import foot
from prom_server.reports.gaps import gaps
from prom_server.reports.look import LOOKS, Look
from prom_server.reports.marks import Box, Circle, Drawing, Line, Shape, Text, width_of
from prom_server.reports.placing import Surroundings, around_point, best

_STEPS = 12  # points along a line, to see whether words lie on it


def draw_chart(view: TrendView, chart: Chart, look: str, words: Mapping[str, str], locale: str = "en") -> Markup:
    """The SVG of one chart: `look` is "wide", "narrow" or "paper"."""
    drawing = draw(view, chart, LOOKS[look], ChartWords(**{key: str(each) for key, each in words.items()}), locale)
    return drawing.svg(LOOKS[look].css_class)


def draw(view: TrendView, chart: Chart, look: Look, words: ChartWords, locale: str = "en") -> Drawing:
    """All charts of a view share their days; each has the axis of its own scale."""
    canvas = Canvas(view, chart, look, words, locale)
    canvas.marks += backdrop(chart.series.scale, canvas.values, canvas.plot, look)
    _courses(canvas)
    _references(canvas)
    _lines(canvas)
    _points(canvas)
    gaps(canvas)
    _values(canvas)
    if not canvas.scored:
        _empty(canvas)
    bottom = foot(canvas)
    title, description = _said(canvas)
    return Drawing(look.width, bottom + 3, title, description, tuple(canvas.marks))


def _courses(canvas: Canvas) -> None:
    """Set apart by a dotted line, each with its name above and its infusions on the axis."""
    look, plot = canvas.look, canvas.plot
    edges = [panel.left - look.pause * 0.45 for panel in canvas.panels.values()]
    starts = [look.left, *edges[1:]]
    for panel, start, end in zip(canvas.panels.values(), starts, [*edges[1:], plot.right], strict=False):
        if start > look.left:
            canvas.marks.append(Line(start, plot.top, start, plot.bottom, look.hair, dash="2 3"))
        room = (look.width if end == plot.right else end) - start - 8
        heading = _heading(canvas, panel, room)
        canvas.marks.append(Text(start + 4, plot.top - look.text * 0.5, heading, look.text, look.quiet, "course"))
        _infusions(canvas, panel)


def _heading(canvas: Canvas, panel: Panel, room: float) -> str:
    """The longest way to name the course that fits."""
    course = panel.course
    facts: dict[str, int | str] = {
        "number": course.number,
        "days": filters.days(panel.treated_from, panel.treated_to, canvas.locale),
        "month": filters.month(panel.treated_from, canvas.locale),
    }
    ways = (canvas.words.course, canvas.words.course_short) if course.infusions else ()
    said: list[str] = [way.format(**facts) for way in (*ways, canvas.words.course_bare)]
    return next((each for each in said if width_of(each, canvas.look.text) <= room), said[-1])


def _infusions(canvas: Canvas, panel: Panel) -> None:
    half, foot = canvas.look.radius * 0.6, canvas.plot.bottom - 1.5
    for day in panel.course.infusions:
        x = panel.x(day)
        tip = foot - half * 1.9
        canvas.marks.append(Shape(((x - half, foot), (x + half, foot), (x, tip)), canvas.look.ink))
        canvas.taken.append(Box(x - half, tip, x + half, foot))


def _references(canvas: Canvas) -> None:
    """The baseline of the current course as dashes, the threshold from it as dots."""
    base, threshold = canvas.chart.row.baseline, canvas.chart.series.scale.threshold
    if canvas.here is None or base is None or base.value is None:
        return
    x, right = canvas.x(base), _panel_end(canvas, canvas.here)
    _level(canvas, x, right, canvas.y(base), 1.1, "7 5")
    if threshold is not None:
        way = 1 if canvas.chart.series.scale.better is Better.HIGHER else -1
        goal = base.value + way * threshold.value
        if canvas.values.shows(goal):
            _level(canvas, x, right, canvas.values.y(goal), 1.3, "1.5 4")


def _panel_end(canvas: Canvas, panel: Panel) -> float:
    last = max(canvas.panels) == panel.course.number
    return canvas.plot.right if last else panel.right + canvas.look.pause * 0.4


def _level(canvas: Canvas, left: float, right: float, y: float, width: float, dash: str) -> None:
    canvas.marks.append(Line(left, y, right, y, canvas.look.ink, width, dash))


def _lines(canvas: Canvas) -> None:
    for a, b in canvas.steps():
        canvas.marks.append(Line(canvas.x(a), canvas.y(a), canvas.x(b), canvas.y(b), canvas.look.ink, 2))


def _path(canvas: Canvas) -> list[tuple[float, float]]:
    ends = [(canvas.x(a), canvas.y(a), canvas.x(b), canvas.y(b)) for a, b in canvas.steps()]
    shares = [step / _STEPS for step in range(_STEPS + 1)]
    return [(x1 + (x2 - x1) * share, y1 + (y2 - y1) * share) for x1, y1, x2, y2 in ends for share in shares]


def _points(canvas: Canvas) -> None:
    for point in canvas.scored:
        _whisker(canvas, point)
        x, y, radius = canvas.x(point), canvas.y(point), canvas.look.radius
        canvas.marks.append(_sign(point.status, x, y, canvas.look))
        canvas.taken.append(Box(x - radius, y - radius, x + radius, y + radius))


def _sign(status: PointStatus, x: float, y: float, look: Look) -> Circle | Shape:
    """A dot; open and cornered where the value is not simply scored: a diamond prorated, a square by pattern."""
    if status is PointStatus.SCORED:
        return Circle(x, y, look.radius, look.ink, look.ground, 1)
    r = look.radius * (1.25 if status is PointStatus.PRORATED else 1.1)
    diamond = ((x, y - r), (x + r, y), (x, y + r), (x - r, y))
    square = ((x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r))
    return Shape(diamond if status is PointStatus.PRORATED else square, look.ground, look.ink, 1.8)


def _whisker(canvas: Canvas, point: Point) -> None:
    if point.value is None or not point.error_bar:
        return
    x, ink = canvas.x(point), canvas.look.ink
    high, low = canvas.values.y(point.value + point.error_bar), canvas.values.y(point.value - point.error_bar)
    ends = [Line(x - 3.5, end, x + 3.5, end, ink, 1.2) for end in (high, low)]
    canvas.marks += [Line(x, high, x, low, ink, 1.2), *ends]
    canvas.taken.append(Box(x - 3, high, x + 3, low))


def _values(canvas: Canvas) -> None:
    """The newest first: where room is short, older ones are left to the table."""
    around = Surroundings(canvas.plot, canvas.taken, _path(canvas))
    for point in reversed(canvas.scored):
        bar = point.error_bar or 0
        reach = max(canvas.y(point) - canvas.values.y((point.value or 0) + bar), canvas.look.radius) + 4
        spots = around_point(canvas.x(point), canvas.y(point), reach, canvas.look.radius, _label(canvas, point))
        text = best(spots, around, canvas.written)
        if text is not None:
            canvas.write([text])


def _label(canvas: Canvas, point: Point) -> Text:
    look = canvas.look
    return Text(0, 0, canvas.figure(point), look.value, look.ink, "value", strong=True, halo=look.ground)


def _empty(canvas: Canvas) -> None:
    look = canvas.look
    middle = (canvas.plot.left + canvas.plot.right) / 2
    y = (canvas.plot.top + canvas.plot.bottom) / 2
    canvas.write([Text(middle, y, canvas.words.empty, look.text, look.quiet, "empty", "middle", halo=look.ground)])


def _said(canvas: Canvas) -> tuple[str, str]:
    """The title, and every point in words for those who do not see it."""
    way = canvas.words.lower if canvas.chart.series.scale.better is Better.LOWER else canvas.words.higher
    title = f"{canvas.chart.series.name}, {way}"
    named = [(filters.day_year(point.on, canvas.locale), point.name, canvas.figure(point)) for point in canvas.points]
    description = "; ".join(f"{on}, {name}: {figure}" for on, name, figure in named)
    return (f"{title}. {description}" if canvas.look.whole_title else title), description
