"""Who is on call for alerts: the list, a new duty, one cancelled."""

from flask import Blueprint, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.refusals import Refused
from prom_server.services import on_call
from prom_server.transaction import transaction
from prom_server.web.alert_forms import Duty
from prom_server.web.staff_page import show

pages = Blueprint("on_call", __name__)

FIELDS = {"NobodyToGiveTo": "who", "DutyBackwards": "until_on", "DutyOver": "until_on", "DutyTooLong": "until_on"}


@pages.route("/on-call", methods=["GET", "POST"])
def index() -> Shown:
    form = Duty()
    if not form.is_submitted():
        return _page(Duty(formdata=None))
    if form.validate():
        begins_at, until = form.span(g.by.clinic.time_zone)
        try:
            with transaction() as database:
                on_call.put_on_call(database, form.who.data, begins_at, until, by=g.by, at=clock.now())
            flash("duty_added")
            return redirect(url_for(".index"), 303)
        except Refused as error:
            form.refuse(error, FIELDS.get(type(error).__name__))
    return _page(form, 422)


def _page(form: Duty, status: int = 200) -> Shown:
    with transaction() as database:
        view = on_call.on_call_page(database, by=g.by, at=clock.now())
    return show("clinic/on_call.html", status, view=view, form=form)


@pages.post("/on-call/<public_id>/cancel")
def cancel(public_id: str) -> Shown:
    with transaction() as database:
        on_call.cancel(database, public_id, by=g.by, at=clock.now())
    flash("duty_cancelled")
    return redirect(url_for(".index"), 303)
