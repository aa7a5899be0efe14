"""One infusion and one planned day: details, side effects, vital signs, missed."""

from flask import Blueprint, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.care import OtherSideEffectUnsaid
from prom_server.core.infusions import (
    DoseDisagrees,
    ImplausibleDose,
    ImplausibleMgPerKg,
    ImplausibleMinutes,
    ImplausibleWeight,
    MissedNoteNeeded,
    MissedReason,
)
from prom_server.core.refusals import Refused
from prom_server.core.settings_change import SettingsChanged, fingerprint
from prom_server.core.vital_signs import HalfAPressure, ImplausibleVitalSign, NotAroundTheInfusion, PressureUpsideDown
from prom_server.services import care_views, infusions, side_effects
from prom_server.transaction import transaction
from prom_server.web.care_forms import NO, YES, DetailsForm, MissedForm, SideEffectsForm, VitalSignsForm
from prom_server.web.staff_page import show

pages = Blueprint("infusions", __name__)

FIELD_OF: dict[type[Refused], str] = {
    ImplausibleDose: "dose_mg",
    ImplausibleWeight: "weight_kg",
    ImplausibleMgPerKg: "mg_per_kg",
    DoseDisagrees: "mg_per_kg",
    ImplausibleMinutes: "minutes",
}


@pages.get("/infusions/<public_id>")
def infusion(public_id: str) -> Shown:
    with transaction() as database:
        page = care_views.infusion_page(database, public_id, by=g.by, at=clock.now())
    return show("clinic/infusion.html", page=page)


@pages.route("/infusions/<public_id>/change", methods=["GET", "POST"])
def change(public_id: str) -> Shown:
    at = clock.now()
    with transaction() as database:
        page = care_views.infusion_page(database, public_id, by=g.by, at=at)
    form = DetailsForm()
    if not form.is_submitted():
        return show("clinic/infusion_change.html", page=page, form=DetailsForm.filled(page.infusion.details))
    if form.validate():
        try:
            with transaction() as database:
                infusions.change_infusion(database, public_id, form.details(), seen=form.seen.data, by=g.by, at=at)
            flash("infusion_saved")
            return redirect(url_for(".infusion", public_id=public_id), 303)
        except SettingsChanged as error:
            form.show_stored(error)
        except Refused as error:
            form.refuse(error, FIELD_OF.get(type(error)))
    return show("clinic/infusion_change.html", 422, page=page, form=form)


@pages.route("/infusions/<public_id>/side-effects", methods=["GET", "POST"])
def effects(public_id: str) -> Shown:
    at = clock.now()
    with transaction() as database:
        page = care_views.infusion_page(database, public_id, by=g.by, at=at)
    form = SideEffectsForm()
    if not form.is_submitted():
        known = {each.kind: YES if each.answer else NO for each in page.side_effects.asked}
        what = next((each.note for each in page.side_effects.present if each.note), None)
        seen = fingerprint({each.kind: each for each in page.side_effects.asked})
        form = SideEffectsForm(formdata=None, data={**known, "what": what, "seen": seen})
        return show("clinic/side_effects.html", page=page, form=form)
    if form.validate():
        try:
            with transaction() as database:
                side_effects.record_side_effects(
                    database, public_id, form.answers(), form.what.data, seen=form.seen.data, by=g.by, at=at
                )
            flash("side_effects_saved")
            return redirect(url_for(".infusion", public_id=public_id), 303)
        except SettingsChanged as error:
            form.show_stored(error)
        except Refused as error:
            form.refuse(error, "what" if isinstance(error, OtherSideEffectUnsaid) else None)
    return show("clinic/side_effects.html", 422, page=page, form=form)


@pages.route("/infusions/<public_id>/vital-signs", methods=["GET", "POST"])
def vital_signs(public_id: str) -> Shown:
    at = clock.now()
    with transaction() as database:
        page = care_views.infusion_page(database, public_id, by=g.by, at=at)
    form = VitalSignsForm()
    if not form.is_submitted():
        form = VitalSignsForm(formdata=None, data={"measured_on": page.infusion.on})
        return show("clinic/vital_signs.html", page=page, form=form)
    if form.validate():
        try:
            measured_at = form.measured_at(g.by.clinic.time_zone)
            with transaction() as database:
                side_effects.record_vital_signs(database, public_id, measured_at, form.values(), by=g.by, at=at)
            flash("vital_signs_saved")
            return redirect(url_for(".infusion", public_id=public_id), 303)
        except Refused as error:
            form.refuse(error, _vital_field(error))
    return show("clinic/vital_signs.html", 422, page=page, form=form)


def _vital_field(error: Refused) -> str | None:
    if isinstance(error, ImplausibleVitalSign):
        return error.kind
    fields: dict[type[Refused], str] = {
        HalfAPressure: "systolic",
        PressureUpsideDown: "systolic",
        NotAroundTheInfusion: "measured_on",
    }
    return fields.get(type(error))


@pages.post("/vital-signs/<public_id>/in-error")
def vital_signs_in_error(public_id: str) -> Shown:
    with transaction() as database:
        infusion_id = side_effects.mark_vital_signs_in_error(database, public_id, by=g.by, at=clock.now())
    flash("row_in_error")
    return redirect(url_for(".infusion", public_id=infusion_id), 303)


@pages.route("/infusion-days/<public_id>", methods=["GET", "POST"])
def day(public_id: str) -> Shown:
    """What became of a planned day without an infusion."""
    at = clock.now()
    with transaction() as database:
        page = infusions.day_page(database, public_id, by=g.by, at=at)
    form = MissedForm()
    if not form.is_submitted():
        known = {"reason": page.day.missed_reason, "note": page.day.missed_note}
        return show("clinic/infusion_day.html", page=page, form=MissedForm(formdata=None, data=known))
    if form.validate():
        try:
            reason, note = MissedReason(form.reason.data), form.note.data
            with transaction() as database:
                course_id = infusions.miss_day(database, public_id, reason, note, by=g.by, at=at)
            flash("day_missed")
            return redirect(url_for("courses.course", public_id=course_id), 303)
        except Refused as error:
            form.refuse(error, "note" if isinstance(error, MissedNoteNeeded) else "reason")
    return show("clinic/infusion_day.html", 422, page=page, form=form)


@pages.post("/infusion-days/<public_id>/take-back")
def take_back(public_id: str) -> Shown:
    with transaction() as database:
        course_id = infusions.take_back_missed(database, public_id, by=g.by, at=clock.now())
    flash("day_taken_back")
    return redirect(url_for("courses.course", public_id=course_id), 303)
