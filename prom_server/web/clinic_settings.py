"""Settings: the clinic itself, its hours, what patients read, messages, alerts, and going live."""

from typing import Any

from flask import Blueprint, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.accounts import UnknownTimeZone
from prom_server.core.clinics import (
    AlreadyClosed,
    ClosedHoursNeeded,
    HoursWrong,
    NeverOpen,
    PersonNeeded,
    ReminderInQuietHours,
    TellingName,
    is_telling,
)
from prom_server.core.going_live import AlreadyLive, NotLive, NotReady
from prom_server.core.refusals import Refused
from prom_server.core.settings_change import Section, SettingsChanged
from prom_server.services import clinic_settings, clinics, going_live
from prom_server.transaction import reading, transaction
from prom_server.web.clinic_settings_forms import (
    AlertsPage,
    BackToTrial,
    ClinicPage,
    ClosedDay,
    HoursPage,
    MessagesPage,
    Page,
    Reopened,
)
from prom_server.web.installation import installation, sends
from prom_server.web.patient_words import PatientWordsForm
from prom_server.web.staff_page import show

pages = Blueprint("clinic_settings", __name__)

# Refusals that belong to one field; others head the form.
_FIELDS: dict[type[Refused], str] = {
    UnknownTimeZone: "time_zone",
    ClosedHoursNeeded: "closed_hours",
    PersonNeeded: "closed_hours_person",
    ReminderInQuietHours: "reminders_at",
}


def change(kind: type[Page], template: str, **facts: Any) -> Shown:
    """Shows a section, or saves it; what was typed stays when it is refused."""
    if request.method == "GET":
        with reading() as database:
            form = kind.of(clinic_settings.stored(database, kind.section, by=g.by))
        return show(template, form=form, **facts)
    form = kind()
    saved = form.validate() and save(form)
    return redirect(request.path, 303) if saved else show(template, 422, form=form, **facts)


def save(form: Page) -> bool:
    try:
        with transaction() as database:
            seen = form.shown()
            clinic_settings.change(database, form.section, form.new(), seen=seen, by=g.by, at=clock.now())
    except SettingsChanged as error:
        form.show_both(error)
        return False
    except TellingName as error:
        form.refuse(error, error.field)
        return False
    except tuple(_FIELDS) as error:
        form.refuse(error, _FIELDS[type(error)])
        return False
    flash("clinic_saved")
    return True


# ---- The clinic


@pages.route("/settings/clinic", methods=["GET", "POST"])
def clinic() -> Shown:
    """A running clinic's time zone is changed only after a page that says what it means."""
    if request.method == "POST" and request.form.get("confirmed") != request.form.get("time_zone"):
        form = ClinicPage()
        if form.validate() and form.time_zone.data != g.by.clinic.time_zone and _is_running():
            return show("admin/settings_zone.html", form=form)
    return change(ClinicPage, "admin/settings_clinic.html", tells=_sender_tells())


def _sender_tells() -> bool:
    """Whether messages would come from a name that tells what the clinic treats: going live needs another one."""
    return is_telling(g.by.clinic.sender_name or g.by.clinic.name)


def _is_running() -> bool:
    with reading() as database:
        return clinic_settings.is_running(database, by=g.by)


@pages.route("/settings/alerts", methods=["GET", "POST"])
def alerts() -> Shown:
    return change(AlertsPage, "admin/settings_alerts.html")


@pages.route("/settings/messages", methods=["GET", "POST"])
def messages() -> Shown:
    return change(MessagesPage, "admin/settings_messages.html", installation=installation(), tells=_sender_tells())


@pages.route("/settings/patients", methods=["GET", "POST"])
def patients() -> Shown:
    """The clinic's own words on the patients' pages, and whether results are shown there."""
    if request.method == "GET":
        with reading() as database:
            stored = clinic_settings.stored(database, Section.PATIENTS, by=g.by)
        return _patients(PatientWordsForm.of(stored))
    form = PatientWordsForm(prefix="words")
    if not form.validate():
        return _patients(form, 422)
    shown, results = form.seen.data or "", form.results.data == "yes"
    try:
        with transaction() as database:
            clinics.change_patient_words(
                database, form.words(), results_shown=results, seen=shown, by=g.by, at=clock.now()
            )
    except SettingsChanged as error:
        form.show_both(error)
        return _patients(form, 422)
    flash("clinic_saved")
    return redirect(url_for(".patients"), 303)


def _patients(form: PatientWordsForm, status: int = 200) -> Shown:
    return show("admin/settings_patients.html", status, form=form)


# ---- Opening hours


@pages.route("/settings/hours", methods=["GET", "POST"])
def hours() -> Shown:
    if request.method == "GET":
        return _hours()
    form = HoursPage()
    if form.validate():
        try:
            with transaction() as database:
                seen = form.shown()
                clinic_settings.change_hours(database, form.weekly(), seen=seen, by=g.by, at=clock.now())
            flash("clinic_saved")
            return redirect(url_for(".hours"), 303)
        except HoursWrong as error:
            form.refuse(error, f"opens_{error.weekday}_1")
        except NeverOpen as error:
            form.refuse(error)
        except SettingsChanged as error:
            form.show_both(error)
    return _hours(form, 422)


def _hours(form: HoursPage | None = None, status: int = 200, closed: ClosedDay | None = None) -> Shown:
    with reading() as database:
        view = clinic_settings.opening(database, by=g.by)
    form = form or HoursPage.of(view.weekly, view.seen)
    return show("admin/settings_hours.html", status, form=form, view=view, closed=closed or ClosedDay(formdata=None))


@pages.post("/settings/hours/closed")
def close() -> Shown:
    form = ClosedDay()
    if form.validate():
        try:
            with transaction() as database:
                clinic_settings.add_closed_day(database, form.on.data, form.name.data, by=g.by, at=clock.now())
            flash("clinic_saved")
            return redirect(url_for(".hours"), 303)
        except AlreadyClosed as error:
            form.refuse(error, "on")
    return _hours(status=422, closed=form)


@pages.post("/settings/hours/open")
def open_again() -> Shown:
    form = Reopened()
    if form.validate():
        with transaction() as database:
            clinic_settings.remove_closed_day(database, form.on.data, by=g.by, at=clock.now())
        flash("clinic_saved")
    return redirect(url_for(".hours"), 303)


# ---- Going live


@pages.route("/settings/going-live", methods=["GET", "POST"])
def live() -> Shown:
    if request.method == "GET":
        return _live()
    try:
        with transaction() as database:
            going_live.go_live(database, sends=sends(), by=g.by, at=clock.now())
    except (NotReady, AlreadyLive) as error:
        return _live(409, error=type(error).__name__)
    flash("gone_live")
    return redirect(url_for(".live"), 303)


@pages.post("/settings/going-live/back")
def back_to_trial() -> Shown:
    form = BackToTrial()
    if not form.validate():
        return _live(422, form=form)
    try:
        with transaction() as database:
            going_live.back_to_trial(database, form.reason.data, by=g.by, at=clock.now())
    except NotLive as error:
        return _live(409, error=type(error).__name__)
    flash("back_to_trial")
    return redirect(url_for(".live"), 303)


def _live(status: int = 200, *, form: BackToTrial | None = None, error: str | None = None) -> Shown:
    with reading() as database:
        view = going_live.readiness(database, sends=sends(), by=g.by, at=clock.now())
    form = form or BackToTrial(formdata=None)
    return show("admin/settings_going_live.html", status, view=view, form=form, error=error)
