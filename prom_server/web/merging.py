"""Two records of one person: found, compared, made one; and the way back."""

from flask import Blueprint, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.enrolment import PatientsPage
from prom_server.core.merging import ADDRESSES, FIELDS, BirthDatesDiffer, CannotMerge
from prom_server.services import merge_views, merging, searching, unmerging
from prom_server.transaction import transaction
from prom_server.web import forms
from prom_server.web.merge_forms import Merge, Undo
from prom_server.web.staff_page import show

pages = Blueprint("merging", __name__)

GONE = "gone"


@pages.route("/patients/<public_id>/same-person", methods=["GET", "POST"])
def find(public_id: str) -> Shown:
    """Who else it may be: those alike, and whoever is searched for."""
    form, at = forms.Search(), clock.now()
    found: PatientsPage | None = None
    with transaction() as database:
        patient, lines = merge_views.standing(database, public_id, by=g.by)
        alike = merge_views.alike(database, public_id, by=g.by, at=at)
        if form.validate_on_submit() and form.q.data:
            born = forms.birth_date_in(form.q.data)
            found = searching.search(database, form.q.data, born=born, by=g.by, at=at)
    status = 422 if form.errors else 200
    return show("clinic/merge_find.html", status, form=form, patient=patient, lines=lines, alike=alike, found=found)


@pages.route("/patients/<public_id>/merge", methods=["GET", "POST"])
def merge(public_id: str) -> Shown:
    """`with` is the record that goes, an opaque id."""
    form, other, at = Merge(), request.args.get("with", ""), clock.now()
    with transaction() as database:
        if not other:
            patient, _lines = merge_views.standing(database, public_id, by=g.by)
            return redirect(url_for(".find", public_id=patient.public_id), 303)
        view = merge_views.compare(database, public_id, other, by=g.by, at=at)
    if form.validate_on_submit():
        taken = frozenset(name for name in (*FIELDS, *ADDRESSES) if form[f"take_{name}"].data == GONE)
        sure = form.although.data
        try:
            with transaction() as database:
                merging.merge(database, public_id, other, taken, although_born_apart=sure, by=g.by, at=at)
            flash("merged")
            return redirect(url_for("clinic.patient", public_id=public_id), 303)
        except BirthDatesDiffer as error:
            form.refuse(error, "although")
        except CannotMerge as error:
            form.refuse(error)
    if not form.is_submitted():
        for field in view.fields:
            form[f"take_{field.name}"].data = GONE if field.from_gone else "kept"
    return show("clinic/merge.html", 422 if form.is_submitted() else 200, view=view, form=form)


@pages.route("/merges/<public_id>/undo", methods=["GET", "POST"])
def undo(public_id: str) -> Shown:
    """Says what will stay and what will go; a post undoes it."""
    form, at = Undo(), clock.now()
    if form.validate_on_submit():
        with transaction() as database:
            kept, _gone = unmerging.undo(database, public_id, by=g.by, at=at)
        flash("merge_undone")
        return redirect(url_for(".find", public_id=kept), 303)
    with transaction() as database:
        view = merge_views.undoing(database, public_id, by=g.by, at=at)
    return show("clinic/merge_undo.html", view=view)
