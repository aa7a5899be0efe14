"""How every staff page is shown: with the moment and the clinic's day, and the clinic's own clock."""

from datetime import date, datetime

from flask import g, render_template
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.web.filters import local


def clinic_day(at: datetime) -> date:
    """The calendar day at the signed-in person's clinic."""
    return local(at, g.by.clinic.time_zone).date()


def show(template: str, status: int = 200, **facts: object) -> Shown:
    at = clock.now()
    return render_template(template, at=at, today=clinic_day(at), **facts), status
