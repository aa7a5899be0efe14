"""Courses: started, infusions recorded, finished; and the private links of their assessments."""

from datetime import date, datetime, time

import segno
from flask import Blueprint, current_app, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.courses import CourseView, FinishReason, LicenceMissing, StopReasonNeeded
from prom_server.core.infusions import DayState
from prom_server.core.invitations import AssessmentOver
from prom_server.core.refusals import NotFound, Refused
from prom_server.services import care_views, course_views, courses, enrolment, invitations, moving
from prom_server.transaction import transaction
from prom_server.web import forms
from prom_server.web.care_forms import InfusionForm, moment
from prom_server.web.infusions import FIELD_OF
from prom_server.web.staff_page import show

pages = Blueprint("courses", __name__)

NOON = time(12)  # where no time is typed yet: what moves depends on the day


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


def _course_page(public_id: str, status: int = 200, *, finish: forms.FinishCourse | None = None) -> Shown:
    with transaction() as database:
        page = care_views.course_page(database, public_id, by=g.by, at=clock.now())
    form = finish or forms.FinishCourse(formdata=None)
    return show(
        "clinic/course.html",
        status,
        view=page.course,
        care=page.care,
        summary=page.summary,
        events=page.events,
        finish=form,
    )


@pages.route("/courses/<public_id>/infusions", methods=["GET", "POST"])
def record_infusion(public_id: str) -> Shown:
    at = clock.now()
    with transaction() as database:
        view = course_views.course_view(database, public_id, by=g.by, at=at)
    form = InfusionForm()
    if not form.is_submitted():
        form = InfusionForm(formdata=None, data={"given_on": _next_day(view)})
        return _new_infusion(view, form, min(at, moment(form.given_on.data, NOON, g.by.clinic.time_zone)), at=at)
    if form.validate():
        given_at, details = form.given_at(g.by.clinic.time_zone), form.details()
        try:
            if form.shown_for.data != str(form.given_on.data):  # another day: what it moves is said first
                with transaction() as database:
                    moves = moving.look_at_infusion(database, public_id, given_at, by=g.by, at=at).moved
                if moves:
                    return _new_infusion(view, form, given_at, at=at)
            with transaction() as database:
                courses.record_infusion(database, public_id, given_at, details=details, by=g.by, at=at)
            flash("infusion_recorded")
            return redirect(url_for(".course", public_id=public_id), 303)
        except Refused as error:
            form.refuse(error, FIELD_OF.get(type(error), "given_on"))
    return show("clinic/infusion_new.html", 422, view=view, form=form, moves=())


def _new_infusion(view: CourseView, form: InfusionForm, given_at: datetime, *, at: datetime) -> Shown:
    """The page with what an infusion at this moment moves; nothing where none can be given then."""
    try:
        with transaction() as database:
            moves = moving.look_at_infusion(database, view.public_id, given_at, by=g.by, at=at).moved
    except Refused:
        moves = ()
    form.shown_for.data = str(form.given_on.data)
    return show("clinic/infusion_new.html", view=view, form=form, moves=moves)


def _next_day(view: CourseView) -> date:
    """The first planned day up to today of which nobody has said anything; else today."""
    open_states = {DayState.PLANNED, DayState.UNRECORDED}
    waiting = (each.planned_on for each in view.days if each.state(view.today) in open_states)
    return min([*waiting, view.today])


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
