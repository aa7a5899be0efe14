"""Courses: started, infusions recorded, finished; and the private links of their assessments."""

import segno
from flask import Blueprint, current_app, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.courses import FinishReason, ImplausibleDose, LicenceMissing, StopReasonNeeded
from prom_server.core.invitations import AssessmentOver
from prom_server.core.refusals import NotFound, Refused
from prom_server.services import course_views, courses, enrolment, invitations
from prom_server.transaction import transaction
from prom_server.web import forms
from prom_server.web.staff_page import show

pages = Blueprint("courses", __name__)


@pages.route("/patients/<public_id>/courses/new", methods=["GET", "POST"])
def new(public_id: str) -> Shown:
    at = clock.now()
    with transaction() as database:
        file = enrolment.patient_file(database, public_id, by=g.by, at=at, action="course.new")
        choices = courses.choices(database, by=g.by)
    form = forms.StartCourse()
    missing: tuple[str, ...] = ()
    if form.validate_on_submit():
        try:
            with transaction() as database:
                course_id = courses.start_course(
                    database, public_id, form.protocol.data, form.starts_on.data, by=g.by, at=at
                )
            flash("course_started")
            return redirect(url_for(".course", public_id=course_id), 303)
        except LicenceMissing as error:
            missing = error.instruments
            form.refuse(error, "protocol")
        except NotFound:  # the patient is known by now: it is the protocol
            form.protocol.errors = ("not_a_choice",)
        except Refused as error:
            form.refuse(error, "starts_on")
    status = 422 if form.is_submitted() else 200
    return show("clinic/course_new.html", status, form=form, file=file, choices=choices, missing=missing)


@pages.get("/courses/<public_id>")
def course(public_id: str) -> Shown:
    return _course_page(public_id)


def _course_page(
    public_id: str,
    status: int = 200,
    *,
    infusion: forms.RecordInfusion | None = None,
    finish: forms.FinishCourse | None = None,
) -> Shown:
    with transaction() as database:
        view = course_views.course_view(database, public_id, by=g.by, at=clock.now())
    return show(
        "clinic/course.html",
        status,
        view=view,
        infusion=infusion or forms.RecordInfusion(formdata=None),
        finish=finish or forms.FinishCourse(formdata=None),
    )


@pages.post("/courses/<public_id>/infusions")
def record_infusion(public_id: str) -> Shown:
    form = forms.RecordInfusion()
    if form.validate():
        given_at = form.given_at(g.by.clinic.time_zone)
        try:
            with transaction() as database:
                courses.record_infusion(database, public_id, given_at, form.dose_mg.data, by=g.by, at=clock.now())
            flash("infusion_recorded")
            return redirect(url_for(".course", public_id=public_id), 303)
        except Refused as error:
            form.refuse(error, "dose_mg" if isinstance(error, ImplausibleDose) else "given_on")
    return _course_page(public_id, 422, infusion=form)


@pages.post("/infusions/<public_id>/in-error")
def infusion_in_error(public_id: str) -> Shown:
    with transaction() as database:
        course_id = courses.mark_infusion_in_error(database, public_id, by=g.by, at=clock.now())
    flash("infusion_in_error")
    return redirect(url_for(".course", public_id=course_id), 303)


@pages.post("/courses/<public_id>/finish")
def finish(public_id: str) -> Shown:
    form = forms.FinishCourse()
    if form.validate():
        reason = FinishReason(form.reason.data)
        try:
            with transaction() as database:
                courses.finish_course(database, public_id, reason, form.note.data, by=g.by, at=clock.now())
            flash("course_finished")
            return redirect(url_for(".course", public_id=public_id), 303)
        except Refused as error:
            form.refuse(error, "note" if isinstance(error, StopReasonNeeded) else None)
    return _course_page(public_id, 422, finish=form)


@pages.post("/courses/<public_id>/reopen")
def reopen(public_id: str) -> Shown:
    with transaction() as database:
        courses.reopen_course(database, public_id, by=g.by, at=clock.now())
    flash("course_reopened")
    return redirect(url_for(".course", public_id=public_id), 303)


@pages.get("/assessments/<public_id>/link")
def link(public_id: str) -> Shown:
    with transaction() as database:
        page = invitations.link_page(database, public_id, by=g.by, at=clock.now())
    return show("clinic/link.html", page=page, url=None, qr=None, error=None)


@pages.post("/assessments/<public_id>/link")
def issue(public_id: str) -> Shown:
    """Shows the address once, so this page is the answer to the post: it is kept nowhere to redirect to."""
    try:
        with transaction() as database:
            issued = invitations.issue(database, public_id, by=g.by, at=clock.now())
    except AssessmentOver as error:
        with transaction() as database:
            page = invitations.link_page(database, public_id, by=g.by, at=clock.now())
        return show("clinic/link.html", 409, page=page, url=None, qr=None, error=type(error).__name__)
    public_url = current_app.extensions["prom-settings"].public_url
    url = public_url + url_for("visit_entry.link", token=issued.token)
    qr = segno.make(url, error="m", micro=False).svg_data_uri(scale=5, border=4, dark="#000", light="#fff")
    return show("clinic/link.html", page=issued.page, url=url, qr=qr, error=None)
