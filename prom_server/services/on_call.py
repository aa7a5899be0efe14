"""Who answers for alerts and when: listed, entered, cancelled."""

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.alert_care import NobodyToGiveTo
from prom_server.core.on_call import DutyView, OnCallPage, check, covered_until
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.services import alert_giving, alert_messages, audit, finding
from prom_server.services.alert_messages import TAKERS
from prom_server.store.base import opaque_id
from prom_server.store.clinics import OnCall
from prom_server.store.staff import Staff

LISTED = 200  # that are not over


def on_call_page(session: Session, *, by: StaffMember, at: datetime) -> OnCallPage:
    require(by, Action.MANAGE_ON_CALL)
    arranged = alert_messages.arrangements(session, by.clinic.id, at=at)
    reached = {each.id for each in arranged.people}
    rows = session.execute(
        select(OnCall, Staff)
        .join(Staff, Staff.id == OnCall.staff_id)
        .where(OnCall.clinic_id == by.clinic.id, OnCall.until > at, OnCall.cancelled_at.is_(None))
        .order_by(OnCall.begins_at, OnCall.id)
        .limit(LISTED)
    )
    duties = tuple(
        DutyView(duty.public_id, who.name, duty.begins_at, duty.until, duty.begins_at <= at, who.id in reached)
        for duty, who in rows
    )
    return OnCallPage(
        duties=duties,
        colleagues=alert_giving.colleagues(session, arranged, by=by),
        around_the_clock=arranged.around_the_clock,
        covered_until=covered_until(duties, at),
        hours=arranged.hours,
    )


def put_on_call(
    session: Session, staff_public_id: str, begins_at: datetime, until: datetime, *, by: StaffMember, at: datetime
) -> str:
    """Several may overlap: who came last owns what is raised. Returns its public id.

    Raises NobodyToGiveTo, DutyBackwards, DutyOver, DutyTooLong.
    """
    require(by, Action.MANAGE_ON_CALL)
    here = (Staff.clinic_id == by.clinic.id, Staff.active, Staff.role.in_(TAKERS))
    who = session.scalars(select(Staff).where(*here, Staff.public_id == staff_public_id)).one_or_none()
    if who is None:
        raise NobodyToGiveTo("not somebody who takes alerts")
    check(begins_at, until, at)
    public_id = opaque_id()
    values = {"clinic_id": by.clinic.id, "staff_id": who.id, "begins_at": begins_at, "until": until}
    session.execute(insert(OnCall).values(public_id=public_id, **values))
    detail = f"{begins_at.isoformat()} to {until.isoformat()}"
    audit.record(session, "on_call.add", by=by, at=at, subject=f"staff:{who.public_id}", detail=detail)
    return public_id


def cancel(session: Session, duty_public_id: str, *, by: StaffMember, at: datetime) -> None:
    """It counts no more from now on; what it was stays. A second time changes nothing. Raises NotFound."""
    require(by, Action.MANAGE_ON_CALL)
    mine = (OnCall.clinic_id == by.clinic.id, OnCall.public_id == finding.checked(duty_public_id))
    duty = session.scalars(select(OnCall).where(*mine).with_for_update()).one_or_none()
    if duty is None:
        raise NotFound("no such duty")
    if duty.cancelled_at is None:
        session.execute(update(OnCall).where(OnCall.id == duty.id).values(cancelled_at=at))
        audit.record(session, "on_call.cancel", by=by, at=at, subject=f"on_call:{duty.public_id}")
