"""What the jobs do clinic by clinic."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server.services import alerting
from prom_server.store.clinics import Clinic


def flag_unreached(session: Session, *, at: datetime) -> int:
    """Flags the unreached items of the first clinic that has any. Returns how many; 0 when no clinic has."""
    clinics = session.scalars(select(Clinic.id).order_by(Clinic.id)).all()
    return next((found for each in clinics if (found := alerting.flag_unreached(session, each, at=at))), 0)
