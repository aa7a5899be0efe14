"""What the jobs do clinic by clinic."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server.services import alerting
from prom_server.store.clinics import Clinic


def next_clinic(session: Session, *, at: datetime, without: Collection[int] = ()) -> int | None:  # noqa: ARG001 - at
    """The first clinic but for those in `without`."""
    return session.scalar(select(Clinic.id).where(Clinic.id.not_in(without)).order_by(Clinic.id).limit(1))


def flag_unreached(session: Session, clinic_id: int, *, at: datetime) -> int:
    """Flags a clinic's unreached items. Returns how many."""
    return alerting.flag_unreached(session, clinic_id, at=at)
