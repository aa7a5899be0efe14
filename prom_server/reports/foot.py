"""Below the axis: what each place is, and when."""

from collections.abc import Iterable

from prom_server.core.trend_points import Point
from prom_server.reports import filters
from prom_server.reports.canvas import Canvas
from prom_server.reports.marks import Text, width_of
from prom_server.reports.placing import rows

_ROWS = 2


def foot(canvas: Canvas) -> float:
    """Names and days where all fit, else names in two rows; gives the lowest edge."""
    look, size = canvas.look, canvas.look.text * 0.93
    names = [(canvas.x(point), width_of(point.short, look.text)) for point in canvas.points]
    dates = [(canvas.x(point), width_of(filters.day_short(point.on, canvas.locale), size)) for point in canvas.points]
    first = canvas.plot.bottom + look.text * 1.65
    if all(row == 0 for row in (*rows(names, 1), *rows(dates, 1))):
        below = [filters.day_short(point.on, canvas.locale) for point in canvas.points]
        _foot_row(canvas, zip(canvas.points, below, strict=True), first + look.text * 1.2, size, look.quiet)
        _foot_row(canvas, ((point, point.short) for point in canvas.points), first, look.text, look.ink)
        return first + look.text * 1.5
    chosen = rows(names, _ROWS)
    for row in range(_ROWS):
        named = [(point, point.short) for point, at in zip(canvas.points, chosen, strict=True) if at == row]
        _foot_row(canvas, named, first + row * look.text * 1.2, look.text, look.ink)
    return first + look.text * (1.5 if 1 in chosen else 0.4)


def _foot_row(canvas: Canvas, named: Iterable[tuple[Point, str]], y: float, size: float, fill: str) -> None:
    canvas.write([Text(canvas.x(point), y, words, size, fill, "label", "middle") for point, words in named])
