"""The call list, and the page of one call: whom to ring, what to say, what came of it."""

from datetime import datetime

from flask import Blueprint, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue as Shown
from werkzeug import Response

from prom_server import clock
from prom_server.core.calls import NobodyToRing, Outcome, Recorded, RingingElsewhere, RungMeanwhile
from prom_server.core.refusals import Refused
from prom_server.services import call_list, calling
from prom_server.transaction import transaction
from prom_server.web.call_forms import Record
from prom_server.web.staff_page import show

pages = Blueprint("calls", __name__)

FIELDS = {"CallBackOutside": "back_on", "ReasonNeeded": "reason"}


@pages.get("/calls")
def index() -> Shown:
    after = request.args.get("after") or None
    with transaction() as database:
        view = call_list.call_list(database, after=after, by=g.by, at=clock.now())
    return show("clinic/calls.html", view=view, later=after is not None)


@pages.post("/calls/next")
def begin() -> Shown:
    return _next(clock.now())


def _next(at: datetime) -> Response:
    """To the next person, held for whoever asks; to the list where there is nobody."""
    with transaction() as database:
        found = call_list.take_next(database, by=g.by, at=at)
    if found is None:
        return redirect(url_for(".index"), 303)
    return redirect(url_for(".person", public_id=found), 303)


@pages.get("/assessments/<public_id>/call")
def person(public_id: str) -> Shown:
    return _page(public_id)


def _page(public_id: str, status: int = 200, *, form: Record | None = None, error: str | None = None) -> Shown:
    """With what was typed, where it was refused."""
    with transaction() as database:
        view = calling.call_page(database, public_id, by=g.by, at=clock.now())
    return show("clinic/call.html", status, view=view, form=form or Record(formdata=None), error=error)


@pages.post("/assessments/<public_id>/call/take")
def take(public_id: str) -> Shown:
    try:
        with transaction() as database:
            call_list.take(database, public_id, by=g.by, at=clock.now())
    except (NobodyToRing, RingingElsewhere) as error:
        return _page(public_id, 409, error=type(error).__name__)
    return redirect(url_for(".person", public_id=public_id), 303)


@pages.post("/assessments/<public_id>/call/release")
def release(public_id: str) -> Shown:
    with transaction() as database:
        call_list.release(database, public_id, by=g.by, at=clock.now())
    return redirect(url_for(".index"), 303)


@pages.post("/assessments/<public_id>/call")
def record(public_id: str) -> Shown:
    """Then to the next person; where the patient answers at once, to the telephone interview."""
    form, at = Record(), clock.now()
    if not form.validate():
        return _page(public_id, 422, form=form)
    said = form.said(g.by.clinic.time_zone)
    try:
        with transaction() as database:
            done = calling.record(database, public_id, said, by=g.by, at=at)
    except (NobodyToRing, RingingElsewhere, RungMeanwhile) as error:
        return _page(public_id, 409, error=type(error).__name__)
    except Refused as error:
        form.refuse(error, FIELDS.get(type(error).__name__))
        return _page(public_id, 422, form=form)
    return _after(public_id, said.outcome, done, at)


def _after(public_id: str, outcome: Outcome, done: Recorded, at: datetime) -> Response:
    if outcome is Outcome.DONE:
        return redirect(url_for("entry.choose", public_id=public_id), 303)
    if done.why_not is not None:  # a link must be handed over in another way
        flash("call_no_link")
        return redirect(url_for("courses.link", public_id=public_id), 303)
    flash(f"call_{outcome}")
    return _next(at)


@pages.post("/assessments/<public_id>/decline/undo")
def take_back_decline(public_id: str) -> Shown:
    with transaction() as database:
        calling.take_back_decline(database, public_id, by=g.by, at=clock.now())
    flash("decline_taken_back")
    return redirect(url_for(".person", public_id=public_id), 303)
