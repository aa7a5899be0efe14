"""How dates and numbers are written, for Jinja: on the pages and in the PDF alike."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from babel.dates import format_date
from jinja2 import Environment

from prom_server.core.instrument import Metric

_MINUS = "−"
_EN_DASH = "–"


def day(value: date, locale: str = "en") -> str:
    """Tue 24 Nov 2026."""
    return _date(value, "EEE d MMM y", locale)


def day_short(value: date, locale: str = "en") -> str:
    """24 Nov."""
    return _date(value, "d MMM", locale)


def day_year(value: date, locale: str = "en") -> str:
    """24 Nov 2026."""
    return _date(value, "d MMM y", locale)


def month(value: date, locale: str = "en") -> str:
    """Nov 2026."""
    return _date(value, "MMM y", locale)


def moment(value: datetime, locale: str = "en") -> str:
    """Tue 24 Nov 2026, 10:02; the value is in the clinic's time zone already."""
    return f"{day(value, locale)}, {clock(value)}"


def clock(value: datetime) -> str:
    """10:02."""
    return f"{value:%H:%M}"


def days(first: date, last: date, locale: str = "en") -> str:
    """12–16 Jan 2026; the month and the year only where they differ."""
    if first == last:
        return day_year(first, locale)
    if first.year != last.year:
        return f"{day_year(first, locale)}{_EN_DASH}{day_year(last, locale)}"
    start = str(first.day) if first.month == last.month else day_short(first, locale)
    return f"{start}{_EN_DASH}{day_year(last, locale)}"


def number(value: Decimal, metric: Metric) -> str:
    """A score: T-scores and means in tenths, sums and ratings as integers."""
    return _signless(value, metric.decimals)


def signed(value: Decimal, metric: Metric | None = None) -> str:
    """A difference with its sign: −9.5, +3, 0. Tenths for a T-score or a mean, else as exact as it is."""
    digits = 1 if (metric and metric.decimals) or value != value.to_integral_value() else 0
    sign = "+" if value > 0 else _MINUS if value < 0 else ""
    return sign + _signless(abs(value), digits)


def plain(value: Decimal) -> str:
    """A threshold or an error as it is written: 3, 3.5, 7.7."""
    return f"{value.normalize():f}".replace("-", _MINUS)


def tenths(value: Decimal) -> str:
    """A measurement error: 5.0."""
    return _signless(value, 1)


def install(environment: Environment, locale: str = "en") -> None:
    """Registers the filters and the chart functions; the page and the PDF call this once each."""
    from prom_server.reports.axis import MOST_COURSES
    from prom_server.reports.charts import draw_chart  # charts writes dates with these filters

    dated: tuple[Callable[..., str], ...] = (day, day_short, day_year, month, moment, days)
    filters: dict[str, Callable[..., Any]] = {each.__name__: partial(each, locale=locale) for each in dated}
    filters |= {each.__name__: each for each in (clock, number, signed, plain, tenths)}
    environment.filters.update(filters)
    environment.globals.update(draw_chart=partial(draw_chart, locale=locale), most_courses=MOST_COURSES)


def _date(value: date, pattern: str, locale: str) -> str:
    return str(format_date(value, pattern, locale=locale))


def _signless(value: Decimal, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", _MINUS)
