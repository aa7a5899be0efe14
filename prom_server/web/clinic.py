"""Today, follow-ups, and the patients."""

from flask import Blueprint, flash, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.corrections import AlreadyMarked
from prom_server.core.enrolment import PatientFilter, PatientRef, RecordNumberTaken
from prom_server.core.permissions import Action
from prom_server.core.refusals import NotFound
from prom_server.core.worklist import Courses, Filter, Show
from prom_server.services import (
    alert_desk,
    contacts,
    corrections,
    course_views,
    enrolment,
    followups,
    going_live,
    handovers,
    searching,
    sharing,
    trends,
)
from prom_server.services import today as todays
from prom_server.transaction import transaction
from prom_server.web import forms
from prom_server.web.guard import LAST_SEARCH
from prom_server.web.installation import ways
from prom_server.web.staff_page import clinic_day, show

pages = Blueprint("clinic", __name__)


@pages.get("/")
def home() -> Shown:
    return redirect(url_for(".today" if g.by.may(Action.SEE_FOLLOWUPS) else "admin.settings"), 303)


@pages.get("/today")
def today() -> Shown:
    at = clock.now()
    with transaction() as database:
        view = todays.today(database, by=g.by, at=at)
        if view.flagged:
            g.open_alerts = alert_desk.heading(database, by=g.by)
        tablets = handovers.tablets(database, by=g.by)
        lost = going_live.lost(database, sends=ways(), by=g.by, at=at)
    return show("clinic/today.html", view=view, alerts=g.open_alerts, tablets=tablets, lost=lost)


@pages.get("/follow-ups")
def follow_ups() -> Shown:
    asked = request.args
    show_only, courses = asked.get("show", Show.ALL), asked.get("courses", Courses.ALL)
    if show_only not in set(Show) or courses not in set(Courses):
        raise NotFound("no such part")
    wanted = Filter(Show(show_only), asked.get("time_point") or None, Courses(courses))
    after = asked.get("after") or None
    with transaction() as database:
        view = followups.follow_ups(database, wanted, after=after, by=g.by, at=clock.now())
        tablets = handovers.tablets(database, by=g.by)
    return show("clinic/follow_ups.html", view=view, wanted=wanted, later=after is not None, tablets=tablets)


# ---- Patients


@pages.route("/patients", methods=["GET", "POST"])
def patients() -> Shown:
    """The search is remembered while another list is looked at; what is shown of that, the address says."""
    form, chosen = forms.Search(), _filter(request.args.get("show", PatientFilter.ALL))
    if form.is_submitted():
        if form.validate():
            session[LAST_SEARCH] = form.q.data
            return redirect(url_for(".patients"), 303)
        return show("clinic/patients.html", 422, form=form, view=None, query="", chosen=chosen, later=False)
    query = session.get(LAST_SEARCH, "") if chosen is PatientFilter.ALL else ""
    form.q.data, after = query, request.args.get("after") or None
    born = forms.birth_date_in(query)
    with transaction() as database:
        view = searching.search(database, query, born=born, only=chosen, after=after, by=g.by, at=clock.now())
    return show("clinic/patients.html", form=form, view=view, query=query, chosen=chosen, later=after is not None)


def _filter(text: str) -> PatientFilter:
    if text not in set(PatientFilter):
        raise NotFound("no such part")
    return PatientFilter(text)


@pages.route("/patients/new", methods=["GET", "POST"])
def new_patient() -> Shown:
    """Somebody who may be there already is shown first; "Add anyway" adds all the same."""
    form = forms.Patient(clinic_day(clock.now()))
    alike: tuple[PatientRef, ...] = ()
    if form.validate_on_submit():
        try:
            with transaction() as database:
                if "anyway" not in request.form:
                    alike = enrolment.possible_duplicates(database, form.details(), by=g.by, at=clock.now())
                added = None if alike else enrolment.add_patient(database, form.details(), by=g.by, at=clock.now())
            if added is not None:
                flash("patient_added")
                return redirect(url_for(".patient", public_id=added), 303)
        except RecordNumberTaken as error:
            form.refuse(error, "record_number")
    return show("clinic/patient_new.html", 422 if form.is_submitted() else 200, form=form, alike=alike)


@pages.get("/patients/<public_id>")
def patient(public_id: str) -> Shown:
    at = clock.now()
    with transaction() as database:
        file = enrolment.patient_file(database, public_id, by=g.by, at=at)
        contact = contacts.contact(database, public_id, by=g.by, at=at, seen=False)
        courses = course_views.courses_of(database, public_id, by=g.by, at=at)
        alerts = alert_desk.open_of_patient(database, public_id, by=g.by)
        view = trends.trend(database, public_id, by=g.by, at=at, action="trend.view")
        shared = sharing.shareable(database, public_id, by=g.by)
    return show(
        "clinic/patient.html", file=file, contact=contact, courses=courses, alerts=alerts, view=view, sharing=shared
    )


@pages.route("/patients/<public_id>/edit", methods=["GET", "POST"])
def edit_patient(public_id: str) -> Shown:
    with transaction() as database:
        file = enrolment.patient_file(database, public_id, by=g.by, at=clock.now(), action="patient.view_details")
    form = forms.Patient(clinic_day(clock.now()), obj=file.details)
    if form.validate_on_submit():
        try:
            with transaction() as database:
                enrolment.edit_patient(database, public_id, form.details(), by=g.by, at=clock.now())
            flash("patient_saved")
            return redirect(url_for(".patient", public_id=public_id), 303)
        except RecordNumberTaken as error:
            form.refuse(error, "record_number")
    return show("clinic/patient_edit.html", 422 if form.is_submitted() else 200, form=form, file=file)


@pages.post("/patients/<public_id>/unlock")
def unlock(public_id: str) -> Shown:
    with transaction() as database:
        enrolment.unlock(database, public_id, by=g.by, at=clock.now())
    flash("unlocked")
    return redirect(url_for(".patient", public_id=public_id), 303)


@pages.get("/patients/<public_id>/answers")
def answers(public_id: str) -> Shown:
    with transaction() as database:
        view = corrections.administrations(database, public_id, by=g.by, at=clock.now())
    return show("clinic/answers.html", view=view)


@pages.route("/answers/<public_id>/in-error", methods=["GET", "POST"])
def mark_in_error(public_id: str) -> Shown:
    form = forms.InError()
    with transaction() as database:
        view, line = corrections.administration(database, public_id, by=g.by, at=clock.now())
    if form.validate_on_submit():
        try:
            with transaction() as database:
                corrections.mark_in_error(database, public_id, form.reason.data, by=g.by, at=clock.now())
            flash("marked_in_error")
            return redirect(url_for(".answers", public_id=view.patient.public_id), 303)
        except AlreadyMarked as error:
            form.refuse(error)
    status = 422 if form.is_submitted() else 200
    return show("clinic/in_error.html", status, form=form, patient=view.patient, line=line)
