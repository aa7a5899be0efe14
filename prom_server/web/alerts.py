"""Alerts and flags: the list, one of them, and what staff do about it."""

from flask import Blueprint, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.alert_desk import Show
from prom_server.core.refusals import NotFound, Refused
from prom_server.services import alert_desk, alert_giving, alert_lists, alert_views
from prom_server.services.alert_desk import Outcome
from prom_server.transaction import transaction
from prom_server.web import forms
from prom_server.web.alert_forms import Give
from prom_server.web.staff_page import show

pages = Blueprint("alerts", __name__)

FIELDS = {"UnknownResolution": "code", "NoteNeeded": "note", "AttemptsNeeded": "attempts"}


@pages.get("/alerts")
def index() -> Shown:
    shown, after = request.args.get("show", Show.OPEN), request.args.get("after")
    if shown not in set(Show):
        raise NotFound("no such list")
    with transaction() as database:
        page = alert_lists.alerts_page(database, Show(shown), after, by=g.by, at=clock.now())
    return show("clinic/alerts.html", page=page)


@pages.get("/alerts/<public_id>")
def alert(public_id: str) -> Shown:
    return _page(public_id, forms.Resolve(), Give())


def _page(public_id: str, form: forms.Resolve, give: Give, status: int = 200) -> Shown:
    with transaction() as database:
        view = alert_views.alert_view(database, public_id, by=g.by, at=clock.now())
    return show("clinic/alert.html", status, view=view, form=form, giving=give)


def _seen() -> str:
    """What the page showed. A form that does not say is one from before it changed."""
    return request.form.get("seen", "")


@pages.post("/alerts/<public_id>/acknowledge")
def acknowledge(public_id: str) -> Shown:
    with transaction() as database:
        alert_desk.acknowledge(database, public_id, seen=_seen(), by=g.by, at=clock.now())
    flash("acknowledged")
    return redirect(url_for(".alert", public_id=public_id), 303)


@pages.post("/alerts/<public_id>/resolve")
def resolve(public_id: str) -> Shown:
    form = forms.Resolve()
    if form.validate():
        outcome = Outcome(form.code.data, form.note.data, form.attempts.data)
        try:
            with transaction() as database:
                alert_desk.resolve(database, public_id, outcome, seen=_seen(), by=g.by, at=clock.now())
            flash("resolved")
            return redirect(url_for(".index"), 303)
        except Refused as error:
            form.refuse(error, FIELDS.get(type(error).__name__))
    return _page(public_id, form, Give(formdata=None), 422)


@pages.post("/alerts/<public_id>/give")
def give(public_id: str) -> Shown:
    form = Give()
    if form.validate():
        try:
            with transaction() as database:
                alert_giving.give(database, public_id, form.to.data, seen=_seen(), by=g.by, at=clock.now())
            flash("acknowledged" if form.to.data == g.by.public_id else "given")
            return redirect(url_for(".alert", public_id=public_id), 303)
        except Refused as error:
            form.refuse(error, "to" if type(error).__name__ == "NobodyToGiveTo" else None)
    return _page(public_id, forms.Resolve(formdata=None), form, 422)
