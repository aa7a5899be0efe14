"""A patient wants no reminders any more, or wants them again: by any link of theirs, after the birth date.

A link that opens nothing serves too, because the wish may come late. No session begins: what is asked here is done.
"""

from datetime import date, datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from prom_server.services import birth_dates, links, patient_status
from prom_server.store.patients import Patient


def count_attempt(session: Session, token: str, *, at: datetime) -> None:
    """Counts one attempt at the birth date. Commit it before `choose` compares. Raises LinkUnknown, LinkLocked."""
    whose = links.owner(session, token)
    birth_dates.count(session, whose.patient, whose.clinic, at=at)


def choose(session: Session, token: str, birth_date: date, *, reminders: bool, at: datetime) -> int | None:
    """Reminders or none, from now on; None when it is done. For a wrong date how many tries are left."""
    patient = links.owner(session, token).patient
    left = birth_dates.check(session, patient, birth_date, at=at)
    if left is not None:
        return left
    if reminders == (patient.reminders_off_at is None):
        return None
    off_at = None if reminders else at
    session.execute(update(Patient).where(Patient.id == patient.id).values(reminders_off_at=off_at))
    if not reminders:
        patient_status.cancel_messages(session, patient.id, "opted_out", at=at)
    birth_dates.record(session, "reminders.on" if reminders else "reminders.off", patient, at=at)
    return None
