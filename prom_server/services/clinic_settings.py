"""The administrator changes a clinic's settings, a page at a time: checked, audited, and never over somebody else's."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from prom_server.core.clinics import (
    AlreadyClosed,
    ClosedDayLine,
    ClosedHoursNeeded,
    OpeningView,
    PersonNeeded,
    ReminderInQuietHours,
    TellingName,
    UnknownProtocol,
    check_hours,
    is_telling,
    remind_in_quiet_hours,
)
from prom_server.core.going_live import ClosedHours
from prom_server.core.opening_hours import WEEKDAYS, Hours
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.core.settings_change import FIELDS, Section, check_seen, differing, fingerprint, told
from prom_server.services import audit, catalogue, finding, infusions
from prom_server.services.staffing import check_time_zone
from prom_server.store.clinics import Clinic, ClosedDay, Opening
from prom_server.store.patients import Patient


def stored(session: Session, section: Section, *, by: StaffMember) -> dict[str, Any]:
    """What one page shows, by field."""
    require(by, Action.MANAGE_CLINIC)
    return _values(session.get_one(Clinic, by.clinic.id), section)


def change(
    session: Session, section: Section, new: Mapping[str, Any], *, seen: str | None, by: StaffMember, at: datetime
) -> None:
    """Saves a page. `seen`: the fingerprint of what it showed. Nothing happens where nothing differs.

    Raises SettingsChanged, UnknownTimeZone, ClosedHoursNeeded, PersonNeeded, TellingName, ReminderInQuietHours,
    UnknownProtocol.
    """
    require(by, Action.MANAGE_CLINIC)
    row = finding.locked_clinic(session, by=by)
    before = _values(row, section)
    changes = differing(before, new)
    if not changes:
        return
    check_seen(before, seen)
    _check({**before, **new})
    _check_sender(row, changes)
    if row.live_at is not None and "closed_hours" in before and not {**before, **new}["closed_hours"]:
        raise ClosedHoursNeeded("while live")
    if "time_zone" in changes:
        infusions.keep_days(session, by=by)
    session.execute(update(Clinic).where(Clinic.id == row.id).values(**changes, **_moment(section, changes, at)))
    _record(session, "clinic.change", told(before, changes), by=by, at=at)


def _values(row: Clinic, section: Section) -> dict[str, Any]:
    return {field: getattr(row, field) for field in FIELDS[section]}


def _check(values: Mapping[str, Any]) -> None:
    """Of a whole page as it would be stored."""
    if "time_zone" in values:
        check_time_zone(values["time_zone"])
    if values.get("closed_hours") == ClosedHours.NEXT_OPENING and not values["closed_hours_person"]:
        raise PersonNeeded("who accepts that alerts wait")
    times = [values[each] for each in ("reminders_at", "quiet_from", "quiet_to") if each in values]
    if times and remind_in_quiet_hours(*times):
        raise ReminderInQuietHours(values["reminders_at"])
    known = {each.id for each in catalogue.library().protocols()} if values.get("protocols") else set()
    if not known.issuperset(values.get("protocols") or ()):
        raise UnknownProtocol("protocol")


def _check_sender(row: Clinic, changes: Mapping[str, Any]) -> None:
    """What a patient's inbox would show. In trial the clinic may still bear a name that tells: going live asks."""
    for field in ("sender_name", "reply_to"):
        if is_telling(changes.get(field) or ""):
            raise TellingName(field)
    typed = [field for field in ("sender_name", "name") if field in changes]
    sender = changes.get("sender_name", row.sender_name) or changes.get("name", row.name)
    if row.live_at is not None and typed and is_telling(sender):
        raise TellingName(typed[0])


def _moment(section: Section, changes: Mapping[str, Any], at: datetime) -> dict[str, datetime]:
    """A choice for closed hours is one of a day: when it was made is kept."""
    chosen = section is Section.ALERTS and {"closed_hours", "closed_hours_person"} & set(changes)
    return {"closed_hours_at": at} if chosen else {}


def _record(session: Session, action: str, detail: str, *, by: StaffMember, at: datetime) -> None:
    audit.record(session, action, by=by, at=at, subject=f"clinic:{by.clinic.public_id}", detail=detail)


def is_running(session: Session, *, by: StaffMember) -> bool:
    """Whether the clinic has patients, whose days its time zone counts."""
    require(by, Action.MANAGE_CLINIC)
    return session.scalar(select(Patient.id).where(Patient.clinic_id == by.clinic.id).limit(1)) is not None


# ---- Opening hours


def opening(session: Session, *, by: StaffMember) -> OpeningView:
    require(by, Action.MANAGE_CLINIC)
    weekly = _weekly(session, by)
    days = select(ClosedDay).where(ClosedDay.clinic_id == by.clinic.id).order_by(ClosedDay.on)
    closed = tuple(ClosedDayLine(each.on, each.name) for each in session.scalars(days))
    return OpeningView(weekly or WEEKDAYS, bool(weekly), closed, fingerprint(_as_values(weekly)))


def _weekly(session: Session, by: StaffMember) -> dict[int, Hours]:
    found: dict[int, Hours] = {}
    rows = select(Opening).where(Opening.clinic_id == by.clinic.id).order_by(Opening.weekday, Opening.opens)
    for each in session.scalars(rows):
        found[each.weekday] = (*found.get(each.weekday, ()), (each.opens, each.closes))
    return found


def _as_values(weekly: Mapping[int, Hours]) -> dict[str, object]:
    """Weekday -> "08:00-12:00, 13:00-17:00", of every day of the week."""
    shown = {day: ", ".join(f"{opens}-{closes}" for opens, closes in weekly.get(day, ())) for day in range(7)}
    return {f"weekday {day}": hours or "closed" for day, hours in shown.items()}


def change_hours(
    session: Session, weekly: Mapping[int, Hours], *, seen: str | None, by: StaffMember, at: datetime
) -> None:
    """Records the hours of a whole week; also the assumed ones, confirmed.

    Raises HoursWrong, NeverOpen, SettingsChanged.
    """
    require(by, Action.MANAGE_CLINIC)
    check_hours(weekly)
    finding.locked_clinic(session, by=by)
    before, after = _as_values(_weekly(session, by)), _as_values(weekly)
    changes = differing(before, after)
    if not changes:
        return
    check_seen(before, seen)
    session.execute(delete(Opening).where(Opening.clinic_id == by.clinic.id))
    rows = [
        {"clinic_id": by.clinic.id, "weekday": day, "opens": opens, "closes": closes}
        for day, hours in weekly.items()
        for opens, closes in hours
    ]
    if rows:
        session.execute(insert(Opening).values(rows))
    _record(session, "clinic.opening", told(before, changes), by=by, at=at)


def add_closed_day(session: Session, on: date, name: str, *, by: StaffMember, at: datetime) -> None:
    """Raises AlreadyClosed."""
    require(by, Action.MANAGE_CLINIC)
    try:
        with session.begin_nested():
            session.execute(insert(ClosedDay).values(clinic_id=by.clinic.id, on=on, name=name))
    except IntegrityError as error:
        raise AlreadyClosed(str(on)) from error
    _record(session, "clinic.closed_day", told({str(on): "open"}, {str(on): f"closed, {name}"}), by=by, at=at)


def remove_closed_day(session: Session, on: date, *, by: StaffMember, at: datetime) -> None:
    """Raises NotFound."""
    require(by, Action.MANAGE_CLINIC)
    mine = (ClosedDay.clinic_id == by.clinic.id, ClosedDay.on == on)
    name = session.scalar(delete(ClosedDay).where(*mine).returning(ClosedDay.name))
    if name is None:
        raise NotFound("no such closed day")
    _record(session, "clinic.closed_day", told({str(on): f"closed, {name}"}, {str(on): "open"}), by=by, at=at)
