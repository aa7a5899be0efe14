"""Answers entered in error are given to the patient whose they are: patient, assessment, second confirmation."""

from flask import Blueprint, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.corrections import NoPlaceFor
from prom_server.core.enrolment import PatientsPage
from prom_server.services import reassigning, searching
from prom_server.transaction import transaction
from prom_server.web import forms
from prom_server.web.merge_forms import Reassign
from prom_server.web.staff_page import show

pages = Blueprint("reassigning", __name__)


@pages.route("/answers/<public_id>/re-assign", methods=["GET", "POST"])
def choose(public_id: str) -> Shown:
    """The patient, by a search; `to` names the one who was chosen, and shows that patient's assessments."""
    form, at, to = forms.Search(), clock.now(), request.args.get("to")
    found: PatientsPage | None = None
    with transaction() as database:
        if to:
            line, view = reassigning.places(database, public_id, to, by=g.by, at=at)
        else:
            line, view = reassigning.look(database, public_id, by=g.by, at=at)
        if form.validate_on_submit() and form.q.data:
            born = forms.birth_date_in(form.q.data)
            found = searching.search(database, form.q.data, born=born, by=g.by, at=at)
    status = 422 if form.errors else 200
    return show("clinic/reassign.html", status, form=form, line=line, view=view, found=found, answers=public_id)


@pages.route("/answers/<public_id>/re-assign/confirm", methods=["GET", "POST"])
def confirm(public_id: str) -> Shown:
    """Names both patients; a post moves the answers. `to` and `place` are opaque ids."""
    form, at = Reassign(), clock.now()
    to, place_id = request.args.get("to", ""), request.args.get("place", "")
    with transaction() as database:
        if not to:
            reassigning.look(database, public_id, by=g.by, at=at)
            return redirect(url_for(".choose", public_id=public_id), 303)
        line, view = reassigning.places(database, public_id, to, by=g.by, at=at)
    place = view.place(place_id)
    if place is None:
        raise NoPlaceFor("over, or answered meanwhile")
    if form.validate_on_submit():
        with transaction() as database:
            patient = reassigning.reassign(database, public_id, place_id, by=g.by, at=at)
        flash("reassigned")
        return redirect(url_for("clinic.answers", public_id=patient), 303)
    status = 422 if form.is_submitted() else 200
    return show("clinic/reassign_confirm.html", status, form=form, line=line, view=view, place=place, answers=public_id)
