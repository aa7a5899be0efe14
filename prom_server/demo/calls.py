"""The demo's calls: who was rung about what was overdue, and what came of it. All made up."""

from collections.abc import Callable
from datetime import datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server.core.calls import Outcome, Said
from prom_server.core.permissions import StaffMember
from prom_server.demo.cast import Person
from prom_server.services import calling
from prom_server.store.assessments import Assessment
from prom_server.store.patients import Patient


def ring(
    session: Session, patient: str, person: Person, moment: Callable[[int, time], datetime], *, by: StaffMember
) -> None:
    """Each call on its day; `moment` is a time of the clinic's day, so many days from today."""
    for seen, call in enumerate(person.calls):
        at = moment(-call.days_ago, time(11, 20))
        back = moment(call.back_in, time(9, 30)) if call.back_in is not None else None
        said = Said(Outcome(call.outcome), seen, call.note, back)
        calling.record(session, _overdue(session, patient, at), said, by=by, at=at)


def _overdue(session: Session, patient: str, at: datetime) -> str:
    day = at.date() - timedelta(days=1)  # overdue on the clinic's calendar, whatever the zone
    return session.scalars(
        select(Assessment.public_id)
        .join(Patient, Patient.id == Assessment.patient_id)
        .where(Patient.public_id == patient, Assessment.completed_at.is_(None), Assessment.cancelled_at.is_(None))
        .where(Assessment.overdue_on <= day, Assessment.closes_on > day)
    ).one()
