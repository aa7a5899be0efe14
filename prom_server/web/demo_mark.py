"""The demo's clock on every page: followed before each request, shown where it was moved."""

from datetime import date

from flask import Flask

from prom_server import clock, demo_clock


def install(app: Flask) -> None:
    app.before_request(_follow)
    app.jinja_env.globals.update(demo_clock=_shown)


def _follow() -> None:
    demo_clock.follow()


def _shown() -> tuple[date, int] | None:
    """The demo's day, and how many days it stands ahead; None where its clock was not moved."""
    day = demo_clock.today()
    return (day, clock.ahead().days) if day else None
