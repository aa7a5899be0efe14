"""Results for the patient: a clinician shares them; the patient reads them by the own link, after the birth date."""

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.sharing import ResultsView
from prom_server.services import links, sharing
from prom_server.transaction import reading, transaction
from prom_server.web import preferences
from prom_server.web.visit_entry import typed_date

pages = Blueprint("results", __name__)


@pages.get("/a/<token>/results")
def ask(token: str) -> Shown:
    return _asked(token, typed={}, error=None)


@pages.post("/a/<token>/results")
def read(token: str) -> Shown:
    born = typed_date()
    if born is None:
        return _asked(token, 422, typed=request.form, error="not_a_date")
    with transaction() as database:
        sharing.count_attempt(database, token, at=clock.now())
    with transaction() as database:
        found = sharing.read(database, token, born, at=clock.now())
    if not isinstance(found, ResultsView):
        return _asked(token, 422, typed=request.form, error="wrong_date", left=found)
    preferences.show_as(found.preferences)
    return render_template("patient/results.html", view=found, token=token)


def _asked(token: str, status: int = 200, **facts: object) -> Shown:
    with reading() as database:
        sharing.require_shown(database, token)
        view = links.look_at_any(database, token)
    return render_template("patient/results_ask.html", view=view, token=token, **facts), status


@pages.post("/assessments/<public_id>/share")
def share(public_id: str) -> Shown:
    """Reviewed: the patient may read them."""
    with transaction() as database:
        patient = sharing.share(database, public_id, seen=_seen(), by=g.by, at=clock.now())
    flash("results_shared")
    return redirect(url_for("clinic.patient", public_id=patient), 303)


@pages.post("/assessments/<public_id>/unshare")
def take_back(public_id: str) -> Shown:
    with transaction() as database:
        patient = sharing.take_back(database, public_id, by=g.by, at=clock.now())
    flash("results_taken_back")
    return redirect(url_for("clinic.patient", public_id=patient), 303)


def _seen() -> int:
    """The last score that the page showed; none, where the form does not say it."""
    return request.form.get("seen", 0, type=int)
