"""Default deny: every endpoint names what it needs here, or nobody reaches it."""

from enum import Enum

from flask import Flask, g, redirect, request, session, url_for
from flask_wtf import CSRFProtect
from werkzeug import Response

from prom_server import clock
from prom_server.core.permissions import Action, require
from prom_server.core.refusals import NotFound, Refused
from prom_server.services import accounts
from prom_server.transaction import reading, transaction
from prom_server.web import tablets

PERSON = "person"  # in the session: who was signed in last; what they typed is shown to nobody else
RETURN_TO = "return_to"  # in the session: the page that was asked for before the sign-in
LAST_SEARCH = "patients"  # in the session: what was searched for is never in an address


# No browser asks for these: they have no session whose form could be forged, and check a signature of their own.
SIGNED_OTHERWISE = ("prom_server.web.inbound.sms", "prom_server.web.inbound.sms_status")

# A tablet shows the clinic's pages to nobody before it leaves kiosk mode: the next hands on it are a patient's.
ON_A_TABLET = {"kiosk.unlock", "kiosk.leave", "auth.sign_out"}


class SignedOut(Refused):
    """A form of a person who is no longer signed in. What was typed is carried through the sign-in."""


class Access(Enum):
    PUBLIC = "public"  # anyone
    OWN_DEVICE = "own device"  # anyone, but on no tablet of a clinic: there the desk opens the questions
    PATIENT = "patient"  # the identified patient of one assessment; services check the session
    KIOSK = "kiosk"  # a registered tablet, or a device that staff handed over


RULES: dict[str, Access | Action] = {
    "static": Access.PUBLIC,
    "health.healthz": Access.PUBLIC,
    # a patient's visit
    "visit_entry.link": Access.OWN_DEVICE,
    "visit_entry.identify": Access.OWN_DEVICE,
    "visit_entry.resume": Access.OWN_DEVICE,
    "opt_out.reminders": Access.OWN_DEVICE,
    "opt_out.choose": Access.OWN_DEVICE,
    "results.ask": Access.OWN_DEVICE,
    "results.read": Access.OWN_DEVICE,
    "preferences.choose": Access.PUBLIC,
    "patient.welcome": Access.PATIENT,
    "patient.start": Access.PATIENT,
    "patient.go_on": Access.PATIENT,
    "patient.step": Access.PATIENT,
    "patient.answer": Access.PATIENT,
    "patient.ahead": Access.PATIENT,
    "screens.answer": Access.PATIENT,
    "patient.skip": Access.PATIENT,
    "patient.help_page": Access.PATIENT,
    "patient.call_me": Access.PATIENT,
    "patient.review": Access.PATIENT,
    "patient.submit": Access.PATIENT,
    "patient.rest": Access.PATIENT,
    "patient.decline": Access.PATIENT,
    "patient.declined": Access.PATIENT,
    "patient.thanks": Access.PATIENT,
    "patient.leave": Access.PATIENT,
    # a tablet of the clinic
    "kiosk.look_at_set_up": Access.PUBLIC,
    "kiosk.set_up": Access.PUBLIC,
    "kiosk.start": Access.KIOSK,
    "kiosk.code": Access.KIOSK,
    "kiosk.birth_date": Access.KIOSK,
    "kiosk.start_over": Access.KIOSK,
    "kiosk.cover": Access.KIOSK,
    "kiosk.here": Access.KIOSK,
    "kiosk.alive": Access.PATIENT,
    "kiosk.stop": Access.PATIENT,
    "kiosk.unlock": Action.LEAVE_KIOSK,
    "kiosk.leave": Action.LEAVE_KIOSK,
    # the SMS gateway: the views check its signature
    "inbound.sms": Access.PUBLIC,
    "inbound.sms_status": Access.PUBLIC,
    # staff
    "report.score": Action.SEE_TREND,
    "auth.sign_in": Access.PUBLIC,
    "auth.set_password": Access.PUBLIC,
    "auth.sign_out": Action.SIGN_OUT,
    "clinic.home": Action.SIGN_OUT,
    "clinic.today": Action.SEE_FOLLOWUPS,
    "clinic.follow_ups": Action.SEE_FOLLOWUPS,
    "calls.index": Action.SEE_FOLLOWUPS,
    "calls.begin": Action.RING,
    "calls.person": Action.RING,
    "calls.take": Action.RING,
    "calls.release": Action.RING,
    "calls.record": Action.RING,
    "calls.take_back_decline": Action.RING,
    "funnel.index": Action.SEE_FOLLOWUPS,
    "funnel.file": Action.SEE_FOLLOWUPS,
    "expected.index": Action.SEE_FOLLOWUPS,
    "expected.check_in": Action.CHECK_IN,
    "expected.undo_check_in": Action.CHECK_IN,
    "expected.upload": Action.CHECK_IN,
    "expected.preview": Action.CHECK_IN,
    "expected.apply": Action.CHECK_IN,
    "expected.discard": Action.CHECK_IN,
    "clinic.patients": Action.SEE_PATIENTS,
    "clinic.new_patient": Action.EDIT_PATIENTS,
    "reassigning.choose": Action.MARK_IN_ERROR,
    "reassigning.confirm": Action.MARK_IN_ERROR,
    "merging.find": Action.EDIT_PATIENTS,
    "merging.merge": Action.EDIT_PATIENTS,
    "merging.undo": Action.EDIT_PATIENTS,
    "imports.index": Action.EDIT_PATIENTS,
    "imports.template": Action.EDIT_PATIENTS,
    "imports.preview": Action.EDIT_PATIENTS,
    "imports.apply": Action.EDIT_PATIENTS,
    "imports.discard": Action.EDIT_PATIENTS,
    "clinic.patient": Action.SEE_TREND,
    "clinic.edit_patient": Action.EDIT_PATIENTS,
    "clinic.unlock": Action.EDIT_PATIENTS,
    "contacts.contact": Action.SEE_PATIENTS,
    "contacts.change": Action.EDIT_PATIENTS,
    "contacts.set_calls": Action.EDIT_PATIENTS,
    "contacts.stop": Action.EDIT_PATIENTS,
    "contacts.take_back": Action.EDIT_PATIENTS,
    "clinic.answers": Action.SEE_TREND,
    "given.answers": Action.SEE_TREND,
    "entry.choose": Action.ENTER_ANSWERS,
    "paper.form": Action.ENTER_ANSWERS,
    "entry.telephone": Action.ENTER_ANSWERS,
    "entry.send": Action.ENTER_ANSWERS,
    "entry.stay": Action.ENTER_ANSWERS,
    "given.ask_again": Action.ENTER_ANSWERS,
    "given.who": Action.ENTER_ANSWERS,
    "clinic.mark_in_error": Action.MARK_IN_ERROR,
    "results.share": Action.SHARE_RESULTS,
    "results.take_back": Action.SHARE_RESULTS,
    "courses.new": Action.MANAGE_COURSES,
    "courses.course": Action.SEE_PATIENTS,
    "courses.record_infusion": Action.MANAGE_COURSES,
    "courses.finish": Action.MANAGE_COURSES,
    "infusions.infusion": Action.MANAGE_COURSES,
    "infusions.change": Action.MANAGE_COURSES,
    "infusions.effects": Action.MANAGE_COURSES,
    "infusions.vital_signs": Action.MANAGE_COURSES,
    "infusions.vital_signs_in_error": Action.MANAGE_COURSES,
    "infusions.day": Action.MANAGE_COURSES,
    "infusions.take_back": Action.MANAGE_COURSES,
    "events.record": Action.MANAGE_COURSES,
    "events.event": Action.MANAGE_COURSES,
    "events.in_error": Action.MANAGE_COURSES,
    "care.care": Action.MANAGE_COURSES,
    "care.dose": Action.MANAGE_COURSES,
    "care.attendance": Action.MANAGE_COURSES,
    "care.other": Action.MANAGE_COURSES,
    "care.note": Action.MANAGE_COURSES,
    "care.dose_in_error": Action.MANAGE_COURSES,
    "care.session_in_error": Action.MANAGE_COURSES,
    "care.note_in_error": Action.MANAGE_COURSES,
    "courses.reopen": Action.MANAGE_COURSES,
    "course_moves.move": Action.MANAGE_COURSES,
    "course_moves.cancel": Action.MANAGE_COURSES,
    "course_moves.infusion_in_error": Action.MANAGE_COURSES,
    "why.assessment": Action.SEE_PATIENTS,
    "satisfying.answers": Action.SEE_PATIENTS,
    "satisfying.use": Action.ENTER_ANSWERS,
    "satisfying.undo": Action.ENTER_ANSWERS,
    "late_reopening.ask": Action.MANAGE_COURSES,
    "late_reopening.reopen": Action.MANAGE_COURSES,
    "courses.link": Action.INVITE,
    "courses.issue": Action.INVITE,
    "link_messages.send": Action.INVITE,
    "handovers.choose": Action.HAND_OVER,
    "handovers.start_on": Action.HAND_OVER,
    "handovers.make_code": Action.HAND_OVER,
    "handovers.take_back": Action.HAND_OVER,
    "handovers.start_here": Action.HAND_OVER,
    "outbox.index": Action.SEE_MESSAGES,
    "outbox.message": Action.SEE_MESSAGES,
    "outbox.settle": Action.SETTLE_MESSAGES,
    "alerts.index": Action.SEE_ALERTS,
    "alerts.alert": Action.SEE_ALERTS,
    "alerts.acknowledge": Action.ACKNOWLEDGE_ALERTS,
    "alerts.resolve": Action.ACKNOWLEDGE_ALERTS,  # an alert needs RESOLVE_ALERTS besides: see services.alert_desk
    "alerts.give": Action.ACKNOWLEDGE_ALERTS,
    "alert_latency.index": Action.SEE_ALERTS,
    "alert_latency.file": Action.SEE_ALERTS,
    "on_call.index": Action.MANAGE_ON_CALL,
    "on_call.cancel": Action.MANAGE_ON_CALL,
    "admin.settings": Action.MANAGE_CLINIC,
    "message_templates.index": Action.MANAGE_CLINIC,
    "message_templates.edit": Action.MANAGE_CLINIC,
    "message_templates.reset": Action.MANAGE_CLINIC,
    "message_templates.send_test": Action.MANAGE_CLINIC,
    "clinic_settings.clinic": Action.MANAGE_CLINIC,
    "clinic_settings.hours": Action.MANAGE_CLINIC,
    "clinic_settings.close": Action.MANAGE_CLINIC,
    "clinic_settings.open_again": Action.MANAGE_CLINIC,
    "clinic_settings.patients": Action.MANAGE_CLINIC,
    "clinic_settings.messages": Action.MANAGE_CLINIC,
    "clinic_settings.alerts": Action.MANAGE_CLINIC,
    "clinic_settings.live": Action.MANAGE_CLINIC,
    "clinic_settings.back_to_trial": Action.MANAGE_CLINIC,
    "admin.staff": Action.MANAGE_STAFF,
    "admin.person": Action.MANAGE_STAFF,
    "admin.add_staff": Action.MANAGE_STAFF,
    "admin.new_link": Action.MANAGE_STAFF,
    "admin.deactivate": Action.MANAGE_STAFF,
    "admin.reactivate": Action.MANAGE_STAFF,
    "admin.licences": Action.RECORD_PERMISSIONS,
    "admin.mean_protocols": Action.MANAGE_CLINIC,
    "admin.record_permission": Action.RECORD_PERMISSIONS,
    "devices.index": Action.MANAGE_DEVICES,
    "devices.register": Action.MANAGE_DEVICES,
    "devices.rename": Action.MANAGE_DEVICES,
    "devices.new_link": Action.MANAGE_DEVICES,
    "devices.revoke": Action.MANAGE_DEVICES,
    "devices.change_times": Action.MANAGE_DEVICES,
    "catalogue.index": Action.SEE_INSTRUMENTS,
    "catalogue.instrument": Action.SEE_INSTRUMENTS,
    "preview.show": Action.SEE_INSTRUMENTS,
    "preview.answer": Action.SEE_INSTRUMENTS,
}


def install(app: Flask) -> None:
    signed = CSRFProtect(app)
    for view in SIGNED_OTHERWISE:
        signed.exempt(view)
    app.before_request(check)


def check() -> Response | None:
    """Runs before every view. A staff rule puts the signed-in person in `g.by`."""
    if request.endpoint is None:
        return None  # no such address: the 404 page
    rule = RULES.get(request.endpoint)
    if rule is None:
        raise NotFound(f"no rule for {request.endpoint}")
    if isinstance(rule, Action):
        return _check_staff(rule)
    checks = {
        Access.OWN_DEVICE: tablets.check_own_device,
        Access.PATIENT: tablets.check_patient,
        Access.KIOSK: tablets.check_device,
    }
    return checks[rule]() if rule in checks else None


def _check_staff(action: Action) -> Response | None:
    token, at = session.get("staff"), clock.now()
    with reading() as database:
        signed_in = accounts.of_session(database, token, at=at) if token else None
    if signed_in is None:
        session.pop("staff", None)
        session.pop(LAST_SEARCH, None)  # a name or a date of birth: the cookie is signed, and can be read
        if request.method == "POST":
            raise SignedOut("signed out")
        session[RETURN_TO] = request.path
        return redirect(url_for("auth.sign_in"), 303)
    if signed_in.stale:
        with transaction() as database:
            accounts.touch(database, signed_in, at=at)
    g.by, g.open_alerts = signed_in.by, signed_in.open_alerts
    require(g.by, action)
    if request.endpoint not in ON_A_TABLET and tablets.device() is not None:
        return redirect(url_for("kiosk.unlock"), 303)
    return None
