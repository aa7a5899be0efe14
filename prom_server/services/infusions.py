"""One infusion and one planned day: looked at, put right, said to be missed. Given ones: see `courses`."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Row, Select, select, update
from sqlalchemy.orm import Session

from prom_server.core.care import RowInError
from prom_server.core.infusions import (
    DayGiven,
    DayNotOver,
    DayNotPlanned,
    DayPage,
    Details,
    InfusionDayView,
    InfusionView,
    MissedNoteNeeded,
    MissedReason,
    checked,
)
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.core.settings_change import check_seen
from prom_server.services import audit, finding, planning
from prom_server.store.courses import Course, Infusion, InfusionDay
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff


def find(session: Session, public_id: str, *, by: StaffMember, lock: bool = False) -> tuple[Infusion, Course, Patient]:
    """One of the clinic's infusions; `lock` holds its course. Raises NotFound, with `lock` RowInError."""
    statement = (
        select(Infusion, Course, Patient)
        .join(Course, Course.id == Infusion.course_id)
        .join(Patient, Patient.id == Course.patient_id)
        .where(Course.clinic_id == by.clinic.id, Infusion.public_id == finding.checked(public_id))
    )
    held = statement.with_for_update(of=Course, key_share=True)
    row = session.execute(held if lock else statement).one_or_none()
    if row is None:
        raise NotFound("no such infusion")
    if lock and row[0].in_error_at is not None:
        raise RowInError("in error")
    return row


def infusion_view(row: Infusion, recorded_by: str, *, by: StaffMember) -> InfusionView:
    details = Details(row.dose_mg, row.weight_kg, row.mg_per_kg, row.minutes, row.ondansetron, row.note)
    on = finding.given_on(row, by.clinic)
    return InfusionView(row.public_id, row.given_at, on, details, recorded_by, row.in_error_at is not None)


def change_infusion(
    session: Session, public_id: str, details: Details, *, seen: str | None = None, by: StaffMember, at: datetime
) -> None:
    """What is known of it, but not when it was given: that plans, so it is marked in error and recorded again.

    Raises RowInError, Implausible(Dose|Weight|MgPerKg|Minutes), DoseDisagrees; SettingsChanged where `seen` is not what
    is stored.
    """
    require(by, Action.MANAGE_COURSES)
    infusion, course, _patient = find(session, public_id, by=by, lock=True)
    new = asdict(checked(details))
    old = {name: getattr(infusion, name) for name in new}
    check_seen(old, seen)
    if changed := differences(old, new):
        session.execute(update(Infusion).where(Infusion.id == infusion.id).values(**new))
        record(session, "infusion.change", infusion, course, by=by, at=at, detail="\n".join(changed))


def keep_days(session: Session, *, by: StaffMember) -> None:
    """Before the clinic's time zone changes: infusions that an older version recorded keep the day they have now."""
    dayless = select(Infusion).join(Course, Course.id == Infusion.course_id)
    for row in session.scalars(dayless.where(Course.clinic_id == by.clinic.id, Infusion.given_on.is_(None))):
        row.given_on = finding.given_on(row, by.clinic)


def differences(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """ "minutes: 40 -> 45", for the audit."""
    return [f"{name}: {old[name]} -> {new[name]}" for name in new if old[name] != new[name]]


def day_page(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> DayPage:
    require(by, Action.MANAGE_COURSES)
    day, course, patient, infusion = _day(session, public_id, by=by)
    subject = f"course:{course.public_id}"
    audit.record(session, "infusion_day.view", by=by, at=at, patient_id=patient.id, subject=subject)
    return DayPage(course.public_id, course.number, finding.ref(patient), day_view(day, infusion))


def day_view(row: InfusionDay, infusion: InfusionView | None) -> InfusionDayView:
    return InfusionDayView(
        row.public_id,
        row.planned_on,
        infusion,
        row.missed_at,
        row.missed_reason,
        row.missed_note,
        row.cancelled_at is not None,
    )


def miss_day(
    session: Session, public_id: str, reason: MissedReason, note: str | None, *, by: StaffMember, at: datetime
) -> str:
    """No infusion on this day, and why; also ahead of it. Again changes the reason. Returns the course's public id.

    Raises DayGiven, DayNotPlanned, DayNotOver, MissedNoteNeeded.
    """
    require(by, Action.MANAGE_COURSES)
    day, course, _patient, infusion = _day(session, public_id, by=by, lock=True)
    if infusion is not None:
        raise DayGiven("given")
    if day.cancelled_at is not None:
        raise DayNotPlanned("cancelled")
    if reason is MissedReason.DID_NOT_COME and day.planned_on > finding.local_day(at, by.clinic):
        raise DayNotOver("to come")
    if reason is MissedReason.OTHER and not (note or "").strip():
        raise MissedNoteNeeded("which")
    before = day.missed_reason or "planned"
    _set_missed(session, day, course, at, reason, note, said=f"{before} -> {reason}", by=by, at=at)
    return course.public_id


def take_back_missed(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> str:
    """The day is planned again, as if nothing had been said. Returns the course's public id."""
    require(by, Action.MANAGE_COURSES)
    day, course, _patient, _infusion = _day(session, public_id, by=by, lock=True)
    if day.missed_at is not None:
        _set_missed(session, day, course, None, None, None, said=f"{day.missed_reason} -> planned", by=by, at=at)
    return course.public_id


def _set_missed(
    session: Session,
    day: InfusionDay,
    course: Course,
    missed_at: datetime | None,
    reason: str | None,
    note: str | None,
    *,
    said: str,
    by: StaffMember,
    at: datetime,
) -> None:
    values = {"missed_at": missed_at, "missed_reason": reason, "missed_note": note or None}
    session.execute(update(InfusionDay).where(InfusionDay.id == day.id).values(**values))
    subject, detail = f"course:{course.public_id}", f"{day.planned_on}: {said}"
    audit.record(
        session, "infusion_day.missed", by=by, at=at, patient_id=course.patient_id, subject=subject, detail=detail
    )
    planning.replan(session, course, by=by, at=at)


def _day(
    session: Session, public_id: str, *, by: StaffMember, lock: bool = False
) -> tuple[InfusionDay, Course, Patient, InfusionView | None]:
    """Also one that its course dropped; `lock` holds the course. Raises NotFound."""
    statement: Select[InfusionDay, Course, Patient] = (
        select(InfusionDay, Course, Patient)
        .join(Course, Course.id == InfusionDay.course_id)
        .join(Patient, Patient.id == InfusionDay.patient_id)
        .where(
            InfusionDay.clinic_id == by.clinic.id,
            InfusionDay.public_id == finding.checked(public_id),
        )
    )
    held = statement.with_for_update(of=Course, key_share=True)
    row: Row[InfusionDay, Course, Patient] | None = session.execute(held if lock else statement).one_or_none()
    if row is None:
        raise NotFound("no such day")
    return *row, _given_on(session, row[0], by=by)


def _given_on(session: Session, day: InfusionDay, *, by: StaffMember) -> InfusionView | None:
    if day.infusion_id is None:
        return None
    infusion = session.get_one(Infusion, day.infusion_id)
    return infusion_view(infusion, session.get_one(Staff, infusion.recorded_by).name, by=by)


def record(
    session: Session,
    action: str,
    infusion: Infusion,
    course: Course,
    *,
    by: StaffMember,
    at: datetime,
    detail: str | None = None,
) -> None:
    subject = f"infusion:{infusion.public_id}"
    audit.record(session, action, by=by, at=at, patient_id=course.patient_id, subject=subject, detail=detail)
