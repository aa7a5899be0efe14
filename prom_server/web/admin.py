"""Settings: the clinic's facts, its staff, and the permissions of licence holders."""

from flask import Blueprint, current_app, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.accounts import EmailTaken, NewLink, NotActive, OwnAccount, UnknownTimeZone
from prom_server.core.clinics import UnknownFamily
from prom_server.core.permissions import Role
from prom_server.services import clinics, staffing
from prom_server.transaction import reading, transaction
from prom_server.web import forms
from prom_server.web.patient_words import PatientWordsForm
from prom_server.web.staff_page import show

pages = Blueprint("admin", __name__)


@pages.get("/settings")
def settings() -> Shown:
    return _page()


def _page(
    status: int = 200,
    *,
    clinic: forms.Clinic | None = None,
    person: forms.AddStaff | None = None,
    permission: forms.Permission | None = None,
    patient_words: PatientWordsForm | None = None,
    error: str | None = None,
) -> Shown:
    with reading() as database:
        staff = staffing.staff_of(database, by=g.by)
        licences = clinics.licences(database, by=g.by)
    return show(
        "admin/settings.html",
        status,
        staff=staff,
        licences=licences,
        clinic=clinic or forms.Clinic(formdata=None, obj=g.by.clinic, prefix="clinic"),
        person=person or forms.AddStaff(formdata=None, prefix="staff"),
        permission=permission or forms.Permission(formdata=None, prefix="permission"),
        patient_words=patient_words or PatientWordsForm.of(g.by.clinic),
        error=error,
    )


@pages.post("/settings/clinic")
def change_clinic() -> Shown:
    form = forms.Clinic(prefix="clinic")
    if form.validate():
        facts = [form[name].data for name in ("name", "time_zone", "phone", "hours", "paper")]
        try:
            with transaction() as database:
                clinics.change_clinic(database, *facts, by=g.by, at=clock.now())
            flash("clinic_saved")
            return redirect(url_for(".settings"), 303)
        except UnknownTimeZone as error:
            form.refuse(error, "time_zone")
    return _page(422, clinic=form)


@pages.post("/settings/patients")
def change_patient_words() -> Shown:
    """The clinic's own words on the patients' pages, and whether results are shown there."""
    form = PatientWordsForm(prefix="words")
    if not form.validate():
        return _page(422, patient_words=form)
    with transaction() as database:
        clinics.change_patient_words(
            database, form.words(), results_shown=form.results.data == "yes", by=g.by, at=clock.now()
        )
    flash("clinic_saved")
    return redirect(url_for(".settings"), 303)


@pages.post("/settings/staff")
def add_staff() -> Shown:
    form = forms.AddStaff(prefix="staff")
    if form.validate():
        try:
            with transaction() as database:
                link = staffing.add_staff(
                    database,
                    form.name.data,
                    form.email.data,
                    Role(form.role.data),
                    clinic=g.by.clinic,
                    by=g.by,
                    at=clock.now(),
                )
            return _link_page(link)
        except EmailTaken as error:
            form.refuse(error, "email")
    return _page(422, person=form)


@pages.post("/settings/staff/<public_id>/link")
def new_link(public_id: str) -> Shown:
    try:
        with transaction() as database:
            link = staffing.new_password_link(database, public_id, by=g.by, at=clock.now())
    except NotActive as error:
        return _page(409, error=type(error).__name__)
    return _link_page(link)


@pages.post("/settings/staff/<public_id>/deactivate")
def deactivate(public_id: str) -> Shown:
    try:
        with transaction() as database:
            staffing.deactivate(database, public_id, by=g.by, at=clock.now())
    except OwnAccount as error:
        return _page(409, error=type(error).__name__)
    flash("staff_deactivated")
    return redirect(url_for(".settings"), 303)


@pages.post("/settings/staff/<public_id>/reactivate")
def reactivate(public_id: str) -> Shown:
    with transaction() as database:
        link = staffing.reactivate(database, public_id, by=g.by, at=clock.now())
    return _link_page(link)


def _link_page(link: NewLink) -> Shown:
    """Shows the one-time address once: it is kept nowhere to redirect to."""
    public_url = current_app.extensions["prom-settings"].public_url
    url = public_url + url_for("auth.set_password", token=link.token)
    return show("admin/staff_link.html", link=link, url=url)


@pages.post("/settings/permissions")
def record_permission() -> Shown:
    form = forms.Permission(prefix="permission")
    if form.validate():
        try:
            with transaction() as database:
                clinics.record_permission(
                    database,
                    form.family.data,
                    form.granted_by.data,
                    form.granted_on.data,
                    form.reference.data,
                    by=g.by,
                    at=clock.now(),
                )
            flash("permission_recorded")
            return redirect(url_for(".settings"), 303)
        except UnknownFamily as error:
            form.refuse(error, "family")
    return _page(422, permission=form)
