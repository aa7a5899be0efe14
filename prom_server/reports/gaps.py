"""What was asked and has no value: a mark on the axis, in words where there is room."""

from prom_server.core.trend_points import Point, PointStatus
from prom_server.reports.canvas import Canvas
from prom_server.reports.marks import Box, Circle, Line, Text, width_of

_LIFTS = 3  # heights at which the words may stand
_CLEAR = 4  # between words that stand side by side


def gaps(canvas: Canvas) -> None:
    """All of them, from left to right."""
    for point in canvas.points:
        if point.value is None:
            _hole(canvas, point)
            _gap_words(canvas, point)


def _hole(canvas: Canvas, point: Point) -> None:
    x, y, r, look = canvas.x(point), canvas.plot.bottom, canvas.look.radius * 0.8, canvas.look
    if point.status is PointStatus.NOT_SCORABLE:
        canvas.marks += [
            Line(x - r, y - r, x + r, y + r, look.ink, 1.8),
            Line(x - r, y + r, x + r, y - r, look.ink, 1.8),
        ]
    else:
        canvas.marks.append(Circle(x, y, look.radius, look.ground, look.ink, 1.6))
    canvas.taken.append(Box(x - look.radius, y - look.radius, x + look.radius, y + look.radius))


def _gap_words(canvas: Canvas, point: Point) -> None:
    """Two short lines over the mark, higher where others stand; none where there is no room: the legend says it."""
    look, size = canvas.look, canvas.look.text * 0.93
    lines = canvas.state(point).split("|")
    foot = canvas.plot.bottom - look.radius - 5
    for lift in range(_LIFTS):
        base = foot - lift * size * (len(lines) + 0.4)
        texts = [
            _over(canvas, point, base - back * size * 1.1, each, size) for back, each in enumerate(reversed(lines))
        ]
        if not any(
            text.box.wider(_CLEAR).overlap(other) for text in texts for other in (*canvas.written, *canvas.taken)
        ):
            if lift:
                x = canvas.x(point)
                canvas.marks.append(Line(x, canvas.plot.bottom - look.radius, x, base + 3, look.hair, 0.8))
            canvas.write(texts)
            return


def _over(canvas: Canvas, point: Point, y: float, words: str, size: float) -> Text:
    half = width_of(words, size) / 2
    x = min(max(canvas.x(point), canvas.plot.left + half + 2), canvas.plot.right - half - 1)
    return Text(x, y, words, size, canvas.look.quiet, "gap", "middle", halo=canvas.look.ground)
