"""The administrator changes a person: name, role, and how they hear of alerts."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from prom_server.core.accounts import MobileNeeded, NoAlertsForAdministrators, OwnAccount, StaffDetails, StaffFile
from prom_server.core.contacts import mobile
from prom_server.core.permissions import Action, Role, StaffMember, require
from prom_server.core.settings_change import check_seen, differing, fingerprint, told
from prom_server.services import alert_leaving, audit, finding, staffing
from prom_server.store.alerts import Alert
from prom_server.store.clinics import OnCall
from prom_server.store.staff import Staff


def person(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> StaffFile:
    """With what would be left without them. Raises NotFound."""
    require(by, Action.MANAGE_STAFF)
    row = staffing.mine(session, public_id, by=by)
    owned = select(func.count()).where(Alert.owner_id == row.id, Alert.resolved_at.is_(None))
    turns = (
        select(OnCall.begins_at, OnCall.until)
        .where(OnCall.staff_id == row.id, OnCall.cancelled_at.is_(None), OnCall.until > at)
        .order_by(OnCall.begins_at)
    )
    details = _details(row)
    return StaffFile(
        staffing.line(row),
        details,
        fingerprint(asdict(details)),
        session.scalar(owned) or 0,
        tuple((turn.begins_at, turn.until) for turn in session.execute(turns)),
        _is_only_one_told(session, row),
    )


def _details(row: Staff) -> StaffDetails:
    return StaffDetails(row.name, Role(row.role), row.alerts_by, row.mobile)


def _is_only_one_told(session: Session, row: Staff) -> bool:
    if not row.active or row.role != Role.CLINICIAN or row.alerts_by is None:
        return False
    others = (Staff.clinic_id == row.clinic_id, Staff.id != row.id, Staff.active, Staff.role == Role.CLINICIAN)
    able = (Staff.alerts_by.is_not(None), Staff.password_hash.is_not(None))  # to look at one
    return session.scalar(select(Staff.id).where(*others, *able).limit(1)) is None


def change_person(
    session: Session, public_id: str, new: StaffDetails, *, seen: str | None, by: StaffMember, at: datetime
) -> None:
    """Raises NotFound, SettingsChanged, OwnAccount, LastAdministrator and what `_checked` raises."""
    require(by, Action.MANAGE_STAFF)
    finding.locked_clinic(session, by=by)
    row = staffing.mine(session, public_id, by=by, lock=True)
    before, after = asdict(_details(row)), _checked(new)
    changes = differing(before, after)
    if not changes:
        return
    check_seen(before, seen)
    if "role" in changes:
        if row.id == by.id:
            raise OwnAccount("own role")
        staffing.keep_an_administrator(session, row)
    session.execute(update(Staff).where(Staff.id == row.id).values(**changes))
    if changes.get("role") == Role.ADMINISTRATOR or changes.get("alerts_by", "") is None:
        alert_leaving.leave(session, row, by=by, at=at)
    audit.record(session, "staff.change", by=by, at=at, subject=f"staff:{row.public_id}", detail=told(before, changes))


def _checked(new: StaffDetails) -> dict[str, object]:
    """The number as it is kept, however it was typed. Raises MobileNeeded, NotAMobile, NoAlertsForAdministrators."""
    number = mobile(new.mobile) if new.mobile else None
    if new.alerts_by and new.role is Role.ADMINISTRATOR:
        raise NoAlertsForAdministrators("sees none")
    if new.alerts_by == "sms" and number is None:
        raise MobileNeeded("alerts by SMS")
    return {"name": new.name, "role": new.role, "alerts_by": new.alerts_by, "mobile": number}
