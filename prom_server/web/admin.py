"""Settings: what there is to set, the staff, and the permissions of licence holders."""

from flask import Blueprint, current_app, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.accounts import (
    EmailTaken,
    LastAdministrator,
    MobileNeeded,
    NewLink,
    NoAlertsForAdministrators,
    NotActive,
    OwnAccount,
)
from prom_server.core.clinics import UnknownFamily, UnknownProtocol
from prom_server.core.contacts import NotAMobile
from prom_server.core.permissions import Role
from prom_server.core.refusals import Refused
from prom_server.core.settings_change import Section, SettingsChanged
from prom_server.services import clinic_settings, clinics, going_live, staff_changes, staffing
from prom_server.transaction import reading, transaction
from prom_server.web import forms
from prom_server.web.clinic_settings_forms import Person, ProtocolsPage
from prom_server.web.installation import sends
from prom_server.web.staff_page import show

pages = Blueprint("admin", __name__)

_FIELDS: dict[type[Refused], str] = {
    OwnAccount: "role",
    LastAdministrator: "role",
    MobileNeeded: "mobile",
    NotAMobile: "mobile",
    NoAlertsForAdministrators: "alerts_by",
}


@pages.get("/settings")
def settings() -> Shown:
    """Every page of the settings, with what is not settled yet."""
    with reading() as database:
        view = going_live.readiness(database, sends=sends(), by=g.by, at=clock.now())
    return show("admin/settings.html", view=view)


# ---- Staff


@pages.get("/settings/staff")
def staff() -> Shown:
    return _staff()


def _staff(status: int = 200, *, person: forms.AddStaff | None = None, error: str | None = None) -> Shown:
    with reading() as database:
        lines = staffing.staff_of(database, by=g.by)
    form = person or forms.AddStaff(formdata=None, prefix="staff")
    return show("admin/staff.html", status, staff=lines, person=form, error=error)


@pages.post("/settings/staff")
def add_staff() -> Shown:
    form = forms.AddStaff(prefix="staff")
    if form.validate():
        name, email, role = form.name.data, form.email.data, Role(form.role.data)
        try:
            with transaction() as database:
                link = staffing.add_staff(database, name, email, role, clinic=g.by.clinic, by=g.by, at=clock.now())
            return _link_page(link)
        except EmailTaken as error:
            form.refuse(error, "email")
    return _staff(422, person=form)


@pages.route("/settings/staff/<public_id>", methods=["GET", "POST"])
def person(public_id: str) -> Shown:
    with reading() as database:
        file = staff_changes.person(database, public_id, by=g.by, at=clock.now())
    form = Person() if request.method == "POST" else Person.of(file.details, file.seen)
    if form.validate_on_submit():
        try:
            with transaction() as database:
                new, seen = form.details(), form.shown()
                staff_changes.change_person(database, public_id, new, seen=seen, by=g.by, at=clock.now())
            flash("staff_saved")
            return redirect(url_for(".staff"), 303)
        except SettingsChanged as error:
            form.show_both(error)
        except tuple(_FIELDS) as error:
            form.refuse(error, _FIELDS[type(error)])
    return show("admin/person.html", 422 if form.is_submitted() else 200, form=form, file=file)


@pages.post("/settings/staff/<public_id>/link")
def new_link(public_id: str) -> Shown:
    try:
        with transaction() as database:
            link = staffing.new_password_link(database, public_id, by=g.by, at=clock.now())
    except NotActive as error:
        return _staff(409, error=type(error).__name__)
    return _link_page(link)


@pages.route("/settings/staff/<public_id>/deactivate", methods=["GET", "POST"])
def deactivate(public_id: str) -> Shown:
    """A page that says what it means, then the press."""
    if request.method == "GET":
        with reading() as database:
            file = staff_changes.person(database, public_id, by=g.by, at=clock.now())
        return show("admin/deactivate.html", file=file)
    try:
        with transaction() as database:
            staffing.deactivate(database, public_id, by=g.by, at=clock.now())
    except (OwnAccount, LastAdministrator) as error:
        return _staff(409, error=type(error).__name__)
    flash("staff_deactivated")
    return redirect(url_for(".staff"), 303)


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


# ---- Licences


@pages.get("/settings/licences")
def licences() -> Shown:
    return _licences()


def _licences(
    status: int = 200, *, permission: forms.Permission | None = None, protocols: ProtocolsPage | None = None
) -> Shown:
    with reading() as database:
        view = clinics.licences(database, by=g.by)
        stored = clinic_settings.stored(database, Section.PROTOCOLS, by=g.by)
    return show(
        "admin/licences.html",
        status,
        licences=view,
        permission=permission or forms.Permission(formdata=None, prefix="permission"),
        protocols=protocols or ProtocolsPage.of(stored),
    )


@pages.post("/settings/permissions")
def record_permission() -> Shown:
    form = forms.Permission(prefix="permission")
    if form.validate():
        values = [form[name].data for name in ("family", "granted_by", "granted_on", "reference")]
        seen = request.form.get("seen", "")
        try:
            with transaction() as database:
                clinics.record_permission(database, *values, seen=seen, by=g.by, at=clock.now())
            flash("permission_recorded")
            return redirect(url_for(".licences"), 303)
        except (UnknownFamily, SettingsChanged) as error:
            form.refuse(error, "family" if isinstance(error, UnknownFamily) else None)
    return _licences(422, permission=form)


@pages.post("/settings/protocols")
def mean_protocols() -> Shown:
    """Which protocols the clinic means to use: going live asks for their permissions."""
    form = ProtocolsPage()
    if form.validate():
        try:
            with transaction() as database:
                new, seen = form.new(), form.shown()
                clinic_settings.change(database, Section.PROTOCOLS, new, seen=seen, by=g.by, at=clock.now())
            flash("clinic_saved")
            return redirect(url_for(".licences"), 303)
        except SettingsChanged as error:
            form.show_both(error)
        except UnknownProtocol as error:
            form.refuse(error)
    return _licences(422, protocols=form)
