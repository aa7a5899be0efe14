"""Somebody takes no alerts any more: what they took care of is open again, and they are on call no longer."""

from datetime import datetime

from sqlalchemy import and_, insert, or_, select, update
from sqlalchemy.orm import Session

from prom_server.core.alert_desk import StepKind
from prom_server.core.instrument import Level
from prom_server.core.permissions import StaffMember
from prom_server.services import audit, escalating, outbox
from prom_server.store.alerts import Alert, AlertStep
from prom_server.store.clinics import OnCall
from prom_server.store.outbox import Message
from prom_server.store.staff import Staff

NOT_TOLD = "left"  # why a message that still waited was cancelled


def leave(session: Session, staff: Staff, *, by: StaffMember, at: datetime) -> None:
    """After the change that ended it, in its transaction. The next are told of each alert at once."""
    theirs = or_(Alert.owner_id == staff.id, Alert.acknowledged_by == staff.id)
    open_ = (Alert.clinic_id == staff.clinic_id, Alert.resolved_at.is_(None), theirs)
    for alert in session.scalars(select(Alert).where(*open_).order_by(Alert.id).with_for_update()).all():
        _open_again(session, alert, staff, by=by, at=at)
    waiting = and_(Message.staff_id == staff.id, Message.alert_id.is_not(None))
    outbox.cancel_where(session, waiting, NOT_TOLD, at=at)
    duties = (OnCall.staff_id == staff.id, OnCall.until > at, OnCall.cancelled_at.is_(None))
    session.execute(update(OnCall).where(*duties).values(cancelled_at=at))


def _open_again(session: Session, alert: Alert, staff: Staff, *, by: StaffMember, at: datetime) -> None:
    """An alert that a colleague acknowledged meanwhile stays so; only who owns it is not known any more."""
    acknowledged = alert.acknowledged_by == staff.id
    values: dict[str, object] = {"owner_id": None}
    if acknowledged:
        values |= {"acknowledged_at": None, "acknowledged_by": None}
    session.execute(update(Alert).where(Alert.id == alert.id).values(**values))
    if alert.level == Level.ALERT and (acknowledged or alert.acknowledged_at is None):
        session.refresh(alert)
        mode = escalating.mode_of(session, alert)
        changes = escalating.again(session, alert, mode, at=at, restart=acknowledged)
        session.execute(update(Alert).where(Alert.id == alert.id).values(**changes))
    step = {"alert_id": alert.id, "kind": StepKind.LEFT, "at": at, "staff_id": by.id, "code": staff.public_id}
    session.execute(insert(AlertStep).values(**step))
    subject, detail = f"alert:{alert.public_id}", f"staff:{staff.public_id}"
    audit.record(session, "alert.left", by=by, at=at, patient_id=alert.patient_id, subject=subject, detail=detail)
