"""One of everything that stands around an infusion."""

from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server.core.adverse_events import EventAction, EventKind, EventOutcome
from prom_server.core.care import SessionKind
from prom_server.core.permissions import StaffMember
from prom_server.core.vital_signs import VitalKind
from prom_server.services import adverse_events, care, opioid_doses, side_effects
from prom_server.services.adverse_events import Event
from prom_server.store.care import VitalSign
from prom_server.store.courses import Course, Infusion, InfusionDay
from tests.support.clinic import NOON

TODAY = NOON.date()


def row_of(session: Session, course: str) -> Course:
    return session.scalars(select(Course).where(Course.public_id == course)).one()


def days_of(session: Session, course: str) -> list[InfusionDay]:
    return list(
        session.scalars(
            select(InfusionDay)
            .where(InfusionDay.course_id == row_of(session, course).id, InfusionDay.cancelled_at.is_(None))
            .order_by(InfusionDay.planned_on)
        )
    )


def everything(session: Session, course: str, *, by: StaffMember) -> dict[str, str]:
    """After the first infusion of the course at noon; public ids by what they are."""
    infusion = session.scalars(select(Infusion).where(Infusion.course_id == row_of(session, course).id)).one()
    signs = {VitalKind.HEART_RATE: 72}
    side_effects.record_vital_signs(session, infusion.public_id, NOON, signs, by=by, at=NOON)
    event = Event(EventKind.HYPERTENSION, EventAction.INFUSION_STOPPED, EventOutcome.RESOLVED, NOON)
    return {
        "infusion_day": days_of(session, course)[1].public_id,
        "vital_sign": session.scalars(select(VitalSign.public_id).where(VitalSign.infusion_id == infusion.id)).one(),
        "adverse_event": adverse_events.record_event(session, course, event, by=by, at=NOON),
        "opioid_dose": opioid_doses.record_dose(
            session, course, "oxycodone", Decimal(20), TODAY - timedelta(days=9), by=by, at=NOON
        ),
        "session": care.record_session(session, course, SessionKind.THERAPY, TODAY, attended=True, by=by, at=NOON),
        "note": care.write_note(session, course, "Came by bus.", by=by, at=NOON),
    }
