"""A clinic goes live, and back to trial: what it must have settled, checked in the transaction that says so."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prom_server.core.going_live import (
    Alerting,
    AlreadyLive,
    Facts,
    Line,
    NotLive,
    NotReady,
    alerting,
    checklist,
    unmet,
)
from prom_server.core.instrument import Instrument
from prom_server.core.permissions import Action, Role, StaffMember, require
from prom_server.core.schedule import Protocol
from prom_server.services import audit, catalogue, clinics, finding
from prom_server.store.clinics import Clinic, OnCall, Opening, Permission
from prom_server.store.staff import Staff

_TOLD = (  # who hears of alerts, and can look at them
    Staff.active,
    Staff.password_hash.is_not(None),
    (Staff.alerts_by == "email") | ((Staff.alerts_by == "sms") & Staff.mobile.is_not(None)),
)


@dataclass(frozen=True, slots=True)
class Readiness:
    """`lines`: every requirement. `live_at`: since when the clinic is live, and who pressed it; None: in trial."""

    lines: tuple[Line, ...]
    live_at: datetime | None
    live_by: str | None

    @property
    def ready(self) -> bool:
        return not unmet(self.lines)


def readiness(session: Session, *, sends: Collection[str], by: StaffMember, at: datetime) -> Readiness:
    """`sends`: the channels by which messages leave this installation."""
    require(by, Action.MANAGE_CLINIC)
    clinic = session.get_one(Clinic, by.clinic.id)
    live_by = session.scalar(select(Staff.name).where(Staff.id == clinic.live_by)) if clinic.live_by else None
    return Readiness(checklist(_facts(session, clinic, sends, by=by, at=at)), clinic.live_at, live_by)


def lost(session: Session, *, sends: Collection[str], by: StaffMember, at: datetime) -> tuple[Line, ...]:
    """What a live clinic has lost since, of all that an alert needs to reach somebody; for those who see alerts."""
    require(by, Action.SEE_ALERTS)
    return unmet(alerting(_alerting(session, sends, by=by, at=at))) if by.clinic.live else ()


def go_live(session: Session, *, sends: Collection[str], by: StaffMember, at: datetime) -> None:
    """Raises NotReady with what is missing, AlreadyLive."""
    require(by, Action.MANAGE_CLINIC)
    clinic = finding.locked_clinic(session, by=by)
    if clinic.live_at is not None:
        raise AlreadyLive("live")
    if missing := unmet(checklist(_facts(session, clinic, sends, by=by, at=at))):
        raise NotReady(missing)
    _set(session, {"live_at": at, "live_by": by.id}, by=by)
    _record(session, "clinic.go_live", f"live_at: None -> {at.isoformat()}", by=by, at=at)


def back_to_trial(session: Session, reason: str, *, by: StaffMember, at: datetime) -> None:
    """From now on messages are only logged. Raises NotLive."""
    require(by, Action.MANAGE_CLINIC)
    since = finding.locked_clinic(session, by=by).live_at
    if since is None:
        raise NotLive("in trial")
    detail = f"live_at: {since.isoformat()} -> None\nreason: {' / '.join(reason.splitlines())}"
    _set(session, {"live_at": None, "live_by": None}, by=by)
    _record(session, "clinic.back_to_trial", detail, by=by, at=at)


def _set(session: Session, values: dict[str, Any], *, by: StaffMember) -> None:
    session.execute(update(Clinic).where(Clinic.id == by.clinic.id).values(**values))


def _record(session: Session, action: str, detail: str, *, by: StaffMember, at: datetime) -> None:
    audit.record(session, action, by=by, at=at, subject=f"clinic:{by.clinic.public_id}", detail=detail)


def _facts(session: Session, clinic: Clinic, sends: Collection[str], *, by: StaffMember, at: datetime) -> Facts:
    protocols, instruments = _used(session, clinic, by=by)
    permitted = set(session.scalars(select(Permission.family).where(Permission.clinic_id == clinic.id)))
    asked = {each.licence.family for each in instruments if each.licence.needs_permission}
    return Facts(
        demo=clinic.demo,
        opening_recorded=session.scalar(select(Opening.id).where(Opening.clinic_id == clinic.id).limit(1)) is not None,
        hours=clinic.hours,
        alerting=_alerting(session, sends, by=by, at=at),
        protocols=tuple(each.name for each in protocols),
        permissions_missing=tuple(sorted(asked - permitted)),
        wordings_missing=tuple(each.short for each in instruments if not (each.has_wording and each.has_tables)),
        shown=(clinic.sender_name or clinic.name, clinic.reply_to or ""),
        reminders_at=clinic.reminders_at,
        quiet_from=clinic.quiet_from,
        quiet_to=clinic.quiet_to,
    )


def _used(session: Session, clinic: Clinic, *, by: StaffMember) -> tuple[list[Protocol], list[Instrument]]:
    """The protocols that the clinic has courses on or means to use, and all that these ask, each once."""
    used = clinics.with_courses(session, by=by) | set(clinic.protocols or ())
    protocols = [each for each in catalogue.library().protocols() if each.id in used]
    ids = dict.fromkeys(each for protocol in protocols for each in protocol.battery)
    return protocols, [catalogue.instrument(each) for each in ids]


def _alerting(session: Session, sends: Collection[str], *, by: StaffMember, at: datetime) -> Alerting:
    chosen = session.execute(
        select(Clinic.closed_hours, Clinic.closed_hours_person).where(Clinic.id == by.clinic.id)
    ).one()
    on_call = _on_call_told(session, by.clinic.id, at=at)
    return Alerting(_clinicians_told(session, by.clinic.id), *chosen, on_call, sends)


def _clinicians_told(session: Session, clinic_id: int) -> tuple[str, ...]:
    mine = (Staff.clinic_id == clinic_id, Staff.role == Role.CLINICIAN, *_TOLD)
    return tuple(each for each in session.scalars(select(Staff.alerts_by).where(*mine)) if each)


def _on_call_told(session: Session, clinic_id: int, *, at: datetime) -> tuple[str, ...]:
    """Now or later."""
    turns = (OnCall.clinic_id == clinic_id, OnCall.cancelled_at.is_(None), OnCall.until > at)
    found = select(Staff.alerts_by).join(OnCall, OnCall.staff_id == Staff.id).where(*turns, *_TOLD).distinct()
    return tuple(each for each in session.scalars(found) if each)
