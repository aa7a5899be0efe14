"""The programme around the infusions: opioid dose, sessions, other care, notes. Each form comes back to one page."""

from flask import Blueprint, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.care import CareView, DayInFuture, SessionKind, SessionRecorded
from prom_server.core.mme import ImplausibleDailyAmount, UnknownOpioid
from prom_server.core.refusals import Refused
from prom_server.services import care as services
from prom_server.services import care_views, opioid_doses
from prom_server.transaction import transaction
from prom_server.web.care_forms import YES, DoseForm, NoteForm, OtherCareForm, SessionForm
from prom_server.web.staff_page import clinic_day, show

pages = Blueprint("care", __name__)


def _view(public_id: str) -> CareView:
    with transaction() as database:
        return care_views.care_page(database, public_id, by=g.by, at=clock.now())


def _back(public_id: str, said: str) -> Shown:
    flash(said)
    return redirect(url_for(".care", public_id=public_id), 303)


@pages.get("/courses/<public_id>/care")
def care(public_id: str) -> Shown:
    return show("clinic/care.html", view=_view(public_id))


@pages.route("/courses/<public_id>/opioid-doses", methods=["GET", "POST"])
def dose(public_id: str) -> Shown:
    view, at, form = _view(public_id), clock.now(), DoseForm()
    table = opioid_doses.factors(by=g.by)
    if not form.is_submitted():
        form = DoseForm(formdata=None, data={"taken_from": clinic_day(at)})
        return show("clinic/care_dose.html", view=view, form=form, table=table)
    if form.validate():
        drug, amount, taken_from = form.drug.data, form.daily_amount.data, form.taken_from.data
        try:
            with transaction() as database:
                opioid_doses.record_dose(database, public_id, drug, amount, taken_from, by=g.by, at=at)
            return _back(public_id, "dose_saved")
        except Refused as error:
            fields: dict[type[Refused], str] = {
                UnknownOpioid: "drug",
                ImplausibleDailyAmount: "daily_amount",
                DayInFuture: "taken_from",
            }
            form.refuse(error, fields.get(type(error)))
    return show("clinic/care_dose.html", 422, view=view, form=form, table=table)


@pages.route("/courses/<public_id>/sessions", methods=["GET", "POST"])
def attendance(public_id: str) -> Shown:
    view, at, form = _view(public_id), clock.now(), SessionForm()
    if not form.is_submitted():
        form = SessionForm(formdata=None, data={"on": clinic_day(at)})
        return show("clinic/care_session.html", view=view, form=form)
    if form.validate():
        kind, on, attended = SessionKind(form.kind.data), form.on.data, form.attended.data == YES
        try:
            with transaction() as database:
                services.record_session(database, public_id, kind, on, attended=attended, by=g.by, at=at)
            return _back(public_id, "session_saved")
        except Refused as error:
            form.refuse(error, "on" if isinstance(error, DayInFuture | SessionRecorded) else None)
    return show("clinic/care_session.html", 422, view=view, form=form)


@pages.route("/courses/<public_id>/other-care", methods=["GET", "POST"])
def other(public_id: str) -> Shown:
    view, at, form = _view(public_id), clock.now(), OtherCareForm()
    if not form.is_submitted():
        form = OtherCareForm(formdata=None, data={"asked_on": clinic_day(at)})
        return show("clinic/care_other.html", view=view, form=form)
    if form.validate():
        try:
            with transaction() as database:
                services.record_other_care(database, public_id, form.asked_on.data, form.answers(), by=g.by, at=at)
            return _back(public_id, "other_care_saved")
        except Refused as error:
            form.refuse(error, "asked_on" if isinstance(error, DayInFuture) else None)
    return show("clinic/care_other.html", 422, view=view, form=form)


@pages.route("/courses/<public_id>/notes", methods=["GET", "POST"])
def note(public_id: str) -> Shown:
    view, form = _view(public_id), NoteForm()
    if form.validate_on_submit():
        with transaction() as database:
            services.write_note(database, public_id, form.written.data, by=g.by, at=clock.now())
        return _back(public_id, "note_saved")
    return show("clinic/care_note.html", 422 if form.is_submitted() else 200, view=view, form=form)


@pages.post("/opioid-doses/<public_id>/in-error")
def dose_in_error(public_id: str) -> Shown:
    with transaction() as database:
        course_id = opioid_doses.mark_dose_in_error(database, public_id, by=g.by, at=clock.now())
    return _back(course_id, "row_in_error")


@pages.post("/sessions/<public_id>/in-error")
def session_in_error(public_id: str) -> Shown:
    with transaction() as database:
        course_id = services.mark_session_in_error(database, public_id, by=g.by, at=clock.now())
    return _back(course_id, "row_in_error")


@pages.post("/notes/<public_id>/in-error")
def note_in_error(public_id: str) -> Shown:
    with transaction() as database:
        course_id = services.mark_note_in_error(database, public_id, by=g.by, at=clock.now())
    return _back(course_id, "row_in_error")
