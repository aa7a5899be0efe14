"""How long alerts waited: a page of numbers, and the same alerts as a file. Neither names a patient."""

from collections.abc import Iterator
from datetime import timedelta

from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core import delimited
from prom_server.core.alert_latency import AlertWaits, Period, Wait, period
from prom_server.core.permissions import StaffMember
from prom_server.core.refusals import Refused
from prom_server.services import alert_latency
from prom_server.transaction import reading, transaction
from prom_server.web.alert_forms import PeriodForm
from prom_server.web.filters import local
from prom_server.web.staff_page import clinic_day, show

pages = Blueprint("alert_latency", __name__)

USUAL = timedelta(days=90)
COLUMNS = (
    "alert",
    "instrument",
    "rule",
    "mode",
    "raised_at",
    "seen_at",
    "acknowledged_at",
    "resolved_at",
    *(f"minutes_to_{step}{how}" for step in ("seen", "acknowledged", "resolved") for how in ("", "_open")),
    "escalations",
)


@pages.get("/alerts/waiting-times")
def index() -> Shown:
    chosen, form = _chosen()
    if chosen is None:
        return show("clinic/alert_latency.html", 422, view=None, form=form)
    with transaction() as database:
        view = alert_latency.latency_page(database, chosen, by=g.by, at=clock.now())
    return show("clinic/alert_latency.html", view=view, form=form)


@pages.get("/alerts/waiting-times.csv")
def file() -> Shown:
    chosen, form = _chosen()
    if chosen is None:
        return show("clinic/alert_latency.html", 422, view=None, form=form)
    with transaction() as database:
        alert_latency.begin_file(database, chosen, by=g.by, at=clock.now())
    name = f"alert-waiting-times-{chosen.first}-{chosen.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(_lines(chosen, g.by), mimetype="text/csv", headers=headers)


def _chosen() -> tuple[Period | None, PeriodForm]:
    """What the address asks for; the last 90 days where it asks for nothing. None: the form says what is wrong."""
    today = clinic_day(clock.now())
    if not request.args:
        usual = period(today - USUAL, today)
        return usual, PeriodForm(formdata=None, data={"first": usual.first, "last": usual.last})
    form = PeriodForm(request.args)
    if form.validate():
        try:
            return period(form.first.data, form.last.data), form
        except Refused as error:
            form.refuse(error)
    return None, form


def _lines(chosen: Period, by: StaffMember) -> Iterator[str]:
    """Each batch is read by itself: a slow reader holds no transaction."""
    yield delimited.line(COLUMNS)
    after = None
    while True:
        with reading() as database:
            found = alert_latency.batch(database, chosen, after, by=by)
        yield "".join(delimited.line(_cells(each, by.clinic.time_zone)) for each in found.alerts)
        after = found.after
        if after is None:
            return


def _cells(each: AlertWaits, zone: str) -> Iterator[object]:
    times = each.times
    yield from (times.public_id, times.instrument, times.rule, times.mode)
    for moment in (times.raised_at, times.seen_at, times.acknowledged_at, times.resolved_at):
        yield local(moment, zone).isoformat(timespec="seconds") if moment else None
    for wait in (each.seen, each.acknowledged, each.resolved):
        yield from _minutes(wait)
    yield times.escalations


def _minutes(wait: Wait | None) -> tuple[float | None, float | None]:
    if wait is None:
        return None, None
    return round(wait.by_clock / timedelta(minutes=1), 1), round(wait.open / timedelta(minutes=1), 1)
