"""Adverse events of a course."""

from flask import Blueprint, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.adverse_events import (
    EventAction,
    EventInFuture,
    EventKind,
    EventNoteNeeded,
    EventOutcome,
    EventView,
    NotResolved,
)
from prom_server.core.refusals import Refused
from prom_server.core.settings_change import SettingsChanged, fingerprint
from prom_server.services import adverse_events
from prom_server.services.adverse_events import Event
from prom_server.transaction import transaction
from prom_server.web.care_forms import EventForm, FollowForm, resolved_at
from prom_server.web.filters import local
from prom_server.web.staff_page import clinic_day, show

pages = Blueprint("events", __name__)

FIELD_OF: dict[type[Refused], str] = {EventNoteNeeded: "note", NotResolved: "resolved_on"}


@pages.route("/courses/<public_id>/adverse-events", methods=["GET", "POST"])
def record(public_id: str) -> Shown:
    at = clock.now()
    with transaction() as database:
        page = adverse_events.new_event_page(database, public_id, by=g.by, at=at)
    form = EventForm()
    if not form.is_submitted():
        form = EventForm(formdata=None, data={"happened_on": clinic_day(at)})
        return show("clinic/adverse_event.html", page=page, form=form)
    if form.validate():
        event = _event(form)
        try:
            if not form.errors:
                with transaction() as database:
                    adverse_events.record_event(database, public_id, event, by=g.by, at=at)
                flash("event_saved")
                return redirect(url_for("courses.course", public_id=public_id), 303)
        except Refused as error:
            form.refuse(error, FIELD_OF.get(type(error), "happened_on"))
    return show("clinic/adverse_event.html", 422, page=page, form=form)


def _event(form: EventForm) -> Event:
    zone = g.by.clinic.time_zone
    return Event(
        EventKind(form.kind.data),
        EventAction(form.action.data),
        EventOutcome(form.outcome.data),
        form.happened_at(zone),
        resolved_at(form, zone),
        form.note.data or None,
    )


@pages.route("/adverse-events/<public_id>", methods=["GET", "POST"])
def event(public_id: str) -> Shown:
    """How it went on."""
    at, zone = clock.now(), g.by.clinic.time_zone
    with transaction() as database:
        page = adverse_events.event_page(database, public_id, by=g.by, at=at)
    form = FollowForm()
    if not form.is_submitted():
        return show("clinic/adverse_event.html", page=page, form=_known(page.event, zone))
    if form.validate():
        resolved, outcome = resolved_at(form, zone), EventOutcome(form.outcome.data)
        try:
            if not form.errors:
                with transaction() as database:
                    course_id = adverse_events.follow_event(
                        database, public_id, outcome, resolved, form.note.data, seen=form.seen.data, by=g.by, at=at
                    )
                flash("event_saved")
                return redirect(url_for("courses.course", public_id=course_id), 303)
        except SettingsChanged as error:
            form.show_stored(error)
        except Refused as error:
            form.refuse(error, "resolved_on" if isinstance(error, EventInFuture) else FIELD_OF.get(type(error)))
    return show("clinic/adverse_event.html", 422, page=page, form=form)


def _known(event: EventView | None, zone: str) -> FollowForm:
    if event is None:
        return FollowForm(formdata=None)
    resolved = local(event.resolved_at, zone) if event.resolved_at else None
    stored = {"outcome": event.outcome, "resolved_at": event.resolved_at, "note": event.note}
    known = {
        "seen": fingerprint(stored),
        "outcome": event.outcome,
        "resolved_on": resolved.date() if resolved else None,
        "resolved_time": resolved.time() if resolved else None,
        "note": event.note,
    }
    return FollowForm(formdata=None, data=known)


@pages.post("/adverse-events/<public_id>/in-error")
def in_error(public_id: str) -> Shown:
    with transaction() as database:
        course_id = adverse_events.mark_event_in_error(database, public_id, by=g.by, at=clock.now())
    flash("row_in_error")
    return redirect(url_for("courses.course", public_id=course_id), 303)
