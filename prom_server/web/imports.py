"""Patients from a CSV file: uploaded, looked at, imported."""

from contextlib import closing
from typing import Any

from flask import Blueprint, Response, flash, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core import delimited
from prom_server.core.import_file import COLUMNS, MOST_BYTES, MOST_LINES, NEEDED
from prom_server.core.imports import ChangedSincePreview, ImportOver, NothingToImport
from prom_server.core.refusals import Refused
from prom_server.services import importing
from prom_server.transaction import transaction
from prom_server.web.import_forms import PatientsFile
from prom_server.web.staff_page import show

pages = Blueprint("imports", __name__)

MOST_SENT = MOST_BYTES + 512 * 1024  # a file somewhat too large gets its own sentence
LARGE = {"imports.index", "imports.apply"}  # the choices of 2,000 lines are a large form too
CHANGED = "import_changed"  # in the session: the line that stopped the import
DONE = "import_done"  # in the session: how many were added, updated, left out


@pages.url_value_preprocessor
def allow_files(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Before anything reads the form: the limit of all other requests is lower."""
    if endpoint in LARGE:
        request.max_content_length = MOST_SENT


@pages.route("/patients/import", methods=["GET", "POST"])
def index() -> Shown:
    form, refusal = PatientsFile(), None
    with transaction() as database:
        importing.tidy(database, by=g.by, at=clock.now())
    if form.validate_on_submit():
        with closing(form.file.data) as file:
            data = file.read()
        try:
            with transaction() as database:
                public_id = importing.upload(database, data, by=g.by, at=clock.now())
            return redirect(url_for(".preview", public_id=public_id), 303)
        except Refused as error:
            form.refuse(error, "file")
            refusal = error
    status = 422 if form.is_submitted() else 200
    facts = {"columns": COLUMNS, "needed": NEEDED, "most": MOST_LINES, "done": session.pop(DONE, None)}
    return show("clinic/import.html", status, form=form, refusal=refusal, **facts)


@pages.get("/patients/import/template")
def template() -> Shown:
    """The heading, to be filled in."""
    headers = {"Content-Disposition": 'attachment; filename="patients.csv"'}
    return Response("\ufeff" + delimited.line(COLUMNS), mimetype="text/csv", headers=headers)


@pages.get("/patients/import/<public_id>")
def preview(public_id: str) -> Shown:
    try:
        with transaction() as database:
            view = importing.preview(database, public_id, by=g.by, at=clock.now())
    except ImportOver:
        return _over()
    return show("clinic/import_preview.html", view=view, changed_line=session.pop(CHANGED, None))


@pages.post("/patients/import/<public_id>")
def apply(public_id: str) -> Shown:
    """Choices that are new are kept and shown first: the button says how many patients it imports."""
    decisions = {int(name[5:]): value for name, value in request.form.items() if name[:5] == "line-" and _number(name)}
    try:
        with transaction() as database:
            if importing.choose(database, public_id, decisions, by=g.by, at=clock.now()) or "keep" in request.form:
                flash("choices_kept")
                return redirect(url_for(".preview", public_id=public_id), 303)
        with transaction() as database:
            done = importing.apply(database, public_id, by=g.by, at=clock.now())
    except ImportOver:
        return _over()
    except NothingToImport:
        flash("import_nothing")
        return redirect(url_for(".preview", public_id=public_id), 303)
    except ChangedSincePreview as error:
        session[CHANGED] = error.line
        return redirect(url_for(".preview", public_id=public_id), 303)
    session[DONE] = [done.added, done.updated, done.left_out]
    return redirect(url_for(".index"), 303)


def _number(name: str) -> bool:
    return name[5:].isascii() and name[5:].isdigit() and len(name) < 12


def _over() -> Shown:
    flash("import_over")
    return redirect(url_for(".index"), 303)


@pages.post("/patients/import/<public_id>/discard")
def discard(public_id: str) -> Shown:
    with transaction() as database:
        importing.discard(database, public_id, by=g.by, at=clock.now())
    flash("import_discarded")
    return redirect(url_for(".index"), 303)
