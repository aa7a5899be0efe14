"""How far follow-ups get, as a page and as a file. Numbers only: neither names a patient."""

from collections.abc import Iterator
from datetime import date

from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core import delimited
from prom_server.core.funnel import CHOICES, STAGES, Funnel, Table, last_months, period
from prom_server.core.refusals import Refused
from prom_server.services import funnels
from prom_server.transaction import reading, transaction
from prom_server.web.alert_forms import PeriodForm
from prom_server.web.staff_page import clinic_day, show

pages = Blueprint("funnel", __name__)

USUAL = 12  # months
COLUMNS = ("time_point", "name", "kind", "which", *(str(each) for each in STAGES))


@pages.get("/funnel")
def index() -> Shown:
    chosen, form = _chosen()
    choices = {months: last_months(clinic_day(clock.now()), months) for months in CHOICES}
    if chosen is None:
        return show("clinic/funnel.html", 422, view=None, form=form, choices=choices)
    view = _counted(chosen, "funnel.view")
    return show("clinic/funnel.html", view=view, form=form, choices=choices)


@pages.get("/funnel.csv")
def file() -> Shown:
    chosen, form = _chosen()
    if chosen is None:
        return show("clinic/funnel.html", 422, view=None, form=form, choices={})
    view = _counted(chosen, "funnel.file")
    headers = {"Content-Disposition": f'attachment; filename="funnel-{view.first}-{view.last}.csv"'}
    return Response("".join(_lines(view)), mimetype="text/csv", headers=headers)


def _counted(chosen: tuple[date, date], action: str) -> Funnel:
    """Counted outside the transaction that writes: it may take long, and nobody is to wait for it."""
    at = clock.now()
    with transaction() as database:
        funnels.note(database, *chosen, action=action, by=g.by, at=at)
    with reading() as database:
        return funnels.funnel_page(database, *chosen, by=g.by, at=at)


def _chosen() -> tuple[tuple[date, date] | None, PeriodForm]:
    """What the address asks for; the last months where it asks for nothing. None: the form says what is wrong."""
    if not request.args:
        first, last = last_months(clinic_day(clock.now()), USUAL)
        return (first, last), PeriodForm(formdata=None, data={"first": first, "last": last})
    form = PeriodForm(request.args)
    if form.validate():
        try:
            return period(form.first.data, form.last.data), form
        except Refused as error:
            form.refuse(error)
    return None, form


def _lines(view: Funnel) -> Iterator[str]:
    """Each time point with its channels, and what is counted apart: a line adds up to the right, the file downwards."""
    yield delimited.line(COLUMNS)
    for table in view.time_points:
        yield from _of(table)


def _of(table: Table) -> Iterator[str]:
    for row in table.rows:
        yield delimited.line((table.time_point, table.name, "channel", str(row.channel), *row.reached))
    for why, number in table.apart:
        yield delimited.line((table.time_point, table.name, "apart", str(why), number))
